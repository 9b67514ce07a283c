/* tests/unit/manager_report_test.c - reports: the fence, ends, full answers, acknowledgements.
 */
#include "manager_cast.h"

#include "check_main.h"

static struct world *world;
static struct actor actor;

static void
setup(void)
{
	world = world_new();
	actor = actor_new("n1", 1, 100000, 100 * GIB);
	world_start(world);
	actor_up(world, &actor);
}

static void
teardown(void)
{
	world_free(world);
}

/* Task 1 runs on n1. */
static void
one_runs(void)
{
	ck_assert_int_eq(submit(world, 1, ""), 201);
	(void)actor_obey(world, &actor);
	actor_runs(world, &actor, 1, 1);
	ck_assert_int_eq(get(world, 1).state, TASK_RUNNING);
}

START_TEST(what_is_reported_is_shown)
{
	struct report report = report_of(1, TASK_RUNNING, 1);
	struct cube_port port = {.container_port = 80, .host_port = 32768, .protocol = 6};
	struct manager_effect *reply;

	ck_assert_int_eq(submit(world, 1, ""), 201);
	(void)actor_obey(world, &actor);
	report.status.host_ports = port_list_new(&port, 1);
	(void)snprintf(report.status.container_id, sizeof(report.status.container_id), "c1");
	actor_tells(world, &actor, report);
	port_list_put(report.status.host_ports);
	reply = world_ask(world, about_task(world, MANAGER_GET, 1));
	ck_assert_int_eq(reply->tasks[0].status.state, TASK_RUNNING);
	ck_assert_int_eq(reply->tasks[0].status.start_ms, 1700000000500);
	ck_assert_str_eq(reply->tasks[0].status.container_id, "c1");
	ck_assert_uint_eq(reply->tasks[0].status.host_ports->ports[0].host_port, 32768);
	effect_free(reply);
	ck_assert_ptr_nonnull(strstr(world->log, "task.running"));
}
END_TEST

START_TEST(ends_follow_the_exit_code)
{
	struct report report;

	ck_assert_int_eq(submit_many(world, 1, 4, "\"RestartPolicy\":\"no\""), 201);
	(void)actor_obey(world, &actor);
	actor_ends(world, &actor, 1, 1, 0);
	ck_assert_int_eq(get(world, 1).state, TASK_COMPLETED);
	ck_assert(get(world, 1).final);
	ck_assert_int_eq(get(world, 1).finish_ms, 1700000001000);
	actor_ends(world, &actor, 2, 1, 3);
	ck_assert_int_eq(get(world, 2).state, TASK_FAILED);
	ck_assert(get(world, 2).has_exit_code);
	ck_assert_int_eq(get(world, 2).exit_code, 3);
	ck_assert_str_eq(get(world, 2).reason, "exit code 3");
	ck_assert(get(world, 2).final);
	/* It never started. */
	report = report_of(3, TASK_FAILED, 1);
	(void)snprintf(report.status.reason, sizeof(report.status.reason), "no such image");
	actor_tells(world, &actor, report);
	ck_assert_int_eq(get(world, 3).state, TASK_FAILED);
	ck_assert_str_eq(get(world, 3).reason, "no such image");
	/* Its worker ended it, and in its last moment it exited with 0. */
	report = report_of(4, TASK_FAILED, 1);
	report.status.has_exit_code = true;
	(void)snprintf(report.status.reason, sizeof(report.status.reason), "unhealthy");
	actor_tells(world, &actor, report);
	ck_assert_int_eq(get(world, 4).state, TASK_FAILED);
	ck_assert_str_eq(get(world, 4).reason, "unhealthy");
	ck_assert_uint_eq(view_of(world, "n1").task_count, 0);
}
END_TEST

START_TEST(only_the_current_attempt_on_its_node_counts)
{
	struct actor other = actor_new("n2", 2, 1000, GIB);
	struct report report;

	actor_up(world, &other);
	one_runs();
	actor_ends(world, &actor, 1, 2, 1); /* of an attempt that was never made */
	ck_assert_int_eq(get(world, 1).state, TASK_RUNNING);
	actor_ends(world, &other, 1, 1, 1); /* from a node that does not have it */
	ck_assert_int_eq(get(world, 1).state, TASK_RUNNING);
	actor_runs(world, &other, 77, 1); /* of a task that nobody knows */
	ck_assert_ptr_nonnull(strstr(world->log, "report.ignored"));
	/* What has ended stays as it ended. */
	actor_ends(world, &actor, 1, 1, 0);
	actor_ends(world, &actor, 1, 1, 5);
	ck_assert_int_eq(get(world, 1).state, TASK_COMPLETED);
	report = report_of(1, TASK_RUNNING, 1);
	actor_tells(world, &actor, report);
	ck_assert_int_eq(get(world, 1).state, TASK_COMPLETED);
}
END_TEST

