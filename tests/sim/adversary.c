/* adversary.c - what goes wrong in this seed: how often, how badly, and when it ends.
 *
 * Each seed draws its own rates, so that some are calm in one thing and wild in another; what
 * goes wrong everywhere at once hides what a single fault would show. Moves that come by the
 * clock (cuts, kills, engines and disks that fail) are events of their own kind of trouble.
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

enum trouble {
	TROUBLE_CUT = 1,
	TROUBLE_KILL_MANAGER,
	TROUBLE_KILL_WORKER,
	TROUBLE_DISK,
	TROUBLE_ENGINE,
	TROUBLE_VANISH,
	TROUBLE_MURDER,
	TROUBLE_REBOOT,
	TROUBLE_WALL,
	TROUBLE_PLANT,
	TROUBLE_PAUSE,
	TROUBLE_LAST
};

/* ---- the plan ---- */

/* 0 in one seed of three, a little in the next, a lot in the last. */
static unsigned
rate(struct sim *sim, unsigned most)
{
	switch (below(sim, 3)) {
	case 0:
		return 0;
	case 1:
		return 1 + (unsigned)below(sim, most / 10 + 1);
	default:
		return 1 + (unsigned)below(sim, most);
	}
}

/* A mean time between two of a kind: never, seldom or often. */
static uint64_t
every(struct sim *sim, uint64_t often_s)
{
	switch (below(sim, 3)) {
	case 0:
		return SIM_NEVER;
	case 1:
		return (often_s * 4 + below(sim, often_s * 20)) * SECOND;
	default:
		return (often_s / 2 + below(sim, often_s * 4) + 1) * SECOND;
	}
}

static void
plan_network(struct sim *sim, struct plan *plan)
{
	plan->lose_request = rate(sim, 1500);
	plan->lose_reply = rate(sim, 1500);
	plan->twice = rate(sim, 1500);
	plan->ghost = rate(sim, 300);
	plan->delay_us = chance(sim, 3000) ? 2 * SECOND : (1 + below(sim, 100)) * MS;
	plan->cut_every_us = every(sim, 180);
	plan->cut_for_us = (1 + below(sim, 120)) * SECOND;
	plan->cut_one_way = (unsigned)below(sim, 10000);
	plan->codec = chance(sim, 1000) ? 10000 : (unsigned)below(sim, 300);
}

static void
plan_processes(struct sim *sim, struct plan *plan)
{
	plan->kill_manager_us = every(sim, 120);
	plan->kill_worker_us = every(sim, 60);
	plan->down_for_us = chance(sim, 5000) ? 3 * SECOND : (1 + below(sim, 90)) * SECOND;
	plan->kill_at_commit = rate(sim, 30);
	plan->commit_fails = rate(sim, 200);
	plan->commit_timeout = rate(sim, 200);
	plan->commit_hangs = rate(sim, 10);
	plan->commit_us = (1 + below(sim, 30)) * MS;
	plan->disk_full_us = every(sim, 400);
	plan->disk_for_us = (1 + below(sim, 60)) * SECOND;
	plan->wall_jump_us = every(sim, 600);
	plan->pause_us = every(sim, 300);
	plan->node_timeout_ms = chance(sim, 7000) ? 30000 : 3000 + (uint32_t)below(sim, 27000);
	plan->joins = chance(sim, 7500);
	plan->few_kept = chance(sim, 3000);
}

static void
plan_engines(struct sim *sim, struct plan *plan)
{
	plan->engine_down_us = every(sim, 200);
	plan->engine_for_us = (1 + below(sim, 60)) * SECOND;
	plan->job_us = (1 + below(sim, 200)) * MS;
	plan->job_fails = rate(sim, 600);
	plan->job_timeout = rate(sim, 400);
	plan->job_slow = rate(sim, 500);
	plan->job_hangs = rate(sim, 30);
	plan->hint_lost = rate(sim, 2000);
	plan->hint_twice = rate(sim, 2000);
	plan->vanish_us = every(sim, 200);
	plan->murder_us = every(sim, 60);
	plan->reboot_us = every(sim, 400);
	plan->plant_us = every(sim, 200);
	plan->behave_ill = rate(sim, 800);
	plan->has_events = chance(sim, 7000);
}

void
plan_make(struct sim *sim)
{
	struct plan *plan = &sim->plan;

	plan_network(sim, plan);
	plan_processes(sim, plan);
	plan_engines(sim, plan);
	plan->user_us = (2 + below(sim, 20)) * SECOND;
	plan->operator_us = every(sim, 200);
	plan->burns = sim->node_count > 3 && chance(sim, 2500);
}

/* ---- its moves ---- */

