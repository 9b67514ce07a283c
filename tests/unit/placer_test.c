/* tests/unit/placer_test.c - placing by itself: whose turn it is, what is kept of the rows and
 * for how long, and what a job counts. */
#include "place/placer.h"

#include "check_main.h"
#include "place/fit.h"

#include <math.h>
#include <string.h>

#define NODES 130
#define TASKS 4000

static struct placer placer;
static struct scheduler *scheduler;
static struct plugin_host host;
static struct place_node nodes[NODES];
static struct node_info infos[NODES];
static struct place_task tasks[TASKS];
static struct task_spec specs[8];
static size_t task_count;
static uint32_t scored; /* rows, by the scheduler below */
static const char *label;

/* ---- a scheduler: few tasks, and few of the same job in the domain ---- */

static int
few_open(const struct cube_host *its_host, const char *const *options, void **self,
	 struct cube_error *err)
{
	(void)its_host;
	(void)options;
	(void)self;
	(void)err;
	return 0;
}

static void
few_close(void *self)
{
	(void)self;
}

static int
few_score(void *self, const struct cube_nodes *view, const struct cube_demand *demand,
	  const uint32_t *rows, uint32_t n, double *cost, struct cube_error *err)
{
	(void)self;
	(void)err;
	for (uint32_t i = 0; i < n; i++) {
		cost[i] = view->tasks[rows[i]];
		if (demand->domain_peers != NULL)
			cost[i] += 1000.0 * demand->domain_peers[view->domain[rows[i]]];
	}
	scored += n;
	return 0;
}

static const char *
few_label(void *self)
{
	(void)self;
	return label;
}

static const struct cube_scheduler_ops few_ops = {.struct_size = sizeof(few_ops),
						  .flags = CUBE_SCHEDULER_ROW_PURE,
						  .open = few_open,
						  .close = few_close,
						  .score = few_score,
						  .spread_label = few_label};

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

/* ---- the ground ---- */

static void
setup(void)
{
	static const struct plugin_services services = {NULL, no_log, no_number, no_number};
	struct cube_error err;

	plugin_host_init(&host, "6f1c2a52-58d4-4b5e-9f0f-3a1c0a1b2c3d", &services);
	ck_assert_int_eq(scheduler_open("few", &few_ops, &host.host, NULL, &scheduler, &err),
			 0);
	ck_assert_int_eq(placer_init(&placer, scheduler), 0);
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++)
		specs[i] = (struct task_spec){.mcpu = 10 + (int64_t)i, .job = ""};
}

static void
setup_label(void)
{
	label = "zone";
	setup();
}

static void
teardown(void)
{
	placer_release(&placer);
	for (size_t i = 0; i < NODES; i++)
		node_labels_put(infos[i].labels);
	scheduler_close(scheduler);
	memset(nodes, 0, sizeof(nodes));
	memset(infos, 0, sizeof(infos));
	memset(tasks, 0, sizeof(tasks));
	task_count = 0;
	scored = 0;
	label = NULL;
}

static void
set_zone(struct node_info *info, const char *zone)
{
	const struct task_label one = {"zone", zone};

	node_labels_put(info->labels);
	info->labels = zone != NULL ? node_labels_new(&one, 1) : NULL;
}

static struct place_node *
node_up(size_t i, int64_t mcpu)
{
	infos[i].mcpu = mcpu;
	infos[i].cpu_busy = NAN;
	infos[i].runtime_ready = true;
	nodes[i].info = &infos[i];
	nodes[i].status = NODE_READY;
	nodes[i].key = i + 1;
	ck_assert_int_eq(placer_add_node(&placer, &nodes[i]), 0);
	placer_update_node(&placer, &nodes[i], true);
	return &nodes[i];
}

static struct place_task *
submit(const struct task_spec *spec)
{
	struct place_task *task = &tasks[task_count++];

	ck_assert_uint_le(task_count, TASKS);
	task->spec = spec;
	task->sequence = task_count;
	placer_wait(&placer, task);
	return task;
}

/* Places the task whose turn it is; NULL: none has one. */
static struct place_task *
step(struct place_node **node)
{
	struct place_task *task = placer_first(&placer);
	size_t work = 0;

	*node = NULL;
	if (task == NULL)
		return NULL;
	*node = placer_choose(&placer, task, NULL, &work);
	if (*node == NULL)
		return task;
	placer_unwait(&placer, task);
	placer_reserve(&placer, *node, task);
	return task;
}

static size_t
place_all(void)
{
	struct place_node *node;
	size_t placed = 0;

	while (step(&node) != NULL)
		placed += node != NULL;
	return placed;
}

/* ---- whose turn it is ---- */

