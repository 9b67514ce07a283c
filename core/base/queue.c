/* base/queue.c - the inbox of base/queue.h: one mutex, one condition, one chain.
 *
 * Owns the mutex and the condition; the items are the callers'. The owner takes the
 * whole chain at once, so a burst costs it one lock. Deadlines are on CLOCK_BOOTTIME,
 * which a condition cannot wait on: what remains is waited for on CLOCK_MONOTONIC, so a
 * wait that spans a sleep of the machine ends late by that sleep at most. [any] but
 * queue_pop_all and queue_free, which are the owner's.
 */
#include "base/queue.h"

#include "base/clock.h"

#include <assert.h>
#include <cube/plugin.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t some; /* there may be something for the owner */
	struct queue_item *first;
	struct queue_item **end; /* where the next item is linked in */
	size_t count;            /* of queue_push; answers do not count */
	size_t limit;
	bool waiting; /* the owner sleeps: only then is a signal needed */
	bool woken;
	bool closed;
};

static int
condition_init(pthread_cond_t *condition)
{
	pthread_condattr_t attr;
	int failed;

	failed = pthread_condattr_init(&attr);
	if (failed != 0)
		return failed;
	failed = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (failed == 0)
		failed = pthread_cond_init(condition, &attr);
	(void)pthread_condattr_destroy(&attr);
	return failed;
}

struct queue *
queue_new(size_t limit)
{
	struct queue *queue = calloc(1, sizeof(*queue));

	if (queue == NULL)
		return NULL;
	if (pthread_mutex_init(&queue->lock, NULL) != 0) {
		free(queue);
		return NULL;
	}
	if (condition_init(&queue->some) != 0) {
		(void)pthread_mutex_destroy(&queue->lock);
		free(queue);
		return NULL;
	}
	queue->end = &queue->first;
	queue->limit = limit;
	return queue;
}

void
queue_free(struct queue *queue)
{
	if (queue == NULL)
		return;
	assert(queue->first == NULL);
	(void)pthread_cond_destroy(&queue->some);
	(void)pthread_mutex_destroy(&queue->lock);
	free(queue);
}

static void
lock(struct queue *queue)
{
	int failed = pthread_mutex_lock(&queue->lock);

	assert(failed == 0);
	(void)failed;
}

/* Unlocks, and wakes the owner if it sleeps. */
static void
unlock_and_tell(struct queue *queue)
{
	bool tell = queue->waiting;
	int failed;

	/* Signalled under the lock: the owner may free the queue after its next pop. */
	if (tell)
		(void)pthread_cond_signal(&queue->some);
	failed = pthread_mutex_unlock(&queue->lock);
	assert(failed == 0);
	(void)failed;
}

static void
append(struct queue *queue, struct queue_item *item)
{
	item->next = NULL;
	*queue->end = item;
	queue->end = &item->next;
}

int
queue_push(struct queue *queue, struct queue_item *item)
{
	bool refused;

	lock(queue);
	refused = queue->closed || queue->count >= queue->limit;
	if (!refused) {
		append(queue, item);
		queue->count++;
	}
	unlock_and_tell(queue);
	return refused ? CUBE_ERR_UNAVAILABLE : 0;
}

void
queue_push_answer(struct queue *queue, struct queue_item *item)
{
	lock(queue);
	append(queue, item);
	unlock_and_tell(queue);
}

/* Sleeps once; false when the deadline has passed. Spurious wake-ups are the
 * caller's loop's. */
static bool
sleep_until(struct queue *queue, uint64_t deadline_ms)
{
	struct timespec until;
	uint64_t now_ms;
	uint64_t left_ms;

	if (deadline_ms == UINT64_MAX) {
		(void)pthread_cond_wait(&queue->some, &queue->lock);
		return true;
	}
	now_ms = clock_now().mono_ms;
	if (now_ms >= deadline_ms)
		return false;
	left_ms = deadline_ms - now_ms;
	/* A day is soon enough to look again, and keeps time_t from overflowing. */
	if (left_ms > UINT64_C(86400000))
		left_ms = UINT64_C(86400000);
	if (clock_gettime(CLOCK_MONOTONIC, &until) != 0)
		return false;
	until.tv_sec += (time_t)(left_ms / 1000);
	until.tv_nsec += (long)(left_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	(void)pthread_cond_timedwait(&queue->some, &queue->lock, &until);
	return true;
}

struct queue_item *
queue_pop_all(struct queue *queue, uint64_t deadline_ms)
{
	struct queue_item *chain;

	lock(queue);
	queue->waiting = true;
	while (queue->first == NULL && !queue->woken && deadline_ms != 0) {
		/* Nothing more need ever come: do not wait for it for ever. */
		if (queue->closed && deadline_ms == UINT64_MAX)
			break;
		if (!sleep_until(queue, deadline_ms))
			break;
	}
	queue->waiting = false;
	queue->woken = false;
	chain = queue->first;
	queue->first = NULL;
	queue->end = &queue->first;
	queue->count = 0;
	unlock_and_tell(queue);
	return chain;
}

void
queue_wake(struct queue *queue)
{
	lock(queue);
	queue->woken = true;
	unlock_and_tell(queue);
}

void
queue_close(struct queue *queue)
{
	lock(queue);
	queue->closed = true;
	queue->woken = true;
	unlock_and_tell(queue);
}
