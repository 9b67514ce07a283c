"""A container runtime whose calls do not come back: heartbeats, the API and other tasks go on,
the call is named, and the worker ends when it is told to."""

import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import BUILD, COMPLETED, RUNNING, Cluster, wait_for


class Gates:
    """A worker with the process runtime behind gates (tests/fake/gated_plugin.c)."""

    def __init__(self, cluster, name):
        self.folder = cluster.path(name + ".gates")
        os.mkdir(self.folder)
        cluster.cleanups.append(self.open_all)
        self.options = [os.path.join(BUILD, "tests", "fake", "gated_plugin.so")]
        for pair in (f"dir={cluster.path(name, 'process')}", f"gates={self.folder}",
                     f"real={BUILD}/plugins/runtime/process.so"):
            self.options += ["--runtime-opt", pair]

    def shut(self, gate):
        open(os.path.join(self.folder, gate), "w").close()

    def open_all(self):
        for gate in os.listdir(self.folder):
            os.unlink(os.path.join(self.folder, gate))


class Hanging(unittest.TestCase):
    def start(self, cluster, name, *shut):
        gates = Gates(cluster, name)
        for gate in shut:
            gates.shut(gate)
        runtime, *options = gates.options
        # cluster.start_worker adds the folder by itself for what is called process.
        cluster.start_worker(name, runtime, *options)
        return gates

    def all_goes_on(self, cluster):
        """Both nodes are heard, and the workers answer."""
        begin = time.monotonic()
        seen = {n["Name"]: n["LastSeen"] for n in cluster.manager.get("/nodes")}
        for worker in cluster.workers.values():
            self.assertEqual(worker.request("GET", "/healthz")[0], 200)
            worker.get("/tasks")
        self.assertLess(time.monotonic() - begin, 1)

        def heard():
            nodes = cluster.manager.get("/nodes")
            return all(n["Status"] == "ready" for n in nodes) and all(
                seen[n["Name"]] != n["LastSeen"] for n in nodes)
        wait_for("both to be heard again", heard)

    def test_it_is_named_and_holds_up_nothing_else(self):
        with Cluster() as cluster:
            cluster.start_manager("--node-timeout", "6")
            n2 = self.start(cluster, "n2", "probe")
            n1 = self.start(cluster, "n1")
            cluster.wait_ready("n1")
            stays = cluster.submit("/bin/sleep", "1000")
            cluster.wait_state(stays["ID"], RUNNING)
            # As many calls as the runtime wants at once, and they all hang.
            stuck = [cluster.submit("/bin/sleep", "1000", StopTimeout=1)["ID"] for _ in range(4)]
            for task_id in stuck:
                cluster.wait_state(task_id, RUNNING)
                n1.shut("signal-" + task_id)
                cluster.manager.request("DELETE", "/tasks/" + task_id)
            late = cluster.submit("/bin/true")
            self.all_goes_on(cluster)
            node = wait_for("the probe to be named", lambda: (
                node := cluster.manager.get("/nodes/n2"))["RuntimeReason"].startswith("runtime") and node, 20)
            self.assertRegex(node["RuntimeReason"], "runtime call probe hangs for 1[0-9] s")
            self.assertFalse(node["RuntimeReady"])
            self.all_goes_on(cluster)

            # Others take the place of those that are long beyond their time.
            self.assertEqual(cluster.wait_final(late["ID"], 30)["State"], COMPLETED)
            node = wait_for("the calls to be named", lambda: (
                node := cluster.manager.get("/nodes/n1"))["RuntimeReason"].endswith("and 3 more") and node)
            self.assertRegex(node["RuntimeReason"],
                             f"runtime call signal of task ({'|'.join(stuck)}) attempt 1 hangs for 2[0-9] s, and 3 more")
            self.assertTrue(node["RuntimeReady"])
            self.assertIn(node["RuntimeReason"], cluster.workers["n1"].log())
            self.assertEqual(cluster.task(stays["ID"])["State"], RUNNING)
            self.assertEqual([cluster.task(t)["State"] for t in stuck], [RUNNING] * 4)

            # They come back.
            n1.open_all()
            n2.open_all()
            for task_id in stuck:
                self.assertEqual(cluster.wait_final(task_id)["State"], COMPLETED)
            cluster.wait_ready("n1", "n2")
            wait_for("nothing to be said any more", lambda: not any(
                n["RuntimeReason"] for n in cluster.manager.get("/nodes")))
            self.assertEqual(cluster.task(stays["ID"])["State"], RUNNING)

    def test_a_worker_ends_in_time_whatever_hangs(self):
        with Cluster() as cluster:
            cluster.start_manager()
            gates = self.start(cluster, "n1")
            cluster.wait_ready("n1")
            stays = cluster.submit("/bin/sleep", "1000", Name="stays")
            cluster.wait_state(stays["ID"], RUNNING)
            gates.shut("run")
            gates.shut("inspect")
            waits = cluster.submit("/bin/true", Name="waits")
            wait_for("it to be begun", lambda: cluster.task(waits["ID"])["State"] != 0)
            time.sleep(0.3)
            begin = time.monotonic()
            self.assertEqual(cluster.workers["n1"].stop(), 0)
            self.assertLess(time.monotonic() - begin, 2.5)
            gates.open_all()
            cluster.workers["n1"].start()
            self.assertEqual(cluster.wait_final(waits["ID"])["State"], COMPLETED)
            self.assertEqual(cluster.task(stays["ID"])["Attempt"], 1)
            self.assertEqual(cluster.task(stays["ID"])["State"], RUNNING)


if __name__ == "__main__":
    unittest.main()
