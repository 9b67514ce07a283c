/* tests/unit/manager_pause_test.c - a task that waits to start again: the room kept for it,
 * and what stops, crashes and nodes that change do to it meanwhile. */
#include "manager_restart_rig.h"

START_TEST(room_is_kept_for_what_waits_and_no_order_names_it)
{
	struct manager_effect *orders;
	struct node_view view;

	runs(1, "\"Cpu\":3,\"PortBindings\":{\"80/tcp\":\"8080\"},\"Job\":\"j\"");
	actor_ends(world, &actor, 1, 1, 1);
	view = view_of(world, "n1");
	ck_assert_uint_eq(view.task_count, 1);
	ck_assert_int_eq(view.allocated_mcpu, 3000);
	ck_assert_int_eq(submit(world, 2, "\"Cpu\":2"), 201);
	ck_assert_int_eq(get(world, 2).state, TASK_PENDING);
	ck_assert_int_eq(submit(world, 3, "\"PortBindings\":{\"80/tcp\":\"8080\"}"), 201);
	ck_assert_int_eq(get(world, 3).state, TASK_PENDING);
	/* A worker that starts anew is told the whole set: the attempt is over. */
	(void)actor_obey(world, &actor);
	actor.sequence = 0;
	actor.revision = (struct revision){999, 1};
	ck_assert(actor_tell(world, &actor, true, NULL, 0));
	orders = actor_orders(world, &actor);
	ck_assert_ptr_nonnull(orders);
	ck_assert(orders->orders.full);
	ck_assert_uint_eq(orders->orders.count, 0);
	actor_accept(world, &actor, orders);
	wait_over(1, &actor);
	ck_assert_int_eq(get(world, 1).state, TASK_SCHEDULED);
	ck_assert_int_eq(view_of(world, "n1").allocated_mcpu, 3000);
	actor_ends(world, &actor, 1, 2, 0);
	ck_assert_int_eq(get(world, 2).state, TASK_SCHEDULED);
	ck_assert_int_eq(get(world, 3).state, TASK_SCHEDULED);
	ck_assert_int_eq(view_of(world, "n1").allocated_mcpu, 2000);
}
END_TEST

START_TEST(a_node_that_takes_no_tasks_then_is_passed_over)
{
	runs(1, "\"Cpu\":1");
	actor_up(world, &other);
	actor_ends(world, &actor, 1, 1, 1);
	/* Its runtime is away when the time comes. */
	actor.info.runtime_ready = false;
	actor.info.revision++;
	ck_assert(actor_tell(world, &actor, false, NULL, 0));
	ck_assert(actor_hello(world, &actor));
	ck_assert_int_eq(view_of(world, "n1").allocated_mcpu, 1000);
	wait_over(1, &other);
	ck_assert_int_eq(get(world, 1).state, TASK_SCHEDULED);
	ck_assert_str_eq(get(world, 1).node, "n2");
	ck_assert_int_eq(view_of(world, "n1").allocated_mcpu, 0);
	ck_assert_uint_eq(view_of(world, "n1").task_count, 0);
}
END_TEST

START_TEST(a_node_that_has_become_too_small_is_passed_over)
{
	runs(1, "\"Cpu\":3");
	actor_ends(world, &actor, 1, 1, 1);
	actor.info.mcpu = 2000;
	actor.info.revision++;
	ck_assert(actor_tell(world, &actor, false, NULL, 0));
	ck_assert(actor_hello(world, &actor));
	world_sleep(world, (uint64_t)pause_ms(1));
	ck_assert_int_eq(get(world, 1).state, TASK_PENDING);
	ck_assert_int_eq(get(world, 1).restart_at_ms, 0);
	ck_assert_str_eq(get(world, 1).reason, "no ready node has 3 cores free");
	ck_assert_int_eq(view_of(world, "n1").allocated_mcpu, 0);
}
END_TEST

