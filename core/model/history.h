/* model/history.h - one transition of a task, as `cube status TASK` shows it and as the
 * event records keep it. */
#ifndef MODEL_HISTORY_H
#define MODEL_HISTORY_H

#include "base/json.h"
#include "model/task.h"

struct history_entry {
	int64_t time_ms;       /* Unix time */
	enum task_state state; /* the one entered */
	uint32_t attempt;
	char node[NAME_SIZE];
	char reason[TASK_REASON_SIZE];
};

/* {"Time": ..., "State": 2, "Attempt": 1, "Node": "n1", "Reason": "..."} */
void history_encode(struct json_writer *writer, const struct history_entry *entry);
/* The members alone, inside an object that the caller has begun and ends. */
void history_encode_members(struct json_writer *writer, const struct history_entry *entry);
int history_decode(const struct json_doc *doc, const struct json_value *value,
		   struct history_entry *out, struct cube_error *err);

#endif
