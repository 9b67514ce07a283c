"""A disk that fails under the real sqlite.so: writes that fail, syncs that fail, a file system
gone read-only, a disk that does not answer. Submissions get 503 and the reason, what runs goes
on, and service resumes by itself."""

import http.client
import os
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import BUILD, COMPLETED, FAILED, PENDING, RUNNING, Cluster, event, wait_for

PRELOAD = os.path.join(BUILD, "tests", "fake", "disk_preload.so")

# What goes wrong, and what is said of it.
FAULTS = {
    "write EIO": "disk fails: Input/output error",
    "sync EIO": "disk fails: fsync: Input/output error",
    "write EROFS": "read-only",
    "write ENOSPC": "disk is full",
    "write hang": "has not answered for 5 s",
}


class Disk:
    """The fault of one daemon's store, as the preloaded library reads it."""

    def __init__(self, cluster, name):
        self.path = cluster.path(name + ".fault")
        # A sanitizer's own library would rather be the first.
        options = os.environ.get("ASAN_OPTIONS", "")
        self.env = {"LD_PRELOAD": PRELOAD, "CUBE_FAULTY_DISK": self.path,
                    "ASAN_OPTIONS": options + ":verify_asan_link_order=0"}
        cluster.cleanups.append(self.mend)

    def breaks(self, fault):
        with open(self.path + ".new", "w") as f:
            f.write(fault)
        os.rename(self.path + ".new", self.path)

    def mend(self):
        if os.path.exists(self.path):
            os.unlink(self.path)


def until_taken(manager, body, answers):
    """Submits until it is acknowledged, as a careful client does; keeps the answers."""
    while True:
        status, _, answer = manager.request("POST", "/tasks", body)
        answers.append((status, answer))
        if status != 503:
            return
        time.sleep(0.1)


class ManagersDisk(unittest.TestCase):
    def test_submits_are_refused_with_the_reason_and_all_else_goes_on(self):
        with Cluster() as cluster:
            disk = Disk(cluster, "manager")
            manager = cluster.start_manager("--node-timeout", "6", env=disk.env)
            cluster.start_worker("n1")
            cluster.wait_ready("n1")
            running = cluster.submit("/bin/sleep", "1000")
            cluster.wait_state(running["ID"], RUNNING)
            for fault, words in FAULTS.items():
                with self.subTest(fault):
                    self.refused_and_resumed(cluster, manager, disk, running["ID"], fault, words)
            self.assertIsNone(manager.process.poll())
            self.assertEqual(cluster.task(running["ID"])["Attempt"], 1)

    def refused_and_resumed(self, cluster, manager, disk, running, fault, words):
        disk.breaks(fault)
        first, answers = event("/bin/true"), []
        client = threading.Thread(target=until_taken, args=(manager, first, answers))
        client.start()
        try:
            wait_for("it to be noticed", lambda: "the store fails" in str(manager.request("GET", "/healthz")[2]))
            begin = time.monotonic()
            for method, path, body in (("POST", "/tasks", event("/bin/true")),
                                       ("DELETE", "/tasks/" + running, None)):
                status, _, answer = manager.request(method, path, body)
                self.assertEqual(status, 503)
                self.assertIn(words, answer["Message"])
            # Reads, and the polls that are the heartbeat.
            self.assertEqual(cluster.task(running)["State"], RUNNING)
            seen = manager.get("/nodes/n1")["LastSeen"]
            self.assertLess(time.monotonic() - begin, 1)
            wait_for("a heartbeat", lambda: manager.get("/nodes/n1")["LastSeen"] != seen)
            self.assertEqual(manager.get("/nodes/n1")["Status"], "ready")
            # What is not durable is not shown, nor denied.
            self.assertEqual(manager.request("GET", "/tasks/" + first["Task"]["ID"])[0], 503)
        finally:
            disk.mend()
            client.join(40)
        self.assertEqual({status for status, _ in answers[:-1]} - {503}, set())
        self.assertEqual(answers[-1][0], 201)
        self.assertEqual(cluster.wait_final(first["Task"]["ID"])["State"], COMPLETED)
        self.assertEqual(manager.request("GET", "/healthz")[0], 200)

    def test_a_manager_killed_meanwhile_has_all_that_it_acknowledged(self):
        with Cluster() as cluster:
            disk = Disk(cluster, "manager")
            cluster.start_manager(env=disk.env)
            cluster.start_worker("n1")
            cluster.wait_ready("n1")
            taken = [cluster.submit("/bin/sh", "-c", "exit 3", RestartPolicy="no")["ID"] for _ in range(5)]
            disk.breaks("sync EIO")
            try:  # held, or refused if something else found out before; never acknowledged
                status = cluster.manager.request("POST", "/tasks", event("/bin/true"), timeout=1)[0]
            except TimeoutError:
                status = 503
            self.assertEqual(status, 503)
            cluster.manager.kill()
            # It has to be able to write before it serves anybody.
            cluster.start_manager(env=disk.env, wait=False)
            time.sleep(0.5)
            self.assertIsNone(cluster.manager.process.poll())
            disk.mend()
            for task_id in taken:
                task = wait_for("task " + task_id, lambda t=task_id: (
                    (found := cluster.task(t))["Final"] and found), 20)
                self.assertEqual((task["State"], task["ExitCode"]), (FAILED, 3))

    def test_a_store_that_hangs_does_not_keep_the_manager_from_ending(self):
        with Cluster() as cluster:
            disk = Disk(cluster, "manager")
            manager = cluster.start_manager(env=disk.env)
            disk.breaks("write hang")
            client = threading.Thread(target=self.never_answered, args=(manager,))
            client.start()
            time.sleep(0.3)
            begin = time.monotonic()
            code = manager.stop()
            self.assertLess(time.monotonic() - begin, 2.5)
            self.assertEqual(code, 1)  # it says that something was not stored
            self.assertRegex(manager.log(), "could not be stored|did not end in time")
            client.join(10)

    def never_answered(self, manager):
        with self.assertRaises((OSError, http.client.HTTPException)):
            manager.request("POST", "/tasks", event("/bin/true"))


