/* tests/unit/manager_away_test.c - what a node that is away may still run: attempts that are
 * superseded, tasks that stop when they are cut off, nodes that return or are removed. */
#include "manager_lost_rig.h"

START_TEST(superseded_attempts_end_when_their_node_returns)
{
	struct manager_effect *orders;

	world_start(world);
	actor_up(world, &n1);
	run_on_first(1, "");
	run_on_first(2, "\"OnNodeLost\":\"wait\"");
	actor_up(world, &n2);
	actors_live(world, only_2, 1, 31000);
	actor_runs(world, &n2, 1, 2);
	ck_assert(actor_hello(world, &n1));
	ck_assert_int_eq(view_of(world, "n1").status, NODE_JOINING);
	orders = actor_orders(world, &n1);
	ck_assert(orders->orders.full);
	ck_assert_uint_eq(orders->orders.count, 1);
	ck_assert_str_eq(orders->orders.items[0].task_id, task_id(2));
	ck_assert_int_eq(orders->orders.items[0].wanted, TASK_WANTED_RUN);
	actor_accept(world, &n1, orders);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_READY);
	/* It tells of both: of the one that was followed up nobody takes notice. */
	{
		struct report both[] = {report_of(1, TASK_RUNNING, 1),
					report_of(2, TASK_RUNNING, 1)};

		n1.revision.sequence++;
		ck_assert(actor_tell(world, &n1, true, both, 2));
	}
	ck_assert_str_eq(get(world, 1).node, "n2");
	ck_assert_uint_eq(get(world, 1).attempt, 2);
	ck_assert_uint_eq(view_of(world, "n1").stale_reports, 1);
	ck_assert_uint_eq(view_of(world, "n2").stale_reports, 0);
	ck_assert_uint_eq(times_logged("report.stale"), 1);
	/* And is told again that it is not wanted. */
	orders = actor_orders(world, &n1);
	ck_assert(orders->orders.full);
	ck_assert_uint_eq(orders->orders.count, 1);
	actor_accept(world, &n1, orders);
	actor_ends(world, &n1, 1, 1, 143);
	ck_assert_int_eq(get(world, 1).state, TASK_RUNNING);
	ck_assert_int_eq(get(world, 2).state, TASK_RUNNING);
}
END_TEST

START_TEST(a_task_that_stops_when_cut_off_is_replaced_when_it_surely_has)
{
	uint64_t receipt_ms;

	begin("\"StopAfterDisconnect\":100,\"StopTimeout\":7");
	n1.stamp = 77;
	actors_live(world, all_3, 2, 2000);
	n1.stamp = 78;
	ck_assert(actor_tell(world, &n1, false, NULL, 0));
	receipt_ms = world->now.mono_ms;
	world_sleep(world, 1000);
	/* The same stamp again renews nothing. */
	ck_assert(actor_tell(world, &n1, false, NULL, 0));
	actors_live(world, only_2, 1, 40000);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_LOST);
	ck_assert_ptr_nonnull(strstr(get(world, 1).reason, "StopAfterDisconnect"));
	while (world->now.mono_ms < receipt_ms + 101000 + 7000 + 5000 - 600) {
		ck_assert_uint_eq(get(world, 1).attempt, 1);
		actors_live(world, only_2, 1, 500);
	}
	ck_assert_uint_eq(get(world, 1).attempt, 1);
	actors_live(world, only_2, 1, 1100);
	ck_assert_uint_eq(get(world, 1).attempt, 2);
	ck_assert_str_eq(get(world, 1).node, "n2");
}
END_TEST

START_TEST(a_node_that_returns_in_that_time_goes_on_undisturbed)
{
	struct manager_effect *orders;

	begin("\"StopAfterDisconnect\":100");
	actors_live(world, only_2, 1, 60000);
	ck_assert(actor_hello(world, &n1));
	orders = actor_orders(world, &n1);
	ck_assert_uint_eq(orders->orders.count, 1);
	ck_assert_uint_eq(orders->orders.items[0].attempt, 1);
	actor_accept(world, &n1, orders);
	actor_runs(world, &n1, 1, 1);
	actors_live(world, all_3, 2, 200000);
	ck_assert_uint_eq(get(world, 1).attempt, 1);
	ck_assert_int_eq(get(world, 1).state, TASK_RUNNING);
}
END_TEST

