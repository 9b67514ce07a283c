"""kill -9 of everybody at random moments, while users submit and stop."""

import http.client
import json
import os
import random
import sys
import threading
import time
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import COMPLETED, FAILED, Cluster, amount, event, wait_for

SECONDS = amount("CUBE_TEST_CHAOS_SECONDS", 12.0, 300.0)
SEED = int(os.environ.get("CUBE_TEST_SEED", random.randrange(1 << 30)))

SCRIPTS = {
    "short": "echo x >> {0}",
    "fails": "echo x >> {0}; exit 7",
    "sleeps": "echo x >> {0}; sleep 0.5; echo end > {0}.end",
    "runs": "echo x >> {0}; while :; do sleep 0.1; done",
    "stubborn": "trap '' TERM; echo x >> {0}; while :; do sleep 0.1; done",
}


class User(threading.Thread):
    """Submits and stops until it is told to end, and repeats what was not acknowledged."""

    def __init__(self, port, marks, seed):
        super().__init__()
        self.port, self.marks, self.random = port, marks, random.Random(seed)
        self.taken, self.stopped, self.errors = {}, set(), []
        self.ends = threading.Event()

    def ask(self, method, path, body=None):
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            try:
                connection.request(method, path, json.dumps(body) if body else None)
                answer = connection.getresponse()
                data = answer.read()
                if answer.status in (201, 204):
                    return True
                if answer.status != 503:
                    self.errors.append((method, answer.status, data))
                    return False
            except (OSError, http.client.HTTPException):
                pass
            finally:
                connection.close()
            time.sleep(0.05)
        self.errors.append((method, path, "never answered"))
        return False

    def run(self):
        while not self.ends.is_set():
            kind = self.random.choice(["short", "short", "fails", "sleeps", "runs", "stubborn"])
            task_id = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
            script = SCRIPTS[kind].format(os.path.join(self.marks, task_id))
            if not self.ask("POST", "/tasks", event("/bin/sh", "-c", script, ID=task_id, StopTimeout=1,
                                                    RestartPolicy="no", Env=["CUBE_CHAOS=" + self.marks])):
                continue
            self.taken[task_id] = kind
            if kind in ("runs", "stubborn") or self.random.random() < 0.2:
                time.sleep(self.random.choice([0, 0, 0.01, 0.05, 0.3]))
                for _ in range(self.random.choice([1, 2])):
                    self.ask("DELETE", "/tasks/" + task_id)
                self.stopped.add(task_id)
            time.sleep(self.random.random() * 0.05)


def left_of(marks):
    """Live processes of tasks of this test."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as f:
                if ("CUBE_CHAOS=" + marks).encode() in f.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


def serves(daemon):
    """True if it does; one that found its port taken meanwhile is started again."""
    if daemon.process.poll() is not None:
        daemon.start(wait=False)
    return daemon.request("GET", "/version")[0] == 200


class Chaos(unittest.TestCase):
    def test_manager_and_workers_killed_at_random(self):
        """Nothing acknowledged is lost, nothing runs twice, nothing stopped goes on, nothing is left.
        CUBE_TEST_SEED repeats a run's choices, CUBE_TEST_CHAOS_SECONDS makes it longer."""
        print(f"seed {SEED}", file=sys.stderr)
        dice = random.Random(SEED)
        with Cluster() as cluster:
            cluster.start_manager()
            cluster.start_worker("n1")
            cluster.start_worker("n2")
            cluster.wait_ready("n1", "n2")
            marks = cluster.path("marks")
            os.mkdir(marks)
            users = [User(cluster.manager.port, marks, SEED + i) for i in range(4)]
            for user in users:
                user.start()
            daemons = {"manager": cluster.manager, **cluster.workers}
            try:
                end = time.monotonic() + SECONDS
                while time.monotonic() < end:
                    time.sleep(dice.random() ** 2)
                    for name in dice.choice([["manager"], ["n1"], ["n2"], ["n1"], ["manager", "n1", "n2"]]):
                        daemons[name].kill()
                        daemons[name].start(wait=False)
                for name, daemon in daemons.items():
                    wait_for(name, lambda d=daemon: serves(d))
            finally:
                for user in users:
                    user.ends.set()
                for user in users:
                    user.join(150)
            self.assertEqual([e for user in users for e in user.errors], [])
            taken = {k: v for user in users for k, v in user.taken.items()}
            stopped = set().union(*(user.stopped for user in users))

            def ended():
                tasks = cluster.manager.get("/tasks")
                return all(t["Final"] for t in tasks) and {t["ID"]: t for t in tasks}
            tasks = wait_for("all to end", ended, 60)
            self.assertEqual(set(taken) - set(tasks), set(), "acknowledged and lost")
            wrong = []
            for task_id, kind in taken.items():
                path = os.path.join(marks, task_id)
                runs = 0
                if os.path.exists(path):
                    with open(path) as f:
                        runs = len(f.readlines())
                task = tasks[task_id]
                state = FAILED if kind == "fails" else COMPLETED
                if runs > 1 or (task_id not in stopped and (runs, task["State"]) != (1, state)):
                    wrong.append((task_id, kind, task_id in stopped, runs, task["State"], task["Reason"]))
            self.assertEqual(wrong, [])
            wait_for("the last process to be gone", lambda: not left_of(marks), 10)


if __name__ == "__main__":
    unittest.main()
