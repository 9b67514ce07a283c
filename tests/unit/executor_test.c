/* tests/unit/executor_test.c - jobs of the brain on a runtime that can be held, that fails,
 * that hangs. */
#include "executor_rig.h"

static const enum worker_job kinds[] = {
	WORKER_JOB_PREPARE, WORKER_JOB_RUN,  WORKER_JOB_SIGNAL, WORKER_JOB_REMOVE,
	WORKER_JOB_INSPECT, WORKER_JOB_LIST, WORKER_JOB_PROBE};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* ---- answers ---- */

static void
all_kinds_are_answered(uint32_t max_parallel, int result)
{
	rig_begin(max_parallel);
	fake.result = result;
	for (uint64_t n = 0; n < 280; n++)
		submit(kinds[n % KINDS], n, 1);
	AWAIT(fake.answer_count == 280);
	for (uint64_t n = 0; n < 280; n++) {
		const struct worker_message *done = answer_of(n);

		ck_assert_int_eq(done->job, kinds[n % KINDS]);
		ck_assert_int_eq(done->error.code, result);
		ck_assert_str_eq(done->task_id, ID_1);
		ck_assert_uint_eq(done->attempt, 1);
	}
	rig_end();
}

START_TEST(each_job_is_answered_exactly_once)
{
	all_kinds_are_answered(4, 0);
	all_kinds_are_answered(1, 0);
	all_kinds_are_answered(4, CUBE_ERR_NOT_FOUND);
}
END_TEST

START_TEST(an_answer_carries_what_the_call_gave)
{
	rig_begin(4);
	fake.list_count = 40;
	for (uint64_t n = 0; n < KINDS; n++)
		submit(kinds[n], n, 3);
	AWAIT(fake.answer_count == KINDS);
	ck_assert_str_eq(answer_of(1)->container->handle, "box");
	ck_assert_uint_eq(answer_of(1)->container->attempt, 3);
	ck_assert_ptr_nonnull(answer_of(4)->container);
	ck_assert_uint_eq(answer_of(5)->container_count, 40);
	ck_assert_str_eq(answer_of(5)->containers[39].task_id, ID_1);
	ck_assert_uint_eq(answer_of(6)->enforces, CUBE_ENFORCES_CPU);
	rig_end();
}
END_TEST

START_TEST(a_call_that_fails_gives_its_reason_and_no_container)
{
	rig_begin(4);
	fake.result = CUBE_ERR_CONFLICT;
	submit(WORKER_JOB_RUN, 1, 1);
	submit(WORKER_JOB_LIST, 2, 1);
	AWAIT(fake.answer_count == 2);
	ck_assert_int_eq(answer_of(1)->error.code, CUBE_ERR_CONFLICT);
	ck_assert_ptr_nonnull(strstr(answer_of(1)->error.message, "scripted"));
	ck_assert_ptr_null(answer_of(1)->container);
	ck_assert_ptr_null(answer_of(2)->containers);
	rig_end();
}
END_TEST

START_TEST(a_list_that_is_too_long_is_an_engine_in_trouble)
{
	rig_begin(4);
	fake.list_count = 16385;
	submit(WORKER_JOB_LIST, 1, 0);
	AWAIT(fake.answer_count == 1);
	ck_assert_int_eq(answer_of(1)->error.code, CUBE_ERR_UNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(answer_of(1)->error.message, "more than 16384"));
	ck_assert_ptr_null(answer_of(1)->containers);
	fake.list_count = 16384;
	submit(WORKER_JOB_LIST, 2, 0);
	AWAIT(fake.answer_count == 2);
	ck_assert_uint_eq(answer_of(2)->container_count, 16384);
	rig_end();
}
END_TEST

/* ---- how many at once ---- */

