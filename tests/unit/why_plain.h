/* tests/unit/why_plain.h - a random cluster in a placer, and beside it a plain account of the
 * same: what each node has, what stands on it, and whether a task fits, written anew from
 * nothing else. For why_random_test.c alone.
 */
#ifndef WHY_PLAIN_H
#define WHY_PLAIN_H

#include "base/random.h"
#include "model/constraint.h"
#include "place/placer.h"

#include <check.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define NODES_MAX 14
#define TASKS_MAX 24
#define MIB       (INT64_C(1) << 20)

struct plain_node {
	struct node_info info;
	struct place_node node;
	const char *zone; /* NULL: no such label; so for the next */
	const char *arch;
	bool outside; /* not in contact: it would be cordoned if it were */
};

struct plain_task {
	struct place_task place;
	struct task_spec spec;
	struct task_port ports[3];
	struct task_constraint constraints[2];
	unsigned rules[2]; /* numbers of them */
	char pieces[2][64];
	int on; /* -1: it waits */
};

static struct random dice;
static struct placer placer;
static struct scheduler *scheduler;
static struct plugin_host host;
static struct plain_node nodes[NODES_MAX];
static uint32_t node_count;
static struct plain_task tasks[TASKS_MAX];
static uint32_t task_count;

static uint64_t
below(uint64_t bound)
{
	return random_below(&dice, bound);
}

static bool
text_is(const char *text, const char *wanted)
{
	return text != NULL && strcmp(text, wanted) == 0;
}

static const char *const rules[] = {"zone==eu",     "zone!=us",     "arch in (arm64, riscv64)",
				    "exists zone",  "!exists arch", "node.cores >= 4",
				    "node.name!=n3"};
#define RULES (sizeof(rules) / sizeof(rules[0]))

static bool
plain_holds(unsigned rule, const struct plain_node *node)
{
	switch (rule) {
	case 0:
		return text_is(node->zone, "eu");
	case 1:
		return !text_is(node->zone, "us");
	case 2:
		return text_is(node->arch, "arm64") || text_is(node->arch, "riscv64");
	case 3:
		return node->zone != NULL;
	case 4:
		return node->arch == NULL;
	case 5:
		return node->info.mcpu >= 4000;
	default:
		return strcmp(node->info.name, "n3") != 0;
	}
}

static const char *
plain_rule_word(unsigned rule)
{
	return rule >= 5 ? "attribute" : "label";
}

/* What the check below takes to be other than it is. */
struct plain_change {
	bool no_cpu, no_memory, no_disk, no_limit;
	int no_port; /* index; -1: none */
	int no_rule; /* index; -1: none */
	int open;    /* a node that is in contact and not cordoned; -1: none */
	int runtime; /* a node whose runtime is ready; -1: none */
};

static const struct plain_change as_it_is = {
	.no_port = -1, .no_rule = -1, .open = -1, .runtime = -1};

struct plain_lack {
	const char *word; /* NULL: it fits */
	unsigned detail;  /* index of the port or constraint */
};

static int64_t
plain_used(uint32_t index, int which)
{
	int64_t sum = 0;

	for (uint32_t i = 0; i < task_count; i++) {
		if (tasks[i].on == (int)index)
			sum += which == 0   ? tasks[i].spec.mcpu
			       : which == 1 ? tasks[i].spec.memory_bytes
					    : tasks[i].spec.disk_bytes;
	}
	return sum;
}

static bool
plain_short(uint32_t index, int which, int64_t wanted, int64_t total)
{
	if (wanted == 0 || (nodes[index].node.book && total == 0))
		return false;
	return plain_used(index, which) + wanted > total;
}

static bool
plain_port_taken(uint32_t index, uint16_t port)
{
	for (uint32_t i = 0; i < task_count; i++) {
		for (uint32_t j = 0; tasks[i].on == (int)index && j < tasks[i].spec.port_count;
		     j++) {
			if (tasks[i].spec.ports[j].host_port == port)
				return true;
		}
	}
	return false;
}

/* Of the same job, else of the same name: those that are limited, and all of a job. */
static uint32_t
plain_alike(uint32_t index, const struct task_spec *spec)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < task_count; i++) {
		const struct task_spec *other = &tasks[i].spec;

		if (tasks[i].on != (int)index)
			continue;
		if (spec->job[0] != '\0')
			count += strcmp(other->job, spec->job) == 0;
		else
			count += other->job[0] == '\0' && other->max_per_node > 0 &&
				 strcmp(other->name, spec->name) == 0;
	}
	return count;
}

static struct plain_lack
plain_shut(uint32_t index, const struct plain_change *change)
{
	const struct plain_node *node = &nodes[index];
	bool open = change->open == (int)index;

	if (node->node.status != NODE_READY && !open)
		return (struct plain_lack){.word = node_status_name(node->node.status)};
	if (open && node->outside)
		return (struct plain_lack){.word = "outside"};
	if (!node->node.book && !node->info.runtime_ready && change->runtime != (int)index)
		return (struct plain_lack){.word = "runtime"};
	return (struct plain_lack){.word = NULL};
}

