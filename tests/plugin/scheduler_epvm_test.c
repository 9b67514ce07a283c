/* tests/plugin/scheduler_epvm_test.c - epvm.so against tables worked out by hand from the
 * paper's formula (plugins/scheduler/epvm.c has it and its source).
 *
 * With n = 16, 16^(1/4) = 2, so shares in quarters and eighths have costs that can be written
 * down: 16^(k/4) = 2^k and 16^(k/8) = 2^(k/2). Of a resource of which the share u is used
 * and the task takes d, the cost is 16^(u + d) - 16^u.
 */
#include "../unit/check_main.h"
#include "scheduler_fixture.h"

#define FILE_NAME "plugins/scheduler/epvm.so"
#define GIB       (INT64_C(1) << 30)
#define SQRT2     1.41421356237309505
#define ROOT4_2   1.18920711500272107 /* 2^(1/4) = 16^(1/16) */
#define ROOT8_2   1.09050773266525766 /* 2^(1/8) = 16^(1/32) */
#define SQRT3     1.73205080756887729

struct worked {
	const char *what;
	const char *options[5];
	int64_t total_mcpu, used_mcpu;
	int64_t total_memory, used_memory;
	uint32_t tasks;
	float busy;
	int64_t mcpu, memory; /* what the task asks for */
	double cost;
};

/* Unless a case says otherwise: n = 16, two tasks fill a core, a node of 4 cores (so 8 tasks
 * fill it) and 8 GiB, a task of 1 core and 2 GiB: d(cpu) = d(memory) = 1/4, d(tasks) = 1/8. */
#define BY_HAND "base=16", "tasks_per_core=2"
#define NODE    4000
#define MEMORY  (8 * GIB)

