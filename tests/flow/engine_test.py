"""A real Docker Engine that is killed and comes back, with and without its live-restore; and a
worker on one that is gone for good."""

import os
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import FAILED, RUNNING, SLOW, Cluster, Dockerd, wait_for

IMAGE = "cube-test/busybox"
TIMEOUT = 3  # --node-timeout
# Ends with 9 when it is asked to.
POLITE = ("sh", "-c", "trap 'exit 9' TERM; while :; do sleep 0.1; done")


class EngineKilled(unittest.TestCase):
    def run_killed(self, live_restore):
        """One task that may start again and one that may not; both run; the engine is killed."""
        self.engine = Dockerd(live_restore=live_restore).__enter__()
        self.addCleanup(self.engine.__exit__)
        self.cluster = Cluster()
        self.addCleanup(self.cluster.__exit__)
        self.cluster.start_manager()
        self.cluster.start_worker("d1", "docker.so", "--runtime-opt", "socket=" + self.engine.socket)
        self.cluster.wait_ready("d1", seconds=30)
        tasks = [self.cluster.submit(IMAGE, *POLITE, RestartPolicy=policy)["ID"] for policy in ("", "no")]
        before = [self.cluster.wait_state(t, RUNNING, 30) for t in tasks]
        os.kill(self.engine.pid(), signal.SIGKILL)
        wait_for("the node to say so", lambda: not self.cluster.manager.get("/nodes/d1")["RuntimeReady"])
        self.assertIn(self.engine.socket, self.cluster.manager.get("/nodes/d1")["RuntimeReason"])
        # That is nobody's end, as far as is known.
        self.assertEqual([self.cluster.task(t)["State"] for t in tasks], [RUNNING] * 2)
        self.engine.control("restart")
        self.cluster.wait_ready("d1", seconds=30)
        return before

    def containers(self, task_id):
        return self.engine.docker("ps", "-q", "--no-trunc", "--filter", "label=cube.task=" + task_id).split()

    def test_what_it_left_running_is_adopted(self):
        before = self.run_killed(live_restore=True)
        time.sleep(1)
        for task in before:
            now = self.cluster.task(task["ID"])
            self.assertEqual((now["State"], now["Attempt"], now["RestartCount"], now["ContainerID"]),
                             (RUNNING, 1, 0, task["ContainerID"]))
            self.assertEqual(self.containers(task["ID"]), [task["ContainerID"]])
        # And is still ours: a stop ends it, an end is seen.
        self.engine.docker("kill", "--signal", "TERM", before[1]["ContainerID"])
        self.assertEqual(self.cluster.wait_final(before[1]["ID"])["ExitCode"], 9)
        self.assertEqual(self.cluster.manager.request("DELETE", "/tasks/" + before[0]["ID"])[0], 204)
        self.cluster.wait_final(before[0]["ID"])
        wait_for("its container to be gone", lambda: not self.containers(before[0]["ID"]))

    def test_what_it_took_down_starts_again_if_it_may(self):
        again, ends = self.run_killed(live_restore=False)
        now = wait_for("the first to run again", lambda: (t := self.cluster.task(again["ID"]))["Attempt"] == 2
                       and t["State"] == RUNNING and t, 30)
        self.assertEqual(now["RestartCount"], 1)
        self.assertEqual(self.containers(again["ID"]), [now["ContainerID"]])
        reasons = [e["Reason"] for e in self.cluster.manager.get(f"/tasks/{again['ID']}/history")]
        self.assertTrue([r for r in reasons if "exit code" in r], reasons)
        now = self.cluster.wait_final(ends["ID"], 30)
        # The engine asks, and kills what does not end at once.
        self.assertEqual(now["State"], FAILED)
        self.assertIn(now["ExitCode"], (9, 137))
        self.assertTrue(now["Reason"].startswith(f"exit code {now['ExitCode']}"), now["Reason"])


class WorkerGone(unittest.TestCase):
    def test_its_tasks_run_elsewhere_within_node_timeout_and_3_s(self):
        with Dockerd() as first, Dockerd() as second, Cluster() as cluster:
            cluster.start_manager("--node-timeout", str(TIMEOUT))
            for name, engine in (("d1", first), ("d2", second)):
                cluster.start_worker(name, "docker.so", "--runtime-opt", "socket=" + engine.socket)
            cluster.wait_ready("d1", "d2", seconds=30)
            ids = [cluster.submit(IMAGE, *POLITE, StopTimeout=1)["ID"] for _ in range(8)]
            before = {i: cluster.wait_state(i, RUNNING, 30) for i in ids}
            gone = {i for i in ids if before[i]["Node"] == "d1"}
            self.assertEqual(len(gone), 4)

            # The machine is gone: the worker, and its engine.
            began = time.monotonic()
            cluster.workers["d1"].kill()
            os.kill(first.pid(), signal.SIGKILL)

            def elsewhere():
                now = {t["ID"]: t for t in cluster.manager.get("/tasks")}
                return all(now[i]["State"] == RUNNING and now[i]["Node"] == "d2" for i in gone) and now
            now = wait_for("its tasks to run elsewhere", elsewhere, 30)
            self.assertLess(time.monotonic() - began, (TIMEOUT + 3) * SLOW)
            running = second.docker("ps", "-q", "--no-trunc", "--filter", "label=cube.task").split()
            self.assertEqual(sorted(running), sorted(now[i]["ContainerID"] for i in ids))
            for i in ids:
                self.assertEqual((now[i]["Attempt"], now[i]["RestartCount"]), (2 if i in gone else 1, 0))
            self.assertEqual(cluster.manager.get("/nodes/d1")["Status"], "lost")

            # It comes back with what it had: that is stopped there, and all else goes on.
            first.control("restart")
            cluster.workers["d1"].start()
            cluster.wait_ready("d1", seconds=30)
            wait_for("the old ones to be gone", lambda: not first.docker(
                "ps", "-q", "--filter", "label=cube.task").split(), 20)
            after = {t["ID"]: t for t in cluster.manager.get("/tasks")}
            for i in ids:
                self.assertEqual((after[i]["State"], after[i]["Attempt"], after[i]["ContainerID"]),
                                 (RUNNING, now[i]["Attempt"], now[i]["ContainerID"]))


if __name__ == "__main__":
    unittest.main()
