"""What the flow tests share: the real programs started, asked, killed and cleaned up.

A Cluster owns a temporary folder and every process it started; leaving it (it is a context
manager) ends them by pid. Nothing here knows how cube works inside: it uses the programs,
the HTTP API and files, as a user would.
"""

import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.path.join(ROOT, os.environ.get("CUBE_BUILD", "build"))
SLOW = float(os.environ.get("CUBE_TEST_SLOW", "1"))  # sanitizers: waits grow by this
LONG = os.environ.get("CUBE_TEST_LONG", "0") not in ("", "0")  # make check-long

PENDING, SCHEDULED, RUNNING, COMPLETED, FAILED = range(5)
ZERO_TIME = "0001-01-01T00:00:00Z"


def program(name):
    return os.path.join(BUILD, "bin", name)


def amount(name, usual, long):
    """How much of something a test does: what the environment says, else the form that was asked for."""
    return type(usual)(os.environ.get(name, long if LONG else usual))


def free_port():
    """One that nothing listens on, and below those that the kernel gives to outgoing connections:
    a daemon that was killed finds its port free when it comes back."""
    slot = os.environ.get("CUBE_TEST_SLOT")  # of tests/run: one slot, one test program at a time
    ports = range(10000, 20000) if slot is None else range(10000 + int(slot) % 10 * 1000, 11000 + int(slot) % 10 * 1000)
    for port in random.sample(ports, 100):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port")


def wait_for(what, check, seconds=10):
    """Calls check until it returns something true, and returns that."""
    deadline = time.monotonic() + seconds * SLOW
    last = None
    while time.monotonic() < deadline:
        try:
            last = check()
        except (OSError, http.client.HTTPException) as e:
            last = e
        else:
            if last:
                return last
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s for {what}; last: {last!r}")


class Daemon:
    """A cube-manager or cube-worker: started, asked over HTTP, ended by its pid."""

    def __init__(self, cluster, name, argv, port, env=None, host=None):
        self.cluster, self.name, self.argv, self.port = cluster, name, argv, port
        self.host = host or "127.0.0.1"
        self.env = dict(os.environ, **(env or {}))
        self.log_path = os.path.join(cluster.dir, name + ".log")
        self.process = None

    def start(self, wait=True):
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(self.argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                        env=self.env)
        log.close()
        if wait:
            wait_for(self.name + " to answer", self._answers, 20)
        return self

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.log()[-3000:]}")
        return self.request("GET", "/version")[0] == 200

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def request(self, method, path, body=None, headers=None, timeout=40):
        """(status, headers, parsed JSON or text)"""
        c = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            if body is not None and not isinstance(body, (bytes, str)):
                body = json.dumps(body)
            c.request(method, path, body=body, headers=headers or {})
            r = c.getresponse()
            data = r.read()
            if (r.getheader("Content-Type") or "").startswith("application/json"):
                return r.status, r.headers, json.loads(data)
            return r.status, r.headers, data.decode(errors="replace")
        finally:
            c.close()

    def get(self, path):
        status, _, body = self.request("GET", path)
        assert status == 200, (path, status, body)
        return body

    def kill(self, signo=signal.SIGKILL):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signo)
            self.process.wait(30)
        return self.process.returncode if self.process else None

    def stop(self):
        """A polite end; the exit code."""
        return self.kill(signal.SIGTERM)

    def rss_kib(self, field="VmRSS"):
        with open(f"/proc/{self.process.pid}/status") as f:
            for line in f:
                if line.startswith(field + ":"):
                    return int(line.split()[1])
        raise KeyError(field)