static struct plain_lack
plain_check(uint32_t index, const struct plain_task *task, const struct plain_change *change)
{
	const struct plain_node *node = &nodes[index];
	const struct task_spec *spec = &task->spec;
	struct plain_lack lack = plain_shut(index, change);
	unsigned i;

	if (lack.word != NULL)
		return lack;
	for (i = 0; i < spec->constraint_count; i++) {
		if (change->no_rule != (int)i && !plain_holds(task->rules[i], node))
			return (struct plain_lack){plain_rule_word(task->rules[i]), i};
	}
	if (!change->no_cpu && plain_short(index, 0, spec->mcpu, node->info.mcpu))
		return (struct plain_lack){"cpu", 0};
	if (!change->no_memory &&
	    plain_short(index, 1, spec->memory_bytes, node->info.memory_bytes))
		return (struct plain_lack){"memory", 0};
	if (!change->no_disk && plain_short(index, 2, spec->disk_bytes, node->info.disk_bytes))
		return (struct plain_lack){"disk", 0};
	for (i = 0; i < spec->port_count; i++) {
		if (change->no_port != (int)i &&
		    plain_port_taken(index, task->ports[i].host_port))
			return (struct plain_lack){"port", i};
	}
	if (!change->no_limit && spec->max_per_node > 0 &&
	    plain_alike(index, spec) >= spec->max_per_node)
		return (struct plain_lack){"max-per-node", 0};
	return lack;
}

static bool
plain_fits(const struct plain_task *task, struct plain_change change)
{
	for (uint32_t i = 0; i < node_count; i++) {
		if (plain_check(i, task, &change).word == NULL)
			return true;
	}
	return false;
}

/* Would any one change do? */
static bool
plain_helps(const struct plain_task *task)
{
	struct plain_change change = as_it_is;
	bool helps;

	change.no_cpu = true;
	helps = plain_fits(task, change);
	change = as_it_is;
	change.no_memory = true;
	helps |= plain_fits(task, change);
	change = as_it_is;
	change.no_disk = true;
	helps |= plain_fits(task, change);
	change = as_it_is;
	change.no_limit = true;
	helps |= plain_fits(task, change);
	for (int i = 0; i < (int)node_count; i++) {
		change = as_it_is;
		change.open = i;
		helps |= plain_fits(task, change);
		change = as_it_is;
		change.runtime = i;
		helps |= plain_fits(task, change);
	}
	for (int i = 0; i < 3; i++) {
		change = as_it_is;
		change.no_port = i;
		helps |= plain_fits(task, change);
		change = as_it_is;
		change.no_rule = i;
		helps |= plain_fits(task, change);
	}
	return helps;
}

/* ---- a random cluster ---- */

static int
count_open(const struct cube_host *its_host, const char *const *options, void **self,
	   struct cube_error *err)
{
	(void)its_host;
	(void)options;
	(void)self;
	(void)err;
	return 0;
}

static void
count_close(void *self)
{
	(void)self;
}

/* Its key beside how many stand there: no two costs are alike. */
static int
count_score(void *self, const struct cube_nodes *view, const struct cube_demand *demand,
	    const uint32_t *rows, uint32_t n, double *cost, struct cube_error *err)
{
	(void)self;
	(void)demand;
	(void)err;
	for (uint32_t i = 0; i < n; i++)
		cost[i] = view->tasks[rows[i]] * 100.0 + (double)view->key[rows[i]];
	return 0;
}

static void
no_log(void *ctx, int level, const char *message)
{
	(void)ctx;
	(void)level;
	(void)message;
}

static uint64_t
no_number(void *ctx)
{
	(void)ctx;
	return 1;
}

static const struct cube_scheduler_ops count_ops = {.struct_size = sizeof(count_ops),
						    .flags = CUBE_SCHEDULER_ROW_PURE,
						    .open = count_open,
						    .close = count_close,
						    .score = count_score};

static int64_t
some_bytes(uint64_t units)
{
	int64_t bytes = (int64_t)below(units + 1) * 64 * MIB;

	/* Not round, so that what is proposed must be rounded down. */
	return bytes == 0 || below(2) == 0 ? bytes : bytes + (int64_t)below(64 * MIB);
}

