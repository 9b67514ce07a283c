/* Orders of the manager: fences, full sets, acknowledgements, and the journal before all. */
#include "check_main.h"
#include "worker_help.h"

START_TEST(orders_are_answered_and_acted_on_only_when_they_are_journalled)
{
	struct rig *rig = rig_new();

	rig->auto_commit = false;
	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	ck_assert_ptr_null(rig_reply(rig, 1));
	ck_assert_ptr_null(rig_job(rig, WORKER_JOB_PREPARE));
	rig_commit(rig);
	ck_assert_int_eq(rig_reply(rig, 1)->status, 200);
	ck_assert_ptr_nonnull(rig_job(rig, WORKER_JOB_PREPARE));
	ck_assert_has(rig_attempt(rig, ID_1, 1), "'Image':'nginx:1.25'");
	ck_assert_has(rig_attempt(rig, ID_1, 1), "'Phase':'ordered'");
	ck_assert_str_eq(rig_stored(rig, "meta/desired"), "1-1");
	rig_free(rig);
}
END_TEST

START_TEST(orders_lost_in_a_crash_leave_no_trace)
{
	struct rig *rig = rig_new();

	rig->auto_commit = false;
	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	rig_crash(rig);
	rig_commit(rig);
	ck_assert(!rig_knows(rig, ID_1));
	rig->auto_commit = true;
	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	ck_assert_int_eq(rig_reply(rig, 1)->status, 200);
	rig_free(rig);
}
END_TEST

START_TEST(orders_of_another_cluster_are_refused_naming_both)
{
	struct rig *rig = rig_running();
	struct worker_message *message;

	rig_crash(rig); /* it remembers */
	rig_work(rig);
	message = orders_new(9, 9, true, 3);
	(void)snprintf(message->orders.cluster, ID_SIZE, "%s", CLUSTER_2);
	rig_send(rig, message);
	ck_assert_int_eq(rig_reply(rig, 3)->status, 409);
	ck_assert_ptr_nonnull(strstr(rig_reply(rig, 3)->message, CLUSTER_1));
	ck_assert_ptr_nonnull(strstr(rig_reply(rig, 3)->message, CLUSTER_2));
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).wanted, TASK_WANTED_RUN);
	ck_assert_int_eq(rig->signals, 0);
	ck_assert_has(rig->log, "orders.refused");
	rig_free(rig);
}
END_TEST

START_TEST(the_first_cluster_is_taken_and_shown)
{
	struct rig *rig = rig_new();
	uint64_t before = rig_node(rig).revision;

	ck_assert_str_eq(rig_node(rig).cluster, "");
	rig_send(rig, orders_new(1, 1, true, 1));
	ck_assert_str_eq(rig_node(rig).cluster, CLUSTER_1);
	ck_assert_uint_gt(rig_node(rig).revision, before);
	ck_assert_str_eq(rig_stored(rig, "meta/cluster"), CLUSTER_1);
	rig_free(rig);
}
END_TEST

static int
status_of(struct rig *rig, uint64_t generation, uint64_t sequence)
{
	struct worker_message *message = orders_new(generation, sequence, true, 5);
	int status;

	rig_send(rig, message);
	ck_assert_ptr_nonnull(rig_reply(rig, 5));
	status = rig_reply(rig, 5)->status;
	rig_drop(rig, rig_reply(rig, 5));
	return status;
}

START_TEST(orders_older_than_the_newest_are_refused_also_after_a_restart)
{
	struct rig *rig = rig_new();

	ck_assert_int_eq(status_of(rig, 3, 7), 200);
	ck_assert_int_eq(status_of(rig, 3, 6), 409);
	ck_assert_int_eq(status_of(rig, 2, 99), 409);
	rig_crash(rig);
	rig_work(rig);
	ck_assert_int_eq(status_of(rig, 3, 6), 409);
	ck_assert_int_eq(status_of(rig, 3, 7), 200);
	ck_assert_int_eq(status_of(rig, 4, 0), 200);
	rig_free(rig);
}
END_TEST

