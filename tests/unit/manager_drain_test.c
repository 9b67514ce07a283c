/* tests/unit/manager_drain_test.c - what an operator wants of a node: cordon, uncordon, drain.
 */
#include "manager_cast.h"
#include "manager_page.h"

#include "check_main.h"

static struct world *world;
static struct actor n1, n2;
static struct actor *const both[] = {&n1, &n2};

static void
setup(void)
{
	world = world_new();
	n1 = actor_new("n1", 1, 4000, GIB);
	n2 = actor_new("n2", 2, 4000, GIB);
}

static void
teardown(void)
{
	world_free(world);
}

static struct manager_effect *
ask(enum manager_message_kind kind, const char *name, int64_t deadline_s)
{
	struct manager_message *message = world_message(world, kind);

	(void)snprintf(message->node, sizeof(message->node), "%s", name);
	if (deadline_s >= 0) {
		message->has_deadline = true;
		message->deadline_s = (uint64_t)deadline_s;
	}
	return world_ask(world, message);
}

/* The reply's status; if it is a node, so must be its own. */
static int
want(enum manager_message_kind kind, const char *name, int64_t deadline_s,
     enum node_status status)
{
	struct manager_effect *reply = ask(kind, name, deadline_s);
	int result = reply->status;

	if (result == 200) {
		ck_assert_uint_eq(reply->node_count, 1);
		ck_assert_str_eq(reply->nodes[0].info.name, name);
		ck_assert_int_eq(reply->nodes[0].status, status);
	}
	effect_free(reply);
	return result;
}

static int
drain(int64_t deadline_s)
{
	return want(MANAGER_NODE_DRAIN, "n1", deadline_s, NODE_DRAINING);
}

/* Tasks 1..count run on n1, then n2 is there, too. */
static void
begin(unsigned count, const char *members)
{
	unsigned i;

	world_start(world);
	actor_up(world, &n1);
	for (i = 1; i <= count; i++) {
		ck_assert_int_eq(submit(world, i, members), 201);
		(void)actor_obey(world, &n1);
		actor_runs(world, &n1, i, 1);
	}
	actor_up(world, &n2);
}

/* Takes orders of n1 that stop one task; which. 0: there are none. */
static unsigned
stopped_on_n1(unsigned count)
{
	struct manager_effect *orders = actor_orders(world, &n1);
	unsigned found = 0;
	unsigned i;

	if (orders == NULL)
		return 0;
	ck_assert_uint_eq(orders->orders.count, 1);
	ck_assert_int_eq(orders->orders.items[0].wanted, TASK_WANTED_STOP);
	for (i = 1; i <= count; i++) {
		if (strcmp(orders->orders.items[0].task_id, task_id(i)) == 0)
			found = i;
	}
	actor_accept(world, &n1, orders);
	return found;
}

START_TEST(a_cordoned_node_gets_nothing_new)
{
	size_t before;

	begin(1, "");
	ck_assert_int_eq(want(MANAGER_NODE_CORDON, "n1", -1, NODE_CORDONED), 200);
	ck_assert_int_eq(submit_many(world, 2, 3, ""), 201);
	ck_assert_uint_eq(view_of(world, "n1").task_count, 1);
	ck_assert_uint_eq(view_of(world, "n2").task_count, 3);
	ck_assert_int_eq(get(world, 1).state, TASK_RUNNING);
	ck_assert(view_of(world, "n1").cordoned);
	/* Again: nothing changes, and nothing is written. */
	before = world->writes;
	ck_assert_int_eq(want(MANAGER_NODE_CORDON, "n1", -1, NODE_CORDONED), 200);
	ck_assert_uint_eq(world->writes, before);
	ck_assert_int_eq(want(MANAGER_NODE_CORDON, "n9", -1, 0), 404);
}
END_TEST

START_TEST(a_cordon_outlives_the_manager_and_the_silence_of_the_node)
{
	begin(0, "");
	ck_assert_int_eq(want(MANAGER_NODE_CORDON, "n1", -1, NODE_CORDONED), 200);
	world_crash(world);
	actors_live(world, both, 2, 2000);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_CORDONED);
	world_sleep(world, 16000);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_UNREACHABLE);
	ck_assert(view_of(world, "n1").cordoned);
	actors_live(world, both, 2, 2000);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_CORDONED);
}
END_TEST

