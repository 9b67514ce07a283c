"""Valgrind finds no leak and no error when manager and worker end after real work."""

import os
import signal
import shutil
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import BUILD, COMPLETED, FAILED, RUNNING, Cluster, Daemon

VALGRIND = ["valgrind", "--quiet", "--leak-check=full", "--show-leak-kinds=definite,indirect,possible",
            "--errors-for-leak-kinds=definite,indirect", "--error-exitcode=99", "--keep-debuginfo=yes",
            "--fair-sched=yes"]


@unittest.skipIf("-" in os.path.basename(BUILD), "a sanitizer's build does not run under valgrind")
class NoLeak(unittest.TestCase):
    def test_of_manager_and_worker_after_real_work(self):
        self.assertTrue(shutil.which("valgrind"), "valgrind is not installed: contrib/install-deps check")
        with Cluster() as cluster:
            start = Daemon.start

            def slowly(daemon, wait=True):
                daemon.argv = VALGRIND + daemon.argv
                return start(daemon, wait)
            Daemon.start = slowly
            try:
                cluster.start_manager()
                cluster.start_worker("n1")
            finally:
                Daemon.start = start
            cluster.wait_ready("n1", seconds=60)
            done = [cluster.submit("/bin/true") for _ in range(5)]
            failed = cluster.submit("/no/such/program", RestartPolicy="no")
            stays = cluster.submit("/bin/sleep", "1000", ExposedPorts={"80/tcp": {}})
            for task in done:
                self.assertEqual(cluster.wait_final(task["ID"], 60)["State"], COMPLETED)
            self.assertEqual(cluster.wait_final(failed["ID"], 60)["State"], FAILED)
            cluster.wait_state(stays["ID"], RUNNING, 60)
            for path in ("/tasks", "/nodes", f"/tasks/{done[0]['ID']}/logs", f"/tasks/{done[0]['ID']}/history"):
                cluster.manager.get(path)
            self.assertEqual(cluster.manager.request("POST", "/tasks", "{")[0], 400)
            self.assertEqual(cluster.manager.request("DELETE", "/tasks/" + stays["ID"])[0], 204)
            cluster.wait_final(stays["ID"], 60)
            for daemon in (cluster.manager, cluster.workers["n1"]):
                code = daemon.kill(signal.SIGTERM)
                self.assertEqual(code, 0, daemon.log()[-6000:])


if __name__ == "__main__":
    unittest.main()
