/* tests/unit/manager_restart_test.c - the restart policy: pauses, limits, where a task starts
 * again, and what costs no restart. */
#include "manager_restart_rig.h"

START_TEST(what_failed_starts_again_on_its_node_after_a_pause)
{
	struct manager_effect *orders;
	struct task_status status;
	int64_t pause;

	runs(1, "");
	actor_ends(world, &actor, 1, 1, 7);
	status = get(world, 1);
	ck_assert_int_eq(status.state, TASK_FAILED);
	ck_assert_int_eq(status.exit_code, 7);
	ck_assert_str_eq(status.reason, "exit code 7");
	ck_assert_str_eq(status.node, "n1");
	ck_assert_uint_eq(status.restarts, 1);
	ck_assert_int_eq(status.restarts_max, 3);
	ck_assert_uint_eq(status.restart_count, 0); /* it has not been placed again */
	pause = pause_ms(1);
	ck_assert_int_ge(pause, 750);
	ck_assert_int_le(pause, 1000);
	world_sleep(world, (uint64_t)pause - 1);
	ck_assert_int_eq(get(world, 1).state, TASK_FAILED);
	world_sleep(world, 1);
	status = get(world, 1);
	ck_assert_int_eq(status.state, TASK_SCHEDULED);
	ck_assert_uint_eq(status.attempt, 2);
	ck_assert_uint_eq(status.restart_count, 1);
	ck_assert_int_eq(status.restart_at_ms, 0);
	ck_assert(!status.has_exit_code);
	ck_assert_str_eq(status.reason, "");
	/* The acknowledgement may have gone before. */
	while ((orders = actor_orders(world, &actor)) != NULL && orders->orders.count == 0)
		actor_accept(world, &actor, orders);
	ck_assert_ptr_nonnull(orders);
	ck_assert_uint_eq(orders->orders.items[0].attempt, 2);
	ck_assert_int_eq(orders->orders.items[0].wanted, TASK_WANTED_RUN);
	effect_free(orders);
	ck_assert_uint_eq(view_of(world, "n1").task_count, 1);
}
END_TEST

START_TEST(pauses_double_up_to_a_minute)
{
	int64_t whole = 1000;
	bool differ = false;
	int64_t last = 0;
	uint32_t n;

	runs(1, "\"RestartPolicy\":\"always\"");
	for (n = 1; n <= 10; n++) {
		int64_t pause;

		actor_ends(world, &actor, 1, n, 1);
		pause = pause_ms(1);
		ck_assert_int_ge(pause, whole * 3 / 4);
		ck_assert_int_le(pause, whole);
		differ = differ || (whole == 60000 && last != 0 && pause != last);
		last = whole == 60000 ? pause : 0;
		ck_assert_uint_eq(get(world, 1).restarts, n);
		ck_assert_int_eq(get(world, 1).restarts_max, -1);
		wait_over(1, &actor);
		actor_runs(world, &actor, 1, n + 1);
		whole = whole * 2 < 60000 ? whole * 2 : 60000;
	}
	ck_assert(differ);
	ck_assert_uint_eq(get(world, 1).restart_count, 10);
}
END_TEST

/* Fails until it gives up; how often it was started again. */
static uint32_t
restarts_of(unsigned n, const char *members)
{
	uint32_t attempt = 1;

	runs(n, members);
	for (;; attempt++) {
		ck_assert_uint_lt(attempt, 20);
		actor_ends(world, &actor, n, attempt, 1);
		if (get(world, n).final)
			break;
		wait_over(n, &actor);
	}
	ck_assert_int_eq(get(world, n).state, TASK_FAILED);
	ck_assert_int_eq(get(world, n).restart_at_ms, 0);
	ck_assert_uint_eq(get(world, n).restart_count, attempt - 1);
	return attempt - 1;
}

START_TEST(it_gives_up_at_the_limit_and_says_so)
{
	ck_assert_uint_eq(restarts_of(1, ""), 3);
	ck_assert_str_eq(get(world, 1).reason, "gave up after 3 restarts: exit code 1");
	ck_assert_uint_eq(restarts_of(2, "\"MaxRestarts\":1"), 1);
	ck_assert_str_eq(get(world, 2).reason, "gave up after 1 restart: exit code 1");
	ck_assert_uint_eq(restarts_of(3, "\"RestartPolicy\":\"on-failure:2\""), 2);
	ck_assert_uint_eq(restarts_of(4, "\"RestartPolicy\":\"always\",\"MaxRestarts\":5"), 5);
	ck_assert_uint_eq(restarts_of(5, "\"RestartPolicy\":\"no\""), 0);
	ck_assert_str_eq(get(world, 5).reason, "exit code 1");
	ck_assert_uint_eq(view_of(world, "n1").task_count, 0);
}
END_TEST

