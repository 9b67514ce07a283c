/* tests/unit/manager_place_test.c - where tasks go: what fits, in which order, and what a
 * scheduler may not do. Uses the round-robin plugin's own source. */
#include "manager_cast.h"

#include "check_main.h"

#include "../../plugins/scheduler/roundrobin.c"

static struct world *world;
static struct actor actors[8];

static void
setup(void)
{
	world = world_new();
}

static void
teardown(void)
{
	world_free(world);
}

/* count nodes n0.. of that size, up. */
static void
nodes_up(unsigned count, int64_t mcpu, int64_t memory_bytes)
{
	char name[NAME_SIZE];
	unsigned i;

	for (i = 0; i < count; i++) {
		(void)snprintf(name, sizeof(name), "n%u", i);
		actors[i] = actor_new(name, i + 1, mcpu, memory_bytes);
		actor_up(world, &actors[i]);
	}
}

/* ---- schedulers that misbehave ---- */

enum crime {
	GIVES_NOTHING,
	GIVES_ERROR,
	GIVES_INELIGIBLE,
	GIVES_BEYOND
};

static enum crime crime;
static int asked;

static int
hostile_score(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
	      const uint32_t *rows, uint32_t n, double *cost, struct cube_error *err)
{
	uint32_t i;

	(void)self;
	(void)nodes;
	(void)demand;
	(void)rows;
	asked++;
	if (crime == GIVES_ERROR)
		return cube_fail(err, CUBE_ERR_INTERNAL, 0, "the moon is wrong");
	for (i = 0; i < n; i++)
		cost[i] = crime == GIVES_NOTHING ? (double)NAN : 1.0;
	return 0;
}

static int
hostile_select(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
	       uint32_t *rows, uint32_t *n, struct cube_error *err)
{
	uint32_t row;

	(void)self;
	(void)err;
	*n = 0;
	for (row = 0; row < nodes->count; row++) {
		bool eligible = (demand->eligible[row / 64] >> (row % 64) & 1) != 0;

		/* The first that it must not choose, if it is a criminal. */
		if (eligible != (crime == GIVES_INELIGIBLE))
			rows[(*n)++] = row;
	}
	if (crime == GIVES_BEYOND) {
		rows[0] = nodes->count;
		*n = 1;
	}
	return 0;
}

static const struct cube_scheduler_ops hostile_ops = {.struct_size = sizeof(hostile_ops),
						      .open = fewest_open,
						      .close = fewest_close,
						      .select = hostile_select,
						      .score = hostile_score};

static void
start_hostile(enum crime which)
{
	crime = which;
	asked = 0;
	world->config.scheduler_name = "hostile";
	world->config.scheduler_ops = &hostile_ops;
	world_start(world);
}

START_TEST(no_scheduler_can_overcommit_or_choose_a_dead_node)
{
	enum crime which = _i == 0 ? GIVES_INELIGIBLE : GIVES_BEYOND;

	start_hostile(which);
	nodes_up(3, 1000, GIB);
	actors[3] = actor_new("full", 9, 100, GIB); /* never eligible below */
	actor_up(world, &actors[3]);
	ck_assert_int_eq(submit_many(world, 1, 20, "\"Cpu\":0.5"), 201);
	world_settle(world);
	ck_assert_uint_eq(count_state(world, TASK_SCHEDULED), 0);
	ck_assert_uint_eq(view_of(world, "full").task_count, 0);
	ck_assert_ptr_nonnull(strstr(get(world, 1).reason, "hostile"));
	ck_assert_ptr_nonnull(strstr(world->log, "scheduler.failed"));
}
END_TEST

START_TEST(a_schedulers_error_leaves_the_task_pending_with_its_words)
{
	const char *first;

	start_hostile(GIVES_ERROR);
	nodes_up(1, 4000, GIB);
	ck_assert_int_eq(submit_many(world, 1, 100, ""), 201);
	world_settle(world);
	ck_assert_int_eq(asked, 1); /* not once a task */
	ck_assert_int_eq(get(world, 100).state, TASK_PENDING);
	ck_assert_ptr_nonnull(strstr(get(world, 100).reason, "hostile"));
	ck_assert_ptr_nonnull(strstr(get(world, 100).reason, "the moon is wrong"));
	first = strstr(world->log, "scheduler.failed");
	ck_assert_ptr_nonnull(first);
	/* Tried again when something changes, and not said again. */
	nodes_up(2, 4000, GIB);
	ck_assert_int_gt(asked, 1);
	ck_assert_ptr_null(strstr(first + 1, "scheduler.failed"));
	crime = GIVES_BEYOND + 1; /* honest from here on */
	ck_assert_int_eq(submit(world, 200, ""), 201);
	ck_assert_int_eq(get(world, 200).state, TASK_SCHEDULED);
	ck_assert_int_eq(get(world, 100).state, TASK_SCHEDULED);
}
END_TEST

