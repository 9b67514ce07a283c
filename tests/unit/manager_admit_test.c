/* tests/unit/manager_admit_test.c - submits and stops: all or none, known by ID, durable before
 * they are answered, refused while the store fails. */
#include "manager_cast.h"

#include "check_main.h"

static struct world *world;

static void
setup(void)
{
	world = world_new();
	world_start(world);
}

static void
teardown(void)
{
	world_free(world);
}

START_TEST(a_submit_is_answered_only_when_it_is_durable)
{
	struct task_request request = run_request(1, "");
	struct manager_message *message = submit_message(world, &request, 1);
	struct manager_effect *reply;

	world->auto_commit = false;
	world_step(world, message);
	ck_assert_ptr_null(world_take(world, MANAGER_EFFECT_REPLY, 0));
	ck_assert_uint_eq(world_count(world, "task/"), 0);
	world_commit(world);
	reply = world_take(world, MANAGER_EFFECT_REPLY, 0);
	ck_assert_ptr_nonnull(reply);
	ck_assert_int_eq(reply->status, 201);
	ck_assert_uint_eq(reply->task_count, 1);
	ck_assert_str_eq(reply->tasks[0].spec->id, task_id(1));
	ck_assert_int_eq(reply->tasks[0].status.state, TASK_PENDING);
	ck_assert_uint_eq(reply->tasks[0].status.sequence, 1);
	ck_assert_uint_eq(world_count(world, "task/"), 1);
	effect_free(reply);
}
END_TEST

START_TEST(a_repeated_submit_is_the_same_task)
{
	ck_assert_int_eq(submit(world, 1, "\"Memory\":1024"), 201);
	ck_assert_int_eq(submit(world, 1, "\"Memory\":1024"), 201);
	ck_assert_uint_eq(count_state(world, TASK_PENDING), 1);
	/* Also after it has ended: it never runs twice. */
	ck_assert_int_eq(stop(world, 1), 204);
	ck_assert_int_eq(submit(world, 1, "\"Memory\":1024"), 201);
	ck_assert_int_eq(get(world, 1).state, TASK_COMPLETED);
	world_crash(world);
	ck_assert_int_eq(submit(world, 1, "\"Memory\":1024"), 201);
	ck_assert_int_eq(get(world, 1).state, TASK_COMPLETED);
}
END_TEST

START_TEST(another_specification_under_a_known_id_is_refused_by_name_and_state)
{
	struct task_request request = run_request(1, "\"Memory\":2048");
	struct manager_effect *reply;

	ck_assert_int_eq(submit(world, 1, "\"Memory\":1024"), 201);
	reply = world_ask(world, submit_message(world, &request, 1));
	ck_assert_int_eq(reply->status, 409);
	ck_assert_ptr_nonnull(strstr(reply->message, task_id(1)));
	ck_assert_ptr_nonnull(strstr(reply->message, "t1, Pending"));
	effect_free(reply);
}
END_TEST

START_TEST(an_array_is_taken_whole_or_not_at_all)
{
	struct task_request requests[3];
	struct manager_effect *reply;

	ck_assert_int_eq(submit(world, 9, "\"Memory\":1"), 201);
	requests[0] = run_request(1, "");
	requests[1] = run_request(2, "");
	requests[2] = run_request(9, "\"Memory\":2"); /* a conflict */
	reply = world_ask(world, submit_message(world, requests, 3));
	ck_assert_int_eq(reply->status, 409);
	effect_free(reply);
	ck_assert_uint_eq(count_state(world, TASK_PENDING), 1);
	ck_assert_uint_eq(world_count(world, "task/"), 1);

	requests[0] = run_request(3, "");
	requests[1] = run_request(1, "");
	requests[2] = run_request(2, "");
	reply = world_ask(world, submit_message(world, requests, 3));
	ck_assert_int_eq(reply->status, 201);
	ck_assert_uint_eq(reply->task_count, 3);
	ck_assert_str_eq(reply->tasks[0].spec->id, task_id(3));
	ck_assert_str_eq(reply->tasks[2].spec->id, task_id(2));
	ck_assert_uint_eq(reply->tasks[2].status.sequence, 4);
	effect_free(reply);
	ck_assert_uint_eq(count_state(world, TASK_PENDING), 4);
}
END_TEST

