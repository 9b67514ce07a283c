"""kill -9 at bad moments: what was acknowledged is there, and everything runs exactly once."""

import http.client
import json
import os
import signal
import sys
import threading
import time
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import COMPLETED, FAILED, RUNNING, Cluster, amount, event, wait_for

SUBMISSIONS = amount("CUBE_TEST_SUBMISSIONS", 2000, 20000)
KILLS = amount("CUBE_TEST_KILLS", 3, 12)
PATIENCE = max(1, SUBMISSIONS / 2000)


class Submitter(threading.Thread):
    """Submits its share one by one over one connection, repeating with the same ID until it is
    acknowledged, and keeps a log of its own of what was acknowledged when."""

    def __init__(self, port, bodies):
        super().__init__()
        self.port, self.bodies, self.acknowledged, self.repeats, self.errors = port, bodies, {}, 0, []

    def run(self):
        connection = None
        for body in self.bodies:
            for _ in range(600):
                try:
                    connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
                    connection.request("POST", "/tasks", json.dumps(body))
                    answer = connection.getresponse()
                    data = answer.read()
                    if answer.status == 201:
                        self.acknowledged[body["Task"]["ID"]] = json.loads(data)
                        break
                    if answer.status != 503:
                        self.errors.append((answer.status, data))
                        break
                except (OSError, http.client.HTTPException):
                    connection.close()
                    connection = None
                self.repeats += 1
                time.sleep(0.05)
        if connection:
            connection.close()


class ManagerKilled(unittest.TestCase):
    def test_in_the_middle_of_submissions(self):
        with Cluster() as cluster:
            cluster.start_manager("--keep-tasks=0")
            cluster.start_worker("n1")
            cluster.wait_ready("n1")
            ran = cluster.path("ran")
            os.mkdir(ran)
            # A task that runs twice writes two lines.
            bodies = []
            for _ in range(SUBMISSIONS):
                task_id = str(uuid.uuid4())
                bodies.append(event("/bin/sh", "-c", f"echo x >> {ran}/{task_id}", ID=task_id))
            submitters = [Submitter(cluster.manager.port, bodies[i::8]) for i in range(8)]
            for s in submitters:
                s.start()
            for _ in range(KILLS):
                before = sum(len(s.acknowledged) for s in submitters)
                wait_for("some more to be acknowledged", lambda: sum(
                    len(s.acknowledged) for s in submitters) >= min(before + SUBMISSIONS // (KILLS + 2), SUBMISSIONS),
                    60 * PATIENCE)
                cluster.manager.kill()
                cluster.start_manager("--keep-tasks=0")
            for s in submitters:
                s.join(120 * PATIENCE)
                self.assertEqual(s.errors, [])
            acknowledged = {k for s in submitters for k in s.acknowledged}
            self.assertEqual(len(acknowledged), SUBMISSIONS)

            # Every repeat is the same task.
            for s in submitters:
                for body in s.bodies[::50]:
                    status, _, task = cluster.manager.request("POST", "/tasks", body)
                    self.assertEqual((status, task["Sequence"]),
                                     (201, s.acknowledged[body["Task"]["ID"]]["Sequence"]))

            def ended():
                if cluster.manager.get("/tasks?state=pending,scheduled,running&limit=1"):
                    return None
                tasks = cluster.manager.get("/tasks")
                return tasks if all(t["Final"] for t in tasks) else None
            tasks = wait_for("all to end", ended, 180 * PATIENCE)
            self.assertEqual({t["ID"] for t in tasks}, acknowledged)
            self.assertEqual({t["State"] for t in tasks}, {COMPLETED})
            runs = {}
            for name in os.listdir(ran):
                with open(os.path.join(ran, name)) as f:
                    runs[name] = len(f.readlines())
            self.assertEqual({k: n for k, n in runs.items() if n != 1}, {})
            self.assertEqual(set(runs), acknowledged)

    def test_an_empty_store_by_mistake_stops_nothing(self):
        with Cluster() as cluster:
            cluster.start_manager()
            cluster.start_worker("n1")
            cluster.wait_ready("n1")
            task = cluster.submit("/bin/sleep", "1000")
            cluster.wait_state(task["ID"], RUNNING)
            worker = cluster.workers["n1"]
            pid = [t for t in worker.get("/tasks")][0]["ContainerID"]
            cluster.manager.kill()
            cluster.start_manager(data=cluster.path("empty"))
            wait_for("the worker to say who it belongs to", lambda: "cluster" in worker.log() and
                     "409" in worker.log() or "refused" in worker.log(), 40)
            tasks = worker.get("/tasks")
            self.assertEqual([(t["ID"], t["State"], t["ContainerID"]) for t in tasks],
                             [(task["ID"], RUNNING, pid)])
            # The right store again: everything goes on.
            cluster.manager.kill()
            cluster.start_manager()
            cluster.wait_ready("n1", seconds=40)
            self.assertEqual(cluster.task(task["ID"])["State"], RUNNING)


class WorkerKilled(unittest.TestCase):
    def test_with_20_running_containers(self):
        with Cluster() as cluster:
            cluster.start_manager()
            cluster.start_worker("n1")
            cluster.wait_ready("n1")
            marks = cluster.path("marks")
            os.mkdir(marks)
            stay, end = [], []
            for i in range(20):
                script = f"echo $$ >> {marks}/{i}; while [ ! -e {marks}/go-{i} ]; do sleep 0.05; done; exit {i}"
                task = cluster.submit("/bin/sh", "-c", script, RestartPolicy="no")
                (end if i % 2 else stay).append((i, task["ID"]))
            for _, task_id in stay + end:
                cluster.wait_state(task_id, RUNNING, 30)
            wait_for("each to have made its mark", lambda: all(
                os.path.exists(f"{marks}/{i}") for i in range(20)))
            worker = cluster.workers["n1"]
            worker.kill()
            for i, _ in end:
                open(f"{marks}/go-{i}", "w").close()
            pids = {}
            for i in range(20):
                with open(f"{marks}/{i}") as f:
                    pids[i] = int(f.read())
            wait_for("those to end", lambda: not any(
                os.path.exists(f"/proc/{pids[i]}") for i, _ in end))
            cluster.start_worker("n1")
            for i, task_id in end:
                task = cluster.wait_final(task_id, 30)
                self.assertEqual((task["State"], task["ExitCode"]), (FAILED, i))
            for i, task_id in stay:
                self.assertEqual(cluster.task(task_id)["State"], RUNNING)
                os.kill(pids[i], 0)
                with open(f"{marks}/{i}") as f:
                    self.assertEqual(len(f.readlines()), 1, "it was started twice")
            for _ in range(KILLS // 3):
                cluster.workers["n1"].kill()
                cluster.start_worker("n1")
                for i, task_id in stay:
                    cluster.wait_state(task_id, RUNNING, 30)
                    with open(f"{marks}/{i}") as f:
                        self.assertEqual(len(f.readlines()), 1, "it was started twice")
            for i, task_id in stay:
                open(f"{marks}/go-{i}", "w").close()
                self.assertEqual(cluster.wait_final(task_id, 30)["ExitCode"], i)


if __name__ == "__main__":
    unittest.main()
