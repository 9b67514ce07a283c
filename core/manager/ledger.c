/* manager/ledger.c - all tasks, by id and in the order of their submission.
 *
 * Owns the entries. The order of submission is an array that grows at its end only; a task
 * that is taken out leaves an empty place, and when half of them are empty the rest moves
 * together, so that a removal costs little however many there are. What a step changes is
 * gathered in a chain and written once at its end: a task that is submitted and placed in
 * one step costs one record.
 */
#include "manager/ledger.h"

#include "base/vec.h"
#include "manager/brain.h"
#include "manager/record.h"
#include "model/transition.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define EMPTY_MIN 64 /* slots, before the array is worth a walk */

int
ledger_init(struct ledger *ledger)
{
	ledger->by_id = map_new();
	ledger->next_sequence = 1;
	ledger->dirty_end = &ledger->dirty;
	return ledger->by_id != NULL ? 0 : CUBE_ERR_NO_MEMORY;
}

void
entry_free(struct entry *entry)
{
	if (entry == NULL)
		return;
	task_release(&entry->task);
	free(entry->avoid);
	free(entry);
}

void
ledger_release(struct ledger *ledger)
{
	size_t i;

	map_free(ledger->by_id, NULL);
	for (i = 0; i < ledger->count; i++)
		entry_free(ledger->by_sequence[i].entry);
	free(ledger->by_sequence);
}

struct entry *
ledger_find(const struct manager *manager, const char *id)
{
	return map_get(manager->ledger.by_id, id);
}

static int
ledger_put(struct ledger *ledger, struct entry *entry)
{
	struct ledger_slot *grown = vec_reserve(ledger->by_sequence, &ledger->capacity,
						ledger->count + 1, sizeof(*grown));
	int result;

	if (grown == NULL)
		return CUBE_ERR_NO_MEMORY;
	ledger->by_sequence = grown;
	entry->place.spec = entry->task.spec;
	entry->place.sequence = entry->task.status.sequence;
	result = map_put(ledger->by_id, entry->task.spec->id, entry);
	if (result == 0)
		ledger->by_sequence[ledger->count++] = (struct ledger_slot){
			.sequence = entry->task.status.sequence, .entry = entry};
	return result;
}

struct entry *
ledger_add(struct manager *manager, struct task_spec *spec)
{
	struct entry *entry = calloc(1, sizeof(*entry));
	struct task_status *status;

	if (entry == NULL)
		return NULL;
	entry->task.spec = task_spec_get(spec);
	entry->spec_hash = spec->hash;
	entry->created_batch = manager->step->batch;
	entry->submitted_ms = manager->step->now.wall_ms;
	status = &entry->task.status;
	status->state = TASK_PENDING;
	status->wanted = TASK_WANTED_RUN;
	status->sequence = manager->ledger.next_sequence;
	if (ledger_put(&manager->ledger, entry) != 0) {
		entry_free(entry);
		return NULL;
	}
	manager->ledger.next_sequence++;
	events_note(manager, entry);
	ledger_touch(manager, entry);
	return entry;
}

int
ledger_adopt(struct manager *manager, struct entry *entry)
{
	struct ledger *ledger = &manager->ledger;
	int result = ledger_put(ledger, entry);

	if (result != 0)
		entry_free(entry);
	else if (entry->task.status.sequence >= ledger->next_sequence)
		ledger->next_sequence = entry->task.status.sequence + 1;
	return result;
}

static int
compare_sequence(const void *a, const void *b)
{
	uint64_t left = ((const struct ledger_slot *)a)->sequence;
	uint64_t right = ((const struct ledger_slot *)b)->sequence;

	return left < right ? -1 : left > right;
}

void
ledger_sort(struct manager *manager)
{
	struct ledger *ledger = &manager->ledger;

	if (ledger->count > 1)
		qsort(ledger->by_sequence, ledger->count, sizeof(struct ledger_slot),
		      compare_sequence);
}

