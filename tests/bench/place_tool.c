/* tests/bench/place_tool.c - how fast and how well does a scheduler place?
 *
 *     place_tool epvm.so NODES SHAPES grouped|turn|churn|plain|fill [SECONDS [TASKS]]
 *
 * Drives core/place as the manager does, without a manager: SHAPES kinds of tasks on NODES
 * nodes of three sizes. Grouped: all wait at once. Turn: one waits at a time, each of the
 * next kind. Churn: in turn on a cluster that is half full, where with each task that comes
 * one ends, and with every hundredth a node changes. Plain: in turn, and for each task all
 * nodes are looked at anew: what the others are measured against. Fill: until the first task
 * fits nowhere, on nodes all alike; how well the room was used. Prints one JSON object. One
 * thread; times are of its processor, so that other programs do not count; calls of malloc are
 * counted, the plugin's too.
 */
#include "base/cleanup.h"
#include "base/random.h"
#include "place/fit.h"
#include "place/placer.h"
#include "plugin/options.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define TASKS_MAX  200000u
#define GIB        ((int64_t)1 << 30)
#define MIB        ((int64_t)1 << 20)
#define CHECK_MASK 15u /* the clock is read each 16 placements */

struct bench {
	struct random random;
	struct plugin_host host;
	struct plugin *plugin;
	const char **options;
	struct scheduler *scheduler;
	struct placer placer;
	struct place_node *nodes;
	struct node_info *infos;
	uint32_t node_count;
	struct task_spec *specs;
	char (*jobs)[16];
	uint32_t shape_count;
	struct place_task *tasks;
	struct place_node **where; /* of each task; NULL: it waits, or is none */
	uint32_t task_count;
	uint64_t sequence;
	double budget_s;
	bool alike; /* the nodes */
};

/* ---- what allocates ---- */

/* glibc's own; the functions below stand before them for the tool, cube and the plugin. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

static unsigned long allocations;

__attribute__((visibility("default"))) void *
malloc(size_t size)
{
	allocations++;
	return __libc_malloc(size);
}

__attribute__((visibility("default"))) void *
calloc(size_t count, size_t size)
{
	allocations++;
	return __libc_calloc(count, size);
}

__attribute__((visibility("default"))) void *
realloc(void *memory, size_t size)
{
	allocations++;
	return __libc_realloc(memory, size);
}

/* ---- the ground ---- */