START_TEST(what_waited_for_a_cordoned_node_is_placed_when_it_is_uncordoned)
{
	world_start(world);
	actor_up(world, &n1);
	ck_assert_int_eq(want(MANAGER_NODE_CORDON, "n1", -1, NODE_CORDONED), 200);
	ck_assert_int_eq(submit(world, 1, ""), 201);
	ck_assert_str_eq(get(world, 1).reason, "no node is ready: 1 cordoned");
	ck_assert_int_eq(want(MANAGER_NODE_UNCORDON, "n1", -1, NODE_READY), 200);
	ck_assert_int_eq(get(world, 1).state, TASK_SCHEDULED);
	ck_assert_int_eq(want(MANAGER_NODE_UNCORDON, "n1", -1, NODE_READY), 200);
	ck_assert_ptr_null(strstr(world_stored(world, "node/n1"), "Cordoned"));
}
END_TEST

START_TEST(a_drain_moves_one_task_at_a_time)
{
	unsigned moved;

	begin(3, "\"RestartPolicy\":\"no\"");
	ck_assert_int_eq(drain(-1), 200);
	for (moved = 0; moved < 3; moved++) {
		unsigned n = stopped_on_n1(3);

		ck_assert_uint_ne(n, 0);
		actors_live(world, both, 2, 2000);
		ck_assert_uint_eq(stopped_on_n1(3), 0);
		ck_assert_uint_eq(view_of(world, "n1").task_count, 3 - moved);
		if (moved == 2)
			ck_assert_ptr_nonnull(
				strstr(view_of(world, "n1").reason, "1 task is left"));
		actor_ends(world, &n1, n, 1, 143);
		/* On its way there it is the only one that is missing. */
		ck_assert_str_eq(get(world, n).node, "n2");
		ck_assert_uint_eq(get(world, n).attempt, 2);
		ck_assert_uint_eq(get(world, n).restart_count, 0);
		actors_live(world, both, 2, 30000);
		ck_assert_uint_eq(count_state(world, TASK_RUNNING), 2);
		ck_assert_uint_eq(stopped_on_n1(3), 0);
		actor_runs(world, &n2, n, 2);
	}
	ck_assert_uint_eq(count_state(world, TASK_RUNNING), 3);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_CORDONED);
	ck_assert_uint_eq(view_of(world, "n1").drain_stopped, 0);
	ck_assert_ptr_nonnull(strstr(world->log, "node.drained"));
}
END_TEST

START_TEST(an_empty_node_is_drained_at_once)
{
	begin(0, "");
	ck_assert_int_eq(drain(-1), 200);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_CORDONED);
	ck_assert(!view_of(world, "n1").draining);
	/* Again: it has been. */
	ck_assert_int_eq(drain(-1), 200);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_CORDONED);
}
END_TEST

START_TEST(what_fits_nowhere_else_stays_until_the_deadline)
{
	begin(2, "\"Cpu\":2");
	/* Nothing has room for them but n1, until the deadline. */
	n2.info.mcpu = 1000;
	n2.info.revision++;
	actors_live(world, both, 2, 1000);
	ck_assert_int_eq(drain(60), 200);
	actors_live(world, both, 2, 59000);
	ck_assert_uint_eq(stopped_on_n1(2), 0);
	ck_assert_uint_eq(count_state(world, TASK_RUNNING), 2);
	world_sleep(world, 1500);
	{
		struct manager_effect *orders = actor_orders(world, &n1);

		ck_assert_uint_eq(orders->orders.count, 2);
		ck_assert_int_eq(orders->orders.items[1].wanted, TASK_WANTED_STOP);
		actor_accept(world, &n1, orders);
	}
	actor_ends(world, &n1, 1, 1, 143);
	actor_ends(world, &n1, 2, 1, 143);
	ck_assert_uint_eq(count_state(world, TASK_PENDING), 2);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_CORDONED);
	ck_assert_uint_eq(view_of(world, "n1").drain_stopped, 2);
	ck_assert_ptr_nonnull(strstr(world->log, "stopped at the deadline of the drain"));
	/* The worker only told of it. */
	ck_assert_ptr_nonnull(strstr(
		events_after(world, 0),
		"manager t1 Pending/1 (stopped at the deadline of the drain of node n1)"));
}
END_TEST

