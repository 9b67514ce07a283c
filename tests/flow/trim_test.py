"""Tasks that have ended leave the manager's list, and nothing that it holds grows without end."""

import contextlib
import json
import os
import sqlite3
import sys
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import BUILD, COMPLETED, Cluster, amount, event, wait_for
from quick_worker import QuickWorker

KEEP = 50
ROUNDS = amount("CUBE_TEST_ROUNDS", 6, 20)
ROUND_TASKS = amount("CUBE_TEST_ROUND_TASKS", 2000, 10000)


def store_size(cluster):
    """Bytes of the store's file and of its log."""
    return [os.path.getsize(cluster.path("manager", f)) if os.path.exists(cluster.path("manager", f)) else 0
            for f in ("cube.db", "cube.db-wal")]


def fds(daemon):
    return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))


def listed(manager):
    """Every task, by pages."""
    tasks, after = [], 0
    while True:
        page = manager.get(f"/tasks?limit=1000&after={after}")
        tasks += page
        if len(page) < 1000:
            return tasks
        after = page[-1]["Sequence"]


def settle(manager, keep, seconds=60):
    """All tasks have ended, and as many as are kept are there."""
    def done():
        tasks = listed(manager)
        return len(tasks) == keep and all(t["Final"] for t in tasks) and tasks
    return wait_for(f"{keep} ended tasks to be left", done, seconds)


@contextlib.contextmanager
def quick(cluster, *options):
    """A manager with these options, and a worker that runs nothing."""
    cluster.start_manager(*options)
    worker = QuickWorker()
    try:
        worker.join(cluster.manager)
        cluster.wait_ready("quick")
        yield worker
    finally:
        worker.close()