static const struct worked table[] = {
	/* cpu 16^(1/4) - 1 = 1; memory the same; tasks 16^(1/8) - 1 = sqrt2 - 1 */
	{.what = "an empty node",
	 .options = {BY_HAND},
	 .total_mcpu = NODE,
	 .total_memory = MEMORY,
	 .busy = NAN,
	 .mcpu = 1000,
	 .memory = 2 * GIB,
	 .cost = 1 + 1 + (SQRT2 - 1)},
	/* cpu 16^(3/4) - 16^(2/4) = 8 - 4; memory 1; tasks 16^(5/8) - 16^(4/8) = 4 sqrt2 - 4 */
	{.what = "half of the cpu is reserved, by four tasks",
	 .options = {BY_HAND},
	 .total_mcpu = NODE,
	 .used_mcpu = 2000,
	 .total_memory = MEMORY,
	 .tasks = 4,
	 .busy = NAN,
	 .mcpu = 1000,
	 .memory = 2 * GIB,
	 .cost = 4 + 1 + (4 * SQRT2 - 4)},
	/* cpu 1; memory 16 - 16^(3/4) = 16 - 8; tasks 16^(3/8) - 16^(2/8) = 2 sqrt2 - 2 */
	{.what = "three quarters of the memory are reserved, by two tasks",
	 .options = {BY_HAND},
	 .total_mcpu = NODE,
	 .total_memory = MEMORY,
	 .used_memory = 6 * GIB,
	 .tasks = 2,
	 .busy = NAN,
	 .mcpu = 1000,
	 .memory = 2 * GIB,
	 .cost = 1 + 8 + (2 * SQRT2 - 2)},
	/* cpu from 1/2, measured, and not from 1/4: 8 - 4; memory 1; tasks 16^(2/8) - 16^(1/8)
	 */
	{.what = "more is measured than reserved",
	 .options = {BY_HAND},
	 .total_mcpu = NODE,
	 .used_mcpu = 1000,
	 .total_memory = MEMORY,
	 .tasks = 1,
	 .busy = 0.5f,
	 .mcpu = 1000,
	 .memory = 2 * GIB,
	 .cost = 4 + 1 + (2 - SQRT2)},
	/* cpu from 1/2, reserved, and not from 1/4: 8 - 4; the rest as before */
	{.what = "more is reserved than measured",
	 .options = {BY_HAND},
	 .total_mcpu = NODE,
	 .used_mcpu = 2000,
	 .total_memory = MEMORY,
	 .tasks = 1,
	 .busy = 0.25f,
	 .mcpu = 1000,
	 .memory = 2 * GIB,
	 .cost = 4 + 1 + (2 - SQRT2)},
	/* cpu and memory 0, whatever is used of them; tasks 16^(5/8) - 16^(4/8) */
	{.what = "a task that asks for nothing",
	 .options = {BY_HAND},
	 .total_mcpu = NODE,
	 .used_mcpu = 3000,
	 .total_memory = MEMORY,
	 .used_memory = 6 * GIB,
	 .tasks = 4,
	 .busy = 1,
	 .cost = 4 * SQRT2 - 4},
	/* d(cpu) = d(memory) = 1/16, d(tasks) = 1/32 */
	{.what = "a node four times the size",
	 .options = {BY_HAND},
	 .total_mcpu = 4 * NODE,
	 .total_memory = 4 * MEMORY,
	 .busy = NAN,
	 .mcpu = 1000,
	 .memory = 2 * GIB,
	 .cost = 2 * (ROOT4_2 - 1) + (ROOT8_2 - 1)},
	/* The same, all of it from 1/2: four times as much. */
	{.what = "a node four times the size, half full",
	 .options = {BY_HAND},
	 .total_mcpu = 4 * NODE,
	 .used_mcpu = 2 * NODE,
	 .total_memory = 4 * MEMORY,
	 .used_memory = 2 * MEMORY,
	 .tasks = 16,
	 .busy = 0,
	 .mcpu = 1000,
	 .memory = 2 * GIB,
	 .cost = 4 * (2 * (ROOT4_2 - 1) + (ROOT8_2 - 1))},
	/* The second case with 2 * cpu + 0 * memory + 3 * tasks. */
	{.what = "weights",
	 .options = {BY_HAND, "cpu=2", "memory=0", "tasks=3"},
	 .total_mcpu = NODE,
	 .used_mcpu = 2000,
	 .total_memory = MEMORY,
	 .tasks = 4,
	 .busy = NAN,
	 .mcpu = 1000,
	 .memory = 2 * GIB,
	 .cost = 2 * 4 + 3 * (4 * SQRT2 - 4)},
	/* n = 81: cpu 81^(3/4) - 81^(2/4) = 27 - 9; memory 3 - 1; tasks 81^(5/8) - 81^(4/8) */
	{.what = "another base",
	 .options = {"base=81", "tasks_per_core=2"},
	 .total_mcpu = NODE,
	 .used_mcpu = 2000,
	 .total_memory = MEMORY,
	 .tasks = 4,
	 .busy = NAN,
	 .mcpu = 1000,
	 .memory = 2 * GIB,
	 .cost = 18 + 2 + (9 * SQRT3 - 9)},
	/* 6 of 4 cores are reserved: 16^(7/4) - 16^(6/4) = 128 - 64; memory 1; tasks sqrt2 - 1
	 */
	{.what = "more is reserved than there is",
	 .options = {BY_HAND},
	 .total_mcpu = NODE,
	 .used_mcpu = 6000,
	 .total_memory = MEMORY,
	 .busy = NAN,
	 .mcpu = 1000,
	 .memory = 2 * GIB,
	 .cost = 64 + 1 + (SQRT2 - 1)},
	/* As an empty one: cpu 1; memory 1; tasks sqrt2 - 1 */
	{.what = "more is free than there is",
	 .options = {BY_HAND},
	 .total_mcpu = NODE,
	 .used_mcpu = -2000,
	 .total_memory = MEMORY,
	 .used_memory = -GIB,
	 .busy = NAN,
	 .mcpu = 1000,
	 .memory = 2 * GIB,
	 .cost = 1 + 1 + (SQRT2 - 1)},
	/* cpu 1; memory, all of an empty node: 16 - 1; tasks sqrt2 - 1 */
	{.what = "no memory is told",
	 .options = {BY_HAND},
	 .total_mcpu = NODE,
	 .used_memory = 5 * GIB,
	 .busy = NAN,
	 .mcpu = 1000,
	 .memory = 2 * GIB,
	 .cost = 1 + 15 + (SQRT2 - 1)},
	/* cpu 16 - 1; memory 1; tasks, of one core, so d = 1/2: 4 - 1 */
	{.what = "no cores are told",
	 .options = {BY_HAND},
	 .total_memory = MEMORY,
	 .busy = NAN,
	 .mcpu = 1000,
	 .memory = 2 * GIB,
	 .cost = 15 + 1 + 3},
	/* The defaults: n = 256, eight tasks a core, so 32 fill 4 cores. Cpu and memory
	 * 256^(3/4)
	 * - 256^(2/4) = 64 - 16; tasks 256^(9/32) - 256^(8/32) = 4 * (2^(1/4) - 1). */
	{.what = "the defaults",
	 .total_mcpu = NODE,
	 .used_mcpu = 2000,
	 .total_memory = MEMORY,
	 .used_memory = 4 * GIB,
	 .tasks = 8,
	 .busy = NAN,
	 .mcpu = 1000,
	 .memory = 2 * GIB,
	 .cost = 48 + 48 + 4 * (ROOT4_2 - 1)},
};