START_TEST(the_same_task_twice_in_an_array_counts_once)
{
	struct task_request requests[2] = {run_request(1, ""), run_request(1, "")};
	struct manager_effect *reply = world_ask(world, submit_message(world, requests, 2));

	ck_assert_int_eq(reply->status, 201);
	ck_assert_uint_eq(reply->task_count, 2);
	ck_assert_uint_eq(reply->tasks[1].status.sequence, 1);
	effect_free(reply);
	ck_assert_uint_eq(count_state(world, TASK_PENDING), 1);

	requests[0] = run_request(2, "\"Memory\":1");
	requests[1] = run_request(2, "\"Memory\":2");
	reply = world_ask(world, submit_message(world, requests, 2));
	ck_assert_int_eq(reply->status, 409);
	ck_assert_ptr_nonnull(strstr(reply->message, "twice"));
	effect_free(reply);
	ck_assert_uint_eq(count_state(world, TASK_PENDING), 1);
}
END_TEST

START_TEST(a_stop_in_a_submit_is_the_books_stop)
{
	struct task_request request = stop_request(1);
	struct manager_effect *reply;

	reply = world_ask(world, submit_message(world, &request, 1));
	ck_assert_int_eq(reply->status, 404);
	effect_free(reply);
	ck_assert_int_eq(submit(world, 1, ""), 201);
	request = stop_request(1);
	reply = world_ask(world, submit_message(world, &request, 1));
	ck_assert_int_eq(reply->status, 201);
	ck_assert_int_eq(reply->tasks[0].status.state, TASK_COMPLETED);
	effect_free(reply);
}
END_TEST

START_TEST(a_task_may_be_run_and_stopped_in_one_array)
{
	struct task_request requests[2] = {run_request(1, ""), stop_request(1)};
	struct manager_effect *reply = world_ask(world, submit_message(world, requests, 2));

	ck_assert_int_eq(reply->status, 201);
	ck_assert_int_eq(reply->tasks[1].status.state, TASK_COMPLETED);
	effect_free(reply);
	requests[0] = stop_request(2);
	requests[1] = run_request(2, "");
	reply = world_ask(world, submit_message(world, requests, 2));
	ck_assert_int_eq(reply->status, 404);
	effect_free(reply);
	ck_assert_uint_eq(world_count(world, "task/"), 1);
}
END_TEST

START_TEST(stop_of_a_pending_task_completes_it)
{
	struct task_status status;

	ck_assert_int_eq(submit(world, 1, ""), 201);
	ck_assert_int_eq(stop(world, 1), 204);
	status = get(world, 1);
	ck_assert_int_eq(status.state, TASK_COMPLETED);
	ck_assert(status.final);
	ck_assert_int_eq(status.wanted, TASK_WANTED_STOP);
	ck_assert_str_eq(status.reason, "stopped before it ran");
	ck_assert(status.finish_ms != 0);
	/* It is out of the queue: a node that comes gets nothing. */
	{
		struct actor actor = actor_new("n1", 1, 4000, GIB);

		actor_up(world, &actor);
		ck_assert_uint_eq(view_of(world, "n1").task_count, 0);
	}
	world_crash(world);
	ck_assert_int_eq(get(world, 1).state, TASK_COMPLETED);
	ck_assert(get(world, 1).final);
}
END_TEST

START_TEST(stop_answers_204_again_and_404_for_the_unknown)
{
	ck_assert_int_eq(stop(world, 1), 404);
	ck_assert_int_eq(submit(world, 1, ""), 201);
	ck_assert_int_eq(stop(world, 1), 204);
	ck_assert_int_eq(stop(world, 1), 204);
}
END_TEST

START_TEST(stop_of_a_running_task_waits_for_the_workers_word)
{
	struct actor actor = actor_new("n1", 1, 4000, GIB);
	struct manager_effect *orders;

	actor_up(world, &actor);
	ck_assert_int_eq(submit(world, 1, ""), 201);
	(void)actor_obey(world, &actor);
	actor_runs(world, &actor, 1, 1);
	ck_assert_int_eq(stop(world, 1), 204);
	ck_assert_int_eq(get(world, 1).state, TASK_RUNNING);
	ck_assert_int_eq(get(world, 1).wanted, TASK_WANTED_STOP);
	orders = actor_orders(world, &actor);
	ck_assert_uint_eq(orders->orders.count, 1);
	ck_assert_int_eq(orders->orders.items[0].wanted, TASK_WANTED_STOP);
	ck_assert_uint_eq(orders->orders.items[0].attempt, 1);
	actor_accept(world, &actor, orders);
	ck_assert_int_eq(get(world, 1).state, TASK_RUNNING);
	/* Killed: whatever its code, a stop ends in Completed. */
	actor_ends(world, &actor, 1, 1, 137);
	ck_assert_int_eq(get(world, 1).state, TASK_COMPLETED);
	ck_assert_int_eq(get(world, 1).exit_code, 137);
	ck_assert_uint_eq(view_of(world, "n1").task_count, 0);
}
END_TEST