class Trim(unittest.TestCase):
    def test_real_tasks_that_ended_go_and_never_run_again(self):
        with Cluster() as cluster:
            cluster.start_manager(f"--keep-tasks={KEEP}")
            cluster.start_worker("n1")
            cluster.wait_ready("n1")
            ran = cluster.path("ran")
            os.mkdir(ran)
            bodies = []
            for i in range(300):
                mark = os.path.join(ran, f"{i:03}")
                bodies.append(event("/bin/sh", "-c", f"echo >>{mark}; exit {3 if i == 0 else 0}", Name=f"t{i}",
                                    RestartPolicy="no"))
            for start in range(0, len(bodies), 100):
                status, _, answer = cluster.manager.request("POST", "/tasks", bodies[start:start + 100])
                self.assertEqual(status, 201, answer)
                if start == 100:  # in the middle of it
                    cluster.manager.kill()
                    cluster.manager.start()
            settle(cluster.manager, KEEP, 120)
            self.assertEqual(len(os.listdir(ran)), len(bodies))
            self.check_gone(cluster, bodies[0], exit_code=3)

            # A client that repeats all that it ever submitted, before and after a start.
            for again in range(2):
                status, _, answer = cluster.manager.request("POST", "/tasks", bodies)
                self.assertEqual(status, 201, answer)
                self.assertTrue(all(t["Final"] for t in answer))
                self.assertEqual(sum(t["State"] == COMPLETED for t in answer), len(bodies) - 1)
                cluster.manager.kill()
                cluster.manager.start()
            other = dict(bodies[0], Task=dict(bodies[0]["Task"], Memory=5))
            status, _, answer = cluster.manager.request("POST", "/tasks", other)
            self.assertEqual(status, 409)
            self.assertIn("submit this one under a new ID", answer["Message"])
            cluster.wait_ready("n1")
            last = cluster.submit("/bin/true")  # whatever was to run runs before this
            cluster.wait_final(last["ID"])
            for name in os.listdir(ran):
                self.assertEqual(os.path.getsize(os.path.join(ran, name)), 1, name)

    def check_gone(self, cluster, body, exit_code):
        task = body["Task"]["ID"]
        for path in ("", "/history", "/logs"):
            status, _, answer = cluster.manager.request("GET", f"/tasks/{task}{path}")
            self.assertEqual(status, 404, path)
            self.assertIn("any more: it ended and was removed", answer["Message"], path)
        self.assertEqual(cluster.manager.request("DELETE", "/tasks/" + task)[0], 204)
        self.assertEqual(cluster.cube("stop", task), (0, task + "\n", ""))
        code, out, err = cluster.cube("status", body["Task"]["Name"])
        self.assertEqual((code, out), (1, ""))
        self.assertIn("no task", err)
        code, out, err = cluster.cube("run", "-f", "-", "--wait", input=json.dumps(body))
        self.assertEqual((code, out.strip()), (exit_code, task), err)
        self.assertIn("is not new: it ended (failed) and was removed", err)
        self.assertEqual(cluster.cube("stop", str(uuid.uuid4()))[0], 1)

    def test_an_ended_task_goes_when_its_time_has_come(self):
        with Cluster() as cluster, quick(cluster, "--keep-tasks-for=2"):
            task = cluster.submit("x")["ID"]
            cluster.wait_final(task)
            self.assertEqual(cluster.manager.request("GET", "/tasks/" + task)[0], 200)
            wait_for("it to go", lambda: cluster.manager.request("GET", "/tasks/" + task)[0] == 404, 10)

    def test_neither_store_nor_memory_grow_once_as_much_goes_as_comes(self):
        with Cluster() as cluster, quick(cluster, f"--keep-tasks={KEEP}", "--events-max=2000") as worker:
            sizes, logs, rss, handles = [], [], [], []
            for n in range(ROUNDS):
                self.round(cluster)
                if n == 1:
                    cluster.manager.kill()
                    cluster.manager.start()
                    settle(cluster.manager, KEEP)
                file, log = store_size(cluster)
                sizes.append(file)
                logs.append(log)
                rss.append(cluster.manager.rss_kib())
                handles.append(fds(cluster.manager))
            print(f"store: {sizes}, log: {logs}; KiB: {rss}; fds: {handles}", file=sys.stderr)
            self.assertEqual(self.tombstones(cluster), ROUNDS * ROUND_TASKS - KEEP)
            # Those stay for a day; beside them nothing may grow. A task takes three times as much.
            self.assertLess(sizes[-1] - sizes[2], 260 * (ROUNDS - 3) * ROUND_TASKS + (1 << 20))
            self.assertLess(max(logs), 16 << 20)
            self.assertLess(max(handles[3:]), handles[2] + 8)
            if "-" not in os.path.basename(BUILD):  # a sanitizer keeps freed memory
                grown = (rss[-1] - rss[3]) * 1024
                self.assertLess(grown, 64 * (ROUNDS - 4) * ROUND_TASKS + (2 << 20))
            self.assertEqual(set(worker.begun.values()), {1})

    @unittest.skipIf("-" in os.path.basename(BUILD), "a sanitizer keeps freed memory")
    def test_the_memory_of_a_burst_is_given_back(self):
        with Cluster() as cluster, quick(cluster, f"--keep-tasks={KEEP}", "--events-max=2000") as worker:
            before = cluster.manager.rss_kib("RssAnon")
            with worker.changed:  # it does not take any yet
                for _ in range(20):
                    bodies = [event("x", RestartPolicy="no") for _ in range(1000)]
                    self.assertEqual(cluster.manager.request("POST", "/tasks", bodies)[0], 201)
                full = cluster.manager.rss_kib("RssAnon")
            self.assertGreater(full, before + 15000)
            settle(cluster.manager, KEEP)
            wait_for("the memory to go", lambda: cluster.manager.rss_kib("RssAnon") < (before + full) / 2, 30)

    def round(self, cluster):
        for start in range(0, ROUND_TASKS, 500):
            bodies = [event("x", RestartPolicy="no") for _ in range(500)]
            status, _, answer = cluster.manager.request("POST", "/tasks", bodies)
            self.assertEqual(status, 201, answer)
        settle(cluster.manager, KEEP)

    def tombstones(self, cluster):
        with sqlite3.connect(f"file:{cluster.path('manager', 'cube.db')}?mode=ro", uri=True) as db:
            return db.execute("SELECT count(*) FROM record WHERE key >= 'done/' AND key < 'done0'").fetchone()[0]


if __name__ == "__main__":
    unittest.main()