START_TEST(what_finds_room_meanwhile_moves_then)
{
	begin(1, "\"Cpu\":2");
	n2.info.mcpu = 1000;
	n2.info.revision++;
	actors_live(world, both, 2, 1000);
	ck_assert_int_eq(drain(-1), 200);
	actors_live(world, both, 2, 100000);
	ck_assert_uint_eq(stopped_on_n1(1), 0);
	n2.info.mcpu = 2000;
	n2.info.revision++;
	ck_assert(actor_tell(world, &n2, false, NULL, 0));
	ck_assert(actor_hello(world, &n2));
	world_sleep(world, 1000);
	ck_assert_uint_eq(stopped_on_n1(1), 1);
}
END_TEST

START_TEST(a_deadline_may_be_set_anew_and_has_a_limit)
{
	begin(1, "\"Cpu\":2");
	n2.info.mcpu = 1000;
	n2.info.revision++;
	actors_live(world, both, 2, 1000);
	ck_assert_int_eq(drain(30 * 24 * 3600 + 1), 400);
	ck_assert(!view_of(world, "n1").draining);
	ck_assert_int_eq(drain(-1), 200);
	ck_assert_int_eq(view_of(world, "n1").drain_until_ms - world->now.wall_ms, 3600000);
	world_sleep(world, 1000);
	ck_assert_int_eq(drain(-1), 200);
	ck_assert_int_eq(view_of(world, "n1").drain_until_ms - world->now.wall_ms, 3599000);
	ck_assert_int_eq(drain(0), 200);
	ck_assert_uint_eq(stopped_on_n1(1), 1);
}
END_TEST

START_TEST(a_drain_goes_on_when_the_manager_starts_again)
{
	unsigned n;

	begin(3, "\"RestartPolicy\":\"no\"");
	ck_assert_int_eq(drain(1000), 200);
	n = stopped_on_n1(3);
	world->now.mono_ms += 200000;
	world->now.wall_ms += 200000;
	world_crash(world);
	ck_assert_uint_ne(n, 0);
	ck_assert(actor_hello(world, &n2));
	(void)actor_obey(world, &n2);
	ck_assert(actor_hello(world, &n1));
	{
		struct manager_effect *orders = actor_orders(world, &n1);
		size_t stops = 0;
		size_t i;

		for (i = 0; i < orders->orders.count; i++)
			stops += orders->orders.items[i].wanted == TASK_WANTED_STOP;
		ck_assert(orders->orders.full);
		ck_assert_uint_eq(orders->orders.count, 3);
		ck_assert_uint_eq(stops, 1);
		actor_accept(world, &n1, orders);
	}
	ck_assert_int_eq(view_of(world, "n1").status, NODE_DRAINING);
	ck_assert_ptr_nonnull(strstr(view_of(world, "n1").reason, "in 800 s"));
	ck_assert_uint_eq(stopped_on_n1(3), 0);
	/* Its policy would have made an end of it; it is moved all the same. */
	actor_ends(world, &n1, n, 1, 143);
	ck_assert_str_eq(get(world, n).node, "n2");
	ck_assert_uint_eq(stopped_on_n1(3), 0);
	/* Once more, while it is on its way. */
	world_crash(world);
	actors_live(world, both, 2, 2000);
	ck_assert_uint_eq(view_of(world, "n1").task_count, 2);
	ck_assert_uint_eq(count_state(world, TASK_RUNNING), 2);
	actor_runs(world, &n2, n, 2);
	ck_assert_uint_ne(stopped_on_n1(3), 0);
}
END_TEST

