"""Constraints and MaxPerNode with the real programs and process.so: where tasks go, why they wait,
and that a worker that comes back with other labels takes what waited for them."""

import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import PENDING, RUNNING, Cluster, event, wait_for

ARCHES = {"x86_64": "amd64", "aarch64": "arm64"}


class Constraints(unittest.TestCase):
    def start(self, **labels):
        self.cluster = Cluster()
        self.addCleanup(self.cluster.__exit__)
        self.cluster.start_manager()
        for name, text in labels.items():
            self.cluster.start_worker(name, "process.so", "--labels", text)
        self.cluster.wait_ready(*labels)

    def sleep(self, **fields):
        return self.cluster.submit("/bin/sleep", "1000", StopTimeout=1, **fields)["ID"]

    def runs_on(self, task_id, node):
        self.assertEqual(self.cluster.wait_state(task_id, RUNNING)["Node"], node)

    def waits(self, task_id, *words):
        task = self.cluster.task(task_id)
        self.assertEqual(task["State"], PENDING, task)
        for word in words:
            self.assertIn(word, task["Reason"])

    def test_a_constraint_is_a_place_a_reason_and_a_wait_for_it(self):
        self.start(n1="zone=eu,rack=3", n2="zone=us,rack=12", n3="rack=12")
        for constraint, node in (("zone==eu", "n1"), ("node.labels.zone == us", "n2"), ("!exists zone", "n3"),
                                 ("rack<12", "n1"), ("node.name in (n9,n3)", "n3")):
            self.runs_on(self.sleep(Constraints=[constraint]), node)
        self.runs_on(self.sleep(Constraints=["zone!=eu", "zone!=us", "rack>=12"]), "n3")
        machine = os.uname().machine
        for name in (machine, ARCHES.get(machine, machine)):
            self.cluster.wait_state(self.sleep(Constraints=["node.arch==" + name, "node.os==linux"]), RUNNING)

        waiting = self.sleep(Constraints=["zone==asia"], Name="far")
        self.waits(waiting, "zone is ", "wants asia")
        code, out, _ = self.cluster.cube("status", "far")
        self.assertEqual(code, 0)
        self.assertRegex(out, r"(?m)^Constraints: +zone==asia$")
        # The worker comes back with other labels: what waited for them goes there, what runs there stays.
        stayed = [t for t in self.cluster.manager.get("/tasks?state=running") if t["Node"] == "n1"]
        self.assertEqual(len(stayed), 2 + sum(t["Constraints"][0].startswith("node.arch") for t in stayed))
        self.cluster.workers["n1"].stop()
        self.cluster.start_worker("n1", "process.so", "--labels", "zone=asia,rack=3")
        self.runs_on(waiting, "n1")
        for task in stayed:
            now = self.cluster.wait_state(task["ID"], RUNNING)
            self.assertEqual((now["Node"], now["Attempt"]), ("n1", 1))
        code, out, _ = self.cluster.cube("node", "n1")
        self.assertEqual(code, 0)
        self.assertRegex(out, r"(?m)^Machine: +%s, linux$" % ARCHES.get(machine, machine))
        self.assertRegex(out, r"(?m)^Labels: +rack=3\n +zone=asia$")
        node = self.cluster.manager.get("/nodes/n1")
        self.assertEqual((node["Arch"], node["Os"]), (ARCHES.get(machine, machine), "linux"))

    def test_no_more_on_a_node_than_is_said_and_the_rest_when_one_ends(self):
        self.start(n1="zone=eu", n2="zone=eu")
        ids = [self.sleep(Job="shop", MaxPerNode=1) for _ in range(3)]
        nodes = {self.cluster.wait_state(i, RUNNING)["Node"] for i in ids[:2]}
        self.assertEqual(nodes, {"n1", "n2"})
        self.waits(ids[2], "has 1 of job shop already")
        for key, limit in ((dict(Labels={"tier": "web"}), "tier=1"), (dict(Name="solo"), "1")):
            labels = [f"--label={k}={v}" for k, v in key.get("Labels", {}).items()]
            more = [f"--name={key['Name']}"] if "Name" in key else []
            made = []
            for _ in range(3):
                code, out, err = self.cluster.cube("run", *labels, *more, "--max-per-node", limit, "/bin/sleep", "1000")
                self.assertEqual(code, 0, err)
                made.append(out.strip())
            self.assertEqual({self.cluster.wait_state(i, RUNNING)["Node"] for i in made[:2]}, {"n1", "n2"})
            self.waits(made[2], "has 1 of ", "already")
            code, out, _ = self.cluster.cube("status", made[2])
            self.assertRegex(out, r"(?m)^Per node: +1 by %s$" % ("label tier" if labels else "name"))
        # A node more, and each that waited has its place.
        self.cluster.cube("stop", ids[0])
        self.cluster.wait_state(ids[2], RUNNING)
        self.cluster.start_worker("n3")
        self.runs_on(made[2], "n3")

    def test_what_makes_no_sense_is_refused_with_its_place(self):
        self.start(n1="zone=eu")
        status, _, body = self.cluster.submit_raw("/bin/true", Constraints=["zone==eu", "zone=>eu"])
        self.assertEqual(status, 400)
        self.assertIn("Task.Constraints[1]", body["Message"])
        self.assertIn("character 6: an operator is wanted", body["Message"])
        status, _, body = self.cluster.submit_raw("/bin/true", MaxPerNode={"Label": "tier", "Max": 1})
        self.assertEqual(status, 400)
        self.assertIn("one of the task's own labels", body["Message"])
        self.assertEqual(self.cluster.manager.get("/tasks"), [])
        code, out, err = self.cluster.cube("run", "--constraint", "node.cores>many", "/bin/true")
        self.assertEqual((code, out), (2, ""))
        self.assertIn("a number of cores", err)
        # The same task again is the same, with a constraint more it is another.
        one = event("/bin/sleep", "1000", Constraints=["zone==eu"], StopTimeout=1)
        for constraints, wanted in ((["zone==eu"], 201), (["zone==eu", "exists zone"], 409)):
            one["Task"]["Constraints"] = constraints
            status, _, body = self.cluster.manager.request("POST", "/tasks", json.dumps(one))
            self.assertEqual(status, wanted, body)
            if status == 201:
                wait_for("it to run", lambda: self.cluster.task(one["Task"]["ID"])["State"] == RUNNING)


if __name__ == "__main__":
    unittest.main()