class WorkersDisk(unittest.TestCase):
    def test_nothing_new_is_placed_there_and_what_runs_goes_on(self):
        with Cluster() as cluster:
            disk = Disk(cluster, "n1")
            cluster.start_manager("--node-timeout", "6")
            worker = cluster.start_worker("n1", env=disk.env)
            cluster.wait_ready("n1")
            stays = cluster.submit("/bin/sleep", "1000")
            cluster.wait_state(stays["ID"], RUNNING)
            for fault in ("sync EIO", "write EROFS", "write hang"):
                words = FAULTS[fault]
                with self.subTest(fault):
                    self.set_aside_and_back(cluster, worker, disk, stays["ID"], fault, words)
            self.assertIsNone(worker.process.poll())
            self.assertEqual(cluster.task(stays["ID"])["Attempt"], 1)

    def set_aside_and_back(self, cluster, worker, disk, stays, fault, words):
        ends = cluster.submit("/bin/sh", "-c", f"while [ ! -e {disk.path}.end ]; do sleep 0.05; done; exit 9",
                              RestartPolicy="no")
        cluster.wait_state(ends["ID"], RUNNING)
        disk.breaks(fault)
        try:
            open(disk.path + ".end", "w").close()  # an end that has to be journalled
            node = wait_for("the node to say so", lambda: (
                node := cluster.manager.get("/nodes/n1")) and not node["RuntimeReady"] and node)
            self.assertEqual(node["Status"], "ready", cluster.manager.log()[-2000:] + worker.log()[-2000:])
            self.assertRegex(node["RuntimeReason"], "journal fails.*" + words)
            late = cluster.submit("/bin/true")
            self.assertEqual(late["State"], PENDING)
            status, _, answer = worker.request("POST", "/tasks", event("/bin/true"))
            self.assertEqual(status, 503)
            self.assertIn(words, answer["Message"])
            self.assertEqual(worker.request("GET", "/healthz")[0], 503)
            self.assertEqual(cluster.task(stays)["State"], RUNNING)
        finally:
            disk.mend()
        self.assertEqual(cluster.wait_final(late["ID"])["State"], COMPLETED)
        self.assertEqual(cluster.wait_final(ends["ID"])["ExitCode"], 9)
        wait_for("the worker to be well", lambda: worker.request("GET", "/healthz")[0] == 200)
        os.unlink(disk.path + ".end")

    def test_a_journal_that_hangs_does_not_keep_the_worker_from_ending(self):
        with Cluster() as cluster:
            disk = Disk(cluster, "n1")
            cluster.start_manager()
            worker = cluster.start_worker("n1", env=disk.env)
            cluster.wait_ready("n1")
            stays = cluster.submit("/bin/sleep", "1000")
            cluster.wait_state(stays["ID"], RUNNING)
            disk.breaks("write hang")
            cluster.submit("/bin/true")
            time.sleep(0.3)
            begin = time.monotonic()
            worker.stop()
            self.assertLess(time.monotonic() - begin, 2.5)
            disk.mend()
            worker.start()
            cluster.wait_ready("n1")
            self.assertEqual((cluster.task(stays["ID"])["State"], cluster.task(stays["ID"])["Attempt"]), (RUNNING, 1))


if __name__ == "__main__":
    unittest.main()
