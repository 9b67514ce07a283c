/* tests/unit/manager_trim_test.c - ended tasks leave the list, and what is remembered of them.
 */
#include "check_main.h"
#include "manager_cast.h"

#define HOUR_MS ((uint64_t)3600 * 1000)
#define DAY_MS  (24 * HOUR_MS)
#define YEAR_MS (365 * (int64_t)DAY_MS)

static struct world *world;
static struct actor one;

static void
setup(void)
{
	world = world_new();
	world->config.keep_tasks = 3;
	one = actor_new("n1", 1, 1000000, 1000 * GIB);
}

static void
teardown(void)
{
	world_free(world);
}

static void
begin(void)
{
	world_start(world);
	actor_up(world, &one);
}

/* A worker that was away for long is silent meanwhile: here only the clock moves. */
static void
let_time_pass(uint64_t ms)
{
	world->now.mono_ms += ms;
	world->now.wall_ms += (int64_t)ms;
	world_wake(world);
	world_settle(world);
}

static void
end_with(unsigned n, int code)
{
	(void)actor_obey(world, &one);
	actor_ends(world, &one, n, 1, code);
	(void)actor_obey(world, &one);
}

static void
run_and_end(unsigned n, int code)
{
	ck_assert_int_eq(submit(world, n, "\"RestartPolicy\":\"no\""), 201);
	end_with(n, code);
}

static int
status_of(unsigned n, enum manager_message_kind kind, char *text, size_t size)
{
	struct manager_effect *reply = world_ask(world, about_task(world, kind, n));
	int status = reply->status;

	if (text != NULL)
		(void)snprintf(text, size, "%s", reply->message);
	effect_free(reply);
	return status;
}

static bool
is_there(unsigned n)
{
	int status = status_of(n, MANAGER_GET, NULL, 0);

	ck_assert(status == 200 || status == 404);
	return status == 200;
}

static const char *
key_of(const char *kind, unsigned n)
{
	static char key[64];

	(void)snprintf(key, sizeof(key), "%s/%s", kind, task_id(n));
	return key;
}

static bool
is_stored(const char *kind, unsigned n)
{
	return world_stored(world, key_of(kind, n))[0] != '\0';
}

START_TEST(what_ended_first_goes_first_when_there_are_too_many)
{
	static const unsigned order[] = {3, 1, 5, 2, 4};
	unsigned n;

	begin();
	for (n = 1; n <= 5; n++)
		ck_assert_int_eq(submit(world, n, ""), 201);
	for (n = 0; n < 5; n++)
		end_with(order[n], 0);
	for (n = 1; n <= 5; n++) {
		bool gone = n == 3 || n == 1;

		ck_assert_int_eq(is_there(n), !gone);
		ck_assert_int_eq(is_stored("task", n), !gone);
		ck_assert_int_eq(is_stored("done", n), gone);
	}
}
END_TEST

START_TEST(an_ended_task_goes_when_its_time_has_come)
{
	world->config.keep_tasks_s = 60;
	begin();
	run_and_end(1, 0);
	world_sleep(world, 58000);
	ck_assert(is_there(1));
	world_sleep(world, 4000); /* nobody asks: it goes by itself */
	ck_assert(!is_stored("task", 1));
	ck_assert(is_stored("done", 1));
	ck_assert(!is_there(1));
}
END_TEST

START_TEST(without_a_limit_all_stay)
{
	unsigned n;

	world->config.keep_tasks = 0;
	begin();
	for (n = 1; n <= 20; n++)
		run_and_end(n, 0);
	let_time_pass(400 * DAY_MS);
	ck_assert_uint_eq(world_count(world, "task/"), 20);
}
END_TEST

START_TEST(what_has_not_ended_stays_whatever_its_age)
{
	world->config.keep_tasks = 1;
	world->config.keep_tasks_s = 1;
	begin();
	ck_assert_int_eq(submit(world, 1, ""), 201);
	ck_assert_int_eq(submit(world, 2, "\"Cpu\":4000"), 201); /* fits nowhere */
	ck_assert_int_eq(submit(world, 3, "\"RestartPolicy\":\"always\""), 201);
	(void)actor_obey(world, &one);
	actor_runs(world, &one, 1, 1);
	actor_ends(world, &one, 3, 1, 1); /* waits to start again */
	run_and_end(4, 0);
	run_and_end(5, 0);
	let_time_pass(300000);
	ck_assert(is_there(1) && is_there(2) && is_there(3));
	ck_assert(!is_there(4) && !is_there(5));
}
END_TEST