START_TEST(a_scheduler_that_wants_no_node_is_named)
{
	start_hostile(GIVES_NOTHING);
	nodes_up(1, 4000, GIB);
	ck_assert_int_eq(submit(world, 1, ""), 201);
	ck_assert_int_eq(get(world, 1).state, TASK_PENDING);
	ck_assert_str_eq(get(world, 1).reason,
			 "the scheduler hostile wants it on none of the nodes it fits on");
}
END_TEST

START_TEST(round_robin_is_fair_under_joins_and_leaves)
{
	unsigned i;

	world->config.scheduler_name = "roundrobin";
	world->config.scheduler_ops = cube_plugin.ops.scheduler;
	world_start(world);
	nodes_up(3, 100000, 100 * GIB);
	ck_assert_int_eq(submit_many(world, 1, 30, ""), 201);
	for (i = 0; i < 3; i++)
		ck_assert_uint_eq(view_of(world, actors[i].info.name).task_count, 10);
	nodes_up(4, 100000, 100 * GIB);
	ck_assert_int_eq(submit_many(world, 100, 40, ""), 201);
	for (i = 0; i < 3; i++)
		ck_assert_uint_eq(view_of(world, actors[i].info.name).task_count, 20);
	ck_assert_uint_eq(view_of(world, "n3").task_count, 10);
}
END_TEST

START_TEST(a_placement_is_an_attempt_a_reservation_and_an_order)
{
	struct node_view view;
	struct task_status status;
	struct manager_effect *orders;

	world_start(world);
	nodes_up(1, 4000, GIB);
	ck_assert_int_eq(submit(world, 1, "\"Cpu\":0.5,\"Memory\":1048576,\"Disk\":1024"), 201);
	status = get(world, 1);
	ck_assert_int_eq(status.state, TASK_SCHEDULED);
	ck_assert_uint_eq(status.attempt, 1);
	ck_assert_str_eq(status.node, "n0");
	view = view_of(world, "n0");
	ck_assert_uint_eq(view.task_count, 1);
	ck_assert_int_eq(view.allocated_mcpu, 500);
	ck_assert_int_eq(view.allocated_memory_bytes, MIB);
	ck_assert_int_eq(view.allocated_disk_bytes, 1024);
	orders = actor_orders(world, &actors[0]);
	ck_assert_uint_eq(orders->orders.count, 1);
	ck_assert_str_eq(orders->orders.items[0].spec->id, task_id(1));
	actor_accept(world, &actors[0], orders);
	actor_runs(world, &actors[0], 1, 1);
	ck_assert_uint_eq(view_of(world, "n0").task_count, 1);
	actor_ends(world, &actors[0], 1, 1, 0);
	view = view_of(world, "n0");
	ck_assert_uint_eq(view.task_count, 0);
	ck_assert_int_eq(view.allocated_mcpu, 0);
	ck_assert_int_eq(view.allocated_memory_bytes, 0);
	ck_assert_int_eq(view.allocated_disk_bytes, 0);
}
END_TEST

START_TEST(capacity_is_never_exceeded)
{
	unsigned i;

	world_start(world);
	nodes_up(3, 1000, 100 * MIB);
	ck_assert_int_eq(submit_many(world, 1, 50, "\"Cpu\":0.3,\"Memory\":10485760"), 201);
	ck_assert_int_eq(submit_many(world, 100, 50, "\"Memory\":52428800"), 201);
	world_settle(world);
	for (i = 0; i < 3; i++) {
		struct node_view view = view_of(world, actors[i].info.name);

		ck_assert_int_le(view.allocated_mcpu, 1000);
		ck_assert_int_le(view.allocated_memory_bytes, 100 * MIB);
		/* Three of the first by cpu, one of the second by what memory is left. */
		ck_assert_uint_eq(view.task_count, 4);
	}
	ck_assert_uint_eq(count_state(world, TASK_SCHEDULED), 12);
}
END_TEST