START_TEST(stale_orders_are_counted_and_the_first_of_a_step_is_logged)
{
	struct rig *rig = rig_new();
	struct worker_message *message = orders_new(3, 7, true, 1);
	uint64_t revision;

	orders_add(message, ID_1, 2, TASK_WANTED_RUN);
	orders_add(message, ID_2, 2, TASK_WANTED_RUN);
	rig_send(rig, message);
	ck_assert_uint_eq(rig_node(rig).stale_orders, 0);
	revision = rig_node(rig).revision;
	ck_assert_int_eq(status_of(rig, 3, 7), 200); /* only repeated */
	ck_assert_uint_eq(rig_node(rig).stale_orders, 0);
	ck_assert_int_eq(status_of(rig, 3, 6), 409);
	ck_assert_has(rig->log, "orders.stale kind=sequence orders=3-6 known=3-7");
	ck_assert_int_eq(status_of(rig, 2, 9), 409);
	ck_assert_has(rig->log, "orders.stale kind=generation orders=2-9 known=3-7");
	ck_assert_uint_eq(rig_node(rig).stale_orders, 2);
	ck_assert_uint_gt(rig_node(rig).revision, revision); /* so the manager asks for it */

	message = orders_new(3, 8, false, 2);
	orders_add(message, ID_1, 1, TASK_WANTED_RUN);
	orders_add(message, ID_2, 1, TASK_WANTED_STOP);
	rig_send(rig, message);
	ck_assert_int_eq(rig_reply(rig, 2)->status, 200);
	ck_assert_has(rig->log, "orders.stale kind=attempt task=" ID_1 " attempt=1 known=2");
	ck_assert_lacks(rig->log, "kind=attempt task=" ID_2);
	ck_assert_uint_eq(rig_node(rig).stale_orders, 4);

	message = orders_new(9, 9, true, 3);
	(void)snprintf(message->orders.cluster, ID_SIZE, "%s", CLUSTER_2);
	rig_send(rig, message);
	message = orders_new(9, 9, true, 4);
	(void)snprintf(message->orders.worker, ID_SIZE, "%s", INSTANCE_2);
	rig_send(rig, message);
	ck_assert_int_eq(rig_reply(rig, 4)->status, 409);
	ck_assert_has(rig->log, "orders.refused worker=" INSTANCE_2 " own=" INSTANCE_1);
	ck_assert_uint_eq(rig_node(rig).stale_orders, 6);
	rig_free(rig);
}
END_TEST

START_TEST(repeated_orders_are_answered_and_change_nothing)
{
	struct rig *rig = rig_new();
	struct worker_message *message = orders_new(1, 1, true, 1);

	orders_add(message, ID_1, 1, TASK_WANTED_RUN);
	rig_send(rig, message);
	rig_work(rig);
	rig_clear(rig);
	/* The same numbers, but other content: what was taken stays. */
	rig_send(rig, orders_new(1, 1, true, 2));
	ck_assert_int_eq(rig_reply(rig, 2)->status, 200);
	ck_assert_uint_eq(rig->out_count, 1);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).wanted, TASK_WANTED_RUN);
	rig_free(rig);
}
END_TEST

START_TEST(repeated_orders_are_not_answered_before_the_first_are_durable)
{
	struct rig *rig = rig_new();

	rig->auto_commit = false;
	rig_send(rig, orders_new(1, 1, true, 1));
	rig_send(rig, orders_new(1, 1, true, 2));
	ck_assert_ptr_null(rig_reply(rig, 2));
	rig_commit(rig);
	ck_assert_int_eq(rig_reply(rig, 2)->status, 200);
	rig_free(rig);
}
END_TEST

START_TEST(a_full_set_stops_what_it_lacks)
{
	struct rig *rig = rig_running();
	struct worker_message *message = orders_new(1, 2, true, 1);

	orders_add(message, ID_2, 1, TASK_WANTED_RUN);
	rig_send(rig, message);
	rig_work(rig);
	ck_assert_int_eq(rig->last_signo, SIGTERM);
	rig_changed(rig, ID_1);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_COMPLETED);
	ck_assert_int_eq(rig_status(rig, ID_2, 1).state, TASK_RUNNING);
	rig_free(rig);
}
END_TEST

static void
orders_add_bare(struct worker_message *message, const char *task_id)
{
	struct order *order;

	orders_add(message, task_id, 1, TASK_WANTED_RUN);
	order = &message->orders.items[message->orders.count - 1];
	task_spec_put(order->spec);
	order->spec = NULL;
}

