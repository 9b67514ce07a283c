"""Peers that speak the book's protocol only: its worker under our manager."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from book import MEMBERS, BookWorker
from flow import COMPLETED, FAILED, RUNNING, SCHEDULED, Cluster, wait_for


class BookWorkerUnderOurManager(unittest.TestCase):
    """Polled once a second (a sixth of --node-timeout)."""

    def setUp(self):
        self.worker = BookWorker()
        self.addCleanup(self.worker.close)
        self.cluster = Cluster()
        self.addCleanup(self.cluster.__exit__)
        self.options = ("--workers", f"127.0.0.1:{self.worker.port}", "--node-timeout", "6")
        self.manager = self.cluster.start_manager(*self.options)
        self.name = f"127.0.0.1-{self.worker.port}"
        self.cluster.wait_ready(self.name)

    def submit(self, **fields):
        task = self.cluster.submit("x/y:1", **fields)
        wait_for("it to be sent", lambda: [e for e in self.worker.events
                                           if e["Task"]["ID"] == task["ID"]])
        return task["ID"]

    def running(self, **fields):
        task_id = self.submit(**fields)
        self.worker.run(task_id)
        self.cluster.wait_state(task_id, RUNNING)
        return task_id

    def test_tasks_are_placed_reported_and_stopped(self):
        node = self.manager.get("/nodes/" + self.name)
        self.assertEqual((node["Memory"], node["Disk"]), (8 << 20, 1 << 40))
        task_id = self.running(PortBindings={"80/tcp": "8080"}, Memory=1 << 20, Cpu=0.5)
        event = self.worker.events[0]
        self.assertEqual(set(event), {"ID", "State", "Timestamp", "Task"})
        self.assertLessEqual(set(event["Task"]), MEMBERS)
        self.assertEqual((event["State"], event["Task"]["State"], event["Task"]["Cpu"]), (2, 1, 0.5))
        self.assertEqual(event["Task"]["PortBindings"], {"80/tcp": "8080"})
        task = self.cluster.task(task_id)
        self.assertEqual((task["Node"], task["Attempt"], task["ContainerID"]), (self.name, 1, "c" * 64))
        self.assertEqual(task["StartTime"], "2024-03-01T10:11:12.123Z")
        self.assertEqual(task["HostPorts"], {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "32768"}]})
        self.assertEqual(self.manager.request("DELETE", "/tasks/" + task_id)[0], 204)
        self.assertEqual(self.cluster.wait_final(task_id)["State"], COMPLETED)
        self.assertEqual(self.worker.deletes, [task_id])
        failing = self.running()
        self.worker.end(failing, 4)
        self.assertEqual(self.cluster.wait_final(failing)["State"], FAILED)

    def test_a_task_it_refuses_fails_with_its_reason_and_holds_up_no_other(self):
        refused = self.cluster.submit("x/y:1", "an", "argument")  # the book's Task has no Cmd
        good = self.submit()
        task = self.cluster.wait_final(refused["ID"])
        self.assertEqual(task["State"], FAILED)
        self.assertEqual(task["Reason"], 'the worker refuses it: Error unmarshalling body: json: '
                                         'unknown field "Cmd"')
        self.worker.run(good)
        self.cluster.wait_state(good, RUNNING)

    def test_a_restart_of_ours_sends_nothing_twice(self):
        task_id = self.running()
        self.manager.kill()
        self.cluster.start_manager(*self.options)
        self.cluster.wait_ready(self.name)
        second = self.submit()
        self.worker.run(second)
        self.cluster.wait_state(second, RUNNING)
        self.assertEqual(self.cluster.task(task_id)["State"], RUNNING)
        self.assertEqual([e["Task"]["ID"] for e in self.worker.events], [task_id, second])

    def test_what_it_has_forgotten_has_failed(self):
        task_id = self.running()
        self.worker.forget()
        task = self.cluster.wait_final(task_id)
        self.assertEqual((task["State"], task["Reason"]), (FAILED, "the worker no longer knows it"))

    def test_a_stop_that_came_too_early_is_sent_again(self):
        self.worker.queues = True
        task_id = self.submit()
        self.assertEqual(self.manager.request("DELETE", "/tasks/" + task_id)[0], 204)
        wait_for("the first stop", lambda: self.worker.deletes == [task_id])  # answered 404
        self.worker.run(task_id)
        self.assertEqual(self.cluster.wait_final(task_id)["State"], COMPLETED)
        self.assertEqual(self.worker.tasks[task_id]["State"], COMPLETED)

    def test_a_stop_of_what_never_turns_up_ends(self):
        self.worker.queues = True
        task_id = self.submit()
        self.assertEqual(self.cluster.task(task_id)["State"], SCHEDULED)
        self.manager.request("DELETE", "/tasks/" + task_id)
        self.assertEqual(self.cluster.wait_final(task_id)["State"], COMPLETED)


if __name__ == "__main__":
    unittest.main()