START_TEST(a_second_stop_sends_no_second_order)
{
	struct actor actor = actor_new("n1", 1, 4000, GIB);

	actor_up(world, &actor);
	ck_assert_int_eq(submit(world, 1, ""), 201);
	(void)actor_obey(world, &actor);
	ck_assert_int_eq(stop(world, 1), 204);
	ck_assert_uint_eq(actor_obey(world, &actor), 1);
	ck_assert_int_eq(stop(world, 1), 204);
	ck_assert_uint_eq(actor_obey(world, &actor), 0);
}
END_TEST

START_TEST(stop_of_a_task_that_no_worker_was_told_of_completes_it)
{
	struct actor actor = actor_new("n1", 1, 4000, GIB);
	struct manager_effect *orders;

	actor_up(world, &actor);
	ck_assert_int_eq(submit(world, 1, ""), 201);
	orders = actor_orders(world, &actor); /* under way: task 2 waits for its answer */
	ck_assert_int_eq(submit(world, 2, ""), 201);
	ck_assert_int_eq(get(world, 2).state, TASK_SCHEDULED);
	ck_assert_int_eq(stop(world, 2), 204);
	ck_assert_int_eq(get(world, 2).state, TASK_COMPLETED);
	ck_assert_str_eq(get(world, 2).reason, "stopped before it ran");
	/* Of task 1 nobody knows whether the worker has it. */
	ck_assert_int_eq(stop(world, 1), 204);
	ck_assert_int_eq(get(world, 1).state, TASK_SCHEDULED);
	actor_accept(world, &actor, orders);
	orders = actor_orders(world, &actor);
	ck_assert_uint_eq(orders->orders.count, 1);
	ck_assert_str_eq(orders->orders.items[0].task_id, task_id(1));
	ck_assert_int_eq(orders->orders.items[0].wanted, TASK_WANTED_STOP);
	effect_free(orders);
}
END_TEST

START_TEST(while_the_store_fails_nothing_is_changed)
{
	struct task_request request = run_request(2, "");
	struct actor actor = actor_new("n1", 1, 4000, GIB);
	struct manager_effect *reply;

	ck_assert_int_eq(submit(world, 1, ""), 201);
	world->fault = "disk full";
	reply = world_ask(world, submit_message(world, &request, 1));
	ck_assert_ptr_nonnull(reply); /* at once */
	ck_assert_int_eq(reply->status, 503);
	ck_assert_ptr_nonnull(strstr(reply->message, "disk full"));
	effect_free(reply);
	ck_assert_int_eq(stop(world, 1), 503);
	ck_assert_int_eq(stop(world, 7), 404);
	ck_assert_int_eq(actor_join(world, &actor), 503);
	ck_assert_int_eq(get(world, 1).state, TASK_PENDING);
	ck_assert_uint_eq(world->gathered.change_count, 0);
	world->fault = NULL;
	ck_assert_int_eq(submit(world, 2, ""), 201);
	ck_assert_int_eq(stop(world, 1), 204);
}
END_TEST

START_TEST(a_submit_costs_one_record_and_one_event)
{
	struct actor actor = actor_new("n1", 1, 4000, GIB);
	size_t before;

	actor_up(world, &actor);
	before = world->writes;
	/* Submitted and placed in one step. */
	ck_assert_int_eq(submit(world, 1, ""), 201);
	ck_assert_uint_eq(world->writes - before, 2);
	ck_assert_int_eq(get(world, 1).state, TASK_SCHEDULED);
	before = world->writes;
	ck_assert_int_eq(submit_many(world, 10, 1000, ""), 201);
	ck_assert_uint_eq(world->writes - before, 1001);
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("manager admit");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_submit_is_answered_only_when_it_is_durable);
	tcase_add_test(tests, a_repeated_submit_is_the_same_task);
	tcase_add_test(tests,
		       another_specification_under_a_known_id_is_refused_by_name_and_state);
	tcase_add_test(tests, an_array_is_taken_whole_or_not_at_all);
	tcase_add_test(tests, the_same_task_twice_in_an_array_counts_once);
	tcase_add_test(tests, a_stop_in_a_submit_is_the_books_stop);
	tcase_add_test(tests, a_task_may_be_run_and_stopped_in_one_array);
	tcase_add_test(tests, stop_of_a_pending_task_completes_it);
	tcase_add_test(tests, stop_answers_204_again_and_404_for_the_unknown);
	tcase_add_test(tests, stop_of_a_running_task_waits_for_the_workers_word);
	tcase_add_test(tests, a_second_stop_sends_no_second_order);
	tcase_add_test(tests, stop_of_a_task_that_no_worker_was_told_of_completes_it);
	tcase_add_test(tests, while_the_store_fails_nothing_is_changed);
	tcase_add_test(tests, a_submit_costs_one_record_and_one_event);
	suite_add_tcase(made, tests);
	return made;
}

CHECK_MAIN(suite)
