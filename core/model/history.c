/* model/history.c - what has happened to a task or a node as JSON, both ways. Pure. [any]
 *
 * The same object stands in answers, in the stream of events and in event records, so it
 * is read leniently: a later version may have added to it.
 */
#include "model/history.h"

#include "model/codec_read.h"
#include "model/codec_write.h"

#include <stddef.h>
#include <string.h>

#define AT(member) offsetof(struct history_entry, member)

static const char *const by_names[] = {"", "user", "worker", "scheduler", "manager"};

#define BY_COUNT (sizeof(by_names) / sizeof(by_names[0]))

static field_reader read_by;

static const struct field history_fields[] = {
	{"Revision", read_u64, AT(revision), 0, INT64_MAX, NULL},
	{"Time", read_time, AT(time_ms), 0, 0, NULL},
	{"Task", read_id, AT(task_id), 0, 0, NULL},
	{"Name", read_cut, AT(name), 0, NAME_SIZE, NULL},
	{"State", read_state, AT(state), 0, 0, NULL},
	{"Attempt", read_u32, AT(attempt), 0, UINT32_MAX, NULL},
	{"Node", read_name, AT(node), 0, 0, NULL},
	{"Status", read_cut, AT(status), 0, HISTORY_STATUS_SIZE, NULL},
	{"By", read_by, AT(by), 0, 0, NULL},
	{"Reason", read_cut, AT(reason), 0, TASK_REASON_SIZE, NULL},
};

static const struct field_table history_table = FIELD_TABLE("a history entry", history_fields);

const char *
history_by_name(enum history_by by)
{
	return (unsigned)by < BY_COUNT ? by_names[by] : "";
}

/* One that a later version knows is unknown here. */
static int
read_by(const struct reading *in, const struct json_value *value, void *at,
	struct cube_error *err)
{
	enum history_by *by = at;
	size_t i;

	if (value->type != JSON_STRING)
		return fail_wanted(in->doc, value, err, "a text");
	for (i = 0; i < BY_COUNT; i++) {
		if (strcmp(value->as.string.text, by_names[i]) == 0)
			*by = (enum history_by)i;
	}
	return 0;
}

static void
encode_members(struct json_writer *writer, const struct history_entry *entry)
{
	if (entry->status[0] != '\0') {
		json_put_text(writer, "Node", entry->node);
		json_put_text(writer, "Status", entry->status);
	} else {
		json_put_int(writer, "State", (int64_t)entry->state);
		json_put_uint(writer, "Attempt", entry->attempt);
		json_put_text(writer, "Node", entry->node);
	}
	if (entry->by != HISTORY_BY_UNKNOWN)
		json_put_text(writer, "By", history_by_name(entry->by));
	json_put_text(writer, "Reason", entry->reason);
}

static void
encode_head(struct json_writer *writer, const struct history_entry *entry)
{
	json_begin_object(writer);
	if (entry->revision != 0)
		json_put_uint(writer, "Revision", entry->revision);
	time_write(writer, "Time", entry->time_ms);
}

void
history_encode(struct json_writer *writer, const struct history_entry *entry)
{
	encode_head(writer, entry);
	encode_members(writer, entry);
	json_end_object(writer);
}

void
history_encode_event(struct json_writer *writer, const struct history_entry *entry)
{
	encode_head(writer, entry);
	if (entry->task_id[0] != '\0') {
		json_put_text(writer, "Task", entry->task_id);
		json_put_text(writer, "Name", entry->name);
	}
	encode_members(writer, entry);
	json_end_object(writer);
}

int
history_decode(const struct json_doc *doc, const struct json_value *value,
	       struct history_entry *out, struct cube_error *err)
{
	struct history_entry entry;
	int rc;

	memset(&entry, 0, sizeof(entry));
	rc = fields_read(doc, value, CODEC_LENIENT, &history_table, &entry, err);
	if (rc == 0)
		*out = entry;
	return rc;
}
