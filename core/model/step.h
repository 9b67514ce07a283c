/* model/step.h - what goes into one step of a brain and what comes out of it.
 *
 * A brain is a pure function of its messages: step(brain, message, step). The shell's
 * loop (core/shell/loop.h) fills in the first part, the brain appends to the second.
 * Outbox items marked after_commit leave only when the changes of this batch, and of
 * all before it, are durable; a read is answered after_commit too, so nothing that could
 * still be lost is ever seen. Owned by the brain's thread.
 */
#ifndef MODEL_STEP_H
#define MODEL_STEP_H

#include "base/error.h"
#include "base/log.h"
#include "base/queue.h"
#include "base/timestamp.h"

#include <stdbool.h>
#include <stdint.h>

/* Every message to a brain begins with this. Kinds below MESSAGE_FIRST are common. */
struct message {
	struct queue_item item;
	int kind;
};

enum {
	MESSAGE_WAKE = 0,  /* step.now has reached wake_ms; there is no more to it */
	MESSAGE_QUIT = 1,  /* the process ends: answer what waits in the brain */
	MESSAGE_FIRST = 16 /* a brain's own kinds start here */
};

/* One write of a commit. The texts and the value are malloced and owned by the batch. */
struct change {
	char *key;
	char *key_end; /* not NULL: delete all of [key, key_end) */
	void *value;   /* NULL: delete */
	size_t value_size;
};

/* Something that leaves the brain. The brain's own effects begin with this struct. */
struct outbox_item {
	struct outbox_item *next;
	bool after_commit;
	void (*free)(struct outbox_item *item); /* also when it is never released */
};

struct log_entry {
	struct log_entry *next;
	enum log_level level;
	char line[]; /* made by log_format */
};

struct step {
	/* in */
	struct now now;
	uint64_t batch;          /* the number of the batch that this step's changes join */
	uint64_t durable;        /* all batches up to here are durable */
	const char *store_fault; /* not NULL: the store fails, with this reason; refuse new
				  * work with 503 before touching anything */
	/* out */
	struct change *changes;
	size_t change_count;
	size_t change_capacity;
	struct outbox_item *outbox; /* in order */
	struct outbox_item **outbox_end;
	struct log_entry *logs;
	struct log_entry **logs_end;
	uint64_t wake_ms; /* mono; when to send MESSAGE_WAKE; UINT64_MAX: not needed */
};

void step_init(struct step *step);
void step_release(struct step *step); /* frees what is still in it */

/* The functions below return 0 or CUBE_ERR_NO_MEMORY. A brain that runs out of memory in
 * the middle of a step returns that, and the process ends: what is durable is safe. */

/* Takes value (malloced, or NULL for a delete), also on failure; copies key. */
int step_write(struct step *step, const char *key, void *value, size_t value_size);
int step_delete_range(struct step *step, const char *key, const char *key_end);
void step_send(struct step *step, struct outbox_item *item); /* takes item */
void step_wake(struct step *step, uint64_t mono_ms);         /* the earliest asked for counts */
/* Pairs of key, value, then NULL, as log_event. Memory short: the line is dropped. */
__attribute__((sentinel)) void
step_log(struct step *step, enum log_level level, const char *event, ...);

#endif