#define must(what)                                                          \
	do {                                                                \
		if (!(what)) {                                              \
			fprintf(stderr, "place_tool: failed: %s\n", #what); \
			exit(1);                                            \
		}                                                           \
	} while (0)

static void
bench_log(void *ctx, int level, const char *message)
{
	(void)ctx;
	fprintf(stderr, "%d %s\n", level, message);
}

static uint64_t
bench_now_ms(void *ctx)
{
	(void)ctx;
	return 1000;
}

static uint64_t
bench_random(void *ctx)
{
	return random_next(&((struct bench *)ctx)->random);
}

static double
processor_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
open_scheduler(struct bench *bench, const char *file)
{
	const struct plugin_services services = {bench, bench_log, bench_now_ms, bench_random};
	struct cube_error err;

	plugin_host_init(&bench->host, "6f1c2a52-58d4-4b5e-9f0f-3a1c0a1b2c3d", &services);
	if (plugin_load(file, CUBE_PLUGIN_SCHEDULER, "scheduler", NULL, &bench->plugin, &err) !=
		    0 ||
	    options_resolve(bench->plugin->info.name, "option", bench->plugin->info.options,
			    NULL, 0, &bench->options, &err) != 0 ||
	    scheduler_open(bench->plugin->info.name, bench->plugin->info.ops.scheduler,
			   &bench->host.host, bench->options, &bench->scheduler, &err) != 0) {
		fprintf(stderr, "place_tool: %s\n", err.message);
		exit(1);
	}
}

/* 16, 32 and 64 cores with 4 GiB each; all alike where nodes are counted. */
static void
make_nodes(struct bench *bench)
{
	bench->nodes = calloc(bench->node_count, sizeof(*bench->nodes));
	bench->infos = calloc(bench->node_count, sizeof(*bench->infos));
	must(bench->nodes != NULL && bench->infos != NULL);
	for (uint32_t i = 0; i < bench->node_count; i++) {
		struct node_info *info = &bench->infos[i];
		struct place_node *node = &bench->nodes[i];
		int64_t cores = bench->alike ? 32 : 16 << random_below(&bench->random, 3);

		(void)snprintf(info->name, sizeof(info->name), "n%u", i);
		info->mcpu = cores * 1000;
		info->memory_bytes = cores * 4 * GIB;
		info->disk_bytes = 1000 * GIB;
		info->runtime_ready = true;
		info->cpu_busy = NAN;
		node->info = info;
		node->status = NODE_READY;
		node->key = i + 1;
		must(placer_add_node(&bench->placer, node) == 0);
		placer_update_node(&bench->placer, node, true);
	}
}

/* 0.05 to 2 cores and 64 MiB to 8 GiB, no two alike. For spread each kind is a job. */
static void
make_shapes(struct bench *bench)
{
	bool jobs = strcmp(scheduler_name(bench->scheduler), "spread") == 0;

	bench->specs = calloc(bench->shape_count, sizeof(*bench->specs));
	bench->jobs = calloc(bench->shape_count, sizeof(*bench->jobs));
	must(bench->specs != NULL && bench->jobs != NULL);
	for (uint32_t i = 0; i < bench->shape_count; i++) {
		struct task_spec *spec = &bench->specs[i];

		if (jobs)
			(void)snprintf(bench->jobs[i], sizeof(bench->jobs[i]), "job%u", i);
		spec->job = bench->jobs[i];
		spec->max_per_label = "";
		spec->mcpu = 50 + (int64_t)i * 619 % 1950;
		spec->memory_bytes = 64 * MIB + (int64_t)i * 7919 % 8128 * MIB;
		spec->disk_bytes = GIB;
	}
}

static void
setup(struct bench *bench, const char *file)
{
	random_seed(&bench->random, 1);
	open_scheduler(bench, file);
	must(placer_init(&bench->placer, bench->scheduler) == 0);
	make_nodes(bench);
	make_shapes(bench);
	bench->tasks = calloc(bench->task_count, sizeof(*bench->tasks));
	bench->where = calloc(bench->task_count, sizeof(struct place_node *));
	must(bench->tasks != NULL && bench->where != NULL);
}

static void
teardown(struct bench *bench)
{
	for (uint32_t i = 0; i < bench->task_count; i++) {
		struct place_task *task = &bench->tasks[i];

		if (bench->where[i] != NULL)
			placer_unreserve(&bench->placer, bench->where[i], task);
		else if (task->shape != NULL)
			placer_unwait(&bench->placer, task);
		placer_forget(&bench->placer, task);
	}
	placer_release(&bench->placer);
	scheduler_close(bench->scheduler);
	free(bench->options);
	plugin_unload(bench->plugin);
	free(bench->nodes);
	free(bench->infos);
	free(bench->specs);
	free(bench->jobs);
	free(bench->tasks);
	free(bench->where);
}

/* ---- one task ---- */

struct result {
	double seconds;
	double first_s; /* the first of all: nothing is known of any node */
	uint32_t placed;
	uint32_t known; /* of these, of a kind that had a task before */
	unsigned long known_allocations;
	size_t kept_bytes; /* the most there were */
};

static struct place_task *
submit(struct bench *bench, uint32_t i, uint32_t shape)
{
	struct place_task *task = &bench->tasks[i];

	memset(task, 0, sizeof(*task));
	task->spec = &bench->specs[shape % bench->shape_count];
	task->sequence = ++bench->sequence;
	placer_wait(&bench->placer, task);
	return task;
}

static void
take(struct bench *bench, struct place_task *task, struct place_node *node)
{
	placer_unwait(&bench->placer, task);
	placer_reserve(&bench->placer, node, task);
	bench->where[task - bench->tasks] = node;
}

/* The task whose turn it is gets its node; false: none fits, or none waits. */
static bool
place_next(struct bench *bench, struct result *result)
{
	unsigned long before = allocations;
	struct place_task *task = placer_first(&bench->placer);
	struct place_node *node = NULL;
	bool known = task != NULL && task->shape->kept != NULL;
	size_t work = 0;

	if (task != NULL)
		node = placer_choose(&bench->placer, task, NULL, &work);
	if (node == NULL)
		return false;
	take(bench, task, node);
	result->placed++;
	if (known) {
		result->known++;
		result->known_allocations += allocations - before;
	}
	return true;
}

/* As place_next, with nothing that is known from before. */
static bool
place_plain(struct bench *bench, struct place_task *task, uint64_t *eligible)
{
	struct placer *placer = &bench->placer;
	const struct shape *shape = task->shape;
	struct cube_demand demand = {.struct_size = sizeof(demand),
				     .shape = shape->id,
				     .mcpu = shape->mcpu,
				     .memory_bytes = shape->memory_bytes,
				     .disk_bytes = shape->disk_bytes,
				     .eligible = eligible};
	struct cube_error err = {.code = 0};
	uint32_t row;

	for (row = 0; row < placer->rows.view.count; row++)
		bit_put(eligible, row, fit_check(placer, row, shape) == FIT_OK);
	if (shape->group != NULL) {
		group_show(placer, shape->group);
		demand.group = shape->group->id;
		demand.peers = placer->groups.peers;
	}
	must(scheduler_place(placer->scheduler, &placer->rows.view, &demand, &row, &err) == 0);
	if (row == SCHEDULER_NOTHING)
		return false;
	take(bench, task, placer->rows.node[row]);
	return true;
}

static void
end_task(struct bench *bench, uint32_t i)
{
	placer_unreserve(&bench->placer, bench->where[i], &bench->tasks[i]);
	placer_forget(&bench->placer, &bench->tasks[i]);
	bench->where[i] = NULL;
}

/* A node gets another load, or is cordoned, or takes tasks again. */
static void
change_node(struct bench *bench)
{
	uint32_t i = (uint32_t)random_below(&bench->random, bench->node_count);
	struct place_node *node = &bench->nodes[i];

	bench->infos[i].cpu_busy = (float)random_below(&bench->random, 101) / 100;
	node->status = random_below(&bench->random, 20) == 0 ? NODE_CORDONED : NODE_READY;
	placer_update_node(&bench->placer, node, node->status == NODE_READY);
}

/* ---- what is measured ---- */

static void
note_kept(const struct bench *bench, struct result *result)
{
	if (bench->placer.kept.bytes > result->kept_bytes)
		result->kept_bytes = bench->placer.kept.bytes;
}

static struct result
run_grouped(struct bench *bench)
{
	struct result result = {0};
	double begin;

	for (uint32_t i = 0; i < bench->task_count; i++)
		(void)submit(bench, i, i);
	begin = processor_s();
	while (result.placed < bench->task_count && place_next(bench, &result)) {
		if (result.placed == 1)
			result.first_s = processor_s() - begin;
		if ((result.placed & CHECK_MASK) == 0)
			note_kept(bench, &result);
	}
	result.seconds = processor_s() - begin;
	must(result.placed == bench->task_count);
	return result;
}

/* Each kind has had one task, so that what is kept of it is there. The time has the submits
 * in it; the allocations have not. */
static struct result
run_turn(struct bench *bench)
{
	struct result result = {0};
	uint32_t warm = bench->shape_count < bench->task_count / 2 ? bench->shape_count : 0;
	uint32_t i = 0;
	double begin;

	for (; i < warm; i++) {
		(void)submit(bench, i, i);
		must(place_next(bench, &result));
	}
	result = (struct result){0};
	begin = processor_s();
	for (; i < bench->task_count; i++) {
		(void)submit(bench, i, i);
		must(place_next(bench, &result));
		if ((i & CHECK_MASK) == 0 && processor_s() - begin > bench->budget_s)
			break;
	}
	result.seconds = processor_s() - begin;
	note_kept(bench, &result);
	return result;
}

static struct result
run_churn(struct bench *bench)
{
	struct result result = {0};
	uint32_t i;
	double begin;

	for (i = 0; i < bench->task_count; i++)
		(void)submit(bench, i, i);
	while (place_next(bench, &result))
		continue;
	must(result.placed == bench->task_count);
	result = (struct result){0};
	begin = processor_s();
	for (i = 0; i < TASKS_MAX; i++) {
		uint32_t slot = (uint32_t)random_below(&bench->random, bench->task_count);

		end_task(bench, slot);
		if (i % 100 == 0)
			change_node(bench);
		(void)submit(bench, slot, i);
		must(place_next(bench, &result));
		if ((i & CHECK_MASK) == 0 && processor_s() - begin > bench->budget_s)
			break;
	}
	result.seconds = processor_s() - begin;
	note_kept(bench, &result);
	return result;
}

static struct result
run_plain(struct bench *bench)
{
	struct result result = {0};
	uint64_t *eligible = calloc(bench->node_count / 64 + 1, sizeof(*eligible));
	double begin = processor_s();

	must(eligible != NULL);
	for (uint32_t i = 0; i < bench->task_count; i++) {
		must(place_plain(bench, submit(bench, i, i), eligible));
		result.placed++;
		if ((i & CHECK_MASK) == 0 && processor_s() - begin > bench->budget_s)
			break;
	}
	result.seconds = processor_s() - begin;
	free(eligible);
	return result;
}

/* ---- quality ---- */

struct quality {
	uint32_t in_use_half; /* nodes, when half of the processors are promised */
	uint32_t bound_half;  /* the fewest that could do */
	double cpu;           /* promised when the first task fits nowhere, 0..1 */
	double memory;
	uint32_t placed;
};

static uint32_t
fewest(int64_t wanted, int64_t size)
{
	return (uint32_t)((wanted + size - 1) / size);
}

static uint32_t
in_use(const struct bench *bench)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < bench->node_count; i++)
		count += bench->nodes[i].task_count > 0;
	return count;
}