START_TEST(a_deadline_read_back_is_never_longer_than_it_was)
{
	begin(1, "\"Cpu\":2");
	n2.info.mcpu = 1000;
	n2.info.revision++;
	actors_live(world, both, 2, 1000);
	ck_assert_int_eq(drain(100), 200);
	world->now.wall_ms -= 1000000; /* somebody sets the clock back */
	world_crash(world);
	ck_assert_int_eq(view_of(world, "n1").drain_until_ms - world->now.wall_ms, 100000);
	actors_live(world, both, 2, 98000);
	ck_assert_uint_eq(count_state(world, TASK_RUNNING), 1);
	world_sleep(world, 3000);
	ck_assert_uint_eq(stopped_on_n1(1), 1);
}
END_TEST

START_TEST(a_user_may_stop_a_task_that_moves)
{
	begin(2, "");
	ck_assert_int_eq(drain(-1), 200);
	{
		unsigned n = stopped_on_n1(2);

		ck_assert_int_eq(stop(world, n), 204);
		actor_ends(world, &n1, n, 1, 143);
		ck_assert_int_eq(get(world, n).state, TASK_COMPLETED);
		ck_assert(get(world, n).final);
	}
	/* It is over, so the next one goes. */
	(void)actor_obey(world, &n1);
	world_sleep(world, 1000);
	ck_assert_uint_eq(count_state(world, TASK_RUNNING), 1);
	ck_assert_ptr_nonnull(strstr(world_stored(world, "node/n1"), "DrainTask"));
}
END_TEST

START_TEST(a_drain_that_is_given_up_leaves_the_rest_where_it_is)
{
	unsigned n;

	begin(3, "");
	ck_assert_int_eq(drain(-1), 200);
	n = stopped_on_n1(3);
	ck_assert_int_eq(want(MANAGER_NODE_UNCORDON, "n1", -1, NODE_READY), 200);
	actor_ends(world, &n1, n, 1, 143);
	ck_assert_uint_eq(get(world, n).attempt, 2); /* wherever there is room */
	ck_assert_str_eq(get(world, n).node, "n2");
	actor_runs(world, &n2, n, 2);
	actors_live(world, both, 2, 10000);
	ck_assert_uint_eq(stopped_on_n1(3), 0);
	ck_assert_uint_eq(view_of(world, "n1").task_count, 2);
}
END_TEST

START_TEST(what_ended_before_its_order_left_ended_by_itself)
{
	begin(1, "\"RestartPolicy\":\"no\"");
	ck_assert_int_eq(submit(world, 2, ""), 201);
	ck_assert_str_eq(get(world, 2).node, "n2");
	ck_assert_int_eq(submit(world, 3, ""), 201);
	/* Orders about task 3 or 4 are under way to n1, so those of the drain wait. */
	ck_assert_int_eq(submit(world, 4, ""), 201);
	ck_assert_uint_ge(view_of(world, "n1").task_count, 2);
	ck_assert_int_eq(drain(0), 200);
	actor_ends(world, &n1, 1, 1, 0);
	ck_assert_int_eq(get(world, 1).state, TASK_COMPLETED);
	ck_assert(get(world, 1).final);
	ck_assert_uint_eq(get(world, 1).attempt, 1);
}
END_TEST

START_TEST(what_was_never_ordered_is_moved_without_a_word)
{
	struct manager_effect *orders;

	world_start(world);
	actor_up(world, &n1);
	ck_assert_int_eq(submit(world, 1, ""), 201); /* under way */
	ck_assert_int_eq(submit(world, 2, ""), 201); /* behind it */
	actor_up(world, &n2);
	ck_assert_int_eq(drain(0), 200);
	ck_assert_str_eq(get(world, 2).node, "n2");
	ck_assert_uint_eq(view_of(world, "n1").drain_stopped, 1);
	orders = actor_orders(world, &n1);
	actor_accept(world, &n1, orders);
	ck_assert_uint_eq(stopped_on_n1(2), 1);
}
END_TEST

START_TEST(one_that_waits_to_restart_gives_up_its_room_on_a_node_that_drains)
{
	begin(1, "\"RestartPolicy\":\"always\"");
	actor_ends(world, &n1, 1, 1, 1);
	ck_assert_uint_eq(view_of(world, "n1").task_count, 1);
	ck_assert_int_eq(drain(-1), 200);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_CORDONED);
	world_sleep(world, 1500);
	ck_assert_str_eq(get(world, 1).node, "n2");
	ck_assert_uint_eq(get(world, 1).attempt, 2);
}
END_TEST

