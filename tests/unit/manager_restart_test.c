/* tests/unit/manager_restart_test.c - the restart policy: pauses, limits, the room kept for
 * those that wait, and what costs no restart.
 */
#include "manager_cast.h"

#include "check_main.h"

#define TEN_MINUTES_MS 600000

static struct world *world;
static struct actor actor;
static struct actor other;

static void
setup(void)
{
	world = world_new();
	actor = actor_new("n1", 1, 4000, 4 * GIB);
	other = actor_new("n2", 2, 4000, 4 * GIB);
	world_start(world);
	actor_up(world, &actor);
}

static void
teardown(void)
{
	world_free(world);
}

/* Task n runs on n1, as its first attempt. */
static void
runs(unsigned n, const char *members)
{
	ck_assert_int_eq(submit(world, n, members), 201);
	(void)actor_obey(world, &actor);
	actor_runs(world, &actor, n, 1);
	ck_assert_int_eq(get(world, n).state, TASK_RUNNING);
}

/* How long it is until the task starts again. */
static int64_t
pause_ms(unsigned n)
{
	struct task_status status = get(world, n);

	ck_assert_int_ne(status.restart_at_ms, 0);
	ck_assert(!status.final);
	return status.restart_at_ms - world->now.wall_ms;
}

static void
keep_in_touch(struct actor *with)
{
	if (with->contact == 0)
		return;
	(void)actor_tell(world, with, false, NULL, 0);
	(void)actor_hello(world, with);
}

/* Time goes by, and the workers answer. */
static void
live(uint64_t ms)
{
	for (; ms > 1000; ms -= 1000) {
		world_sleep(world, 1000);
		keep_in_touch(&actor);
		keep_in_touch(&other);
	}
	world_sleep(world, ms);
}

/* Its pause goes by, and the worker has the new order. */
static void
wait_over(unsigned n, struct actor *on)
{
	live((uint64_t)pause_ms(n));
	(void)actor_obey(world, on);
}

static struct report
end_of(unsigned n, uint32_t attempt, const char *reason)
{
	struct report report = report_of(n, TASK_FAILED, attempt);

	(void)snprintf(report.status.reason, sizeof(report.status.reason), "%s", reason);
	return report;
}

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

/* ---- any order of events ---- */

#define TASKS 12

static uint64_t dice;

static unsigned
roll(unsigned sides)
{
	dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(dice >> 33) % sides;
}

static int64_t
held_on(const char *name)
{
	return view_of(world, name).allocated_mcpu;
}

/* Something happens to task n, as its worker tells it. */
static void
happen(unsigned n)
{
	struct task_status status = get(world, n);
	struct actor *on = strcmp(status.node, "n1") == 0 ? &actor : &other;
	struct report report = end_of(n, status.attempt, "it broke");
	bool live_now = status.state == TASK_SCHEDULED || status.state == TASK_RUNNING;

	(void)actor_obey(world, on);
	if (!live_now || roll(8) == 0)
		return;
	switch (roll(6)) {
	case 0:
		report.status.port_taken = true;
		break;
	case 1:
		report.status.disconnected = true;
		break;
	case 2:
		report.status.state = TASK_COMPLETED;
		break;
	case 3:
		report.status.finish_ms = report.status.start_ms + TEN_MINUTES_MS;
		break;
	case 4:
		report.status.state = TASK_RUNNING;
		report.status.reason[0] = '\0';
		break;
	default:
		break;
	}
	on->revision.sequence++;
	if (!actor_tell(world, on, false, &report, 1))
		on->revision.sequence--;
}

static void
crash(void)
{
	int64_t before[2] = {held_on("n1"), held_on("n2")};
	uint32_t tasks = view_of(world, "n1").task_count + view_of(world, "n2").task_count;

	world_crash(world);
	/* What is due at once looks for a place then: none has contact yet. */
	ck_assert_int_le(held_on("n1"), before[0]);
	ck_assert_int_le(held_on("n2"), before[1]);
	ck_assert_uint_le(view_of(world, "n1").task_count + view_of(world, "n2").task_count,
			  tasks);
	actor.revision.epoch += 2;
	other.revision.epoch += 2;
	ck_assert(actor_hello(world, &actor));
	ck_assert(actor_hello(world, &other));
	(void)actor_obey(world, &actor);
	(void)actor_obey(world, &other);
}

