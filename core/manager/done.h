/* manager/done.h - what is remembered of a task that was taken off the list: its tombstone.
 *
 * A client that repeats a submit after its task has ended and gone must not have it run a
 * second time, so the id and what was asked for stay for a day. Private to core/manager.
 */
#ifndef MANAGER_DONE_H
#define MANAGER_DONE_H

#include "base/error.h"
#include "base/idqueue.h"
#include "base/json.h"
#include "model/task.h"

struct manager;
struct entry;
struct manager_message;

#define DONE_KEEP_MS (INT64_C(24) * 3600 * 1000)

struct done {
	uint64_t spec_hash;
	enum task_state state; /* Completed or Failed */
	bool has_exit_code;
	int32_t exit_code;
};

/* The task is about to be taken off the list: remembers it, and writes so. */
void done_add(struct manager *manager, const struct entry *entry);
bool done_find(const struct manager *manager, const char *id, struct done *out);
/* A record read back. 0, INVALID (damaged) or NO_MEMORY. */
int done_load(struct manager *manager, const char *id, const struct json_doc *doc,
	      struct cube_error *err);
/* All are loaded: into the order in which they go. 0 or CUBE_ERR_NO_MEMORY. */
int done_sort(struct manager *manager);
/* When the first is to go, on the trim clock; INT64_MAX: there is none. */
int64_t done_due_ms(const struct manager *manager);
void done_forget(struct manager *manager); /* the first; there is one */

/* The task of spec as far as it is remembered. */
void done_task(const struct done *done, struct task_spec *spec, struct task *out);
/* 404, in the words that fit: it was never there, or ended and was taken off the list. */
void done_reply_unknown(struct manager *manager, const struct manager_message *message,
			const char *id);

#endif
