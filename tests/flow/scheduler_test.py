"""Schedulers with the real programs: the default, and the shares that each policy promises."""

import collections
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import RUNNING, Cluster, event


class Schedulers(unittest.TestCase):
    def start(self, scheduler, nodes, *options):
        """nodes: the options of each worker by its name."""
        self.cluster = Cluster(scheduler)
        self.addCleanup(self.cluster.__exit__)
        self.cluster.start_manager(*options)
        for name, given in nodes.items():
            self.cluster.start_worker(name, "process.so", "--memory", "4g", *given)
        self.cluster.wait_ready(*nodes)

    def shares(self, count, **fields):
        """Submits so many in one request; how many run on each node."""
        tasks = [event("/bin/sleep", "1000", StopTimeout=1, **fields) for _ in range(count)]
        status, _, body = self.cluster.manager.request("POST", "/tasks", json.dumps(tasks))
        self.assertEqual(status, 201, body)
        return collections.Counter(self.cluster.wait_state(t["Task"]["ID"], RUNNING)["Node"] for t in tasks)

    def test_epvm_is_the_default_and_takes_the_node_where_a_task_weighs_least(self):
        self.start(None, {name: ("--cpus", "4") for name in ("n1", "n2", "n3")})
        self.assertIn("epvm", self.cluster.manager.log())
        self.assertEqual(self.shares(6, Memory=1 << 20), {"n1": 2, "n2": 2, "n3": 2})
        # One four times as large: three tasks weigh less there than one does elsewhere.
        self.cluster.start_worker("large", "process.so", "--memory", "16g", "--cpus", "16")
        self.cluster.wait_ready("large")
        self.assertEqual(self.shares(3, Memory=1 << 20), {"large": 3})

    def test_binpack_leaves_nodes_empty_that_are_not_needed(self):
        self.start("binpack.so", {name: ("--cpus", "4") for name in ("n1", "n2", "n3")})
        share = self.shares(6, Cpu=1, Memory=1 << 20)
        self.assertEqual(sorted(share.values()), [2, 4], share)
        # The half node fits better than the empty one.
        more = self.shares(1, Cpu=2)
        self.assertEqual(share[next(iter(more))], 2, (share, more))

    def test_spread_goes_by_zone_and_then_by_node(self):
        self.start("spread.so", {"a1": ("--labels", "zone=a"), "a2": ("--labels", "zone=a"),
                                 "a3": ("--labels", "zone=a"), "b1": ("--labels", "zone=b"), "x1": ()},
                   "--scheduler-opt", "label=zone")
        self.assertEqual(self.shares(6, Job="shop", Memory=1 << 20), {"a1": 1, "a2": 1, "a3": 1, "b1": 3})
        # Another job begins anew, and a node without the label comes last.
        self.assertEqual(self.shares(4, Job="mail", Memory=1 << 20)["b1"], 2)
        for name in ("a1", "a2", "a3", "b1"):
            self.assertEqual(self.cluster.cube("node", "cordon", name)[0], 0)
        self.assertEqual(self.shares(2, Job="mail"), {"x1": 2})

    def test_spread_without_a_label_goes_by_node(self):
        self.start("spread.so", {name: () for name in ("n1", "n2", "n3")})
        self.assertEqual(sorted(self.shares(7, Job="shop").values()), [2, 2, 3])


if __name__ == "__main__":
    unittest.main()
