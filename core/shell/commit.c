/* shell/commit.c - see commit.h.
 *
 * Owns the store's thread. A batch is this thread's from committer_submit until its
 * COMMIT_DONE is in the inbox; its held items are not looked at here. Waiting between
 * tries is a pop from its own queue, so that an end need not wait for it.
 */
#include "shell/commit.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/thread.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACKOFF_FIRST_MS 200
#define BACKOFF_LAST_MS  2000

struct job {
	struct queue_item item;
	struct commit_batch *batch;
	struct commit_message *done; /* made at submit, so that the end cannot fail */
};

struct committer {
	struct store *store;
	struct queue *inbox;
	struct queue *jobs;
	pthread_t thread;
	atomic_bool hurry;
	atomic_bool ending;
};

/* What is handed to the store: the batch's writes and its number. */
struct writes {
	struct cube_write *items;
	size_t count;
	char number[24];
};

/* ---- batches ---- */

struct commit_batch *
commit_batch_new(uint64_t number)
{
	struct commit_batch *batch = calloc(1, sizeof(*batch));

	if (batch == NULL)
		return NULL;
	batch->number = number;
	batch->held_end = &batch->held;
	return batch;
}

void
commit_batch_free(struct commit_batch *batch)
{
	if (batch == NULL)
		return;
	for (size_t i = 0; i < batch->change_count; i++) {
		free(batch->changes[i].key);
		free(batch->changes[i].key_end);
		free(batch->changes[i].value);
	}
	free(batch->changes);
	while (batch->held != NULL) {
		struct outbox_item *item = batch->held;

		batch->held = item->next;
		item->free(item);
	}
	free(batch);
}

int
commit_last_number(struct store *store, uint64_t *number, struct cube_error *err)
{
	char *value = NULL;
	char *end;
	size_t size;
	uint64_t last;
	int failed = store_get(store, COMMIT_BATCH_KEY, &value, &size, err);

	if (failed == CUBE_ERR_NOT_FOUND) {
		*number = 0;
		return 0;
	}
	if (failed != 0)
		return failed;
	last = strtoull(value, &end, 10);
	failed = value[0] < '0' || value[0] > '9' || *end != '\0' || size != strlen(value);
	free(value);
	if (failed)
		return cube_fail(err, CUBE_ERR_INTERNAL, 0,
				 "%s: %s is no number: the store is damaged", store_name(store),
				 COMMIT_BATCH_KEY);
	*number = last;
	return 0;
}

/* ---- one commit ---- */

/* Only the last write of a key counts, so only it is written. Walks backwards and
 * returns how many are left, at the end of items; SIZE_MAX: no memory. */
static size_t
coalesce(const struct commit_batch *batch, struct cube_write *items, size_t room)
{
	struct map *seen = map_new();
	size_t first = room;

	if (seen == NULL)
		return SIZE_MAX;
	for (size_t i = batch->change_count; i-- > 0;) {
		const struct change *change = &batch->changes[i];
		int put = change->key_end != NULL ? 0 : map_put(seen, change->key, items);

		if (put == CUBE_ERR_CONFLICT)
			continue;
		if (put != 0) {
			map_free(seen, NULL);
			return SIZE_MAX;
		}
		items[--first] = (struct cube_write){
			.key = change->key,
			.key_end = change->key_end,
			.value = change->value,
			.value_size = change->value != NULL ? change->value_size : 0,
			.if_revision = CUBE_REVISION_ANY,
			.flags = change->key_end != NULL ? CUBE_WRITE_RANGE : 0,
		};
	}
	map_free(seen, NULL);
	return room - first;
}

