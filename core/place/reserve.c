/* place/reserve.c - what a task holds of its node: cpu, memory, disk, host ports, a place in
 * its job's count and that of its MaxPerNode.
 *
 * Taken when a task is placed, or found to be placed at start; given back when it ends.
 * Nothing else changes a reservation. Ports that the engine picks are not reserved: they
 * come from a range of the worker's own. One thread.
 */
#include "place/placer.h"

#include "base/vec.h"

#include <assert.h>
#include <string.h>

/* Where port is, or belongs, in node->ports. */
static size_t
port_place(const struct place_node *node, uint32_t port)
{
	size_t low = 0;
	size_t high = node->port_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (node->ports[middle] < port)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool
place_node_has_port(const struct place_node *node, uint32_t port)
{
	size_t place = port_place(node, port);

	return place < node->port_count && node->ports[place] == port;
}

static void
port_add(struct placer *placer, struct place_node *node, uint32_t port)
{
	size_t place = port_place(node, port);
	uint32_t *grown = vec_reserve(node->ports, &node->port_capacity, node->port_count + 1,
				      sizeof(*grown));

	if (grown == NULL) {
		placer->failed = CUBE_ERR_NO_MEMORY;
		return;
	}
	node->ports = grown;
	memmove(grown + place + 1, grown + place, (node->port_count - place) * sizeof(*grown));
	grown[place] = port;
	node->port_count++;
}

static void
port_drop(struct place_node *node, uint32_t port)
{
	size_t place = port_place(node, port);

	assert(place < node->port_count && node->ports[place] == port);
	node->port_count--;
	memmove(node->ports + place, node->ports + place + 1,
		(node->port_count - place) * sizeof(*node->ports));
}

/* A node that tells no capacity may be given any number of tasks of any size: the sums wrap
 * around, and come back when the tasks go. */
static void
add_demand(struct place_node *node, const struct task_spec *spec, bool take)
{
	uint64_t sign = take ? 1 : UINT64_MAX;

	node->used_mcpu = (int64_t)((uint64_t)node->used_mcpu + sign * (uint64_t)spec->mcpu);
	node->used_memory_bytes = (int64_t)((uint64_t)node->used_memory_bytes +
					    sign * (uint64_t)spec->memory_bytes);
	node->used_disk_bytes =
		(int64_t)((uint64_t)node->used_disk_bytes + sign * (uint64_t)spec->disk_bytes);
}

void
placer_reserve(struct placer *placer, struct place_node *node, struct place_task *task)
{
	const struct task_spec *spec = task->spec;
	uint32_t i;

	placer_join_groups(placer, task);
	node->task_count++;
	add_demand(node, spec, true);
	for (i = 0; i < spec->port_count; i++) {
		if (spec->ports[i].host_port != 0)
			port_add(placer, node, place_port(&spec->ports[i]));
	}
	group_add(placer, task->group, node);
	group_add(placer, task->limit, node);
	rows_update(placer, node, false);
}

void
placer_unreserve(struct placer *placer, struct place_node *node, struct place_task *task)
{
	const struct task_spec *spec = task->spec;
	uint32_t i;

	assert(node->task_count > 0);
	node->task_count--;
	add_demand(node, spec, false);
	for (i = 0; i < spec->port_count; i++) {
		if (spec->ports[i].host_port != 0)
			port_drop(node, place_port(&spec->ports[i]));
	}
	group_drop(placer, task->group, node);
	group_drop(placer, task->limit, node);
	rows_update(placer, node, true);
}

/* More is not taken than there is. */
static bool
within(int64_t wanted, int64_t used, int64_t total, bool book)
{
	return wanted == 0 || (book && total == 0) || used <= total;
}

/* As many alike as it allows, itself among them, or fewer. */
static bool
within_limit(const struct place_node *node, const struct place_task *task)
{
	const struct group *alike = task->limit != NULL ? task->limit : task->group;

	return task->spec->max_per_node == 0 || alike == NULL ||
	       group_on(alike, node) <= task->spec->max_per_node;
}

bool
placer_may_return(const struct placer *placer, const struct place_node *node,
		  const struct place_task *task)
{
	const struct task_spec *spec = task->spec;
	const struct node_info *info = node->info;

	(void)placer;
	return place_node_is_ready(node) &&
	       constraints_broken(spec->constraints, spec->constraint_count, info) == NULL &&
	       within_limit(node, task) &&
	       within(spec->mcpu, node->used_mcpu, info->mcpu, node->book) &&
	       within(spec->memory_bytes, node->used_memory_bytes, info->memory_bytes,
		      node->book) &&
	       within(spec->disk_bytes, node->used_disk_bytes, info->disk_bytes, node->book);
}
