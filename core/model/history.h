/* model/history.h - one entry of what has happened: a transition of a task, or of a node.
 *
 * `cube status TASK` and `cube events` show it, GET /events sends it and the event records
 * keep it. Entries are numbered from 1 in the order in which they happened.
 */
#ifndef MODEL_HISTORY_H
#define MODEL_HISTORY_H

#include "base/json.h"
#include "model/task.h"

#define HISTORY_STATUS_SIZE 16

/* Who brought it about. */
enum history_by {
	HISTORY_BY_UNKNOWN = 0, /* written before this was recorded */
	HISTORY_BY_USER,        /* a request */
	HISTORY_BY_WORKER,      /* its report, or that it joined */
	HISTORY_BY_SCHEDULER,   /* a placement */
	HISTORY_BY_MANAGER      /* the time: silence, restarts, an end that was due */
};

struct history_entry {
	uint64_t revision; /* its number; 0: not numbered */
	int64_t time_ms;   /* Unix time */
	enum history_by by;
	/* of a task; task_id is "" in an entry of a node */
	char task_id[ID_SIZE];
	char name[NAME_SIZE];
	enum task_state state; /* the one entered */
	uint32_t attempt;
	/* of a node: what it became, or "removed"; "" in an entry of a task */
	char status[HISTORY_STATUS_SIZE];
	char node[NAME_SIZE];
	char reason[TASK_REASON_SIZE];
};

const char *history_by_name(enum history_by by); /* "user", ...; "" if unknown */

/* {"Revision": 7, "Time": ..., "State": 2, "Attempt": 1, "Node": "n1", "By": "worker",
 * "Reason": "..."}; of a task that the reader knows. */
void history_encode(struct json_writer *writer, const struct history_entry *entry);
/* The same with Task and Name; or {"Revision": 8, "Time": ..., "Node": "n1",
 * "Status": "ready", "By": ..., "Reason": ...}. */
void history_encode_event(struct json_writer *writer, const struct history_entry *entry);
/* Either form. */
int history_decode(const struct json_doc *doc, const struct json_value *value,
		   struct history_entry *out, struct cube_error *err);

#endif
