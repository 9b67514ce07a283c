/* manager/events.c - history in memory and in event records.
 *
 * Owns the events: one chain in the order of time, and within it one per task, so the
 * oldest of all is always the oldest of its task and trimming needs no search. A record
 * is {"Entries": [{"Task": id, and the members of a history entry}, ...]}.
 */
#include "manager/events.h"

#include "manager/brain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENT_KEY_SIZE   32
#define EVENTS_BYTES_MAX ((size_t)64 * 1024 * 1024) /* one record: 10,000 tasks need 4 MiB */

void
events_release(struct events *events)
{
	while (events->first != NULL) {
		struct event *event = events->first;

		events->first = event->next;
		free(event);
	}
}

static struct event *
event_new(const struct history_entry *from, const char *id)
{
	size_t node_size = strlen(from->node) + 1;
	size_t reason_size = strlen(from->reason) + 1;
	size_t id_size = strlen(id) + 1;
	struct event *event = calloc(1, sizeof(*event) + node_size + reason_size + id_size);

	if (event == NULL)
		return NULL;
	event->time_ms = from->time_ms;
	event->attempt = from->attempt;
	event->state = from->state;
	memcpy(event->text, from->node, node_size);
	memcpy(event->text + node_size, from->reason, reason_size);
	memcpy(event->text + node_size + reason_size, id, id_size);
	event->reason = event->text + node_size;
	event->id = event->reason + reason_size;
	return event;
}

static void
events_append(struct events *events, struct event *event)
{
	event->record = events->next_record;
	if (events->last != NULL)
		events->last->next = event;
	else
		events->first = event;
	events->last = event;
	events->count++;
}

static void
event_link(struct event *event, struct entry *entry)
{
	event->entry = entry;
	if (entry->last_event != NULL)
		entry->last_event->task_next = event;
	else
		entry->first_event = event;
	entry->last_event = event;
}

void
events_note(struct manager *manager, struct entry *entry)
{
	const struct task_status *status = &entry->task.status;
	struct history_entry made = {.time_ms = manager->step->now.wall_ms,
				     .state = status->state,
				     .attempt = status->attempt};
	struct event *event;

	memcpy(made.node, status->node, sizeof(made.node));
	memcpy(made.reason, status->reason, sizeof(made.reason));
	event = event_new(&made, "");
	if (event == NULL) {
		brain_failed(manager);
		return;
	}
	events_append(&manager->events, event);
	event_link(event, entry);
	if (manager->events.unwritten == NULL)
		manager->events.unwritten = event;
}

void
events_forget_task(struct manager *manager, struct entry *entry)
{
	struct event *event;

	(void)manager;
	for (event = entry->first_event; event != NULL; event = event->task_next)
		event->entry = NULL;
	entry->first_event = NULL;
	entry->last_event = NULL;
}

void
event_get(const struct event *event, struct history_entry *out)
{
	memset(out, 0, sizeof(*out));
	out->time_ms = event->time_ms;
	out->state = event->state;
	out->attempt = event->attempt;
	/* Both came from arrays of these sizes. */
	memcpy(out->node, event->text, strlen(event->text) + 1);
	memcpy(out->reason, event->reason, strlen(event->reason) + 1);
}

static int
encode(const struct events *events, struct buf *out)
{
	struct json_writer *writer = json_writer_new(out, false);
	const struct event *event;

	if (writer == NULL)
		return CUBE_ERR_NO_MEMORY;
	json_begin_object(writer);
	json_key(writer, "Entries");
	json_begin_array(writer);
	for (event = events->unwritten; event != NULL; event = event->next) {
		struct history_entry entry;

		event_get(event, &entry);
		json_begin_object(writer);
		json_put_text(writer, "Task", event->entry->task.spec->id);
		history_encode_members(writer, &entry);
		json_end_object(writer);
	}
	json_end_array(writer);
	json_end_object(writer);
	json_writer_free(writer);
	return 0;
}

static void
event_key(uint64_t number, char out[EVENT_KEY_SIZE])
{
	(void)snprintf(out, EVENT_KEY_SIZE, "event/%016" PRIx64, number);
}

/* Whole records from the front, so far below the maximum that this is rare. */
static void
trim(struct manager *manager)
{
	struct events *events = &manager->events;
	size_t keep = events->max - events->max / 16;
	char from[EVENT_KEY_SIZE];
	char to[EVENT_KEY_SIZE];
	uint64_t last = 0;

	if (events->count <= events->max)
		return;
	event_key(events->first->record, from);
	/* What this step wrote stays, even if it is more than the maximum. */
	while (events->first != events->unwritten &&
	       (events->count > keep || events->first->record == last)) {
		struct event *event = events->first;

		last = event->record;
		events->first = event->next;
		events->count--;
		if (event->entry != NULL) {
			event->entry->first_event = event->task_next;
			if (event->task_next == NULL)
				event->entry->last_event = NULL;
		}
		free(event);
	}
	if (last == 0)
		return;
	event_key(last + 1, to);
	if (step_delete_range(manager->step, from, to) != 0)
		brain_failed(manager);
}

void
events_flush(struct manager *manager)
{
	struct events *events = &manager->events;
	struct buf out = BUF_INIT(EVENTS_BYTES_MAX);
	char key[EVENT_KEY_SIZE];
	char *value = NULL;
	size_t size = 0;

	if (events->unwritten == NULL)
		return;
	if (encode(events, &out) == 0)
		value = buf_take(&out, &size);
	buf_release(&out);
	event_key(events->next_record, key);
	if (value == NULL || step_write(manager->step, key, value, size) != 0)
		brain_failed(manager);
	events->next_record++;
	trim(manager);
	events->unwritten = NULL;
}

int
events_load(struct manager *manager, uint64_t number, const struct json_doc *doc,
	    struct cube_error *err)
{
	const struct json_value *entries = json_get(doc->root, "Entries");
	const struct json_value *value;

	if (entries == NULL || entries->type != JSON_ARRAY)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "there is no array Entries");
	manager->events.next_record = number;
	for (value = entries->as.first; value != NULL; value = value->next) {
		struct history_entry entry;
		struct event *event;
		const char *id = NULL;

		memset(&entry, 0, sizeof(entry));
		if (json_read_text(doc, json_get(value, "Task"), &id, err) != 0 ||
		    history_decode(doc, value, &entry, err) != 0)
			return err->code;
		if (id == NULL)
			return json_fail(doc, value, err, "no Task");
		event = event_new(&entry, id);
		if (event == NULL)
			return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
		events_append(&manager->events, event);
	}
	manager->events.next_record = number + 1;
	return 0;
}

void
events_link(struct manager *manager)
{
	struct event *event;

	for (event = manager->events.first; event != NULL; event = event->next) {
		struct entry *entry = ledger_find(manager, event->id);

		if (entry != NULL)
			event_link(event, entry);
	}
}
