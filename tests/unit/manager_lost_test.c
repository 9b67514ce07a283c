/* tests/unit/manager_lost_test.c - nodes that fall silent: when they count as unreachable and
 * as lost, and where their tasks go. */
#include "manager_lost_rig.h"

START_TEST(the_tasks_of_a_lost_node_go_elsewhere)
{
	begin("");
	actors_live(world, only_2, 1, 29000);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_UNREACHABLE);
	ck_assert_int_eq(get(world, 1).state, TASK_RUNNING);
	ck_assert_ptr_nonnull(strstr(get(world, 1).reason, "has not answered for"));
	actors_live(world, only_2, 1, 2000);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_LOST);
	ck_assert_uint_eq(view_of(world, "n1").task_count, 0);
	ck_assert_int_eq(get(world, 1).state, TASK_SCHEDULED);
	ck_assert_uint_eq(get(world, 1).attempt, 2);
	ck_assert_uint_eq(get(world, 1).restart_count, 0);
	ck_assert_str_eq(get(world, 1).node, "n2");
	ck_assert_uint_eq(times_logged("node.lost"), 1);
	ck_assert_ptr_nonnull(strstr(world->log, "node n1 was lost: silent for 30 s"));
}
END_TEST

START_TEST(a_node_that_answers_in_time_keeps_its_tasks)
{
	begin("");
	actors_live(world, only_2, 1, 29000);
	actors_live(world, all_3, 2, 20000);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_READY);
	ck_assert_uint_eq(get(world, 1).attempt, 1);
	ck_assert_int_eq(get(world, 1).state, TASK_RUNNING);
	ck_assert_str_eq(get(world, 1).reason, "");
}
END_TEST

START_TEST(a_node_whose_address_another_worker_has_is_lost)
{
	struct actor stranger = actor_new("n9", 1, 4000, GIB);

	(void)snprintf(stranger.info.instance, sizeof(stranger.info.instance),
		       "bbbbbbbb-0000-4000-8000-000000000009");
	begin("");
	for (int second = 0; second < 40; second++) {
		actor_fails(world, &n1, MANAGER_EFFECT_POLL);
		(void)actor_hello(world, &stranger); /* same address */
		actors_live(world, only_2, 1, 1000);
	}
	ck_assert_int_eq(view_of(world, "n1").status, NODE_LOST);
	ck_assert_str_eq(view_of(world, "n1").reason,
			 "another worker, n9, answers at http://10.0.0.1:5556");
	ck_assert_str_eq(get(world, 1).node, "n2");
	ck_assert_uint_eq(get(world, 1).attempt, 2);
	/* Its own worker is back there. */
	while (!actor_hello(world, &n1))
		actors_live(world, only_2, 1, 1000);
	actors_live(world, all_3, 2, 2000);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_READY);
}
END_TEST

START_TEST(a_task_that_was_to_stop_has_stopped_with_its_node)
{
	begin("");
	ck_assert_int_eq(stop(world, 1), 204);
	actors_live(world, only_2, 1, 31000);
	ck_assert_int_eq(get(world, 1).state, TASK_COMPLETED);
	ck_assert_ptr_nonnull(strstr(get(world, 1).reason, "it may run there until"));
	ck_assert(get(world, 1).final);
}
END_TEST

START_TEST(a_task_that_waits_for_its_node_stays_and_says_so)
{
	begin("\"OnNodeLost\":\"wait\"");
	actors_live(world, only_2, 1, 300000);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_LOST);
	ck_assert_int_eq(get(world, 1).state, TASK_RUNNING);
	ck_assert_str_eq(get(world, 1).node, "n1");
	ck_assert_ptr_nonnull(strstr(get(world, 1).reason, "waits for its return"));
	/* Nothing of that is kept: it is so only while the node is lost. */
	ck_assert(actor_hello(world, &n1));
	(void)actor_obey(world, &n1);
	ck_assert_str_eq(get(world, 1).reason, "");
	ck_assert_uint_eq(get(world, 1).attempt, 1);
}
END_TEST

START_TEST(a_stop_of_what_waits_for_a_lost_node_ends_it)
{
	begin("\"OnNodeLost\":\"wait\"");
	actors_live(world, only_2, 1, 40000);
	ck_assert_int_eq(stop(world, 1), 204);
	ck_assert_int_eq(get(world, 1).state, TASK_COMPLETED);
	ck_assert_uint_eq(view_of(world, "n1").task_count, 0);
}
END_TEST

START_TEST(a_cordon_does_not_judge_a_silent_node_before_the_others)
{
	struct manager_message *message;

	begin("");
	world_sleep(world, 29999);
	world->now.mono_ms += 2;
	/* Both are silent for 30 s by now: more than half, so none is lost. */
	message = world_message(world, MANAGER_NODE_CORDON);
	(void)snprintf(message->node, sizeof(message->node), "n1");
	effect_free(world_ask(world, message));
	ck_assert_int_eq(view_of(world, "n1").status, NODE_UNREACHABLE);
	ck_assert_uint_eq(get(world, 1).attempt, 1);
}
END_TEST

