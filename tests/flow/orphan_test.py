"""Containers that carry our label and that nobody knows, with the real programs: stopped and removed
after the grace, and never one that is wanted or another cluster's."""

import os
import sqlite3
import sys
import time
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import RUNNING, SLOW, Cluster, Dockerd, wait_for

IMAGE = "cube-test/busybox"
GRACE = 2


def forget(store, key):
    """Takes records out of the store of a daemon that does not run."""
    with sqlite3.connect(store) as connection:
        assert connection.execute("DELETE FROM record WHERE key LIKE ?", (key,)).rowcount > 0, key
    connection.close()


class OfProcesses(unittest.TestCase):
    def start(self, cluster, name, script):
        """A task that says its process; (ID, process)."""
        mark = cluster.path("mark-" + name)
        task = cluster.submit("/bin/sh", "-c", f"echo $$ > {mark}; {script}", Name=name)
        cluster.wait_state(task["ID"], RUNNING)
        wait_for("its mark", lambda: os.path.exists(mark) and os.path.getsize(mark))
        with open(mark) as f:
            return task["ID"], int(f.read())

    def test_one_that_neither_journal_nor_manager_knows_ends_after_the_grace(self):
        with Cluster() as cluster:
            cluster.start_manager()
            cluster.start_worker("n1", "process.so", "--orphan-grace", str(GRACE))
            cluster.wait_ready("n1")
            known, known_pid = self.start(cluster, "known", "exec sleep 1000")
            lost, lost_pid = self.start(cluster, "lost", "trap '' TERM; while :; do sleep 0.1; done")
            cluster.workers["n1"].stop()
            cluster.manager.stop()
            forget(cluster.path("n1", "worker.db"), f"attempt/{lost}/%")
            forget(cluster.path("manager", "cube.db"), f"task/{lost}")

            # While there is no manager it may be wanted.
            cluster.workers["n1"].start()
            wait_for("it to be seen", lambda: "container.orphan action=seen" in cluster.workers["n1"].log())
            time.sleep(GRACE * SLOW + 1)
            os.kill(lost_pid, 0)
            cluster.manager.start()
            # It does not heed SIGTERM: ten seconds later it is killed.
            wait_for("it to end", lambda: not os.path.exists(f"/proc/{lost_pid}"), GRACE + 30)
            wait_for("its folder to go", lambda: "container.orphan action=removed task=" + lost
                     in cluster.workers["n1"].log())
            left = [os.path.join(folder, name) for folder, folders, files in os.walk(cluster.path("n1", "process"))
                    for name in folders + files if lost in name]
            self.assertEqual(left, [])
            os.kill(known_pid, 0)
            self.assertEqual(cluster.task(known)["State"], RUNNING)
            self.assertEqual(cluster.task(known)["Attempt"], 1)


class OfDocker(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dockerd = Dockerd().__enter__()
        cls.addClassCleanup(cls.dockerd.__exit__)

    def by_hand(self, **labels):
        """A container that runs, made without cube."""
        options = [f"--label=cube.{k}={v}" for k, v in labels.items()]
        return self.dockerd.docker("run", "-d", *options, IMAGE, "sleep", "1000").strip()

    def containers(self):
        return set(self.dockerd.docker("ps", "-aq", "--no-trunc").split())

    def test_ours_go_and_all_others_stay(self):
        with Cluster() as cluster:
            cluster.start_manager()
            worker = cluster.start_worker("d1", "docker.so", "--runtime-opt", "socket=" + self.dockerd.socket,
                                          "--orphan-grace", str(GRACE))
            node = cluster.wait_ready("d1", seconds=30)["d1"]
            task = cluster.submit(IMAGE, "sleep", "1000")
            known = cluster.wait_state(task["ID"], RUNNING, 30)["ContainerID"]
            ours = {"cluster": node["Cluster"], "worker": node["Instance"]}
            gone = {self.by_hand(task=uuid.uuid4(), attempt=1, **ours),
                    self.by_hand(task=task["ID"], attempt=9, **ours),
                    self.by_hand(**ours)}
            stay = {known, self.by_hand(task=uuid.uuid4(), attempt=1, worker=node["Instance"], cluster=uuid.uuid4()),
                    self.by_hand(task=uuid.uuid4(), attempt=1, worker=uuid.uuid4(), cluster=node["Cluster"]),
                    self.by_hand(task=uuid.uuid4(), attempt=1), self.by_hand()}
            # Their first process heeds no SIGTERM, so each takes ten seconds more.
            wait_for("ours to go", lambda: not gone & self.containers(), GRACE + 40)
            self.assertEqual(self.containers(), stay)
            for container in stay:
                self.assertTrue(self.dockerd.inspect(container)["State"]["Running"])
            self.assertEqual(cluster.task(task["ID"])["State"], RUNNING)
            wait_for("the log to say so", lambda: worker.log().count("container.orphan action=removed") == 3)


if __name__ == "__main__":
    unittest.main()
