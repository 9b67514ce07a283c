/* tests/unit/loop_store_test.c - the loop with a store that is full, hangs, does not know what
 * it did, or is damaged; what it loads at a start. */
#include "loop_rig.h"

/* Until there is an answer with this number; whether it told of a fault. */
static bool
fault_of(int number)
{
	struct timespec until;
	int at = 0;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	(void)pthread_mutex_lock(&seen.lock);
	for (;;) {
		for (at = 0; at < seen.count && seen.numbers[at] != number; at++)
			continue;
		if (at < seen.count)
			break;
		ck_assert_int_eq(pthread_cond_timedwait(&seen.changed, &seen.lock, &until), 0);
	}
	at = seen.faults[at];
	(void)pthread_mutex_unlock(&seen.lock);
	return at != 0;
}

START_TEST(a_full_store_is_told_retried_and_forgotten)
{
	static const enum script_word words[] = {SCRIPT_OK, SCRIPT_UNAVAILABLE,
						 SCRIPT_NO_MEMORY};
	int number = 100;

	begin(words, 3);
	post(READ, 0, "", "");
	ck_assert(answered(1, 10000));
	post(WRITE, 1, "k", "v");
	do {
		struct timespec pause = {.tv_nsec = 5000000};

		(void)nanosleep(&pause, NULL);
		post(NOW, ++number, "", "");
		ck_assert_int_lt(number, 200);
	} while (!fault_of(number)); /* told while the write still waits */
	ck_assert(!fault_of(1));     /* it waits, and gets in */
	expect_value("k", "v");
	post(WRITE, 2, "k2", "v2");
	ck_assert(!fault_of(2));
	end(0);
}
END_TEST

START_TEST(an_unknown_outcome_is_looked_up)
{
	static const enum script_word in[] = {SCRIPT_OK, SCRIPT_TIMEOUT_IN};
	static const enum script_word out[] = {SCRIPT_OK, SCRIPT_TIMEOUT_OUT};

	begin(in, 2);
	post(READ, 0, "", "");
	ck_assert(answered(1, 10000));
	post(WRITE, 1, "k", "v");
	ck_assert(answered(2, 10000));
	end(0);
	ck_assert_uint_eq(script.commits, 2); /* not written twice */
	begin(out, 2);
	post(READ, 0, "", "");
	ck_assert(answered(1, 10000));
	post(WRITE, 1, "k", "v");
	ck_assert(answered(2, 10000));
	end(0);
	ck_assert_uint_eq(script.commits, 3);
	expect_value("k", "v");
}
END_TEST

START_TEST(a_look_up_that_fails_is_repeated_before_anything_is_written_again)
{
	static const enum script_word words[] = {SCRIPT_OK, SCRIPT_TIMEOUT_IN};

	begin(words, 2);
	post(READ, 0, "", "");
	ck_assert(answered(1, 10000));
	(void)pthread_mutex_lock(&script.lock);
	script.scans_fail = 2;
	(void)pthread_mutex_unlock(&script.lock);
	post(WRITE, 1, "k", "v");
	ck_assert(answered(2, 10000));
	end(0);
	ck_assert_uint_eq(script.commits, 2);
}
END_TEST

static void
ends_with(enum script_word word, int code)
{
	const enum script_word words[] = {SCRIPT_OK, word};

	begin(words, 2);
	post(READ, 0, "", "");
	ck_assert(answered(1, 10000));
	post(WRITE, 1, "k", "v");
	(void)pthread_join(thread, NULL);
	ck_assert_int_eq(run_result, code);
	ck_assert_ptr_nonnull(strstr(run_error.message, "scripted"));
	ck_assert_int_eq(seen.count, 1); /* the write was never answered */
	loop_free(loop);
	store_close(store);
}

START_TEST(a_store_that_refuses_or_is_damaged_ends_the_loop)
{
	ends_with(SCRIPT_INVALID, CUBE_ERR_INVALID);
	ends_with(SCRIPT_CONFLICT, CUBE_ERR_CONFLICT);
	ends_with(SCRIPT_INTERNAL, CUBE_ERR_INTERNAL);
}
END_TEST

START_TEST(a_brain_that_fails_ends_the_loop)
{
	begin(NULL, 0);
	post(FAIL, 0, "", "");
	post(NOW, 1, "", "");
	(void)pthread_join(thread, NULL);
	ck_assert_int_eq(run_result, CUBE_ERR_INTERNAL);
	ck_assert_str_eq(run_error.message, "the brain fails");
	loop_free(loop);
	store_close(store);
	ck_assert_int_eq(seen.count, 0);
}
END_TEST