static uint64_t
mean_of(const struct sim *sim, enum trouble trouble)
{
	const struct plan *plan = &sim->plan;

	switch (trouble) {
	case TROUBLE_CUT:
		return plan->cut_every_us;
	case TROUBLE_KILL_MANAGER:
		return plan->kill_manager_us;
	case TROUBLE_KILL_WORKER:
		return plan->kill_worker_us;
	case TROUBLE_DISK:
		return plan->disk_full_us;
	case TROUBLE_ENGINE:
		return plan->engine_down_us;
	case TROUBLE_VANISH:
		return plan->vanish_us;
	case TROUBLE_MURDER:
		return plan->murder_us;
	case TROUBLE_REBOOT:
		return plan->reboot_us;
	case TROUBLE_WALL:
		return plan->wall_jump_us;
	case TROUBLE_PLANT:
		return plan->plant_us;
	case TROUBLE_PAUSE:
		return plan->pause_us;
	case TROUBLE_LAST:
		break;
	}
	return SIM_NEVER;
}

static void
next(struct sim *sim, enum trouble trouble)
{
	uint64_t mean_us = mean_of(sim, trouble);

	if (mean_us == SIM_NEVER)
		return;
	clock_put(sim, sim->clock.now_us + 1 + below(sim, 2 * mean_us),
		  (struct event_item){.kind = EVENT_TROUBLE, .number = trouble});
}

void
adversary_start(struct sim *sim)
{
	for (int trouble = TROUBLE_CUT; trouble < TROUBLE_LAST; trouble++)
		next(sim, (enum trouble)trouble);
}

static struct machine *
some_machine(struct sim *sim)
{
	return &sim->machines[below(sim, sim->node_count)];
}

static void
cut(struct sim *sim)
{
	unsigned count = chance(sim, 5000)   ? 1
			 : chance(sim, 7000) ? 1 + (unsigned)below(sim, sim->node_count / 3 + 1)
					     : sim->node_count;
	uint64_t until_us = sim->clock.now_us + SECOND + below(sim, 2 * sim->plan.cut_for_us);
	unsigned first = (unsigned)below(sim, sim->node_count);
	bool one_way = chance(sim, sim->plan.cut_one_way);
	bool to = !one_way || chance(sim, 5000);

	sim->counts.cuts++;
	for (unsigned i = 0; i < count; i++) {
		struct machine *machine = &sim->machines[(first + i) % sim->node_count];

		if (to)
			machine->cut_to_us = until_us;
		if (!to || !one_way)
			machine->cut_from_us = until_us;
	}
	trace_line(sim, "cut n%u..+%u until %lu%s", first + 1, count,
		   (unsigned long)(until_us / SECOND), one_way ? " one way" : "");
}

static void
kill_process(struct sim *sim, struct process *process)
{
	if (!process->up)
		return;
	trace_line(sim, "kill %s", process->name);
	process_kill(process);
}

static void
disk(struct sim *sim)
{
	uint64_t pick = below(sim, sim->node_count + 3);
	struct process *process =
		pick < sim->node_count ? &sim->machines[pick].process : &sim->manager;

	process->disk_full_until_us = sim->clock.now_us + below(sim, 2 * sim->plan.disk_for_us);
	trace_line(sim, "disk full %s", process->name);
}

static void
engine_down(struct sim *sim, struct machine *machine)
{
	if (machine->engine_down)
		return;
	machine->engine_down = true;
	engine_trouble(machine, sim->clock.now_us);
	trace_line(sim, "engine down n%d", machine->process.node + 1);
	clock_put(
		sim, sim->clock.now_us + SECOND + below(sim, 2 * sim->plan.engine_for_us),
		(struct event_item){.kind = EVENT_HEAL_ENGINE, .node = machine->process.node});
	/* Some engines take their containers with them. */
	if (chance(sim, 7500))
		return;
	for (struct container *container = machine->containers; container != NULL;
	     container = container->next)
		engine_exit(machine, container, 137, false);
}

static struct container *
some_container(struct sim *sim, struct machine **machine)
{
	for (unsigned tries = 0; tries < 20; tries++) {
		struct container *container;
		uint64_t skip = below(sim, 8);

		*machine = some_machine(sim);
		for (container = (*machine)->containers; container != NULL;
		     container = container->next)
			if (!container->foreign && skip-- == 0)
				return container;
	}
	return NULL;
}

static void
vanish(struct sim *sim)
{
	struct machine *machine;
	struct container *container = some_container(sim, &machine);
	char id[ID_SIZE];

	if (container == NULL)
		return;
	memcpy(id, container->task_id, sizeof(id));
	trace_line(sim, "vanish n%d %.8s/%u", machine->process.node + 1, id,
		   container->attempt);
	if (container->task != NULL && container->task->exited_well == container->attempt)
		container->task->exited_well = 0; /* nobody may ever know */
	engine_remove(machine, container);
	engine_hint(machine, id);
}

