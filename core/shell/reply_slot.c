/* shell/reply_slot.c - one answer handed from the brain's thread to a handler's.
 *
 * The slot has two owners, the waiter and the filler; whoever is second frees it. Owns the
 * answer between filling and taking. Deadlines are on CLOCK_BOOTTIME, which a condition
 * cannot wait on: what remains is waited for on CLOCK_MONOTONIC.
 */
#include "shell/reply_slot.h"

#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

struct reply_slot {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct outbox_item *answer;
	bool abandoned; /* nobody waits any more: the filler frees */
};

struct reply_slot *
reply_slot_new(void)
{
	struct reply_slot *slot = calloc(1, sizeof(*slot));
	pthread_condattr_t attr;
	bool ok;

	if (slot == NULL)
		return NULL;
	if (pthread_condattr_init(&attr) != 0) {
		free(slot);
		return NULL;
	}
	ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
	     pthread_mutex_init(&slot->lock, NULL) == 0;
	if (ok && pthread_cond_init(&slot->filled, &attr) != 0) {
		(void)pthread_mutex_destroy(&slot->lock);
		ok = false;
	}
	(void)pthread_condattr_destroy(&attr);
	if (!ok) {
		free(slot);
		return NULL;
	}
	return slot;
}

void
reply_slot_free(struct reply_slot *slot)
{
	if (slot == NULL)
		return;
	if (slot->answer != NULL)
		slot->answer->free(slot->answer);
	(void)pthread_cond_destroy(&slot->filled);
	(void)pthread_mutex_destroy(&slot->lock);
	free(slot);
}

static struct timespec
until(uint64_t deadline_ms)
{
	uint64_t now_ms = clock_now().mono_ms;
	uint64_t left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
	struct timespec at = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += (time_t)(left_ms / 1000);
	at.tv_nsec += (long)(left_ms % 1000) * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	return at;
}

struct outbox_item *
reply_slot_wait(struct reply_slot *slot, uint64_t deadline_ms)
{
	struct timespec at = until(deadline_ms);
	struct outbox_item *answer;
	int failed = pthread_mutex_lock(&slot->lock);

	assert(failed == 0);
	while (slot->answer == NULL && failed == 0)
		failed = pthread_cond_timedwait(&slot->filled, &slot->lock, &at);
	answer = slot->answer;
	slot->answer = NULL;
	slot->abandoned = answer == NULL;
	(void)pthread_mutex_unlock(&slot->lock);
	if (answer != NULL)
		reply_slot_free(slot);
	return answer;
}

void
reply_slot_fill(struct reply_slot *slot, struct outbox_item *answer)
{
	bool abandoned;
	int failed = pthread_mutex_lock(&slot->lock);

	assert(failed == 0);
	(void)failed;
	assert(slot->answer == NULL);
	slot->answer = answer;
	abandoned = slot->abandoned;
	/* Signalled under the lock: the waiter frees the slot as soon as it has it. */
	if (!abandoned)
		(void)pthread_cond_signal(&slot->filled);
	(void)pthread_mutex_unlock(&slot->lock);
	if (abandoned)
		reply_slot_free(slot);
}