START_TEST(a_good_end_is_the_end_unless_it_is_to_run_always)
{
	static const char *const policies[] = {"", "no", "on-failure", "always",
					       "unless-stopped"};
	char members[64];
	unsigned i;

	for (i = 0; i < 5; i++) {
		bool again = i >= 3;

		(void)snprintf(members, sizeof(members), "\"RestartPolicy\":\"%s\"",
			       policies[i]);
		runs(i + 1, members);
		actor_ends(world, &actor, i + 1, 1, 0);
		ck_assert_int_eq(get(world, i + 1).state,
				 again ? TASK_PENDING : TASK_COMPLETED);
		ck_assert(get(world, i + 1).final == !again);
		ck_assert((get(world, i + 1).restart_at_ms != 0) == again);
		if (again) {
			ck_assert_str_eq(get(world, i + 1).reason, "exit code 0");
			wait_over(i + 1, &actor);
			ck_assert_int_eq(get(world, i + 1).state, TASK_SCHEDULED);
			ck_assert_uint_eq(get(world, i + 1).attempt, 2);
		} else {
			ck_assert_str_eq(get(world, i + 1).reason, "");
		}
	}
}
END_TEST

START_TEST(ten_minutes_without_an_end_forgive_what_was)
{
	struct report report;
	unsigned i;

	runs(1, "");
	for (i = 1; i <= 3; i++) {
		actor_ends(world, &actor, 1, i, 1);
		wait_over(1, &actor);
	}
	ck_assert_uint_eq(get(world, 1).restarts, 3);
	report = end_of(1, 4, "crashed");
	report.status.finish_ms = report.status.start_ms + TEN_MINUTES_MS;
	actor_tells(world, &actor, report);
	ck_assert_uint_eq(get(world, 1).restarts, 1);
	ck_assert_int_le(pause_ms(1), 1000);
	/* A moment less does not. */
	wait_over(1, &actor);
	report.status.attempt = 5;
	report.status.finish_ms--;
	actor_tells(world, &actor, report);
	ck_assert_uint_eq(get(world, 1).restarts, 2);
}
END_TEST

START_TEST(after_two_failures_in_a_row_it_goes_elsewhere)
{
	int64_t pause;

	runs(1, "\"Cpu\":1");
	actor_up(world, &other);
	/* n1 looks better to the scheduler. */
	ck_assert_int_eq(submit_many(world, 2, 2, ""), 201);
	ck_assert_int_eq(submit(world, 4, ""), 201);
	ck_assert_str_eq(get(world, 2).node, "n2");
	ck_assert_uint_ge(view_of(world, "n2").task_count, 2);
	actor_ends(world, &actor, 1, 1, 1);
	wait_over(1, &actor);
	ck_assert_str_eq(get(world, 1).node, "n1");
	actor_ends(world, &actor, 1, 2, 1);
	/* Its room is free while it waits. */
	ck_assert_int_eq(view_of(world, "n1").allocated_mcpu, 0);
	ck_assert_str_eq(get(world, 1).node, "n1");
	/* In the step that places it another is placed that asks for the same. */
	pause = pause_ms(1);
	world->now.mono_ms += (uint64_t)pause;
	world->now.wall_ms += pause;
	ck_assert_int_eq(submit(world, 5, "\"Cpu\":1"), 201);
	ck_assert_int_eq(get(world, 1).state, TASK_SCHEDULED);
	ck_assert_str_eq(get(world, 1).node, "n2");
	ck_assert_uint_eq(get(world, 1).attempt, 3);
	ck_assert_uint_eq(get(world, 1).restart_count, 2);
	/* What one avoids is not lost to the other. */
	ck_assert_str_eq(get(world, 5).node, "n1");
}
END_TEST

