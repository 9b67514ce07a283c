"""Durable submissions and what a restart with many of them takes. No worker: the tasks stay
pending, so that only the way from the socket to the disk and back is measured."""

import json
import os
import sqlite3
import subprocess
import time

from daemons import seconds_to_answer
from flow import BUILD, Cluster
from table import median

LOAD_S = 5
PEER_S = 2
RESTART_TASKS = 100000


def tool(name, *args):
    p = subprocess.run([os.path.join(BUILD, "tests", "bench", name), *map(str, args)], text=True,
                       capture_output=True, timeout=300)
    if p.returncode != 0:
        raise RuntimeError(f"{name} {args}: {p.returncode}: {p.stderr.strip()}")
    return p.stdout


def load(c, connections, tasks, seconds=LOAD_S, limit=None):
    return json.loads(tool("load_tool", c.manager.port, connections, tasks, seconds, *([limit] if limit else [])))


def records(path):
    """What the store holds, read beside the manager: sizes for a peer that writes the same."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        rows = db.execute("SELECT substr(key, 1, instr(key, '/')), count(*), avg(length(value)) FROM record GROUP BY 1")
        found = {kind: (count, int(size)) for kind, count, size in rows}
        batch = db.execute("SELECT value FROM record WHERE key = 'meta/batch'").fetchone()
    found["batch"] = int(batch[0]) if batch else 0
    return found


def store_path(c):
    return c.path("manager", "cube.db")


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peer(c, tasks, task_bytes, events, event_bytes):
    path = c.path("peer.db")
    rates = []
    for _ in range(2):  # the better of two: one stall of the disk would flatter us
        rates.append(float(tool("sqlite_tool", path, tasks, task_bytes, events, event_bytes, PEER_S)))
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(path + suffix):
                os.unlink(path + suffix)
    return max(rates)


def shape(found):
    """(bytes of a task, bytes of an event) in the store."""
    return found.get("task/", (0, 700))[1], found.get("event/", (0, 100))[1]


def measure(table, what, connections, tasks, least=None):
    with Cluster() as c:
        c.start_manager()
        before = records(store_path(c))["batch"]
        cpu = cpu_s(c.manager.process.pid)
        got = load(c, connections, tasks)
        cpu = cpu_s(c.manager.process.pid) - cpu
        found = records(store_path(c))
        task_bytes, event_bytes = shape(found)
        group = max(1, round(got["taken"] / tasks / max(1, found["batch"] - before)))
        floor = peer(c, tasks * group, task_bytes, group, event_bytes)
        table.add(what, got["rate"], "1/s", floor,
                  f"sqlite alone, {group} x {tasks} tasks a commit", least=least,
                  note=f"answer median {got['median_ms']:.1f} ms p99 {got['p99_ms']:.1f}; processor: manager "
                       f"{cpu / got['seconds']:.2f}, load {got['cpu_s'] / got['seconds']:.2f}; a task is {task_bytes} "
                       f"bytes; RSS {c.manager.rss_kib() / 1024:.0f} MiB with {got['taken']:,} tasks")
        return task_bytes, event_bytes


def submit(table):
    table.section("Durable submissions, sqlite.so, no worker")
    task_bytes, event_bytes = measure(table, "single tasks, 64 connections", 64, 1, least=8000)
    measure(table, "single tasks, 1 connection", 1, 1)
    measure(table, "arrays of 1,000, 1 connection", 1, 1000)
    measure(table, "arrays of 1,000, 4 connections", 4, 1000, least=40000)
    with Cluster() as c:
        one, many = (peer(c, n, task_bytes, n, event_bytes) for n in (1, 64))
        table.say(f"sqlite alone, the same writes: {one:,.0f} tasks/s one a commit, {many:,.0f} tasks/s 64 a commit")


def restart(table):
    table.section(f"Restart with {RESTART_TASKS:,} tasks in the store, until GET /healthz is answered")
    with Cluster() as c:
        c.start_manager()
        load(c, 2, 1000, 120, RESTART_TASKS)
        for how in ("SIGTERM", "kill -9"):
            samples, reads, processor = [], [], []
            for _ in range(3):
                c.manager.stop() if how == "SIGTERM" else c.manager.kill()
                began = time.monotonic()
                with sqlite3.connect(store_path(c)) as db:
                    db.execute("PRAGMA query_only = 1")
                    rows = sum(1 for _ in db.execute("SELECT key, value FROM record WHERE key >= '' ORDER BY key"))
                db.close()
                reads.append(time.monotonic() - began)
                samples.append(seconds_to_answer(c.manager))
                processor.append(cpu_s(c.manager.process.pid))
            table.add(f"after {how}, median of 3", median(samples), "s", median(reads),
                      f"sqlite reading its {rows:,} records", most=1, note=f"processor {median(processor):.2f} s")
        count = len(c.manager.get("/tasks?limit=10"))
        if count != 10:
            raise RuntimeError(f"the tasks are not there after the restart: {count}")
        table.add("memory of its own with them", c.manager.rss_kib("RssAnon") / 1024, "MiB",
                  note=f"{c.manager.rss_kib('RssAnon') * 1024 // RESTART_TASKS} bytes a task")
