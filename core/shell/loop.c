/* shell/loop.c - the way of a message: inbox, brain, batch, commit, release.
 *
 * Owns the inbox, the batch that gathers (open) and the one that is being committed
 * (flying), the store's thread and the watchdog. loop_run's thread is the brain's. An item
 * marked after_commit waits for the youngest batch whose changes its step could have seen:
 * the open one if that has any, else the flying one, else nothing.
 */
#include "shell/loop.h"

#include "base/clock.h"
#include "shell/commit.h"
#include "shell/watchdog.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct loop {
	struct loop_brain brain;
	struct store *store;
	loop_release *release;
	void *ctx;
	struct log *log;
	struct queue *inbox;
	struct committer *committer;
	struct watchdog *watchdog;
	/* from any thread */
	atomic_bool store_fails;
	atomic_bool stopping;
	atomic_uint_fast64_t stop_deadline_ms;
	/* the loop thread's */
	struct step step; /* of the open batch: its changes gather here */
	struct commit_batch *open;
	struct commit_batch *flying; /* NULL: no commit under way */
	uint64_t flying_since_ms;
	uint64_t durable;
	uint64_t wake_ms;
	char fault[256]; /* the store's; "": none */
	bool sealed;     /* ending: no more steps */
	bool stuck;
	struct cube_error failure; /* code 0: none */
};

/* ---- releasing ---- */

static void
release_all(struct loop *loop, struct outbox_item *item)
{
	while (item != NULL) {
		struct outbox_item *next = item->next;

		item->next = NULL;
		loop->release(loop->ctx, item);
		item = next;
	}
}

static void
hold(struct commit_batch *batch, struct outbox_item *item)
{
	item->next = NULL;
	*batch->held_end = item;
	batch->held_end = &item->next;
}

/* Sorts what a step has left: out at once, or to the batch it saw. */
static void
outbox_sort(struct loop *loop)
{
	struct outbox_item *item = loop->step.outbox;
	struct outbox_item *out = NULL;
	struct outbox_item **out_end = &out;

	loop->step.outbox = NULL;
	loop->step.outbox_end = &loop->step.outbox;
	while (item != NULL) {
		struct outbox_item *next = item->next;

		if (item->after_commit && loop->step.change_count > 0) {
			hold(loop->open, item);
		} else if (item->after_commit && loop->flying != NULL) {
			hold(loop->flying, item);
		} else {
			item->next = NULL;
			*out_end = item;
			out_end = &item->next;
		}
		item = next;
	}
	release_all(loop, out);
}

static void
logs_write(struct loop *loop)
{
	struct log_entry *entry = loop->step.logs;

	loop->step.logs = NULL;
	loop->step.logs_end = &loop->step.logs;
	while (entry != NULL) {
		struct log_entry *next = entry->next;

		log_line(loop->log, entry->level, entry->line);
		free(entry);
		entry = next;
	}
}

/* ---- steps ---- */

static void
fail(struct loop *loop, const struct cube_error *err)
{
	if (loop->failure.code == 0)
		loop->failure = *err;
}

/* message NULL: the brain's start. */
static void
step_run(struct loop *loop, struct message *message)
{
	struct cube_error err = {0};
	struct step *step = &loop->step;
	int failed;

	step->now = clock_now();
	step->batch = loop->open->number;
	step->durable = loop->durable;
	step->store_fault = loop->fault[0] != '\0' ? loop->fault : NULL;
	step->wake_ms = UINT64_MAX;
	watchdog_begin(loop->watchdog, step->now.mono_ms);
	if (message == NULL)
		failed = loop->brain.start(loop->brain.brain, step, &err);
	else
		failed = loop->brain.step(loop->brain.brain, message, step, &err);
	watchdog_end(loop->watchdog);
	logs_write(loop);
	if (failed != 0) {
		fail(loop, &err);
		return;
	}
	if (step->wake_ms < loop->wake_ms)
		loop->wake_ms = step->wake_ms;
	outbox_sort(loop);
}