START_TEST(what_should_not_live_is_told_the_whole_set)
{
	struct manager_effect *orders;

	one_runs();
	actor_ends(world, &actor, 1, 1, 0);
	world_sleep(world, 500);
	(void)actor_obey(world, &actor);
	actor_runs(world, &actor, 1, 1);
	orders = actor_orders(world, &actor);
	ck_assert_ptr_nonnull(orders);
	ck_assert(orders->orders.full);
	ck_assert_uint_eq(orders->orders.count, 0);
	effect_free(orders);
}
END_TEST

START_TEST(a_report_of_what_is_known_writes_nothing)
{
	size_t before;

	one_runs();
	before = world->writes;
	actor_runs(world, &actor, 1, 1);
	actor_runs(world, &actor, 1, 1);
	ck_assert(actor_tell(world, &actor, false, NULL, 0));
	ck_assert_uint_eq(world->writes, before);
}
END_TEST

START_TEST(progress_is_shown_and_not_written)
{
	struct report report = report_of(1, TASK_SCHEDULED, 1);
	size_t before;

	ck_assert_int_eq(submit(world, 1, ""), 201);
	(void)actor_obey(world, &actor);
	before = world->writes;
	(void)snprintf(report.status.reason, sizeof(report.status.reason), "pulling: 30 %%");
	actor_tells(world, &actor, report);
	ck_assert_str_eq(get(world, 1).reason, "pulling: 30 %");
	ck_assert_uint_eq(world->writes, before);
	actor_runs(world, &actor, 1, 1);
	ck_assert_str_eq(get(world, 1).reason, "");
}
END_TEST

START_TEST(what_is_missing_in_a_full_answer_is_gone)
{
	struct report report = report_of(1, TASK_RUNNING, 1);

	ck_assert_int_eq(submit_many(world, 1, 3, "\"RestartPolicy\":\"no\""), 201);
	(void)actor_obey(world, &actor);
	ck_assert_int_eq(stop(world, 3), 204);
	(void)actor_obey(world, &actor);
	/* It started anew, and has only task 1. */
	actor.revision = (struct revision){999, 1};
	ck_assert(actor_tell(world, &actor, true, &report, 1));
	ck_assert_int_eq(get(world, 1).state, TASK_RUNNING);
	ck_assert_int_eq(get(world, 2).state, TASK_FAILED);
	ck_assert_str_eq(get(world, 2).reason, "the worker no longer knows it");
	ck_assert_int_eq(get(world, 3).state, TASK_COMPLETED); /* it was to stop */
	ck_assert_uint_eq(view_of(world, "n1").task_count, 1);
}
END_TEST

START_TEST(only_what_was_ordered_by_then_can_be_missing)
{
	struct manager_effect *orders;

	ck_assert_int_eq(submit(world, 1, ""), 201);
	orders = actor_orders(world, &actor); /* on its way */
	actor.revision = (struct revision){999, 1};
	ck_assert(actor_tell(world, &actor, true, NULL, 0));
	ck_assert_int_eq(get(world, 1).state, TASK_SCHEDULED);
	actor_accept(world, &actor, orders);
	/* An answer from before another generation's orders says nothing either. */
	actor.generation = 0;
	actor.revision = (struct revision){1000, 1};
	ck_assert(actor_tell(world, &actor, true, NULL, 0));
	ck_assert_int_eq(get(world, 1).state, TASK_SCHEDULED);
}
END_TEST

START_TEST(a_worker_that_lost_its_orders_gets_all_of_them)
{
	struct manager_effect *orders;

	ck_assert_int_eq(submit(world, 1, ""), 201);
	(void)actor_obey(world, &actor);
	actor.revision = (struct revision){999, 1};
	actor.generation = 0;
	actor.sequence = 0;
	ck_assert(actor_tell(world, &actor, true, NULL, 0));
	orders = actor_orders(world, &actor);
	ck_assert(orders->orders.full);
	ck_assert_uint_eq(orders->orders.count, 1);
	effect_free(orders);
}
END_TEST

START_TEST(an_end_is_acknowledged_within_half_a_second)
{
	struct manager_effect *orders;

	one_runs();
	actor_ends(world, &actor, 1, 1, 0);
	ck_assert_ptr_null(actor_orders(world, &actor)); /* others may come along */
	world_sleep(world, 499);
	ck_assert_ptr_null(actor_orders(world, &actor));
	world_sleep(world, 1);
	orders = actor_orders(world, &actor);
	ck_assert_ptr_nonnull(orders);
	ck_assert(!orders->orders.full);
	ck_assert_uint_eq(orders->orders.count, 0);
	ck_assert_uint_eq(orders->orders.acked.epoch, actor.revision.epoch);
	ck_assert_uint_eq(orders->orders.acked.sequence, actor.revision.sequence);
	/* A lost acknowledgement is sent again, a confirmed one is not. */
	effect_free(orders);
	{
		struct manager_message *message =
			answer(world, MANAGER_ORDERS_DONE, actor.contact, 0);

		message->fault = CUBE_ERR_TIMEOUT;
		world_step(world, message);
	}
	world_sleep(world, 400);
	ck_assert_uint_eq(actor_obey(world, &actor), 0);
	ck_assert_ptr_null(actor_orders(world, &actor));
	world_sleep(world, 2000);
	ck_assert_ptr_null(actor_orders(world, &actor));
}
END_TEST

