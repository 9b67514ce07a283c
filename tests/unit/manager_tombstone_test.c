/* tests/unit/manager_tombstone_test.c - what is remembered of tasks that have left the list,
 * and for how long. */
#include "manager_trim_rig.h"

START_TEST(a_submit_again_after_its_task_has_gone_runs_nothing)
{
	struct task_request request;
	struct manager_effect *reply;
	const struct task_status *status;
	unsigned n;

	begin();
	run_and_end(1, 7);
	for (n = 2; n <= 4; n++)
		run_and_end(n, 0);
	ck_assert(!is_there(1));
	for (n = 0; n < 3; n++) {
		request = run_request(1, "\"RestartPolicy\":\"no\"");
		reply = world_ask(world, submit_message(world, &request, 1));
		ck_assert_int_eq(reply->status, 201);
		ck_assert_uint_eq(reply->task_count, 1);
		ck_assert_str_eq(reply->tasks[0].spec->id, task_id(1));
		status = &reply->tasks[0].status;
		ck_assert_int_eq(status->state, TASK_FAILED);
		ck_assert(status->final && status->has_exit_code);
		ck_assert_int_eq(status->exit_code, 7);
		ck_assert_ptr_nonnull(strstr(status->reason, "it ended and was removed"));
		effect_free(reply);
		ck_assert_uint_eq(actor_obey(world, &one), 0);
		ck_assert(!is_stored("task", 1));
		world_crash(world); /* and so it is after a start */
		actor_up(world, &one);
	}
}
END_TEST

START_TEST(another_specification_under_the_id_of_one_that_has_gone_is_refused)
{
	struct task_request requests[2];
	struct manager_effect *reply;
	unsigned n;

	begin();
	for (n = 1; n <= 4; n++)
		run_and_end(n, 0);
	requests[0] = run_request(9, "");
	requests[1] = run_request(1, "\"Memory\":5");
	reply = world_ask(world, submit_message(world, requests, 2));
	ck_assert_int_eq(reply->status, 409);
	ck_assert_ptr_nonnull(strstr(reply->message, task_id(1)));
	ck_assert_ptr_nonnull(strstr(reply->message, "(Completed) and was removed"));
	effect_free(reply);
	ck_assert(!is_there(9)); /* all or none */

	requests[0] = run_request(9, "");
	requests[1] = run_request(1, "\"RestartPolicy\":\"no\"");
	reply = world_ask(world, submit_message(world, requests, 2));
	ck_assert_int_eq(reply->status, 201);
	ck_assert_uint_eq(reply->task_count, 2);
	ck_assert_int_eq(reply->tasks[0].status.state, TASK_PENDING);
	ck_assert_int_eq(reply->tasks[1].status.state, TASK_COMPLETED);
	effect_free(reply);
}
END_TEST

START_TEST(who_asks_for_one_that_has_gone_is_told_so)
{
	struct task_request request = stop_request(1);
	struct manager_effect *reply;
	char text[512];
	unsigned n;

	begin();
	for (n = 1; n <= 4; n++)
		run_and_end(n, 0);
	ck_assert_int_eq(status_of(1, MANAGER_GET, text, sizeof(text)), 404);
	ck_assert_ptr_nonnull(strstr(text, "any more: it ended and was removed"));
	ck_assert_int_eq(status_of(1, MANAGER_HISTORY, text, sizeof(text)), 404);
	ck_assert_ptr_nonnull(strstr(text, "any more"));
	ck_assert_int_eq(status_of(99, MANAGER_GET, text, sizeof(text)), 404);
	ck_assert_ptr_null(strstr(text, "any more"));
	/* It is stopped already. */
	ck_assert_int_eq(stop(world, 1), 204);
	ck_assert_int_eq(stop(world, 99), 404);
	/* The book's way of stopping is answered with the task, which is not there. */
	reply = world_ask(world, submit_message(world, &request, 1));
	ck_assert_int_eq(reply->status, 404);
	ck_assert_ptr_nonnull(strstr(reply->message, "any more"));
	effect_free(reply);
}
END_TEST

START_TEST(a_tombstone_stays_for_a_day_and_no_longer)
{
	unsigned n;

	begin();
	for (n = 1; n <= 4; n++)
		run_and_end(n, 0);
	ck_assert(is_stored("done", 1));
	let_time_pass(DAY_MS - 5000);
	ck_assert(is_stored("done", 1));
	ck_assert_int_eq(submit(world, 1, "\"Memory\":5"), 409);
	let_time_pass(10000);
	ck_assert(!is_stored("done", 1));
	/* Nobody remembers it: it is a new task. */
	ck_assert_int_eq(submit(world, 1, "\"Memory\":5"), 201);
	ck_assert(is_stored("task", 1) && !get(world, 1).final);
}
END_TEST

