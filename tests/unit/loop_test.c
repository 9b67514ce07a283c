/* tests/unit/loop_test.c - the loop with a brain of a few lines and a scripted store.
 *
 * The brain writes what its messages say and answers each with its number, the durable
 * batch it saw and whether the store was at fault. The answers' order and moment are what
 * is tested.
 */
#include "shell/loop.h"

#include "base/clock.h"
#include "shell/commit.h"
#include "shell/reply_slot.h"
#include "shell/store_load.h"

#include "check_main.h"
#include "store_script.h"

#include <stdatomic.h>
#include <time.h>

enum {
	WRITE = MESSAGE_FIRST, /* key = value, answered after the commit */
	READ,                  /* answered after the commit of what it saw */
	NOW,                   /* answered at once */
	WAKE_AT,               /* asks for a wake-up in number ms */
	CLEAR,                 /* deletes the range [key, value) */
	FAIL,                  /* the brain fails */
	HANG                   /* the brain does not return until it is let go */
};

struct test_message {
	struct message message;
	int number;
	char key[32];
	char value[32];
};

struct test_answer {
	struct outbox_item item;
	int number;
	int fault;
};

#define ANSWERS_MAX 256

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int numbers[ANSWERS_MAX];
	int faults[ANSWERS_MAX];
	int count;
	atomic_int freed_messages;
	atomic_int freed_answers;
	atomic_int overdue;
	int let_go;
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static struct loop *loop;
static struct store *store;
static pthread_t thread;
static int run_result;
static struct cube_error run_error;

/* ---- the brain ---- */

static void
answer_free(struct outbox_item *item)
{
	atomic_fetch_add(&seen.freed_answers, 1);
	free(item);
}

static void
answer(struct step *step, int number, bool after_commit)
{
	struct test_answer *made = calloc(1, sizeof(*made));

	if (made == NULL)
		abort();
	made->item.after_commit = after_commit;
	made->item.free = answer_free;
	made->number = number;
	made->fault = step->store_fault != NULL;
	step_send(step, &made->item);
}

static void
brain_free(struct message *message)
{
	atomic_fetch_add(&seen.freed_messages, 1);
	free(message);
}

static int
brain_start(void *brain, struct step *step, struct cube_error *err)
{
	(void)brain;
	(void)err;
	return step_write(step, "start", strdup("1"), 1);
}

static void
hang(void)
{
	(void)pthread_mutex_lock(&seen.lock);
	while (seen.let_go == 0)
		(void)pthread_cond_wait(&seen.changed, &seen.lock);
	(void)pthread_mutex_unlock(&seen.lock);
}

static int
brain_step(void *brain, struct message *message, struct step *step, struct cube_error *err)
{
	struct test_message *test = (struct test_message *)message;
	int failed = 0;

	(void)brain;
	switch (message->kind) {
	case MESSAGE_WAKE:
		answer(step, -1, false);
		break;
	case WRITE:
		failed = step_write(step, test->key, strdup(test->value), strlen(test->value));
		answer(step, test->number, true);
		break;
	case CLEAR:
		failed = step_delete_range(step, test->key, test->value);
		answer(step, test->number, true);
		break;
	case READ:
		answer(step, test->number, true);
		break;
	case NOW:
		answer(step, test->number, false);
		break;
	case WAKE_AT:
		step_wake(step, step->now.mono_ms + (uint64_t)test->number);
		break;
	case HANG:
		hang();
		break;
	case FAIL:
	default:
		failed = cube_fail(err, CUBE_ERR_INTERNAL, 0, "the brain fails");
		break;
	}
	free(message);
	return failed;
}

static struct message *
brain_wake(void *brain)
{
	(void)brain;
	return calloc(1, sizeof(struct test_message));
}

static void
on_overdue(void *brain)
{
	(void)brain;
	atomic_fetch_add(&seen.overdue, 1);
	(void)pthread_mutex_lock(&seen.lock);
	seen.let_go = 1;
	(void)pthread_cond_broadcast(&seen.changed);
	(void)pthread_mutex_unlock(&seen.lock);
}

static void
on_release(void *ctx, struct outbox_item *item)
{
	const struct test_answer *test = (const struct test_answer *)item;

	(void)ctx;
	(void)pthread_mutex_lock(&seen.lock);
	if (seen.count < ANSWERS_MAX) {
		seen.numbers[seen.count] = test->number;
		seen.faults[seen.count] = test->fault;
	}
	seen.count++;
	(void)pthread_cond_broadcast(&seen.changed);
	(void)pthread_mutex_unlock(&seen.lock);
	item->free(item);
}

