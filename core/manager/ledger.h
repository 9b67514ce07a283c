/* manager/ledger.h - all tasks that the manager knows, and the one way to change them.
 *
 * An entry is a task and what the brain needs beside it. Its state moves only through
 * ledger_move, which keeps to the table of transitions, notes the history and has the
 * record written at the end of the step, once, however often the entry changed in it.
 */
#ifndef MANAGER_LEDGER_H
#define MANAGER_LEDGER_H

#include "base/heap.h"
#include "base/map.h"
#include "model/task.h"
#include "place/placer.h"

#include <stddef.h>

struct manager;
struct node;
struct event;

struct entry {
	struct heap_item due; /* first: in manager->restarts while it waits to start again */
	struct task task;
	uint64_t spec_hash;     /* as it was when the task was submitted */
	uint64_t created_batch; /* 0: read back at start */
	int64_t submitted_ms;   /* Unix time */
	bool dirty;             /* its record is to be written */
	struct entry *dirty_next;
	/* once it is final */
	int64_t ended_ms; /* when it became so, on the trim clock */
	struct entry *ended_next;
	/* while Scheduled or Running: where, in the order of the last orders given */
	struct node *node;
	struct entry *node_prev;
	struct entry *node_next;
	uint64_t order_sequence; /* of the last order about it; 0: in an earlier generation */
	bool told;               /* of this attempt: the worker may know of it */
	uint64_t seen;           /* the number of the last answer that had it; 0: none yet */
	uint32_t missed;         /* of the book's: answers in a row that did not have it */
	/* while it waits to start again: whose room is kept for it, linked through node_next in
	 * the node's list of held ones; NULL: none is */
	struct node *held;
	/* what it has been through; see manager/restart.c */
	char *avoid;          /* malloced: the name of the node to keep away from; NULL: none */
	uint64_t ran_from_ms; /* mono: since when this attempt is seen to run; 0: not yet */
	uint32_t failures;    /* in a row on the node it was on last */
	uint32_t clashes;     /* host ports that were taken, in a row */
	bool keeps;     /* as read back: room is kept on its node; until restart_restore */
	bool again;     /* its next attempt counts as a restart */
	bool displaced; /* it is to move: its node was told to stop this attempt */
	/* while Pending */
	uint64_t absence;        /* which absence of its node it was withdrawn for; 0: none */
	struct place_task place; /* its place in the queue, and what it asks for */
	struct event *first_event;
	struct event *last_event;
};

struct ledger_slot {
	uint64_t sequence;
	struct entry *entry; /* NULL: taken out */
};

struct ledger {
	struct map *by_id;
	struct ledger_slot *by_sequence; /* ascending */
	size_t count;                    /* slots, with those that are empty */
	size_t empty;
	size_t capacity;
	uint64_t next_sequence;
	struct entry *dirty; /* in the order they changed */
	struct entry **dirty_end;
};

int ledger_init(struct ledger *ledger); /* 0 or CUBE_ERR_NO_MEMORY */
void ledger_release(struct ledger *ledger);

struct entry *ledger_find(const struct manager *manager, const char *id);
/* A new Pending task; NULL: no memory. */
struct entry *ledger_add(struct manager *manager, struct task_spec *spec);
/* An entry read back from the store; takes entry. 0, CONFLICT or NO_MEMORY. */
int ledger_adopt(struct manager *manager, struct entry *entry);
void ledger_sort(struct manager *manager); /* all are adopted */
void entry_free(struct entry *entry);      /* one that was never added; NULL is fine */
/* Takes a task out for good, its record too, and frees it: nothing refers to it any more. */
void ledger_remove(struct manager *manager, struct entry *entry);
/* The place of the first task behind sequence, and from there one task after the other, in
 * the order of submission; NULL: that was the last. A removal ends the walk. */
size_t ledger_after(const struct ledger *ledger, uint64_t sequence);
struct entry *ledger_each(const struct ledger *ledger, size_t *place);

void ledger_touch(struct manager *manager, struct entry *entry); /* it has changed */
void ledger_move(struct manager *manager, struct entry *entry, enum task_state state);
/* The task has ended and nothing more will happen: its places in queues are given back by
 * the caller before. reason may be NULL: as it is. */
void ledger_end(struct manager *manager, struct entry *entry, enum task_state state,
		const char *reason);
void ledger_flush(struct manager *manager); /* the records of all that changed */

static inline struct entry *
entry_of(struct place_task *place)
{
	return (struct entry *)((char *)place - offsetof(struct entry, place));
}

/* Its attempt is over, and another is to follow when its time has come. */
static inline bool
entry_waits(const struct entry *entry)
{
	return entry->due.place != 0;
}

/* What the worker that has it is to do with it. */
static inline enum task_wanted
entry_wanted(const struct entry *entry)
{
	return entry->displaced ? TASK_WANTED_STOP : entry->task.status.wanted;
}

static inline bool
entry_is_live(const struct entry *entry)
{
	return entry->task.status.state == TASK_SCHEDULED ||
	       entry->task.status.state == TASK_RUNNING;
}

#endif