START_TEST(a_full_set_may_name_a_task_whose_specification_is_here_or_follows)
{
	struct rig *rig = rig_running();
	struct worker_message *message = orders_new(1, 2, true, 1);

	orders_add_bare(message, ID_1);
	orders_add_bare(message, ID_2);
	rig_send(rig, message);
	rig_work(rig);
	ck_assert_int_eq(rig_reply(rig, 1)->status, 200);
	ck_assert_int_eq(rig->signals, 0);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	ck_assert(!rig_knows(rig, ID_2));
	rig_clear(rig);
	rig_order(rig, 3, ID_2, 1, TASK_WANTED_RUN);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_2, 1).state, TASK_RUNNING);
	ck_assert_int_eq(rig->signals, 0);
	rig_free(rig);
}
END_TEST

START_TEST(changes_leave_the_others_alone)
{
	struct rig *rig = rig_running();

	rig_order(rig, 2, ID_2, 1, TASK_WANTED_RUN);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).wanted, TASK_WANTED_RUN);
	ck_assert_int_eq(rig->signals, 0);
	rig_free(rig);
}
END_TEST

START_TEST(an_order_about_an_older_attempt_is_ignored)
{
	struct rig *rig = rig_new();

	rig_order(rig, 1, ID_1, 3, TASK_WANTED_RUN);
	rig_work(rig);
	rig_order(rig, 2, ID_1, 2, TASK_WANTED_RUN);
	rig_order(rig, 3, ID_1, 2, TASK_WANTED_STOP);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 0).attempt, 3);
	ck_assert_int_eq(rig_status(rig, ID_1, 3).wanted, TASK_WANTED_RUN);
	ck_assert_ptr_null(rig_box(rig, ID_1, 2));
	ck_assert_ptr_null(rig_attempt(rig, ID_1, 2));
	rig_free(rig);
}
END_TEST

START_TEST(a_newer_attempt_waits_for_the_end_of_the_older)
{
	struct rig *rig = rig_running();

	rig->obeys_term = false;
	rig_order(rig, 2, ID_1, 2, TASK_WANTED_RUN);
	rig_work(rig);
	ck_assert_int_eq(rig->last_signo, SIGTERM);
	ck_assert_ptr_null(rig_box(rig, ID_1, 2));
	ck_assert_str_eq(rig_status(rig, ID_1, 2).reason, "waiting for attempt 1 to end");
	rig_exit_box(rig, ID_1, 1, 0);
	rig_changed(rig, ID_1);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_COMPLETED);
	ck_assert_int_eq(rig_status(rig, ID_1, 2).state, TASK_RUNNING);
	ck_assert_str_eq(rig_status(rig, ID_1, 2).reason, "");
	rig_free(rig);
}
END_TEST

START_TEST(a_newer_attempt_replaces_one_that_is_being_prepared)
{
	struct rig *rig = rig_new();

	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	rig_order(rig, 2, ID_1, 2, TASK_WANTED_RUN);
	ck_assert_uint_eq(rig_count(rig, WORKER_EFFECT_CANCEL), 1);
	ck_assert_uint_eq(rig_count(rig, WORKER_EFFECT_JOB), 1);
	rig_fail(rig, WORKER_JOB_PREPARE, CUBE_ERR_UNAVAILABLE, "given up");
	rig_work(rig);
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, "replaced before it ran");
	ck_assert_int_eq(rig_status(rig, ID_1, 2).state, TASK_RUNNING);
	ck_assert_ptr_null(rig_box(rig, ID_1, 1));
	rig_free(rig);
}
END_TEST

START_TEST(a_stop_is_for_good)
{
	struct rig *rig = rig_running();

	rig_order(rig, 2, ID_1, 1, TASK_WANTED_STOP);
	rig_order(rig, 3, ID_1, 1, TASK_WANTED_RUN);
	rig_work(rig);
	rig_changed(rig, ID_1);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_COMPLETED);
	ck_assert_int_eq(rig_box(rig, ID_1, 1)->starts, 1);
	rig_free(rig);
}
END_TEST

START_TEST(a_stop_of_an_attempt_never_heard_of_is_reported_as_completed)
{
	struct rig *rig = rig_new();
	struct revision since = {rig->config.epoch, 0};

	rig_order(rig, 1, ID_1, 4, TASK_WANTED_STOP);
	rig_poll(rig, since, 1000, 7);
	ck_assert_uint_eq(rig_reply(rig, 7)->task_count, 1);
	ck_assert_int_eq(rig_reply(rig, 7)->tasks[0].status.state, TASK_COMPLETED);
	ck_assert_int_eq(rig_reply(rig, 7)->tasks[0].status.attempt, 4);
	ck_assert_str_eq(rig_reply(rig, 7)->tasks[0].spec->id, ID_1);
	ck_assert_uint_eq(rig_count(rig, WORKER_EFFECT_JOB), 0);
	rig_crash(rig); /* and its record can be read again */
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 4).state, TASK_COMPLETED);
	rig_free(rig);
}
END_TEST

