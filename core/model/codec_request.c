/* model/codec_request.c - the TaskEvent of the wire: run this task, or stop that one.
 *
 * To run, the Task is read in full; to stop, its ID alone counts and the rest of it is
 * not looked at, since the book's client sends whatever it has. Pure. [any]
 */
#include "model/codec_read.h"

#include <stddef.h>
#include <string.h>

struct event_draft {
	char id[ID_SIZE];
	enum task_wanted wanted; /* 0: not said */
	int64_t time_ms;
	const struct json_value *task;
};

#define AT(member) offsetof(struct event_draft, member)

static const struct field event_fields[] = {
	{"ID", read_id, AT(id), 0, 0, NULL},
	{"State", read_wanted, AT(wanted), 0, 0, NULL},
	{"Timestamp", read_time, AT(time_ms), 0, 0, NULL},
	{"Task", read_value, AT(task), 0, 0, NULL},
};

static const struct field_table event_table = FIELD_TABLE("a TaskEvent", event_fields);

struct stop_draft {
	char id[ID_SIZE];
};

static const struct field stop_fields[] = {
	{"ID", read_id, offsetof(struct stop_draft, id), 0, 0, NULL},
};

static const struct field_table stop_table = FIELD_TABLE("a Task", stop_fields);

void
task_request_release(struct task_request *request)
{
	task_spec_put(request->spec);
	request->spec = NULL;
}

static int
stop_read(const struct json_doc *doc, const struct json_value *task, char id[ID_SIZE],
	  struct cube_error *err)
{
	struct stop_draft draft = {0};
	int rc = fields_read(doc, task, CODEC_LENIENT, &stop_table, &draft, err);

	if (rc < 0)
		return rc;
	if (draft.id[0] == '\0')
		return json_fail(doc, task, err, "a stop needs the ID of the task");
	memcpy(id, draft.id, ID_SIZE);
	return 0;
}

static uint32_t
restart_count_read(const struct json_doc *doc, const struct json_value *task)
{
	const struct json_value *value =
		task->type == JSON_OBJECT ? json_get(task, "RestartCount") : NULL;
	struct cube_error ignored;
	int64_t count = 0;

	if (value == NULL || json_read_int(doc, value, 0, INT32_MAX, &count, &ignored) != 0)
		return 0;
	return (uint32_t)count;
}

int
task_request_decode(const struct json_doc *doc, const struct json_value *value,
		    enum codec_mode mode, const char *fallback_id, struct task_request *out,
		    struct cube_error *err)
{
	struct event_draft event = {0};
	struct task_request request = {0};
	int rc = fields_read(doc, value, mode, &event_table, &event, err);

	if (rc < 0)
		return rc;
	if (event.wanted == 0)
		return json_fail(doc, value, err,
				 "a TaskEvent needs State: 2 (run) or 3 (stop)");
	if (event.task == NULL)
		return json_fail(doc, value, err, "a TaskEvent needs a Task");
	memcpy(request.event_id, event.id, sizeof(request.event_id));
	request.wanted = event.wanted;
	if (event.wanted == TASK_WANTED_STOP) {
		rc = stop_read(doc, event.task, request.task_id, err);
	} else {
		rc = task_spec_decode(doc, event.task, mode, fallback_id, &request.spec, err);
		if (rc == 0) {
			memcpy(request.task_id, request.spec->id, sizeof(request.task_id));
			request.restart_count = restart_count_read(doc, event.task);
		}
	}
	if (rc == 0)
		*out = request;
	return rc;
}
