"""What goes wrong on the way: the worker's disk full, tasks as large as they may be, workers that
move, share a name or lose their manager; and what the logs then say."""

import collections
import os
import signal
import subprocess
import sys
import time
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import COMPLETED, PENDING, RUNNING, Cluster, event, free_port, wait_for


class WorkerStoreFull(unittest.TestCase):
    def test_what_runs_goes_on_and_nothing_new_is_placed_there(self):
        with Cluster() as cluster:
            cluster.start_manager("--node-timeout", "6")
            small = cluster.path("n1")
            os.mkdir(small)
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", small], check=True)
            cluster.cleanups.append(lambda: subprocess.run(["umount", "-l", small], check=False))
            worker = cluster.start_worker("n1", "process.so", "--runtime-opt", "dir=" + cluster.path("state"))
            cluster.wait_ready("n1")
            stays = cluster.submit("/bin/sleep", "1000")
            ends = cluster.submit("/bin/sh", "-c", "sleep 1; exit 9", RestartPolicy="no")
            for task in (stays, ends):
                cluster.wait_state(task["ID"], RUNNING)
            with open(small + "/ballast", "wb", buffering=0) as f:
                try:
                    while True:
                        f.write(b"x" * 4096)
                except OSError:
                    pass
            early = []

            def said():
                node = cluster.manager.get("/nodes/n1")
                if node["RuntimeReady"]:
                    early.append(cluster.submit("/bin/true", Env=["FILL=" + "x" * 30000])["ID"])
                return not node["RuntimeReady"] and node
            node = wait_for("the node to say so", said)
            self.assertEqual(node["Status"], "ready")
            self.assertRegex(node["RuntimeReason"], "journal fails.*disk is full")
            late = cluster.submit("/bin/true")
            self.assertEqual(late["State"], PENDING)
            self.assertIn("disk is full", cluster.task(late["ID"])["Reason"])
            status, _, answer = worker.request("POST", "/tasks", event("/bin/true"))
            self.assertEqual(status, 503)
            self.assertIn("disk is full", answer["Message"])
            self.assertEqual(worker.request("GET", "/healthz")[0], 503)
            self.assertEqual(cluster.task(stays["ID"])["State"], RUNNING)
            os.unlink(small + "/ballast")
            for task_id in early + [late["ID"]]:
                self.assertEqual(cluster.wait_final(task_id, 30)["State"], COMPLETED)
            self.assertEqual(cluster.wait_final(ends["ID"])["ExitCode"], 9)
            self.assertEqual(cluster.task(stays["ID"])["State"], RUNNING)
            self.assertEqual(worker.request("GET", "/healthz")[0], 200)


class LargeTasks(unittest.TestCase):
    def test_more_than_fits_in_one_order_reaches_the_worker_and_comes_back(self):
        """80 MB of environment for one worker, which takes orders of 64 MiB."""
        with Cluster() as cluster:
            cluster.start_manager()
            worker = cluster.start_worker("n1")
            cluster.wait_ready("n1")
            env = [f"K{i}=" + "x" * 60000 for i in range(15)]
            worker.process.send_signal(signal.SIGSTOP)
            try:
                tasks = [cluster.submit("/bin/sleep", "1000", Env=env)["ID"] for _ in range(90)]
            finally:
                worker.process.send_signal(signal.SIGCONT)
            for task_id in tasks:
                cluster.wait_state(task_id, RUNNING, 40)
            cluster.manager.kill()
            cluster.start_manager()
            cluster.wait_ready("n1")
            counts = collections.Counter(
                t["State"] for n in range(0, 90, 10)
                for t in cluster.manager.get(f"/tasks?limit=10&after={n}"))
            self.assertEqual(counts, {RUNNING: 90})


class Moves(unittest.TestCase):
    def test_a_worker_at_another_port_keeps_its_tasks(self):
        with Cluster() as cluster:
            cluster.start_manager()
            worker = cluster.start_worker("n1")
            cluster.wait_ready("n1")
            task = cluster.submit("/bin/sleep", "1000")
            cluster.wait_state(task["ID"], RUNNING)
            worker.kill()
            worker = cluster.start_worker("n1", port=free_port())
            wait_for("its new address", lambda: str(worker.port) in cluster.manager.get("/nodes/n1")["Api"])
            cluster.wait_ready("n1")
            self.assertEqual(cluster.task(task["ID"])["State"], RUNNING)
            cluster.manager.request("DELETE", "/tasks/" + task["ID"])
            self.assertEqual(cluster.wait_final(task["ID"])["State"], COMPLETED)

    def test_a_second_worker_of_the_same_name_is_refused_and_told_what_to_do(self):
        with Cluster() as cluster:
            cluster.start_manager()
            first = cluster.start_worker("n1")
            cluster.wait_ready("n1")
            task = cluster.submit("/bin/sleep", "1000")
            cluster.wait_state(task["ID"], RUNNING)
            second = cluster.start_worker("n2", "process.so", "--name", "n1")
            wait_for("the refusal", lambda: "--name" in second.log() and "409" in second.log())
            self.assertIn(f":{first.port}", cluster.manager.get("/nodes/n1")["Api"])
            self.assertEqual(cluster.task(task["ID"])["State"], RUNNING)

    def test_a_manager_that_is_away_is_told_of_once(self):
        with Cluster() as cluster:
            cluster.start_manager("--node-timeout", "6")
            worker = cluster.start_worker("n1")
            cluster.wait_ready("n1")
            task = cluster.submit("/bin/sh", "-c", "sleep 1; exit 5", RestartPolicy="no")
            cluster.wait_state(task["ID"], RUNNING)
            cluster.manager.kill()
            before = len(worker.log().splitlines())
            wait_for("its complaint", lambda: "manager.unreachable" in worker.log(), 30)
            time.sleep(4)
            lines = worker.log().splitlines()[before:]
            self.assertEqual(len([line for line in lines if "manager.unreachable" in line]), 1, lines)
            self.assertLess(len(lines), 5, lines)
            cluster.start_manager("--node-timeout", "6")
            self.assertEqual(cluster.wait_final(task["ID"])["ExitCode"], 5)


class Logs(unittest.TestCase):
    def test_nothing_secret_and_no_flood(self):
        with Cluster() as cluster:
            manager = cluster.start_manager()
            worker = cluster.start_worker("n1")
            cluster.wait_ready("n1")
            secret = "hunter2-" + uuid.uuid4().hex
            task = cluster.submit("/bin/sh", "-c", "exit 1", Env=["PASSWORD=" + secret],
                                  Labels={"token": secret}, RestartPolicy="no")
            cluster.wait_final(task["ID"])
            for fields in ({"Nope": 1}, {"Env": ["=" + secret]}, {"Env": "PASSWORD=" + secret}):
                status, _, answer = cluster.submit_raw("/bin/true", **{"Env": ["A=" + secret], **fields})
                self.assertEqual(status, 400)
            before = len(manager.log()) + len(worker.log())
            for _ in range(100):
                manager.request("POST", "/tasks", "{")
                manager.request("GET", "/nope")
                worker.request("PUT", "/desired", "x")
            log = manager.log() + worker.log()
            self.assertEqual(len(log), before, log[-1000:])
            self.assertNotIn(secret, log)
            for line in log.splitlines():
                self.assertRegex(line, r'^\S+Z (debug|info|warning|error) [a-z.-]+( [a-z_]+=("([^"\\]|\\.)*"|\S*))*$')


if __name__ == "__main__":
    unittest.main()