START_TEST(what_found_no_other_place_goes_on_when_its_node_returns)
{
	struct manager_effect *orders;

	world_start(world);
	actor_up(world, &n1);
	run_on_first(1, "");
	run_on_first(2, "");
	world_sleep(world, 31000);
	ck_assert_uint_eq(count_state(world, TASK_PENDING), 2);
	ck_assert_int_eq(stop(world, 2), 204);
	ck_assert(actor_hello(world, &n1));
	orders = actor_orders(world, &n1);
	ck_assert_uint_eq(orders->orders.count, 1);
	ck_assert_str_eq(orders->orders.items[0].task_id, task_id(1));
	ck_assert_uint_eq(orders->orders.items[0].attempt, 1);
	actor_accept(world, &n1, orders);
	/* All is told anew. */
	{
		struct manager_effect *poll =
			world_take(world, MANAGER_EFFECT_POLL, n1.contact);

		ck_assert_ptr_nonnull(poll);
		ck_assert_uint_eq(poll->since.epoch, 0);
		world->out[world->out_count++] = poll;
	}
	actor_runs(world, &n1, 1, 1);
	ck_assert_int_eq(get(world, 1).state, TASK_RUNNING);
	ck_assert_uint_eq(get(world, 1).attempt, 1);
	ck_assert_uint_eq(view_of(world, "n1").task_count, 1);
}
END_TEST

START_TEST(another_worker_of_that_name_does_not_get_the_attempts_back)
{
	struct actor heir = actor_new("n1", 9, 4000, GIB);

	world_start(world);
	actor_up(world, &n1);
	run_on_first(1, "");
	world_sleep(world, 31000);
	actor_up(world, &heir);
	ck_assert_uint_eq(get(world, 1).attempt, 2);
}
END_TEST

START_TEST(while_most_nodes_are_silent_none_is_lost)
{
	begin("");
	actor_up(world, &n3);
	actors_live(world, only_3, 1, 120000);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_UNREACHABLE);
	ck_assert_int_eq(view_of(world, "n2").status, NODE_UNREACHABLE);
	ck_assert_ptr_nonnull(strstr(view_of(world, "n1").reason, "2 of 3 nodes are silent"));
	ck_assert_uint_eq(get(world, 1).attempt, 1);
	ck_assert_uint_eq(times_logged("nodes.silent"), 1);
	/* One comes back: the other has as long as any to follow, then it is lost. */
	{
		struct actor *const back[] = {&n2, &n3};

		actors_live(world, back, 2, 6000);
		ck_assert_int_eq(view_of(world, "n2").status, NODE_READY);
		actors_live(world, back, 2, 22000);
		ck_assert_int_eq(view_of(world, "n1").status, NODE_UNREACHABLE);
		actors_live(world, back, 2, 10000);
	}
	ck_assert_int_eq(view_of(world, "n1").status, NODE_LOST);
	ck_assert_uint_eq(get(world, 1).attempt, 2);
}
END_TEST

START_TEST(a_worker_whose_store_fails_gets_nothing_new_and_is_not_lost)
{
	unsigned i;

	begin("");
	for (i = 0; i < 120; i++) {
		struct manager_effect *poll;
		struct manager_message *message;

		actors_live(world, only_2, 1, 500);
		poll = world_take(world, MANAGER_EFFECT_POLL, n1.contact);
		if (poll == NULL)
			continue;
		effect_free(poll);
		message = answer(world, MANAGER_POLL_DONE, n1.contact, 503);
		(void)snprintf(message->reason, sizeof(message->reason), "disk full");
		world_step(world, message);
	}
	ck_assert_int_eq(view_of(world, "n1").status, NODE_UNREACHABLE);
	ck_assert_str_eq(view_of(world, "n1").reason, "disk full");
	ck_assert_uint_eq(get(world, 1).attempt, 1);
	/* That ends with its answers. */
	actors_live(world, only_2, 1, 31000);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_LOST);
	ck_assert_uint_eq(get(world, 1).attempt, 2);
}
END_TEST

START_TEST(half_of_the_nodes_may_be_lost_at_once)
{
	begin("");
	actors_live(world, only_2, 1, 31000);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_LOST);
	/* Then the last one falls silent: it is alone among those that were in contact. */
	world_sleep(world, 31000);
	ck_assert_int_eq(view_of(world, "n2").status, NODE_LOST);
}
END_TEST

START_TEST(nodes_lost_long_ago_do_not_count_after_a_restart_of_the_manager)
{
	begin("");
	actor_up(world, &n3);
	actors_live(world, all_3, 3, 1000);
	{
		struct actor *const two[] = {&n1, &n3};

		actors_live(world, two, 2, 31000);
	}
	ck_assert_int_eq(view_of(world, "n2").status, NODE_LOST);
	world_crash(world);
	actors_live(world, only_3, 1, 31000);
	/* Of n1 and n3 one is silent; n2 has nothing and was not heard. */
	ck_assert_int_eq(view_of(world, "n1").status, NODE_LOST);
	ck_assert_str_eq(get(world, 1).node, "n3");
}
END_TEST