static int
writes_make(const struct commit_batch *batch, struct writes *writes, struct cube_error *err)
{
	size_t room = batch->change_count;

	writes->items = calloc(room + 1, sizeof(*writes->items));
	if (writes->items == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	writes->count = coalesce(batch, writes->items, room);
	if (writes->count == SIZE_MAX) {
		free(writes->items);
		writes->items = NULL;
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	}
	memmove(writes->items, writes->items + (room - writes->count),
		writes->count * sizeof(*writes->items));
	(void)snprintf(writes->number, sizeof(writes->number), "%" PRIu64, batch->number);
	writes->items[writes->count++] = (struct cube_write){
		.key = COMMIT_BATCH_KEY,
		.value = writes->number,
		.value_size = strlen(writes->number),
		.if_revision = CUBE_REVISION_ANY,
	};
	return 0;
}

/* After an unknown outcome. 0: the batch is in; NOT_FOUND: it is not. */
static int
look_up(struct committer *committer, const struct commit_batch *batch, struct cube_error *err)
{
	uint64_t last = 0;
	int failed = commit_last_number(committer->store, &last, err);

	if (failed != 0)
		return failed;
	if (last == batch->number)
		return 0;
	if (last > batch->number)
		return cube_fail(err, CUBE_ERR_CONFLICT, 0,
				 "%s: batch %" PRIu64 " is in, ours is %" PRIu64
				 ": another process writes to this store",
				 store_name(committer->store), last, batch->number);
	return cube_fail(err, CUBE_ERR_NOT_FOUND, 0, "batch %" PRIu64 " is not in",
			 batch->number);
}

static bool
is_passing(int code)
{
	return code == CUBE_ERR_UNAVAILABLE || code == CUBE_ERR_NO_MEMORY ||
	       code == CUBE_ERR_TIMEOUT;
}

/* One try: 0, or what store_commit and the look-up say together: TIMEOUT means that it is
 * still not known. */
static int
attempt(struct committer *committer, const struct commit_batch *batch, bool *unknown,
	struct cube_error *err)
{
	struct writes writes = {0};
	uint64_t revision;
	int failed;

	if (*unknown) {
		failed = look_up(committer, batch, err);
		if (failed != CUBE_ERR_NOT_FOUND)
			return failed;
		*unknown = false;
	}
	failed = writes_make(batch, &writes, err);
	if (failed != 0)
		return failed;
	failed = store_commit(committer->store, writes.items, writes.count, &revision, err);
	free(writes.items);
	if (failed == CUBE_ERR_TIMEOUT) {
		struct cube_error look;

		*unknown = true;
		if (look_up(committer, batch, &look) == 0)
			return 0;
	}
	return failed;
}

static void
tell_fault(struct committer *committer, const struct cube_error *err)
{
	struct commit_message *fault = calloc(1, sizeof(*fault));

	if (fault == NULL)
		return; /* told at the next try */
	fault->message.kind = COMMIT_FAULT;
	fault->error = *err;
	queue_push_answer(committer->inbox, &fault->message.item);
}

/* False: hurried. */
static bool
wait_ms(struct committer *committer, uint64_t ms)
{
	uint64_t until = clock_now().mono_ms + ms;

	while (!atomic_load(&committer->hurry)) {
		struct queue_item *item;

		if (clock_now().mono_ms >= until)
			return true;
		item = queue_pop_all(committer->jobs, until);
		assert(item == NULL); /* one batch at a time */
		(void)item;
	}
	return false;
}

static void
job_run(struct committer *committer, struct job *job)
{
	struct commit_message *done = job->done;
	struct cube_error err = {0};
	uint64_t backoff_ms = BACKOFF_FIRST_MS;
	bool unknown = false;
	int failed;

	for (;;) {
		failed = attempt(committer, job->batch, &unknown, &err);
		if (!is_passing(failed))
			break;
		tell_fault(committer, &err);
		if (!wait_ms(committer, backoff_ms))
			break;
		backoff_ms =
			backoff_ms * 2 < BACKOFF_LAST_MS ? backoff_ms * 2 : BACKOFF_LAST_MS;
	}
	done->message.kind = COMMIT_DONE;
	done->batch = job->batch;
	if (failed != 0)
		done->error = err;
	free(job);
	queue_push_answer(committer->inbox, &done->message.item);
}

static void *
committer_run(void *arg)
{
	struct committer *committer = arg;

	while (!atomic_load(&committer->ending)) {
		struct queue_item *item = queue_pop_all(committer->jobs, UINT64_MAX);

		while (item != NULL) {
			struct job *job = (struct job *)item;

			item = item->next;
			job_run(committer, job);
		}
	}
	return NULL;
}

/* ---- the loop's side ---- */

int
committer_new(struct store *store, struct queue *inbox, struct committer **out,
	      struct cube_error *err)
{
	struct committer *committer = calloc(1, sizeof(*committer));
	int failed;

	if (committer == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	committer->store = store;
	committer->inbox = inbox;
	committer->jobs = queue_new(1);
	if (committer->jobs == NULL) {
		free(committer);
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	}
	failed = thread_start(&committer->thread, "cube-store", committer_run, committer, err);
	if (failed != 0) {
		queue_free(committer->jobs);
		free(committer);
		return failed;
	}
	*out = committer;
	return 0;
}

bool
committer_submit(struct committer *committer, struct commit_batch *batch)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job != NULL)
		job->done = calloc(1, sizeof(*job->done));
	if (job == NULL || job->done == NULL) {
		free(job);
		return false;
	}
	job->batch = batch;
	queue_push_answer(committer->jobs, &job->item);
	return true;
}

void
committer_hurry(struct committer *committer)
{
	atomic_store(&committer->hurry, true);
	queue_wake(committer->jobs);
}

void
committer_free(struct committer *committer)
{
	if (committer == NULL)
		return;
	atomic_store(&committer->ending, true);
	committer_hurry(committer);
	(void)pthread_join(committer->thread, NULL);
	queue_free(committer->jobs);
	free(committer);
}
