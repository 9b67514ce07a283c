/* tests/unit/manager_trim_test.c - ended tasks leave the list: which, when, and how many at
 * a time. */
#include "manager_trim_rig.h"

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
	tcase_add_test(tests, a_crash_before_the_commit_leaves_the_task);
	tcase_add_test(tests, a_start_with_smaller_limits_trims_what_is_too_much);
	tcase_add_test(tests, the_order_of_ending_is_kept_over_a_start);
	tcase_add_test(tests, pages_are_exact_while_tasks_go);
	tcase_add_test(tests, thousands_that_go_leave_the_rest_in_order);
	tcase_add_test(tests, a_number_in_the_order_of_submission_is_given_once);
	tcase_add_test(tests, a_large_store_is_trimmed_in_slices);
	tcase_add_test(tests, while_the_store_fails_nothing_goes);
	tcase_add_test(tests, a_record_from_before_there_was_trimming_ages_by_its_end);
	suite_add_tcase(made, tests);
	return made;
}

CHECK_MAIN(suite)