START_TEST(what_fits_nowhere_waits_with_a_reason_and_holds_up_no_other)
{
	world_start(world);
	ck_assert_int_eq(submit(world, 1, "\"Memory\":536870912"), 201);
	ck_assert_str_eq(get(world, 1).reason, "no node has joined yet");
	nodes_up(2, 1000, 256 * MIB);
	ck_assert_int_eq(get(world, 1).state, TASK_PENDING);
	ck_assert_str_eq(get(world, 1).reason, "no ready node has 512 MiB of memory free");
	ck_assert_int_eq(submit(world, 2, "\"Cpu\":1.5"), 201);
	ck_assert_str_eq(get(world, 2).reason, "no ready node has 1.5 cores free");
	ck_assert_int_eq(submit(world, 3, "\"Disk\":214748364800"), 201);
	ck_assert_str_eq(get(world, 3).reason, "no ready node has 200 GiB of disk free");
	ck_assert_int_eq(submit(world, 4, "\"Memory\":1024"), 201);
	ck_assert_int_eq(get(world, 4).state, TASK_SCHEDULED);
	/* A node that joins is the event that it waits for. */
	actors[2] = actor_new("big", 9, 8000, 8 * GIB);
	actor_up(world, &actors[2]);
	ck_assert_int_eq(get(world, 1).state, TASK_SCHEDULED);
	ck_assert_str_eq(get(world, 1).node, "big");
	ck_assert_str_eq(get(world, 1).reason, "");
	ck_assert_int_eq(get(world, 2).state, TASK_SCHEDULED);
	ck_assert_int_eq(get(world, 3).state, TASK_PENDING);
}
END_TEST

START_TEST(reasons_count_each_node_once)
{
	world_start(world);
	nodes_up(2, 1000, 256 * MIB);
	actors[2] = actor_new("broken", 7, 8000, 8 * GIB);
	actors[2].info.runtime_ready = false;
	(void)snprintf(actors[2].info.runtime_reason, sizeof(actors[2].info.runtime_reason),
		       "no engine");
	actor_up(world, &actors[2]);
	actors[3] = actor_new("mute", 8, 8000, 8 * GIB);
	ck_assert_int_eq(actor_join(world, &actors[3]), 201);
	ck_assert_int_eq(submit(world, 1, "\"Cpu\":2"), 201);
	ck_assert_str_eq(get(world, 1).reason, "no node fits: 1 without a ready runtime, 2 "
					       "without 2 cores free, 1 joining");
}
END_TEST

START_TEST(host_ports_are_reserved_like_memory)
{
	world_start(world);
	nodes_up(2, 4000, GIB);
	ck_assert_int_eq(submit_many(world, 1, 3, "\"PortBindings\":{\"80/tcp\":\"8080\"}"),
			 201);
	ck_assert_uint_eq(count_state(world, TASK_SCHEDULED), 2);
	ck_assert_str_ne(get(world, 1).node, get(world, 2).node);
	ck_assert_int_eq(get(world, 3).state, TASK_PENDING);
	ck_assert_str_eq(get(world, 3).reason,
			 "host port 8080/tcp is taken on every ready node");
	/* The same number of the other protocol, and any free port, are no clash. */
	ck_assert_int_eq(submit(world, 4, "\"PortBindings\":{\"53/udp\":\"8080\"}"), 201);
	ck_assert_int_eq(get(world, 4).state, TASK_SCHEDULED);
	ck_assert_int_eq(submit(world, 5, "\"ExposedPorts\":{\"80/tcp\":{}}"), 201);
	ck_assert_int_eq(get(world, 5).state, TASK_SCHEDULED);
	(void)actor_obey(world, &actors[0]);
	(void)actor_obey(world, &actors[1]);
	actor_ends(world, &actors[0], 1, 1, 0);
	ck_assert_int_eq(get(world, 3).state, TASK_SCHEDULED);
	ck_assert_str_eq(get(world, 3).node, "n0");
}
END_TEST

START_TEST(urgent_tasks_go_first_and_equals_by_age)
{
	world_start(world);
	ck_assert_int_eq(submit(world, 1, "\"Cpu\":1"), 201);
	ck_assert_int_eq(submit(world, 2, "\"Cpu\":1,\"Priority\":10"), 201);
	ck_assert_int_eq(submit(world, 3, "\"Cpu\":1,\"Priority\":50"), 201);
	ck_assert_int_eq(submit(world, 4, "\"Cpu\":1,\"Memory\":1,\"Priority\":10"), 201);
	nodes_up(1, 2000, GIB);
	ck_assert_int_eq(get(world, 3).state, TASK_SCHEDULED);
	ck_assert_int_eq(get(world, 2).state, TASK_SCHEDULED);
	ck_assert_int_eq(get(world, 4).state, TASK_PENDING);
	ck_assert_int_eq(get(world, 1).state, TASK_PENDING);
	(void)actor_obey(world, &actors[0]);
	actor_ends(world, &actors[0], 3, 1, 0);
	ck_assert_int_eq(get(world, 4).state, TASK_SCHEDULED);
	actor_ends(world, &actors[0], 2, 1, 0);
	ck_assert_int_eq(get(world, 1).state, TASK_SCHEDULED);
}
END_TEST