START_TEST(an_acknowledged_stop_is_removed_and_forgotten)
{
	struct rig *rig = rig_running();

	rig_order(rig, 2, ID_1, 1, TASK_WANTED_STOP);
	rig_work(rig);
	rig_changed(rig, ID_1);
	rig_work(rig);
	ck_assert_ptr_nonnull(rig_box(rig, ID_1, 1)); /* not before the manager has it */
	rig->auto_commit = false;
	rig_ack(rig, 3);
	ck_assert_ptr_null(rig_job(rig, WORKER_JOB_REMOVE)); /* nor before we have that */
	rig_commit(rig);
	rig->auto_commit = true;
	rig_work(rig);
	ck_assert_ptr_null(rig_box(rig, ID_1, 1));
	ck_assert_ptr_null(rig_attempt(rig, ID_1, 1));
	ck_assert(!rig_knows(rig, ID_1));
	ck_assert_has(rig->log, "attempt.removed");
	rig_free(rig);
}
END_TEST

START_TEST(a_removal_that_fails_is_tried_again)
{
	struct rig *rig = rig_running();

	rig_order(rig, 2, ID_1, 1, TASK_WANTED_STOP);
	rig_work(rig);
	rig_changed(rig, ID_1);
	rig_work(rig);
	rig_ack(rig, 3);
	rig_fail(rig, WORKER_JOB_REMOVE, CUBE_ERR_INTERNAL, "device busy");
	ck_assert_ptr_null(rig_job(rig, WORKER_JOB_REMOVE));
	rig_sleep(rig, 1000);
	rig_fail(rig, WORKER_JOB_REMOVE, CUBE_ERR_CONFLICT, "it runs");
	rig_sleep(rig, 2000);
	rig_work(rig);
	ck_assert_int_eq(rig->last_signo, SIGKILL);
	rig_sleep(rig, 2000);
	rig_work(rig);
	ck_assert(!rig_knows(rig, ID_1));
	ck_assert_uint_eq(rig->box_count, 0);
	rig_free(rig);
}
END_TEST

START_TEST(an_acknowledged_end_keeps_its_container_until_others_push_it_out)
{
	struct rig *rig = rig_prepare();

	rig->config.keep_ended = 1;
	rig_boot(rig);
	rig_work(rig);
	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	rig_work(rig);
	rig_exit_box(rig, ID_1, 1, 3);
	rig_changed(rig, ID_1);
	rig_work(rig);
	rig_ack(rig, 2);
	rig_work(rig);
	ck_assert_ptr_nonnull(rig_box(rig, ID_1, 1));
	ck_assert_int_eq(rig_status(rig, ID_1, 1).exit_code, 3);
	rig_sleep(rig, 5000);
	rig_order(rig, 3, ID_2, 1, TASK_WANTED_RUN);
	rig_work(rig);
	rig_exit_box(rig, ID_2, 1, 0);
	rig_changed(rig, ID_2);
	rig_work(rig);
	rig_ack(rig, 4);
	rig_work(rig);
	ck_assert_ptr_null(rig_box(rig, ID_1, 1)); /* the oldest goes */
	ck_assert(!rig_knows(rig, ID_1));
	ck_assert_ptr_nonnull(rig_box(rig, ID_2, 1));
	rig_free(rig);
}
END_TEST

START_TEST(an_acknowledgement_of_another_epoch_or_too_low_counts_for_nothing)
{
	struct rig *rig = rig_running();
	struct worker_message *message;

	rig_exit_box(rig, ID_1, 1, 0);
	rig_changed(rig, ID_1);
	rig_work(rig);
	message = orders_new(1, 2, false, 1);
	message->orders.acked = (struct revision){rig->config.epoch - 1, 1000};
	rig_send(rig, message);
	ck_assert_has(rig_attempt(rig, ID_1, 1), "'Acked':false");
	message = orders_new(1, 3, false, 1);
	message->orders.acked = (struct revision){rig->config.epoch, 0};
	rig_send(rig, message);
	ck_assert_has(rig_attempt(rig, ID_1, 1), "'Acked':false");
	rig_ack(rig, 4);
	ck_assert_has(rig_attempt(rig, ID_1, 1), "'Acked':true");
	rig_free(rig);
}
END_TEST

