"""What ends starts again: restart policies with the real programs, process.so and a real Docker
Engine, their pauses and limits, stops in between, and a manager killed meanwhile."""

import calendar
import os
import re
import socket
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import (COMPLETED, FAILED, PENDING, RUNNING, SCHEDULED, SLOW, ZERO_TIME, Cluster, Dockerd, amount,
                  free_port, wait_for)

IMAGE = "cube-test/busybox"
MEASURED = amount("CUBE_TEST_RESTARTS", 10, 100)


def seconds(text):
    """An RFC 3339 UTC time as Unix seconds."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float("0." + (fraction or "0"))


def waits(task):
    return "RestartAt" in task and not task["Final"]


class OnProcesses(unittest.TestCase):
    def setUp(self):
        self.cluster = Cluster()
        self.addCleanup(self.cluster.__exit__)
        self.cluster.start_manager()
        self.cluster.start_worker("n1")
        self.cluster.wait_ready("n1")

    def history(self, task_id):
        return self.cluster.manager.get(f"/tasks/{task_id}/history")

    def pauses(self, task_id):
        """From each failure to the placement that followed it, in seconds."""
        entries = [e for e in self.history(task_id) if e["State"] in (FAILED, SCHEDULED)]
        return [seconds(b["Time"]) - seconds(a["Time"]) for a, b in zip(entries, entries[1:])
                if a["State"] == FAILED]

    def wait_waiting(self, task_id, restarts=1):
        return wait_for(f"restart {restarts} to be waited for",
                        lambda: waits(t := self.cluster.task(task_id)) and t["Restarts"] >= restarts and t)

    def test_what_fails_always_pauses_longer_each_time_and_gives_up(self):
        task_id = self.cluster.submit("/bin/sh", "-c", "echo attempt; exit 1", Name="crasher")["ID"]
        task = self.wait_waiting(task_id)
        self.assertEqual((task["State"], task["Reason"], task["RestartsMax"]), (FAILED, "exit code 1", 3))
        code, out, _ = self.cluster.cube("status")
        self.assertRegex(out, r"crasher +Restarting .*restart [123] of 3 in [0-4] s: exit code 1")
        code, out, _ = self.cluster.cube("status", "crasher")
        self.assertRegex(out, r"State: +Restarting\nReason: +restart [123] of 3 in [0-4] s: exit code 1\n")
        task = self.cluster.wait_final(task_id, 30)
        self.assertEqual((task["State"], task["Reason"]), (FAILED, "gave up after 3 restarts: exit code 1"))
        self.assertEqual((task["Attempt"], task["RestartCount"], task["ExitCode"]), (4, 3, 1))
        self.assertNotIn("RestartAt", task)
        pauses = self.pauses(task_id)
        print(f"pauses after failures: {['%.3f' % p for p in pauses]} s", flush=True)
        self.assertEqual(len(pauses), 3)
        for pause, whole in zip(pauses, (1, 2, 4)):
            self.assertGreaterEqual(pause, whole * 0.75 - 0.01)
            self.assertLess(pause, whole + 1 * SLOW)

    def test_on_failure_counts_to_its_own_limit(self):
        code, out, _ = self.cluster.cube("run", "--restart", "on-failure:1", "--wait", "/bin/sh", "-c", "exit 9")
        self.assertEqual(code, 9)  # it waited over the restart
        task = self.cluster.task(out.split()[0])
        self.assertEqual((task["Attempt"], task["Reason"]), (2, "gave up after 1 restart: exit code 9"))
        code, out, _ = self.cluster.cube("run", "--restart", "always", "--max-restarts", "1", "--wait", "/bin/true")
        task = self.cluster.task(out.split()[0])
        self.assertEqual((task["Attempt"], task["State"]), (2, FAILED))
        self.assertEqual(task["Reason"], "gave up after 1 restart: exit code 0")

    def test_always_and_unless_stopped_start_again_what_ended_well(self):
        for policy in ("always", "unless-stopped"):
            with self.subTest(policy):
                task_id = self.cluster.submit("/bin/sh", "-c", "exit 0", RestartPolicy=policy)["ID"]
                task = self.wait_waiting(task_id)
                self.assertEqual((task["State"], task["Final"]), (PENDING, False))
                wait_for("the second attempt", lambda: self.cluster.task(task_id)["Attempt"] >= 2)
                code, _, err = self.cluster.cube("stop", task_id)
                self.assertEqual(code, 0, err)
                self.assertEqual(self.cluster.task(task_id)["State"], COMPLETED)
        done = self.cluster.submit("/bin/sh", "-c", "exit 0", RestartPolicy="on-failure")["ID"]
        self.assertEqual(self.cluster.wait_final(done)["State"], COMPLETED)

    def test_a_stop_while_it_waits_is_done_at_once_and_for_good(self):
        task_id = self.cluster.submit("/bin/sh", "-c", "exit 1", RestartPolicy="always", Memory=1 << 20)["ID"]
        self.wait_waiting(task_id, 2)
        begin = time.monotonic()
        code, out, err = self.cluster.cube("stop", task_id)
        self.assertEqual((code, out.strip()), (0, task_id), err)
        self.assertLess(time.monotonic() - begin, 1 * SLOW)
        task = self.cluster.task(task_id)
        self.assertEqual((task["State"], task["Final"], task["Reason"]),
                         (COMPLETED, True, "stopped while it waited to restart"))
        node = self.cluster.manager.get("/nodes/n1")
        self.assertEqual((node["TaskCount"], node["MemoryAllocated"]), (0, 0))
        attempt = task["Attempt"]
        time.sleep(3)
        self.assertEqual(self.cluster.task(task_id)["Attempt"], attempt)

    def test_a_manager_killed_while_a_task_waits_starts_it_all_the_same(self):
        task_id = self.cluster.submit("/bin/sh", "-c", "exit 1", RestartPolicy="always", Memory=1 << 20)["ID"]
        before = self.wait_waiting(task_id, 3)
        self.cluster.manager.kill()
        self.cluster.start_manager()
        after = self.cluster.task(task_id)
        if waits(after) and after["Restarts"] == before["Restarts"]:
            self.assertEqual(after["RestartAt"], before["RestartAt"])
        wait_for("the next attempt", lambda: self.cluster.task(task_id)["Attempt"] > before["Attempt"], 30)
        after = self.wait_waiting(task_id, before["Restarts"] + 1)
        self.assertEqual(after["RestartCount"], before["Restarts"])

    def test_logs_follow_over_restarts(self):
        script = f"echo x >> {self.cluster.path('count')}; echo this is $(wc -l < {self.cluster.path('count')}); exit 1"
        task_id = self.cluster.submit("/bin/sh", "-c", script)["ID"]
        code, out, err = self.cluster.cube("logs", "-f", task_id)
        self.assertEqual((code, out), (0, "this is 1\nthis is 2\nthis is 3\nthis is 4\n"), err)

    def test_after_two_failures_it_runs_elsewhere(self):
        self.cluster.start_worker("n2")
        self.cluster.wait_ready("n1", "n2")
        task_id = self.cluster.submit("/bin/sh", "-c", "exit 1", RestartPolicy="on-failure:2")["ID"]
        self.cluster.wait_final(task_id, 30)
        placed = [e["Node"] for e in self.history(task_id) if e["State"] == SCHEDULED]
        self.assertEqual(len(placed), 3)
        self.assertEqual(placed[0], placed[1])
        self.assertNotEqual(placed[1], placed[2])

    def test_from_the_failure_seen_to_the_replacement_running(self):
        """The figure: the pause and at most 100 ms. What is asserted is ten times that."""
        tasks = [self.cluster.submit("/bin/sh", "-c", f"[ -e {self.cluster.path(str(i))} ] && exec sleep 1000; "
                                     f"touch {self.cluster.path(str(i))}; exit 1")["ID"] for i in range(MEASURED)]
        late = []
        for task_id in tasks:
            self.cluster.wait_state(task_id, RUNNING, 60)
            wait_for("the second attempt", lambda: (t := self.cluster.task(task_id))["Attempt"] == 2 and
                     t["State"] == RUNNING, 60)
            entries = self.history(task_id)
            failed = next(e for e in entries if e["State"] == FAILED)
            placed = next(e for e in entries if e["State"] == SCHEDULED and e["Attempt"] == 2)
            running = next(e for e in entries if e["State"] == RUNNING and e["Attempt"] == 2)
            pause = seconds(placed["Time"]) - seconds(failed["Time"])
            self.assertGreaterEqual(pause, 0.74)
            # Of the longest pause there can be; and of its own.
            late.append((seconds(running["Time"]) - seconds(failed["Time"]) - 1.0,
                         seconds(running["Time"]) - seconds(placed["Time"])))
        over = sorted(own for _, own in late)
        print(f"failure seen -> replacement running: its pause and {1000 * over[len(over) // 2]:.0f} ms (median), "
              f"{1000 * over[-1]:.0f} ms (most) of {len(over)}", flush=True)
        self.assertLess(max(longest for longest, _ in late), 1.0 * SLOW)


class OnDocker(unittest.TestCase):
    def test_a_port_that_is_taken_is_tried_again_and_counts_no_restart(self):
        with Dockerd() as dockerd, Cluster() as cluster, socket.socket() as taken:
            taken.bind(("0.0.0.0", 0))
            taken.listen()
            port = taken.getsockname()[1]
            cluster.start_manager()
            cluster.start_worker("d1", "docker.so", "--runtime-opt", "socket=" + dockerd.socket)
            cluster.wait_ready("d1", seconds=30)
            task_id = cluster.submit(IMAGE, "sleep", "1000", Name="web", RestartPolicy="no",
                                     PortBindings={"80/tcp": str(port)})["ID"]
            task = wait_for("it to be tried", lambda: waits(t := cluster.task(task_id)) and t, 60)
            self.assertEqual((task["State"], task["PortTaken"], task["RestartCount"]), (PENDING, True, 0))
            self.assertIn(str(port), task["Reason"])
            wait_for("status to say so", lambda: re.search(
                r"web +Restarting .*again in [0-9]+ s: ", cluster.cube("status")[1]))
            taken.close()
            task = cluster.wait_state(task_id, RUNNING, 60)
            self.assertEqual((task["RestartCount"], task["Node"]), (0, "d1"))
            self.assertGreater(task["Attempt"], 1)
            self.assertNotIn("PortTaken", task)

    def test_what_docker_killed_runs_again_within_three_seconds(self):
        with Dockerd() as dockerd, Cluster() as cluster:
            cluster.start_manager()
            cluster.start_worker("d1", "docker.so", "--runtime-opt", "socket=" + dockerd.socket)
            cluster.wait_ready("d1", seconds=30)
            task_id = cluster.submit(IMAGE, "sh", "-c", "echo begun; exec sleep 1000", Name="victim")["ID"]
            first = cluster.wait_state(task_id, RUNNING, 60)
            code, out, err = cluster.cube("logs", task_id)
            begin = time.monotonic()
            dockerd.docker("kill", first["ContainerID"])
            task = wait_for("it to fail", lambda: (t := cluster.task(task_id))["State"] != RUNNING and t)
            self.assertEqual((task["ExitCode"], task["Reason"]), (137, "exit code 137 (signal 9)"))
            second = cluster.wait_state(task_id, RUNNING)
            took = time.monotonic() - begin
            print(f"docker kill -> running again: {took:.2f} s", flush=True)
            self.assertLess(took, 3 * SLOW)
            self.assertEqual((second["Attempt"], second["Node"]), (2, "d1"))
            self.assertNotEqual(second["ContainerID"], first["ContainerID"])
            self.assertTrue(dockerd.inspect(second["ContainerID"])["State"]["Running"])
            # The output of the one before is kept.
            self.assertEqual(cluster.manager.get(f"/tasks/{task_id}/logs?attempt=1"), "begun\n")
            # Removed under the worker: vanished, and it runs again as well.
            dockerd.docker("rm", "-f", second["ContainerID"])
            third = wait_for("the third attempt", lambda: (t := cluster.task(task_id))["Attempt"] == 3 and
                             t["State"] == RUNNING and t, 20)
            self.assertNotEqual(third["ContainerID"], second["ContainerID"])
            code, _, err = cluster.cube("stop", task_id)
            self.assertEqual(code, 0, err)


class PortTaken(unittest.TestCase):
    """A host port that something else on the node holds costs no restart, whatever the policy."""

    def test_it_waits_with_the_reason_and_runs_when_the_port_is_free(self):
        with Cluster() as cluster, socket.socket() as holder:
            cluster.start_manager()
            cluster.start_worker("n1")
            cluster.wait_ready("n1")
            port = free_port()
            holder.bind(("0.0.0.0", port))
            holder.listen()
            task_id = cluster.submit("/bin/sleep", "1000", ExposedPorts={"80/tcp": {}},
                                     PortBindings={"80/tcp": str(port)}, RestartPolicy="no")["ID"]
            task = wait_for("it to be tried twice", lambda: (t := cluster.task(task_id))["Attempt"] >= 2 and
                            t["State"] == PENDING and t)
            self.assertEqual(task["Reason"], f"host port {port}/tcp: Address already in use")
            self.assertEqual((task["RestartCount"], task["Final"]), (0, False))
            self.assertLess(task["Attempt"], 10)  # it does not spin
            holder.close()
            task = cluster.wait_state(task_id, RUNNING, 30)
            self.assertEqual(task["RestartCount"], 0)
            left = [name for _, folders, _ in os.walk(cluster.path("n1", "process")) for name in folders
                    if task_id in name]
            self.assertEqual(len(left), 1, left)


if __name__ == "__main__":
    unittest.main()
