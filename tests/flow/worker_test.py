"""A worker alone: its API by hand, its start and its end. No manager runs here."""

import http.client
import http.server
import json
import os
import re
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import (COMPLETED, FAILED, RUNNING, SCHEDULED, SLOW, Cluster, event, free_port, program,
                  wait_for)

CLUSTER_1 = "11111111-1111-4111-8111-111111111111"
CLUSTER_2 = "22222222-2222-4222-8222-222222222222"
END_S = 2.0 + 0.2  # the process's bound, and what the test itself takes


class WorkerTest(unittest.TestCase):
    """Each test has a cluster without a manager, and one worker."""

    def setUp(self):
        self.cluster = Cluster()
        self.addCleanup(self.cluster.__exit__)

    def worker(self, *options, **kwargs):
        worker = self.cluster.start_worker("n1", "process.so", *options, **kwargs)
        if kwargs.get("wait", True):
            wait_for("the runtime", lambda: worker.get("/node")["RuntimeReady"])
        return worker

    def post(self, worker, script, **fields):
        status, _, task = worker.request("POST", "/tasks", event("/bin/sh", "-c", script, **fields))
        self.assertEqual(status, 201, task)
        return task["ID"]

    def wait_state(self, worker, task, state):
        return wait_for(f"state {state}", lambda: (t := worker.get("/tasks/" + task))["State"] == state and t)

    def running(self, worker, script="while :; do sleep 1000; done", **fields):
        task = self.post(worker, script, **fields)
        self.wait_state(worker, task, RUNNING)
        return task

    def refused(self, answer, status, *words):
        self.assertEqual(answer[0], status, answer[2])
        self.assertEqual(answer[2]["HTTPStatusCode"], status)
        for word in words:
            self.assertIn(word, answer[2]["Message"])

    def end(self, worker, signo=signal.SIGTERM):
        """Its exit code; it must be within its time."""
        begin = time.monotonic()
        code = worker.kill(signo)
        self.assertLess(time.monotonic() - begin, END_S * max(1, SLOW))
        return code


def in_thread(call):
    """Runs call; result() waits for what it gave."""
    box = {}

    def run():
        try:
            box["value"] = call()
        except Exception as e:
            box["value"] = e
        box["at"] = time.monotonic()
    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def result(seconds=60):
        thread.join(seconds * SLOW)
        if thread.is_alive():
            raise AssertionError("no answer")
        return box["value"], box["at"]
    return result


def words_of(path):
    with open(path) as f:
        return f.read().split()


# ---- start and end ----