static size_t
options_of(const struct worked *worked)
{
	size_t count = 0;

	while (count < 5 && worked->options[count] != NULL)
		count++;
	return count;
}

START_TEST(a_row_costs_what_the_formula_says)
{
	const struct worked *worked = &table[_i];
	struct stage stage = {.scheduler = NULL};
	double cost;

	stage_open_with(&stage, FILE_NAME, 1, worked->options, options_of(worked));
	node_set(&stage.cluster, 0, worked->total_mcpu, worked->total_memory, 0);
	stage.cluster.free_mcpu[0] -= worked->used_mcpu;
	stage.cluster.free_memory[0] -= worked->used_memory;
	stage.cluster.tasks[0] = worked->tasks;
	stage.cluster.busy[0] = worked->busy;
	stage.cluster.demand.mcpu = worked->mcpu;
	stage.cluster.demand.memory_bytes = worked->memory;
	cost = cost_of(&stage, 0);
	ck_assert_msg(fabs(cost - worked->cost) <= 1e-13 * worked->cost,
		      "%s costs %.15g, not %.15g", worked->what, cost, worked->cost);
	stage_close(&stage);
}
END_TEST

/* Two nodes, X of 4 cores and 16 GiB, Y of 8 cores and 8 GiB; two kinds of task, P of 1 core
 * and 1 GiB, Q of 1 core and 4 GiB. n = 16; the number of tasks does not count here.
 *
 *     d       P on X      P on Y      Q on X      Q on Y
 *     cpu     1/4         1/8         1/4         1/8
 *     memory  1/16        1/8         1/4         1/2
 *
 * 16^(1/16) - 1 = 0.1892, 16^(1/8) - 1 = 0.4142, 16^(1/4) - 1 = 1, 16^(1/2) - 1 = 3.
 *
 *        used before, X    used before, Y    on X                          on Y
 *     P  0, 0              0, 0              1 + 0.1892 = 1.1892           2 * 0.4142 = 0.8284
 *     P  0, 0              1/8, 1/8          1.1892                        1.4142 * 0.8284
 * = 1.1716 P  0, 0              1/4, 1/4          1.1892                        2 * 0.8284
 * = 1.6569 Q  1/4, 1/16         1/4, 1/4          2 * 1 + 1.1892 * 1 = 3.1892   2 * 0.4142 + 2
 * * 3 = 6.8284 P  1/2, 5/16         1/4, 1/4          4 + 2.3784 * 0.1892 = 4.4500  1.6569 Q
 * 1/2, 5/16         3/8, 3/8          4 + 2.3784 = 6.3784           2.8284 * 3.4142 = 9.6569 P
 * 3/4, 9/16         3/8, 3/8          8 + 4.7568 * 0.1892 = 8.9000  2.8284 * 0.8284 = 2.3431 Q
 * 3/4, 9/16         1/2, 1/2          8 + 4.7568 = 12.7568          4 * 3.4142 = 13.6569 P  1,
 * 13/16          1/2, 1/2          (no core is left)             4 * 0.8284 = 3.3137
 */
START_TEST(a_sequence_of_placements_goes_as_by_hand)
{
	static const struct {
		char task;
		double on_x;
		double on_y;
		uint32_t goes_to;
	} steps[] = {
		{'P', 1.1892, 0.8284, 1}, {'P', 1.1892, 1.1716, 1},   {'P', 1.1892, 1.6569, 0},
		{'Q', 3.1892, 6.8284, 0}, {'P', 4.4500, 1.6569, 1},   {'Q', 6.3784, 9.6569, 0},
		{'P', 8.9000, 2.3431, 1}, {'Q', 12.7568, 13.6569, 0}, {'P', -1, 3.3137, 1},
	};
	const char *options[] = {"base=16", "tasks=0"};
	struct stage stage = {.scheduler = NULL};
	struct cluster *cluster = &stage.cluster;

	stage_open_with(&stage, FILE_NAME, 2, options, 2);
	node_set(cluster, 0, 4000, 16 * GIB, 0);
	node_set(cluster, 1, 8000, 8 * GIB, 0);
	cluster->busy[0] = cluster->busy[1] = NAN;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		uint32_t row;

		cluster->demand.mcpu = 1000;
		cluster->demand.memory_bytes = steps[i].task == 'P' ? GIB : 4 * GIB;
		ck_assert_uint_eq(cluster_fit(cluster), steps[i].on_x < 0 ? 1 : 2);
		if (steps[i].on_x >= 0)
			ck_assert_double_eq_tol(cost_of(&stage, 0), steps[i].on_x, 5e-5);
		ck_assert_double_eq_tol(cost_of(&stage, 1), steps[i].on_y, 5e-5);
		row = place(&stage);
		ck_assert_uint_eq(row, steps[i].goes_to);
		cluster_take(cluster, row);
	}
	stage_close(&stage);
}
END_TEST

