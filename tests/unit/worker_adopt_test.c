/* After a restart, and at any list: each row of the table in core/worker/adopt.c. */
#include "check_main.h"
#include "worker_help.h"

/* Attempt 1 of ID_1 was ordered and journalled; the process ended before anything ran. */
static struct rig *
rig_ordered(void)
{
	struct rig *rig = rig_new();

	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	rig_kill(rig);
	return rig;
}

/* As rig_running, and the process ended. */
static struct rig *
rig_ran(void)
{
	struct rig *rig = rig_running();

	rig_kill(rig);
	return rig;
}

START_TEST(nothing_is_run_before_the_first_list_is_answered)
{
	struct rig *rig = rig_ordered();

	rig_boot(rig);
	rig_do(rig, WORKER_JOB_PROBE);
	rig_sleep(rig, 60000);
	rig_order(rig, 2, ID_2, 1, TASK_WANTED_RUN);
	ck_assert_ptr_null(rig_job(rig, WORKER_JOB_PREPARE));
	rig_do(rig, WORKER_JOB_LIST);
	ck_assert_ptr_nonnull(rig_job(rig, WORKER_JOB_PREPARE));
	rig_free(rig);
}
END_TEST

START_TEST(wanted_without_a_handle_and_not_listed_is_run)
{
	struct rig *rig = rig_ordered();

	rig_boot(rig);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	ck_assert_int_eq(rig_box(rig, ID_1, 1)->starts, 1);
	rig_free(rig);
}
END_TEST

START_TEST(a_handle_that_is_not_listed_has_vanished)
{
	struct rig *rig = rig_ran();

	rig_drop_box(rig, rig_box(rig, ID_1, 1));
	rig_boot(rig);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_FAILED);
	ck_assert_has(rig_status(rig, ID_1, 1).reason, "vanished");
	ck_assert_ptr_null(rig_box(rig, ID_1, 1));
	rig_free(rig);
}
END_TEST

START_TEST(wanted_and_running_is_adopted_undisturbed)
{
	struct rig *rig = rig_ran();
	int64_t start_ms;

	rig->log_size = 0;
	rig_boot(rig);
	rig_work(rig);
	start_ms = rig_status(rig, ID_1, 1).start_ms;
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	ck_assert_int_eq(start_ms, 1700000000000);
	ck_assert_int_eq(rig_box(rig, ID_1, 1)->starts, 1);
	ck_assert_int_eq(rig->signals, 0);
	ck_assert_has(rig->log, "attempt.adopted");
	rig_free(rig);
}
END_TEST

START_TEST(a_run_whose_handle_was_lost_in_the_crash_is_adopted)
{
	struct rig *rig = rig_ordered();

	rig_add_box(rig, ID_1, 1, CUBE_CONTAINER_RUNNING)->starts = 1;
	rig_boot(rig);
	rig_do(rig, WORKER_JOB_PROBE);
	rig_do(rig, WORKER_JOB_LIST);
	ck_assert_ptr_null(rig_job(rig, WORKER_JOB_PREPARE));
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	ck_assert_str_eq(rig_status(rig, ID_1, 1).container_id, rig_box(rig, ID_1, 1)->handle);
	ck_assert_int_eq(rig_box(rig, ID_1, 1)->starts, 1);
	rig_free(rig);
}
END_TEST

START_TEST(what_ended_meanwhile_is_reported_with_its_code)
{
	struct rig *rig = _i == 0 ? rig_ran() : rig_ordered();

	if (_i == 1)
		rig_add_box(rig, ID_1, 1, CUBE_CONTAINER_EXITED);
	rig_exit_box(rig, ID_1, 1, 3);
	rig_boot(rig);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_FAILED);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).exit_code, 3);
	ck_assert_ptr_nonnull(rig_box(rig, ID_1, 1)); /* kept until acknowledged */
	rig_free(rig);
}
END_TEST

START_TEST(what_was_only_created_is_started)
{
	struct rig *rig = rig_ordered();

	rig_add_box(rig, ID_1, 1, CUBE_CONTAINER_CREATED);
	rig_boot(rig);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	ck_assert_uint_eq(rig->box_count, 1);
	rig_free(rig);
}
END_TEST

START_TEST(created_and_to_be_stopped_never_starts_and_is_removed)
{
	struct rig *rig = rig_new();

	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	rig_order(rig, 2, ID_1, 1, TASK_WANTED_STOP); /* the prepare is still under way */
	rig_kill(rig);
	rig_add_box(rig, ID_1, 1, CUBE_CONTAINER_CREATED);
	rig_boot(rig);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_COMPLETED);
	ck_assert_int_eq(rig_box(rig, ID_1, 1)->starts, 0);
	rig_ack(rig, 3);
	rig_work(rig);
	ck_assert_uint_eq(rig->box_count, 0);
	rig_free(rig);
}
END_TEST