/* ---- driving it ---- */

static void *
run(void *arg)
{
	(void)arg;
	run_result = loop_run(loop, &run_error);
	return NULL;
}

static void
begin(const enum script_word *words, size_t count)
{
	const struct loop_brain brain = {.start = brain_start,
					 .step = brain_step,
					 .wake = brain_wake,
					 .free_message = brain_free,
					 .suspect = "scheduler slow",
					 .step_limit_ms = 200,
					 .overdue = on_overdue};
	struct cube_error err;

	script_reset(words, count);
	seen.count = 0;
	seen.let_go = 0;
	atomic_store(&seen.overdue, 0);
	atomic_store(&seen.freed_messages, 0);
	ck_assert_int_eq(store_open("script", &script_ops, NULL, NULL, &store, &err), 0);
	ck_assert_msg(loop_new(&brain, store, on_release, NULL, NULL, &loop, &err) == 0, "%s",
		      err.message);
	ck_assert_int_eq(pthread_create(&thread, NULL, run, NULL), 0);
}

static void
end(int want)
{
	loop_stop(loop, clock_now().mono_ms + 5000);
	(void)pthread_join(thread, NULL);
	ck_assert_msg(run_result == want, "%d: %s", run_result, run_error.message);
	ck_assert(!loop_stuck(loop));
	loop_free(loop);
	store_close(store);
}

static struct message *
message_new(int kind, int number, const char *key, const char *value)
{
	struct test_message *message = calloc(1, sizeof(*message));

	ck_assert_ptr_nonnull(message);
	message->message.kind = kind;
	message->number = number;
	(void)snprintf(message->key, sizeof(message->key), "%s", key);
	(void)snprintf(message->value, sizeof(message->value), "%s", value);
	return &message->message;
}

static void
post(int kind, int number, const char *key, const char *value)
{
	ck_assert_int_eq(loop_post(loop, message_new(kind, number, key, value)), 0);
}

/* False: not within ms. */
static bool
answered(int count, int ms)
{
	struct timespec until;
	int failed = 0;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	(void)pthread_mutex_lock(&seen.lock);
	while (seen.count < count && failed == 0)
		failed = pthread_cond_timedwait(&seen.changed, &seen.lock, &until);
	failed = seen.count < count;
	(void)pthread_mutex_unlock(&seen.lock);
	return !failed;
}

static void
expect_value(const char *key, const char *value)
{
	char is[64];

	script_value(key, is);
	ck_assert_str_eq(is, value);
}

/* ---- tests ---- */

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

/* ---- the records and the slot ---- */

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
	tcase_add_test(tc, a_full_store_is_told_retried_and_forgotten);
	tcase_add_test(tc, an_unknown_outcome_is_looked_up);
	tcase_add_test(tc, a_look_up_that_fails_is_repeated_before_anything_is_written_again);
	tcase_add_test(tc, a_store_that_refuses_or_is_damaged_ends_the_loop);
	tcase_add_test(tc, a_brain_that_fails_ends_the_loop);
	tcase_add_test(tc, the_brain_is_woken_when_it_asked_and_not_before);
	tcase_add_test(tc, what_is_queued_at_the_stop_is_still_stored_and_answered);
	tcase_add_test(tc, after_the_stop_nothing_is_taken);
	tcase_add_test(tc, the_inbox_has_a_bound);
	tcase_add_test(tc, the_watchdog_sees_a_step_that_does_not_return);
	tcase_add_test(tc, steps_that_return_do_not_wake_the_watchdog);
	tcase_add_test(tc, a_stop_gives_up_on_a_store_that_stays_full);
	tcase_add_test(tc, the_number_of_the_batch_goes_on_after_a_restart);
	tcase_add_test(tc, records_are_loaded_in_order_without_the_loops_own);
	tcase_add_test(tc, a_slot_hands_over_in_time_and_frees_what_is_late);
	/* Last: it leaves a loop behind. */
	tcase_add_test(tc, a_stop_does_not_wait_for_a_store_that_hangs);
	suite_add_tcase(s, tc);
	return s;
}

CHECK_MAIN(suite)
