/* From what is to what is wanted: prepare, run, and whose fault an error is. */
#include "check_main.h"
#include "worker_help.h"

START_TEST(an_attempt_is_prepared_then_run_then_reported_running)
{
	struct rig *rig = rig_new();
	struct worker_effect *job;
	struct task_status status;

	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	job = rig_job(rig, WORKER_JOB_PREPARE);
	ck_assert_str_eq(job->spec->image, "nginx:1.25");
	ck_assert_uint_eq(job->attempt, 1);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_SCHEDULED);
	rig_do(rig, WORKER_JOB_PREPARE);
	job = rig_job(rig, WORKER_JOB_RUN);
	ck_assert_str_eq(job->cluster, CLUSTER_1);
	ck_assert_str_eq(job->spec->id, ID_1);
	rig_do(rig, WORKER_JOB_RUN);
	status = rig_status(rig, ID_1, 1);
	ck_assert_int_eq(status.state, TASK_RUNNING);
	ck_assert_str_eq(status.container_id, rig_box(rig, ID_1, 1)->handle);
	ck_assert_int_eq(status.start_ms, 1700000000000);
	ck_assert_str_eq(status.node, "n1");
	ck_assert_has(rig_attempt(rig, ID_1, 1), "'Phase':'running'");
	rig_free(rig);
}
END_TEST

START_TEST(there_is_never_more_than_one_job_of_a_task)
{
	struct rig *rig = rig_running();

	rig_changed(rig, ID_1);
	rig_changed(rig, ID_1);
	rig_order(rig, 2, ID_1, 1, TASK_WANTED_STOP);
	ck_assert_uint_eq(rig_count(rig, WORKER_EFFECT_JOB), 1);
	rig_do(rig, WORKER_JOB_INSPECT); /* older than the second event: once more */
	rig_do(rig, WORKER_JOB_INSPECT);
	ck_assert_ptr_nonnull(rig_job(rig, WORKER_JOB_SIGNAL));
	ck_assert_uint_eq(rig_count(rig, WORKER_EFFECT_JOB), 1);
	rig_free(rig);
}
END_TEST

START_TEST(an_exit_is_reported_with_its_code_and_times)
{
	struct rig *rig = rig_running();
	struct task_status status;

	rig->now.wall_ms += 5000;
	rig_exit_box(rig, ID_1, 1, 3);
	rig_changed(rig, ID_1);
	rig_work(rig);
	status = rig_status(rig, ID_1, 1);
	ck_assert_int_eq(status.state, TASK_FAILED);
	ck_assert(status.has_exit_code);
	ck_assert_int_eq(status.exit_code, 3);
	ck_assert_int_eq(status.finish_ms, rig->now.wall_ms);
	ck_assert_str_eq(status.reason, "exit code 3");
	ck_assert(status.final);
	rig_free(rig);
}
END_TEST

START_TEST(exit_0_is_completed_and_a_kill_for_memory_is_told)
{
	struct rig *rig = rig_running();

	rig_order(rig, 2, ID_2, 1, TASK_WANTED_RUN);
	rig_work(rig);
	rig_exit_box(rig, ID_1, 1, 0);
	rig_exit_box(rig, ID_2, 1, 137);
	rig_box(rig, ID_2, 1)->oom_killed = 1;
	rig_changed(rig, ID_1);
	rig_changed(rig, ID_2);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_COMPLETED);
	ck_assert_int_eq(rig_status(rig, ID_2, 1).state, TASK_FAILED);
	ck_assert(rig_status(rig, ID_2, 1).oom_killed);
	ck_assert_str_eq(rig_status(rig, ID_2, 1).reason,
			 "exit code 137 (signal 9), out of memory: killed at its limit");
	rig_free(rig);
}
END_TEST

START_TEST(an_exit_during_the_run_is_not_missed)
{
	struct rig *rig = rig_new();

	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	rig_do(rig, WORKER_JOB_PREPARE);
	rig_changed(rig, ID_1); /* while the run is under way */
	rig_do(rig, WORKER_JOB_RUN);
	rig_exit_box(rig, ID_1, 1, 0);
	rig_do(rig, WORKER_JOB_INSPECT);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_COMPLETED);
	rig_free(rig);
}
END_TEST

/* ---- whose fault ---- */

START_TEST(a_refusal_fails_the_attempt_with_the_runtimes_words)
{
	static const int codes[] = {CUBE_ERR_INVALID, CUBE_ERR_NOT_FOUND, CUBE_ERR_CONFLICT,
				    CUBE_ERR_UNSUPPORTED, CUBE_ERR_INTERNAL};
	static const enum worker_job jobs[] = {WORKER_JOB_PREPARE, WORKER_JOB_RUN};
	struct rig *rig = rig_new();
	struct task_status status;

	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	if (jobs[_i / 5] == WORKER_JOB_RUN)
		rig_do(rig, WORKER_JOB_PREPARE);
	rig_fail(rig, jobs[_i / 5], codes[_i % 5], "the engine's own words");
	status = rig_status(rig, ID_1, 1);
	ck_assert_int_eq(status.state, TASK_FAILED);
	ck_assert_str_eq(status.reason, "the engine's own words");
	ck_assert(!status.has_exit_code);
	ck_assert_uint_eq(rig_count(rig, WORKER_EFFECT_JOB), 0);
	ck_assert(rig_node(rig).runtime_ready);
	rig_free(rig);
}
END_TEST