START_TEST(a_stop_of_what_waits_completes_it_at_once)
{
	runs(1, "\"Cpu\":1");
	actor_ends(world, &actor, 1, 1, 1);
	ck_assert_int_eq(stop(world, 1), 204);
	ck_assert_int_eq(get(world, 1).state, TASK_COMPLETED);
	ck_assert(get(world, 1).final);
	ck_assert_int_eq(get(world, 1).restart_at_ms, 0);
	ck_assert_str_eq(get(world, 1).reason, "stopped while it waited to restart");
	ck_assert_int_eq(view_of(world, "n1").allocated_mcpu, 0);
	/* One that keeps no room, and one whose end was good. */
	runs(2, "\"Cpu\":1");
	actor_ends(world, &actor, 2, 1, 1);
	wait_over(2, &actor);
	actor_ends(world, &actor, 2, 2, 1);
	ck_assert_int_eq(stop(world, 2), 204);
	ck_assert_int_eq(get(world, 2).state, TASK_COMPLETED);
	runs(3, "\"Cpu\":1,\"RestartPolicy\":\"always\"");
	actor_ends(world, &actor, 3, 1, 0);
	ck_assert_int_eq(stop(world, 3), 204);
	ck_assert_int_eq(get(world, 3).state, TASK_COMPLETED);
	world_sleep(world, 120000);
	(void)actor_obey(world, &actor);
	ck_assert_uint_eq(count_state(world, TASK_COMPLETED), 3);
	ck_assert_uint_eq(view_of(world, "n1").task_count, 0);
}
END_TEST

START_TEST(what_was_to_stop_is_never_started_again)
{
	runs(1, "\"RestartPolicy\":\"always\"");
	ck_assert_int_eq(stop(world, 1), 204);
	actor_ends(world, &actor, 1, 1, 137);
	ck_assert_int_eq(get(world, 1).state, TASK_COMPLETED);
	ck_assert(get(world, 1).final);
}
END_TEST

START_TEST(the_same_submit_again_shows_that_it_waits)
{
	struct task_request request;
	struct manager_effect *reply;

	runs(1, "");
	actor_ends(world, &actor, 1, 1, 1);
	request = run_request(1, "");
	reply = world_ask(world, submit_message(world, &request, 1));
	ck_assert_int_eq(reply->status, 201);
	ck_assert_int_eq(reply->tasks[0].status.state, TASK_FAILED);
	ck_assert_int_ne(reply->tasks[0].status.restart_at_ms, 0);
	effect_free(reply);
	ck_assert_uint_eq(get(world, 1).attempt, 1);
}
END_TEST

START_TEST(what_is_said_of_the_attempt_that_is_over_changes_nothing)
{
	size_t before;
	int64_t at_ms;

	runs(1, "");
	actor_ends(world, &actor, 1, 1, 1);
	at_ms = get(world, 1).restart_at_ms;
	before = world->writes;
	actor_ends(world, &actor, 1, 1, 1);
	actor_runs(world, &actor, 1, 1);
	ck_assert_uint_eq(world->writes, before);
	ck_assert_int_eq(get(world, 1).restart_at_ms, at_ms);
	ck_assert_int_eq(get(world, 1).state, TASK_FAILED);
	world_sleep(world, 1000);
	(void)actor_obey(world, &actor);
	actor_ends(world, &actor, 1, 1, 1);
	ck_assert_int_eq(get(world, 1).state, TASK_SCHEDULED);
}
END_TEST

/* Task 1 waits on n1 for most of a minute, so long that n1 can fall silent meanwhile. */
static void
waits_long(void)
{
	uint32_t i;

	runs(1, "\"Cpu\":1,\"RestartPolicy\":\"always\"");
	for (i = 1; i <= 7; i++) {
		actor_ends(world, &actor, 1, i, 0);
		if (i < 7)
			wait_over(1, &actor);
	}
	ck_assert_int_ge(pause_ms(1), 45000);
	ck_assert_int_eq(view_of(world, "n1").allocated_mcpu, 1000);
	actor_up(world, &other);
	actor.contact = 0;
	live(31000);
}