static void
node_make(uint32_t index)
{
	static const char *const zones[] = {NULL, "eu", "us", "asia"};
	static const char *const archs[] = {NULL, "amd64", "arm64", "riscv64"};
	struct plain_node *node = &nodes[index];
	struct task_label labels[2];
	uint32_t label_count = 0;

	memset(node, 0, sizeof(*node));
	(void)snprintf(node->info.name, sizeof(node->info.name), "n%u", index + 1);
	node->info.cpu_busy = NAN;
	node->info.mcpu = (int64_t)below(9) * 1000 + (int64_t)below(2) * 7;
	node->info.memory_bytes = some_bytes(8);
	node->info.disk_bytes = some_bytes(8);
	node->info.runtime_ready = true;
	node->zone = zones[below(4)];
	node->arch = archs[below(4)];
	if (node->zone != NULL)
		labels[label_count++] = (struct task_label){"zone", node->zone};
	if (node->arch != NULL)
		labels[label_count++] = (struct task_label){"arch", node->arch};
	node->info.labels = node_labels_new(labels, label_count);
	ck_assert_ptr_nonnull(node->info.labels);
	node->node.info = &node->info;
	node->node.status = NODE_READY;
	node->node.book = below(10) == 0;
	node->node.key = index + 1;
	ck_assert_int_eq(placer_add_node(&placer, &node->node), 0);
	placer_update_node(&placer, &node->node, true);
}

static void
task_make(uint32_t index)
{
	static const char *const names[] = {"web", "db"};
	static const char *const jobs[] = {"", "", "shop"};
	struct plain_task *task = &tasks[index];
	struct task_spec *spec = &task->spec;
	struct cube_error err;

	memset(task, 0, sizeof(*task));
	(void)snprintf(spec->name, sizeof(spec->name), "%s", names[below(2)]);
	spec->job = jobs[below(3)];
	spec->max_per_label = "";
	spec->mcpu = below(2) == 0 ? 0 : (int64_t)below(6) * 1000 + (int64_t)below(1000);
	spec->memory_bytes = below(2) == 0 ? 0 : some_bytes(7);
	spec->disk_bytes = below(3) == 0 ? some_bytes(7) : 0;
	spec->max_per_node = below(3) == 0 ? (uint32_t)below(3) + 1 : 0;
	spec->ports = task->ports;
	for (uint16_t i = 0; i < 3; i++) {
		if (below(4) == 0)
			task->ports[spec->port_count++] = (struct task_port){
				.protocol = 6, .container_port = i, .host_port = 80 + i};
	}
	spec->constraints = task->constraints;
	for (uint32_t i = 0; i < 2 && below(3) == 0; i++) {
		task->rules[i] = (unsigned)below(RULES);
		ck_assert_int_eq(constraint_parse(rules[task->rules[i]], task->pieces[i],
						  &task->constraints[i], &err),
				 0);
		spec->constraint_count++;
	}
	task->on = -1;
	task->place.spec = spec;
	task->place.sequence = index + 1;
	placer_wait(&placer, &task->place);
}

static struct plain_task *
task_of(struct place_task *place)
{
	return (struct plain_task *)((char *)place - offsetof(struct plain_task, place));
}

static void
place_all(void)
{
	struct place_task *first;

	while ((first = placer_first(&placer)) != NULL) {
		size_t work = 0;
		struct place_node *node = placer_choose(&placer, first, NULL, &work);

		if (node == NULL)
			continue;
		placer_unwait(&placer, first);
		placer_reserve(&placer, node, first);
		task_of(first)->on =
			(int)((struct plain_node *)((char *)node -
						    offsetof(struct plain_node, node)) -
			      nodes);
	}
}

/* What happens to nodes that have tasks: cordon, silence, a runtime that fails, less room. */
static void
trouble(void)
{
	for (uint32_t i = 0; i < node_count; i++) {
		struct plain_node *node = &nodes[i];

		if (below(3) == 0)
			node->node.status = (enum node_status)below(NODE_LOST + 1);
		node->outside = node->node.status != NODE_READY && below(3) == 0 &&
				node->node.status != NODE_CORDONED &&
				node->node.status != NODE_DRAINING;
		if (below(6) == 0)
			node->info.runtime_ready = false;
		if (below(6) == 0)
			node->info.memory_bytes /= 2;
		placer_update_node(&placer, &node->node, true);
	}
}

static void
cluster_make(uint64_t seed)
{
	static const struct plugin_services services = {NULL, no_log, no_number, no_number};
	struct cube_error err;

	random_seed(&dice, seed);
	plugin_host_init(&host, "6f1c2a52-58d4-4b5e-9f0f-3a1c0a1b2c3d", &services);
	ck_assert_int_eq(
		scheduler_open("count", &count_ops, &host.host, NULL, &scheduler, &err), 0);
	ck_assert_int_eq(placer_init(&placer, scheduler), 0);
	node_count = (uint32_t)below(NODES_MAX + 1);
	task_count = 0;
	for (uint32_t i = 0; i < node_count; i++)
		node_make(i);
	for (uint32_t round = 0; round < 2; round++) {
		uint32_t more = (uint32_t)below(TASKS_MAX / 2 + 1);

		for (uint32_t i = 0; i < more; i++)
			task_make(task_count++);
		place_all();
		if (round == 0)
			trouble();
	}
}

static void
cluster_end(void)
{
	placer_release(&placer);
	scheduler_close(scheduler);
	for (uint32_t i = 0; i < node_count; i++)
		node_labels_put(nodes[i].info.labels);
}

#endif