START_TEST(a_node_that_is_lost_while_it_drains_is_drained)
{
	struct actor *const other[] = {&n2};

	begin(2, "");
	ck_assert_int_eq(drain(-1), 200);
	ck_assert_uint_ne(stopped_on_n1(2), 0);
	actors_live(world, other, 1, 31000);
	ck_assert_uint_eq(view_of(world, "n2").task_count, 2);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_LOST);
	ck_assert(!view_of(world, "n1").draining);
	ck_assert(view_of(world, "n1").cordoned);
}
END_TEST

START_TEST(a_node_that_drains_may_be_removed_when_it_is_silent)
{
	struct manager_effect *reply;

	begin(2, "");
	ck_assert_int_eq(drain(-1), 200);
	reply = ask(MANAGER_NODE_REMOVE, "n1", -1);
	ck_assert_int_eq(reply->status, 409);
	ck_assert_ptr_nonnull(strstr(reply->message, "cube node drain n1"));
	effect_free(reply);
	world_sleep(world, 16000);
	reply = ask(MANAGER_NODE_REMOVE, "n1", -1);
	ck_assert_int_eq(reply->status, 204);
	effect_free(reply);
	actors_live(world, both + 1, 1, 1000);
	ck_assert_uint_eq(view_of(world, "n2").task_count, 2);
}
END_TEST

START_TEST(a_listed_worker_without_a_name_cannot_be_cordoned)
{
	static const char *const workers[] = {"10.0.0.7:5556", NULL};

	world->config.workers = workers;
	world_start(world);
	ck_assert_int_eq(want(MANAGER_NODE_CORDON, "10.0.0.7-5556", -1, 0), 409);
	ck_assert_uint_eq(world_count(world, "node/"), 0);
}
END_TEST

START_TEST(nothing_is_wanted_of_a_node_while_the_store_fails)
{
	begin(1, "");
	world->fault = "disk full";
	ck_assert_int_eq(want(MANAGER_NODE_CORDON, "n1", -1, 0), 503);
	ck_assert_int_eq(want(MANAGER_NODE_DRAIN, "n1", -1, 0), 503);
	ck_assert_int_eq(want(MANAGER_NODE_UNCORDON, "n1", -1, 0), 503);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_READY);
	world->fault = NULL;
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("manager drain");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_cordoned_node_gets_nothing_new);
	tcase_add_test(tests, a_cordon_outlives_the_manager_and_the_silence_of_the_node);
	tcase_add_test(tests, what_waited_for_a_cordoned_node_is_placed_when_it_is_uncordoned);
	tcase_add_test(tests, a_drain_moves_one_task_at_a_time);
	tcase_add_test(tests, an_empty_node_is_drained_at_once);
	tcase_add_test(tests, what_fits_nowhere_else_stays_until_the_deadline);
	tcase_add_test(tests, what_finds_room_meanwhile_moves_then);
	tcase_add_test(tests, a_deadline_may_be_set_anew_and_has_a_limit);
	tcase_add_test(tests, a_drain_goes_on_when_the_manager_starts_again);
	tcase_add_test(tests, a_deadline_read_back_is_never_longer_than_it_was);
	tcase_add_test(tests, a_user_may_stop_a_task_that_moves);
	tcase_add_test(tests, a_drain_that_is_given_up_leaves_the_rest_where_it_is);
	tcase_add_test(tests, what_ended_before_its_order_left_ended_by_itself);
	tcase_add_test(tests, what_was_never_ordered_is_moved_without_a_word);
	tcase_add_test(tests,
		       one_that_waits_to_restart_gives_up_its_room_on_a_node_that_drains);
	tcase_add_test(tests, a_node_that_is_lost_while_it_drains_is_drained);
	tcase_add_test(tests, a_node_that_drains_may_be_removed_when_it_is_silent);
	tcase_add_test(tests, a_listed_worker_without_a_name_cannot_be_cordoned);
	tcase_add_test(tests, nothing_is_wanted_of_a_node_while_the_store_fails);
	suite_add_tcase(made, tests);
	return made;
}

CHECK_MAIN(suite)
