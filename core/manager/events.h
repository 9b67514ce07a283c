/* manager/events.h - the history of tasks: each state entered, in the order it happened.
 *
 * Kept in memory per task and in the store as one record a step, under numbers of the
 * brain's own that only grow. The oldest go when there are more than events_max.
 */
#ifndef MANAGER_EVENTS_H
#define MANAGER_EVENTS_H

#include "base/json.h"
#include "model/history.h"

#include <stddef.h>

struct manager;
struct entry;

struct event {
	struct event *next;      /* of all, in the order of time */
	struct event *task_next; /* of the same task */
	struct entry *entry;     /* NULL: its task is not known (any more) */
	uint64_t record;         /* the number of the record that holds it */
	int64_t time_ms;
	uint32_t attempt;
	enum task_state state;
	const char *reason; /* in text, as id */
	const char *id;     /* of the task, while it is not yet linked; else "" */
	char text[];        /* the node's name first */
};

struct events {
	struct event *first;
	struct event *last;
	struct event *unwritten; /* the first of this step */
	size_t count;
	size_t max;
	uint64_t next_record;
};

void events_release(struct events *events);
void events_note(struct manager *manager, struct entry *entry); /* it entered its state */
void events_flush(struct manager *manager); /* writes the record of this step; trims */

/* A record read back. 0, INVALID (damaged) or NO_MEMORY. */
int events_load(struct manager *manager, uint64_t number, const struct json_doc *doc,
		struct cube_error *err);
void events_link(struct manager *manager); /* all tasks are loaded: find those of each */
/* Its task is taken off the list: what it did stays in the history of all. */
void events_forget_task(struct manager *manager, struct entry *entry);
void event_get(const struct event *event, struct history_entry *out);

#endif