START_TEST(a_stop_goes_on_after_a_restart)
{
	struct rig *rig = rig_running();

	rig->obeys_term = false;
	rig_order(rig, 2, ID_1, 1, TASK_WANTED_STOP);
	rig_crash(rig);
	rig_work(rig);
	ck_assert_int_eq(rig->last_signo, SIGTERM);
	rig_sleep(rig, 10000);
	rig_work(rig);
	ck_assert_int_eq(rig->last_signo, SIGKILL);
	rig_sleep(rig, 1000);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_COMPLETED);
	rig_free(rig);
}
END_TEST

START_TEST(an_older_attempt_is_stopped_and_removed_before_the_newer_runs)
{
	struct rig *rig = rig_new();
	const struct box *older;

	rig_order(rig, 1, ID_1, 2, TASK_WANTED_RUN);
	rig_kill(rig);
	rig_add_box(rig, ID_1, 1, CUBE_CONTAINER_RUNNING);
	rig->obeys_term = false;
	rig_boot(rig);
	rig_work(rig);
	ck_assert_int_eq(rig->last_signo, SIGTERM);
	ck_assert_ptr_null(rig_box(rig, ID_1, 2));
	rig_exit_box(rig, ID_1, 1, 0);
	rig_changed(rig, ID_1);
	rig_work(rig);
	older = rig_box(rig, ID_1, 1);
	ck_assert_ptr_null(older);
	ck_assert_int_eq(rig_status(rig, ID_1, 2).state, TASK_RUNNING);
	ck_assert_ptr_null(rig_attempt(rig, ID_1, 1)); /* it was never ours to remember */
	rig_free(rig);
}
END_TEST

START_TEST(what_nobody_knows_is_left_alone_and_counted)
{
	struct rig *rig = rig_ran();

	rig_add_box(rig, ID_2, 1, CUBE_CONTAINER_RUNNING);
	rig_add_box(rig, ID_1, 5, CUBE_CONTAINER_RUNNING); /* newer than all we know */
	rig_boot(rig);
	rig_work(rig);
	rig_sleep(rig, 60000);
	rig_work(rig);
	ck_assert_int_eq(rig->signals, 0);
	ck_assert_uint_eq(rig->box_count, 3);
	ck_assert_has(rig->log, "container.orphan action=seen task=" ID_2);
	ck_assert_has(rig->log, "container.orphan action=seen task=" ID_1 " attempt=5");
	rig_free(rig);
}
END_TEST

START_TEST(an_order_claims_what_nobody_knew)
{
	struct rig *rig = rig_new();
	struct worker_message *message;

	rig_add_box(rig, ID_1, 1, CUBE_CONTAINER_RUNNING);
	rig_add_box(rig, ID_2, 1, CUBE_CONTAINER_RUNNING)->starts = 1;
	rig_crash(rig);
	rig_work(rig);
	message = orders_new(1, 1, true, 1);
	orders_add(message, ID_1, 2, TASK_WANTED_RUN);
	orders_add(message, ID_2, 1, TASK_WANTED_RUN);
	/* Their cluster is this one, which the worker has only now heard of. */
	rig_send(rig, message);
	ck_assert_ptr_null(rig_job(rig, WORKER_JOB_PREPARE));
	rig->obeys_term = false;
	rig_work(rig);
	ck_assert_ptr_null(rig_box(rig, ID_1, 2));
	rig_exit_box(rig, ID_1, 1, 0);
	rig_changed(rig, ID_1);
	rig_work(rig);
	ck_assert_ptr_null(rig_box(rig, ID_1, 1));
	ck_assert_int_eq(rig_box(rig, ID_1, 2)->state, CUBE_CONTAINER_RUNNING);
	ck_assert_int_eq(rig_box(rig, ID_2, 1)->starts, 1);
	ck_assert_int_eq(rig_status(rig, ID_2, 1).state, TASK_RUNNING);
	rig_free(rig);
}
END_TEST

START_TEST(an_order_to_stop_reaches_what_nobody_knew)
{
	struct rig *rig = rig_new();

	rig_order(rig, 1, ID_2, 1, TASK_WANTED_RUN); /* so that the cluster is known */
	rig_kill(rig);
	rig_add_box(rig, ID_1, 3, CUBE_CONTAINER_RUNNING);
	rig_boot(rig);
	rig_work(rig);
	rig_order(rig, 2, ID_1, 3, TASK_WANTED_STOP);
	rig_work(rig);
	rig_changed(rig, ID_1);
	rig_work(rig);
	ck_assert_int_eq(rig_box(rig, ID_1, 3)->state, CUBE_CONTAINER_EXITED);
	ck_assert_int_eq(rig_status(rig, ID_1, 3).state, TASK_COMPLETED);
	rig_free(rig);
}
END_TEST