START_TEST(a_short_queue_is_placed_by_age)
{
	struct place_node *node;
	uint64_t last = 0;

	(void)node_up(0, 1000000);
	for (int i = 0; i < 60; i++)
		(void)submit(&specs[i % 3]);
	for (int i = 0; i < 60; i++) {
		const struct place_task *task = step(&node);

		ck_assert_uint_gt(task->sequence, last);
		last = task->sequence;
	}
}
END_TEST

START_TEST(a_long_queue_is_placed_in_runs_that_overtake_few)
{
	struct place_node *node;
	uint64_t oldest_waiting = 1;
	size_t changes = 0;
	const struct shape *before = NULL;

	(void)node_up(0, 100000000);
	for (int i = 0; i < 2048; i++)
		(void)submit(&specs[i % 4]);
	for (int i = 0; i < 2048; i++) {
		const struct place_task *next = placer_first(&placer);

		changes += next->shape != before;
		before = next->shape;
		ck_assert_ptr_nonnull(step(&node));
		while (oldest_waiting <= 2048 && tasks[oldest_waiting - 1].shape == NULL)
			oldest_waiting++;
		/* A run of a 256th of 2,048 and one, of every fourth number. */
		ck_assert_uint_le(next->sequence, oldest_waiting + 4 * (2048 / 256 + 1) + 4);
	}
	ck_assert_uint_lt(changes, 2048 / 2);
}
END_TEST

START_TEST(the_more_urgent_go_first_also_in_the_middle_of_a_run)
{
	struct task_spec urgent = {.mcpu = 5, .job = "", .priority = 70};
	struct place_node *node;
	const struct place_task *task;

	(void)node_up(0, 100000000);
	for (int i = 0; i < 3000; i++)
		(void)submit(&specs[i % 2]);
	(void)step(&node);
	(void)step(&node);
	task = submit(&urgent);
	ck_assert_ptr_eq(step(&node), task);
}
END_TEST

START_TEST(what_fits_nowhere_holds_up_nobody_and_wakes_when_room_grows)
{
	struct place_node *node;
	struct place_task *large;
	struct place_task *first;

	(void)node_up(0, 50);
	specs[7].mcpu = 100;
	large = submit(&specs[7]);
	first = submit(&specs[0]);
	(void)submit(&specs[0]);
	ck_assert_uint_eq(place_all(), 2);
	ck_assert_ptr_nonnull(large->shape);
	ck_assert(large->shape->parked);
	infos[0].mcpu = 119; /* 20 of it are taken: one too few */
	placer_update_node(&placer, &nodes[0], true);
	ck_assert_ptr_null(placer_first(&placer));
	placer_unreserve(&placer, &nodes[0], first);
	ck_assert_ptr_eq(step(&node), large);
	ck_assert_ptr_eq(node, &nodes[0]);
}
END_TEST

/* ---- what is kept ---- */

START_TEST(a_second_task_asks_about_the_changed_row_alone)
{
	struct place_node *node;

	for (size_t i = 0; i < NODES; i++)
		(void)node_up(i, 1000);
	(void)submit(&specs[0]);
	(void)step(&node);
	ck_assert_uint_eq(scored, NODES);
	(void)submit(&specs[0]);
	(void)step(&node);
	ck_assert_uint_eq(scored, NODES + 1);
	/* A shape that has gone empty keeps what it knows. */
	(void)submit(&specs[1]);
	(void)step(&node);
	(void)submit(&specs[0]);
	(void)step(&node);
	ck_assert_uint_eq(scored, NODES + 1 + NODES + 2);
}
END_TEST

START_TEST(what_is_kept_is_bounded_and_the_oldest_goes)
{
	struct task_spec *many = calloc(3000, sizeof(*many));
	struct place_node *node;

	ck_assert_ptr_nonnull(many);
	for (size_t i = 0; i < NODES; i++)
		(void)node_up(i, 100000000);
	for (int i = 0; i < 3000; i++) {
		many[i] = (struct task_spec){.mcpu = i + 1, .job = "a"};
		(void)submit(&many[i]);
		(void)step(&node);
		ck_assert_ptr_nonnull(node);
	}
	ck_assert_uint_le(placer.kept.count, 2049);
	ck_assert_uint_gt(placer.kept.count, 1000);
	ck_assert_uint_eq(map_count(placer.waiting.shapes), placer.kept.count);
	placer.kept.bytes_max = 1;
	(void)submit(&many[0]);
	(void)step(&node);
	ck_assert_uint_eq(placer.kept.count, 1);
	for (int i = 0; i < NODES; i++)
		nodes[i].task_count = 0;
	for (size_t i = 0; i < task_count; i++)
		placer_forget(&placer, &tasks[i]);
	free(many);
}
END_TEST

