"""kill -9 of the manager, of workers, of all of them and of the container engine, in a loop and
under load. CUBE_TEST_CYCLES says how often, CUBE_TEST_SEED repeats a run's choices.

Users keep a log of what was acknowledged to them. At the end that log is held against what the
manager says, and that against what is there: the processes, or the engine's own list."""

import collections
import http.client
import json
import os
import random
import signal
import socket
import sys
import threading
import time
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from flow import COMPLETED, FAILED, RUNNING, Cluster, Dockerd, amount, event, wait_for

CYCLES = amount("CUBE_TEST_CYCLES", 20, 200)
SEED = int(os.environ.get("CUBE_TEST_SEED", random.randrange(1 << 30)))

# What a task does, and how it has to end if nobody stops it: state, exit code, starts.
KINDS = {
    "short": ("true", "no", COMPLETED, 0, 1),
    "fails": ("exit 7", "no", FAILED, 7, 1),
    "sleeps": ("sleep 0.5; exit 3", "no", FAILED, 3, 1),
    "flaky": ("exit 9", "on-failure:1", FAILED, 9, 2),
    "runs": ("while :; do sleep 0.1; done", "always", RUNNING, None, 1),
    "stubborn": ("trap '' TERM; while :; do sleep 0.1; done", "always", RUNNING, None, 1),
}