START_TEST(a_container_of_another_cluster_is_never_touched)
{
	struct rig *rig = rig_ran();
	struct box *box = rig_box(rig, ID_1, 1);

	/* The same task and attempt, but theirs: ours has vanished. */
	(void)snprintf(box->cluster, ID_SIZE, "%s", CLUSTER_2);
	rig_boot(rig);
	rig_work(rig);
	rig_order(rig, 2, ID_1, 1, TASK_WANTED_STOP);
	rig_ack(rig, 3);
	rig_work(rig);
	ck_assert_int_eq(rig_box(rig, ID_1, 1)->state, CUBE_CONTAINER_RUNNING);
	ck_assert_int_eq(rig->signals, 0);
	rig_free(rig);
}
END_TEST

START_TEST(an_ended_attempt_whose_container_came_alive_is_killed)
{
	struct rig *rig = rig_running();

	rig_order(rig, 2, ID_1, 1, TASK_WANTED_STOP);
	rig_work(rig);
	rig_changed(rig, ID_1);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_COMPLETED);
	rig_box(rig, ID_1, 1)->state = CUBE_CONTAINER_RUNNING; /* someone started it */
	rig_send(rig, rig_message(WORKER_RESYNC, 0));
	rig_work(rig);
	rig_sleep(rig, 1000);
	rig_work(rig);
	ck_assert_int_eq(rig->last_signo, SIGKILL);
	ck_assert_int_eq(rig_box(rig, ID_1, 1)->state, CUBE_CONTAINER_EXITED);
	ck_assert_has(rig->log, "container.revived");
	rig_free(rig);
}
END_TEST

/* ---- races of a list with what happens meanwhile ---- */

START_TEST(a_list_from_before_a_run_does_not_make_it_vanish)
{
	struct rig *rig = rig_new();
	struct worker_message *listing;

	rig_send(rig, rig_message(WORKER_RESYNC, 0));
	listing = rig_listing(rig, rig_job(rig, WORKER_JOB_LIST)); /* empty */
	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	rig_do(rig, WORKER_JOB_PREPARE);
	rig_do(rig, WORKER_JOB_RUN);
	rig_clear(rig);
	rig_send(rig, listing);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	rig_free(rig);
}
END_TEST

START_TEST(a_list_from_before_an_exit_does_not_bring_it_back)
{
	struct rig *rig = rig_running();
	struct worker_message *listing;

	rig_send(rig, rig_message(WORKER_RESYNC, 0));
	listing = rig_listing(rig, rig_job(rig, WORKER_JOB_LIST)); /* running */
	rig_drop(rig, rig_job(rig, WORKER_JOB_LIST));
	rig_exit_box(rig, ID_1, 1, 0);
	rig_changed(rig, ID_1);
	rig_work(rig);
	rig_send(rig, listing);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_COMPLETED);
	ck_assert_int_eq(rig->signals, 0);
	rig_free(rig);
}
END_TEST

START_TEST(a_list_that_lacks_what_a_job_is_about_makes_it_look)
{
	struct rig *rig = rig_running();
	struct worker_message *inspected;

	rig_changed(rig, ID_1);
	inspected = rig_engine(rig, rig_job(rig, WORKER_JOB_INSPECT)); /* still running */
	rig_drop(rig, rig_job(rig, WORKER_JOB_INSPECT));
	rig_send(rig, rig_message(WORKER_RESYNC, 0));
	rig_drop_box(rig, rig_box(rig, ID_1, 1));
	rig_do(rig, WORKER_JOB_LIST);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	rig_send(rig, inspected);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_FAILED);
	rig_free(rig);
}
END_TEST

START_TEST(a_resync_during_a_list_lists_once_more)
{
	struct rig *rig = rig_new();

	rig_send(rig, rig_message(WORKER_RESYNC, 0));
	rig_send(rig, rig_message(WORKER_RESYNC, 0));
	rig_send(rig, rig_message(WORKER_RESYNC, 0));
	ck_assert_uint_eq(rig_count(rig, WORKER_EFFECT_JOB), 1);
	rig_do(rig, WORKER_JOB_LIST);
	ck_assert_uint_eq(rig_count(rig, WORKER_EFFECT_JOB), 1);
	rig_do(rig, WORKER_JOB_LIST);
	ck_assert_uint_eq(rig_count(rig, WORKER_EFFECT_JOB), 0);
	rig_free(rig);
}
END_TEST

