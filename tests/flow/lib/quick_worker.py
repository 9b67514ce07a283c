"""A worker of cube's own protocol that runs nothing: whatever it is told to run has ended at once.

It takes thousands of tasks a second, so that the manager's part of a task's life can be tried by
the hundred thousand. It counts how often each attempt was begun, and forgets what the manager has
acknowledged, as a cube-worker does.
"""

import http.server
import json
import sys
import threading
import time
import urllib.parse
import uuid


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def _answer(self, body, **fields):
        data = json.dumps(body, separators=(",", ":")).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cube-Protocol", "1")
        for name, value in fields.items():
            self.send_header("Cube-" + name, str(value))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/node":
            self._answer(self.server.worker.description())
        else:
            query = dict(urllib.parse.parse_qsl(url.query))
            body, fields = self.server.worker.reports(query.get("since", "0-0"), float(query.get("wait", "0")))
            self._answer(body, **fields)

    def do_PUT(self):
        self.server.worker.take(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self._answer({})


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a manager that was killed
            super().handle_error(request, client_address)


class QuickWorker:
    """Starts at once, on a port of its own; join() makes a manager know it."""

    def __init__(self, name="quick"):
        self.name, self.instance, self.epoch = name, str(uuid.uuid4()), uuid.uuid4().int % 2**48 + 1
        self.changed = threading.Condition()
        self.sequence = 1
        self.desired = (0, 0)
        self.ended = []   # (sequence, report), those that are not acknowledged
        self.known = set()  # (task, attempt) of those
        self.begun = {}  # how often each attempt was begun
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.worker = self
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def description(self):
        return {"Name": self.name, "Ip": "127.0.0.1", "Api": f"http://127.0.0.1:{self.server.server_port}",
                "Memory": 2**40, "Disk": 2**50, "Role": "worker", "Instance": self.instance, "Cores": 4000,
                "Runtime": "quick", "RuntimeReady": True, "RuntimeReason": "", "Version": "0.1.0", "Revision": 1,
                "Enforces": [], "Labels": {}}

    def join(self, manager):
        status, _, body = manager.request("POST", "/nodes", self.description(), {"Cube-Protocol": "1"})
        assert status in (200, 201), (status, body)

    def take(self, orders):
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        epoch, _, acked = orders["Acked"].partition("-")
        with self.changed:
            self.desired = (orders["Generation"], orders["Sequence"])
            if int(epoch, 16) == self.epoch:
                gone = [r for s, r in self.ended if s <= int(acked)]
                self.known -= {(r["ID"], r["Attempt"]) for r in gone}
                self.ended = self.ended[len(gone):]
            for order in orders.get("Tasks", ()):
                key = (order["ID"], order["Attempt"])
                if key in self.known:
                    continue
                self.known.add(key)
                self.begun[key] = self.begun.get(key, 0) + 1
                self.sequence += 1
                self.ended.append((self.sequence, {
                    "ID": order["ID"], "State": 3, "Attempt": order["Attempt"], "Final": True, "ExitCode": 0,
                    "StartTime": now, "FinishTime": now}))
            self.changed.notify_all()

    def reports(self, since, wait):
        epoch, _, sequence = since.partition("-")
        full = int(epoch, 16) != self.epoch
        after = 0 if full else int(sequence)
        deadline = time.monotonic() + wait
        with self.changed:
            while not full and self.sequence <= after and time.monotonic() < deadline:
                self.changed.wait(deadline - time.monotonic())
            told = [r for s, r in self.ended if s > after]
            return told, {"Revision": f"{self.epoch:x}-{self.sequence}", "Full": int(full), "Node": 1,
                          "Desired": "%d-%d" % self.desired}
