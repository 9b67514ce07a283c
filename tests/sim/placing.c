/* placing.c - what tasks ask of a node beside room, and which nodes would do.
 *
 * Constraints are judged by what stands beside their texts here, and company is counted anew:
 * neither the product's parser and its evaluation nor what the manager keeps has a part in it.
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

#define ZONES    3
#define PER_RACK 4

static const struct {
	const char *text;
	unsigned zones; /* a bit for each that will do */
	unsigned racks; /* so many, from the first */
	int odd;        /* 1: only odd nodes, which have an ssd; 0: only even ones; -1: both */
	int64_t mcpu;   /* at least */
	const char *never; /* a node's name */
} asks[] = {
	{"zone==z0", 1, 99, -1, 0, ""},        {"node.labels.zone != z1", 5, 99, -1, 0, ""},
	{"zone in (z1,z2)", 6, 99, -1, 0, ""}, {"node.name!=n1", 7, 99, -1, 0, "n1"},
	{"rack<2", 7, 2, -1, 0, ""},           {"exists ssd", 7, 99, 1, 0, ""},
	{"ssd!=yes", 7, 99, 0, 0, ""},         {"node.cores>=3.5", 7, 99, -1, 3500, ""},
};

void
placing_describe(struct machine *machine)
{
	static const char *const zones[ZONES] = {"z0", "z1", "z2"};
	unsigned node = (unsigned)machine->process.node;
	char rack[12];
	const struct task_label labels[] = {
		{"rack", rack}, {"zone", zones[node % ZONES]}, {"ssd", "yes"}};

	(void)snprintf(rack, sizeof(rack), "%u", node / PER_RACK);
	machine->labels = node_labels_new(labels, node % 2 == 1 ? 3 : 2);
	if (machine->labels == NULL)
		abort();
}

void
placing_text(struct sim *sim, struct truth_task *task, struct buf *out)
{
	if (chance(sim, 2000)) {
		task->asks = 1 + (unsigned)below(sim, sizeof(asks) / sizeof(asks[0]));
		buf_printf(out, ",\"Constraints\":[\"%s\"]", asks[task->asks - 1].text);
	}
	if (chance(sim, 700))
		buf_printf(out, ",\"MaxPerNode\":%u", 1 + (unsigned)below(sim, 2));
	else if (chance(sim, 700))
		buf_printf(out,
			   ",\"Labels\":{\"tier\":\"t%u\"},\"MaxPerNode\":{\"Label\":\"tier\","
			   "\"Max\":%u}",
			   (unsigned)below(sim, 2), 1 + (unsigned)below(sim, 2));
}

static bool
asks_for(const struct machine *machine, unsigned number)
{
	unsigned node = (unsigned)machine->process.node;

	return (asks[number].zones >> node % ZONES & 1) != 0 &&
	       node / PER_RACK < asks[number].racks &&
	       (asks[number].odd < 0 || node % 2 == (unsigned)asks[number].odd) &&
	       machine->mcpu >= asks[number].mcpu &&
	       strcmp(asks[number].never, machine->process.name) != 0;
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

/* Those that came in the same batch may have come after it, with wider limits, others or
 * none. */
static bool
came_before(const struct truth_task *other, const struct truth_task *task, uint64_t batch)
{
	if (batch == 0 || (!other->placed && other->placed_batch != batch))
		return true;
	return other->spec->max_per_node > 0 && counts(other->spec, task->spec) &&
	       other->spec->max_per_node <= task->spec->max_per_node;
}

bool
placing_allows(const struct sim *sim, const struct truth_task *task, int node, uint64_t batch)
{
	const struct task_spec *spec = task->spec;
	uint32_t alike = 0;

	if (task->asks > 0 && !asks_for(&sim->machines[node], task->asks - 1))
		return false;
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
