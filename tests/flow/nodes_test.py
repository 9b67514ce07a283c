"""Nodes that are killed, cut off, cordoned, drained and removed, with the real programs and
process.so: where their tasks run then, and that none of them runs twice or is missing for longer
than it must."""

import json
import os
import signal
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import COMPLETED, PENDING, RUNNING, SLOW, Cluster, wait_for

TIMEOUT = 3  # --node-timeout


def pids_of(marker):
    """The processes of tasks that were started with this in their environment."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                command = f.read().split(b"\0")
            with open(f"/proc/{pid}/environ", "rb") as f:
                environ = f.read().split(b"\0")
        except OSError:
            continue
        if f"MARK={marker}".encode() in environ and command[0] == b"/bin/sleep":
            found.append(int(pid))
    return found


class Nodes(unittest.TestCase):
    def start(self, count, *options):
        self.cluster = Cluster("roundrobin.so")
        self.addCleanup(self.cluster.__exit__)
        self.cluster.start_manager("--node-timeout", str(TIMEOUT), *options)
        self.names = [f"n{i + 1}" for i in range(count)]
        for name in self.names:
            self.cluster.start_worker(name)
        self.cluster.wait_ready(*self.names)

    def run_tasks(self, count, **fields):
        """Submits so many, each with its own mark, and waits until they run; their ids."""
        ids = [self.cluster.submit("/bin/sleep", "1000", Name=f"t{i}", StopTimeout=1,
                                   Env=[f"MARK={os.path.basename(self.cluster.dir)}-{i}"], **fields)["ID"]
               for i in range(count)]
        for task_id in ids:
            self.cluster.wait_state(task_id, RUNNING)
        return ids

    def tasks(self):
        return {t["ID"]: t for t in self.cluster.manager.get("/tasks")}

    def node(self, name):
        return self.cluster.manager.get("/nodes/" + name)

    def wait_status(self, name, status, seconds=20):
        return wait_for(f"{name} to be {status}", lambda: (n := self.node(name))["Status"] == status and n, seconds)

    def history(self, task_id):
        return self.cluster.manager.get(f"/tasks/{task_id}/history")

    def assert_single(self, count):
        """Each task is one process, when all has come to rest."""
        mark = os.path.basename(self.cluster.dir)
        for i in range(count):
            wait_for(f"one process of task {i}", lambda: len(pids_of(f"{mark}-{i}")) == 1, 10)

    def kill_for_good(self, name):
        """The worker, and all that it runs: the machine is gone."""
        worker = self.cluster.workers.pop(name)
        worker.kill()
        directory = self.cluster.path(name)
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                cwd = os.readlink(f"/proc/{pid}/cwd")
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    command = f.read()
            except OSError:
                continue
            if cwd.startswith(directory + "/") or (b"process-supervisor" in command and directory.encode() in command):
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except OSError:
                    pass


class Lost(Nodes):
    def killed_for_good(self, count):
        self.start(count)
        ids = self.run_tasks(4 * count)
        before = self.tasks()
        gone = [i for i in ids if before[i]["Node"] == "n1"]
        self.assertTrue(gone)
        began = time.monotonic()
        self.kill_for_good("n1")

        def elsewhere():
            now = self.tasks()
            return all(now[i]["State"] == RUNNING and now[i]["Node"] != "n1" for i in gone) and now
        now = wait_for("the tasks of n1 to run elsewhere", elsewhere, 20)
        took = time.monotonic() - began
        self.assertLess(took, (TIMEOUT + 3) * SLOW)
        self.assertGreater(took, TIMEOUT - 1)
        for i in ids:
            if i in gone:
                self.assertEqual((now[i]["Attempt"], now[i]["RestartCount"]), (before[i]["Attempt"] + 1, 0))
                self.assertIn("node n1 was lost: silent for", " ".join(e["Reason"] for e in self.history(i)))
            else:
                self.assertEqual((now[i]["Node"], now[i]["Attempt"]), (before[i]["Node"], before[i]["Attempt"]))
        self.assertEqual(self.node("n1")["Status"], "lost")
        self.assertEqual(self.node("n1")["TaskCount"], 0)
        self.assert_single(len(ids))

    def test_a_worker_killed_for_good_of_two(self):
        self.killed_for_good(2)

    def test_a_worker_killed_for_good_of_three(self):
        self.killed_for_good(3)

    def test_a_node_that_returns_ends_what_was_superseded_and_goes_on_with_the_rest(self):
        self.start(3)
        moving = self.run_tasks(6)
        staying = [self.cluster.submit("/bin/sleep", "1000", Name=f"w{i}", OnNodeLost="wait")["ID"] for i in range(3)]
        for i in staying:
            self.cluster.wait_state(i, RUNNING)
        before = self.tasks()
        mine = [i for i in staying if before[i]["Node"] == "n1"]
        self.assertTrue(mine)
        worker = self.cluster.workers["n1"]
        # Stopped, not killed: its tasks run on, as on a machine that is cut off.
        worker.process.send_signal(signal.SIGSTOP)
        wait_for("the tasks of n1 to run elsewhere", lambda: all(
            (t := self.tasks()[i])["State"] == RUNNING and t["Node"] != "n1" for i in moving), 20)
        lost = self.tasks()
        for i in mine:
            self.assertEqual((lost[i]["State"], lost[i]["Node"], lost[i]["Attempt"]), (RUNNING, "n1", 1))
            self.assertIn("waits for its return", lost[i]["Reason"])
        self.assertEqual(self.node("n1")["Status"], "lost")
        worker.process.send_signal(signal.SIGCONT)
        self.wait_status("n1", "ready")
        self.assert_single(len(moving))
        after = self.tasks()
        for i in moving + staying:
            self.assertEqual((after[i]["State"], after[i]["Node"], after[i]["Attempt"], after[i]["StartTime"]),
                             (RUNNING, lost[i]["Node"], lost[i]["Attempt"], lost[i]["StartTime"]))
        self.assertEqual(after[mine[0]]["Reason"], "")
        there = [t["ID"] for t in worker.get("/tasks") if t["State"] == RUNNING]
        self.assertEqual(sorted(there), sorted(mine))

    def test_the_only_node_returns_and_its_tasks_go_on(self):
        self.start(1)
        ids = self.run_tasks(3)
        before = self.tasks()
        worker = self.cluster.workers["n1"]
        worker.process.send_signal(signal.SIGSTOP)
        self.wait_status("n1", "lost")
        self.assertEqual({t["State"] for t in self.tasks().values()}, {PENDING})
        worker.process.send_signal(signal.SIGCONT)
        for i in ids:
            task = self.cluster.wait_state(i, RUNNING)
            self.assertEqual((task["Attempt"], task["StartTime"]), (1, before[i]["StartTime"]))
        self.assert_single(3)

    def test_while_most_nodes_are_silent_none_is_lost(self):
        self.start(3)
        ids = self.run_tasks(6)
        before = self.tasks()
        stopped = [self.cluster.workers[n] for n in ("n1", "n2")]
        for worker in stopped:
            worker.process.send_signal(signal.SIGSTOP)
        self.wait_status("n1", "unreachable")
        time.sleep(2 * TIMEOUT)
        self.assertEqual([self.node(n)["Status"] for n in self.names], ["unreachable", "unreachable", "ready"])
        self.assertIn("2 of 3 nodes are silent", self.node("n1")["Reason"])
        for worker in stopped:
            worker.process.send_signal(signal.SIGCONT)
        self.cluster.wait_ready(*self.names)
        after = self.tasks()
        for i in ids:
            self.assertEqual((after[i]["Node"], after[i]["Attempt"]), (before[i]["Node"], 1))
        log = self.cluster.manager.log()
        self.assertEqual((log.count("nodes.silent"), log.count("node.lost")), (1, 0))

    def test_a_manager_that_was_stopped_loses_nobody(self):
        self.start(2)
        ids = self.run_tasks(4)
        self.cluster.manager.process.send_signal(signal.SIGSTOP)
        time.sleep(3 * TIMEOUT)
        self.cluster.manager.process.send_signal(signal.SIGCONT)
        time.sleep(TIMEOUT + 1)
        self.assertEqual({self.tasks()[i]["Attempt"] for i in ids}, {1})
        self.assertNotIn("node.lost", self.cluster.manager.log())
        self.cluster.wait_ready("n1", "n2")

    def test_a_lost_node_can_be_removed_and_a_live_one_cannot(self):
        self.start(2)
        ids = self.run_tasks(4, OnNodeLost="wait")
        code, _, err = self.cluster.cube("node", "rm", "n1")
        self.assertEqual(code, 1)
        self.assertIn("drain it first (cube node drain n1)", err)
        self.kill_for_good("n1")
        self.wait_status("n1", "lost")
        self.assertEqual(self.node("n1")["TaskCount"], 2)
        self.assertEqual(self.cluster.cube("node", "rm", "n1"), (0, "n1\n", ""))
        wait_for("all tasks to run on n2", lambda: all(
            (t := self.tasks()[i])["State"] == RUNNING and t["Node"] == "n2" for i in ids), 10)
        self.assertEqual([n["Name"] for n in self.cluster.manager.get("/nodes")], ["n2"])
        self.assert_single(4)

    def test_a_task_that_stops_when_cut_off_is_never_there_twice(self):
        self.start(2)
        task_id, = self.run_tasks(1, StopAfterDisconnect=10)
        mark = f"{os.path.basename(self.cluster.dir)}-0"
        # Nobody hears of the manager.
        self.cluster.manager.process.send_signal(signal.SIGSTOP)
        wait_for("its worker to stop it", lambda: pids_of(mark) == [], 30)
        self.cluster.manager.process.send_signal(signal.SIGCONT)
        task = wait_for("it to run again",
                        lambda: (t := self.tasks()[task_id])["State"] == RUNNING and t["Attempt"] == 2 and t)
        self.assertEqual(task["RestartCount"], 0)
        # Its machine is gone: the other one waits for as long as it might have lived.
        here = task["Node"]
        other = "n2" if here == "n1" else "n1"
        began = time.monotonic()
        self.kill_for_good(here)
        self.wait_status(here, "lost")
        self.assertIn("StopAfterDisconnect", self.tasks()[task_id]["Reason"])
        task = wait_for("it to run elsewhere",
                        lambda: (t := self.tasks()[task_id])["State"] == RUNNING and t["Node"] == other and t, 30)
        # 10 s and their hundredth, a second of grace and five for the kill.
        self.assertGreater(time.monotonic() - began, 10 + 1 + 5 - 1)
        self.assertLess(time.monotonic() - began, 10 + 1 + 5 + 3 * SLOW)
        self.assertEqual(len(pids_of(mark)), 1)


class Sampler(threading.Thread):
    """How many of these processes are there, all the time, by the kernel's own word.

    A walk over /proc takes its time: one that starts behind the walker and one that ends before
    it are both missed by it. So only what two walks in a row have missed is missing."""

    def __init__(self, marks):
        super().__init__(daemon=True)
        self.marks, self.samples, self.least, self.ends = marks, 0, len(marks), False

    def missing(self):
        seen = set()
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    if not f.read().startswith(b"/bin/sleep\0"):
                        continue
                with open(f"/proc/{pid}/environ", "rb") as f:
                    environ = f.read().split(b"\0")
            except OSError:
                continue
            seen |= {e for e in environ if e in self.marks}
        return self.marks - seen

    def run(self):
        before = set()
        while not self.ends:
            missing = self.missing()
            self.samples += 1
            self.least = min(self.least, len(self.marks) - len(missing & before))
            before = missing

    def stop(self):
        self.ends = True
        self.join()


class Drained(Nodes):
    def test_a_drain_of_twenty_tasks_misses_one_at_a_time(self):
        self.start(3)
        for name in ("n2", "n3"):
            self.assertEqual(self.cluster.cube("node", "cordon", name), (0, name + "\n", ""))
        ids = self.run_tasks(20)
        self.assertEqual(self.node("n1")["TaskCount"], 20)
        for name in ("n2", "n3"):
            self.assertEqual(self.cluster.cube("node", "uncordon", name)[0], 0)
        mark = os.path.basename(self.cluster.dir)
        sampler = Sampler({f"MARK={mark}-{i}".encode() for i in range(20)})
        self.assertEqual(sampler.missing(), set())
        sampler.start()
        code, out, err = self.cluster.cube("node", "drain", "n1")
        sampler.stop()
        self.assertEqual((code, err), (0, ""))
        self.assertEqual((out.count(" runs on n2"), out.count(" runs on n3")), (10, 10))
        self.assertEqual(out.splitlines()[-1], "n1")
        self.assertGreater(sampler.samples, 20)
        self.assertGreaterEqual(sampler.least, 19)
        # The manager's own history says the same, without gaps between samples.
        self.assertEqual(self.most_missing(ids), 1)
        now = self.tasks()
        for i in ids:
            self.assertEqual((now[i]["State"], now[i]["Attempt"], now[i]["RestartCount"]), (RUNNING, 2, 0))
            self.assertIn(now[i]["Node"], ("n2", "n3"))
        self.assertEqual(self.node("n1")["Status"], "cordoned")
        self.assertEqual(self.node("n1")["DrainStopped"], 0)
        self.assert_single(20)

    def most_missing(self, ids):
        """At most how many of them were not running at once, after all first did."""
        lines = self.cluster.manager.request("GET", "/events?since=0&follow=0")[2].splitlines()
        running, missing, most, all_ran = set(), set(), 0, False
        for event in map(json.loads, filter(None, lines)):
            if event.get("Task") not in ids:
                continue
            if event["State"] == RUNNING:
                running.add(event["Task"])
                missing.discard(event["Task"])
            elif all_ran:
                missing.add(event["Task"])
            all_ran = all_ran or len(running) == len(ids)
            most = max(most, len(missing))
        self.assertTrue(all_ran)
        return most

    def test_nothing_new_comes_to_a_cordoned_node_also_after_a_restart(self):
        self.start(2)
        self.run_tasks(2)
        self.assertEqual(self.cluster.cube("node", "cordon", "n1"), (0, "n1\n", ""))
        self.assertEqual(self.cluster.cube("node", "cordon", "n1"), (0, "n1\n", ""))
        ids = [self.cluster.submit("/bin/sleep", "1000")["ID"] for _ in range(6)]
        for i in ids:
            self.assertEqual(self.cluster.wait_state(i, RUNNING)["Node"], "n2")
        self.assertEqual(self.node("n1")["TaskCount"], 1)
        self.cluster.manager.kill()
        self.cluster.start_manager("--node-timeout", str(TIMEOUT))
        self.wait_status("n1", "cordoned")
        self.assertEqual(self.cluster.wait_state(self.cluster.submit("/bin/sleep", "1000")["ID"], RUNNING)["Node"], "n2")
        self.assertEqual(self.cluster.cube("node", "uncordon", "n1"), (0, "n1\n", ""))
        nodes = {self.cluster.wait_state(self.cluster.submit("/bin/sleep", "1000")["ID"], RUNNING)["Node"]
                 for _ in range(4)}
        self.assertIn("n1", nodes)

    def test_what_fits_nowhere_else_is_stopped_at_the_deadline(self):
        self.start(2)
        cores = self.node("n1")["Cores"]
        big, = self.run_tasks(1, Cpu=cores)
        here = self.tasks()[big]["Node"]
        other = "n2" if here == "n1" else "n1"
        small = self.cluster.submit("/bin/sleep", "1000", Cpu=cores / 2)["ID"]
        self.assertEqual(self.cluster.wait_state(small, RUNNING)["Node"], other)
        began = time.monotonic()
        code, out, err = self.cluster.cube("node", "drain", here, "--deadline", "2")
        self.assertGreater(time.monotonic() - began, 2)
        self.assertEqual(code, 1)
        self.assertIn("1 task had to be stopped", err)
        self.assertIn("waits: no ready node has", out)
        task = self.tasks()[big]
        self.assertEqual((task["State"], task["Final"]), (PENDING, False))
        self.assertIn("stopped at the deadline of the drain", self.history(big)[-1]["Reason"])
        # Room is made: there it goes.
        self.assertEqual(self.cluster.cube("stop", small)[0], 0)
        self.assertEqual(self.cluster.wait_state(big, RUNNING)["Node"], other)

    def test_a_drain_outlives_the_manager(self):
        self.start(2)
        ids = self.run_tasks(8)
        self.assertEqual(self.cluster.manager.request("POST", "/nodes/n1/drain", {})[0], 200)
        wait_for("a move", lambda: self.node("n1")["TaskCount"] < 4)
        self.cluster.manager.kill()
        self.cluster.start_manager("--node-timeout", str(TIMEOUT))
        self.wait_status("n1", "cordoned", 30)
        for i in ids:
            task = self.cluster.wait_state(i, RUNNING)
            self.assertEqual((task["Node"], task["RestartCount"]), ("n2", 0))
        self.assert_single(8)

    def test_a_stop_of_a_task_that_moves_is_the_last_word(self):
        self.start(2)
        ids = self.run_tasks(2)
        mine = next(i for i in ids if self.tasks()[i]["Node"] == "n1")
        self.assertEqual(self.cluster.manager.request("POST", "/nodes/n1/drain", {"Deadline": 600})[0], 200)
        self.assertEqual(self.cluster.manager.request("DELETE", "/tasks/" + mine)[0], 204)
        task = self.cluster.wait_final(mine)
        self.assertEqual(task["State"], COMPLETED)
        self.wait_status("n1", "cordoned")


if __name__ == "__main__":
    unittest.main(verbosity=2)