START_TEST(where_it_failed_is_better_than_nowhere)
{
	runs(1, "\"Cpu\":1");
	actor_up(world, &other);
	ck_assert_int_eq(submit(world, 2, "\"Cpu\":4"), 201); /* fills n2 */
	ck_assert_str_eq(get(world, 2).node, "n2");
	actor_ends(world, &actor, 1, 1, 1);
	wait_over(1, &actor);
	actor_ends(world, &actor, 1, 2, 1);
	wait_over(1, &actor);
	ck_assert_int_eq(get(world, 1).state, TASK_SCHEDULED);
	ck_assert_str_eq(get(world, 1).node, "n1");
}
END_TEST

START_TEST(a_good_end_between_breaks_the_row)
{
	runs(1, "\"RestartPolicy\":\"always\"");
	actor_up(world, &other);
	ck_assert_int_eq(submit_many(world, 2, 3, ""), 201);
	actor_ends(world, &actor, 1, 1, 1);
	wait_over(1, &actor);
	actor_ends(world, &actor, 1, 2, 0);
	wait_over(1, &actor);
	actor_ends(world, &actor, 1, 3, 1);
	wait_over(1, &actor);
	ck_assert_str_eq(get(world, 1).node, "n1");
	ck_assert_uint_eq(get(world, 1).attempt, 4);
}
END_TEST

START_TEST(what_has_vanished_is_started_again_as_what_failed)
{
	runs(1, "");
	actor.revision = (struct revision){999, 1};
	ck_assert(actor_tell(world, &actor, true, NULL, 0));
	ck_assert_int_eq(get(world, 1).state, TASK_FAILED);
	ck_assert_str_eq(get(world, 1).reason, "the worker no longer knows it");
	ck_assert_uint_eq(get(world, 1).restarts, 1);
	wait_over(1, &actor);
	ck_assert_uint_eq(get(world, 1).attempt, 2);
}
END_TEST

START_TEST(how_long_it_ran_is_never_read_from_two_clocks)
{
	struct report report = report_of(1, TASK_RUNNING, 1);

	/* The worker's clock is an hour behind. */
	report.status.start_ms = world->now.wall_ms - 3600000;
	ck_assert_int_eq(submit(world, 1, ""), 201);
	(void)actor_obey(world, &actor);
	actor_tells(world, &actor, report);
	actor.revision = (struct revision){999, 1};
	ck_assert(actor_tell(world, &actor, true, NULL, 0));
	ck_assert_uint_eq(get(world, 1).restarts, 1);
	ck_assert_int_eq(get(world, 1).finish_ms, world->now.wall_ms);
	wait_over(1, &actor);
	report.status.attempt = 2;
	actor_tells(world, &actor, report);
	actor.revision = (struct revision){1000, 1};
	ck_assert(actor_tell(world, &actor, true, NULL, 0));
	ck_assert_uint_eq(get(world, 1).restarts, 2);
	/* Ten minutes as the manager saw them. */
	wait_over(1, &actor);
	report.status.attempt = 3;
	actor_tells(world, &actor, report);
	live(TEN_MINUTES_MS);
	actor.revision = (struct revision){1001, 1};
	ck_assert(actor_tell(world, &actor, true, NULL, 0));
	ck_assert_uint_eq(get(world, 1).restarts, 1);
}
END_TEST

START_TEST(a_taken_port_sends_it_elsewhere_and_is_no_restart)
{
	struct report report = end_of(1, 1, "port 8080 is in use");

	ck_assert_int_eq(
		submit(world, 1,
		       "\"RestartPolicy\":\"no\",\"PortBindings\":{\"80/tcp\":\"8080\"}"),
		201);
	(void)actor_obey(world, &actor);
	actor_up(world, &other);
	ck_assert_int_eq(submit_many(world, 2, 3, ""), 201); /* n1 is the emptier one */
	report.status.port_taken = true;
	actor_tells(world, &actor, report);
	ck_assert_int_eq(get(world, 1).state, TASK_PENDING);
	ck_assert(get(world, 1).port_taken);
	ck_assert_str_eq(get(world, 1).reason, "port 8080 is in use");
	ck_assert_uint_eq(get(world, 1).restarts, 0);
	ck_assert_int_ge(pause_ms(1), 750);
	wait_over(1, &other);
	ck_assert_str_eq(get(world, 1).node, "n2");
	ck_assert_uint_eq(get(world, 1).attempt, 2);
	ck_assert_uint_eq(get(world, 1).restart_count, 0);
	ck_assert(!get(world, 1).port_taken);
	/* There too: back, after a longer pause. */
	report.status.attempt = 2;
	actor_tells(world, &other, report);
	ck_assert_int_ge(pause_ms(1), 1500);
	wait_over(1, &actor);
	ck_assert_str_eq(get(world, 1).node, "n1");
	ck_assert_uint_eq(get(world, 1).restarts, 0);
}
END_TEST

