/* manager/events.c - history in memory and in event records.
 *
 * Owns the events. The oldest of all is always the oldest of its task, so trimming needs no
 * search. A record is {"Entries": [...]}, each entry as in GET /events but for its number:
 * that is the record's own and the place in it. Brain's thread, but for event_put and
 * event_read.
 */
#include "manager/events.h"

#include "manager/brain.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENT_KEY_SIZE   32
#define RING_FIRST       1024
#define REVISION_MAX     (UINT64_MAX / 4) /* of a record that is not damaged */
#define RECORD_ENTRIES   10000
#define RECORD_BYTES_MAX ((size_t)64 * 1024 * 1024)

void
events_init(struct events *events, size_t max)
{
	events->first = 1;
	events->next = 1;
	events->unwritten = 1;
	events->max = max;
}

void
events_release(struct events *events)
{
	for (; events->first < events->next; events->first++)
		event_put(events_at(events, events->first));
	free(events->ring);
}

/* ---- one event ---- */

/* The texts of an event, and whether it is of a node: then second is its status, else the
 * task's name. Each is cut to what a struct history_entry has room for. */
static struct event *
event_new(const char *node, const char *second, const char *reason, bool of_node)
{
	size_t node_size = strnlen(node, NAME_SIZE - 1);
	size_t second_size = strnlen(second, of_node ? HISTORY_STATUS_SIZE - 1 : NAME_SIZE - 1);
	size_t reason_size = strnlen(reason, TASK_REASON_SIZE - 1);
	struct event *event =
		calloc(1, sizeof(*event) + node_size + second_size + reason_size + 3);
	char *at;

	if (event == NULL)
		return NULL;
	atomic_init(&event->references, 1);
	event->of_node = of_node;
	at = event->text;
	memcpy(at, node, node_size);
	at += node_size + 1;
	memcpy(at, second, second_size);
	at += second_size + 1;
	memcpy(at, reason, reason_size);
	return event;
}

static struct event *
event_from(const struct history_entry *entry)
{
	bool of_node = entry->status[0] != '\0';
	struct event *event = event_new(entry->node, of_node ? entry->status : entry->name,
					entry->reason, of_node);

	if (event == NULL)
		return NULL;
	event->attempt = entry->attempt;
	event->state = (uint8_t)entry->state;
	event->by = (uint8_t)entry->by;
	event->time_ms = entry->time_ms;
	if (!of_node)
		id_pack(entry->task_id, event->task_id);
	return event;
}

struct event *
event_get(struct event *event)
{
	(void)atomic_fetch_add_explicit(&event->references, 1, memory_order_relaxed);
	return event;
}

void
event_put(struct event *event)
{
	unsigned before;

	before = atomic_fetch_sub_explicit(&event->references, 1, memory_order_acq_rel);
	assert(before > 0);
	if (before == 1)
		free(event);
}

void
event_read(const struct event *event, struct history_entry *out)
{
	const char *second = event->text + strlen(event->text) + 1;
	const char *reason = second + strlen(second) + 1;

	/* The texts came from arrays of these sizes. */
	out->revision = event->revision;
	out->time_ms = event->time_ms;
	out->by = (enum history_by)event->by;
	out->state = (enum task_state)event->state;
	out->attempt = event->attempt;
	out->task_id[0] = '\0';
	out->name[0] = '\0';
	out->status[0] = '\0';
	memcpy(out->node, event->text, (size_t)(second - event->text));
	memcpy(out->reason, reason, strlen(reason) + 1);
	if (event->of_node) {
		memcpy(out->status, second, (size_t)(reason - second));
		return;
	}
	id_unpack(event->task_id, out->task_id);
	memcpy(out->name, second, (size_t)(reason - second));
}

/* ---- all of them ---- */

static int
ring_grow(struct events *events)
{
	size_t capacity = events->capacity > 0 ? events->capacity * 2 : RING_FIRST;
	struct event **ring = calloc(capacity, sizeof(struct event *));
	uint64_t revision;

	if (ring == NULL)
		return CUBE_ERR_NO_MEMORY;
	for (revision = events->first; revision < events->next; revision++)
		ring[revision & (capacity - 1)] = events_at(events, revision);
	free(events->ring);
	events->ring = ring;
	events->capacity = capacity;
	return 0;
}

