"""Health checks with the real programs: services that are well, unwell, slow to start, silent and
gone, on process.so and in containers of a real engine; and what follows by the restart policy."""

import os
import sys
import time
import unittest
from datetime import datetime

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import COMPLETED, FAILED, RUNNING, SLOW, Cluster, Dockerd, wait_for

BUSYBOX = "/usr/bin/busybox"
PORT = {"80/tcp": {}}

# Answers as the file says that it is given: with a status; "hang": never. A second argument is how
# long it takes to start. Where it must be well soon, START_S is what Python takes on a busy machine.
START_S = int(4 * max(1, SLOW))
SERVICE = """
import http.server, os, sys, time
control = sys.argv[1]

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open(control) as f:
            word = f.read().strip()
        if word == "hang":
            time.sleep(600)
        self.send_response(int(word))
        self.send_header("Content-Length", "0")
        self.end_headers()

time.sleep(float(sys.argv[2]) if len(sys.argv) > 2 else 0)
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT_80"])), Answer).serve_forever()
"""


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def pauses(history):
    """From each end of an attempt to the start of the next."""
    ended, found = {}, []
    for entry in history:
        if entry.get("State") == FAILED:
            ended.setdefault(entry["Attempt"], moment(entry["Time"]))
        elif entry.get("State") == RUNNING and entry["Attempt"] - 1 in ended:
            found.append(moment(entry["Time"]) - ended.pop(entry["Attempt"] - 1))
    return found


class WithWorker(unittest.TestCase):
    """A manager, a worker with process.so, and the service above."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.__exit__)
        cls.cluster.start_manager()
        cls.cluster.start_worker("n1", "process.so", "--cpus", "64")
        cls.cluster.wait_ready("n1")
        cls.script = cls.cluster.path("service.py")
        with open(cls.script, "w") as f:
            f.write(SERVICE)

    def setUp(self):
        self.control = self.cluster.path(self.id() + ".control")
        self.say("200")

    def say(self, word):
        with open(self.control + ".new", "w") as f:
            f.write(word)
        os.rename(self.control + ".new", self.control)

    def service(self, *args, **fields):
        """A task of the service above, which runs."""
        fields.setdefault("ExposedPorts", PORT)
        task = self.cluster.submit(sys.executable, self.script, self.control, *args, **fields)
        self.addCleanup(lambda: self.cluster.manager.request("DELETE", "/tasks/" + task["ID"]))
        self.cluster.wait_state(task["ID"], RUNNING)
        return task["ID"]

    def logs(self, task_id):
        return self.cluster.manager.get(f"/tasks/{task_id}/logs")

    def reason(self, task_id, *words, seconds=20):
        return wait_for(f"a reason with {words}", lambda: (t := self.cluster.task(task_id)) and
                        all(w in t["Reason"] for w in words) and t, seconds)

    def attempt(self, task_id, number, seconds=20):
        """That attempt runs."""
        try:
            return wait_for(f"attempt {number}", lambda: (t := self.cluster.task(task_id))["Attempt"] == number and
                            t["State"] == RUNNING and t, seconds)
        except AssertionError as e:
            history = self.cluster.manager.get(f"/tasks/{task_id}/history")
            raise AssertionError(f"{e}; history: {history}") from None

    def stays(self, task_id, seconds):
        """It runs as its first attempt, and nothing is wrong with it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            task = self.cluster.task(task_id)
            self.assertEqual((task["State"], task["Attempt"], task["Reason"]), (RUNNING, 1, ""))
            time.sleep(0.1)


