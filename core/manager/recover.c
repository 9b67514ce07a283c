/* manager/recover.c - what was read back becomes queue, reservations and contacts.
 *
 * Tasks that are Scheduled or Running stay where they are: their node is told the whole set
 * again, under a generation of its own that is committed before any order leaves, and tells
 * what it has. Nothing is taken to be lost because this program was away. Brain's thread.
 */
#include "manager/recover.h"

#include "manager/assign.h"
#include "manager/brain.h"
#include "manager/contact.h"
#include "manager/drain.h"
#include "manager/listed.h"
#include "manager/restart.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void
write_meta(struct manager *manager, const char *key, const char *value)
{
	char *copy = strdup(value);

	if (copy == NULL || step_write(manager->step, key, copy, strlen(value)) != 0)
		brain_failed(manager);
}

static void
take_generation(struct manager *manager)
{
	char text[24];

	manager->generation++;
	(void)snprintf(text, sizeof(text), "%" PRIu64, manager->generation);
	write_meta(manager, "meta/generation", text);
	if (manager->found_cluster)
		return;
	write_meta(manager, "meta/format", "1");
	write_meta(manager, "meta/cluster", manager->cluster);
}

static void
restore_task(struct manager *manager, struct entry *entry)
{
	const struct task_status *status = &entry->task.status;
	struct node *node;

	if (!status->final && !entry_is_live(entry) && status->wanted == TASK_WANTED_STOP) {
		/* Never written so: a stop ends what is nowhere at once. */
		ledger_end(manager, entry, TASK_COMPLETED, "stopped");
		return;
	}
	/* What failed and is not final waits, also if its record does not say until when. */
	if (!status->final && (status->state == TASK_FAILED ||
			       (status->state == TASK_PENDING && status->restart_at_ms != 0))) {
		restart_restore(manager, entry);
		return;
	}
	if (status->state == TASK_PENDING) {
		placer_wait(&manager->placer, &entry->place);
		return;
	}
	if (!entry_is_live(entry))
		return;
	node = nodes_find(manager, status->node);
	if (node != NULL)
		assign_restore(manager, entry, node);
	else
		/* Removing a node ends its tasks in the same commit: never seen whole. */
		ledger_end(manager, entry, TASK_FAILED, "its node is not known");
}

/* Its time-out begins anew, and so does the rest of its drain's: by the hour in the record,
 * and never more than was given. */
static void
resume(struct manager *manager, struct node *node)
{
	const struct now *now = &manager->step->now;
	int64_t left_ms = node->drain_until_ms - now->wall_ms;
	uint64_t most_ms = node->drain_deadline_s * 1000;

	contact_begin(manager, node);
	if (!node->draining)
		return;
	node->draining = false;
	drain_begin(manager, node);
	if (left_ms < 0)
		left_ms = 0;
	if ((uint64_t)left_ms > most_ms) {
		left_ms = (int64_t)most_ms;
		node->drain_until_ms = now->wall_ms + left_ms;
	}
	node->drain_due_ms = now->mono_ms + (uint64_t)left_ms;
}

int
recover_start(struct manager *manager, struct cube_error *err)
{
	void *cursor = NULL;
	struct entry *entry;
	struct node *node;
	size_t place = 0;

	if (manager->found_records && !manager->found_cluster)
		return cube_fail(err, CUBE_ERR_INTERNAL, 0,
				 "the store has tasks or nodes and no meta/cluster: it is "
				 "damaged, or not a manager's");
	take_generation(manager);
	ledger_sort(manager);
	events_link(manager);
	if (trim_start(manager) != 0)
		brain_failed(manager);
	while ((entry = ledger_each(&manager->ledger, &place)) != NULL)
		restore_task(manager, entry);
	if (listed_begin(manager) != 0)
		brain_failed(manager);
	while ((node = map_next(manager->nodes.by_name, &cursor)) != NULL)
		resume(manager, node);
	return 0;
}
