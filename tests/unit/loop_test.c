/* tests/unit/loop_test.c - the loop: when an answer goes out and what it has seen, wake-ups,
 * the watchdog, the end. */
#include "loop_rig.h"

START_TEST(a_write_is_answered_when_it_is_in)
{
	begin(NULL, 0);
	post(WRITE, 1, "k", "v");
	ck_assert(answered(1, 10000));
	expect_value("k", "v");
	expect_value("start", "1");
	end(0);
}
END_TEST

START_TEST(nothing_uncommitted_is_seen_and_what_is_not_of_it_passes)
{
	static const enum script_word words[] = {SCRIPT_OK, SCRIPT_HANG};

	begin(words, 2);
	post(READ, 1, "", "");
	ck_assert(answered(1, 10000)); /* the start is in */
	post(WRITE, 2, "k", "v");
	script_await_hang();
	post(READ, 3, "", "");    /* has seen 2 */
	post(WRITE, 4, "l", "w"); /* in the next batch */
	post(READ, 5, "", "");    /* has seen 4 */
	post(NOW, 6, "", "");
	ck_assert(answered(2, 10000));
	ck_assert_int_eq(seen.numbers[1], 6);
	ck_assert(!answered(3, 200));
	script_let_go();
	ck_assert(answered(6, 10000));
	ck_assert_int_eq(seen.numbers[2], 2);
	ck_assert_int_eq(seen.numbers[3], 3);
	ck_assert_int_eq(seen.numbers[4], 4);
	ck_assert_int_eq(seen.numbers[5], 5);
	expect_value("l", "w");
	end(0);
}
END_TEST

START_TEST(what_arrives_during_a_commit_goes_in_as_one)
{
	static const enum script_word words[] = {SCRIPT_OK, SCRIPT_HANG};
	unsigned before;

	begin(words, 2);
	post(READ, 0, "", "");
	ck_assert(answered(1, 10000));
	post(WRITE, 1, "k", "v");
	script_await_hang();
	for (int i = 0; i < 50; i++) {
		char key[32];

		(void)snprintf(key, sizeof(key), "key%d", i % 10);
		post(WRITE, 2 + i, key, "v");
	}
	post(NOW, 99, "", "");
	ck_assert(answered(2, 10000)); /* all 50 are in the open batch */
	before = script.commits;
	script_let_go();
	ck_assert(answered(53, 10000));
	end(0);
	ck_assert_uint_eq(script.commits, before + 1);
	/* Ten keys, each once, and the number of the batch. */
	ck_assert_uint_eq(script.last_count, 11);
	expect_value(COMMIT_BATCH_KEY, "3");
}
END_TEST

START_TEST(the_last_write_of_a_key_counts_also_beside_a_range)
{
	static const enum script_word words[] = {SCRIPT_OK, SCRIPT_HANG};

	begin(words, 2);
	post(READ, 0, "", "");
	ck_assert(answered(1, 10000));
	post(WRITE, 1, "x", "y");
	script_await_hang();
	post(WRITE, 2, "a1", "old");
	post(WRITE, 3, "a2", "old");
	post(CLEAR, 4, "a", "b");
	post(WRITE, 5, "a2", "mid");
	post(WRITE, 6, "a2", "new");
	script_let_go();
	ck_assert(answered(7, 10000));
	expect_value("a1", "(none)");
	expect_value("a2", "new");
	end(0);
}
END_TEST

START_TEST(the_brain_is_woken_when_it_asked_and_not_before)
{
	uint64_t begun = clock_now().mono_ms;

	begin(NULL, 0);
	post(WAKE_AT, 300, "", "");
	post(WAKE_AT, 100000, "", ""); /* a later one does not push it away */
	ck_assert(answered(1, 10000));
	ck_assert_int_eq(seen.numbers[0], -1);
	ck_assert_uint_ge(clock_now().mono_ms - begun, 300);
	end(0);
}
END_TEST

START_TEST(what_is_queued_at_the_stop_is_still_stored_and_answered)
{
	begin(NULL, 0);
	for (int i = 0; i < 20; i++)
		post(WRITE, i, "k", "v");
	end(0);
	ck_assert_int_eq(seen.count, 20);
	expect_value("k", "v");
}
END_TEST

START_TEST(after_the_stop_nothing_is_taken)
{
	struct message *message = message_new(NOW, 1, "", "");

	begin(NULL, 0);
	loop_stop(loop, clock_now().mono_ms + 5000);
	ck_assert_int_eq(loop_post(loop, message), CUBE_ERR_UNAVAILABLE);
	free(message);
	end(0);
	ck_assert_int_eq(seen.count, 0);
}
END_TEST

