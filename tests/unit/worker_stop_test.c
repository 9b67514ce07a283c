/* Stops, at every point of an attempt's life: cancel, signal, grace, kill, and looking. */
#include "check_main.h"
#include "worker_help.h"

START_TEST(a_stop_during_the_prepare_cancels_it_and_completes)
{
	struct rig *rig = rig_new();

	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	rig_order(rig, 2, ID_1, 1, TASK_WANTED_STOP);
	rig_order(rig, 3, ID_1, 1, TASK_WANTED_STOP);
	ck_assert_uint_eq(rig_count(rig, WORKER_EFFECT_CANCEL), 1);
	ck_assert_uint_eq(rig_find(rig, WORKER_EFFECT_CANCEL, 0)->attempt, 1);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_SCHEDULED);
	rig_fail(rig, WORKER_JOB_PREPARE, CUBE_ERR_UNAVAILABLE, "given up");
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_COMPLETED);
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, "stopped before it ran");
	ck_assert(rig_node(rig).runtime_ready);
	ck_assert_uint_eq(rig->box_count, 0);
	rig_free(rig);
}
END_TEST

START_TEST(a_cancel_does_not_overtake_the_prepare_it_is_for)
{
	struct rig *rig = rig_new();

	rig->auto_commit = false;
	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	rig_order(rig, 2, ID_1, 1, TASK_WANTED_STOP);
	ck_assert_uint_eq(rig->out_count, 0);
	rig_commit(rig);
	ck_assert_int_eq(rig->out[0]->kind, WORKER_EFFECT_REPLY);
	ck_assert_int_eq(rig->out[1]->kind, WORKER_EFFECT_JOB);
	ck_assert_uint_eq(rig_count(rig, WORKER_EFFECT_CANCEL), 1);
	rig_free(rig);
}
END_TEST

START_TEST(a_stop_of_what_waits_completes_it_at_once)
{
	struct rig *rig = rig_new();

	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	rig_fail(rig, WORKER_JOB_PREPARE, CUBE_ERR_TIMEOUT, "slow registry");
	rig_order(rig, 2, ID_1, 1, TASK_WANTED_STOP);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_COMPLETED);
	rig_free(rig);
}
END_TEST

START_TEST(a_stop_during_the_run_signals_as_soon_as_it_runs)
{
	struct rig *rig = rig_new();

	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	rig_do(rig, WORKER_JOB_PREPARE);
	rig_order(rig, 2, ID_1, 1, TASK_WANTED_STOP);
	ck_assert_uint_eq(rig_count(rig, WORKER_EFFECT_CANCEL), 0);
	rig_do(rig, WORKER_JOB_RUN);
	ck_assert_int_eq(rig_job(rig, WORKER_JOB_SIGNAL)->signo, SIGTERM);
	rig_do(rig, WORKER_JOB_SIGNAL);
	rig_changed(rig, ID_1);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_COMPLETED);
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, "stopped");
	ck_assert_int_eq(rig_status(rig, ID_1, 1).exit_code, 143);
	rig_free(rig);
}
END_TEST

START_TEST(a_stop_between_prepare_and_run_never_runs_it)
{
	struct rig *rig = rig_new();
	struct worker_message *done;

	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	done = rig_outcome(rig_job(rig, WORKER_JOB_PREPARE), 0, "");
	rig_order(rig, 2, ID_1, 1, TASK_WANTED_STOP);
	rig_clear(rig);
	rig_send(rig, done);
	ck_assert_ptr_null(rig_job(rig, WORKER_JOB_RUN));
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_COMPLETED);
	rig_free(rig);
}
END_TEST

START_TEST(what_does_not_end_in_its_grace_is_killed)
{
	struct rig *rig = rig_running();

	rig->obeys_term = false;
	rig_order(rig, 2, ID_1, 1, TASK_WANTED_STOP);
	rig_work(rig);
	ck_assert_int_eq(rig->last_signo, SIGTERM);
	rig_sleep(rig, 9999);
	rig_work(rig);
	ck_assert_int_eq(rig->signals, 1);
	rig_sleep(rig, 1);
	rig_work(rig);
	ck_assert_int_eq(rig->last_signo, SIGKILL);
	rig_sleep(rig, 1000); /* no event came: it looks by itself */
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_COMPLETED);
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason,
			 "stopped: killed, as it did not end within 10 s of SIGTERM");
	rig_free(rig);
}
END_TEST