START_TEST(a_jump_of_the_wall_clock_makes_nothing_old)
{
	world->config.keep_tasks_s = 7200;
	begin();
	run_and_end(1, 0);
	world->now.wall_ms += YEAR_MS;
	world_wake(world);
	run_and_end(2, 0);
	ck_assert(is_there(1));
	/* Nor one that happens while no manager runs. */
	world->now.wall_ms += YEAR_MS;
	world_crash(world);
	world_wake(world);
	ck_assert(is_there(1) && is_there(2));
	/* And a clock that was set back keeps nothing for ever. */
	world->now.wall_ms -= 3 * YEAR_MS;
	world_crash(world);
	world_wake(world);
	ck_assert(is_there(1) && is_there(2));
	let_time_pass(2 * HOUR_MS + 2000);
	ck_assert(!is_there(1) && !is_there(2));
}
END_TEST

START_TEST(an_absence_of_the_manager_counts_up_to_an_hour)
{
	world->config.keep_tasks_s = 7200;
	begin();
	run_and_end(1, 0);
	world->now.mono_ms += HOUR_MS / 2;
	world->now.wall_ms += (int64_t)HOUR_MS / 2;
	world_crash(world);
	let_time_pass(HOUR_MS + HOUR_MS / 2 - 5000);
	ck_assert(is_there(1));
	let_time_pass(7000);
	ck_assert(!is_there(1));
}
END_TEST

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

/* A commit that never was: the task is on the list again, and goes again. */
START_TEST(a_crash_before_the_commit_leaves_the_task)
{
	unsigned n;

	begin();
	for (n = 1; n <= 3; n++)
		run_and_end(n, 0);
	ck_assert_int_eq(submit(world, 4, ""), 201);
	(void)actor_obey(world, &one);
	world->auto_commit = false;
	actor_ends(world, &one, 4, 1, 0);
	world->auto_commit = true;
	world_crash(world);
	ck_assert(is_there(1) && is_stored("task", 1) && !is_stored("done", 1));
	ck_assert_int_eq(get(world, 4).state, TASK_SCHEDULED);
	actor_up(world, &one);
	ck_assert_int_eq(submit(world, 1, "\"RestartPolicy\":\"no\""), 201);
	actor_ends(world, &one, 4, 1, 0);
	ck_assert(!is_stored("task", 1) && is_stored("done", 1));
	ck_assert_int_eq(submit(world, 1, "\"RestartPolicy\":\"no\""), 201);
	ck_assert(!is_there(1));
}
END_TEST

START_TEST(a_start_with_smaller_limits_trims_what_is_too_much)
{
	unsigned n;

	world->config.keep_tasks = 0;
	begin();
	for (n = 1; n <= 9; n++)
		run_and_end(n, 0);
	world->config.keep_tasks = 2;
	world_crash(world);
	world_settle(world);
	ck_assert_uint_eq(world_count(world, "task/"), 2);
	ck_assert_uint_eq(world_count(world, "done/"), 7);
	ck_assert(is_there(8) && is_there(9));
}
END_TEST

/* ---- tombstones ---- */

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

START_TEST(the_order_of_ending_is_kept_over_a_start)
{
	static const unsigned order[] = {3, 1, 2};
	unsigned n;

	begin();
	for (n = 1; n <= 4; n++)
		ck_assert_int_eq(submit(world, n, ""), 201);
	for (n = 0; n < 3; n++) {
		end_with(order[n], 0);
		world_sleep(world, 1000);
	}
	world_crash(world);
	actor_up(world, &one);
	end_with(4, 0);
	ck_assert(!is_there(3));
	ck_assert(is_there(1) && is_there(2) && is_there(4));
}
END_TEST

/* ---- lists ---- */