static void
murder(struct sim *sim)
{
	struct machine *machine;
	struct container *container = some_container(sim, &machine);

	if (container != NULL)
		engine_exit(machine, container, 137, chance(sim, 3000));
}

/* Its clock begins again, and nothing that ran on it runs any more. */
static void
reboot(struct sim *sim, struct machine *machine)
{
	struct process *process = &machine->process;
	struct now now = process_now(process);

	trace_line(sim, "reboot %s", process->name);
	kill_process(sim, process);
	for (struct container *container = machine->containers; container != NULL;
	     container = container->next)
		engine_exit(machine, container, 137, false);
	process->mono_zero_us = sim->clock.now_us - below(sim, 3 * SECOND);
	process->wall_ms = now.wall_ms - (int64_t)process_now(process).mono_ms;
}

static void
wall_jump(struct sim *sim)
{
	uint64_t pick = below(sim, sim->node_count + 5);
	struct process *process =
		pick < sim->node_count ? &sim->machines[pick].process : &sim->manager;
	int64_t jump_ms = (int64_t)below(sim, UINT64_C(12) * 3600000) - INT64_C(6) * 3600000;

	process->wall_ms += jump_ms;
	trace_line(sim, "wall jump %s %ld", process->name, (long)jump_ms);
}

static void
pause_some(struct sim *sim)
{
	uint64_t pick = below(sim, sim->node_count + 5);
	struct process *process =
		pick < sim->node_count ? &sim->machines[pick].process : &sim->manager;
	uint64_t for_us = below(sim, chance(sim, 7000) ? 5 : 90) * SECOND;

	/* What it is to do is put off until then: that is not changed any more. */
	if (process->paused_us > sim->clock.now_us)
		return;
	process->paused_us = sim->clock.now_us + for_us;
	if (process->paused_us > sim->heal_us)
		process->paused_us = sim->heal_us;
	trace_line(sim, "pause %s", process->name);
}

/* Down processes come back by themselves. */
static void
boot_later(struct sim *sim, struct process *process)
{
	clock_put(sim, sim->clock.now_us + below(sim, 2 * sim->plan.down_for_us),
		  (struct event_item){.kind = EVENT_BOOT,
				      .node = process->node,
				      .incarnation = process->incarnation});
}

void
process_died(struct process *process)
{
	if (!process->sim->calm)
		boot_later(process->sim, process);
}

void
adversary_act(struct sim *sim, const struct event_item *event)
{
	struct machine *machine = some_machine(sim);

	if (sim->calm)
		return;
	next(sim, (enum trouble)event->number);
	switch ((enum trouble)event->number) {
	case TROUBLE_CUT:
		cut(sim);
		break;
	case TROUBLE_KILL_MANAGER:
		kill_process(sim, &sim->manager);
		break;
	case TROUBLE_KILL_WORKER:
		kill_process(sim, &machine->process);
		break;
	case TROUBLE_DISK:
		disk(sim);
		break;
	case TROUBLE_ENGINE:
		engine_down(sim, machine);
		break;
	case TROUBLE_VANISH:
		vanish(sim);
		break;
	case TROUBLE_MURDER:
		murder(sim);
		break;
	case TROUBLE_REBOOT:
		reboot(sim, machine);
		break;
	case TROUBLE_WALL:
		wall_jump(sim);
		break;
	case TROUBLE_PLANT:
		(void)engine_plant(machine, chance(sim, 5000));
		engine_hint(machine, NULL);
		trace_line(sim, "plant n%d", machine->process.node + 1);
		break;
	case TROUBLE_PAUSE:
		pause_some(sim);
		break;
	case TROUBLE_LAST:
		break;
	}
}

void
adversary_heal(struct sim *sim)
{
	trace_line(sim, "all faults end");
	if (sim->plan.burns) {
		struct machine *machine = some_machine(sim);

		kill_process(sim, &machine->process);
		machine->burnt = true;
	}
	sim->calm = true;
	for (unsigned i = 0; i < sim->node_count; i++) {
		struct machine *machine = &sim->machines[i];

		if (machine->burnt)
			continue;
		machine->cut_to_us = 0;
		machine->cut_from_us = 0;
		machine->process.disk_full_until_us = 0;
		machine->engine_down = false;
		engine_let_go(machine);
		if (machine->process.up)
			engine_hint(machine, NULL);
		else
			process_boot(&machine->process);
	}
	sim->manager.disk_full_until_us = 0;
	if (!sim->manager.up)
		process_boot(&sim->manager);
	users_calm(sim);
}
