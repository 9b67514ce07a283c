"""Placement alone: every scheduler of the build, on clusters of three sizes. The peer is the plain way
on the same machine: all nodes looked at anew for each task."""

import json
import os
import subprocess

from flow import BUILD, program
from submissions import tool

NODES = (1000, 10000, 100000)
KINDS = 1000
SECONDS = 0.5
TASKS_PER_NODE = 18  # half of what fits
MANY, FEW = 200000, 2000
FILLED = 1000  # nodes
SIM_TASKS = 1000000
SIM_CLUSTER = "10000x{cores:16,memory:64g}"
SIM_S, SIM_MIB = 60, 1024

# (scheduler, nodes, what): placements a second, at least; by the schedulers with kept costs.
TARGETS = {
    ("epvm", 10000, "one kind"): 200000,
    ("binpack", 10000, "one kind"): 200000,
    ("epvm", 10000, "all at once"): 50000,
    ("binpack", 10000, "all at once"): 50000,
    ("epvm", 10000, "in turn"): 10000,
    ("binpack", 10000, "in turn"): 10000,
    ("spread", 1000, "1,200 of one job"): 100000,
    ("epvm", 100000, "all at once"): 20000,
    ("binpack", 100000, "all at once"): 20000,
}
KEPT_MIB = 256


def run(scheduler, nodes, kinds, mode, tasks=MANY):
    path = os.path.join(BUILD, "plugins", "scheduler", scheduler + ".so")
    return json.loads(tool("place_tool", path, nodes, kinds, mode, SECONDS, tasks))


def cases(scheduler, nodes, quick):
    """(name, kinds, mode, tasks): not quick is asked about all nodes for each task, and gets fewer."""
    half = min(TASKS_PER_NODE * nodes, MANY)
    some = min(half, FEW * 10000 // nodes)
    yield "one kind", 1, "grouped", MANY if quick else some
    if scheduler == "spread":
        yield "1,200 of one job", 1, "grouped", 1200
    yield "all at once", KINDS, "grouped", half if quick else some
    yield "in turn", KINDS, "turn", half
    yield "churn", KINDS, "churn", half if quick else some


def speed(table):
    schedulers = sorted(name[:-3] for name in os.listdir(os.path.join(BUILD, "plugins", "scheduler"))
                        if name.endswith(".so"))
    kept, allocations = [], []
    for nodes in NODES:
        table.section(f"Placements a second on {nodes:,} nodes, one thread; one kind of task, and {KINDS:,} kinds")
        for scheduler in schedulers:
            quick = scheduler != "roundrobin"
            plain = run(scheduler, nodes, KINDS, "plain", min(TASKS_PER_NODE * nodes, MANY))
            for name, kinds, mode, tasks in cases(scheduler, nodes, quick):
                got = run(scheduler, nodes, kinds, mode, tasks)
                note = f"{got['Placed']:,} tasks"
                if got["FirstMs"]:
                    note += f", the first in {got['FirstMs']:.2f} ms"
                table.add(f"{scheduler}, {nodes:,} nodes, {name}", got["Rate"], "1/s", plain["Rate"],
                          "all nodes anew for each", least=TARGETS.get((scheduler, nodes, name)), note=note)
                kept.append(got["KeptBytes"] / (1 << 20))
                allocations.append(got["AllocationsPer"])
    table.section("What that takes, the most of all of them")
    table.add("kept costs", max(kept), "MiB", most=KEPT_MIB)
    table.add("allocations a placement", max(allocations), "", most=0)
    return schedulers


def quality(table, schedulers):
    table.section(f"What becomes of {FILLED:,} equal nodes, {KINDS:,} kinds of tasks at random")
    for scheduler in schedulers:
        got = run(scheduler, FILLED, KINDS, "fill", MANY)
        table.add(f"{scheduler}, nodes in use at half load", got["NodesInUse"], "", got["NodesBound"], "the fewest")
        for what in ("Cpu", "Memory"):
            table.add(f"{scheduler}, {what.lower()} promised at the first miss", 100 * got[what], "%")


def place(table):
    quality(table, speed(table))


def simulate(table):
    table.section(f"cube sim, {SIM_TASKS:,} tasks on {SIM_CLUSTER}")
    for scheduler in ("epvm", "binpack", "spread"):
        process = subprocess.Popen([program("cube"), "sim", "-s", scheduler + ".so", "-c", SIM_CLUSTER, "-n",
                                    str(SIM_TASKS), "-o", "json"], stdout=subprocess.PIPE, text=True)
        with process.stdout:
            got = json.load(process.stdout)["Schedulers"][0]
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0 or got["Placed"] != SIM_TASKS:
            raise RuntimeError(f"cube sim with {scheduler}: {process.returncode}, {got}")
        table.add(f"sim, {scheduler}, of its processor", used.ru_utime + used.ru_stime, "s", most=SIM_S,
                  note=f"{got['WallSeconds']:.1f} s of the clock; waited p99 {got['WaitP99']:.2f} s, most "
                       f"{got['WaitMax']:.0f} s; processors in use {100 * got['CpuMean']:.0f} %")
        table.add(f"sim, {scheduler}, memory", used.ru_maxrss / 1024, "MiB", most=SIM_MIB)
        table.add(f"sim, {scheduler}, nodes in use, mean", got["NodesMean"], "", got["LeastNodesMean"], "the fewest")