START_TEST(in_any_order_of_events_room_is_given_back_and_stops_hold)
{
	static const char *const kinds[] = {
		"\"Cpu\":0.5,\"RestartPolicy\":\"always\"", "\"Cpu\":1",
		"\"Cpu\":0.25,\"RestartPolicy\":\"unless-stopped\",\"Job\":\"j\"",
		"\"Cpu\":1,\"PortBindings\":{\"80/tcp\":\"8080\"}"};
	bool stopped[TASKS + 1] = {false};
	unsigned i;
	unsigned n;

	dice = (uint64_t)_i + 1;
	actor_up(world, &other);
	for (n = 1; n <= TASKS; n++)
		ck_assert_int_eq(submit(world, n, kinds[n % 4]), 201);
	for (i = 0; i < 300; i++) {
		n = roll(TASKS) + 1;
		if (roll(60) == 0) {
			stopped[n] = stopped[n] || !get(world, n).final;
			ck_assert_int_eq(stop(world, n), 204);
		} else if (roll(40) == 0) {
			crash();
		} else {
			happen(n);
		}
		live(roll(1500));
		ck_assert_int_le(held_on("n1"), 4000);
		ck_assert_int_le(held_on("n2"), 4000);
	}
	for (n = 1; n <= TASKS; n++) {
		struct task_status status;

		ck_assert_int_eq(stop(world, n), 204);
		status = get(world, n);
		if (status.final) {
			if (stopped[n])
				ck_assert_int_eq(status.state, TASK_COMPLETED);
			continue;
		}
		(void)actor_obey(world, strcmp(status.node, "n1") == 0 ? &actor : &other);
		live(5000);
		actor_ends(world, strcmp(status.node, "n1") == 0 ? &actor : &other, n,
			   status.attempt, 143);
		ck_assert_int_eq(get(world, n).state, TASK_COMPLETED);
	}
	live(120000);
	for (n = 1; n <= TASKS; n++) {
		ck_assert(get(world, n).final);
		ck_assert_int_eq(get(world, n).restart_at_ms, 0);
	}
	ck_assert_uint_eq(view_of(world, "n1").task_count, 0);
	ck_assert_uint_eq(view_of(world, "n2").task_count, 0);
	ck_assert_int_eq(held_on("n1"), 0);
	ck_assert_int_eq(held_on("n2"), 0);
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
	tcase_add_test(t, room_is_kept_for_what_waits_and_no_order_names_it);
	tcase_add_test(t, after_two_failures_in_a_row_it_goes_elsewhere);
	tcase_add_test(t, where_it_failed_is_better_than_nowhere);
	tcase_add_test(t, a_good_end_between_breaks_the_row);
	tcase_add_test(t, a_node_that_takes_no_tasks_then_is_passed_over);
	tcase_add_test(t, a_node_that_has_become_too_small_is_passed_over);
	tcase_add_test(t, a_stop_of_what_waits_completes_it_at_once);
	tcase_add_test(t, what_was_to_stop_is_never_started_again);
	tcase_add_test(t, the_same_submit_again_shows_that_it_waits);
	tcase_add_test(t, what_is_said_of_the_attempt_that_is_over_changes_nothing);
	tcase_add_test(t, what_has_vanished_is_started_again_as_what_failed);
	tcase_add_test(t, how_long_it_ran_is_never_read_from_two_clocks);
	tcase_add_test(t, a_taken_port_sends_it_elsewhere_and_is_no_restart);
	tcase_add_test(t, what_its_worker_cut_off_is_placed_at_once_and_is_no_restart);
	tcase_add_test(t, a_node_that_is_removed_keeps_no_room);
	tcase_add_test(t, another_worker_of_its_nodes_name_keeps_no_room);
	tcase_add_test(t, what_waits_survives_a_crash);
	tcase_add_test(t, a_stored_pause_is_no_longer_than_pauses_are);
	tcase_add_test(t, an_end_that_the_books_worker_still_lists_counts_once);
	tcase_add_loop_test(t, in_any_order_of_events_room_is_given_back_and_stops_hold, 0, 40);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
