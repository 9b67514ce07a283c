"""cube why, cube run --dry-run and what is behind them, with the real programs and process.so: to the
letter what people see, and that what is proposed helps."""

import json
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import COMPLETED, FAILED, PENDING, RUNNING, Cluster, event, free_port, wait_for

NOBODY = "99999999-9999-4999-8999-999999999999"


class Why(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.cluster = Cluster()
        self.addCleanup(self.cluster.__exit__)
        self.cluster.start_manager()

    def node(self, name, *options):
        self.cluster.start_worker(name, "process.so", *options)
        self.cluster.wait_ready(name)

    def five(self):
        for name, memory in (("n1", "300m"), ("n2", "2g"), ("n3", "490m"), ("n4", "400m")):
            self.node(name, "--memory", memory, "--cpus", "2", "--labels", "arch=arm64")
        self.node("n5", "--memory", "2g", "--cpus", "2", "--labels", "arch=amd64")
        self.assertEqual(self.cube("node", "cordon", "n2")[0], 0)

    def cube(self, *args, **more):
        return self.cluster.cube(*args, **more)

    def why(self, *args):
        code, out, err = self.cube("why", *args)
        self.assertEqual((code, err), (0, ""))
        return out

    def test_a_task_that_waits_shows_every_node_and_what_would_help(self):
        self.five()
        options = "--name", "big", "--memory", "512m", "--constraint", "arch==arm64"
        text = ("0 of 5 nodes fit:\n"
                "  3  memory    n1 n3 n4  wants 512 MiB; most free n3 490 MiB (22 MiB short); none of them has as "
                "much in all\n"
                "  1  cordoned  n2\n"
                "  1  label     n5        arch is amd64, wants arm64\n"
                "It would fit if ")
        helps = ["it asked for at most 490 MiB", "n2 were uncordoned", "it did not want arch==arm64"]
        for args, code in ((("run", "--dry-run", *options, "/bin/sleep", "100"), 1), (("why", "big"), 0)):
            got, out, err = self.cube(*args)
            self.assertEqual((got, err), (code, ""))
            self.assertEqual(out[:len(text)], text)
            self.assertEqual(sorted(re.split(", or ", out[len(text):-2])), sorted(helps))
            if args[0] == "run":
                self.assertEqual(self.cluster.manager.get("/tasks"), [])
                self.assertEqual(self.cube("run", *options, "/bin/sleep", "100")[0], 0)

        code, out, err = self.cube("why", "big", "-o", "json")
        self.assertEqual((code, err), (0, ""))
        why = json.loads(out)
        task_id = self.cluster.manager.get("/tasks")[0]["ID"]
        self.assertEqual(why, self.cluster.manager.get(f"/tasks/{task_id}/why"))
        self.assertEqual((why["Task"], why["Name"], why["State"], why["Nodes"], why["Fits"]),
                         (task_id, "big", PENDING, 5, 0))
        self.assertEqual([(r["Reason"], r["Count"], r["Nodes"]) for r in why["Reasons"]],
                         [("memory", 3, ["n1", "n3", "n4"]), ("cordoned", 1, ["n2"]), ("label", 1, ["n5"])])
        self.assertEqual({(c["Change"], c["Amount"], c["Node"]) for c in why["Changes"]},
                         {("memory", 490 << 20, "n3"), ("uncordon", 0, "n2"), ("constraint", 0, "n5")})
        self.assertEqual(why["Summary"], self.cluster.task(task_id)["Reason"])
        self.assertNotIn("Costs", why)
        self.assertEqual(self.cube("why", "big", "-o", "name"), (0, "", ""))

        # Each of them is true.
        dry = ("run", "--dry-run", "-o", "name", "--constraint")
        self.assertEqual(self.cube(*dry, "arch==arm64", "--memory", "490m", "x"), (0, "n3\n", ""))
        self.assertEqual(self.cube(*dry, "arch!=arm64", "--memory", "512m", "x"), (0, "n5\n", ""))
        self.assertEqual(self.cube("node", "uncordon", "n2")[0], 0)
        self.assertEqual(self.cluster.wait_state(task_id, RUNNING)["Node"], "n2")

    def test_a_task_that_runs_shows_where_and_the_costs(self):
        for name in "n1", "n2":
            self.node(name, "--memory", "100m", "--cpus", "1")
        # All of a node: its own room must count as free.
        task_id = self.cluster.submit("/bin/sleep", "100", Name="web", Memory=100 << 20, StopTimeout=1)["ID"]
        node = self.cluster.wait_state(task_id, RUNNING)["Node"]
        other = "n2" if node == "n1" else "n1"
        out = self.why("web")
        self.assertEqual(out, self.why(task_id[:8]))
        head, costs = out.split("epvm has costs for 2 nodes, the lowest first:\n")
        self.assertEqual(head, f"It runs on {node}.\n2 of 2 nodes fit.\n")
        here, there = sorted(costs.splitlines(), key=lambda line: line.split()[0] != node)
        self.assertRegex(here, rf"^  {node}  \S+  it is here$")
        self.assertRegex(there, rf"^  {other}  \S+$")
        why = json.loads(self.why("web", "-o", "json"))
        self.assertEqual((why["Node"], why["Considered"], len(why["Costs"])), (node, 2, 2))
        self.assertLessEqual(why["Costs"][0]["Cost"], why["Costs"][1]["Cost"])
        self.assertEqual(self.why("web", "-o", "name"), node + "\n")
        # It is still held.
        self.assertEqual(self.cluster.manager.get("/nodes/" + node)["MemoryAllocated"], 100 << 10)
        out = self.cube("run", "--dry-run", "-o", "name", "--memory", "1m", "x")
        self.assertEqual(out, (0, other + "\n", ""))

        self.assertEqual(self.cube("stop", "web")[0], 0)
        self.assertRegex(self.why(task_id), r"^It was stopped: killed by signal 15 .*\.\n$")

    def test_what_has_ended_pauses_or_is_not_there_is_said(self):
        self.assertEqual(self.cube("run", "--dry-run", "x"), (1, "No node has joined yet.\n", ""))
        self.node("n1", "--cpus", "1")
        failed = self.cluster.submit("/bin/sh", "-c", "exit 3", RestartPolicy="no", Name="once")["ID"]
        self.cluster.wait_state(failed, FAILED)
        self.assertEqual(self.why("once"), "It has failed: exit code 3.\n")
        self.assertEqual(json.loads(self.why("once", "-o", "json"))["State"], FAILED)
        pauses = self.cluster.submit("/bin/sh", "-c", "exit 4", RestartPolicy="always", Name="again")["ID"]
        wait_for("a pause of seconds", lambda: (t := self.cluster.task(pauses)).get("Restarts", 0) >= 3
                 and t["State"] == FAILED, 30)
        self.assertRegex(self.why("again"), r"^It starts again in \d s on n1, where its room is kept: exit code 4\.\n"
                                            r"1 of 1 node fits\.\n")
        stopped = self.cluster.submit("/bin/true", Cpu=50, Name="never")["ID"]
        self.assertEqual(self.cube("stop", "never")[0], 0)
        self.cluster.wait_state(stopped, COMPLETED)
        self.assertEqual(self.why(stopped), "It was stopped before it ran.\n")

        self.assertEqual(self.cube("why", "nosuch"), (1, "", "cube why: no task is called 'nosuch', and no id begins "
                                                             "so; `cube status -a` lists all\n"))
        code, out, err = self.cube("why", NOBODY)
        self.assertEqual((code, out), (1, ""))
        self.assertRegex(err, rf"^cube why: .*{NOBODY}.*\n$")
        self.assertEqual(self.cluster.manager.request("GET", f"/tasks/{NOBODY}/why")[0], 404)
        self.assertEqual(self.cluster.manager.request("GET", "/tasks/why")[0], 400)

    def test_a_port_is_named_with_the_task_that_has_it(self):
        self.node("n1", "--cpus", "1")
        port = free_port()
        self.assertEqual(self.cube("run", "--wait=running", "--name", "web", "-p", f"{port}:80", "/bin/sleep", "100")[0],
                         0)
        code, out, err = self.cube("run", "--dry-run", "-p", f"{port}:80", "x")
        self.assertEqual((code, err), (1, ""))
        self.assertEqual(out, "0 of 1 node fit:\n"
                              f"  1  port  n1  host port {port}/tcp is taken by web\n"
                              f"It would fit if it did not want host port {port}/tcp.\n")
        code, out, err = self.cube("run", "--dry-run", "-p", f"{port}:80", "--cpus", "3", "x")
        self.assertEqual(out.splitlines()[2], "No single change is enough: n1, the nearest, is 2 cores short and has "
                                              f"host port {port}/tcp taken.")

    def test_a_dry_run_of_a_file_is_checked_as_a_submit_is(self):
        self.node("n1", "--cpus", "2")
        small, large = event("/bin/true", Name="small"), event("/bin/true", Name="large", Cpu=8)
        code, out, err = self.cube("run", "--dry-run", "-f", "-", input=json.dumps([small, large]))
        self.assertEqual((code, err), (1, ""))
        self.assertRegex(out, r"^small:\nIt would go to n1\.\n1 of 1 node fits\.\nepvm has costs for 1 node, the "
                              r"lowest first:\n  n1  \S+  it would go here\n\nlarge:\n0 of 1 node fit:\n  1  cpu  n1  "
                              r"wants 8 cores; most free n1 2 cores \(6 cores short\); it has less in all\n"
                              r"It would fit if it asked for at most 2 cores\.\n$")
        code, out, err = self.cube("run", "--dry-run", "-o", "json", "-f", "-", input=json.dumps([small, large]))
        self.assertEqual((code, [w["Fits"] for w in json.loads(out)]), (1, [1, 0]))
        self.assertEqual(self.cube("run", "--dry-run", "-f", "-", input=json.dumps(small))[0], 0)
        self.assertEqual(self.cluster.manager.get("/tasks"), [])

        # What a submit would refuse, in its words.
        for body in ('{"State": 2,\n "Task": {"Image": "x", "Imgae": 1}}', '{"State": 2, "Task": {}}'):
            refused = self.cluster.manager.request("POST", "/tasks", body.encode())
            self.assertEqual((refused[0], refused[2]),
                             (400, self.cluster.manager.request("POST", "/tasks/why", body.encode())[2]))
        code, out, err = self.cube("run", "--dry-run", "--name", "a b", "x")
        self.assertEqual((code, out), (1, ""))
        self.assertRegex(err, r"^cube run: .*Name.*\n$")
        self.assertNotIn("line 1", err)

        # An ID that is taken: as it is there, or refused.
        self.assertEqual(self.cube("run", "--wait", "-f", "-", input=json.dumps(small))[0], 0)
        code, out, err = self.cube("run", "--dry-run", "-f", "-", input=json.dumps(small))
        self.assertEqual((code, out, err), (0, "It has completed: exit code 0.\n", ""))
        other = dict(small, Task=dict(small["Task"], Cpu=1))
        code, out, err = self.cube("run", "--dry-run", "-f", "-", input=json.dumps(other))
        self.assertEqual((code, out), (1, ""))
        self.assertIn("with another specification", err)

    def test_a_long_array_is_answered_whole(self):
        self.node("n1", "--cpus", "2")
        tasks = [event("/bin/true", Name=f"t{i}", Cpu=1 + i % 3) for i in range(1000)]
        status, _, whys = self.cluster.manager.request("POST", "/tasks/why", tasks)
        self.assertEqual(status, 200)
        self.assertEqual([(w["Name"], w["Fits"]) for w in whys], [(f"t{i}", int(i % 3 < 2)) for i in range(1000)])
        self.assertEqual(self.cluster.manager.get("/tasks"), [])


if __name__ == "__main__":
    unittest.main()