class Services(WithWorker):
    def test_a_service_that_is_well_is_asked_and_left_alone(self):
        task = self.service(Health={"Http": "/health?deep=1", "Interval": 1, "Threshold": 1, "StartPeriod": START_S})
        wait_for("three checks", lambda: self.logs(task).count('"GET /health?deep=1 HTTP/1.1" 200') >= 3)
        self.stays(task, 1)

    def test_failures_below_the_threshold_are_shown_and_pass(self):
        task = self.service(Health={"Http": "/health", "Interval": 1, "Threshold": 1000, "StartPeriod": 2})
        wait_for("a check", lambda: "/health" in self.logs(task))
        self.say("503")
        self.reason(task, "health check failing (1 of 1000): GET /health on port 80 answered 503")
        self.reason(task, "(2 of 1000)")
        self.say("200")
        wait_for("it to be well", lambda: self.cluster.task(task)["Reason"] == "")
        self.stays(task, 1)

    def test_a_failing_service_starts_again_with_growing_pauses_and_then_has_failed(self):
        # busybox httpd answers 404.
        task = self.cluster.submit(BUSYBOX, "sh", "-c", f"exec {BUSYBOX} httpd -f -p 127.0.0.1:$PORT_80",
                                   ExposedPorts=PORT,
                                   Health={"Http": "/health", "Interval": 1, "Threshold": 2, "StartPeriod": 1})
        task = self.cluster.wait_final(task["ID"], 60)
        self.assertEqual((task["State"], task["Attempt"], task["RestartCount"]), (FAILED, 4, 3))
        self.assertEqual(task["Reason"], "gave up after 3 restarts: unhealthy: GET /health on port 80 answered 404 "
                                         "(2 times in a row)")
        self.assertEqual(task["ExitCode"], 143)
        found = pauses(self.cluster.manager.get(f"/tasks/{task['ID']}/history"))
        self.assertEqual(len(found), 3, found)
        for pause, most in zip(found, (1, 2, 4)):
            self.assertGreaterEqual(pause, most * 0.75 - 0.05, found)
            self.assertLessEqual(pause, most + 0.6 * max(1, SLOW), found)

    def test_one_that_never_answers_is_timed_out(self):
        task = self.service(Health={"Http": "/", "Interval": 1, "Timeout": 1, "Threshold": 2, "StartPeriod": 1},
                            RestartPolicy="no")
        self.say("hang")
        task = self.cluster.wait_final(task)
        self.assertEqual((task["State"], task["Reason"]),
                         (FAILED, "unhealthy: GET / on port 80: timed out after 1 s (2 times in a row)"))

    def test_a_port_that_goes_away_is_a_restart(self):
        script = (f"{BUSYBOX} httpd -f -p 127.0.0.1:$PORT_80 & pid=$!; "
                  f"while ! {BUSYBOX} grep -q gone {self.control}; do sleep 0.05; done; kill $pid; sleep 600")
        task = self.cluster.submit(BUSYBOX, "sh", "-c", script, ExposedPorts=PORT, StopTimeout=1,
                                   Health={"Tcp": "80/tcp", "Interval": 1, "Threshold": 1, "StartPeriod": 1})["ID"]
        self.addCleanup(lambda: self.cluster.manager.request("DELETE", "/tasks/" + task))
        self.cluster.wait_state(task, RUNNING)
        self.stays(task, 3)
        self.say("gone")
        self.reason(task, "unhealthy: TCP port 80: connection refused")
        self.say("200")
        self.attempt(task, 2)
        time.sleep(2.5)
        self.assertEqual(self.cluster.task(task)["Attempt"], 2)

    def test_the_start_period_gives_a_slow_service_its_time(self):
        often = {"Http": "/", "Interval": 1, "Threshold": 1}
        patient = self.service("3", Health={**often, "StartPeriod": 3 + START_S})
        hasty = self.service("600", Health=often, RestartPolicy="no")
        self.assertIn("connection refused", self.cluster.wait_final(hasty)["Reason"])
        wait_for("a check", lambda: '"GET / HTTP/1.1" 200' in self.logs(patient))
        self.stays(patient, 1)

    def test_a_stop_of_what_is_unhealthy_completes_it(self):
        script = "trap '' TERM; while :; do sleep 0.1; done"
        task = self.cluster.submit(BUSYBOX, "sh", "-c", script, ExposedPorts=PORT, StopTimeout=3,
                                   Health={"Tcp": "80/tcp", "Interval": 1, "Threshold": 1})["ID"]
        self.reason(task, "unhealthy")
        self.cluster.manager.request("DELETE", "/tasks/" + task)
        task = self.cluster.wait_final(task)
        self.assertEqual((task["State"], task["ExitCode"]), (COMPLETED, 137))
        self.assertNotIn("unhealthy", task["Reason"])

    def test_the_command_line_says_it_all(self):
        code, out, err = self.cluster.cube(
            "run", "--restart=no", "-p", "80", "--health-tcp=80", "--health-interval=1", "--health-timeout=1",
            "--health-retries=2", "--health-start-period=1", "--wait", BUSYBOX, "sleep", "600")
        self.assertEqual(code, 143, err)
        code, out, err = self.cluster.cube("status", out.strip())
        self.assertIn("unhealthy: TCP port 80: connection refused (2 times in a row)", out)
        code, out, err = self.cluster.cube("run", "--health=/x", BUSYBOX)
        self.assertEqual(code, 1)
        self.assertIn("needs a TCP port", err)