START_TEST(no_more_calls_are_under_way_than_the_runtime_wants)
{
	rig_begin(2);
	hold(JOB(WORKER_JOB_RUN));
	for (uint64_t n = 0; n < 10; n++)
		submit(WORKER_JOB_RUN, n, 1);
	AWAIT(fake.under_way == 2);
	STAYS(fake.begun[WORKER_JOB_RUN] == 2, 100);
	hold(0);
	AWAIT(fake.answer_count == 10);
	ck_assert_uint_eq(fake.most, 2);
	rig_end();
}
END_TEST

START_TEST(eight_calls_at_once_are_enough_for_any_runtime)
{
	rig_begin(1000);
	hold(JOB(WORKER_JOB_RUN));
	for (uint64_t n = 0; n < 20; n++)
		submit(WORKER_JOB_RUN, n, 1);
	AWAIT(fake.under_way == 8);
	STAYS(fake.begun[WORKER_JOB_RUN] == 8, 100);
	hold(0);
	AWAIT(fake.answer_count == 20);
	ck_assert_uint_eq(fake.most, 8);
	rig_end();
}
END_TEST

START_TEST(prepares_hold_up_no_other_call)
{
	rig_begin(4);
	hold(JOB(WORKER_JOB_PREPARE));
	for (uint64_t n = 0; n < 8; n++)
		submit(WORKER_JOB_PREPARE, n, (uint32_t)n + 1);
	AWAIT(fake.begun[WORKER_JOB_PREPARE] == 3);
	submit(WORKER_JOB_RUN, 100, 1);
	AWAIT(fake.answer_count == 1);
	(void)answer_of(100);
	ck_assert_uint_eq(fake.begun[WORKER_JOB_PREPARE], 3);
	rig_end();
}
END_TEST

START_TEST(jobs_are_begun_in_their_order)
{
	rig_begin(2);
	hold(JOB(WORKER_JOB_RUN) | JOB(WORKER_JOB_SIGNAL));
	submit(WORKER_JOB_RUN, 1, 1);
	submit(WORKER_JOB_SIGNAL, 2, 1);
	AWAIT(fake.under_way == 2);
	submit(WORKER_JOB_PROBE, 3, 1);
	for (uint64_t n = 4; n < 40; n++)
		submit(WORKER_JOB_SIGNAL, n, 1);
	/* The run stays where it is: one thread is left for the others, so that none of them
	 * can overtake another between its begin and its answer. */
	hold(JOB(WORKER_JOB_RUN));
	AWAIT(fake.answer_count == 38);
	for (uint64_t n = 2; n < 40; n++)
		ck_assert_uint_eq(fake.answers[n - 2]->job_number, n);
	hold(0);
	AWAIT(fake.answer_count == 39);
	rig_end();
}
END_TEST

START_TEST(a_runtime_of_one_call_at_a_time_has_no_prepare_beside_it)
{
	rig_begin(1);
	hold(JOB(WORKER_JOB_PREPARE));
	submit(WORKER_JOB_PREPARE, 1, 1);
	AWAIT(fake.under_way == 1);
	submit(WORKER_JOB_PROBE, 2, 1);
	submit(WORKER_JOB_PREPARE, 3, 2);
	STAYS(fake.begun[WORKER_JOB_PROBE] == 0, 100);
	hold(0);
	AWAIT(fake.answer_count == 3);
	ck_assert_uint_eq(fake.most, 1);
	rig_end();
}
END_TEST

START_TEST(the_deadline_counts_from_the_begin_of_the_call)
{
	rig_begin(1);
	hold(JOB(WORKER_JOB_RUN));
	submit(WORKER_JOB_RUN, 1, 1);
	submit(WORKER_JOB_PROBE, 2, 1);
	AWAIT(fake.under_way == 1);
	STAYS(fake.begun[WORKER_JOB_PROBE] == 0, 300);
	hold(0);
	AWAIT(fake.answer_count == 2);
	ck_assert_uint_ge(fake.deadline_ms + 100, fake.begun_ms + 60000);
	ck_assert_uint_le(fake.deadline_ms, fake.begun_ms + 60000);
	rig_end();
}
END_TEST