static void
wake_if_due(struct loop *loop)
{
	struct message *wake;
	struct cube_error err;

	if (loop->sealed || loop->failure.code != 0 || clock_now().mono_ms < loop->wake_ms)
		return;
	loop->wake_ms = UINT64_MAX;
	wake = loop->brain.wake(loop->brain.brain);
	if (wake == NULL) {
		(void)cube_fail(&err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
		fail(loop, &err);
		return;
	}
	step_run(loop, wake);
}

/* ---- commits ---- */

/* Sends the open batch off, if there is anything in it and nothing flies. */
static void
batch_fly(struct loop *loop)
{
	struct commit_batch *next;
	struct cube_error err;

	if (loop->flying != NULL || loop->step.change_count == 0 || loop->failure.code != 0)
		return;
	next = commit_batch_new(loop->open->number + 1);
	if (next == NULL) {
		(void)cube_fail(&err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
		fail(loop, &err);
		return;
	}
	loop->open->changes = loop->step.changes;
	loop->open->change_count = loop->step.change_count;
	loop->step.changes = NULL;
	loop->step.change_count = 0;
	loop->step.change_capacity = 0;
	loop->flying = loop->open;
	loop->open = next;
	loop->flying_since_ms = clock_now().mono_ms;
	if (!committer_submit(loop->committer, loop->flying)) {
		(void)cube_fail(&err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
		fail(loop, &err);
	}
}

static void
fault_set(struct loop *loop, const char *why)
{
	if (strcmp(loop->fault, why) != 0)
		log_event(loop->log, LOG_LEVEL_ERROR, "store.fault", "store",
			  store_name(loop->store), "reason", why, NULL);
	(void)snprintf(loop->fault, sizeof(loop->fault), "%s", why);
	atomic_store(&loop->store_fails, true);
}

static void
commit_done(struct loop *loop, struct commit_message *message)
{
	struct commit_batch *batch = message->batch;
	struct outbox_item *held;

	assert(batch == loop->flying);
	loop->flying = NULL;
	if (message->error.code != 0) {
		fail(loop, &message->error);
		commit_batch_free(batch); /* what it holds is never released */
		return;
	}
	loop->durable = batch->number;
	if (loop->fault[0] != '\0') {
		loop->fault[0] = '\0';
		atomic_store(&loop->store_fails, false);
		log_event(loop->log, LOG_LEVEL_INFO, "store.recovered", "store",
			  store_name(loop->store), NULL);
	}
	held = batch->held;
	batch->held = NULL;
	commit_batch_free(batch);
	release_all(loop, held);
}

static void
slow_check(struct loop *loop)
{
	if (loop->flying != NULL && loop->fault[0] == '\0' &&
	    clock_now().mono_ms >= loop->flying_since_ms + LOOP_COMMIT_SLOW_MS)
		fault_set(loop, "the store has not answered for 5 s");
}

/* ---- the loop ---- */

static void
message_handle(struct loop *loop, struct message *message)
{
	struct commit_message *commit = (struct commit_message *)message;

	if (message->kind == COMMIT_DONE) {
		commit_done(loop, commit);
		free(commit);
	} else if (message->kind == COMMIT_FAULT) {
		fault_set(loop, commit->error.message);
		free(commit);
	} else if (loop->sealed || loop->failure.code != 0) {
		loop->brain.free_message(message);
	} else {
		step_run(loop, message);
	}
}

static void
inbox_handle(struct loop *loop, uint64_t deadline_ms)
{
	struct queue_item *item = queue_pop_all(loop->inbox, deadline_ms);

	while (item != NULL) {
		struct message *message = (struct message *)item;

		item = item->next;
		message_handle(loop, message);
	}
}

static uint64_t
next_deadline(const struct loop *loop)
{
	uint64_t at = loop->sealed ? atomic_load(&loop->stop_deadline_ms) : loop->wake_ms;

	if (loop->flying != NULL && loop->fault[0] == '\0') {
		uint64_t slow = loop->flying_since_ms + LOOP_COMMIT_SLOW_MS;

		if (slow < at)
			at = slow;
	}
	return at;
}

/* Ending: true once there is nothing left to wait for. */
static bool
ended(struct loop *loop)
{
	struct cube_error err;

	if (loop->flying == NULL && loop->step.change_count == 0)
		return true;
	if (clock_now().mono_ms < atomic_load(&loop->stop_deadline_ms))
		return false;
	(void)cube_fail(&err, CUBE_ERR_TIMEOUT, 0, "the last changes could not be stored: %s",
			loop->fault[0] != '\0' ? loop->fault : "the store does not answer");
	fail(loop, &err);
	return true;
}

/* Lets go of the store's thread: a commit that waits to be tried again ends with its
 * error; one that hangs in the store is left to hang. */
static void
store_leave(struct loop *loop)
{
	uint64_t until = clock_now().mono_ms + 200;

	committer_hurry(loop->committer);
	while (loop->flying != NULL && !loop->stuck) {
		inbox_handle(loop, until);
		loop->stuck = loop->flying != NULL && clock_now().mono_ms >= until;
	}
}

int
loop_run(struct loop *loop, struct cube_error *err)
{
	step_run(loop, NULL);
	batch_fly(loop);
	while (loop->failure.code == 0) {
		bool stopping = atomic_load(&loop->stopping);

		if (loop->sealed && ended(loop))
			break;
		/* Once more without waiting, for what came before the inbox was closed. */
		inbox_handle(loop, stopping && !loop->sealed ? 0 : next_deadline(loop));
		if (stopping)
			loop->sealed = true;
		wake_if_due(loop);
		slow_check(loop);
		batch_fly(loop);
	}
	loop->sealed = true;
	if (loop->flying != NULL)
		store_leave(loop);
	if (loop->failure.code == 0)
		return 0;
	*err = loop->failure;
	return err->code;
}

/* ---- from outside ---- */

int
loop_post(struct loop *loop, struct message *message)
{
	return queue_push(loop->inbox, &message->item);
}

void
loop_post_answer(struct loop *loop, struct message *message)
{
	queue_push_answer(loop->inbox, &message->item);
}

void
loop_stop(struct loop *loop, uint64_t deadline_ms)
{
	atomic_store(&loop->stop_deadline_ms, deadline_ms);
	atomic_store(&loop->stopping, true);
	queue_close(loop->inbox);
}

bool
loop_store_fails(const struct loop *loop)
{
	return atomic_load(&loop->store_fails);
}

bool
loop_stuck(const struct loop *loop)
{
	return loop->stuck;
}

int
loop_new(const struct loop_brain *brain, struct store *store, loop_release *release, void *ctx,
	 struct log *log, struct loop **out, struct cube_error *err)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	int failed;

	if (loop == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	loop->brain = *brain;
	loop->store = store;
	loop->release = release;
	loop->ctx = ctx;
	loop->log = log;
	loop->wake_ms = UINT64_MAX;
	step_init(&loop->step);
	failed = commit_last_number(store, &loop->durable, err);
	if (failed != 0) {
		free(loop);
		return failed;
	}
	loop->open = commit_batch_new(loop->durable + 1);
	loop->inbox = queue_new(LOOP_INBOX_MAX);
	failed = loop->open != NULL && loop->inbox != NULL
			 ? watchdog_new(brain, log, &loop->watchdog, err)
			 : cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	if (failed == 0)
		failed = committer_new(store, loop->inbox, &loop->committer, err);
	if (failed != 0) {
		loop_free(loop);
		return failed;
	}
	*out = loop;
	return 0;
}

static void
inbox_free(struct loop *loop)
{
	struct queue_item *item;

	if (loop->inbox == NULL)
		return;
	item = queue_pop_all(loop->inbox, 0);
	while (item != NULL) {
		struct message *message = (struct message *)item;

		item = item->next;
		if (message->kind == COMMIT_DONE || message->kind == COMMIT_FAULT)
			free(message);
		else
			loop->brain.free_message(message);
	}
	queue_free(loop->inbox);
}

void
loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	assert(!loop->stuck);
	committer_free(loop->committer);
	watchdog_free(loop->watchdog);
	inbox_free(loop);
	commit_batch_free(loop->flying);
	commit_batch_free(loop->open);
	step_release(&loop->step);
	free(loop);
}