START_TEST(the_time_of_a_cut_off_task_begins_anew_with_the_manager)
{
	begin("\"StopAfterDisconnect\":60,\"StopTimeout\":5");
	actors_live(world, only_2, 1, 50000);
	/* The manager before may have echoed a stamp that this one has never seen. */
	world_crash(world);
	actors_live(world, only_2, 1, 69000);
	ck_assert_uint_eq(get(world, 1).attempt, 1);
	actors_live(world, only_2, 1, 3000);
	ck_assert_uint_eq(get(world, 1).attempt, 2);
}
END_TEST

START_TEST(what_was_never_ordered_needs_no_such_time)
{
	world_start(world);
	actor_up(world, &n1);
	run_on_first(1, "");
	/* Orders about another task are under way, so this one waits for its turn. */
	ck_assert_int_eq(submit(world, 2, ""), 201);
	ck_assert_int_eq(submit(world, 3, "\"StopAfterDisconnect\":1000"), 201);
	ck_assert_str_eq(get(world, 3).node, "n1");
	actor_up(world, &n2);
	actors_live(world, only_2, 1, 31000);
	ck_assert_str_eq(get(world, 3).node, "n2");
}
END_TEST

START_TEST(the_newest_stamp_is_echoed)
{
	struct manager_effect *poll;

	world_start(world);
	actor_up(world, &n1);
	n1.stamp = 500;
	ck_assert(actor_tell(world, &n1, false, NULL, 0));
	n1.stamp = 400; /* an older answer that is late */
	actors_live(world, all_3, 1, 1000);
	poll = world_take(world, MANAGER_EFFECT_POLL, n1.contact);
	ck_assert_ptr_nonnull(poll);
	ck_assert_uint_eq(poll->stamp, 500);
	effect_free(poll);
	/* Another contact begins with none. */
	(void)snprintf(n1.info.api, sizeof(n1.info.api), "http://10.0.0.77:5556");
	actor_up(world, &n1);
	poll = world_take(world, MANAGER_EFFECT_POLL, n1.contact);
	ck_assert_uint_eq(poll->stamp, 0);
	effect_free(poll);
}
END_TEST

START_TEST(a_worker_of_the_books_that_returns_is_told_to_stop_what_moved)
{
	struct manager_effect *orders;
	struct report reports[2];

	n1.book = true;
	n1.info.instance[0] = '\0';
	{
		static const char *const workers[] = {"10.0.0.1:5556", NULL};

		world->config.workers = workers;
	}
	world_start(world);
	ck_assert(actor_hello(world, &n1));
	ck_assert(actor_tell(world, &n1, true, NULL, 0));
	ck_assert_int_eq(submit(world, 1, ""), 201);
	(void)actor_obey(world, &n1);
	world_sleep(world, 5000);
	reports[0] = report_of(1, TASK_RUNNING, 1);
	reports[1] = report_of(7, TASK_RUNNING, 1); /* somebody else's */
	ck_assert(actor_tell(world, &n1, true, reports, 2));
	ck_assert_int_eq(get(world, 1).state, TASK_RUNNING);
	actor_up(world, &n2);
	actors_live(world, only_2, 1, 31000);
	ck_assert_str_eq(get(world, 1).node, "n2");
	ck_assert(actor_hello(world, &n1));
	ck_assert(actor_tell(world, &n1, true, reports, 2));
	orders = actor_orders(world, &n1);
	ck_assert_ptr_nonnull(orders);
	ck_assert_uint_eq(orders->orders.count, 1);
	ck_assert_str_eq(orders->orders.items[0].task_id, task_id(1));
	ck_assert_int_eq(orders->orders.items[0].wanted, TASK_WANTED_STOP);
	actor_accept(world, &n1, orders);
	ck_assert_str_eq(get(world, 1).node, "n2");
	/* And again, until it is no longer there. */
	world_sleep(world, 5000);
	ck_assert(actor_tell(world, &n1, true, reports, 2));
	orders = actor_orders(world, &n1);
	ck_assert_ptr_nonnull(orders);
	actor_accept(world, &n1, orders);
	world_sleep(world, 5000);
	ck_assert(actor_tell(world, &n1, true, reports + 1, 1));
	ck_assert_ptr_null(actor_orders(world, &n1));
}
END_TEST