size_t
ledger_after(const struct ledger *ledger, uint64_t sequence)
{
	size_t low = 0;
	size_t high = ledger->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ledger->by_sequence[middle].sequence <= sequence)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct entry *
ledger_each(const struct ledger *ledger, size_t *place)
{
	while (*place < ledger->count) {
		struct entry *entry = ledger->by_sequence[(*place)++].entry;

		if (entry != NULL)
			return entry;
	}
	return NULL;
}

/* Without its empty slots, and without the room that it no longer needs. */
static void
compact(struct ledger *ledger)
{
	struct ledger_slot *smaller;
	size_t kept = 0;
	size_t i;

	for (i = 0; i < ledger->count; i++) {
		if (ledger->by_sequence[i].entry != NULL)
			ledger->by_sequence[kept++] = ledger->by_sequence[i];
	}
	ledger->count = kept;
	ledger->empty = 0;
	if (ledger->capacity / 4 <= kept)
		return;
	smaller = reallocarray(ledger->by_sequence, kept * 2 + 1, sizeof(*smaller));
	if (smaller == NULL)
		return; /* it is only larger than it needs to be */
	ledger->by_sequence = smaller;
	ledger->capacity = kept * 2 + 1;
}

void
ledger_remove(struct manager *manager, struct entry *entry)
{
	struct ledger *ledger = &manager->ledger;
	uint64_t sequence = entry->task.status.sequence;
	size_t place = ledger_after(ledger, sequence - 1);

	/* A store that was tampered with may have given a number to more than one. */
	while (place < ledger->count && ledger->by_sequence[place].entry != entry)
		place++;
	assert(place < ledger->count && ledger->by_sequence[place].sequence == sequence);
	if (task_record_delete(manager, entry) != 0)
		brain_failed(manager);
	/* The newest of all: the store no longer shows that its number was given out. */
	if (sequence + 1 == ledger->next_sequence &&
	    sequence_record_write(manager, ledger->next_sequence) != 0)
		brain_failed(manager);
	(void)map_remove(ledger->by_id, entry->task.spec->id);
	ledger->by_sequence[place].entry = NULL;
	ledger->empty++;
	if (ledger->empty > EMPTY_MIN && ledger->empty > ledger->count / 2)
		compact(ledger);
	entry_free(entry);
}

void
ledger_touch(struct manager *manager, struct entry *entry)
{
	struct ledger *ledger = &manager->ledger;

	if (entry->dirty)
		return;
	entry->dirty = true;
	entry->dirty_next = NULL;
	*ledger->dirty_end = entry;
	ledger->dirty_end = &entry->dirty_next;
}

void
ledger_move(struct manager *manager, struct entry *entry, enum task_state state)
{
	transition_apply(&entry->task.status, state);
	events_note(manager, entry);
	ledger_touch(manager, entry);
}

void
ledger_end(struct manager *manager, struct entry *entry, enum task_state state,
	   const char *reason)
{
	struct task_status *status = &entry->task.status;

	if (reason != NULL)
		task_reason(status, "%s", reason);
	assert(!status->final);
	status->final = true;
	status->restart_at_ms = 0;
	free(entry->avoid);
	entry->avoid = NULL;
	entry->again = false;
	entry->displaced = false;
	if (status->finish_ms == 0)
		status->finish_ms = manager->step->now.wall_ms;
	trim_add(manager, entry);
	ledger_move(manager, entry, state);
	brain_log_task(manager, "task.ended", entry);
}

void
ledger_flush(struct manager *manager)
{
	struct ledger *ledger = &manager->ledger;
	struct entry *entry;

	for (entry = ledger->dirty; entry != NULL; entry = entry->dirty_next) {
		entry->dirty = false;
		if (task_record_write(manager, entry) != 0)
			brain_failed(manager);
	}
	ledger->dirty = NULL;
	ledger->dirty_end = &ledger->dirty;
}