static struct quality
run_fill(struct bench *bench)
{
	struct quality quality = {0};
	struct result result = {0};
	const struct node_info *info = &bench->infos[0]; /* all are alike */
	int64_t all_mcpu = info->mcpu * bench->node_count;
	int64_t all_memory = info->memory_bytes * bench->node_count;
	int64_t mcpu = 0, memory = 0;

	for (uint32_t i = 0; i < bench->task_count; i++) {
		const struct place_task *task = submit(
			bench, i, (uint32_t)random_below(&bench->random, bench->shape_count));

		if (!place_next(bench, &result))
			break;
		mcpu += task->spec->mcpu;
		memory += task->spec->memory_bytes;
		if (quality.bound_half == 0 && mcpu >= all_mcpu / 2) {
			uint32_t by_cpu = fewest(mcpu, info->mcpu);
			uint32_t by_memory = fewest(memory, info->memory_bytes);

			quality.in_use_half = in_use(bench);
			quality.bound_half = by_cpu > by_memory ? by_cpu : by_memory;
		}
	}
	must(result.placed < bench->task_count);
	quality.placed = result.placed;
	quality.cpu = (double)mcpu / (double)all_mcpu;
	quality.memory = (double)memory / (double)all_memory;
	return quality;
}

/* ---- ---- */