START_TEST(a_second_stop_sends_no_second_signal_and_gives_no_more_time)
{
	struct rig *rig = rig_running();

	rig->obeys_term = false;
	rig_order(rig, 2, ID_1, 1, TASK_WANTED_STOP);
	rig_work(rig);
	rig_sleep(rig, 9000);
	rig_order(rig, 3, ID_1, 1, TASK_WANTED_STOP);
	rig_work(rig);
	ck_assert_int_eq(rig->signals, 1);
	rig_sleep(rig, 1000);
	rig_work(rig);
	ck_assert_int_eq(rig->last_signo, SIGKILL);
	rig_free(rig);
}
END_TEST

START_TEST(what_survives_a_kill_is_looked_at_and_killed_again)
{
	struct rig *rig = rig_running();
	int kills = 0;
	int i;

	rig_order(rig, 2, ID_1, 1, TASK_WANTED_STOP);
	/* The engine says yes to each signal, and nothing comes of it. */
	for (i = 0; i < 100 && kills < 3; i++) {
		struct worker_effect *job = rig_job(rig, WORKER_JOB_SIGNAL);

		if (job != NULL) {
			struct worker_message *done = rig_outcome(job, 0, "");

			kills += job->signo == SIGKILL;
			rig_drop(rig, job);
			rig_send(rig, done);
		}
		if (rig_job(rig, WORKER_JOB_INSPECT) != NULL)
			rig_do(rig, WORKER_JOB_INSPECT);
		if (rig_job(rig, WORKER_JOB_SIGNAL) == NULL)
			rig_sleep(rig, 1000);
	}
	ck_assert_int_eq(kills, 3);
	ck_assert_int_gt(i, 10); /* not in a rush */
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	rig_exit_box(rig, ID_1, 1, 137);
	rig_sleep(rig, 30000);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_COMPLETED);
	rig_free(rig);
}
END_TEST

START_TEST(a_stop_after_an_unknown_run_looks_for_the_container)
{
	struct rig *rig = rig_new();

	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	rig_do(rig, WORKER_JOB_PREPARE);
	if (_i == 1)
		rig_add_box(rig, ID_1, 1, CUBE_CONTAINER_RUNNING);
	rig_fail(rig, WORKER_JOB_RUN, CUBE_ERR_TIMEOUT, "no answer in 120 s");
	rig_do(rig, WORKER_JOB_PROBE);
	rig_order(rig, 2, ID_1, 1, TASK_WANTED_STOP);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_SCHEDULED);
	rig_do(rig, WORKER_JOB_LIST);
	rig_work(rig);
	rig_changed(rig, ID_1);
	rig_work(rig);
	ck_assert_int_eq(rig->signals, _i);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_COMPLETED);
	rig_free(rig);
}
END_TEST

START_TEST(a_container_gone_while_it_is_stopped_has_stopped)
{
	struct rig *rig = rig_running();

	rig_order(rig, 2, ID_1, 1, TASK_WANTED_STOP);
	rig_drop_box(rig, rig_box(rig, ID_1, 1));
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_COMPLETED);
	rig_ack(rig, 3);
	rig_work(rig);
	ck_assert(!rig_knows(rig, ID_1));
	rig_free(rig);
}
END_TEST

START_TEST(a_stop_without_events_is_seen_by_looking)
{
	struct rig *rig = rig_prepare();

	rig->config.runtime_has_events = false;
	rig_boot(rig);
	rig_work(rig);
	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	rig_work(rig);
	rig_order(rig, 2, ID_1, 1, TASK_WANTED_STOP);
	rig_work(rig);
	rig_sleep(rig, 400);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_COMPLETED);
	rig_free(rig);
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("worker stop");
	TCase *stops = tcase_create("stops");

	tcase_add_test(stops, a_stop_during_the_prepare_cancels_it_and_completes);
	tcase_add_test(stops, a_cancel_does_not_overtake_the_prepare_it_is_for);
	tcase_add_test(stops, a_stop_of_what_waits_completes_it_at_once);
	tcase_add_test(stops, a_stop_during_the_run_signals_as_soon_as_it_runs);
	tcase_add_test(stops, a_stop_between_prepare_and_run_never_runs_it);
	tcase_add_test(stops, what_does_not_end_in_its_grace_is_killed);
	tcase_add_test(stops, a_second_stop_sends_no_second_signal_and_gives_no_more_time);
	tcase_add_test(stops, what_survives_a_kill_is_looked_at_and_killed_again);
	tcase_add_loop_test(stops, a_stop_after_an_unknown_run_looks_for_the_container, 0, 2);
	tcase_add_test(stops, a_container_gone_while_it_is_stopped_has_stopped);
	tcase_add_test(stops, a_stop_without_events_is_seen_by_looking);
	suite_add_tcase(suite, stops);
	return suite;
}

CHECK_MAIN(suite)
