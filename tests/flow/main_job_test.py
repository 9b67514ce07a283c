"""The main job with real programs, process.so and sqlite.so: a task goes in, runs, its true
state comes back; on the wire as the book has it."""

import json
import os
import sys
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import COMPLETED, FAILED, PENDING, RUNNING, ZERO_TIME, Cluster, event, wait_for


class MainJob(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.cluster.start_manager()
        cls.cluster.start_worker("n1")
        cls.cluster.wait_ready("n1")
        cls.manager = cls.cluster.manager

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__()

    def test_exit_0_is_completed(self):
        task = self.cluster.submit("/bin/true")
        task = self.cluster.wait_final(task["ID"])
        self.assertEqual((task["State"], task["ExitCode"], task["Node"]), (COMPLETED, 0, "n1"))
        self.assertNotEqual(task["StartTime"], ZERO_TIME)
        self.assertGreaterEqual(task["FinishTime"], task["StartTime"])

    def test_exit_3_is_failed_with_its_code(self):
        task = self.cluster.submit("/bin/sh", "-c", "exit 3", RestartPolicy="no")
        task = self.cluster.wait_final(task["ID"])
        self.assertEqual((task["State"], task["ExitCode"]), (FAILED, 3))
        self.assertIn("3", task["Reason"])

    def test_a_program_that_is_not_there_fails_with_the_reason(self):
        task = self.cluster.submit("/no/such/program", RestartPolicy="no")
        task = self.cluster.wait_final(task["ID"])
        self.assertEqual(task["State"], FAILED)
        self.assertIn("/no/such/program", task["Reason"])

    def test_stop_ends_the_process(self):
        task = self.cluster.submit("/bin/sleep", "1000")
        self.cluster.wait_state(task["ID"], RUNNING)
        status, _, body = self.manager.request("DELETE", "/tasks/" + task["ID"])
        self.assertEqual((status, body), (204, ""))
        task = self.cluster.wait_final(task["ID"])
        self.assertEqual(task["State"], COMPLETED)
        # Again, though it has ended: accepted.
        self.assertEqual(self.manager.request("DELETE", "/tasks/" + task["ID"])[0], 204)
        wait_for("its folder to be gone", lambda: not any(
            task["ID"][:8] in d for _, dirs, _ in os.walk(self.cluster.path("n1", "process")) for d in dirs))

    def test_stop_by_event_as_in_the_book(self):
        task = self.cluster.submit("/bin/sleep", "1000")
        self.cluster.wait_state(task["ID"], RUNNING)
        stop = {"ID": str(uuid.uuid4()), "State": 3, "Timestamp": "2024-01-01T00:00:00Z",
                "Task": {"ID": task["ID"], "State": 2, "Image": "/bin/sleep"}}
        self.assertEqual(self.manager.request("POST", "/tasks", stop)[0], 201)
        self.assertEqual(self.cluster.wait_final(task["ID"])["State"], COMPLETED)
        stop["Task"]["ID"] = str(uuid.uuid4())
        self.assertEqual(self.manager.request("POST", "/tasks", stop)[0], 404)

    def test_the_same_id_and_specification_is_the_same_task(self):
        body = event("/bin/sleep", "0")
        first = self.manager.request("POST", "/tasks", body)
        again = self.manager.request("POST", "/tasks", body)
        self.assertEqual((first[0], again[0]), (201, 201))
        self.assertEqual(first[2]["Sequence"], again[2]["Sequence"])
        body["Task"]["Image"] = "/bin/true"
        status, _, refused = self.manager.request("POST", "/tasks", body)
        self.assertEqual((status, refused["HTTPStatusCode"]), (409, 409))
        self.assertIn(body["Task"]["ID"], refused["Message"])

    def test_an_array_is_all_or_none(self):
        good, bad = event("/bin/true"), event("/bin/true")
        del bad["Task"]["Image"]
        status, _, body = self.manager.request("POST", "/tasks", [good, bad])
        self.assertEqual(status, 400)
        self.assertIn("Image", body["Message"])
        self.assertEqual(self.manager.request("GET", "/tasks/" + good["Task"]["ID"])[0], 404)
        status, _, body = self.manager.request("POST", "/tasks", [good, event("/bin/true")])
        self.assertEqual((status, len(body)), (201, 2))
        self.assertEqual(body[0]["ID"], good["Task"]["ID"])

    def test_the_book_s_body_and_its_answer(self):
        body = """{"ID": "6be4cb6b-61d1-40cb-bc7b-9cacefefa60c", "State": 2,
                   "Task": {"State": 1, "ID": "21b23589-5d2d-4731-b5c9-a97e9832d021",
                            "Name": "test-chapter-5", "Image": "/bin/true"}}"""
        status, headers, task = self.manager.request("POST", "/tasks", body)
        self.assertEqual(status, 201)
        # Field by field what the book's Task struct decodes.
        kinds = {"ID": str, "ContainerID": str, "Name": str, "State": int, "Image": str, "Cpu": (int, float),
                 "Memory": int, "Disk": int, "ExposedPorts": (dict, type(None)), "HostPorts": (dict, type(None)),
                 "PortBindings": (dict, type(None)), "RestartPolicy": str, "StartTime": str,
                 "FinishTime": str, "HealthCheck": str, "RestartCount": int}
        for task in [task] + self.manager.get("/tasks"):
            for field, kind in kinds.items():
                self.assertIsInstance(task[field], kind, field)
        self.assertEqual(self.manager.request("GET", "/tasks/")[0], 200)
        ids = [t["ID"] for t in self.manager.get("/tasks")]
        self.assertIn("21b23589-5d2d-4731-b5c9-a97e9832d021", ids)

    def test_refusals_have_the_error_body(self):
        nobody = str(uuid.uuid4())
        unknown = event("/bin/true", Colour="red")
        for method, path, body, want, text in [
                ("POST", "/tasks", "{", 400, "line 1"),
                ("POST", "/tasks", "", 400, ""),
                ("POST", "/tasks", json.dumps(unknown), 400, "Colour"),
                ("POST", "/tasks", json.dumps(event("/bin/true", ID="not-a-uuid")), 400, "uuid"),
                ("POST", "/tasks", json.dumps(event("")), 400, "Image"),
                ("POST", "/tasks", json.dumps(event("/bin/true", Memory="64m")), 400, "Memory"),
                ("GET", "/tasks/" + nobody, None, 404, nobody),
                ("DELETE", "/tasks/" + nobody, None, 404, nobody),
                ("DELETE", "/tasks/nonsense", None, 400, "uuid"),
                ("GET", "/nowhere", None, 404, "/nowhere"),
                ("PATCH", "/tasks", None, 405, "PATCH")]:
            with self.subTest(method=method, path=path, body=body):
                status, headers, answer = self.manager.request(method, path, body)
                self.assertEqual((status, answer["HTTPStatusCode"]), (want, want))
                self.assertIn(text, answer["Message"])
                if want == 405:
                    self.assertEqual(set(headers["Allow"].replace(" ", "").split(",")), {"GET", "POST"})

    def test_a_port_is_a_port_of_the_host(self):
        task = self.cluster.submit("/bin/sh", "-c", "echo port=$PORT_80; sleep 1000", ExposedPorts={"80/tcp": {}})
        task = self.cluster.wait_state(task["ID"], RUNNING)
        port = task["HostPorts"]["80/tcp"][0]["HostPort"]
        self.assertTrue(0 < int(port) < 65536)
        logs = wait_for("its output", lambda: self.manager.get(f"/tasks/{task['ID']}/logs"))
        self.assertEqual(logs, f"port={port}\n")
        self.manager.request("DELETE", "/tasks/" + task["ID"])

    def test_logs_of_a_task_that_has_ended(self):
        task = self.cluster.submit("/bin/sh", "-c", "echo out; echo err >&2; echo more")
        self.cluster.wait_final(task["ID"])
        base = f"/tasks/{task['ID']}/logs"
        self.assertEqual(self.manager.get(base + "?stream=stdout"), "out\nmore\n")
        self.assertEqual(self.manager.get(base + "?stream=stderr"), "err\n")
        self.assertEqual(self.manager.get(base + "?stream=stdout&tail=1"), "more\n")

    def test_what_fits_nowhere_waits_and_runs_when_there_is_room(self):
        memory = self.manager.get("/nodes/n1")["Memory"] * 1024
        big = self.cluster.submit("/bin/sleep", "1000", Memory=memory)
        self.cluster.wait_state(big["ID"], RUNNING)
        waits = self.cluster.submit("/bin/true", Memory=memory)
        self.assertEqual(waits["State"], PENDING)
        wait_for("a reason", lambda: "memory" in self.cluster.task(waits["ID"])["Reason"])
        self.manager.request("DELETE", "/tasks/" + big["ID"])
        self.assertEqual(self.cluster.wait_final(waits["ID"])["State"], COMPLETED)

    def test_the_worker_s_stats_have_the_book_s_fields(self):
        stats = self.cluster.workers["n1"].get("/stats")
        self.assertGreater(stats["MemStats"]["mem_total"], stats["MemStats"]["mem_available"])
        self.assertEqual(set(stats["DiskStats"]), {"all", "used", "free", "freeInodes"})
        for field in "id user nice system idle iowait irq softirq steal guest guest_nice".split():
            self.assertIn(field, stats["CpuStats"])
        for field in "last1min last5min last15min process_running process_total last_pid".split():
            self.assertIn(field, stats["LoadStats"])
        self.assertIsInstance(stats["TaskCount"], int)

    def test_a_list_says_which_change_it_shows(self):
        before = int(self.manager.request("GET", "/tasks?limit=1")[1]["Cube-Revision"])
        task = self.cluster.submit("/bin/true")
        self.cluster.wait_final(task["ID"])
        self.assertGreater(int(self.manager.request("GET", "/tasks")[1]["Cube-Revision"]), before)

    def test_history_tells_what_happened(self):
        task = self.cluster.submit("/bin/true")
        self.cluster.wait_final(task["ID"])
        states = [h["State"] for h in self.manager.get(f"/tasks/{task['ID']}/history")]
        self.assertEqual(states[0], PENDING)
        self.assertEqual(states[-1], COMPLETED)


class BookPeers(unittest.TestCase):
    """A worker alone, driven as the book's manager drives one."""

    def test_the_book_s_manager_can_drive_our_worker(self):
        with Cluster() as cluster:
            worker = cluster.start_worker("alone")
            body = event("/bin/sleep", "1000")
            self.assertEqual(worker.request("POST", "/tasks", body)[0], 201)
            task_id = body["Task"]["ID"]

            def running():
                return [t for t in worker.get("/tasks") if t["ID"] == task_id and t["State"] == RUNNING]
            wait_for("it to run", running)
            self.assertEqual(worker.request("DELETE", "/tasks/" + task_id)[0], 204)
            wait_for("it to end", lambda: [t for t in worker.get("/tasks")
                                           if t["ID"] == task_id and t["State"] == COMPLETED] or
                     task_id not in [t["ID"] for t in worker.get("/tasks")])
            self.assertEqual(worker.request("DELETE", "/tasks/" + str(uuid.uuid4()))[0], 404)


if __name__ == "__main__":
    unittest.main()
