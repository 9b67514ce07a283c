"""A task that fits nowhere runs as soon as there is room: an event wakes it, no timer does.

The bound is 100 ms from the end that the manager hears of until it hears that the other runs, of
which the engine's own share is taken off. It is printed, and held with slack: timers of the manager
and the workers are seconds long, so one that took part would be seen all the same.
"""

import http.client
import json
import os
import socket
import statistics
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import SLOW, Cluster, Dockerd, amount
from freed import handovers

IMAGE = "cube-test/busybox"
COUNT = amount("CUBE_TEST_HANDOVERS", 20, 100)
BOUND_MS = 100
SLACK = 5 * SLOW  # machines that are busy with other tests


def created_and_started(path):
    """The engine's own share, in ms: a container of the same kind, asked for on its socket."""
    engine = http.client.HTTPConnection("docker")
    engine.sock = socket.socket(socket.AF_UNIX)
    engine.sock.connect(path)
    body = {"Image": IMAGE, "Cmd": ["sleep", "1000"], "HostConfig": {"NetworkMode": "host", "NanoCpus": 10**9}}
    began = time.monotonic()
    engine.request("POST", "/containers/create", json.dumps(body), {"Content-Type": "application/json"})
    made = json.loads(engine.getresponse().read())
    engine.request("POST", f"/containers/{made['Id']}/start", headers={"Content-Length": "0"})
    status = engine.getresponse().status
    ms = (time.monotonic() - began) * 1e3
    engine.close()
    assert status == 204, status
    return ms


class Freed(unittest.TestCase):
    def check(self, what, found, engine_ms=0):
        placed = sorted(h.placed_ms for h in found)
        running = sorted(h.running_ms for h in found)
        heard = statistics.median(h.heard_ms for h in found)
        print(f"{what}: an end is heard of after {heard:.0f} ms (median); from then until the next one runs: median "
              f"{statistics.median(running):.0f} ms, most {running[-1]:.0f} ms, of which to its place {placed[-1]:.0f} "
              f"ms at most; the engine alone {engine_ms:.0f} ms", file=sys.stderr)
        self.assertEqual(len(found), COUNT)
        # In the very step that heard of the end, or in one that follows without a pause.
        self.assertLess(statistics.median(placed), BOUND_MS / 5 * SLACK)
        self.assertLess(heard, BOUND_MS * SLACK)
        self.assertLess(statistics.median(running) - engine_ms, BOUND_MS * SLACK)

    def test_room_freed_by_a_process_is_used_at_once(self):
        with Cluster() as c:
            c.start_manager()
            c.start_worker("n1", "process.so", "--cpus", "1")
            c.wait_ready("n1")
            self.check("process.so", handovers(c, COUNT, 1, "/bin/sleep", "1000"))

    def test_room_freed_by_a_container_is_used_at_once(self):
        with Dockerd() as dockerd, Cluster() as c:
            c.start_manager()
            c.start_worker("n1", "docker.so", "--cpus", "1", "--runtime-opt", "socket=" + dockerd.socket,
                           "--runtime-opt", "network=host")
            c.wait_ready("n1", seconds=30)
            alone = [created_and_started(dockerd.socket) for _ in range(5)]
            found = handovers(c, COUNT, 1, IMAGE, "sleep", "1000")
            alone += [created_and_started(dockerd.socket) for _ in range(5)]
            self.check("docker.so", found, statistics.median(alone))


if __name__ == "__main__":
    unittest.main()
