"""Many short tasks run through one worker: what it keeps of them is bounded, in memory, journal,
descriptors and files."""

import os
import sqlite3
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import SLOW, Cluster, amount, event, wait_for

TASKS = amount("CUBE_TEST_TASKS", 800, 20000)
KEEP = 10


class ShortTasks(unittest.TestCase):
    def run_tasks(self, cluster, count):
        for _ in range(0, count, 200):
            status, _, tasks = cluster.manager.request(
                "POST", "/tasks", [event("/bin/true", Cpu=0.01, Memory=1 << 20) for _ in range(200)])
            self.assertEqual(status, 201, tasks)
            for task in tasks:
                cluster.wait_final(task["ID"], 120)

    def left(self, cluster):
        """(records of attempts, what is in the runtime's folder by the last few tasks)"""
        with sqlite3.connect(f"file:{cluster.path('n1', 'worker.db')}?mode=ro", uri=True) as journal:
            records = journal.execute("SELECT count(*) FROM record WHERE key LIKE 'attempt/%'").fetchone()[0]
        journal.close()
        files = sum(len(folders) + len(files) for _, folders, files in os.walk(cluster.path("n1", "process")))
        return records, files

    def descriptors(self, worker):
        return len(os.listdir(f"/proc/{worker.process.pid}/fd"))

    def test_leave_no_more_than_is_to_be_kept(self):
        with Cluster() as cluster:
            cluster.start_manager()
            worker = cluster.start_worker("n1", "process.so", "--keep-ended", str(KEEP), "--cpus", "64",
                                          "--memory", "64g")
            cluster.wait_ready("n1")
            self.run_tasks(cluster, 400)
            wait_for("only the last to be left", lambda: self.left(cluster)[0] == KEEP, 30)
            time.sleep(1)
            _, files = self.left(cluster)
            descriptors, memory = self.descriptors(worker), worker.rss_kib()
            self.run_tasks(cluster, TASKS)
            wait_for("only the last to be left again", lambda: self.left(cluster) == (KEEP, files), 30)
            wait_for("no more descriptors", lambda: self.descriptors(worker) <= descriptors + 2)
            # Freed memory is not all given back; what grew with each task would be far more. A
            # sanitizer keeps what is freed.
            if SLOW == 1:
                self.assertLess(worker.rss_kib() - memory, 4096)


if __name__ == "__main__":
    unittest.main()