START_TEST(a_burst_is_placed_in_slices)
{
	size_t before;
	unsigned steps;

	world_start(world);
	ck_assert_int_eq(submit_many(world, 1, 20000, "\"Cpu\":0.001"), 201);
	actors[0] = actor_new("n0", 1, 100000, GIB);
	ck_assert_int_eq(actor_join(world, &actors[0]), 201);
	ck_assert(actor_hello(world, &actors[0]));
	before = world->writes;
	actor_accept(world, &actors[0], actor_orders(world, &actors[0]));
	ck_assert_uint_gt(world->writes - before, 1000);
	ck_assert_uint_lt(world->writes - before, 6000);
	/* Requests are heard in between. */
	ck_assert_int_eq(submit(world, 30000, ""), 201);
	for (steps = 0; world->wake_ms <= world->now.mono_ms; steps++)
		world_wake(world);
	ck_assert_uint_ge(steps, 2);
	ck_assert_uint_eq(count_state(world, TASK_SCHEDULED), 20001);
}
END_TEST

START_TEST(a_job_is_counted_by_node)
{
	world_start(world);
	nodes_up(2, 4000, GIB);
	ck_assert_int_eq(submit_many(world, 1, 4, "\"Job\":\"j\",\"Memory\":1"), 201);
	ck_assert_int_eq(stop(world, 9), 404);
	(void)actor_obey(world, &actors[0]);
	(void)actor_obey(world, &actors[1]);
	actor_ends(world, &actors[0], 1, 1, 0);
	actor_ends(world, &actors[1], 2, 1, 0);
	actor_ends(world, &actors[0], 3, 1, 0);
	actor_ends(world, &actors[1], 4, 1, 0);
	/* The job is gone with its last task, and comes back. */
	ck_assert_int_eq(submit_many(world, 11, 4, "\"Job\":\"j\",\"Memory\":1"), 201);
	ck_assert_uint_eq(count_state(world, TASK_SCHEDULED), 4);
}
END_TEST

START_TEST(a_hundred_thousand_that_do_not_fit_cost_little_when_a_node_frees)
{
	unsigned i;

	world_start(world);
	nodes_up(1, 1000, GIB);
	world->auto_commit = false;
	ck_assert_int_eq(submit(world, 1, "\"Cpu\":1"), 0);
	world_commit(world);
	for (i = 0; i < 20; i++)
		(void)submit_many(world, 1000 + i * 5000, 5000, "\"Cpu\":1");
	world_commit(world);
	(void)actor_obey(world, &actors[0]);
	world_commit(world);
	(void)actor_obey(world, &actors[0]);
	/* One goes, one comes: two records and an event. */
	world->auto_commit = true;
	{
		size_t before = world->writes;

		actor_ends(world, &actors[0], 1, 1, 0);
		ck_assert_uint_eq(world->writes - before, 3);
	}
	ck_assert_int_eq(get(world, 1000).state, TASK_SCHEDULED);
	ck_assert_int_eq(get(world, 1001).state, TASK_PENDING);
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("manager place");
	TCase *tests = tcase_create("all");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, no_scheduler_can_overcommit_or_choose_a_dead_node, 0, 2);
	tcase_add_test(tests, a_schedulers_error_leaves_the_task_pending_with_its_words);
	tcase_add_test(tests, a_scheduler_that_wants_no_node_is_named);
	tcase_add_test(tests, round_robin_is_fair_under_joins_and_leaves);
	tcase_add_test(tests, a_placement_is_an_attempt_a_reservation_and_an_order);
	tcase_add_test(tests, capacity_is_never_exceeded);
	tcase_add_test(tests, what_fits_nowhere_waits_with_a_reason_and_holds_up_no_other);
	tcase_add_test(tests, reasons_count_each_node_once);
	tcase_add_test(tests, host_ports_are_reserved_like_memory);
	tcase_add_test(tests, urgent_tasks_go_first_and_equals_by_age);
	tcase_add_test(tests, a_burst_is_placed_in_slices);
	tcase_add_test(tests, a_job_is_counted_by_node);
	tcase_add_test(tests, a_hundred_thousand_that_do_not_fit_cost_little_when_a_node_frees);
	suite_add_tcase(made, tests);
	return made;
}

CHECK_MAIN(suite)