START_TEST(what_its_worker_cut_off_is_placed_at_once_and_is_no_restart)
{
	struct report report = end_of(1, 1, "stopped: no manager was heard for 30 s");

	runs(1, "\"RestartPolicy\":\"no\"");
	report.status.disconnected = true;
	report.status.has_exit_code = true;
	report.status.exit_code = 143;
	actor_tells(world, &actor, report);
	ck_assert_int_eq(get(world, 1).state, TASK_SCHEDULED);
	ck_assert_uint_eq(get(world, 1).attempt, 2);
	ck_assert_uint_eq(get(world, 1).restarts, 0);
	ck_assert_uint_eq(get(world, 1).restart_count, 0);
	ck_assert_ptr_nonnull(strstr(world->log, "no manager was heard"));
	/* One that was to stop has stopped. */
	(void)actor_obey(world, &actor);
	ck_assert_int_eq(stop(world, 1), 204);
	report.status.attempt = 2;
	actor_tells(world, &actor, report);
	ck_assert_int_eq(get(world, 1).state, TASK_COMPLETED);
}
END_TEST

START_TEST(an_end_that_the_books_worker_still_lists_counts_once)
{
	static const char *const listed[] = {"10.0.0.9:5556", NULL};
	struct actor book = {.book = true};
	struct report failed = end_of(1, 1, "");

	world_free(world);
	world = world_new();
	world->config.workers = listed;
	world_start(world);
	(void)snprintf(book.info.api, sizeof(book.info.api), "http://10.0.0.9:5556");
	ck_assert(actor_hello(world, &book));
	ck_assert(actor_tell(world, &book, false, NULL, 0));
	ck_assert_int_eq(submit(world, 1, ""), 201);
	(void)actor_obey(world, &book);
	world_sleep(world, 5000);
	ck_assert(actor_tell(world, &book, false, &failed, 1));
	ck_assert_int_eq(get(world, 1).state, TASK_FAILED);
	ck_assert_uint_eq(get(world, 1).restarts, 1);
	world_sleep(world, 1000);
	ck_assert_uint_eq(actor_obey(world, &book), 1);
	ck_assert_uint_eq(get(world, 1).attempt, 2);
	/* It has yet to take the second from its queue. */
	world_sleep(world, 4000);
	ck_assert(actor_tell(world, &book, false, &failed, 1));
	ck_assert_int_eq(get(world, 1).state, TASK_SCHEDULED);
	ck_assert_uint_eq(get(world, 1).restarts, 1);
	failed.status.attempt = 2;
	world_sleep(world, 5000);
	ck_assert(actor_tell(world, &book, false, &failed, 1));
	ck_assert_uint_eq(get(world, 1).restarts, 2);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("manager restart");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_failed_starts_again_on_its_node_after_a_pause);
	tcase_add_test(t, pauses_double_up_to_a_minute);
	tcase_add_test(t, it_gives_up_at_the_limit_and_says_so);
	tcase_add_test(t, a_good_end_is_the_end_unless_it_is_to_run_always);
	tcase_add_test(t, ten_minutes_without_an_end_forgive_what_was);
	tcase_add_test(t, after_two_failures_in_a_row_it_goes_elsewhere);
	tcase_add_test(t, where_it_failed_is_better_than_nowhere);
	tcase_add_test(t, a_good_end_between_breaks_the_row);
	tcase_add_test(t, what_has_vanished_is_started_again_as_what_failed);
	tcase_add_test(t, how_long_it_ran_is_never_read_from_two_clocks);
	tcase_add_test(t, a_taken_port_sends_it_elsewhere_and_is_no_restart);
	tcase_add_test(t, what_its_worker_cut_off_is_placed_at_once_and_is_no_restart);
	tcase_add_test(t, an_end_that_the_books_worker_still_lists_counts_once);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
