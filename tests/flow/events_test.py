"""GET /events and `cube events`: gapless over kill -9, never ahead of the store, no brake on anybody."""

import http.client
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import COMPLETED, PENDING, RUNNING, SLOW, Cluster, amount, event, program, wait_for

SUBMISSIONS = amount("CUBE_TEST_SUBMISSIONS", 1200, 12000)
KILLS = amount("CUBE_TEST_KILLS", 4, 20)
STREAMS = 64
WRITE_TIMEOUT_S = 30


def open_stream(port, query, timeout=60):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    connection.request("GET", "/events" + query)
    return connection, connection.getresponse()


def lines_of(text):
    return [json.loads(line) for line in text.splitlines() if line]


class Follower(threading.Thread):
    """Reads /events from 0 on; whenever it is cut off it goes on from the last that came whole."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.seen, self.last, self.cuts, self.ending, self.refused = port, [], 0, 0, False, None

    def read(self, answer):
        while not self.ending:
            line = answer.readline()
            if not line.endswith(b"\n"):
                return
            if line != b"\n":
                self.seen.append(json.loads(line))
                self.last = self.seen[-1]["Revision"]

    def run(self):
        while not self.ending:
            connection = None
            try:
                connection, answer = open_stream(self.port, f"?since={self.last}", 15)
                if answer.status not in (200, 503):
                    self.refused = answer.status, answer.read()
                    return
                if answer.status == 200:
                    self.read(answer)
            except (OSError, http.client.HTTPException):
                pass
            finally:
                if connection:
                    connection.close()
            self.cuts += 1
            time.sleep(0.02)


class User(threading.Thread):
    """Submits tasks one by one and stops every fifth, until each is acknowledged."""

    def __init__(self, cluster, count, args):
        super().__init__()
        self.cluster, self.ids, self.args = cluster, [str(uuid.uuid4()) for _ in range(count)], args
        self.stopped = set()

    def insist(self, method, path, body, good):
        for _ in range(1000):
            try:
                status = self.cluster.manager.request(method, path, body, timeout=10)[0]
                if status == good:
                    return
                assert status == 503, status
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.03)
        raise AssertionError("no manager")

    def run(self):
        for i, task_id in enumerate(self.ids):
            self.insist("POST", "/tasks", event(*self.args, ID=task_id, RestartPolicy="no"), 201)
            if i % 5 == 4:
                self.stopped.add(self.ids[i - 4])
                self.insist("DELETE", "/tasks/" + self.ids[i - 4], None, 204)


def stored_entries(path):
    """What the records hold, with the numbers that their keys give them."""
    with sqlite3.connect(path) as store:
        records = store.execute("SELECT key, value FROM record WHERE key >= 'event/' AND key < 'event0' ORDER BY key")
        return [dict(entry, Revision=int(key[6:], 16) + i) for key, value in records
                for i, entry in enumerate(json.loads(value)["Entries"])]


class Gapless(unittest.TestCase):
    def test_followers_see_every_entry_once_while_the_manager_is_killed(self):
        with Cluster() as cluster:
            cluster.start_manager()
            cluster.start_worker("n1")
            cluster.wait_ready("n1")
            port = cluster.manager.port
            followers = [Follower(port) for _ in range(2)]
            for f in followers:
                f.start()
            def printed():
                with open(cluster.path("cli")) as f:
                    return f.read()
            out = open(cluster.path("cli"), "w")
            cli = subprocess.Popen([program("cube"), "events", "-f", "--since=0", "-o", "json", "-m", f"127.0.0.1:{port}"],
                                   stdout=out, stderr=subprocess.PIPE, text=True)
            out.close()
            users = [User(cluster, SUBMISSIONS // 4, ("/bin/true",)) for _ in range(4)]
            for u in users:
                u.start()
            for i in range(KILLS):
                time.sleep(random.uniform(0.2, 0.8))
                cluster.manager.kill()
                cluster.start_manager()
            for u in users:
                u.join(300 * SLOW)
                self.assertFalse(u.is_alive())
            ids = {i for u in users for i in u.ids}
            wait_for("all tasks to end", lambda: all(
                t["Final"] for t in cluster.manager.get("/tasks")), 120)

            newest = int(cluster.manager.request("GET", "/tasks?limit=1")[1]["Cube-Revision"])
            for f in followers:
                wait_for("the followers to be there", lambda: f.last >= newest or f.refused, 20)
                f.ending = True
                self.assertIsNone(f.refused)
                self.assertGreaterEqual(f.cuts, KILLS)

            def has_all():
                if cli.poll() is not None:
                    raise AssertionError(f"cube events ended with {cli.returncode}: {cli.stderr.read()}")
                return f'"Revision":{newest},' in printed()
            wait_for("cube events to be there", has_all, 20)
            cli.terminate()
            self.assertEqual(cli.communicate()[1], "")
            shown = lines_of(printed())
            whole = lines_of(cluster.manager.request("GET", "/events?since=0&follow=0")[2])
            self.assertEqual([e["Revision"] for e in whole], list(range(1, len(whole) + 1)))
            for seen in (followers[0].seen, followers[1].seen, shown):
                self.assertEqual(seen[:newest], whole[:newest])
            self.check_tasks(cluster, whole, ids, {i for u in users for i in u.stopped})
            self.assertEqual(cluster.manager.stop(), 0)
            self.assertEqual(stored_entries(cluster.path("manager", "cube.db"))[:len(whole)], whole)

    def check_tasks(self, cluster, whole, ids, stopped):
        by_task = {}
        for entry in whole:
            by_task.setdefault(entry.get("Task"), []).append(entry)
        self.assertEqual(set(by_task) - {None}, ids)
        for task_id in random.sample(sorted(ids), 50) + sorted(stopped)[:50]:
            # The history of a task is what the stream says of it.
            history = cluster.manager.get(f"/tasks/{task_id}/history")
            self.assertEqual(history, [{k: v for k, v in e.items() if k not in ("Task", "Name")}
                                       for e in by_task[task_id]])
            self.assertEqual((history[0]["State"], history[0]["By"]), (PENDING, "user"))
            self.assertEqual(history[-1]["State"], COMPLETED)
            asked = [e for e in history if e["By"] == "user" and e["Reason"].startswith("stop")]
            self.assertLessEqual(len(asked), 1 if task_id in stopped else 0)

    def test_a_polite_end_does_not_wait_for_followers(self):
        with Cluster() as cluster:
            cluster.start_manager()
            streams = [open_stream(cluster.manager.port, "") for _ in range(8)]
            begin = time.monotonic()
            self.assertEqual(cluster.manager.stop(), 0)
            self.assertLess(time.monotonic() - begin, 8 * SLOW)  # a stream is open for ever, a write 30 s
            for connection, answer in streams:
                # Cut off, so that nobody takes it for the end of what happens.
                with self.assertRaises((http.client.IncompleteRead, ConnectionError)):
                    answer.read()
                connection.close()


class Readers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.__exit__)
        cls.manager = cls.cluster.start_manager()
        for _ in range(4):
            status, _, _ = cls.manager.request("POST", "/tasks", [event("/bin/true", Name="of-the-crowd")
                                                                  for _ in range(8000)])
            assert status == 201

    def pace(self, count=150):
        """Submissions a second, one by one."""
        begin = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.manager.port, timeout=20)
        for _ in range(count):
            connection.request("POST", "/tasks", json.dumps(event("/bin/true")))
            answer = connection.getresponse()
            answer.read()
            self.assertEqual(answer.status, 201)
        connection.close()
        return count / (time.monotonic() - begin)

    def test_a_reader_that_does_not_read_is_cut_off_and_slows_nobody(self):
        before = self.pace()
        slow = []
        for _ in range(8):
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.connect(("127.0.0.1", self.manager.port))
            s.sendall(b"GET /events?since=0 HTTP/1.1\r\nHost: x\r\n\r\n")
            slow.append(s)
        begin = time.monotonic()
        reader = Follower(self.manager.port)
        reader.start()
        during = max(self.pace() for _ in range(3))
        # Other readers go on, too.
        newest = int(self.manager.request("GET", "/tasks?limit=1")[1]["Cube-Revision"])
        wait_for("another reader to have all", lambda: reader.last >= newest, 20)
        self.assertEqual(reader.cuts, 0)
        reader.ending = True
        # Where one writer waits for a reader it is one in 30 s. This machine may be busier than it was before.
        self.assertGreater(during, min(before / 4, 50 / SLOW))
        time.sleep(max(0, begin + WRITE_TIMEOUT_S * 1.2 - time.monotonic()))
        for s in slow:
            s.settimeout(20)
            got, piece = b"", b"x"
            try:
                while piece:
                    piece = s.recv(1 << 16)
                    got = (got + piece)[-64:]
            except ConnectionError:
                pass
            s.close()
            self.assertFalse(got.endswith(b"0\r\n\r\n"))

    def test_so_many_streams_and_no_more(self):
        streams = []
        for _ in range(STREAMS):
            connection, answer = open_stream(self.manager.port, "")
            self.assertEqual(answer.status, 200)
            self.assertRegex(answer.headers["Cube-Revision"], "^[0-9]+$")
            streams.append((connection, answer))
        status, _, body = self.manager.request("GET", "/events")
        self.assertEqual(status, 503)
        self.assertIn("64 streams are open", body["Message"])
        # One entry reaches all of them.
        mark = self.cluster.submit("/bin/true", Name="mark")["ID"]
        for _, answer in streams:
            found = json.loads(answer.readline())
            self.assertEqual((found["Task"], found["State"], found["By"]), (mark, PENDING, "user"))
        # Readers that go make room.
        for connection, answer in streams:
            answer.close()
            connection.close()
        for _ in range(3):
            wait_for("room for another", lambda: self.manager.request("GET", "/events?follow=0")[0] == 200, 15)

    def test_filters_and_the_end_of_the_present(self):
        mine = self.cluster.submit("/bin/true", Name="mine")["ID"]
        self.assertEqual(self.manager.request("DELETE", f"/tasks/{mine}")[0], 204)
        status, headers, text = self.manager.request("GET", f"/events?since=0&follow=0&task={mine}")
        found = lines_of(text)
        self.assertEqual([(e["State"], e["By"], e["Reason"]) for e in found],
                         [(PENDING, "user", ""), (COMPLETED, "user", "stopped before it ran")])
        self.assertEqual(found, [dict(h, Task=mine, Name="mine") for h in self.manager.get(f"/tasks/{mine}/history")])
        self.assertEqual(self.manager.request("GET", "/events?since=0&follow=0&node=nobody")[2], "")
        for query in ("since=x", "since=-1", "task=x", "follow=perhaps", "node=" + 70 * "a"):
            status, _, body = self.manager.request("GET", "/events?" + query)
            self.assertEqual((status, body["HTTPStatusCode"]), (400, 400), query)
            self.assertIn(query.partition("=")[0], body["Message"])


class Trimmed(unittest.TestCase):
    def test_what_is_gone_is_said_to_be_gone(self):
        with Cluster() as cluster:
            manager = cluster.start_manager("--events-max=100")
            for i in range(300):
                cluster.submit("/bin/true", Name=f"t{i}")
            whole = lines_of(manager.request("GET", "/events?since=0&follow=0")[2])
            self.assertEqual(whole[-1]["Name"], "t299")
            self.assertTrue(90 <= len(whole) <= 100, len(whole))
            first = whole[0]["Revision"]
            status, _, body = manager.request("GET", "/events?since=1")
            self.assertEqual(status, 410)
            self.assertIn(f"events up to {first - 1} are no longer kept", body["Message"])
            self.assertEqual(lines_of(manager.request("GET", f"/events?since={first - 1}&follow=0")[2]), whole)
            code, out, err = cluster.cube("events", "-f", "--since=1")
            self.assertEqual((code, out), (1, ""))
            self.assertIn("no longer kept", err)
            # Of another store, or one that was put back.
            status, _, body = manager.request("GET", "/events?since=1000")
            self.assertEqual(status, 410)
            self.assertIn("the newest event is 300", body["Message"])
            # What is kept is the same after a restart.
            manager.kill()
            cluster.start_manager("--events-max=100")
            self.assertEqual(lines_of(cluster.manager.request("GET", "/events?since=0&follow=0")[2]), whole)


class CommandLine(unittest.TestCase):
    def test_a_line_for_people_and_who_it_was(self):
        with Cluster() as cluster:
            cluster.start_manager()
            cluster.start_worker("n1")
            cluster.wait_ready("n1")
            follow = subprocess.Popen([program("cube"), "events", "-f", "-m", f"127.0.0.1:{cluster.manager.port}"],
                                      stdout=subprocess.PIPE, text=True)
            self.assertRegex(follow.stdout.readline(), r"^TIME +TASK +NAME +STATE +NODE +BY +REASON$")
            task = cluster.submit("/bin/sleep", "1000", Name="web")["ID"]
            cluster.wait_state(task, RUNNING)
            self.assertEqual(cluster.cube("stop", "web")[0], 0)
            wanted = [("Pending", "user"), ("Scheduled", "scheduler"), ("Running", "worker"), ("Running", "user"),
                      ("Completed", "worker")]
            code, out, err = cluster.cube("events", "web")
            self.assertEqual((code, err), (0, ""))
            for line, (state, by) in zip(out.splitlines()[1:], wanted, strict=True):
                self.assertRegex(line, rf"^\S+Z  {task[:8]}  web +{state} +(n1 +)?{by}\b")
            self.assertIn("stop requested", out.splitlines()[4])
            live = [follow.stdout.readline() for _ in wanted]
            self.assertEqual("".join(live), out.partition("\n")[2])
            follow.send_signal(signal.SIGINT)
            follow.communicate()
            history = cluster.cube("status", "web")[1].partition("\nTIME")[2].splitlines()
            self.assertIn("BY", history[0])
            for line, (state, by) in zip(history[1:], wanted, strict=True):
                self.assertRegex(line, rf"^\S+Z  {state} .* {by}\b")
            nodes = cluster.cube("events", "--node", "n1", "-o", "json")[1]
            self.assertEqual([e["Status"] for e in lines_of(nodes) if "Status" in e], ["joined", "ready"])


if __name__ == "__main__":
    unittest.main()
