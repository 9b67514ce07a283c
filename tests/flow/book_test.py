"""Peers that speak the book's protocol only: its worker under our manager, and our worker
under its manager."""

import os
import sys
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from book import MEMBERS, BookWorker
from flow import COMPLETED, FAILED, RUNNING, SCHEDULED, ZERO_TIME, Cluster, wait_for


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
        failing = self.running(RestartPolicy="no")
        self.worker.end(failing, 4)
        self.assertEqual(self.cluster.wait_final(failing)["State"], FAILED)

    def test_what_failed_is_sent_again_once_as_the_books_restart(self):
        task_id = self.running()
        self.worker.end(task_id, 4)
        self.worker.queues = True  # it still lists the old end for a while
        wait_for("it to be sent again", lambda: len(self.worker.events) == 2)
        self.assertEqual(self.worker.events[1]["Task"]["RestartCount"], 1)
        seen = self.worker.lists
        wait_for("two more polls", lambda: self.worker.lists >= seen + 2)
        task = self.cluster.task(task_id)
        self.assertEqual((task["State"], task["Restarts"], task["RestartCount"]), (SCHEDULED, 1, 1))
        self.worker.run(task_id)
        self.cluster.wait_state(task_id, RUNNING)
        self.assertEqual(len(self.worker.events), 2)

    def test_a_task_it_refuses_fails_with_its_reason_and_holds_up_no_other(self):
        refused = self.cluster.submit("x/y:1", "an", "argument", RestartPolicy="no")  # the book's Task has no Cmd
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
        task_id = self.running(RestartPolicy="no")
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


class OurWorkerUnderTheBooksManager(unittest.TestCase):
    def setUp(self):
        self.cluster = Cluster()
        self.addCleanup(self.cluster.__exit__)
        self.worker = self.cluster.start_worker("alone")
        self.marks = self.cluster.path("marks")
        # As the book's Go structs encode it.
        self.event = {
            "ID": str(uuid.uuid4()), "State": 2, "Timestamp": "2024-03-01T10:11:12.123456789+02:00",
            "Task": {"ID": str(uuid.uuid4()), "ContainerID": "", "Name": "test-chapter-9-1", "State": 1,
                     "Image": self.program(f"echo $$ >> {self.marks}; sleep 1000"), "Cpu": 0, "Memory": 0,
                     "Disk": 0, "ExposedPorts": {"7777/tcp": {}}, "HostPorts": None, "PortBindings": None,
                     "RestartPolicy": "", "StartTime": ZERO_TIME, "FinishTime": ZERO_TIME,
                     "HealthCheck": "/health", "RestartCount": 0}}
        self.path = "/tasks/" + self.event["Task"]["ID"]

    def program(self, script):
        path = self.cluster.path("program")
        with open(path, "w") as f:
            f.write("#!/bin/sh\n" + script + "\n")
        os.chmod(path, 0o755)
        return path

    def post(self, state=1, restarts=0):
        self.event["Task"].update(State=state, RestartCount=restarts)
        status, _, task = self.worker.request("POST", "/tasks", self.event)
        self.assertEqual(status, 201, task)
        return task

    def wait(self, state):
        return wait_for(f"state {state}", lambda: (t := self.worker.get(self.path))["State"] == state and t)

    def runs(self):
        with open(self.marks) as f:
            return [int(line) for line in f]

    def test_it_runs_lists_and_stops(self):
        self.post()
        task = self.wait(RUNNING)
        wait_for("its mark", lambda: os.path.exists(self.marks) and self.runs())
        self.assertTrue(task["HostPorts"]["7777/tcp"][0]["HostPort"].isdigit())
        self.post(state=2)  # an answer that was lost: sent again
        self.assertEqual([t["State"] for t in self.worker.get("/tasks")], [RUNNING])
        self.assertEqual(self.worker.request("DELETE", self.path)[0], 204)
        self.wait(COMPLETED)
        self.post()
        self.assertEqual(len(self.runs()), 1)
        self.assertEqual(self.worker.request("DELETE", "/tasks/" + str(uuid.uuid4()))[0], 404)

    def test_it_starts_again_what_the_manager_counts_as_a_restart(self):
        """As the book's manager does when a health check fails: the task still runs."""
        self.post()
        wait_for("its mark", lambda: os.path.exists(self.marks) and self.runs())
        self.assertEqual(self.post(restarts=1)["RestartCount"], 1)
        wait_for("the second run", lambda: len(self.runs()) == 2)
        self.assertEqual(self.wait(RUNNING)["Attempt"], 2)
        self.assertFalse(os.path.exists(f"/proc/{self.runs()[0]}"))
        self.assertEqual(len(self.worker.get("/tasks")), 1)


if __name__ == "__main__":
    unittest.main()