START_TEST(tombstones_go_in_the_order_of_their_age_after_a_start_too)
{
	unsigned n;

	world->config.keep_tasks = 1;
	begin();
	/* Later ones have smaller ids, by which they are read back. */
	for (n = 1; n <= 5; n++) {
		run_and_end(n, 0);
		let_time_pass(60000);
		actor_up(world, &one);
	}
	ck_assert_uint_eq(world_count(world, "done/"), 4);
	world_crash(world);
	ck_assert_uint_eq(world_count(world, "done/"), 4);
	/* The first went at the end of the second minute, and so on. */
	let_time_pass(DAY_MS - 4 * 60000 + 2000);
	for (n = 1; n <= 4; n++) {
		ck_assert(!is_stored("done", n));
		ck_assert_uint_eq(world_count(world, "done/"), 4 - n);
		let_time_pass(60000);
	}
}
END_TEST

START_TEST(a_wall_clock_that_jumps_does_not_end_tombstones)
{
	unsigned n;

	begin();
	for (n = 1; n <= 4; n++)
		run_and_end(n, 0);
	world->now.wall_ms += YEAR_MS;
	world_wake(world);
	world_crash(world);
	world_wake(world);
	ck_assert(is_stored("done", 1));
	ck_assert_int_eq(submit(world, 1, "\"RestartPolicy\":\"no\""), 201);
	ck_assert(!is_there(1));
}
END_TEST

/* Nor is it of use that no task is left to tell the time by. */
START_TEST(tombstones_alone_keep_the_time)
{
	world->config.keep_tasks_s = 10;
	begin();
	run_and_end(1, 0);
	let_time_pass(15000);
	ck_assert(is_stored("done", 1) && !is_stored("task", 1));
	world->now.wall_ms += YEAR_MS;
	world_crash(world);
	world_wake(world);
	ck_assert(is_stored("done", 1));
	world->now.wall_ms -= 2 * YEAR_MS;
	world_crash(world);
	let_time_pass(DAY_MS - 10000);
	ck_assert(is_stored("done", 1));
	let_time_pass(20000);
	ck_assert(!is_stored("done", 1));
}
END_TEST

START_TEST(a_late_report_of_one_that_has_gone_is_acknowledged_and_changes_nothing)
{
	struct manager_effect *orders;
	unsigned n;

	begin();
	for (n = 1; n <= 4; n++)
		run_and_end(n, 0);
	ck_assert(!is_there(1));
	world_sleep(world, 1000);
	(void)actor_obey(world, &one);
	actor_ends(world, &one, 1, 1, 0);
	world_sleep(world, 1000);
	orders = actor_orders(world, &one);
	ck_assert_ptr_nonnull(orders);
	ck_assert_uint_eq(orders->orders.acked.sequence, one.revision.sequence);
	ck_assert_uint_eq(orders->orders.count, 0);
	actor_accept(world, &one, orders);
	ck_assert(!is_there(1) && !is_stored("task", 1));
	/* One that says that it runs has to be told that it should not. */
	actor_runs(world, &one, 1, 1);
	orders = actor_orders(world, &one);
	ck_assert_ptr_nonnull(orders);
	ck_assert(orders->orders.full);
	effect_free(orders);
	ck_assert(!is_there(1));
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("manager tombstone");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, a_submit_again_after_its_task_has_gone_runs_nothing);
	tcase_add_test(tests,
		       another_specification_under_the_id_of_one_that_has_gone_is_refused);
	tcase_add_test(tests, who_asks_for_one_that_has_gone_is_told_so);
	tcase_add_test(tests, a_tombstone_stays_for_a_day_and_no_longer);
	tcase_add_test(tests, tombstones_go_in_the_order_of_their_age_after_a_start_too);
	tcase_add_test(tests, a_wall_clock_that_jumps_does_not_end_tombstones);
	tcase_add_test(tests, tombstones_alone_keep_the_time);
	tcase_add_test(tests,
		       a_late_report_of_one_that_has_gone_is_acknowledged_and_changes_nothing);
	suite_add_tcase(made, tests);
	return made;
}

CHECK_MAIN(suite)
