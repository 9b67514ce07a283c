/* judge.c - the end of a run: all faults are over for as long as detection and back-off may
 * take, so what its owners want must be so, and nothing else may be there.
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

#define JUST_PLACED_US (60 * SECOND)

static const struct container *
live_container(struct sim *sim, const struct truth_task *task, int *node, unsigned *count)
{
	const struct container *found = NULL;

	*count = 0;
	for (unsigned i = 0; i < sim->node_count; i++) {
		const struct container *container;

		if (sim->machines[i].burnt)
			continue;
		for (container = sim->machines[i].containers; container != NULL;
		     container = container->next) {
			if (container->task != task ||
			    container->state != CUBE_CONTAINER_RUNNING)
				continue;
			found = container;
			*node = (int)i;
			++*count;
		}
	}
	return found;
}

/* Is there a node where it would fit, by what is committed? */
static bool
fits_somewhere(const struct sim *sim, const struct truth_task *wanted)
{
	for (unsigned i = 0; i < sim->node_count; i++) {
		int64_t mcpu = wanted->spec->mcpu;
		int64_t memory_bytes = wanted->spec->memory_bytes;
		int64_t disk_bytes = wanted->spec->disk_bytes;
		bool clash = sim->machines[i].burnt;

		for (size_t j = 0; j < sim->task_count; j++) {
			const struct truth_task *task = sim->by_index[j];

			if (task->node != (int)i || !task->recorded ||
			    !(truth_is_live(task) || task->held))
				continue;
			mcpu += task->spec->mcpu;
			memory_bytes += task->spec->memory_bytes;
			disk_bytes += task->spec->disk_bytes;
			clash = clash ||
				(task->spec->port_count > 0 && wanted->spec->port_count > 0 &&
				 task->spec->ports[0].host_port ==
					 wanted->spec->ports[0].host_port &&
				 wanted->spec->ports[0].host_port != 0);
		}
		if (!clash && placing_allows(sim, wanted, (int)i, 0) &&
		    mcpu <= sim->machines[i].mcpu &&
		    memory_bytes <= sim->machines[i].memory_bytes &&
		    disk_bytes <= SIM_DISK_BYTES)
			return true;
	}
	return false;
}

static bool
has_container(const struct sim *sim, const struct truth_task *task)
{
	const struct container *container = sim->machines[task->node].containers;

	while (container != NULL &&
	       (container->task != task || container->attempt != task->attempt))
		container = container->next;
	return container != NULL;
}

static void
judge_task(struct sim *sim, const struct truth_task *task)
{
	unsigned count;
	int node = -1;
	const struct container *container = live_container(sim, task, &node, &count);

	if (task->acked && !task->recorded && !task->buried)
		sim_violated(sim, 1, "task %.8s was accepted and is not stored", task->id);
	if (count > 1)
		sim_violated(sim, 2, "%u containers of task %.8s live at the end", count,
			     task->id);
	if (!task->recorded || task->final) {
		if (count > 0)
			sim_violated(sim, task->stop_wanted ? 6 : 7,
				     "task %.8s has ended and its attempt %u lives on n%d",
				     task->id, container->attempt, node + 1);
		return;
	}
	if (task->node >= 0 && sim->machines[task->node].burnt) {
		if (task->spec->on_node_lost != NODE_LOST_WAIT)
			sim_violated(sim, 5,
				     "task %.8s is still on n%d, which is gone for good, as %s",
				     task->id, task->node + 1, task_state_name(task->state));
		return;
	}
	if (task->stop_wanted)
		sim_violated(sim, 5, "task %.8s was to stop and is %s, attempt %u on n%d",
			     task->id, task_state_name(task->state), task->attempt,
			     task->node + 1);
	if (task->state == TASK_PENDING && !task->held) {
		if (count > 0)
			sim_violated(sim, 7, "task %.8s is pending and attempt %u lives on n%d",
				     task->id, container->attempt, node + 1);
		if (!sim->options->unwilling && sim->freed_us + SECOND < sim->clock.now_us &&
		    fits_somewhere(sim, task))
			sim_violated(sim, 5, "task %.8s is pending and would fit", task->id);
		return;
	}
	/* A job has only just begun, or has ended and is about to be said so. */
	if (task->behaviour == BEHAVE_JOB) {
		if (task->state == TASK_RUNNING && !has_container(sim, task))
			sim_violated(sim, 5, "task %.8s is said to run on n%d and does not",
				     task->id, task->node + 1);
		return;
	}
	/* A job that ended a moment ago made room for it. */
	if (task->state == TASK_SCHEDULED &&
	    task->placed_us[task->attempt % PLACED_KEPT] + JUST_PLACED_US > sim->clock.now_us)
		return;
	if (task->state != TASK_RUNNING)
		sim_violated(sim, 5, "task %.8s should run and is %s, attempt %u on n%d",
			     task->id, task_state_name(task->state), task->attempt,
			     task->node + 1);
	if (count == 0 || container->attempt != task->attempt || node != task->node)
		sim_violated(sim, 5,
			     "task %.8s is said to run as attempt %u on n%d, and %s lives",
			     task->id, task->attempt, task->node + 1,
			     count == 0 ? "nothing" : "another");
}

void
truth_judge(struct sim *sim)
{
	for (size_t i = 0; i < sim->task_count; i++)
		judge_task(sim, sim->by_index[i]);
	for (unsigned i = 0; i < sim->node_count; i++) {
		const struct container *container;

		for (container = sim->machines[i].containers; container != NULL;
		     container = container->next)
			if (container->planted && !sim->machines[i].burnt &&
			    container->state == CUBE_CONTAINER_RUNNING)
				sim_violated(sim, 7,
					     "a container that nobody owns lives on n%u",
					     i + 1);
	}
}