class End(WorkerTest):
    def test_polls_are_answered_logs_are_seen_to_be_cut_and_tasks_go_on(self):
        worker = self.worker()
        task = self.running(worker, "echo $$; while :; do sleep 0.1; echo more; done")
        readers = [in_thread(lambda: worker.request("GET", f"/tasks/{task}/logs?follow=1"))
                   for _ in range(3)]
        revision = worker.request("GET", "/tasks")[1]["Cube-Revision"]
        poll = in_thread(lambda: worker.request("GET", f"/tasks?since={revision}&wait=50"))
        wait_for("the output", lambda: "more" in worker.request("GET", f"/tasks/{task}/logs")[2])
        pid = int(worker.request("GET", f"/tasks/{task}/logs?stream=stdout")[2].split()[0])
        time.sleep(0.3)
        self.assertEqual(self.end(worker), 0)
        self.assertEqual(poll()[0][0], 200)
        for reader in readers:
            self.assertIsInstance(reader()[0], (http.client.IncompleteRead, ConnectionError))
        os.kill(pid, 0)  # it lives
        self.assertIn("worker.ended", worker.log())

    def test_it_ends_within_its_time_while_requests_rain(self):
        worker = self.worker()
        stop = threading.Event()
        answers = []

        def rain():
            while not stop.is_set():
                try:
                    answers.append(worker.request("POST", "/tasks", event("/bin/true"))[0])
                except (OSError, http.client.HTTPException):
                    answers.append(None)
        threads = [threading.Thread(target=rain, daemon=True) for _ in range(8)]
        for t in threads:
            t.start()
        wait_for("some tasks", lambda: answers.count(201) > 20)
        code = self.end(worker)
        stop.set()
        for t in threads:
            t.join(30)
        self.assertEqual(code, 0)
        self.assertLessEqual(set(answers), {201, 503, None})

    def test_sigint_ends_it_as_well_and_further_signals_change_nothing(self):
        worker = self.worker()
        worker.process.send_signal(signal.SIGUSR1)  # means nothing
        worker.process.send_signal(signal.SIGINT)
        for _ in range(3):
            worker.process.send_signal(signal.SIGTERM)
        self.assertEqual(worker.process.wait(10), 0)

    def test_an_engine_that_never_answers_holds_nothing_up(self):
        path = self.cluster.path("tarpit")
        with socket.socket(socket.AF_UNIX) as tarpit:
            tarpit.bind(path)
            tarpit.listen(64)
            worker = self.cluster.start_worker("n1", "docker.so", "--runtime-opt", "socket=" + path)
            task = worker.request("POST", "/tasks", event("nginx"))[2]["ID"]
            worker.get("/tasks/" + task)
            self.assertFalse(worker.get("/node")["RuntimeReady"])
            self.assertEqual(self.end(worker), 0)

    def test_a_pull_that_hangs_is_given_up(self):
        engine = Engine(self.cluster.path("engine"))
        self.addCleanup(engine.close)
        worker = self.cluster.start_worker("n1", "docker.so", "--runtime-opt", "socket=" + engine.path)
        wait_for("the engine", lambda: worker.get("/node")["RuntimeReady"])
        self.assertEqual(worker.request("POST", "/tasks", event("nginx:1"))[0], 201)
        wait_for("the pull", lambda: engine.pulls)
        self.assertEqual(self.end(worker), 0)