START_TEST(a_stop_does_not_wait_for_a_store_that_hangs)
{
	static const enum script_word words[] = {SCRIPT_OK, SCRIPT_HANG};
	uint64_t begun;

	begin(words, 2);
	post(READ, 0, "", "");
	ck_assert(answered(1, 10000));
	post(WRITE, 1, "k", "v");
	script_await_hang();
	begun = clock_now().mono_ms;
	loop_stop(loop, begun + 300);
	(void)pthread_join(thread, NULL);
	ck_assert_int_eq(run_result, CUBE_ERR_TIMEOUT);
	ck_assert(loop_stuck(loop));
	ck_assert_uint_lt(clock_now().mono_ms - begun, 3000);
	script_let_go(); /* the loop is left to the end of the process, as its contract says */
}
END_TEST

START_TEST(a_stop_gives_up_on_a_store_that_stays_full)
{
	static const enum script_word words[] = {SCRIPT_OK,          SCRIPT_UNAVAILABLE,
						 SCRIPT_UNAVAILABLE, SCRIPT_UNAVAILABLE,
						 SCRIPT_UNAVAILABLE, SCRIPT_UNAVAILABLE};

	begin(words, 6);
	post(READ, 0, "", "");
	ck_assert(answered(1, 10000));
	post(WRITE, 1, "k", "v");
	loop_stop(loop, clock_now().mono_ms + 300);
	(void)pthread_join(thread, NULL);
	ck_assert_int_eq(run_result, CUBE_ERR_TIMEOUT);
	ck_assert_ptr_nonnull(strstr(run_error.message, "scripted"));
	ck_assert(!loop_stuck(loop));
	ck_assert_int_eq(seen.count, 1);
	loop_free(loop);
	store_close(store);
}
END_TEST

START_TEST(the_number_of_the_batch_goes_on_after_a_restart)
{
	const struct loop_brain brain = {.start = brain_start,
					 .step = brain_step,
					 .wake = brain_wake,
					 .free_message = brain_free};
	struct cube_error err;

	begin(NULL, 0);
	post(WRITE, 1, "k", "v");
	ck_assert(answered(1, 10000));
	end(0);
	ck_assert_int_eq(store_open("script", &script_ops, NULL, NULL, &store, &err), 0);
	/* As after a crash between commits: the number is what is stored. */
	(void)pthread_mutex_lock(&script.lock);
	(void)snprintf(script.records[script_find(COMMIT_BATCH_KEY)].value, 64, "41");
	(void)pthread_mutex_unlock(&script.lock);
	ck_assert_int_eq(loop_new(&brain, store, on_release, NULL, NULL, &loop, &err), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, run, NULL), 0);
	end(0);
	expect_value(COMMIT_BATCH_KEY, "42");
}
END_TEST

static char loaded[256];

static int
load_one(void *brain, const struct cube_record *record, struct cube_error *err)
{
	(void)brain;
	if (strcmp(record->key, "bad") == 0)
		return cube_fail(err, CUBE_ERR_INTERNAL, 0, "damaged");
	(void)snprintf(loaded + strlen(loaded), sizeof(loaded) - strlen(loaded), "%s ",
		       record->key);
	return 0;
}

START_TEST(records_are_loaded_in_order_without_the_loops_own)
{
	struct cube_error err;
	size_t count = 0;

	begin(NULL, 0);
	post(WRITE, 1, "task/b", "v");
	post(WRITE, 2, "meta/a", "v");
	post(WRITE, 3, "task/a", "v");
	ck_assert(answered(3, 10000));
	end(0);
	ck_assert_int_eq(store_open("script", &script_ops, NULL, NULL, &store, &err), 0);
	loaded[0] = '\0';
	ck_assert_int_eq(store_load_all(store, load_one, NULL, &count, &err), 0);
	ck_assert_str_eq(loaded, "meta/a start task/a task/b ");
	ck_assert_uint_eq(count, 4);
	(void)snprintf(script.records[script_find("task/a")].key, 64, "bad");
	ck_assert_int_eq(store_load_all(store, load_one, NULL, &count, &err),
			 CUBE_ERR_INTERNAL);
	ck_assert_str_eq(err.message, "bad: damaged");
	store_close(store);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("loop and store");
	TCase *tc = tcase_create("loop");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_full_store_is_told_retried_and_forgotten);
	tcase_add_test(tc, an_unknown_outcome_is_looked_up);
	tcase_add_test(tc, a_look_up_that_fails_is_repeated_before_anything_is_written_again);
	tcase_add_test(tc, a_store_that_refuses_or_is_damaged_ends_the_loop);
	tcase_add_test(tc, a_brain_that_fails_ends_the_loop);
	tcase_add_test(tc, a_stop_gives_up_on_a_store_that_stays_full);
	tcase_add_test(tc, the_number_of_the_batch_goes_on_after_a_restart);
	tcase_add_test(tc, records_are_loaded_in_order_without_the_loops_own);
	/* Last: it leaves a loop behind. */
	tcase_add_test(tc, a_stop_does_not_wait_for_a_store_that_hangs);
	suite_add_tcase(s, tc);
	return s;
}

CHECK_MAIN(suite)