START_TEST(a_failing_store_refuses_orders_before_anything_is_touched)
{
	struct rig *rig = rig_running();
	struct worker_message *message = orders_new(1, 2, true, 1);

	rig->fault = "disk full";
	rig_send(rig, message); /* an empty set */
	ck_assert_int_eq(rig_reply(rig, 1)->status, 503);
	ck_assert_ptr_nonnull(strstr(rig_reply(rig, 1)->message, "disk full"));
	message = rig_message(WORKER_STOP, 2);
	(void)snprintf(message->task_id, ID_SIZE, "%s", ID_1);
	rig_send(rig, message);
	ck_assert_int_eq(rig_reply(rig, 2)->status, 503);
	message = rig_message(WORKER_RUN, 3);
	message->request.wanted = TASK_WANTED_RUN;
	message->request.spec = rig_spec(ID_2);
	rig_send(rig, message);
	ck_assert_int_eq(rig_reply(rig, 3)->status, 503);
	ck_assert_uint_eq(rig_count(rig, WORKER_EFFECT_JOB), 0);
	rig->fault = NULL;
	ck_assert_int_eq(rig_status(rig, ID_1, 1).wanted, TASK_WANTED_RUN);
	ck_assert(!rig_knows(rig, ID_2));
	ck_assert_int_eq(status_of(rig, 1, 2), 200); /* the number was not used up */
	rig_free(rig);
}
END_TEST

START_TEST(orders_that_make_no_sense_are_refused_whole)
{
	struct rig *rig = rig_new();
	struct worker_message *message = orders_new(1, 1, false, 1);

	orders_add(message, ID_1, 1, TASK_WANTED_RUN);
	orders_add(message, ID_2, 0, TASK_WANTED_STOP);
	rig_send(rig, message);
	ck_assert_int_eq(rig_reply(rig, 1)->status, 400);
	ck_assert(!rig_knows(rig, ID_1));
	message = orders_new(1, 1, false, 2);
	message->orders.cluster[0] = '\0';
	rig_send(rig, message);
	ck_assert_int_eq(rig_reply(rig, 2)->status, 400);
	rig_free(rig);
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("worker desired");
	TCase *orders = tcase_create("orders");
	TCase *ends = tcase_create("ends");

	tcase_add_test(orders, orders_are_answered_and_acted_on_only_when_they_are_journalled);
	tcase_add_test(orders, orders_lost_in_a_crash_leave_no_trace);
	tcase_add_test(orders, orders_of_another_cluster_are_refused_naming_both);
	tcase_add_test(orders, the_first_cluster_is_taken_and_shown);
	tcase_add_test(orders, orders_older_than_the_newest_are_refused_also_after_a_restart);
	tcase_add_test(orders, stale_orders_are_counted_and_the_first_of_a_step_is_logged);
	tcase_add_test(orders, repeated_orders_are_answered_and_change_nothing);
	tcase_add_test(orders, repeated_orders_are_not_answered_before_the_first_are_durable);
	tcase_add_test(orders, a_full_set_stops_what_it_lacks);
	tcase_add_test(orders,
		       a_full_set_may_name_a_task_whose_specification_is_here_or_follows);
	tcase_add_test(orders, changes_leave_the_others_alone);
	tcase_add_test(orders, an_order_about_an_older_attempt_is_ignored);
	tcase_add_test(orders, a_newer_attempt_waits_for_the_end_of_the_older);
	tcase_add_test(orders, a_newer_attempt_replaces_one_that_is_being_prepared);
	tcase_add_test(orders, a_failing_store_refuses_orders_before_anything_is_touched);
	tcase_add_test(orders, orders_that_make_no_sense_are_refused_whole);
	tcase_add_test(ends, a_stop_is_for_good);
	tcase_add_test(ends, a_stop_of_an_attempt_never_heard_of_is_reported_as_completed);
	tcase_add_test(ends, an_acknowledged_stop_is_removed_and_forgotten);
	tcase_add_test(ends, a_removal_that_fails_is_tried_again);
	tcase_add_test(ends, an_acknowledged_end_keeps_its_container_until_others_push_it_out);
	tcase_add_test(ends, an_acknowledgement_of_another_epoch_or_too_low_counts_for_nothing);
	suite_add_tcase(suite, orders);
	suite_add_tcase(suite, ends);
	return suite;
}

CHECK_MAIN(suite)