class Cluster:
    """One manager and its workers in a temporary folder. Without a scheduler: the manager's own default."""

    def __init__(self, scheduler=None):
        self.dir = tempfile.mkdtemp(prefix="cube-flow.")
        self.scheduler = scheduler
        self.manager = None
        self.workers = {}
        self.cleanups = []

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for d in list(self.workers.values()) + ([self.manager] if self.manager else []):
            try:
                d.kill()
            except (OSError, subprocess.SubprocessError):
                pass
        for cleanup in reversed(self.cleanups):
            cleanup()
        # A supervisor whose task was ended first has something to write down.
        for _ in range(100):
            if not self._end_process_tasks():
                break
            time.sleep(0.02)
        shutil.rmtree(self.dir, ignore_errors=True)

    def _end_process_tasks(self):
        """Supervisors and tasks that process.so left running under our own folder; if there were any."""
        found = False
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as f:
                    environ = f.read()
                cwd = os.readlink(f"/proc/{pid}/cwd")
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    cmdline = f.read()
            except OSError:
                continue
            if int(pid) != os.getpid() and (
                    cwd.startswith(self.dir + "/") or
                    (b"process-supervisor" in cmdline and self.dir.encode() in cmdline + environ)):
                found = True
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except OSError:
                    pass
        return found

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def start_manager(self, *options, wait=True, env=None, data=None, host=None):
        port = self.manager.port if self.manager else free_port()
        argv = [program("cube-manager"), *([f"--scheduler={self.scheduler}"] if self.scheduler else []),
                "--port", str(port), "--data-dir", data or self.path("manager"),
                *(["--host", host] if host else []), *options]
        self.manager = Daemon(self, "manager", argv, port, env, host)
        return self.manager.start(wait)

    def start_worker(self, name, runtime="process.so", *options, wait=True, env=None, port=None, host=None,
                     within=()):
        """within: what to run it with (nsenter ...), which has to become it."""
        old = self.workers.get(name)
        port = port or (old.port if old else free_port())
        argv = [*within, program("cube-worker"), f"--runtime={runtime}", "--name", name, "--port", str(port),
                "--data-dir", self.path(name),
                *(["--manager", f"http://{self.manager.host}:{self.manager.port}"] if self.manager else []),
                *(["--host", host, "--advertise", f"{host}:{port}"] if host else []),
                *(["--runtime-opt", "dir=" + self.path(name, "process")] if "process" in runtime else []),
                *options]
        self.workers[name] = Daemon(self, name, argv, port, env, host)
        return self.workers[name].start(wait)

    def wait_ready(self, *names, seconds=20):
        def ready():
            nodes = {n["Name"]: n for n in self.manager.get("/nodes")}
            return all(n in nodes and nodes[n]["Status"] == "ready" and nodes[n]["RuntimeReady"]
                       for n in names) and nodes
        try:
            return wait_for(f"nodes {names} to be ready", ready, seconds)
        except AssertionError as e:
            nodes = [(n["Name"], n["Status"], n["RuntimeReady"], n["Reason"], n["RuntimeReason"])
                     for n in self.manager.get("/nodes")]
            raise AssertionError(f"{e}; nodes: {nodes}") from None

    def submit(self, image, *args, **fields):
        """Submits one task; its Task object. fields are Task's own."""
        status, _, body = self.submit_raw(image, *args, **fields)
        assert status == 201, (status, body)
        return body

    def submit_raw(self, image, *args, **fields):
        return self.manager.request("POST", "/tasks", event(image, *args, **fields))

    def task(self, task_id):
        return self.manager.get("/tasks/" + task_id)

    def wait_state(self, task_id, state, seconds=20):
        def reached():
            t = self.task(task_id)
            if t["State"] != state and t["Final"]:
                raise AssertionError(f"task ended as {t['State']}, not {state}: {t['Reason']}")
            return t["State"] == state and t
        return wait_for(f"task {task_id} to be in state {state}", reached, seconds)

    def wait_final(self, task_id, seconds=20):
        return wait_for(f"task {task_id} to end", lambda: (t := self.task(task_id))["Final"] and t, seconds)

    def cube(self, *args, input=None, timeout=60, env=None):
        """Runs the command line; (exit code, stdout, stderr)."""
        manager = {"CUBE_MANAGER": f"{self.manager.host}:{self.manager.port}"} if self.manager else {}
        p = subprocess.run([program("cube"), *args], input=input, text=True, capture_output=True,
                           timeout=timeout * SLOW, env=dict(os.environ, **manager, **(env or {})))
        return p.returncode, p.stdout, p.stderr


def event(image, *args, **fields):
    task = {"Image": image, **({"Cmd": list(args)} if args else {}), **fields}
    task.setdefault("ID", str(uuid.uuid4()))
    return {"ID": str(uuid.uuid4()), "State": 2, "Timestamp": "2024-01-01T00:00:00Z", "Task": task}


class Dockerd:
    """A private Docker Engine with the image cube-test/busybox; stopped by its pid."""

    SCRIPT = os.path.join(ROOT, "tests", "flow", "lib", "dockerd")

    def __init__(self, live_restore=False):
        self.dir = tempfile.mkdtemp(prefix="cube-dockerd.")
        self.socket = os.path.join(self.dir, "s")
        self.live_restore = live_restore  # containers live on when it ends

    def __enter__(self):
        subprocess.run([self.SCRIPT, "start", self.dir], check=True, timeout=120,
                       env=dict(os.environ, DOCKERD_LIVE_RESTORE=str(self.live_restore).lower()))
        return self

    def __exit__(self, *exc):
        subprocess.run([self.SCRIPT, "stop", self.dir], check=False, timeout=120)
        shutil.rmtree(self.dir, ignore_errors=True)

    def control(self, what):
        """stop-engine, restart, pid: what the script can do with it."""
        return subprocess.run([self.SCRIPT, what, self.dir], check=True, text=True, timeout=120,
                              stdout=subprocess.PIPE).stdout

    def pid(self):
        return int(self.control("pid"))

    def docker(self, *args):
        return subprocess.run(["docker", "-H", "unix://" + self.socket, *args], check=True, text=True,
                              capture_output=True, timeout=120).stdout

    def inspect(self, container):
        return json.loads(self.docker("inspect", container))[0]
