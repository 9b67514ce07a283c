/* shell/commit.h - the store's thread: commits one batch at a time and says what became
 * of it.
 *
 * A batch is one transaction, with its number beside it under meta/batch. A commit that
 * the store could not take (UNAVAILABLE, NO_MEMORY) is tried again, waiting 0.2 s to 2 s;
 * one whose outcome is unknown (TIMEOUT) is looked up by that number. Everything else is
 * the end. What happens is told by messages to the loop's inbox.
 */
#ifndef SHELL_COMMIT_H
#define SHELL_COMMIT_H

#include "base/queue.h"
#include "model/step.h"
#include "plugin/store.h"

#define COMMIT_BATCH_KEY "meta/batch"

/* Kinds of message below MESSAGE_FIRST; beside those of model/step.h. */
enum commit_message_kind {
	COMMIT_DONE = 8, /* batch is in; or error.code says why it never will be */
	COMMIT_FAULT = 9 /* it is not in yet, for error.message; goes on trying */
};

struct commit_batch {
	uint64_t number;
	struct change *changes; /* owned */
	size_t change_count;
	/* What waits for it, in order; the loop's alone. */
	struct outbox_item *held;
	struct outbox_item **held_end;
};

struct commit_message {
	struct message message;
	struct commit_batch *batch; /* of COMMIT_DONE: the loop's again */
	struct cube_error error;    /* code 0: it is in */
};

struct committer;

struct commit_batch *commit_batch_new(uint64_t number); /* NULL: no memory */
void commit_batch_free(struct commit_batch *batch);     /* NULL is fine; frees what it holds */

/* Reads the number of the last batch that is in; 0: none. */
int commit_last_number(struct store *store, uint64_t *number, struct cube_error *err);

/* inbox outlives it. The store is the thread's from here on. */
int committer_new(struct store *store, struct queue *inbox, struct committer **out,
		  struct cube_error *err);
/* Takes batch; exactly one COMMIT_DONE follows. One at a time. False: no memory, and the
 * batch stays the caller's. */
bool committer_submit(struct committer *committer, struct commit_batch *batch);
/* No more waiting: a commit that cannot be taken now is done, with its error. */
void committer_hurry(struct committer *committer);
/* Joins the thread, which must be idle or hurried and not stuck in the store. */
void committer_free(struct committer *committer);

#endif