START_TEST(rows_that_come_go_and_move_are_followed)
{
	struct place_node *node;

	for (size_t i = 0; i < NODES; i++)
		(void)node_up(i, 10);
	(void)submit(&specs[0]);
	(void)step(&node);
	for (size_t i = 0; i < NODES; i++) {
		if (nodes[i].task_count == 0)
			placer_remove_node(&placer, &nodes[i]);
	}
	ck_assert_uint_eq(placer.rows.view.count, 1);
	(void)submit(&specs[0]);
	ck_assert_uint_eq(place_all(), 0);
	for (size_t i = 0; i < NODES; i++) {
		if (nodes[i].task_count == 0)
			(void)node_up(i, 10);
	}
	ck_assert_uint_eq(place_all(), 1);
}
END_TEST

START_TEST(what_is_kept_stays_true_when_the_columns_grow)
{
	struct place_node *node;
	struct place_task *last;

	for (size_t i = 0; i < 64; i++)
		(void)node_up(i, 10);
	(void)submit(&specs[0]);
	ck_assert_uint_eq(place_all(), 1);
	(void)node_up(64, 10); /* the arrays are full: all are made anew */
	for (size_t i = 0; i < 64; i++)
		(void)submit(&specs[0]);
	ck_assert_uint_eq(place_all(), 64);
	last = submit(&specs[0]);
	ck_assert_ptr_eq(step(&node), last);
	ck_assert_ptr_null(node);
	ck_assert(last->shape->parked);
	ck_assert(!last->shape->faulted);
	ck_assert_uint_eq(last->shape->kept->count, 0);
}
END_TEST

/* ---- jobs and domains ---- */

START_TEST(a_job_spreads_over_the_values_of_the_label)
{
	static const char *const zones[] = {"a", "a", "a", "b", NULL};
	struct task_spec spec = {.mcpu = 1, .job = "web"};
	uint32_t in[3] = {0, 0, 0};
	struct place_node *node;

	for (size_t i = 0; i < 5; i++) {
		set_zone(&infos[i], zones[i]);
		(void)node_up(i, 1000);
	}
	for (int i = 0; i < 30; i++) {
		(void)submit(&spec);
		(void)step(&node);
		in[node == &nodes[4] ? 2 : node == &nodes[3] ? 1 : 0]++;
	}
	ck_assert_uint_eq(in[0], 10);
	ck_assert_uint_eq(in[1], 10);
	ck_assert_uint_eq(in[2], 10);
}
END_TEST

START_TEST(a_node_takes_its_tasks_along_to_another_domain)
{
	struct task_spec spec = {.mcpu = 1, .job = "web"};
	struct place_node *node;

	set_zone(&infos[0], "a");
	(void)node_up(0, 1000);
	for (int i = 0; i < 4; i++)
		(void)submit(&spec);
	ck_assert_uint_eq(place_all(), 4);
	for (size_t i = 1; i < 3; i++) {
		set_zone(&infos[i], i == 1 ? "a" : "b");
		(void)node_up(i, 1000);
	}
	(void)submit(&spec);
	(void)step(&node);
	ck_assert_ptr_eq(node, &nodes[2]);
	/* Now b has five, and a none. */
	set_zone(&infos[0], "b");
	placer_update_node(&placer, &nodes[0], true);
	(void)submit(&spec);
	(void)step(&node);
	ck_assert_ptr_eq(node, &nodes[1]);
	ck_assert_uint_eq(placer.domains.count, 3);
	ck_assert_uint_eq(group_on(tasks[0].group, &nodes[0]), 4);
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("placer");
	TCase *tests = tcase_create("turn and kept");
	TCase *domains = tcase_create("domains");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_short_queue_is_placed_by_age);
	tcase_add_test(tests, a_long_queue_is_placed_in_runs_that_overtake_few);
	tcase_add_test(tests, the_more_urgent_go_first_also_in_the_middle_of_a_run);
	tcase_add_test(tests, what_fits_nowhere_holds_up_nobody_and_wakes_when_room_grows);
	tcase_add_test(tests, a_second_task_asks_about_the_changed_row_alone);
	tcase_add_test(tests, what_is_kept_is_bounded_and_the_oldest_goes);
	tcase_add_test(tests, rows_that_come_go_and_move_are_followed);
	tcase_add_test(tests, what_is_kept_stays_true_when_the_columns_grow);
	suite_add_tcase(suite, tests);
	tcase_add_checked_fixture(domains, setup_label, teardown);
	tcase_add_test(domains, a_job_spreads_over_the_values_of_the_label);
	tcase_add_test(domains, a_node_takes_its_tasks_along_to_another_domain);
	suite_add_tcase(suite, domains);
	return suite;
}

CHECK_MAIN(suite)