/* Takes event, which may be NULL: no memory. */
static int
events_append(struct events *events, struct event *event)
{
	if (event == NULL)
		return CUBE_ERR_NO_MEMORY;
	if (events->next - events->first == events->capacity && ring_grow(events) != 0) {
		event_put(event);
		return CUBE_ERR_NO_MEMORY;
	}
	event->revision = events->next;
	events->ring[events->next & (events->capacity - 1)] = event;
	events->next++;
	return 0;
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
events_note_reason(struct manager *manager, struct entry *entry, const char *reason)
{
	const struct task_status *status = &entry->task.status;
	struct event *event = event_new(status->node, entry->task.spec->name, reason, false);

	if (event != NULL) {
		event->time_ms = manager->step->now.wall_ms;
		event->by = (uint8_t)manager->by;
		event->state = (uint8_t)status->state;
		event->attempt = status->attempt;
		id_pack(entry->task.spec->id, event->task_id);
	}
	if (events_append(&manager->events, event) != 0)
		brain_failed(manager);
	else
		event_link(event, entry);
}

void
events_note(struct manager *manager, struct entry *entry)
{
	events_note_reason(manager, entry, entry->task.status.reason);
}

void
events_note_node_as(struct manager *manager, const struct node *node, const char *status,
		    const char *reason)
{
	struct event *event = event_new(node->info.name, status, reason, true);

	if (event != NULL) {
		event->time_ms = manager->step->now.wall_ms;
		event->by = (uint8_t)manager->by;
	}
	if (events_append(&manager->events, event) != 0)
		brain_failed(manager);
}

void
events_note_node(struct manager *manager, const struct node *node)
{
	enum history_by by = manager->by;

	if (node->listed)
		return;
	/* Silence is found by whatever step comes after it. */
	if (node->place.status == NODE_UNREACHABLE || node->place.status == NODE_LOST)
		manager->by = HISTORY_BY_MANAGER;
	events_note_node_as(manager, node, node_status_name(node->place.status), node->reason);
	manager->by = by;
}

void
events_forget_task(struct manager *manager, struct entry *entry)
{
	struct event *event;
	struct event *next;

	(void)manager;
	for (event = entry->first_event; event != NULL; event = next) {
		next = event->task_next;
		event->entry = NULL;
		event->task_next = NULL;
	}
	entry->first_event = NULL;
	entry->last_event = NULL;
}

/* ---- what is durable ---- */

void
events_begin(struct manager *manager)
{
	struct events *events = &manager->events;
	size_t i;

	for (i = 0; i < EVENT_MARKS; i++) {
		struct event_mark *at = &events->marks[i];

		if (at->batch == 0 || at->batch > manager->step->durable)
			continue;
		if (at->revision > events->durable)
			events->durable = at->revision;
		at->batch = 0;
	}
}

/* The entries of this step are in its batch. Without room for another mark the newest one
 * stands for both: then what the first has is shown a batch later. */
static void
mark(struct events *events, uint64_t batch)
{
	struct event_mark *best = &events->marks[0];
	size_t i;

	for (i = 0; i < EVENT_MARKS; i++) {
		struct event_mark *at = &events->marks[i];

		if (at->batch == batch) {
			best = at;
			break;
		}
		if (best->batch != 0 && (at->batch == 0 || at->batch > best->batch))
			best = at;
	}
	*best = (struct event_mark){batch, events->next - 1};
}

uint64_t
events_visible(const struct manager *manager)
{
	return manager->step->store_fault != NULL ? manager->events.durable
						  : manager->events.next - 1;
}

/* ---- records ---- */

static void
event_key(uint64_t number, char out[EVENT_KEY_SIZE])
{
	(void)snprintf(out, EVENT_KEY_SIZE, "event/%016" PRIx64, number);
}

/* Those from first to before end. */
static int
encode(struct events *events, uint64_t first, uint64_t end, struct buf *out)
{
	struct json_writer *writer = json_writer_new(out, false);
	struct history_entry entry;
	uint64_t revision;

	if (writer == NULL)
		return CUBE_ERR_NO_MEMORY;
	json_begin_object(writer);
	json_key(writer, "Entries");
	json_begin_array(writer);
	for (revision = first; revision < end; revision++) {
		struct event *event = events_at(events, revision);

		event->record = first;
		event_read(event, &entry);
		entry.revision = 0;
		history_encode_event(writer, &entry);
	}
	json_end_array(writer);
	json_end_object(writer);
	json_writer_free(writer);
	return 0;
}

static void
write_record(struct manager *manager, uint64_t first, uint64_t end)
{
	struct buf out = BUF_INIT(RECORD_BYTES_MAX);
	char key[EVENT_KEY_SIZE];
	char *value = NULL;
	size_t size = 0;

	if (encode(&manager->events, first, end, &out) == 0)
		value = buf_take(&out, &size);
	buf_release(&out);
	event_key(first, key);
	if (value == NULL || step_write(manager->step, key, value, size) != 0)
		brain_failed(manager);
}

static void
drop_first(struct events *events)
{
	struct event *event = events_at(events, events->first);

	events->first++;
	if (event->entry != NULL) {
		event->entry->first_event = event->task_next;
		if (event->task_next == NULL)
			event->entry->last_event = NULL;
	}
	event_put(event);
}

/* Whole records from the front, so far below the maximum that this is rare. What this step
 * wrote stays, even if it is more than the maximum. */
static void
trim(struct manager *manager, uint64_t written)
{
	struct events *events = &manager->events;
	size_t keep = events->max - events->max / 16;
	char from[EVENT_KEY_SIZE];
	char to[EVENT_KEY_SIZE];
	uint64_t last = 0;

	if (events->next - events->first <= events->max)
		return;
	event_key(events_at(events, events->first)->record, from);
	while (events->first < written && (events->next - events->first > keep ||
					   events_at(events, events->first)->record == last)) {
		last = events_at(events, events->first)->record;
		drop_first(events);
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
	uint64_t written = events->unwritten;

	if (written == events->next)
		return;
	while (events->unwritten < events->next) {
		uint64_t end = events->next - events->unwritten > RECORD_ENTRIES
				       ? events->unwritten + RECORD_ENTRIES
				       : events->next;

		write_record(manager, events->unwritten, end);
		events->unwritten = end;
	}
	mark(events, manager->step->batch);
	trim(manager, written);
}

/* ---- reading back ---- */

/* Records of before entries had numbers of their own were numbered by step, so their
 * numbers fall behind; the first record after them says where theirs have ended. */
static int
take_number(struct events *events, uint64_t number)
{
	uint64_t by = number > events->next ? number - events->next : 0;
	struct event **ring;
	uint64_t revision;

	if (by == 0)
		return 0;
	ring = calloc(events->capacity + 1, sizeof(struct event *));
	if (ring == NULL)
		return CUBE_ERR_NO_MEMORY;
	for (revision = events->first; revision < events->next; revision++) {
		struct event *event = events_at(events, revision);

		event->revision += by;
		ring[event->revision & (events->capacity - 1)] = event;
	}
	free(events->ring);
	events->ring = ring;
	events->first += by;
	events->next = number;
	return 0;
}

int
events_load(struct manager *manager, uint64_t number, const struct json_doc *doc,
	    struct cube_error *err)
{
	struct events *events = &manager->events;
	const struct json_value *entries = json_get(doc->root, "Entries");
	const struct json_value *value;

	if (entries == NULL || entries->type != JSON_ARRAY)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "there is no array Entries");
	if (number > REVISION_MAX)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "no event has come so far");
	if (take_number(events, number) != 0)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	for (value = entries->as.first; value != NULL; value = value->next) {
		struct history_entry entry;

		if (history_decode(doc, value, &entry, err) != 0)
			return err->code;
		if (entry.task_id[0] == '\0' && entry.status[0] == '\0')
			return json_fail(doc, value, err, "neither Task nor Status");
		if (events_append(events, event_from(&entry)) != 0)
			return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
		events_at(events, events->next - 1)->record = number;
	}
	return 0;
}

/* An entry of before names were recorded gets the one that its task has. */
static struct event *
name_event(struct events *events, struct event *event, const struct history_entry *read,
	   const char *name)
{
	struct history_entry made = *read;
	struct event *named;

	(void)snprintf(made.name, sizeof(made.name), "%s", name);
	named = event_from(&made);
	if (named == NULL)
		return NULL;
	named->revision = event->revision;
	named->record = event->record;
	events->ring[event->revision & (events->capacity - 1)] = named;
	event_put(event);
	return named;
}

void
events_link(struct manager *manager)
{
	struct events *events = &manager->events;
	struct history_entry read;
	uint64_t revision;

	for (revision = events->first; revision < events->next; revision++) {
		struct event *event = events_at(events, revision);
		struct entry *entry;

		if (event->of_node)
			continue;
		event_read(event, &read);
		entry = ledger_find(manager, read.task_id);
		if (entry != NULL && read.name[0] == '\0')
			event = name_event(events, event, &read, entry->task.spec->name);
		if (event == NULL)
			brain_failed(manager);
		else if (entry != NULL)
			event_link(event, entry);
	}
	events->unwritten = events->next;
	events->durable = events->next - 1;
}