/* ---- cancels ---- */

static void
a_prepare_is_cancelled(uint32_t max_parallel)
{
	rig_begin(max_parallel);
	hold(JOB(WORKER_JOB_PREPARE));
	submit(WORKER_JOB_PREPARE, 1, 7);
	AWAIT(fake.under_way == 1);
	cancel_prepare(7);
	AWAIT(fake.answer_count == 1);
	ck_assert_int_eq(answer_of(1)->error.code, CUBE_ERR_UNAVAILABLE);
	rig_end();
}

START_TEST(a_prepare_under_way_hears_of_its_cancel)
{
	a_prepare_is_cancelled(4);
	a_prepare_is_cancelled(1);
}
END_TEST

START_TEST(a_prepare_that_is_cancelled_while_it_waits_is_never_begun)
{
	rig_begin(4);
	hold(JOB(WORKER_JOB_PREPARE));
	for (uint32_t n = 1; n <= 4; n++)
		submit(WORKER_JOB_PREPARE, n, n);
	AWAIT(fake.under_way == 3);
	cancel_prepare(4);
	hold(0);
	AWAIT(fake.answer_count == 4);
	ck_assert_uint_eq(fake.begun[WORKER_JOB_PREPARE], 3);
	ck_assert_int_eq(answer_of(4)->error.code, CUBE_ERR_UNAVAILABLE);
	for (uint64_t n = 1; n <= 3; n++)
		ck_assert_int_eq(answer_of(n)->error.code, 0);
	rig_end();
}
END_TEST

START_TEST(a_cancel_touches_no_other_attempt_and_no_other_job)
{
	rig_begin(4);
	hold(JOB(WORKER_JOB_PREPARE) | JOB(WORKER_JOB_RUN));
	submit(WORKER_JOB_PREPARE, 1, 1);
	submit(WORKER_JOB_RUN, 2, 2);
	AWAIT(fake.under_way == 2);
	cancel_prepare(2);
	STAYS(fake.answer_count == 0, 100);
	hold(0);
	AWAIT(fake.answer_count == 2);
	ck_assert_int_eq(answer_of(1)->error.code, 0);
	ck_assert_int_eq(answer_of(2)->error.code, 0);
	rig_end();
}
END_TEST

START_TEST(progress_is_told_at_most_once_a_second)
{
	rig_begin(4);
	hold(JOB(WORKER_JOB_PREPARE));
	submit(WORKER_JOB_PREPARE, 1, 1);
	AWAIT(fake.progress_count == 1);
	ck_assert_str_eq(fake.progress, "layer 1: 1.5 of 3.0 MB");
	STAYS(fake.progress_count == 1, 500); /* it is asked every 10 ms */
	AWAIT(fake.progress_count == 2);
	rig_end();
}
END_TEST

/* ---- the end ---- */

START_TEST(the_end_cancels_prepares_and_gives_up_what_waits)
{
	rig_begin(4);
	hold(JOB(WORKER_JOB_PREPARE));
	for (uint32_t n = 1; n <= 20; n++)
		submit(WORKER_JOB_PREPARE, n, n);
	AWAIT(fake.under_way == 3);
	ck_assert(executor_stop(executor, clock_now().mono_ms + 20000));
	ck_assert_uint_eq(fake.begun[WORKER_JOB_PREPARE], 3);
	rig_close();
}
END_TEST

START_TEST(the_end_waits_for_a_call_that_hangs_until_its_deadline_and_no_longer)
{
	uint64_t begin_ms;

	rig_begin(4);
	hold(JOB(WORKER_JOB_RUN));
	submit(WORKER_JOB_RUN, 1, 1);
	AWAIT(fake.under_way == 1);
	begin_ms = clock_now().mono_ms;
	ck_assert(!executor_stop(executor, begin_ms + 300));
	ck_assert_uint_ge(clock_now().mono_ms, begin_ms + 300);
	ck_assert_uint_lt(clock_now().mono_ms, begin_ms + 3000);
	/* It was left as it is: the call can still come back to it. */
	rig_end();
}
END_TEST