START_TEST(the_inbox_has_a_bound)
{
	static const enum script_word words[] = {SCRIPT_OK};
	struct message *message = message_new(NOW, 1, "", "");
	int taken = 0;

	begin(words, 1);
	post(HANG, 0, "", "");
	for (int i = 0; i < 2 * LOOP_INBOX_MAX + 2; i++) {
		struct message *more = message_new(READ, 0, "", "");

		if (loop_post(loop, more) != 0) {
			free(more);
			break;
		}
		taken++;
	}
	ck_assert_int_le(taken, 2 * LOOP_INBOX_MAX + 1);
	/* An answer to what the brain itself asked for is always taken. */
	loop_post_answer(loop, message);
	(void)pthread_mutex_lock(&seen.lock);
	seen.let_go = 1;
	(void)pthread_cond_broadcast(&seen.changed);
	(void)pthread_mutex_unlock(&seen.lock);
	loop_stop(loop, clock_now().mono_ms + 5000);
	(void)pthread_join(thread, NULL);
	ck_assert_int_eq(seen.count, taken + 1);
	loop_free(loop);
	store_close(store);
}
END_TEST

START_TEST(the_watchdog_sees_a_step_that_does_not_return)
{
	begin(NULL, 0);
	post(HANG, 0, "", "");
	post(NOW, 1, "", "");
	ck_assert(answered(1, 10000)); /* on_overdue let it go */
	ck_assert_int_eq(atomic_load(&seen.overdue), 1);
	end(0);
}
END_TEST

START_TEST(steps_that_return_do_not_wake_the_watchdog)
{
	begin(NULL, 0);
	for (int i = 1; i <= 30; i++) {
		struct timespec pause = {.tv_nsec = 20000000};

		post(NOW, i, "", "");
		ck_assert(answered(i, 10000));
		(void)nanosleep(&pause, NULL);
	}
	ck_assert_int_eq(atomic_load(&seen.overdue), 0);
	end(0);
}
END_TEST

static struct outbox_item *
slot_answer(void)
{
	struct test_answer *made = calloc(1, sizeof(*made));

	ck_assert_ptr_nonnull(made);
	made->item.free = answer_free;
	return &made->item;
}

static void *
fill(void *arg)
{
	struct timespec pause = {.tv_nsec = 50000000};

	(void)nanosleep(&pause, NULL);
	reply_slot_fill(arg, slot_answer());
	return NULL;
}

START_TEST(a_slot_hands_over_in_time_and_frees_what_is_late)
{
	struct reply_slot *slot = reply_slot_new();
	struct outbox_item *item;
	pthread_t filler;

	ck_assert_int_eq(pthread_create(&filler, NULL, fill, slot), 0);
	item = reply_slot_wait(slot, clock_now().mono_ms + 10000);
	ck_assert_ptr_nonnull(item);
	item->free(item);
	(void)pthread_join(filler, NULL);
	slot = reply_slot_new();
	atomic_store(&seen.freed_answers, 0);
	ck_assert_int_eq(pthread_create(&filler, NULL, fill, slot), 0);
	ck_assert_ptr_null(reply_slot_wait(slot, clock_now().mono_ms));
	(void)pthread_join(filler, NULL);
	ck_assert_int_eq(atomic_load(&seen.freed_answers), 1);
	reply_slot_free(reply_slot_new());
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("loop");
	TCase *tc = tcase_create("loop");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_write_is_answered_when_it_is_in);
	tcase_add_test(tc, nothing_uncommitted_is_seen_and_what_is_not_of_it_passes);
	tcase_add_test(tc, what_arrives_during_a_commit_goes_in_as_one);
	tcase_add_test(tc, the_last_write_of_a_key_counts_also_beside_a_range);
	tcase_add_test(tc, the_brain_is_woken_when_it_asked_and_not_before);
	tcase_add_test(tc, what_is_queued_at_the_stop_is_still_stored_and_answered);
	tcase_add_test(tc, after_the_stop_nothing_is_taken);
	tcase_add_test(tc, the_inbox_has_a_bound);
	tcase_add_test(tc, the_watchdog_sees_a_step_that_does_not_return);
	tcase_add_test(tc, steps_that_return_do_not_wake_the_watchdog);
	tcase_add_test(tc, a_slot_hands_over_in_time_and_frees_what_is_late);
	suite_add_tcase(s, tc);
	return s;
}

CHECK_MAIN(suite)