START_TEST(a_manager_that_was_stopped_blames_no_node)
{
	begin("");
	actors_live(world, all_3, 2, 1000);
	world->now.mono_ms += 100000;
	world->now.wall_ms += 100000;
	world_wake(world);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_READY);
	ck_assert_uint_eq(times_logged("manager.late"), 1);
	actors_live(world, all_3, 2, 60000);
	ck_assert_uint_eq(get(world, 1).attempt, 1);
	/* Who does not answer after it, either, has the whole time-out. */
	world->now.mono_ms += 100000;
	world_wake(world);
	actors_live(world, only_2, 1, 29000);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_UNREACHABLE);
	actors_live(world, only_2, 1, 4000);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_LOST);
}
END_TEST

START_TEST(after_a_start_each_node_has_its_time)
{
	begin("");
	actors_live(world, only_2, 1, 20000);
	world_crash(world);
	actors_live(world, only_2, 1, 29000);
	ck_assert_uint_eq(get(world, 1).attempt, 1);
	actors_live(world, only_2, 1, 2000);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_LOST);
	ck_assert_uint_eq(get(world, 1).attempt, 2);
}
END_TEST

START_TEST(a_restart_that_was_to_be_on_a_lost_node_is_elsewhere)
{
	struct report report = report_of(1, TASK_FAILED, 1);

	begin("\"RestartPolicy\":\"always\"");
	report.status.has_exit_code = true;
	report.status.exit_code = 1;
	actor_tells(world, &n1, report);
	ck_assert_uint_eq(view_of(world, "n1").task_count, 1); /* its room is kept */
	world_crash(world);
	world->wake_ms = UINT64_MAX;
	actors_live(world, only_2, 1, 40000);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_LOST);
	ck_assert_uint_eq(view_of(world, "n1").task_count, 0);
	ck_assert_str_eq(get(world, 1).node, "n2");
}
END_TEST

START_TEST(what_never_ran_leaves_a_node_whose_runtime_stays_down)
{
	struct manager_effect *orders;

	begin("");
	ck_assert_int_eq(submit(world, 2, "\"Cpu\":3"), 201);
	actors_live(world, all_3, 2, 1000);
	ck_assert_str_eq(get(world, 2).node, "n2");
	n2.info.runtime_ready = false;
	(void)snprintf(n2.info.runtime_reason, sizeof(n2.info.runtime_reason), "no socket");
	n2.info.revision++;
	actors_live(world, all_3, 2, 29000);
	ck_assert_str_eq(get(world, 2).node, "n2");
	{
		struct actor *const first[] = {&n1};

		actors_live(world, first, 1, 3000);
	}
	orders = actor_orders(world, &n2);
	ck_assert_ptr_nonnull(orders);
	ck_assert_uint_eq(orders->orders.count, 1);
	ck_assert_int_eq(orders->orders.items[0].wanted, TASK_WANTED_STOP);
	actor_accept(world, &n2, orders);
	actor_ends(world, &n2, 2, 1, 0);
	ck_assert_str_eq(get(world, 2).node, "n1");
	ck_assert_uint_eq(get(world, 2).attempt, 2);
	ck_assert_ptr_nonnull(strstr(world->log, "the runtime of node n2 is not ready"));
	/* What runs is left alone. */
	ck_assert_uint_eq(get(world, 1).attempt, 1);
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("manager lost");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, the_tasks_of_a_lost_node_go_elsewhere);
	tcase_add_test(tests, a_node_that_answers_in_time_keeps_its_tasks);
	tcase_add_test(tests, a_node_whose_address_another_worker_has_is_lost);
	tcase_add_test(tests, a_task_that_was_to_stop_has_stopped_with_its_node);
	tcase_add_test(tests, a_task_that_waits_for_its_node_stays_and_says_so);
	tcase_add_test(tests, a_stop_of_what_waits_for_a_lost_node_ends_it);
	tcase_add_test(tests, a_cordon_does_not_judge_a_silent_node_before_the_others);
	tcase_add_test(tests, what_found_no_other_place_goes_on_when_its_node_returns);
	tcase_add_test(tests, another_worker_of_that_name_does_not_get_the_attempts_back);
	tcase_add_test(tests, while_most_nodes_are_silent_none_is_lost);
	tcase_add_test(tests, a_worker_whose_store_fails_gets_nothing_new_and_is_not_lost);
	tcase_add_test(tests, half_of_the_nodes_may_be_lost_at_once);
	tcase_add_test(tests, nodes_lost_long_ago_do_not_count_after_a_restart_of_the_manager);
	tcase_add_test(tests, a_manager_that_was_stopped_blames_no_node);
	tcase_add_test(tests, after_a_start_each_node_has_its_time);
	tcase_add_test(tests, a_restart_that_was_to_be_on_a_lost_node_is_elsewhere);
	tcase_add_test(tests, what_never_ran_leaves_a_node_whose_runtime_stays_down);
	suite_add_tcase(made, tests);
	return made;
}

CHECK_MAIN(suite)
