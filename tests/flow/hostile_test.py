"""Bytes from strangers: malformed requests, too many clients, clients that drip."""

import http.client
import json
import os
import random
import socket
import sys
import threading
import time
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import BUILD, COMPLETED, Cluster, amount, event, wait_for

MALFORMED = amount("CUBE_TEST_MALFORMED", 100000, 1000000)


def good_body():
    return json.dumps(event("/bin/true", Memory=1 << 20, Env=["A=b"], Labels={"k": "v"},
                            PortBindings={"80/tcp": "0"})).encode()


def mutations(rng):
    """Bodies that are no good TaskEvent, without end."""
    deep = b"[" * 20000
    while True:
        good = good_body()
        kind = rng.randrange(12)
        if kind == 0:
            yield good[:rng.randrange(len(good) - 1)]
        elif kind == 1:
            yield deep[:rng.randrange(100, 20000)]
        elif kind == 2:
            yield b'{"a":' * 5000
        elif kind == 3:
            field = rng.choice([b"Image", b"Name", b"Memory", b"Cpu", b"Env", b"Labels", b"PortBindings"])
            value = rng.choice([b"true", b"[[]]", b'{"x":[]}', b"-1", b"1e999", b'"\\ud800"', b"[null]", b'[1]'])
            wrong = json.loads(good)
            wrong["Task"].pop(field.decode(), None)
            yield json.dumps(wrong).encode()[:-2] + b', "%s": %s}}' % (field, value)
        elif kind == 4:
            at = good.index(b"/bin/true")
            yield good[:at] + rng.choice([b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\xf8\x88\x80\x80"]) + good[at:]
        elif kind == 5:
            yield json.dumps(event("/bin/true", ID=rng.choice(
                ["x", "6be4cb6b", "g" * 36, str(uuid.uuid4())[:-1], str(uuid.uuid4()) + "0"]))).encode()
        elif kind == 6:
            yield good + good
        elif kind == 7:
            yield bytes(rng.randrange(256) for _ in range(rng.randrange(1, 200))) + b"\x00"
        elif kind == 8:
            yield json.dumps(event("/bin/true", Cpu=rng.choice([1e300, -1, "1"]))).encode()
        elif kind == 9:
            wrong = event("/bin/true")
            wrong["Task"][rng.choice(["image", "Memroy", "x" * 500])] = 1
            yield json.dumps(wrong).encode()
        elif kind == 10:
            yield json.dumps(event("/bin/true", Name="bad name!" * rng.randrange(1, 20))).encode()
        else:
            yield json.dumps(event("")).encode()


class Hammer(threading.Thread):
    """Sends malformed requests over raw sockets, in both framings, and keeps every answer that is
    not a 4xx with the error body."""

    def __init__(self, port, seed, count):
        super().__init__()
        self.port, self.rng, self.count, self.wrong = port, random.Random(seed), count, []

    def run(self):
        bodies, connection, reader = mutations(self.rng), None, None
        for _ in range(self.count):
            body = next(bodies)
            for attempt in range(3):
                if connection is None:
                    connection = socket.create_connection(("127.0.0.1", self.port), timeout=40)
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    reader = connection.makefile("rb")
                try:
                    status, close, data = self.exchange(connection, reader, body)
                    break
                except (OSError, ValueError):
                    connection.close()
                    connection = None
                    status, close, data = 0, True, b"no answer"
            if close and connection:
                connection.close()
                connection = None
            try:
                error = json.loads(data)
                ok = 400 <= status < 500 and error["HTTPStatusCode"] == status and error["Message"]
            except (ValueError, KeyError, TypeError):
                ok = False
            if not ok:
                self.wrong.append((status, data[:200], body[:300]))

    def exchange(self, connection, reader, body):
        head = b"POST /tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        framing = self.rng.randrange(20)
        if framing < 10:
            connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        elif framing < 18:
            half = len(body) // 2
            chunks = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in (body[:half], body[half:]) if c)
            connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
        elif framing == 18:
            connection.sendall(head + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % len(body) + body)
        else:
            connection.sendall(head + b"Content-Length: %d\r\nContent-Length: 3\r\n\r\n" % len(body) + body)
        line = reader.readline()
        if not line:
            raise ValueError("closed")
        status, length, close = int(line.split()[1]), None, False
        while (line := reader.readline().strip()):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
            if name.lower() == b"connection" and value.strip().lower() == b"close":
                close = True
        return status, close or framing >= 18, reader.read(length) if length is not None else reader.read()


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.cluster.start_manager()
        cls.cluster.start_worker("n1")
        cls.cluster.wait_ready("n1")

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__()

    def test_malformed_requests_are_answered_4xx_and_memory_stays_flat(self):
        manager = self.cluster.manager
        self.hammer(MALFORMED // 10, 1)
        before = manager.rss_kib("RssAnon")
        self.hammer(MALFORMED - MALFORMED // 10, 2)
        after = manager.rss_kib("RssAnon")
        if "-" not in os.path.basename(BUILD):  # a sanitizer keeps freed memory
            self.assertLess(after, before * 1.25 + 1024, "memory grew")
        self.assertEqual(manager.get("/tasks?name=none"), [])
        task = self.cluster.submit("/bin/true")
        self.assertEqual(self.cluster.wait_final(task["ID"])["State"], COMPLETED)

    def hammer(self, count, seed):
        hammers = [Hammer(self.cluster.manager.port, seed * 100 + i, count // 4) for i in range(4)]
        for h in hammers:
            h.start()
        for h in hammers:
            h.join()
            self.assertEqual(h.wrong[:3], [])

    def test_too_large_says_the_limit(self):
        manager = self.cluster.manager
        status, _, body = manager.request("POST", "/tasks", b'{"Task": {"Image": "' + b"x" * (2 << 20) + b'"}}')
        self.assertEqual(status, 413)
        self.assertIn("1048576", body["Message"])
        many = [event("/bin/true") for _ in range(10001)]
        status, _, body = manager.request("POST", "/tasks", many)
        self.assertEqual(status, 413)
        self.assertRegex(body["Message"], "10,?000")

    def test_200_clients_at_once_are_all_served(self):
        port, results = self.cluster.manager.port, []

        def client():
            for _ in range(5):
                c = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                c.request("POST", "/tasks", json.dumps(event("/bin/true")))
                r = c.getresponse()
                results.append((r.status, len(r.read())))
                c.close()
        threads = [threading.Thread(target=client) for _ in range(200)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(120)
        self.assertEqual(len(results), 1000)
        self.assertEqual({s for s, _ in results}, {201})

    def test_100_clients_that_drip_do_not_keep_others_out(self):
        port, stop = self.cluster.manager.port, threading.Event()
        sockets = []
        for i in range(100):
            s = socket.create_connection(("127.0.0.1", port))
            s.sendall(b"POST /tasks HTTP/1.1\r\nHost: x\r\n" + (b"Content-Length: 1000\r\n\r\n" if i % 2 else b""))
            sockets.append(s)

        def drip():
            while not stop.wait(1):
                for s in sockets:
                    try:
                        s.send(b"x")
                    except OSError:
                        pass
        thread = threading.Thread(target=drip)
        thread.start()
        try:
            slowest = 0
            for _ in range(50):
                begin = time.monotonic()
                self.cluster.submit("/bin/true")
                slowest = max(slowest, time.monotonic() - begin)
                time.sleep(0.1)
            self.assertLess(slowest, 5, "a client had to wait for those that drip")
        finally:
            stop.set()
            thread.join()
            for s in sockets:
                s.close()

        def served():
            return self.cluster.manager.request("GET", "/healthz")[0] == 200
        wait_for("all to be well", served)


if __name__ == "__main__":
    unittest.main()
