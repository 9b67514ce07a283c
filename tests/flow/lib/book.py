"""A stand-in for the worker of the book "Build an Orchestrator in Go": its routes, status codes
and bodies, and nothing more. Its tasks do what the test says; it keeps what it was asked."""

import http.server
import json
import threading

MEMBERS = set("ID ContainerID Name State Image Cpu Memory Disk ExposedPorts HostPorts PortBindings "
              "RestartPolicy StartTime FinishTime HealthCheck RestartCount".split())
ZERO_TIME = "0001-01-01T00:00:00Z"
STATS = {"MemStats": {"mem_total": 8 << 20, "mem_available": 4 << 20},
         "DiskStats": {"all": 1 << 40, "used": 1, "free": 1, "freeInodes": 1},
         "CpuStats": {"id": "cpu", "user": 1}, "LoadStats": {"last1min": 0.1}, "TaskCount": 0}


class BookWorker:
    def __init__(self):
        self.lock = threading.Lock()
        self.tasks = {}    # by ID, as GET /tasks lists them
        self.events = []   # TaskEvents taken
        self.deletes = []  # IDs of DELETE, also of unknown tasks
        self.queues = False  # a task is not listed before the test says so
        self.queue = {}
        self.lists = 0     # how often GET /tasks was answered
        worker = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def reply(self, status, body=None):
                data = b"" if body is None else json.dumps(body).encode() + b"\n"
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                if status != 204:
                    self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def body(self):
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))

            def do_GET(self):
                with worker.lock:
                    if self.path == "/tasks":
                        worker.lists += 1
                        return self.reply(200, list(worker.tasks.values()))
                    if self.path == "/stats":
                        return self.reply(200, STATS)
                return self.reply(404)

            def do_PUT(self):
                self.body()
                self.reply(405)

            def do_POST(self):
                event = json.loads(self.body())
                unknown = [k for k in event if k not in ("ID", "State", "Timestamp", "Task")] + \
                    [k for k in event["Task"] if k not in MEMBERS]
                if unknown:
                    return self.reply(400, {"HTTPStatusCode": 400, "Message":
                                            f'Error unmarshalling body: json: unknown field "{unknown[0]}"\n'})
                return self.reply(201, worker.take(event))

            def do_DELETE(self):
                self.reply(worker.delete(self.path.rsplit("/", 1)[1]))

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def take(self, event):
        task = {k: None for k in MEMBERS} | event["Task"]
        task.update(ContainerID="", State=1, StartTime=ZERO_TIME, FinishTime=ZERO_TIME)
        with self.lock:
            self.events.append(event)
            (self.queue if self.queues else self.tasks)[task["ID"]] = task
        return task

    def delete(self, task_id):
        with self.lock:
            self.deletes.append(task_id)
            if task_id not in self.tasks:
                return 404
            self.tasks[task_id].update(State=3, FinishTime="2024-03-01T10:11:13.5Z")
            return 204

    def run(self, task_id):
        with self.lock:
            if task_id in self.queue:
                self.tasks[task_id] = self.queue.pop(task_id)
            self.tasks[task_id].update(
                State=2, ContainerID="c" * 64, StartTime="2024-03-01T12:11:12.123456789+02:00",
                HostPorts={"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "32768"}]})

    def end(self, task_id, state):
        with self.lock:
            self.tasks[task_id].update(State=state, FinishTime="2024-03-01T10:12:12.1Z")

    def forget(self):
        """A restart with the book's store in memory."""
        with self.lock:
            self.tasks.clear()