class Engine:
    """As much of a Docker Engine as it takes to hang in a pull."""

    def __init__(self, path):
        self.path, self.pulls, self.over = path, [], threading.Event()
        engine = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, status, body, **headers):
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self):
                if self.path.endswith("/_ping"):
                    self.answer(200, "OK", Api_Version="1.41")
                elif "/containers/json" in self.path:
                    self.answer(200, [])
                elif "/events" in self.path:
                    self.hang()
                elif "/images/" in self.path:
                    self.answer(404, {"message": "No such image"})
                else:
                    self.answer(200, {})

            def do_POST(self):
                if "/images/create" in self.path:
                    engine.pulls.append(self.path)
                    self.hang()
                else:
                    self.answer(500, {"message": "not here"})

            def hang(self):
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.flush()
                engine.over.wait(300)
                self.close_connection = True

            def address_string(self):
                return "unix"

            def log_message(self, *args):
                pass

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

        self.server = Server(path, Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()


class Restart(WorkerTest):
    def test_tasks_are_adopted_and_none_starts_twice(self):
        worker = self.worker()
        marks = self.cluster.path("marks")
        tasks = [self.post(worker, f"echo $$ >>{marks}; sleep 1000") for _ in range(5)]
        handles = {t: self.wait_state(worker, t, RUNNING)["ContainerID"] for t in tasks}
        wait_for("all of them", lambda: len(words_of(marks)) == 5)
        for signo in (signal.SIGTERM, signal.SIGKILL):
            worker.kill(signo)
            worker = self.worker()
            for task in tasks:
                now = self.wait_state(worker, task, RUNNING)
                self.assertEqual((now["ContainerID"], now["Attempt"]), (handles[task], 1))
        pids = words_of(marks)
        self.assertEqual(len(pids), 5)
        for pid in pids:
            os.kill(int(pid), 0)

    def test_an_end_in_the_meantime_is_told_with_its_exit_code(self):
        worker = self.worker()
        gate = self.cluster.path("gate")
        ends = {code: self.running(worker, f"until [ -e {gate} ]; do sleep 0.05; done; exit {code}")
                for code in (0, 3)}
        self.assertEqual(self.end(worker), 0)
        open(gate, "w").close()
        time.sleep(0.5)
        worker = self.worker()
        self.assertEqual(self.wait_state(worker, ends[0], COMPLETED)["ExitCode"], 0)
        self.assertEqual(self.wait_state(worker, ends[3], FAILED)["ExitCode"], 3)

    def test_the_instance_stays_and_the_epoch_is_new(self):
        worker = self.worker()
        first = worker.get("/node")["Instance"], worker.request("GET", "/tasks")[1]["Cube-Revision"]
        self.end(worker)
        worker = self.worker()
        second = worker.get("/node")["Instance"], worker.request("GET", "/tasks")[1]["Cube-Revision"]
        self.assertEqual(first[0], second[0])
        self.assertNotEqual(first[1].split("-")[0], second[1].split("-")[0])


class Start(WorkerTest):
    def mistake(self, *options, says, code=2, **env):
        p = subprocess.run([program("cube-worker"), *options], capture_output=True, text=True,
                           timeout=30 * SLOW, env=dict(os.environ, HOME=self.cluster.dir, **env))
        lines = [l for l in p.stderr.splitlines() if l.startswith("cube-worker: ")]
        self.assertEqual(p.returncode, code, p.stderr)
        self.assertEqual(len(lines), 1, p.stderr)
        for word in says if isinstance(says, tuple) else (says,):
            self.assertIn(word, lines[0])
        self.assertEqual(p.stdout, "")

    def test_a_mistake_is_one_line_and_exit_2(self):
        plain = ("--runtime=process.so", "--data-dir", self.cluster.path("m"), "--port", str(free_port()))
        self.mistake(*plain, "--name", "../up", says=("--name", "../up"))
        self.mistake(*plain, "--labels", "arch", says=("--labels", "KEY=VALUE"))
        self.mistake(*plain, "--memory", "lots", says=("--memory", "64m"))
        self.mistake(*plain, "--cpus", "0", says="--cpus")
        self.mistake(*plain, "--advertise", "http://a:b", says="--advertise wants HOST:PORT")
        self.mistake(*plain, "--manager", "https://a:1", says="--manager wants HOST:PORT")
        self.mistake(*plain, "--manager", "a:1", "--host", "0.0.0.0", says="--advertise")
        self.mistake(*plain, "--log-level", "loud", says="--log-level")
        self.mistake(*plain, "--runtime", "nosuch.so", says="nosuch.so")
        self.mistake(*plain, "--runtime", "sqlite.so", says="sqlite.so")
        self.mistake(*plain, "--runtime-opt", "nosuch=1", says="nosuch")
        self.mistake(*plain, "--host", "203.0.113.7", says="203.0.113.7")
        self.mistake(*plain[:-2], "--port", "0", says="--port")
        self.mistake(*plain[:-2], says="CUBE_WORKER_PORT", CUBE_WORKER_PORT="65536")
        self.mistake(*plain, "--data-dir", "/dev/null/x", says="/dev/null")
        self.assertFalse(os.path.exists(self.cluster.path("up")))

    def test_the_port_and_the_data_directory_belong_to_one_alone(self):
        worker = self.worker()
        other = self.cluster.path("other")
        self.mistake("--runtime=process.so", "--port", str(worker.port), "--data-dir", other,
                     says=(str(worker.port), "taken"))
        self.mistake("--runtime=process.so", "--port", str(free_port()),
                     "--data-dir", self.cluster.path("n1"), says="worker.db")
        self.assertEqual(worker.request("GET", "/healthz")[0], 200)

    def test_what_is_given_is_seen_in_the_node(self):
        worker = self.worker("--labels", "arch=arm64,zone=b", "--cpus", "1.5", "--memory", "64m",
                             "--disk", "1g", "--advertise", "worker.example:7000")
        node = worker.get("/node")
        self.assertEqual(node["Name"], "n1")
        self.assertEqual(node["Api"], "http://worker.example:7000")
        self.assertEqual(node["Ip"], "worker.example")
        self.assertEqual(node["Cores"], 1.5)
        self.assertEqual(node["Memory"], 64 << 10)  # KiB
        self.assertEqual(node["Disk"], 1 << 30)
        self.assertEqual(node["Labels"], {"arch": "arm64", "zone": "b"})
        self.assertEqual(node["Runtime"], "process")
        self.assertRegex(node["Instance"], "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        self.assertEqual(node["Stats"]["TaskCount"], 0)

    def test_stats_have_the_books_fields_and_count_what_lives(self):
        worker = self.worker()
        self.running(worker)
        self.wait_state(worker, self.post(worker, "exit 0"), COMPLETED)
        stats = worker.get("/stats")
        self.assertEqual(stats["TaskCount"], 1)
        self.assertGreater(stats["MemStats"]["mem_total"], stats["MemStats"]["mem_available"])
        self.assertEqual(set(stats["DiskStats"]), {"all", "used", "free", "freeInodes"})
        self.assertEqual(stats["CpuStats"]["id"], "cpu")
        self.assertIn("last15min", stats["LoadStats"])

    def test_what_is_no_manager_is_said_and_asked_again(self):
        asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                asked.append(self.path)
                self.send_response(200 if len(asked) % 2 else 404)
                self.end_headers()
                self.wfile.write(b"<html>welcome</html>")

            def log_message(self, *args):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            worker = self.worker("--manager", f"127.0.0.1:{server.server_port}")
            wait_for("the second try", lambda: len(asked) >= 2)
            wait_for("a word about it", lambda: "status 404, is no cube-manager" in worker.log())
            self.assertIn("status 200, is no cube-manager", worker.log())
            self.assertEqual(set(asked), {"/nodes"})
            self.assertEqual(self.end(worker), 0)
            server.shutdown()


# ---- orders and polls ----

class Orders(WorkerTest):
    def put(self, worker, sequence, tasks=(), cluster=CLUSTER_1, generation=1, full=True):
        orders = {"Cluster": cluster, "Generation": generation, "Sequence": sequence, "Full": full,
                  "Tasks": [{"ID": t["ID"], "Attempt": a, "Wanted": w, **({"Task": t} if w == 2 else {})}
                            for t, a, w in tasks]}
        return worker.request("PUT", "/desired", orders, {"Cube-Protocol": "1"})

    def test_the_newest_orders_of_one_cluster_count(self):
        worker = self.worker()
        task = event("/bin/sleep", "1000")["Task"]
        self.assertEqual(self.put(worker, 5, [(task, 1, 2)])[0], 200)
        self.wait_state(worker, task["ID"], RUNNING)
        for _ in range(3):  # said again after a lost answer
            self.assertEqual(self.put(worker, 5, [(task, 1, 2)])[0], 200)
        self.refused(self.put(worker, 4), 409)
        self.refused(self.put(worker, 9, cluster=CLUSTER_2), 409, CLUSTER_1, CLUSTER_2)
        self.assertEqual(worker.get("/tasks/" + task["ID"])["State"], RUNNING)
        self.assertEqual(worker.get("/node")["Cluster"], CLUSTER_1)

        worker.kill()
        worker = self.worker()
        self.refused(self.put(worker, 4), 409)
        self.refused(self.put(worker, 9, cluster=CLUSTER_2), 409)
        self.refused(self.put(worker, 9, generation=0), 400, "Generation")
        self.assertEqual(worker.get("/tasks/" + task["ID"])["Attempt"], 1)
        self.wait_state(worker, task["ID"], RUNNING)
        self.assertEqual(self.put(worker, 1, [(task, 1, 3)], generation=2, full=False)[0], 200)
        self.wait_state(worker, task["ID"], COMPLETED)

    def test_what_is_missing_in_a_full_set_is_stopped(self):
        worker = self.worker()
        tasks = [event("/bin/sleep", "1000")["Task"] for _ in range(2)]
        self.put(worker, 1, [(t, 1, 2) for t in tasks])
        for task in tasks:
            self.wait_state(worker, task["ID"], RUNNING)
        self.assertEqual(self.put(worker, 2, [(tasks[0], 1, 2)])[0], 200)
        wait_for("the other to end",
                 lambda: worker.request("GET", "/tasks/" + tasks[1]["ID"])[0] == 404 or
                 worker.get("/tasks/" + tasks[1]["ID"])["State"] > RUNNING)
        self.assertEqual(worker.get("/tasks/" + tasks[0]["ID"])["State"], RUNNING)

    def test_a_poll_returns_with_news_and_waits_without(self):
        worker = self.worker()
        status, headers, body = worker.request("GET", "/tasks?since=0-0&wait=30")
        self.assertEqual((status, headers["Cube-Full"], body), (200, "1", []))
        self.assertEqual(headers["Cube-Protocol"], "1")
        self.assertRegex(headers["Cube-Revision"], "^[0-9a-f]+-[0-9]+$")
        self.assertEqual(headers["Cube-Desired"], "0-0")
        self.assertGreater(int(headers["Cube-Node"]), 0)

        begin = time.monotonic()
        status, quiet, body = worker.request("GET", f"/tasks?since={headers['Cube-Revision']}&wait=0.7")
        self.assertEqual((status, quiet["Cube-Full"], body), (200, "0", []))
        self.assertGreater(time.monotonic() - begin, 0.65)
        self.assertEqual(quiet["Cube-Revision"], headers["Cube-Revision"])
        self.assertGreaterEqual(int(quiet["Cube-Stamp"]), int(headers["Cube-Stamp"]) + 650)
        self.assertNotIn("Cube-Stamp", worker.request("GET", "/tasks")[1])
        for stamp in ("", "-1", "0x1", "1" * 20, "now"):
            self.assertEqual(worker.request("GET", f"/tasks?since=0-0&stamp={stamp}")[0], 400, stamp)
        self.assertEqual(worker.request("GET", "/tasks?stamp=5")[0], 400)

        poll = in_thread(lambda: worker.request("GET", f"/tasks?since={quiet['Cube-Revision']}&wait=50"))
        time.sleep(0.3)
        task = event("/bin/sleep", "1000")["Task"]
        begin = time.monotonic()
        self.assertEqual(self.put(worker, 7, [(task, 1, 2)], generation=3)[0], 200)
        (status, news, body), at = poll()
        self.assertLess(at - begin, 5 * SLOW)
        self.assertEqual(status, 200)
        since = news["Cube-Revision"]

        def seen():
            nonlocal since
            _, headers, body = worker.request("GET", f"/tasks?since={since}&wait=5")
            since = headers["Cube-Revision"]
            self.assertEqual(headers["Cube-Desired"], "3-7")
            return any(t["ID"] == task["ID"] and t["State"] == RUNNING for t in body)
        if not any(t["State"] == RUNNING for t in body):
            wait_for("the report of its start", seen)
        # Nothing is told twice.
        self.assertEqual(worker.request("GET", f"/tasks?since={since}&wait=0")[2], [])
        # A revision of another start is answered in full, at once.
        status, headers, body = worker.request("GET", "/tasks?since=1-1&wait=50")
        self.assertEqual((headers["Cube-Full"], [t["ID"] for t in body]), ("1", [task["ID"]]))

    def test_the_next_poll_takes_the_place_of_the_one_that_waits(self):
        worker = self.worker()
        since = worker.request("GET", "/tasks?since=0-0")[1]["Cube-Revision"]
        polls = []
        for _ in range(5):
            polls.append(in_thread(lambda: worker.request("GET", f"/tasks?since={since}&wait=50")))
            time.sleep(0.1)
        for poll in polls[:-1]:
            self.assertEqual(poll(5)[0][0], 200)
        begin = time.monotonic()
        self.assertEqual(self.end(worker), 0)
        self.assertGreaterEqual(polls[-1]()[1], begin)

    def test_an_acknowledged_end_is_forgotten_and_another_is_kept(self):
        worker = self.worker()
        task = event("/bin/sh", "-c", "exit 7")["Task"]
        self.put(worker, 1, [(task, 1, 2)])
        self.wait_state(worker, task["ID"], FAILED)
        full = worker.request("GET", "/tasks?since=0-0")
        self.assertEqual([(t["ID"], t["ExitCode"]) for t in full[2]], [(task["ID"], 7)])
        orders = {"Cluster": CLUSTER_1, "Generation": 1, "Sequence": 2, "Full": False, "Tasks": [],
                  "Acked": full[1]["Cube-Revision"]}
        self.assertEqual(worker.request("PUT", "/desired", orders)[0], 200)
        self.assertEqual(worker.request("GET", "/tasks?since=0-0")[2], [])


# ---- logs ----

class Logs(WorkerTest):
    def logs(self, worker, task, query=""):
        status, headers, body = worker.request("GET", f"/tasks/{task}/logs{query}")
        self.assertEqual(status, 200, body)
        self.assertTrue(headers["Content-Type"].startswith("text/plain"))
        return body

    def test_all_of_it_its_tail_one_stream_and_since_when(self):
        worker = self.worker()
        task = self.post(worker, "for i in 1 2 3; do echo out$i; done; echo err >&2")
        self.wait_state(worker, task, COMPLETED)
        self.assertEqual(sorted(self.logs(worker, task).split()), ["err", "out1", "out2", "out3"])
        self.assertEqual(self.logs(worker, task, "?stream=stdout"), "out1\nout2\nout3\n")
        self.assertEqual(self.logs(worker, task, "?stream=stderr"), "err\n")
        self.assertEqual(self.logs(worker, task, "?stream=stdout&tail=2"), "out2\nout3\n")
        self.assertEqual(len(self.logs(worker, task, "?follow=1").split()), 4)  # it has ended
        self.assertEqual(self.logs(worker, task, "?attempt=1&stream=stderr"), "err\n")
        begun = int(time.time())
        self.assertEqual(self.logs(worker, task, f"?since={begun + 1000}"), "")
        self.assertEqual(len(self.logs(worker, task, f"?since={begun - 1000}").split()), 4)
        self.assertEqual(self.logs(worker, task, "?since=2999-01-01T00:00:00Z"), "")
        self.assertEqual(len(self.logs(worker, task, "?since=2001-01-01T00:00:00%2B01:00").split()), 4)

    def test_a_follower_gets_each_line_as_it_comes_and_the_end(self):
        worker = self.worker()
        gate = self.cluster.path("gate")
        task = self.running(worker, f"echo one; until [ -e {gate} ]; do sleep 0.05; done; echo two")
        c = http.client.HTTPConnection("127.0.0.1", worker.port, timeout=20 * SLOW)
        self.addCleanup(c.close)
        c.request("GET", f"/tasks/{task}/logs?follow=1")
        r = c.getresponse()
        self.assertEqual(r.readline(), b"one\n")
        open(gate, "w").close()
        self.assertEqual(r.read(), b"two\n")  # whole: the last chunk came

    def test_a_reader_that_leaves_gives_his_place_back(self):
        worker = self.worker()
        task = self.running(worker, "echo on; sleep 1000")

        def follow():
            """A connection that follows; None: no place is free."""
            s = socket.create_connection(("127.0.0.1", worker.port))
            s.settimeout(20 * SLOW)
            s.sendall(f"GET /tasks/{task}/logs?follow=1 HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            got = b""
            while b"on\n" not in got:
                piece = s.recv(4096)
                got += piece
                if not piece or got.startswith(b"HTTP/1.1 503"):
                    s.close()
                    return None
            return s
        for _ in range(3):
            readers = [wait_for("a place", follow) for _ in range(4)]
            self.refused(worker.request("GET", f"/tasks/{task}/logs?follow=1"), 503, "4 streams")
            for s in readers:
                s.close()

    def test_what_cannot_be_read_is_said(self):
        worker = self.worker()
        task = self.running(worker)
        self.refused(worker.request("GET", f"/tasks/{uuid.uuid4()}/logs"), 404, "no task")
        self.refused(worker.request("GET", "/tasks/web/logs"), 400, "web")
        self.refused(worker.request("GET", f"/tasks/{task}/logs?attempt=2"), 404, "attempt 2")
        for query, word in (("stream=both", "stdout or stderr"), ("tail=-1", "tail"), ("tail=x", "tail"),
                            ("tail=1000001", "tail"), ("follow=maybe", "follow"), ("attempt=0", "attempt"),
                            ("since=yesterday", "RFC 3339"), ("since=", "RFC 3339"),
                            ("since=9999999999999999999", "RFC 3339"), ("since=-5", "RFC 3339"),
                            ("since=1e9", "RFC 3339"), ("since=%zz", "percent"), ("stream=%ff", "UTF-8")):
            self.refused(worker.request("GET", f"/tasks/{task}/logs?{query}"), 400, word)


# ---- what is malformed ----

class Malformed(WorkerTest):
    def test_queries(self):
        worker = self.worker()
        for query in ("since=", "since=1", "since=x-1", "since=1-x", "since=1-1-1", "since=-1",
                      "since=1-99999999999999999999", "since=%2", "since=" + "1" * 100 + "-1",
                      "since=1-1&wait=x", "since=1-1&wait=-1", "since=1-1&wait=61", "since=1-1&wait=",
                      "since=1-1&wait=inf", "since=1-1&wait=nan", "since=1-1&wait=0x1",
                      "since=1-1&wait=1e1", "since=1-1&wait=1.2.3", "since=1-1&wait=" + "1" * 40,
                      "wait=5"):
            answer = worker.request("GET", "/tasks?" + query)
            self.assertEqual(answer[0], 400, query)
            self.refused(answer, 400, "?")
        for path in ("/tasks/x", "/tasks/" + "a" * 36, "/tasks/%00", "/tasks/" + "0" * 300):
            self.assertEqual(worker.request("GET", path)[0], 400, path)
            self.assertEqual(worker.request("DELETE", path)[0], 400, path)
        nobody = str(uuid.uuid4())
        self.refused(worker.request("GET", "/tasks/" + nobody), 404, nobody)
        self.refused(worker.request("DELETE", "/tasks/" + nobody), 404, nobody)
        self.refused(worker.request("GET", "/nowhere"), 404)
        answer = worker.request("PATCH", "/tasks")
        self.refused(answer, 405)
        self.assertIn("POST", answer[1]["Allow"])
        self.assertEqual(worker.request("GET", "/tasks/")[0], 200)

    def test_bodies(self):
        worker = self.worker()
        task = event("/bin/true")["Task"]
        good = {"ID": task["ID"], "Attempt": 1, "Wanted": 2, "Task": task}
        for body in ("", "{", "[]", "null", "1", '"x"', "{}", "\xff", '{"Cluster":1}',
                     {"Cluster": CLUSTER_1}, {"Cluster": "x", "Generation": 1, "Sequence": 1, "Tasks": []},
                     *({"Cluster": CLUSTER_1, "Generation": 1, "Sequence": 1, "Full": True, **bad} for bad in (
                         {"Tasks": {}}, {"Tasks": [1]}, {"Tasks": [{}]}, {"Generation": -1, "Tasks": []},
                         {"Sequence": "1", "Tasks": []}, {"Full": 1, "Tasks": []},
                         {"Tasks": [dict(good, Attempt=0)]}, {"Tasks": [dict(good, Wanted=9)]},
                         {"Tasks": [dict(good, ID="x")]},
                         {"Acked": "x", "Tasks": []},
                         {"Tasks": [dict(good, Task=dict(task, Memory=-1))]}))):
            answer = worker.request("PUT", "/desired", body.encode("latin-1") if isinstance(body, str) else body)
            self.assertEqual(answer[0], 400, (body, answer[2]))
            self.refused(answer, 400)
        self.assertEqual(worker.get("/node").get("Cluster", ""), "")
        for body in ("", "{", "[]", "[" * 10000, '{"State":2}', event(""), event("/bin/true", Nosuch=1),
                     dict(event("/bin/true"), ID="x"), dict(event("/bin/true"), State=7),
                     event("/bin/true", Name="no name"), event("/bin/true", ID=5)):
            answer = worker.request("POST", "/tasks", body)
            self.assertEqual(answer[0], 400, (body, answer[2]))
            self.refused(answer, 400)
        self.refused(worker.request("POST", "/tasks", event("/bin/true", Env=["A=" + "x" * 65000] * 17)),
                     413, "limit")
        self.assertEqual(worker.get("/tasks"), [])
        self.wait_state(worker, self.post(worker, "exit 0"), COMPLETED)


if __name__ == "__main__":
    unittest.main()
