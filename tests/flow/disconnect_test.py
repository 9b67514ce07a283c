"""StopAfterDisconnect with the real programs: a task that asks for it ends when its worker hears no
manager, all others go on, and contact brings it back."""

import os
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import RUNNING, Cluster, wait_for

SECONDS = 10


class ManagerStopped(unittest.TestCase):
    def start(self, cluster, name, **fields):
        mark = cluster.path("mark-" + name)
        task = cluster.submit("/bin/sh", "-c", f"echo $$ >> {mark}; exec sleep 1000", Name=name, **fields)
        cluster.wait_state(task["ID"], RUNNING)
        wait_for("its mark", lambda: os.path.exists(mark) and os.path.getsize(mark))
        return task["ID"], mark

    def pids(self, mark):
        with open(mark) as f:
            return [int(line) for line in f]

    def alive(self, mark):
        return [pid for pid in self.pids(mark) if os.path.exists(f"/proc/{pid}")]

    def test_the_task_ends_and_comes_back_with_the_manager(self):
        with Cluster() as cluster:
            manager = cluster.start_manager()
            worker = cluster.start_worker("n1")
            cluster.wait_ready("n1")
            task, mark = self.start(cluster, "careful", StopAfterDisconnect=SECONDS)
            _, plain = self.start(cluster, "plain")
            # As long as the manager is there, it is not touched.
            time.sleep(1.5 * SECONDS)
            self.assertEqual(len(self.alive(mark)), 1)
            self.assertEqual(cluster.task(task)["Attempt"], 1)

            manager.process.send_signal(signal.SIGSTOP)
            begin = time.monotonic()
            wait_for("it to end", lambda: not self.alive(mark), SECONDS + 10)
            # Its last echo was at most a third of that old.
            self.assertGreater(time.monotonic() - begin, SECONDS / 2)
            self.assertIn("attempt.cut-off", worker.log())
            time.sleep(1)
            self.assertEqual(self.alive(mark), [])
            self.assertEqual(len(self.alive(plain)), 1)

            # A worker that starts again while there is no manager does not start it either.
            worker.kill()
            worker.start()
            time.sleep(1)
            self.assertEqual(self.alive(mark), [])

            manager.process.send_signal(signal.SIGCONT)
            wait_for("it to run again", lambda: self.alive(mark), 30)
            self.assertEqual(len(self.pids(mark)), 2)
            after = cluster.wait_state(task, RUNNING)
            self.assertEqual((after["Attempt"], after["RestartCount"]), (2, 0))
            self.assertEqual(len(self.pids(plain)), 1)
            time.sleep(1.5 * SECONDS)
            self.assertEqual(len(self.alive(mark)), 1)


if __name__ == "__main__":
    unittest.main()