class User(threading.Thread):
    """Submits and stops until told to end, repeats what was not acknowledged, and writes down
    what was: one JSON object a line."""

    def __init__(self, port, log, make, kinds, seed, pause):
        super().__init__()
        self.port, self.log, self.make, self.kinds, self.pause = port, open(log, "w"), make, kinds, pause
        self.random, self.errors, self.ends, self.stays = random.Random(seed), [], threading.Event(), 0

    def ask(self, method, path, body=None):
        """The status that settles it."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            try:
                connection.request(method, path, json.dumps(body) if body else None)
                answer = connection.getresponse()
                data = answer.read()
                if answer.status in (201, 204):
                    return answer.status
                if answer.status != 503:
                    self.errors.append((method, path, answer.status, data))
                    return 0
            except (OSError, http.client.HTTPException):
                pass
            finally:
                connection.close()
            time.sleep(0.05)
        self.errors.append((method, path, "never answered"))
        return 0

    def note(self, what, task_id, **more):
        self.log.write(json.dumps({"At": time.time(), "What": what, "ID": task_id, **more}) + "\n")
        self.log.flush()

    def run(self):
        while not self.ends.is_set():
            kind = self.random.choice(self.kinds)
            task_id = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
            if self.ask("POST", "/tasks", self.make(kind, task_id)):
                self.note("submitted", task_id, Kind=kind)
                stays = KINDS[kind][2] == RUNNING and self.stays < 4
                self.stays += stays
                if not stays and (KINDS[kind][2] == RUNNING or self.random.random() < 0.2):
                    time.sleep(self.random.choice([0, 0, 0.01, 0.05, 0.3]))
                    for _ in range(self.random.choice([1, 2])):
                        if self.ask("DELETE", "/tasks/" + task_id):
                            self.note("stopped", task_id)
            self.ends.wait(self.random.random() * self.pause)
        self.log.close()


class Torture(unittest.TestCase):
    """What both runtimes have in common."""

    def start_users(self, cluster, make, kinds, count, pause):
        self.logs = [cluster.path(f"user{i}.log") for i in range(count)]
        users = [User(cluster.manager.port, log, make, kinds, SEED + i, pause) for i, log in enumerate(self.logs)]
        for user in users:
            user.start()

        def end():
            for user in users:
                user.ends.set()
            for user in users:
                user.join(150)
        self.addCleanup(end)
        return users, end

    def acknowledged(self):
        """Read back from the users' logs: kinds by id, and the ids that were stopped."""
        kinds, stopped = {}, set()
        for log in self.logs:
            with open(log) as f:
                for line in map(json.loads, f):
                    if line["What"] == "submitted":
                        kinds[line["ID"]] = line["Kind"]
                    else:
                        stopped.add(line["ID"])
        return kinds, stopped

    def cycles(self, cluster, engine=None):
        """The killing."""
        dice = random.Random(SEED)
        daemons = {"manager": cluster.manager, **cluster.workers}
        workers = list(cluster.workers)
        choices = [["manager"], [workers[0]], [workers[-1]], ["manager", *workers], workers]
        if engine:
            choices += [["engine"], ["engine", "manager", *workers]]
        for cycle in range(CYCLES):
            time.sleep(dice.random() ** 2)
            # Each kind of kill has its turn, whatever the dice say.
            victims = choices[cycle] if cycle < len(choices) else dice.choice(choices)
            for name in victims:
                if name == "engine":
                    os.kill(engine.pid(), signal.SIGKILL)
                else:
                    daemons[name].kill()
            time.sleep(dice.choice([0, 0, 0.2]))
            for name in victims:
                if name == "engine":
                    engine.control("restart")
                else:
                    daemons[name].start(wait=False)
            if cycle % 5 == 4:
                self.alive(daemons)
        self.alive(daemons)

    def alive(self, daemons):
        def serves(daemon):
            # One that found its port taken meanwhile is started again.
            if daemon.process.poll() is not None:
                daemon.start(wait=False)
            return daemon.request("GET", "/version")[0] == 200
        for name, daemon in daemons.items():
            wait_for(name, lambda d=daemon: serves(d), 20)

    def settled(self, cluster, kinds, stopped):
        """Waits until every task is as it has to be; the tasks by id."""
        def as_wanted():
            tasks = {t["ID"]: t for t in cluster.manager.get("/tasks")}
            self.assertEqual(set(kinds) - set(tasks), set(), "acknowledged and lost")
            self.assertEqual(set(tasks) - set(kinds), set(), "there, and acknowledged to nobody")
            late = [t for t in tasks.values() if not (t["Final"] or (
                t["State"] == RUNNING and t["ID"] not in stopped and KINDS[kinds[t["ID"]]][2] == RUNNING))]
            self.late = [(t["ID"], kinds.get(t["ID"]), t["State"], t["Node"], t["Reason"]) for t in late[:5]]
            return not late and tasks
        try:
            return wait_for("every task to be as it has to be", as_wanted, 60)
        except AssertionError as e:
            raise AssertionError(f"{e}; {getattr(self, 'late', None)}") from None

    def check_ends(self, kinds, stopped, tasks, codes_lost=()):
        """How each ended, by what the manager says. codes_lost: what an engine that was not there
        may say of a container that ended meanwhile; of few, since most ends are seen."""
        wrong, lost = [], 0
        for task_id, kind in kinds.items():
            task, (_, _, state, code, _) = tasks[task_id], KINDS[kind]
            if task_id in stopped:
                # It may have ended by itself before.
                good = task["Final"] and task["State"] in (COMPLETED, FAILED)
            elif state == RUNNING:
                good = task["State"] == RUNNING
            else:
                good = task["Final"] and (task["State"], task.get("ExitCode")) == (state, code)
                if not good and task["Final"] and task.get("ExitCode") in codes_lost:
                    good = True
                    lost += 1
            if not good:
                wrong.append((task_id, kind, task_id in stopped, task["State"], task.get("ExitCode"), task["Reason"]))
        self.assertEqual(wrong, [])
        self.assertLessEqual(lost, max(3, CYCLES // 4), "exit codes that the engine lost")
        counts = collections.Counter(kinds.values())
        print(f"seed {SEED}, {CYCLES} cycles, {len(kinds)} tasks: {dict(counts)}, {len(stopped)} stopped"
              f"{f', {lost} exit codes lost by the engine' if lost else ''}",
              file=sys.stderr)
        self.assertGreater(len(kinds), CYCLES)


def live_processes(marks):
    """Main processes of tasks of this test, by task."""
    found = collections.defaultdict(list)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as f:
                environ = dict(v.split(b"=", 1) for v in f.read().split(b"\0") if b"=" in v)
            with open(f"/proc/{pid}/stat") as f:
                state = f.read().rsplit(")", 1)[1].split()[0]
        except (OSError, ValueError):
            continue
        if environ.get(b"CUBE_TORTURE") == marks.encode() and state != "Z":
            found[environ[b"TASK"].decode()].append(int(pid))
    return found


class OnProcesses(Torture):
    # Each start is a line with its process id; one that finds another alive says so.
    SCRIPT = ('if [ -e "$M/$TASK.pid" ] && kill -0 "$(cat "$M/$TASK.pid")" 2>/dev/null; then echo $$ >>"$M/$TASK.double"; fi; '
              'echo $$ >"$M/$TASK.pid"; echo $$ >>"$M/$TASK"; ')

    def test_manager_and_workers(self):
        with Cluster() as cluster:
            cluster.start_manager("--keep-tasks", "1000000")
            cluster.start_worker("n1")
            cluster.start_worker("n2")
            cluster.wait_ready("n1", "n2")
            marks = cluster.path("marks")
            os.mkdir(marks)

            def make(kind, task_id):
                return event("/bin/sh", "-c", self.SCRIPT + KINDS[kind][0], ID=task_id, StopTimeout=1,
                             RestartPolicy=KINDS[kind][1],
                             Env=["CUBE_TORTURE=" + marks, "M=" + marks, "TASK=" + task_id])
            users, end_users = self.start_users(cluster, make, ["short", "short", *KINDS], 4, 0.05)
            self.cycles(cluster)
            end_users()
            self.assertEqual([e for user in users for e in user.errors], [])
            kinds, stopped = self.acknowledged()
            tasks = self.settled(cluster, kinds, stopped)
            self.check_ends(kinds, stopped, tasks)
            self.check_starts(marks, kinds, stopped)
            self.check_live(marks, tasks)
            for task in tasks.values():
                if task["State"] == RUNNING:
                    self.assertEqual(cluster.manager.request("DELETE", "/tasks/" + task["ID"])[0], 204)
            wait_for("the last process to be gone", lambda: not live_processes(marks), 20)

    def check_starts(self, marks, kinds, stopped):
        self.assertEqual([name for name in os.listdir(marks) if name.endswith(".double")], [],
                         "two of one task at once")
        wrong = []
        for task_id, kind in kinds.items():
            starts, path = 0, os.path.join(marks, task_id)
            if os.path.exists(path):
                with open(path) as f:
                    starts = len(f.readlines())
            most = KINDS[kind][4]
            if starts > most or (starts < most and task_id not in stopped):
                wrong.append((task_id, kind, task_id in stopped, starts))
        self.assertEqual(wrong, [], "started too often, or not at all")

    def check_live(self, marks, tasks):
        """What lives is what should: no stopped one, no one's own, none twice."""
        def right():
            live = {}
            for task_id, pids in live_processes(marks).items():
                with open(os.path.join(marks, task_id)) as f:
                    live[task_id] = set(pids) & set(map(int, f.read().split()))
            self.live = live
            running = {t["ID"] for t in tasks.values() if t["State"] == RUNNING}
            return set(live) == running and all(len(pids) == 1 for pids in live.values())
        try:
            wait_for("one process for each running task, and none beside", right, 10)
        except AssertionError as e:
            raise AssertionError(f"{e}; {self.live}") from None


class Watcher(threading.Thread):
    """Asks the engine for its list all the time: two of one task must never run at once."""

    def __init__(self, path):
        super().__init__()
        self.path, self.ends, self.doubles, self.looks = path, threading.Event(), [], 0

    def containers(self, everything=False):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(self.path)
            connection = http.client.HTTPConnection("engine", timeout=10)
            connection.sock = s
            connection.request("GET", "/containers/json" + ("?all=1" if everything else ""))
            return [c for c in json.loads(connection.getresponse().read()) if "cube.task" in c["Labels"]]

    def run(self):
        while not self.ends.is_set():
            try:
                running = collections.Counter(c["Labels"]["cube.task"] for c in self.containers())
                self.doubles += [task_id for task_id, count in running.items() if count > 1]
                self.looks += 1
            except (OSError, ValueError, http.client.HTTPException):
                pass
            self.ends.wait(0.1)


class OnDocker(Torture):
    def test_manager_workers_and_engine(self):
        with Dockerd(live_restore=True) as engine, Cluster() as cluster:
            cluster.start_manager("--keep-tasks", "1000000")
            for name in ("d1", "d2"):
                cluster.start_worker(name, "docker.so", "--runtime-opt", "socket=" + engine.socket)
            cluster.wait_ready("d1", "d2", seconds=30)

            def make(kind, task_id):
                return event("cube-test/busybox", "sh", "-c", KINDS[kind][0], ID=task_id, StopTimeout=1,
                             RestartPolicy=KINDS[kind][1])
            watcher = Watcher(engine.socket)
            watcher.start()
            users, end_users = self.start_users(cluster, make, [*KINDS], 2, 0.6)
            try:
                self.cycles(cluster, engine)
                end_users()
                self.assertEqual([e for user in users for e in user.errors], [])
                kinds, stopped = self.acknowledged()
                tasks = self.settled(cluster, kinds, stopped)
            finally:
                watcher.ends.set()
                watcher.join(20)
            self.assertEqual(watcher.doubles, [], "two of one task at once")
            self.assertGreater(watcher.looks, 10)
            self.check_ends(kinds, stopped, tasks, codes_lost=(0, 255))
            self.check_containers(watcher, tasks, stopped)

    def check_containers(self, watcher, tasks, stopped):
        def right():
            bad, live = [], collections.Counter()
            for c in watcher.containers(everything=True):
                task = tasks.get(c["Labels"]["cube.task"])
                alive = c["State"] not in ("exited", "created", "dead")
                if task is None:
                    bad.append(("nobody's", c["Names"], c["Status"]))
                elif alive and (task["State"] != RUNNING or str(task["Attempt"]) != c["Labels"]["cube.attempt"]):
                    bad.append(("not wanted", c["Names"], c["Status"], task["State"], task["Attempt"]))
                elif c["State"] == "created" or (not alive and task["ID"] in stopped):
                    bad.append(("left behind", c["Names"], c["Status"], task["ID"] in stopped, task["State"], task["Reason"]))
                live[c["Labels"]["cube.task"]] += alive
            bad += [("not one", t["ID"], live[t["ID"]]) for t in tasks.values()
                    if t["State"] == RUNNING and live[t["ID"]] != 1]
            self.bad = bad
            return not bad
        try:
            wait_for("the engine's list to be as the manager's", right, 30)
        except AssertionError as e:
            raise AssertionError(f"{e}; {self.bad}") from None


if __name__ == "__main__":
    unittest.main()
