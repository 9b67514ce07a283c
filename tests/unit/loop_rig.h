/* tests/unit/loop_rig.h - a loop with a brain of a few lines and a scripted store.
 *
 * The brain writes what its messages say and answers each with its number, the durable
 * batch it saw and whether the store was at fault. Each test program includes it once.
 */
#ifndef LOOP_RIG_H
#define LOOP_RIG_H

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

static inline void
answer_free(struct outbox_item *item)
{
	atomic_fetch_add(&seen.freed_answers, 1);
	free(item);
}

static inline void
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

static inline void
brain_free(struct message *message)
{
	atomic_fetch_add(&seen.freed_messages, 1);
	free(message);
}

static inline int
brain_start(void *brain, struct step *step, struct cube_error *err)
{
	(void)brain;
	(void)err;
	return step_write(step, "start", strdup("1"), 1);
}

static inline void
hang(void)
{
	(void)pthread_mutex_lock(&seen.lock);
	while (seen.let_go == 0)
		(void)pthread_cond_wait(&seen.changed, &seen.lock);
	(void)pthread_mutex_unlock(&seen.lock);
}

static inline int
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

static inline struct message *
brain_wake(void *brain)
{
	(void)brain;
	return calloc(1, sizeof(struct test_message));
}

static inline void
on_overdue(void *brain)
{
	(void)brain;
	atomic_fetch_add(&seen.overdue, 1);
	(void)pthread_mutex_lock(&seen.lock);
	seen.let_go = 1;
	(void)pthread_cond_broadcast(&seen.changed);
	(void)pthread_mutex_unlock(&seen.lock);
}

static inline void
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

static inline void *
run(void *arg)
{
	(void)arg;
	run_result = loop_run(loop, &run_error);
	return NULL;
}

static inline void
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

static inline void
end(int want)
{
	loop_stop(loop, clock_now().mono_ms + 5000);
	(void)pthread_join(thread, NULL);
	ck_assert_msg(run_result == want, "%d: %s", run_result, run_error.message);
	ck_assert(!loop_stuck(loop));
	loop_free(loop);
	store_close(store);
}

static inline struct message *
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

static inline void
post(int kind, int number, const char *key, const char *value)
{
	ck_assert_int_eq(loop_post(loop, message_new(kind, number, key, value)), 0);
}

/* False: not within ms. */
static inline bool
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

static inline void
expect_value(const char *key, const char *value)
{
	char is[64];

	script_value(key, is);
	ck_assert_str_eq(is, value);
}

#endif