/* All tasks by pages; what is trimmed meanwhile is left out, and nothing else. */
static size_t
walk(size_t limit, void (*between)(void), uint64_t *sequences)
{
	size_t count = 0;
	uint64_t after = 0;
	bool more = true;

	while (more) {
		struct manager_message *message = world_message(world, MANAGER_LIST);
		struct manager_effect *reply;
		size_t i;

		message->filter.limit = limit;
		message->filter.after = after;
		reply = world_ask(world, message);
		more = reply->more;
		for (i = 0; i < reply->task_count; i++) {
			after = reply->tasks[i].status.sequence;
			sequences[count++] = after;
		}
		effect_free(reply);
		if (between != NULL)
			between();
	}
	return count;
}

static unsigned next_end;

static void
end_one_more(void)
{
	end_with(next_end++, 0);
}

START_TEST(pages_are_exact_while_tasks_go)
{
	uint64_t sequences[64];
	size_t count;
	size_t i;
	unsigned n;

	world->config.keep_tasks = 2;
	begin();
	for (n = 1; n <= 20; n++)
		ck_assert_int_eq(submit(world, n, ""), 201);
	/* Between two pages one more ends, and the oldest of the ended goes: at first ahead
	 * of where the pages are, then behind. */
	next_end = 1;
	count = walk(2, end_one_more, sequences);
	for (i = 1; i < count; i++)
		ck_assert_uint_gt(sequences[i], sequences[i - 1]);
	/* It is at 2k when the k-th ends, so no task goes before its page was read. */
	ck_assert_uint_eq(count, 20);
	ck_assert_uint_eq(walk(7, NULL, sequences), 20 - (next_end - 1) + 2);
	ck_assert_uint_eq(sequences[0], next_end - 2);
}
END_TEST

START_TEST(thousands_that_go_leave_the_rest_in_order)
{
	static uint64_t sequences[4096];
	unsigned n;
	size_t count;
	size_t i;

	world->config.keep_tasks = 10;
	begin();
	ck_assert_int_eq(submit_many(world, 1, 3000, ""), 201);
	world_settle(world);
	(void)actor_obey(world, &one);
	for (n = 1; n <= 3000; n++) {
		if (n % 7 != 0)
			actor_ends(world, &one, n, 1, 0);
	}
	world_settle(world);
	count = walk(100, NULL, sequences);
	ck_assert_uint_eq(count, 3000 / 7 + 10);
	for (i = 0; i < count; i++) {
		ck_assert(i == 0 || sequences[i] > sequences[i - 1]);
		ck_assert(sequences[i] % 7 == 0 || sequences[i] > 2980);
	}
	ck_assert_uint_eq(world_count(world, "task/"), count);
}
END_TEST

START_TEST(a_number_in_the_order_of_submission_is_given_once)
{
	unsigned n;
	uint64_t last;

	world->config.keep_tasks_s = 5;
	begin();
	for (n = 1; n <= 3; n++)
		run_and_end(n, 0);
	last = get(world, 3).sequence;
	let_time_pass(20000);
	ck_assert_uint_eq(world_count(world, "task/"), 0);
	world_crash(world);
	ck_assert_int_eq(submit(world, 4, ""), 201);
	ck_assert_uint_eq(get(world, 4).sequence, last + 1);
}
END_TEST

/* ---- workers ---- */

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

/* ---- so much at a time ---- */