START_TEST(a_node_that_is_removed_keeps_no_room)
{
	struct manager_message *message;
	struct manager_effect *reply;

	waits_long();
	message = world_message(world, MANAGER_NODE_REMOVE);
	(void)snprintf(message->node, sizeof(message->node), "n1");
	reply = world_ask(world, message);
	ck_assert_int_eq(reply->status, 204);
	effect_free(reply);
	ck_assert_int_ge(pause_ms(1), 10000);
	wait_over(1, &other);
	ck_assert_int_eq(get(world, 1).state, TASK_SCHEDULED);
	ck_assert_str_eq(get(world, 1).node, "n2");
}
END_TEST

START_TEST(another_worker_of_its_nodes_name_keeps_no_room)
{
	waits_long();
	actor.info.instance[0] = 'b';
	ck_assert_int_eq(actor_join(world, &actor), 200);
	ck_assert_uint_eq(view_of(world, "n1").task_count, 0);
	ck_assert_int_eq(view_of(world, "n1").allocated_mcpu, 0);
	wait_over(1, &other);
	ck_assert_str_eq(get(world, 1).node, "n2");
}
END_TEST

START_TEST(what_waits_survives_a_crash)
{
	struct task_status before;

	runs(1, "\"Cpu\":3");
	actor_ends(world, &actor, 1, 1, 1);
	wait_over(1, &actor);
	actor_ends(world, &actor, 1, 2, 1);
	runs(2, "\"Cpu\":3");
	actor_ends(world, &actor, 2, 1, 1);
	before = get(world, 2);
	world_crash(world);
	ck_assert_int_eq(view_of(world, "n1").allocated_mcpu, 3000); /* of task 2 */
	ck_assert_int_eq(get(world, 2).state, TASK_FAILED);
	ck_assert_int_eq(get(world, 2).restart_at_ms, before.restart_at_ms);
	ck_assert_uint_eq(get(world, 2).restarts, 1);
	ck_assert(actor_hello(world, &actor));
	(void)actor_obey(world, &actor);
	wait_over(2, &actor);
	ck_assert_uint_eq(get(world, 2).attempt, 2);
	ck_assert_uint_eq(get(world, 2).restart_count, 1);
	/* The first one too, when there is room. */
	ck_assert_int_eq(stop(world, 2), 204);
	(void)actor_obey(world, &actor);
	actor_ends(world, &actor, 2, 2, 0);
	wait_over(1, &actor);
	ck_assert_uint_eq(get(world, 1).attempt, 3);
	ck_assert_uint_eq(get(world, 1).restart_count, 2);
}
END_TEST

START_TEST(a_stored_pause_is_no_longer_than_pauses_are)
{
	runs(1, "");
	actor_ends(world, &actor, 1, 1, 1);
	world->now.wall_ms -= INT64_C(86400000); /* the clock was wrong */
	world_crash(world);
	ck_assert_int_le(pause_ms(1), 60000);
	ck_assert(actor_hello(world, &actor));
	(void)actor_obey(world, &actor);
	live(60000);
	ck_assert_int_eq(get(world, 1).state, TASK_SCHEDULED);
	/* One that is long past is due at once. */
	(void)actor_obey(world, &actor);
	actor_ends(world, &actor, 1, 2, 1);
	world->now.wall_ms += INT64_C(86400000);
	world_crash(world);
	ck_assert_int_eq(get(world, 1).restart_at_ms, 0);
	ck_assert_int_eq(get(world, 1).state, TASK_PENDING);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("manager pause");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, room_is_kept_for_what_waits_and_no_order_names_it);
	tcase_add_test(t, a_node_that_takes_no_tasks_then_is_passed_over);
	tcase_add_test(t, a_node_that_has_become_too_small_is_passed_over);
	tcase_add_test(t, a_stop_of_what_waits_completes_it_at_once);
	tcase_add_test(t, what_was_to_stop_is_never_started_again);
	tcase_add_test(t, the_same_submit_again_shows_that_it_waits);
	tcase_add_test(t, what_is_said_of_the_attempt_that_is_over_changes_nothing);
	tcase_add_test(t, a_node_that_is_removed_keeps_no_room);
	tcase_add_test(t, another_worker_of_its_nodes_name_keeps_no_room);
	tcase_add_test(t, what_waits_survives_a_crash);
	tcase_add_test(t, a_stored_pause_is_no_longer_than_pauses_are);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