START_TEST(while_the_engine_is_down_attempts_keep_what_is_journalled)
{
	struct rig *rig = rig_ran();
	struct revision since = {0, 0};

	rig->down = true;
	rig_boot(rig);
	rig_poll(rig, since, 5000, 7);
	ck_assert_ptr_null(rig_reply(rig, 7));
	rig_work(rig); /* probe and list fail */
	ck_assert_ptr_nonnull(rig_reply(rig, 7));
	ck_assert(rig_reply(rig, 7)->full);
	ck_assert_uint_eq(rig_reply(rig, 7)->task_count, 1);
	ck_assert_int_eq(rig_reply(rig, 7)->tasks[0].status.state, TASK_RUNNING);
	rig_free(rig);
}
END_TEST

/* ---- loading ---- */

static int
load(struct rig *rig, const char *key, const char *value, struct cube_error *err)
{
	struct cube_record record = {.key = key, .value = value, .value_size = strlen(value)};

	return worker_load(rig->worker, &record, err);
}

START_TEST(a_damaged_or_newer_journal_is_refused_saying_what_to_do)
{
	struct rig *rig = rig_new();
	struct cube_error err;

	ck_assert_int_eq(load(rig, "meta/format", "2", &err), CUBE_ERR_INVALID);
	ck_assert_has(err.message, "newer");
	ck_assert_int_eq(load(rig, "meta/format", "one", &err), CUBE_ERR_INTERNAL);
	ck_assert_int_eq(load(rig, "meta/cluster", "x", &err), CUBE_ERR_INTERNAL);
	ck_assert_int_eq(load(rig, "meta/desired", "7", &err), CUBE_ERR_INTERNAL);
	ck_assert_int_eq(load(rig, "attempt/x/00000001", "{}", &err), CUBE_ERR_INTERNAL);
	ck_assert_int_eq(load(rig, "attempt/" ID_1 "/00000001", "{", &err), CUBE_ERR_INTERNAL);
	ck_assert_has(err.message, "attempt/" ID_1 "/00000001");
	ck_assert_int_eq(load(rig, "attempt/" ID_1 "/00000001", "{\"Image\":\"a\"}", &err),
			 CUBE_ERR_INTERNAL);
	ck_assert_int_eq(load(rig, "attempt/" ID_1 "/00000002",
			      "{\"Image\":\"a\",\"Phase\":\"ended\",\"Origin\":\"local\","
			      "\"State\":2}",
			      &err),
			 CUBE_ERR_INTERNAL);
	ck_assert_has(err.message, "do not go together");
	ck_assert_int_eq(load(rig, "meta/generation", "3", &err), CUBE_ERR_INVALID);
	ck_assert_has(err.message, "is a cube-manager");
	ck_assert_int_eq(load(rig, "task/" ID_1, "{}", &err), CUBE_ERR_INVALID);
	/* of a later version, or the loop's */
	ck_assert_int_eq(load(rig, "meta/batch", "12", &err), 0);
	ck_assert_int_eq(load(rig, "other/x", "?", &err), 0);
	rig_free(rig);
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("worker adopt");
	TCase *table = tcase_create("table");
	TCase *races = tcase_create("races");

	tcase_add_test(table, nothing_is_run_before_the_first_list_is_answered);
	tcase_add_test(table, wanted_without_a_handle_and_not_listed_is_run);
	tcase_add_test(table, a_handle_that_is_not_listed_has_vanished);
	tcase_add_test(table, wanted_and_running_is_adopted_undisturbed);
	tcase_add_test(table, a_run_whose_handle_was_lost_in_the_crash_is_adopted);
	tcase_add_loop_test(table, what_ended_meanwhile_is_reported_with_its_code, 0, 2);
	tcase_add_test(table, what_was_only_created_is_started);
	tcase_add_test(table, created_and_to_be_stopped_never_starts_and_is_removed);
	tcase_add_test(table, a_stop_goes_on_after_a_restart);
	tcase_add_test(table, an_older_attempt_is_stopped_and_removed_before_the_newer_runs);
	tcase_add_test(table, what_nobody_knows_is_left_alone_and_counted);
	tcase_add_test(table, an_order_claims_what_nobody_knew);
	tcase_add_test(table, an_order_to_stop_reaches_what_nobody_knew);
	tcase_add_test(table, a_container_of_another_cluster_is_never_touched);
	tcase_add_test(table, an_ended_attempt_whose_container_came_alive_is_killed);
	tcase_add_test(races, a_list_from_before_a_run_does_not_make_it_vanish);
	tcase_add_test(races, a_list_from_before_an_exit_does_not_bring_it_back);
	tcase_add_test(races, a_list_that_lacks_what_a_job_is_about_makes_it_look);
	tcase_add_test(races, a_resync_during_a_list_lists_once_more);
	tcase_add_test(races, while_the_engine_is_down_attempts_keep_what_is_journalled);
	tcase_add_test(races, a_damaged_or_newer_journal_is_refused_saying_what_to_do);
	suite_add_tcase(suite, table);
	suite_add_tcase(suite, races);
	return suite;
}

CHECK_MAIN(suite)