START_TEST(a_deaf_prepare_is_not_waited_for_either)
{
	rig_begin(4);
	fake.deaf = true;
	hold(JOB(WORKER_JOB_PREPARE));
	submit(WORKER_JOB_PREPARE, 1, 1);
	AWAIT(fake.under_way == 1);
	ck_assert(!executor_stop(executor, clock_now().mono_ms + 100));
	rig_end();
}
END_TEST

/* ---- logs ---- */

struct reading {
	size_t size;
	pthread_t thread;
	struct cube_error err;
	int rc;
	bool over;
};

static int
read_on(void *ctx, int stream, const void *bytes, size_t size)
{
	struct reading *reading = ctx;

	(void)stream;
	(void)bytes;
	reading->size += size;
	reading->thread = pthread_self();
	return 0;
}

static int
read_logs(struct reading *reading, bool follow)
{
	const struct cube_log_request request = {.struct_size = sizeof(request),
						 .streams = 3,
						 .follow = follow,
						 .ctx = reading,
						 .write = read_on};

	return executor_logs(executor, "box", &request, &reading->err);
}

static void *
read_logs_run(void *arg)
{
	struct reading *reading = arg;

	reading->rc = read_logs(reading, false);
	(void)pthread_mutex_lock(&fake.lock);
	reading->over = true;
	(void)pthread_cond_broadcast(&fake.changed);
	(void)pthread_mutex_unlock(&fake.lock);
	return NULL;
}

START_TEST(logs_are_read_on_the_readers_thread_beside_all_else)
{
	struct reading reading = {0};

	rig_begin(2);
	hold(JOB(WORKER_JOB_RUN));
	submit(WORKER_JOB_RUN, 1, 1);
	submit(WORKER_JOB_RUN, 2, 1);
	AWAIT(fake.under_way == 2);
	ck_assert_int_eq(read_logs(&reading, true), 0);
	ck_assert_uint_eq(reading.size, 1024);
	ck_assert(pthread_equal(fake.log_thread, pthread_self()));
	rig_end();
}
END_TEST

START_TEST(logs_of_a_runtime_of_one_call_at_a_time_take_their_turn)
{
	struct reading reading = {0};
	pthread_t reader;

	rig_begin(1);
	hold(JOB(WORKER_JOB_RUN));
	submit(WORKER_JOB_RUN, 1, 1);
	AWAIT(fake.under_way == 1);
	ck_assert_int_eq(pthread_create(&reader, NULL, read_logs_run, &reading), 0);
	STAYS(fake.begun[CALL_LOGS] == 0 && !reading.over, 200);
	submit(WORKER_JOB_PROBE, 2, 1);
	hold(JOB(CALL_LOGS));
	AWAIT(fake.begun[CALL_LOGS] == 1);
	STAYS(fake.begun[WORKER_JOB_PROBE] == 0, 100); /* behind them */
	hold(0);
	AWAIT(reading.over && fake.answer_count == 2);
	(void)pthread_join(reader, NULL);
	ck_assert_int_eq(reading.rc, 0);
	ck_assert_uint_eq(reading.size, 1024);
	ck_assert(pthread_equal(reading.thread, reader));
	ck_assert(!pthread_equal(fake.log_thread, reader));
	ck_assert_uint_eq(fake.most, 1);
	rig_end();
}
END_TEST

START_TEST(such_a_runtime_cannot_be_followed)
{
	struct reading reading = {0};

	rig_begin(1);
	ck_assert_int_eq(read_logs(&reading, true), CUBE_ERR_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(reading.err.message, "fake"));
	ck_assert_uint_eq(fake.begun[CALL_LOGS], 0);
	rig_end();
}
END_TEST