class RestartedWorker(WithWorker):

    def test_what_a_worker_adopts_is_checked_too(self):
        task = self.service(Health={"Http": "/health", "Interval": 1, "Threshold": 1, "StartPeriod": START_S})
        worker = self.cluster.workers["n1"]
        wait_for("a check", lambda: "/health" in self.logs(task))
        worker.kill()
        self.say("500")
        self.cluster.start_worker("n1", "process.so", "--cpus", "64")
        self.reason(task, "unhealthy: GET /health on port 80 answered 500")
        self.say("200")
        self.attempt(task, 2)

    def test_checks_that_hang_do_not_keep_a_worker_from_its_end(self):
        task = self.service(Health={"Http": "/", "Interval": 1, "Timeout": 600, "Threshold": 1, "StartPeriod": START_S})
        wait_for("a check", lambda: "GET" in self.logs(task))
        self.say("hang")
        time.sleep(2.5)
        begin = time.monotonic()
        self.assertEqual(self.cluster.workers["n1"].stop(), 0)
        self.assertLess(time.monotonic() - begin, 2.2 * max(1, SLOW))
        self.say("200")
        self.cluster.start_worker("n1", "process.so", "--cpus", "64")
        time.sleep(3)
        self.stays(task, 0.5)


class OnDocker(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dockerd = Dockerd().__enter__()
        cls.addClassCleanup(cls.dockerd.__exit__)
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.__exit__)
        cls.cluster.start_manager()
        cls.cluster.start_worker("d1", "docker.so", "--runtime-opt", "socket=" + cls.dockerd.socket, "--cpus", "8")
        cls.cluster.wait_ready("d1", seconds=30)

    def submit(self, script, **fields):
        return self.cluster.submit("cube-test/busybox", "sh", "-c", script, **fields)["ID"]

    def test_a_failing_service_starts_again_with_growing_pauses_and_then_has_failed(self):
        well = self.submit("mkdir /www; touch /www/health; exec httpd -f -p 80 -h /www",
                           PortBindings={"80/tcp": ""},
                           Health={"Http": "/health", "Interval": 1, "Threshold": 2, "StartPeriod": 2})
        task = self.submit("mkdir /www; exec httpd -f -p 80 -h /www", PortBindings={"80/tcp": ""}, StopTimeout=1,
                           MaxRestarts=2,
                           Health={"Http": "/health", "Interval": 1, "Threshold": 2, "StartPeriod": 1})
        task = self.cluster.wait_final(task, 90)
        self.assertEqual((task["State"], task["Attempt"]), (FAILED, 3))
        self.assertEqual(task["Reason"], "gave up after 2 restarts: unhealthy: GET /health on port 80 answered 404 "
                                         "(2 times in a row)")
        found = pauses(self.cluster.manager.get(f"/tasks/{task['ID']}/history"))
        self.assertEqual(len(found), 2, found)
        self.assertGreaterEqual(found[0], 0.7, found)
        self.assertGreaterEqual(found[1], 1.45, found)
        well = self.cluster.task(well)
        self.assertEqual((well["State"], well["Attempt"], well["Reason"]), (RUNNING, 1, ""))

    def test_the_engines_proxy_is_not_taken_for_the_service(self):
        """It takes each connection, also when nobody listens in the container."""
        fields = {"PortBindings": {"80/tcp": ""}, "StopTimeout": 1, "RestartPolicy": "no"}
        check = {"Interval": 1, "Threshold": 2, "StartPeriod": 1}
        tcp = self.submit("exec sleep 600", Health={"Tcp": "80/tcp", **check}, **fields)
        http = self.submit("exec sleep 600", Health={"Http": "/", **check}, **fields)
        well = self.submit("exec httpd -f -p 80", Health={"Tcp": "80/tcp", **check}, **fields)
        self.assertIn("unhealthy: TCP port 80: the connection was closed at once",
                      self.cluster.wait_final(tcp, 40)["Reason"])
        self.assertIn("unhealthy: GET / on port 80: ", self.cluster.wait_final(http, 40)["Reason"])
        well = self.cluster.task(well)
        self.assertEqual((well["State"], well["Reason"]), (RUNNING, ""))


if __name__ == "__main__":
    unittest.main()
