"""The programs by themselves: how large, how soon they answer, what they cost while idle, and how
soon a process runs."""

import os
import shutil
import socket
import subprocess
import tempfile
import time

from flow import Cluster, RUNNING, event, program, wait_for
from freed import handovers
from table import median, spread
from wire import Wire

SETTLE_S = 4  # to be idle: first polls done, freed memory given back
IDLE_S = 10


def sizes(table):
    table.section("Programs, stripped")
    with tempfile.TemporaryDirectory(prefix="cube-bench.") as folder:
        for name in ("cube-manager", "cube-worker", "cube"):
            out = os.path.join(folder, name)
            subprocess.run(["strip", "-o", out, program(name)], check=True)
            table.add(name, os.path.getsize(out) / 1024, "KiB", most=1024)


# ---- start ----

def seconds_to_answer(daemon, give_up=30):
    """From exec until GET /healthz is answered with 200."""
    began = time.monotonic()
    daemon.start(wait=False)
    while time.monotonic() - began < give_up:
        try:
            with socket.create_connection(("127.0.0.1", daemon.port), 5) as s:
                s.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                if s.recv(4096).startswith(b"HTTP/1.1 200"):
                    return time.monotonic() - began
        except OSError:
            pass
        if daemon.process.poll() is not None:
            break
        time.sleep(0.0005)
    raise AssertionError(f"{daemon.name} does not answer:\n{daemon.log()[-2000:]}")


def start(table, rounds=9):
    table.section("Start to the first answer of GET /healthz")
    for what in ("manager", "worker"):
        fresh, again = [], []
        for _ in range(rounds):
            with Cluster() as c:
                daemon = c.start_manager(wait=False) if what == "manager" else c.start_worker("n1", wait=False)
                daemon.kill()
                for samples in (fresh, again):
                    if samples is fresh:
                        shutil.rmtree(c.path("manager" if what == "manager" else "n1"), ignore_errors=True)
                    samples.append(seconds_to_answer(daemon) * 1e3)
                    daemon.kill()
        table.add(f"{what}, empty data directory", median(fresh), "ms", most=50, note=spread(fresh))
        table.add(f"{what}, after kill -9", median(again), "ms", most=50, note=spread(again))


# ---- idle ----

def switches(pid):
    """Voluntary context switches by thread name: each is a wake-up."""
    out = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{tid}/status") as f:
                fields = dict(line.split(":", 1) for line in f if ":" in line)
        except OSError:
            continue
        name = fields["Name"].strip()
        out[name] = out.get(name, 0) + int(fields["voluntary_ctxt_switches"])
    return out


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def idle(table):
    table.section(f"Idle: a manager with one worker, {IDLE_S} s")
    with Cluster() as c:
        c.start_manager()
        c.start_worker("n1")
        c.wait_ready("n1")
        time.sleep(SETTLE_S)
        daemons = {"manager": c.manager, "worker": c.workers["n1"]}
        before = {d: (switches(d.process.pid), cpu_ticks(d.process.pid)) for d in daemons.values()}
        time.sleep(IDLE_S)
        for name, d in daemons.items():
            woken, ticks = switches(d.process.pid), cpu_ticks(d.process.pid)
            by = {t: n - before[d][0].get(t, 0) for t, n in woken.items()}
            most = ", ".join(f"{t} {n}" for t, n in sorted(by.items(), key=lambda p: -p[1]) if n)
            table.add(f"{name}, memory of its own (RssAnon)", d.rss_kib("RssAnon") / 1024, "MiB", most=4)
            table.add(f"{name}, resident (VmRSS)", d.rss_kib("VmRSS") / 1024, "MiB", most=16,
                      note=f"{len(os.listdir(f'/proc/{d.process.pid}/task'))} threads")
            table.add(f"{name}, wake-ups", sum(by.values()) / IDLE_S, "1/s", note=most)
            table.add(f"{name}, processor", (ticks - before[d][1]) * 1000 / os.sysconf("SC_CLK_TCK") / IDLE_S,
                      "ms/s")


# ---- process.so ----

def spawn_floor(argv, rounds):
    """The kernel's share: posix_spawn until the program runs and has ended."""
    samples = []
    for _ in range(rounds):
        began = time.monotonic()
        os.waitpid(os.posix_spawn(argv[0], argv, {}), 0)
        samples.append((time.monotonic() - began) * 1e3)
    return samples


def ms_to_running(wire, body, pause, quiet=0.0, give_up=30):
    """From the submit until the manager says that the task runs. It is asked every pause seconds, after the first
    quiet ones: asking takes processor time that what is measured could use."""
    task = body["Task"]["ID"]
    began = time.monotonic()
    wire.expect(201, "POST", "/tasks", body)
    time.sleep(quiet)
    while True:
        answer = wire.expect(200, "GET", "/tasks/" + task)
        now = time.monotonic()
        if answer["State"] == RUNNING:
            return (now - began) * 1e3
        if answer["Final"] or now - began > give_up:
            raise RuntimeError(f"the task does not run: {answer}")
        time.sleep(pause)


def process(table, rounds=200):
    table.section("process.so: submit until the manager says it runs")
    with Cluster() as c:
        c.start_manager()
        c.start_worker("n1", "process.so", "--cpus", "1000")
        c.wait_ready("n1")
        wire = Wire(c.manager.port)
        samples, answered, floor = [], [], []
        pids = [c.manager.process.pid, c.workers["n1"].process.pid]
        ticks = sum(map(cpu_ticks, pids))
        for _ in range(rounds):
            samples.append(ms_to_running(wire, event("/bin/sleep", "120", RestartPolicy="no"), 0.0005))
            floor += spawn_floor(["/bin/true"], 1)
        ticks = sum(map(cpu_ticks, pids)) - ticks
        for _ in range(rounds):  # they fit nowhere
            began = time.monotonic()
            wire.expect(201, "POST", "/tasks", event("/bin/true", RestartPolicy="no", Cpu=4000.0))
            answered.append((time.monotonic() - began) * 1e3)
        processor = ticks * 1000 / os.sysconf("SC_CLK_TCK") / rounds
        table.add("submit to running, median", median(samples), "ms", median(floor), "posix_spawn and exit",
                  most=10, note=f"{spread(samples)}; processor of both daemons {processor:.2f} ms a task")
        table.add("submit to 201 (durable), median", median(answered), "ms", note=spread(answered))
        burst(table, c, wire)
    with Cluster() as c:
        c.start_manager()
        c.start_worker("n1", "process.so", "--cpus", "1")
        c.wait_ready("n1")
        samples = [h.running_ms for h in handovers(c, 50, 1, "/bin/sleep", "600")]
        table.add("room freed until a task that waited runs", median(samples), "ms", median(floor),
                  "posix_spawn and exit", most=100, note=spread(samples))


def burst(table, c, wire, count=300):
    """Programs that end at once: how many go from submitted to completed and reported."""
    bodies = [event("/bin/true", RestartPolicy="no") for _ in range(count)]
    began = time.monotonic()
    wire.expect(201, "POST", "/tasks", bodies)
    wanted = {b["Task"]["ID"] for b in bodies}
    wait_for("the burst to end", lambda: all(
        t["Final"] for t in wire.expect(200, "GET", "/tasks") if t["ID"] in wanted), 120)
    seconds = time.monotonic() - began
    floor = spawn_floor(["/bin/true"], count)
    table.add(f"{count} tasks in one array until all ended", count / seconds, "1/s", count / (sum(floor) / 1e3),
              "posix_spawn and exit, one by one")
