"""Beside a Docker Engine of our own: what cube adds to a create and start asked of the engine
itself, one at a time and many at once, and the same of Docker Swarm on the same engine."""

import concurrent.futures
import os
import shutil
import statistics
import subprocess
import time
import uuid

from daemons import ms_to_running
from flow import Cluster, Dockerd, RUNNING, event, wait_for
from freed import handovers
from table import median, spread
from wire import Wire

IMAGE = "cube-test/busybox"
PAIRS = 50
MANY = 200
ROUNDS = 2
RAW_MANY = 64
SWARM = 10
FREED = 20
POLL_S = 0.002
QUIET_S = 0.04  # no container runs sooner


class Raw:
    """The engine over its socket, as plainly as it goes: create, start."""

    def __init__(self, path):
        self.path = path
        self.wire = Wire(path)

    def run(self, wire=None):
        wire = wire or self.wire
        body = {"Image": IMAGE, "Cmd": ["sleep", "600"], "HostConfig": {"NetworkMode": "host"},
                "Labels": {"bench": "raw"}}
        made = wire.expect(201, "POST", "/containers/create?name=raw-" + uuid.uuid4().hex[:12], body)
        wire.expect(204, "POST", f"/containers/{made['Id']}/start")

    def run_many(self, count, at_once):
        """Containers a second."""
        wires = [Wire(self.path) for _ in range(at_once)]
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            list(pool.map(lambda w: [self.run(w) for _ in range(count // at_once)], wires))
        seconds = time.monotonic() - began
        for w in wires:
            w.close()
        return count // at_once * at_once / seconds

    def remove_all(self):
        """Forcibly, four at once."""
        def remove(batch):
            wire = Wire(self.path)
            for container in batch:
                wire.request("DELETE", f"/containers/{container['Id']}?force=1")
            wire.close()

        found = self.wire.expect(200, "GET", "/containers/json?all=1")
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(remove, [found[i::4] for i in range(4)]))


def body(**fields):
    return event(IMAGE, "sleep", "600", RestartPolicy="no", StopTimeout=1, **fields)


def docker(table):
    table.section("docker.so: submit until running, host network")
    if shutil.which("dockerd") is None or os.geteuid() != 0:
        table.say("not measured: it needs dockerd and root, for an engine of its own")
        return
    with Dockerd() as dockerd:
        raw = Raw(dockerd.socket)
        with Cluster() as c:
            c.start_manager()
            c.start_worker("n1", "docker.so", "--runtime-opt", "socket=" + dockerd.socket, "--runtime-opt",
                           "network=host", "--cpus", "1000", "--memory", "1024g")
            c.wait_ready("n1")
            one_by_one(table, c, raw)
            raw.remove_all()
            many(table, c, raw)
            memory_beside(table, c, dockerd)
            c.workers["n1"].kill()
            c.manager.kill()
        raw.remove_all()
        freed(table, dockerd, raw)
        raw.remove_all()
        swarm(table, dockerd, raw)


def one_by_one(table, c, raw):
    wire = Wire(c.manager.port)
    raw.run()  # the engine's first is slower
    ms_to_running(wire, body(), POLL_S, QUIET_S)
    ours, theirs = [], []
    for _ in range(PAIRS):
        ours.append(ms_to_running(wire, body(), POLL_S, QUIET_S))
        began = time.monotonic()
        raw.run()
        theirs.append((time.monotonic() - began) * 1e3)
    table.add(f"one task, median of {PAIRS}, interleaved", median(ours), "ms", median(theirs),
              "create and start on its socket", most=1.10, of_peer=True,
              note=f"cube {spread(ours)}; engine {spread(theirs)}")
    wire.close()


def freed(table, dockerd, raw):
    """A task that fits nowhere, from the end of the one in its place until it runs."""
    with Cluster() as c:
        c.start_manager()
        c.start_worker("n1", "docker.so", "--runtime-opt", "socket=" + dockerd.socket, "--runtime-opt",
                       "network=host", "--cpus", "1")
        c.wait_ready("n1")
        samples = [h.running_ms for h in handovers(c, FREED, 1, IMAGE, "sleep", "600")]
    floor = []
    for _ in range(FREED):
        began = time.monotonic()
        raw.run()
        floor.append((time.monotonic() - began) * 1e3)
    table.add("room freed until a task that waited runs", median(samples), "ms", median(floor),
              "create and start on its socket", most=100, note=f"cube {spread(samples)}; engine {spread(floor)}")


def seconds_for_many(wire, count):
    """One array, from its submit until all of it runs."""
    bodies = [body() for _ in range(count)]
    wanted = {b["Task"]["ID"] for b in bodies}
    began = time.monotonic()
    wire.expect(201, "POST", "/tasks", bodies)

    def all_run():
        states = [t["State"] for t in wire.expect(200, "GET", "/tasks?state=running") if t["ID"] in wanted]
        return states.count(RUNNING) == count

    wait_for("all containers to run", lambda: all_run() or time.sleep(0.03), 120)
    return time.monotonic() - began


def many(table, c, raw):
    """In rounds, each between rounds of the engine alone: its speed drifts within a minute."""
    rates = {4: [], 8: []}
    ours = []
    wire = Wire(c.manager.port)
    for turn in range(ROUNDS + 1):
        for at_once in (4, 8) if turn % 2 else (8, 4):
            rates[at_once].append(raw.run_many(RAW_MANY // at_once * at_once, at_once))
            raw.remove_all()
        if turn < ROUNDS:
            ours.append(seconds_for_many(wire, MANY // ROUNDS))
            raw.remove_all()
    wire.close()
    # Rates of equal counts: their harmonic mean is the rate of all.
    at_once, best = max(((n, statistics.harmonic_mean(r)) for n, r in rates.items()), key=lambda p: p[1])
    table.add(f"{MANY} tasks in {ROUNDS} arrays until all run", MANY / sum(ours), "1/s", best,
              f"the engine's best, {at_once} at once", least=0.90, of_peer=True, note="engine: " + "; ".join(
                  f"{n} at once {statistics.harmonic_mean(r):.2f}" for n, r in rates.items()))


def memory_beside(table, c, dockerd):
    """Of the control plane: what cube takes to run an engine's containers, beside the engine."""
    def rss(pid):
        with open(f"/proc/{pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:")) / 1024

    ours = (c.manager.rss_kib() + c.workers["n1"].rss_kib()) / 1024
    table.add("manager and worker together, resident", ours, "MiB", rss(dockerd.pid()), "dockerd alone",
              note=f"after {MANY + PAIRS} tasks")


def swarm(table, dockerd, raw):
    """Docker's own orchestrator, where it can be had."""
    try:
        dockerd.docker("swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1")
    except subprocess.CalledProcessError as e:
        table.say("Docker Swarm cannot be started here: " + e.stderr.strip().splitlines()[-1])
        return
    samples, floor = [], []
    for i in range(SWARM):
        name = f"bench{i}"
        spec = {"Name": name, "TaskTemplate": {
            "ContainerSpec": {"Image": IMAGE, "Args": ["sleep", "600"]}, "Networks": [{"Target": "host"}],
            "RestartPolicy": {"Condition": "none"}}, "Mode": {"Replicated": {"Replicas": 1}}}
        began = time.monotonic()
        service = raw.wire.expect(201, "POST", "/services/create", spec)["ID"]

        def runs():
            tasks = raw.wire.expect(200, "GET", f'/tasks?filters={{"service":["{service}"]}}')
            return any(t["Status"]["State"] == "running" for t in tasks)

        deadline = began + 30
        while not runs():
            if time.monotonic() > deadline:
                table.say("Docker Swarm: its service does not run within 30 s here")
                return
            time.sleep(POLL_S)
        samples.append((time.monotonic() - began) * 1e3)
        began = time.monotonic()
        raw.run()
        floor.append((time.monotonic() - began) * 1e3)
    table.add(f"Docker Swarm, one service, median of {SWARM}", median(samples), "ms", median(floor),
              "create and start on its socket", note="not cube: the peer's own ratio")
