/* manager/ledger.c - all tasks, by id and in the order of their submission.
 *
 * Owns the entries. Tasks are never taken out (trimming is to come), so the order of
 * submission is an array that only grows at its end. What a step changes is gathered in a
 * chain and written once at its end: a task that is submitted and placed in one step costs
 * one record.
 */
#include "manager/ledger.h"

#include "base/vec.h"
#include "manager/brain.h"
#include "manager/record.h"
#include "model/transition.h"

#include <stdlib.h>
#include <string.h>

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
		entry_free(ledger->by_sequence[i]);
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
	struct entry **grown = vec_reserve(ledger->by_sequence, &ledger->capacity,
					   ledger->count + 1, sizeof(struct entry *));
	int result;

	if (grown == NULL)
		return CUBE_ERR_NO_MEMORY;
	ledger->by_sequence = grown;
	result = map_put(ledger->by_id, entry->task.spec->id, entry);
	if (result == 0)
		ledger->by_sequence[ledger->count++] = entry;
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
	uint64_t left = (*(struct entry *const *)a)->task.status.sequence;
	uint64_t right = (*(struct entry *const *)b)->task.status.sequence;

	return left < right ? -1 : left > right;
}

void
ledger_sort(struct manager *manager)
{
	struct ledger *ledger = &manager->ledger;

	if (ledger->count > 1)
		qsort(ledger->by_sequence, ledger->count, sizeof(struct entry *),
		      compare_sequence);
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
	status->final = true;
	status->restart_at_ms = 0;
	free(entry->avoid);
	entry->avoid = NULL;
	entry->again = false;
	entry->displaced = false;
	if (status->finish_ms == 0)
		status->finish_ms = manager->step->now.wall_ms;
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
