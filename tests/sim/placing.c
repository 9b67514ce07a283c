/* placing.c - what tasks ask of a node beside room, and which nodes would do.
 *
 * Worked out from the specifications anew, by counting, not with what the manager keeps.
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

#define ZONES 3

void
placing_describe(struct machine *machine)
{
	static const char *const zones[ZONES] = {"z0", "z1", "z2"};
	const struct task_label label = {"zone", zones[machine->process.node % ZONES]};

	machine->labels = node_labels_new(&label, 1);
	if (machine->labels == NULL)
		abort();
}

void
placing_text(struct sim *sim, struct buf *out)
{
	static const char *const constraints[] = {"zone==z0", "zone!=z1", "zone in (z1,z2)",
						  "node.name!=n1"};

	if (chance(sim, 1500))
		buf_printf(out, ",\"Constraints\":[\"%s\"]", constraints[below(sim, 4)]);
	if (chance(sim, 700))
		buf_printf(out, ",\"MaxPerNode\":%u", 1 + (unsigned)below(sim, 2));
	else if (chance(sim, 700))
		buf_printf(out,
			   ",\"Labels\":{\"tier\":\"t%u\"},\"MaxPerNode\":{\"Label\":\"tier\","
			   "\"Max\":%u}",
			   (unsigned)below(sim, 2), 1 + (unsigned)below(sim, 2));
}

/* Does other count for the MaxPerNode of spec? */
static bool
counts(const struct task_spec *spec, const struct task_spec *other)
{
	if (spec->max_per_label[0] != '\0')
		return strcmp(spec->max_per_label, other->max_per_label) == 0 &&
		       strcmp(spec->labels[0].value, other->labels[0].value) == 0;
	if (spec->job[0] != '\0')
		return strcmp(spec->job, other->job) == 0;
	return other->max_per_node > 0 && other->max_per_label[0] == '\0' &&
	       other->job[0] == '\0' && strcmp(spec->name, other->name) == 0;
}

/* Those that came in the same batch may have come after it, with wider limits or none. */
static bool
came_before(const struct truth_task *other, const struct truth_task *task, uint64_t batch)
{
	if (batch == 0 || (!other->placed && other->placed_batch != batch))
		return true;
	return other->spec->max_per_node > 0 &&
	       other->spec->max_per_node <= task->spec->max_per_node;
}

bool
placing_allows(const struct sim *sim, const struct truth_task *task, int node, uint64_t batch)
{
	const struct node_info facts = {.labels = sim->machines[node].labels};
	const struct task_spec *spec = task->spec;
	uint32_t alike = 0;

	for (uint32_t i = 0; i < spec->constraint_count; i++) {
		const struct task_constraint *constraint = &spec->constraints[i];

		if (constraint_is_label(constraint) ? !constraint_holds(constraint, &facts)
						    : node == 0)
			return false;
	}
	if (spec->max_per_node == 0)
		return true;
	for (size_t i = 0; i < sim->task_count; i++) {
		const struct truth_task *other = sim->by_index[i];

		if (other != task && other->node == node && other->recorded &&
		    (truth_is_live(other) || other->held) && counts(spec, other->spec) &&
		    came_before(other, task, batch))
			alike++;
	}
	return alike < spec->max_per_node;
}
