"""A worker that accepts connections and never answers holds nothing else up."""

import os
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import COMPLETED, RUNNING, Cluster, wait_for


class Tarpit:
    """Accepts, reads, says nothing."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.connections = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                self.connections.append(self.listener.accept()[0])
            except OSError:
                return

    def close(self):
        self.listener.close()
        for c in self.connections:
            c.close()


class Stuck(unittest.TestCase):
    def test_a_silent_worker_holds_up_nobody(self):
        with Cluster() as cluster:
            tarpit = Tarpit()
            cluster.cleanups.append(tarpit.close)
            cluster.start_manager("--workers", f"127.0.0.1:{tarpit.port}")
            cluster.start_worker("n1")
            cluster.wait_ready("n1")
            wait_for("the silent one to be asked", lambda: tarpit.connections)
            slowest = 0
            for _ in range(30):
                begin = time.monotonic()
                task = cluster.submit("/bin/true")
                slowest = max(slowest, time.monotonic() - begin)
                self.assertEqual(cluster.wait_final(task["ID"])["State"], COMPLETED)
            self.assertLess(slowest, 1)

    def test_a_worker_that_is_stopped_loses_nothing(self):
        with Cluster() as cluster:
            import signal
            cluster.start_manager("--node-timeout", "6")
            cluster.start_worker("n1")
            cluster.start_worker("n2")
            cluster.wait_ready("n1", "n2")
            tasks = [cluster.submit("/bin/sleep", "1000") for _ in range(4)]
            for task in tasks:
                cluster.wait_state(task["ID"], RUNNING)
            frozen = cluster.workers["n1"].process
            frozen.send_signal(signal.SIGSTOP)
            try:
                wait_for("n1 to be unreachable", lambda: cluster.manager.get("/nodes/n1")["Status"] in
                         ("unreachable", "lost"), 20)
                # All that is new goes where somebody answers, at once.
                for _ in range(6):
                    task = cluster.submit("/bin/true")
                    task = cluster.wait_final(task["ID"])
                    self.assertEqual((task["State"], task["Node"]), (COMPLETED, "n2"))
            finally:
                frozen.send_signal(signal.SIGCONT)
            cluster.wait_ready("n1", "n2")
            for task in tasks:
                self.assertEqual(cluster.task(task["ID"])["State"], RUNNING)


if __name__ == "__main__":
    unittest.main()
