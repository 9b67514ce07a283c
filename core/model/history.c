/* model/history.c - one transition of a task as JSON, both ways. Pure. [any]
 *
 * The same object stands in answers and in event records, so it is read leniently: a
 * later version may have added to it.
 */
#include "model/history.h"

#include "model/codec_read.h"
#include "model/codec_write.h"

#include <stddef.h>
#include <string.h>

#define AT(member) offsetof(struct history_entry, member)

static const struct field history_fields[] = {
	{"Time", read_time, AT(time_ms), 0, 0, NULL},
	{"State", read_state, AT(state), 0, 0, NULL},
	{"Attempt", read_u32, AT(attempt), 0, UINT32_MAX, NULL},
	{"Node", read_name, AT(node), 0, 0, NULL},
	{"Reason", read_cut, AT(reason), 0, TASK_REASON_SIZE, NULL},
};

static const struct field_table history_table = FIELD_TABLE("a history entry", history_fields);

void
history_encode_members(struct json_writer *writer, const struct history_entry *entry)
{
	time_write(writer, "Time", entry->time_ms);
	json_put_int(writer, "State", (int64_t)entry->state);
	json_put_uint(writer, "Attempt", entry->attempt);
	json_put_text(writer, "Node", entry->node);
	json_put_text(writer, "Reason", entry->reason);
}

void
history_encode(struct json_writer *writer, const struct history_entry *entry)
{
	json_begin_object(writer);
	history_encode_members(writer, entry);
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
