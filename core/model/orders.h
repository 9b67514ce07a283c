/* model/orders.h - what passes between manager and worker: orders down, reports up.
 *
 * Both are levels: each says what is, with revisions, so that a repeated, late or lost
 * one does no harm. Orders are numbered (generation of the manager, sequence for this
 * worker); a report's place is (epoch of the worker's start, sequence).
 */
#ifndef MODEL_ORDERS_H
#define MODEL_ORDERS_H

#include "model/task.h"

#define REVISION_SIZE 48 /* "EPOCH-SEQ" as text: hex, decimal */

struct revision {
	uint64_t epoch; /* 0: none */
	uint64_t sequence;
};

/* "9f3c...-12"; and back: 0 or CUBE_ERR_INVALID. */
void revision_format(struct revision revision, char out[REVISION_SIZE]);
int revision_parse(const char *text, struct revision *out);

struct order {
	char task_id[ID_SIZE];
	uint32_t attempt; /* from 1 */
	enum task_wanted wanted;
	struct task_spec *spec; /* counted; NULL: the worker has it, or it follows */
};

/* The body of PUT /desired. */
struct orders {
	char cluster[ID_SIZE];
	char worker[ID_SIZE]; /* the instance that is meant; "": whoever answers */
	uint64_t generation;
	uint64_t sequence;
	bool full;             /* the whole wanted set; else what changed */
	struct revision acked; /* reports up to here are durable with the manager */
	struct order *items;
	size_t count;
};

void orders_release(struct orders *orders);

struct report {
	char task_id[ID_SIZE];
	struct task_status status; /* of the attempt status.attempt */
};

/* The answer to a poll. */
struct reports {
	struct revision revision;
	bool full; /* all that is not acknowledged; else what changed since */
	/* The newest orders the worker had journalled when it answered: only what was ordered
	 * by then can be missing from a full answer. */
	uint64_t generation;
	uint64_t sequence;
	uint64_t node_revision; /* of node_info */
	/* The worker's own clock when it answered, opaque to the manager, which echoes the
	 * newest in its next poll: 0: none. A worker counts StopAfterDisconnect from it. */
	uint64_t stamp;
	struct report *items;
	size_t count;
};

void reports_release(struct reports *reports);

#endif
