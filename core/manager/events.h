/* manager/events.h - what has happened to tasks and nodes, in the order it happened.
 *
 * Each entry has a number of its own, from 1 and without gaps. The newest events_max are
 * kept in memory, in one ring by number and in a chain of each task; in the store as one
 * record for those of a step, under the number of its first. An entry is not changed once
 * it is noted, so pages of them are shared with the handlers' threads and counted.
 */
#ifndef MANAGER_EVENTS_H
#define MANAGER_EVENTS_H

#include "base/id.h"
#include "base/json.h"
#include "model/history.h"

#include <stdatomic.h>
#include <stddef.h>

struct manager;
struct entry;
struct node;

struct event {
	atomic_uint references;
	uint32_t attempt;
	uint8_t state;
	uint8_t by;
	bool of_node;
	uint8_t task_id[ID_BYTES];
	uint64_t revision;
	int64_t time_ms;
	/* the brain's alone */
	uint64_t record;         /* the number in the key of the record that holds it */
	struct event *task_next; /* of the same task */
	struct entry *entry;     /* NULL: of a node, or its task is not known any more */
	char text[];             /* node, then the task's name or the node's status, reason */
};

/* What may be known to be durable: all up to revision once batch is. */
struct event_mark {
	uint64_t batch; /* 0: none */
	uint64_t revision;
};

#define EVENT_MARKS 2 /* batches that are not durable: one gathers, one commits */

struct events {
	struct event **ring; /* by the low bits of their numbers */
	size_t capacity;     /* a power of two; 0: none */
	uint64_t first;      /* the number of the oldest; next if there is none */
	uint64_t next;
	uint64_t unwritten; /* the first of this step that is in no record */
	uint64_t durable;   /* all up to here surely are */
	struct event_mark marks[EVENT_MARKS];
	size_t max;
};

void events_init(struct events *events, size_t max);
void events_release(struct events *events);

/* An entry in the chain of its task and in the record of this step: it entered its state. */
void events_note(struct manager *manager, struct entry *entry);
/* Something else happened to it, in the state it is in. */
void events_note_reason(struct manager *manager, struct entry *entry, const char *reason);
/* The node's status has changed. A placeholder that has no name yet is passed over. */
void events_note_node(struct manager *manager, const struct node *node);
/* Something else happened to it: "joined", "removed"; or its status does not show it. */
void events_note_node_as(struct manager *manager, const struct node *node, const char *status,
			 const char *reason);
/* The task leaves the ledger: its entries stay, and know it by id and name only. */
void events_forget_task(struct manager *manager, struct entry *entry);

void events_begin(struct manager *manager); /* of a step: learns what is durable by now */
void events_flush(struct manager *manager); /* writes what this step noted; trims */

/* The number of the newest that may be shown in this step: while the store fails only what
 * is durable, else all, because replies wait for the commit. 0: none. */
uint64_t events_visible(const struct manager *manager);
/* first <= revision < next */
static inline struct event *
events_at(const struct events *events, uint64_t revision)
{
	return events->ring[revision & (events->capacity - 1)];
}

struct event *event_get(struct event *event);                          /* one more owner */
void event_put(struct event *event);                                   /* [any] one less */
void event_read(const struct event *event, struct history_entry *out); /* [any] */

/* A record read back. 0, INVALID (damaged) or NO_MEMORY. */
int events_load(struct manager *manager, uint64_t number, const struct json_doc *doc,
		struct cube_error *err);
void events_link(struct manager *manager); /* all tasks are loaded: find those of each */

#endif