static int
remove_node(const char *name, char reason[384])
{
	struct manager_message *message = world_message(world, MANAGER_NODE_REMOVE);
	struct manager_effect *reply;
	int status;

	(void)snprintf(message->node, sizeof(message->node), "%s", name);
	reply = world_ask(world, message);
	status = reply->status;
	(void)snprintf(reason, 384, "%s", reply->message);
	effect_free(reply);
	return status;
}

START_TEST(a_lost_node_that_is_removed_gives_up_what_waited_for_it)
{
	char reason[384];

	begin("\"OnNodeLost\":\"wait\"");
	actors_live(world, only_2, 1, 31000);
	ck_assert_int_eq(remove_node("n1", reason), 204);
	ck_assert_str_eq(get(world, 1).node, "n2");
	ck_assert_uint_eq(get(world, 1).attempt, 2);
}
END_TEST

START_TEST(a_node_is_not_removed_while_it_may_run_what_stops_when_cut_off)
{
	char reason[384];

	begin("\"StopAfterDisconnect\":100");
	actors_live(world, only_2, 1, 31000);
	ck_assert_int_eq(remove_node("n1", reason), 409);
	ck_assert_ptr_nonnull(strstr(reason, "task t1 on node n1 has StopAfterDisconnect"));
	actors_live(world, only_2, 1, 90000);
	ck_assert_int_eq(remove_node("n1", reason), 204);
	ck_assert_str_eq(get(world, 1).node, "n2");
}
END_TEST

START_TEST(another_worker_waits_for_what_the_old_one_may_still_run)
{
	struct actor heir = actor_new("n1", 9, 4000, GIB);
	struct actor same_place = actor_new("n1", 1, 4000, GIB);

	(void)snprintf(same_place.info.instance, sizeof(same_place.info.instance),
		       "bbbbbbbb-0000-4000-8000-000000000001");
	begin("\"StopAfterDisconnect\":100");
	/* At the same address. */
	n1.info.revision = 9;
	ck_assert(actor_tell(world, &n1, false, NULL, 0));
	ck_assert(actor_hello(world, &same_place));
	ck_assert_ptr_nonnull(strstr(view_of(world, "n1").reason, "may still run task t1"));
	ck_assert_uint_eq(get(world, 1).attempt, 1);
	/* At another one, when the first is silent. */
	actors_live(world, only_2, 1, 35000);
	ck_assert_int_eq(actor_join(world, &heir), 409);
	ck_assert_uint_eq(get(world, 1).attempt, 1);
	actors_live(world, only_2, 1, 85000);
	ck_assert_int_eq(actor_join(world, &heir), 200);
	ck_assert_uint_eq(get(world, 1).attempt, 2);
	ck_assert_str_eq(get(world, 1).node, "n2");
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("manager away");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, superseded_attempts_end_when_their_node_returns);
	tcase_add_test(tests, a_task_that_stops_when_cut_off_is_replaced_when_it_surely_has);
	tcase_add_test(tests, a_node_that_returns_in_that_time_goes_on_undisturbed);
	tcase_add_test(tests, the_time_of_a_cut_off_task_begins_anew_with_the_manager);
	tcase_add_test(tests, what_was_never_ordered_needs_no_such_time);
	tcase_add_test(tests, the_newest_stamp_is_echoed);
	tcase_add_test(tests, a_worker_of_the_books_that_returns_is_told_to_stop_what_moved);
	tcase_add_test(tests, a_lost_node_that_is_removed_gives_up_what_waited_for_it);
	tcase_add_test(tests, a_node_is_not_removed_while_it_may_run_what_stops_when_cut_off);
	tcase_add_test(tests, another_worker_waits_for_what_the_old_one_may_still_run);
	suite_add_tcase(made, tests);
	return made;
}

CHECK_MAIN(suite)