START_TEST(an_engine_that_is_down_costs_no_attempt)
{
	struct rig *rig = rig_new();
	struct node_info info;
	int i;

	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	rig_do(rig, WORKER_JOB_PREPARE);
	rig->down = true;
	rig_work(rig);
	info = rig_node(rig);
	ck_assert(!info.runtime_ready);
	ck_assert_str_eq(info.runtime_reason, "connect: no engine there");
	for (i = 0; i < 60; i++) {
		rig_sleep(rig, 1000);
		ck_assert_ptr_null(rig_job(rig, WORKER_JOB_RUN));
		rig_work(rig);
	}
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_SCHEDULED);
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason,
			 "waiting for the runtime: connect: no engine there");
	rig_order(rig, 2, ID_2, 1, TASK_WANTED_RUN); /* comes meanwhile */
	ck_assert_str_eq(rig_status(rig, ID_2, 1).reason,
			 "waiting for the runtime: connect: no engine there");
	rig->down = false;
	rig_sleep(rig, 13000);
	rig_work(rig);
	rig_sleep(rig, 11000);
	rig_work(rig);
	ck_assert(rig_node(rig).runtime_ready);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, "");
	ck_assert_int_eq(rig_status(rig, ID_2, 1).state, TASK_RUNNING);
	ck_assert_has(rig->log, "runtime.down");
	ck_assert_has(rig->log, "runtime.back");
	rig_free(rig);
}
END_TEST

START_TEST(probes_of_a_dead_engine_come_ever_slower_up_to_10_s)
{
	struct rig *rig = rig_new();
	uint64_t last_ms = 0;
	int probes = 0;

	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	rig->down = true;
	while (probes < 12) {
		uint64_t before_ms = rig->now.mono_ms;

		while (rig_job(rig, WORKER_JOB_PROBE) == NULL) {
			rig_work(rig);
			if (rig_job(rig, WORKER_JOB_PROBE) == NULL)
				rig_sleep(rig, 10);
		}
		last_ms = rig->now.mono_ms - before_ms;
		if (probes > 0)
			ck_assert_uint_ge(last_ms, 300);
		ck_assert_uint_le(last_ms, 12600);
		rig_work(rig);
		probes++;
	}
	ck_assert_uint_ge(last_ms, 7400);
	rig_free(rig);
}
END_TEST

START_TEST(after_an_outage_all_is_looked_at_again)
{
	struct rig *rig = rig_running();

	rig->down = true;
	rig_changed(rig, ID_1);
	rig_work(rig);
	rig_exit_box(rig, ID_1, 1, 7); /* and nobody tells */
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	rig->down = false;
	rig_sleep(rig, 15000);
	rig_work(rig);
	rig_sleep(rig, 15000);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).exit_code, 7);
	rig_free(rig);
}
END_TEST

START_TEST(a_prepare_that_cannot_reach_its_registry_leaves_the_node_ready)
{
	struct rig *rig = rig_new();

	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	rig_fail(rig, WORKER_JOB_PREPARE, CUBE_ERR_UNAVAILABLE, "registry: connection refused");
	rig_do(rig, WORKER_JOB_PROBE); /* the engine itself is well */
	ck_assert(rig_node(rig).runtime_ready);
	ck_assert_ptr_null(rig_job(rig, WORKER_JOB_PREPARE));
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason,
			 "waiting for the runtime: registry: connection refused");
	rig_sleep(rig, 700);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	rig_free(rig);
}
END_TEST

START_TEST(a_run_of_unknown_outcome_is_repeated)
{
	struct rig *rig = rig_new();

	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	rig_do(rig, WORKER_JOB_PREPARE);
	rig_add_box(rig, ID_1, 1, CUBE_CONTAINER_RUNNING)->starts = 1;
	rig_fail(rig, WORKER_JOB_RUN, CUBE_ERR_TIMEOUT, "no answer in 120 s");
	rig_work(rig); /* a probe: is it there? */
	rig_sleep(rig, 1000);
	rig_do(rig, WORKER_JOB_RUN);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).attempt, 1);
	ck_assert_int_eq(rig_box(rig, ID_1, 1)->starts, 1);
	rig_free(rig);
}
END_TEST

START_TEST(an_engine_that_answers_nothing_is_found_by_the_probe)
{
	struct rig *rig = rig_new();

	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	rig_do(rig, WORKER_JOB_PREPARE);
	rig_fail(rig, WORKER_JOB_RUN, CUBE_ERR_TIMEOUT, "no answer in 120 s");
	ck_assert(rig_node(rig).runtime_ready);
	rig_fail(rig, WORKER_JOB_PROBE, CUBE_ERR_TIMEOUT, "no answer in 5 s");
	ck_assert(!rig_node(rig).runtime_ready);
	ck_assert_str_eq(rig_node(rig).runtime_reason, "no answer in 5 s");
	rig_free(rig);
}
END_TEST