START_TEST(an_end_is_acknowledged_only_when_it_is_durable)
{
	one_runs();
	world->auto_commit = false;
	actor_ends(world, &actor, 1, 1, 0);
	world_sleep(world, 3000);
	ck_assert_ptr_null(actor_orders(world, &actor));
	/* It dies before: the worker still has the end, and tells it again. */
	world_crash(world);
	world_commit(world);
	ck_assert(actor_hello(world, &actor));
	world_commit(world);
	actor_accept(world, &actor, actor_orders(world, &actor));
	world->auto_commit = true;
	ck_assert_int_eq(get(world, 1).state, TASK_RUNNING);
	{
		struct report report = report_of(1, TASK_COMPLETED, 1);

		report.status.has_exit_code = true;
		ck_assert(actor_tell(world, &actor, true, &report, 1));
	}
	ck_assert_int_eq(get(world, 1).state, TASK_COMPLETED);
	world_sleep(world, 500);
	{
		struct manager_effect *orders = actor_orders(world, &actor);

		ck_assert_uint_eq(orders->orders.acked.sequence, actor.revision.sequence);
		effect_free(orders);
	}
}
END_TEST

START_TEST(polls_go_on_from_what_was_heard)
{
	struct manager_effect *poll;

	poll = world_take(world, MANAGER_EFFECT_POLL, actor.contact);
	ck_assert_uint_eq(poll->since.epoch, 0);
	ck_assert_uint_eq(poll->wait_ms, 5000);
	ck_assert_uint_gt(poll->timeout_ms, 5000);
	world_release(world, &poll->item); /* as if still under way */
	ck_assert(actor_tell(world, &actor, true, NULL, 0));
	poll = world_take(world, MANAGER_EFFECT_POLL, actor.contact);
	ck_assert_uint_eq(poll->since.epoch, actor.revision.epoch);
	ck_assert_uint_eq(poll->since.sequence, actor.revision.sequence);
	effect_free(poll);
	/* There is never a second one under way. */
	ck_assert_int_eq(submit(world, 1, ""), 201);
	(void)actor_obey(world, &actor);
	ck_assert_ptr_null(world_take(world, MANAGER_EFFECT_POLL, actor.contact));
}
END_TEST

START_TEST(while_the_store_fails_reports_are_still_heard)
{
	one_runs();
	world->fault = "disk full";
	actor_ends(world, &actor, 1, 1, 0);
	ck_assert_int_eq(get(world, 1).state, TASK_COMPLETED);
	/* Not acknowledged: it could still be lost. */
	world_sleep(world, 2000);
	ck_assert_ptr_null(actor_orders(world, &actor));
	world->fault = NULL;
	world_commit(world);
	world_sleep(world, 10);
	ck_assert_ptr_nonnull(strstr(world_stored(world, "meta/format"), "1"));
	{
		struct manager_effect *orders = actor_orders(world, &actor);

		ck_assert_ptr_nonnull(orders);
		ck_assert_uint_eq(orders->orders.acked.sequence, actor.revision.sequence);
		effect_free(orders);
	}
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("manager report");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, what_is_reported_is_shown);
	tcase_add_test(tests, ends_follow_the_exit_code);
	tcase_add_test(tests, only_the_current_attempt_on_its_node_counts);
	tcase_add_test(tests, what_should_not_live_is_told_the_whole_set);
	tcase_add_test(tests, a_report_of_what_is_known_writes_nothing);
	tcase_add_test(tests, progress_is_shown_and_not_written);
	tcase_add_test(tests, what_is_missing_in_a_full_answer_is_gone);
	tcase_add_test(tests, only_what_was_ordered_by_then_can_be_missing);
	tcase_add_test(tests, a_worker_that_lost_its_orders_gets_all_of_them);
	tcase_add_test(tests, an_end_is_acknowledged_within_half_a_second);
	tcase_add_test(tests, an_end_is_acknowledged_only_when_it_is_durable);
	tcase_add_test(tests, polls_go_on_from_what_was_heard);
	tcase_add_test(tests, while_the_store_fails_reports_are_still_heard);
	suite_add_tcase(made, tests);
	return made;
}

CHECK_MAIN(suite)