START_TEST(a_large_store_is_trimmed_in_slices)
{
	unsigned n;
	size_t steps = 0;

	world->config.keep_tasks = 0;
	begin();
	for (n = 0; n < 8; n++)
		ck_assert_int_eq(submit_many(world, n * 1000, 1000, ""), 201);
	for (n = 0; n < 8000; n++)
		ck_assert_int_eq(stop(world, n), 204);
	(void)actor_obey(world, &one);
	for (n = 0; n < 8000; n++) {
		if (get(world, n).state == TASK_SCHEDULED)
			actor_ends(world, &one, n, 1, 0);
	}
	world->config.keep_tasks = 10;
	world_crash(world);
	world->auto_commit = false; /* a slow store: all that comes joins one batch */
	for (n = 0; n < 100; n++)
		world_wake(world);
	ck_assert_uint_gt(world->gathered.change_count, 2000);
	ck_assert_uint_lt(world->gathered.change_count, 10000);
	world_commit(world);
	ck_assert_uint_gt(world_count(world, "task/"), 3000);
	world->auto_commit = true;
	while (world_count(world, "task/") > 10) {
		size_t before = world->writes;

		ck_assert(world->wake_ms <= world->now.mono_ms + 20);
		world->now.mono_ms += 20;
		world_wake(world);
		ck_assert_uint_lt(world->writes - before, 600);
		ck_assert_uint_lt(++steps, 200);
	}
	ck_assert_uint_eq(world_count(world, "done/"), 7990);
}
END_TEST

START_TEST(while_the_store_fails_nothing_goes)
{
	world->config.keep_tasks_s = 60;
	begin();
	run_and_end(1, 0);
	world->fault = "disk full";
	world_sleep(world, 120000);
	ck_assert(is_there(1));
	world->fault = NULL;
	world_sleep(world, 2000);
	ck_assert(!is_there(1));
	ck_assert(is_stored("done", 1));
}
END_TEST

START_TEST(a_record_from_before_there_was_trimming_ages_by_its_end)
{
	char value[512];

	world->config.keep_tasks_s = 3600;
	world_start(world);
	(void)snprintf(value, sizeof(value),
		       "{\"ID\":\"%s\",\"Name\":\"x\",\"Image\":\"x\",\"State\":3,\"Wanted\":2,"
		       "\"Final\":true,\"Sequence\":1,\"FinishTime\":\"2023-11-14T21:43:20Z\"}",
		       task_id(1)); /* half an hour before the world's time */
	world_store(world, key_of("task", 1), value);
	world_crash(world);
	ck_assert(is_there(1));
	let_time_pass(HOUR_MS / 2 - 10000);
	ck_assert(is_there(1));
	let_time_pass(20000);
	ck_assert(!is_there(1));
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("manager trim");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, what_ended_first_goes_first_when_there_are_too_many);
	tcase_add_test(tests, an_ended_task_goes_when_its_time_has_come);
	tcase_add_test(tests, without_a_limit_all_stay);
	tcase_add_test(tests, what_has_not_ended_stays_whatever_its_age);
	tcase_add_test(tests, a_jump_of_the_wall_clock_makes_nothing_old);
	tcase_add_test(tests, an_absence_of_the_manager_counts_up_to_an_hour);
	tcase_add_test(tests, a_submit_again_after_its_task_has_gone_runs_nothing);
	tcase_add_test(tests,
		       another_specification_under_the_id_of_one_that_has_gone_is_refused);
	tcase_add_test(tests, who_asks_for_one_that_has_gone_is_told_so);
	tcase_add_test(tests, a_crash_before_the_commit_leaves_the_task);
	tcase_add_test(tests, a_start_with_smaller_limits_trims_what_is_too_much);
	tcase_add_test(tests, a_tombstone_stays_for_a_day_and_no_longer);
	tcase_add_test(tests, tombstones_go_in_the_order_of_their_age_after_a_start_too);
	tcase_add_test(tests, a_wall_clock_that_jumps_does_not_end_tombstones);
	tcase_add_test(tests, tombstones_alone_keep_the_time);
	tcase_add_test(tests, the_order_of_ending_is_kept_over_a_start);
	tcase_add_test(tests, pages_are_exact_while_tasks_go);
	tcase_add_test(tests, thousands_that_go_leave_the_rest_in_order);
	tcase_add_test(tests, a_number_in_the_order_of_submission_is_given_once);
	tcase_add_test(tests,
		       a_late_report_of_one_that_has_gone_is_acknowledged_and_changes_nothing);
	tcase_add_test(tests, a_large_store_is_trimmed_in_slices);
	tcase_add_test(tests, while_the_store_fails_nothing_goes);
	tcase_add_test(tests, a_record_from_before_there_was_trimming_ages_by_its_end);
	suite_add_tcase(made, tests);
	return made;
}

CHECK_MAIN(suite)