static void
print_result(const struct result *result)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	printf("{\"Placed\":%u,\"Seconds\":%.6f,\"Rate\":%.1f,\"FirstMs\":%.3f,"
	       "\"AllocationsPer\":%.6f,\"KeptBytes\":%zu,\"MaxRssKib\":%ld}\n",
	       result->placed, result->seconds, result->placed / fmax(result->seconds, 1e-6),
	       result->first_s * 1e3,
	       (double)result->known_allocations / fmax(result->known, 1), result->kept_bytes,
	       usage.ru_maxrss);
}

static void
print_quality(const struct quality *quality)
{
	printf("{\"Placed\":%u,\"NodesInUse\":%u,\"NodesBound\":%u,\"Cpu\":%.4f,"
	       "\"Memory\":%.4f}\n",
	       quality->placed, quality->in_use_half, quality->bound_half, quality->cpu,
	       quality->memory);
}

static struct result
run(struct bench *bench, const char *mode)
{
	if (strcmp(mode, "grouped") == 0)
		return run_grouped(bench);
	if (strcmp(mode, "turn") == 0)
		return run_turn(bench);
	if (strcmp(mode, "churn") == 0)
		return run_churn(bench);
	must(strcmp(mode, "plain") == 0);
	return run_plain(bench);
}

int
main(int argc, char **argv)
{
	struct bench bench = {.budget_s = argc > 5 ? strtod(argv[5], NULL) : 1};
	const char *mode = argc > 4 ? argv[4] : "";

	if (argc < 5) {
		fprintf(stderr, "usage: place_tool FILE.so NODES SHAPES "
				"grouped|turn|churn|plain|fill [SECONDS [TASKS]]\n");
		return 2;
	}
	bench.node_count = (uint32_t)strtoul(argv[2], NULL, 10);
	bench.shape_count = (uint32_t)strtoul(argv[3], NULL, 10);
	bench.task_count = argc > 6 ? (uint32_t)strtoul(argv[6], NULL, 10) : TASKS_MAX;
	bench.alike = strcmp(mode, "fill") == 0;
	must(bench.node_count > 0 && bench.shape_count > 0 && bench.task_count > 1);
	setup(&bench, argv[1]);
	if (strcmp(mode, "fill") == 0) {
		struct quality quality = run_fill(&bench);

		print_quality(&quality);
	} else {
		struct result result = run(&bench, mode);

		print_result(&result);
	}
	must(bench.placer.failed == 0);
	teardown(&bench);
	return 0;
}