START_TEST(its_logs_are_bounded_and_their_failure_is_told)
{
	struct reading reading = {0};

	rig_begin(1);
	fake.log_pieces = 4096;
	ck_assert_int_eq(read_logs(&reading, false), 0);
	ck_assert_uint_eq(reading.size, 4 << 20);
	fake.log_pieces = 4097;
	ck_assert_int_eq(read_logs(&reading, false), CUBE_ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(reading.err.message, "tail"));
	fake.log_pieces = 1;
	fake.result = CUBE_ERR_NOT_FOUND;
	ck_assert_int_eq(read_logs(&reading, false), CUBE_ERR_NOT_FOUND);
	ck_assert_uint_eq(reading.size, 4 << 20); /* nothing of what failed */
	rig_end();
}
END_TEST

START_TEST(no_turn_within_10_s_is_said_and_the_next_reader_gets_his)
{
	struct reading reading = {0};

	rig_begin(1);
	hold(JOB(WORKER_JOB_RUN));
	submit(WORKER_JOB_RUN, 1, 1);
	AWAIT(fake.under_way == 1);
	ck_assert_int_eq(read_logs(&reading, false), CUBE_ERR_UNAVAILABLE);
	ck_assert_uint_eq(fake.begun[CALL_LOGS], 0);
	hold(0);
	submit(WORKER_JOB_PROBE, 2, 1);
	ck_assert_int_eq(read_logs(&reading, false), 0);
	AWAIT(fake.answer_count == 2);
	rig_end();
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("executor");
	TCase *answers = tcase_create("answers");
	TCase *order = tcase_create("order");
	TCase *end = tcase_create("end");
	TCase *logs = tcase_create("logs");

	tcase_set_timeout(answers, 60);
	tcase_add_test(answers, each_job_is_answered_exactly_once);
	tcase_add_test(answers, an_answer_carries_what_the_call_gave);
	tcase_add_test(answers, a_call_that_fails_gives_its_reason_and_no_container);
	tcase_add_test(answers, a_list_that_is_too_long_is_an_engine_in_trouble);
	tcase_set_timeout(order, 60);
	tcase_add_test(order, no_more_calls_are_under_way_than_the_runtime_wants);
	tcase_add_test(order, eight_calls_at_once_are_enough_for_any_runtime);
	tcase_add_test(order, prepares_hold_up_no_other_call);
	tcase_add_test(order, jobs_are_begun_in_their_order);
	tcase_add_test(order, a_runtime_of_one_call_at_a_time_has_no_prepare_beside_it);
	tcase_add_test(order, the_deadline_counts_from_the_begin_of_the_call);
	tcase_add_test(order, a_prepare_under_way_hears_of_its_cancel);
	tcase_add_test(order, a_prepare_that_is_cancelled_while_it_waits_is_never_begun);
	tcase_add_test(order, a_cancel_touches_no_other_attempt_and_no_other_job);
	tcase_add_test(order, progress_is_told_at_most_once_a_second);
	tcase_set_timeout(end, 60);
	tcase_add_test(end, the_end_cancels_prepares_and_gives_up_what_waits);
	tcase_add_test(end,
		       the_end_waits_for_a_call_that_hangs_until_its_deadline_and_no_longer);
	tcase_add_test(end, a_deaf_prepare_is_not_waited_for_either);
	tcase_set_timeout(logs, 60);
	tcase_add_test(logs, logs_are_read_on_the_readers_thread_beside_all_else);
	tcase_add_test(logs, logs_of_a_runtime_of_one_call_at_a_time_take_their_turn);
	tcase_add_test(logs, such_a_runtime_cannot_be_followed);
	tcase_add_test(logs, its_logs_are_bounded_and_their_failure_is_told);
	tcase_add_test(logs, no_turn_within_10_s_is_said_and_the_next_reader_gets_his);
	suite_add_tcase(suite, answers);
	suite_add_tcase(suite, order);
	suite_add_tcase(suite, end);
	suite_add_tcase(suite, logs);
	return suite;
}

CHECK_MAIN(suite)