START_TEST(a_container_that_is_gone_has_vanished)
{
	struct rig *rig = rig_running();

	rig_drop_box(rig, rig_box(rig, ID_1, 1));
	rig_changed(rig, ID_1);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_FAILED);
	ck_assert_has(rig_status(rig, ID_1, 1).reason, "vanished");
	rig_free(rig);
}
END_TEST

START_TEST(an_inspect_that_fails_says_nothing_of_the_task)
{
	struct rig *rig = rig_running();

	rig_changed(rig, ID_1);
	rig_fail(rig, WORKER_JOB_INSPECT, CUBE_ERR_INTERNAL, "garbage from the engine");
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	rig_work(rig); /* the probe */
	rig_exit_box(rig, ID_1, 1, 0);
	rig_sleep(rig, 1000);
	rig_do(rig, WORKER_JOB_INSPECT);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_COMPLETED);
	rig_free(rig);
}
END_TEST

START_TEST(what_was_only_created_is_run_again)
{
	struct rig *rig = rig_running();

	rig_box(rig, ID_1, 1)->state = CUBE_CONTAINER_CREATED;
	rig_changed(rig, ID_1);
	rig_work(rig);
	rig_sleep(rig, 1000);
	rig_work(rig);
	ck_assert_int_eq(rig_box(rig, ID_1, 1)->state, CUBE_CONTAINER_RUNNING);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	rig_free(rig);
}
END_TEST

START_TEST(progress_is_told_at_most_once_a_second)
{
	struct rig *rig = rig_new();
	struct worker_message *message;
	static const char *const texts[] = {"12 of 50 MB", "13 of 50 MB", "30 of 50 MB"};
	size_t i;

	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	for (i = 0; i < 3; i++) {
		message = rig_message(WORKER_PROGRESS, 0);
		(void)snprintf(message->task_id, ID_SIZE, "%s", ID_1);
		message->attempt = 1;
		(void)snprintf(message->reason, sizeof(message->reason), "pulling: %s",
			       texts[i]);
		rig_send(rig, message);
		if (i == 1)
			ck_assert_str_eq(rig_status(rig, ID_1, 1).reason,
					 "pulling: 12 of 50 MB");
		rig_sleep(rig, 500);
	}
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, "pulling: 30 of 50 MB");
	ck_assert_lacks(rig_attempt(rig, ID_1, 1), "pulling"); /* not worth a write */
	rig_work(rig);
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, "");
	rig_free(rig);
}
END_TEST

START_TEST(a_runtime_without_events_is_listed_every_5_s)
{
	struct rig *rig = rig_prepare();
	int lists = 0;
	int i;

	rig->config.runtime_has_events = false;
	rig_boot(rig);
	rig_work(rig);
	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	rig_work(rig);
	for (i = 0; i < 20; i++) {
		rig_sleep(rig, 1000);
		if (rig_job(rig, WORKER_JOB_LIST) != NULL)
			lists++;
		if (i == 10)
			rig_exit_box(rig, ID_1, 1, 4);
		rig_work(rig);
	}
	ck_assert_int_eq(lists, 4);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).exit_code, 4);
	rig_free(rig);
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("worker reconcile");
	TCase *runs = tcase_create("runs");
	TCase *faults = tcase_create("faults");

	tcase_add_test(runs, an_attempt_is_prepared_then_run_then_reported_running);
	tcase_add_test(runs, there_is_never_more_than_one_job_of_a_task);
	tcase_add_test(runs, an_exit_is_reported_with_its_code_and_times);
	tcase_add_test(runs, exit_0_is_completed_and_a_kill_for_memory_is_told);
	tcase_add_test(runs, an_exit_during_the_run_is_not_missed);
	tcase_add_test(runs, what_was_only_created_is_run_again);
	tcase_add_test(runs, progress_is_told_at_most_once_a_second);
	tcase_add_test(runs, a_runtime_without_events_is_listed_every_5_s);
	tcase_add_loop_test(faults, a_refusal_fails_the_attempt_with_the_runtimes_words, 0, 10);
	tcase_add_test(faults, an_engine_that_is_down_costs_no_attempt);
	tcase_add_test(faults, probes_of_a_dead_engine_come_ever_slower_up_to_10_s);
	tcase_add_test(faults, after_an_outage_all_is_looked_at_again);
	tcase_add_test(faults, a_prepare_that_cannot_reach_its_registry_leaves_the_node_ready);
	tcase_add_test(faults, a_run_of_unknown_outcome_is_repeated);
	tcase_add_test(faults, an_engine_that_answers_nothing_is_found_by_the_probe);
	tcase_add_test(faults, a_container_that_is_gone_has_vanished);
	tcase_add_test(faults, an_inspect_that_fails_says_nothing_of_the_task);
	suite_add_tcase(suite, runs);
	suite_add_tcase(suite, faults);
	return suite;
}

CHECK_MAIN(suite)