START_TEST(a_burst_of_tasks_that_ask_for_nothing_is_spread)
{
	struct stage stage = {.scheduler = NULL};
	struct cluster *cluster = &stage.cluster;

	stage_open(&stage, FILE_NAME, 10);
	cluster->demand.mcpu = 0;
	cluster->demand.memory_bytes = 0;
	for (int i = 0; i < 1000; i++)
		cluster_take(cluster, place(&stage));
	/* Far beyond what fills a node, too. */
	for (uint32_t row = 0; row < 10; row++)
		ck_assert_uint_eq(cluster->tasks[row], 100);
	stage_close(&stage);
}
END_TEST

START_TEST(more_in_use_always_costs_more)
{
	struct stage stage = {.scheduler = NULL};
	struct cluster *cluster = &stage.cluster;
	double before = 0;

	stage_open(&stage, FILE_NAME, 1);
	/* From an empty node to one with 2^31 tasks, across 2^64 of cost. */
	for (uint32_t bit = 0; bit < 32; bit++) {
		double cost;

		cluster->tasks[0] = UINT32_C(1) << bit;
		cost = cost_of(&stage, 0);
		ck_assert_msg(cost > before, "2^%u tasks cost %g after %g", bit, cost, before);
		before = cost;
	}
	cluster->tasks[0] = 0;
	cluster->busy[0] = NAN;
	before = 0;
	for (int64_t used = 0; used < INT64_C(1) << 60; used = used * 3 + 1000) {
		double cost;

		cluster->free_mcpu[0] = 4000 - used;
		cost = cost_of(&stage, 0);
		ck_assert_msg(cost > before, "%g used cost %g after %g", (double)used, cost,
			      before);
		before = cost;
	}
	stage_close(&stage);
}
END_TEST

START_TEST(options_are_held_to_what_makes_sense)
{
	refuses(FILE_NAME, "base=1", "base=1: wants a number from 1.1 to 1000000");
	refuses(FILE_NAME, "base=ten", "base=ten: wants a number");
	refuses(FILE_NAME, "cpu=-1", "cpu=-1: wants a number from 0 to 1000");
	refuses(FILE_NAME, "memory=1001", "memory=1001: wants a number from 0 to 1000");
	refuses(FILE_NAME, "tasks=", "tasks=: wants a number from 0 to 1000");
	refuses(FILE_NAME, "tasks_per_core=0", "tasks_per_core=0: wants a number from 0.01");
}
END_TEST

START_TEST(weights_that_are_all_0_are_refused)
{
	struct fixture_host host;
	struct plugin *plugin = fixture_load(FILE_NAME, CUBE_PLUGIN_SCHEDULER);
	const char *pairs[] = {"cpu=0", "memory=0", "tasks=0"};
	const char **options = fixture_options(plugin, pairs, 3);
	struct cube_error err;
	void *self = NULL;

	ck_assert_int_eq(plugin->info.ops.scheduler->open(fixture_host_init(&host), options,
							  &self, &err),
			 CUBE_ERR_INVALID);
	fixture_contains(err.message, "cpu, memory and tasks are all 0");
	free(options);
	plugin_unload(plugin);
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("epvm");
	TCase *tests = tcase_create("epvm");

	tcase_add_loop_test(tests, a_row_costs_what_the_formula_says, 0,
			    (int)(sizeof(table) / sizeof(table[0])));
	tcase_add_test(tests, a_sequence_of_placements_goes_as_by_hand);
	tcase_add_test(tests, a_burst_of_tasks_that_ask_for_nothing_is_spread);
	tcase_add_test(tests, more_in_use_always_costs_more);
	tcase_add_test(tests, options_are_held_to_what_makes_sense);
	tcase_add_test(tests, weights_that_are_all_0_are_refused);
	suite_add_tcase(made, tests);
	return made;
}

CHECK_MAIN(suite)
