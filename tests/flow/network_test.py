"""Workers in network namespaces, cut off from their manager and joined again: what the manager
does about it, and that no task runs twice afterwards. The tasks write down themselves when they
began and ended."""

import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import RUNNING, SLOW, Cluster, wait_for
from network import Network

TIMEOUT = 3  # --node-timeout
SECONDS = 10  # StopAfterDisconnect, the least there is

# begin PID NODE TIME, and end PID TIME when it is asked to; lives on meanwhile.
SCRIPT = ('echo begin $$ $(date +%s.%N) >>"$MARK"; '
          'trap \'echo end $$ $(date +%s.%N) >>"$MARK"; exit 0\' TERM; '
          'while :; do sleep 0.1; done')


class CutOff(unittest.TestCase):
    def setUp(self):
        try:
            self.network = Network().__enter__()
        except PermissionError as e:
            print(f"skipped: needs CAP_NET_ADMIN: {e}", file=sys.stderr)
            self.skipTest(f"needs CAP_NET_ADMIN: {e}")
        self.addCleanup(self.network.__exit__)
        self.cluster = Cluster("roundrobin.so")
        self.addCleanup(self.cluster.__exit__)
        self.cluster.start_manager("--node-timeout", str(TIMEOUT), host=self.network.address(1))
        self.names = ["n1", "n2", "n3"]
        for name in self.names:
            address = self.network.add(name)
            self.cluster.start_worker(name, host=address, within=self.network.within(name))
        self.cluster.wait_ready(*self.names)

    def submit(self, count, **fields):
        ids = []
        for _ in range(count):
            mark = self.cluster.path(f"mark-{len(self.marks)}")
            task = self.cluster.submit("/bin/sh", "-c", SCRIPT, Env=["MARK=" + mark], StopTimeout=2, **fields)
            self.marks[task["ID"]] = mark
            ids.append(task["ID"])
        for task_id in ids:
            self.cluster.wait_state(task_id, RUNNING)
            wait_for("its mark", lambda t=task_id: self.said(t, "begin"))
        return ids

    def said(self, task_id, word):
        """[(pid, time)]"""
        try:
            with open(self.marks[task_id]) as f:
                lines = [line.split() for line in f]
        except FileNotFoundError:
            return []
        return [(int(line[1]), float(line[2])) for line in lines if line[0] == word and len(line) == 3]

    def alive(self, task_id):
        def lives(pid):
            try:
                with open(f"/proc/{pid}/stat") as f:
                    return f.read().rsplit(")", 1)[1].split()[0] != "Z"
            except OSError:
                return False
        return [pid for pid, _ in self.said(task_id, "begin") if lives(pid)]

    def tasks(self):
        return {t["ID"]: t for t in self.cluster.manager.get("/tasks")}

    def status(self, name):
        return self.cluster.manager.get("/nodes/" + name)["Status"]

    def undisturbed(self, ids, before):
        """The same processes, as the same attempts on the same nodes."""
        now = self.tasks()
        for i in ids:
            self.assertEqual((now[i]["State"], now[i]["Node"], now[i]["Attempt"]),
                             (RUNNING, before[i]["Node"], before[i]["Attempt"]))
            self.assertEqual((len(self.said(i, "begin")), len(self.alive(i))), (1, 1))

    def test_cut_off_and_joined_again(self):
        self.marks = {}
        plain = self.submit(6)
        waits = self.submit(3, OnNodeLost="wait")
        before = self.tasks()

        with self.subTest("shorter than the node time-out"):
            self.network.cut("n1")
            time.sleep(1)
            self.network.join("n1")
            # What was under way is lost and has to be given up first.
            seen = self.cluster.manager.get("/nodes/n1")["LastSeen"]
            wait_for("n1 to be heard", lambda: self.cluster.manager.get("/nodes/n1")["LastSeen"] != seen)
            self.cluster.wait_ready(*self.names)
            self.undisturbed(plain + waits, before)

        with self.subTest("all at once: that is our own network"):
            self.network.cut(*self.names)
            wait_for("them to be silent", lambda: self.status("n1") == "unreachable")
            time.sleep(TIMEOUT + 1)
            statuses = {self.status(n) for n in self.names}
            self.network.join(*self.names)
            self.assertEqual(statuses, {"unreachable"}, self.cluster.manager.log()[-3000:])
            self.cluster.wait_ready(*self.names)
            self.undisturbed(plain + waits, before)

        careful = self.submit(3, StopAfterDisconnect=SECONDS)
        before = self.tasks()
        mine = {i for i in before if before[i]["Node"] == "n1"}
        moving = mine & set(plain)
        self.assertTrue(moving and mine & set(waits) and mine & set(careful), [t["Node"] for t in before.values()])

        began = time.monotonic()
        self.network.cut("n1")
        wait_for("n1's tasks to run elsewhere", lambda: all(
            (t := self.tasks()[i])["State"] == RUNNING and t["Node"] != "n1" for i in moving), 20)
        took = time.monotonic() - began
        self.assertLess(took, (TIMEOUT + 3) * SLOW)
        self.assertEqual(self.status("n1"), "lost")
        # The worker that is cut off goes on with what it has: both of each are alive now.
        for i in moving:
            wait_for("two of it", lambda i=i: len(self.said(i, "begin")) == 2)
            self.assertEqual(len(self.alive(i)), 2)

        # One that asked for it is ended there, and only then begun elsewhere.
        for i in mine & set(careful):
            wait_for("it to run elsewhere", lambda i=i: len(self.said(i, "begin")) == 2, 40)
            ended, again = self.said(i, "end"), self.said(i, "begin")[1]
            self.assertEqual([pid for pid, _ in ended], [self.said(i, "begin")[0][0]])
            self.assertLess(ended[0][1], again[1])
            self.assertEqual(len(self.alive(i)), 1)
        for i in mine & set(waits):
            self.assertEqual(len(self.alive(i)), 1)
            self.assertEqual(self.tasks()[i]["Node"], "n1")

        self.network.join("n1")
        self.cluster.wait_ready("n1", seconds=30)
        for i in moving:
            wait_for("the superseded one to end", lambda i=i: len(self.alive(i)) == 1)
            first, second = (pid for pid, _ in self.said(i, "begin"))
            self.assertEqual(self.alive(i), [second])
        for i in before:
            wait_for("one of each", lambda i=i: len(self.alive(i)) == 1)
        self.undisturbed(set(before) - moving - (mine & set(careful)), before)
        after = self.tasks()
        for i in moving | (mine & set(careful)):
            self.assertEqual((after[i]["State"], after[i]["Attempt"], after[i]["RestartCount"]), (RUNNING, 2, 0))
            self.assertEqual(len(self.said(i, "begin")), 2)


if __name__ == "__main__":
    unittest.main()
