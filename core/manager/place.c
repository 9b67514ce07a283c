/* manager/place.c - the waiting get their nodes.
 *
 * Asks the placer task by task and assigns. A step does a bounded number of rows and asks to
 * be woken at once for the rest, so that requests and reports are heard in between. Brain's
 * thread.
 */
#include "manager/place.h"

#include "manager/assign.h"
#include "manager/brain.h"

#include <string.h>

#define ROWS_PER_STEP 200000

/* Once for each thing that is wrong with it. */
static void
log_fault(struct manager *manager)
{
	const char *fault = manager->placer.fault;

	if (strcmp(manager->scheduler_fault, fault) == 0)
		return;
	memcpy(manager->scheduler_fault, fault, sizeof(manager->scheduler_fault));
	if (fault[0] != '\0')
		step_log(manager->step, LOG_LEVEL_ERROR, "scheduler.failed", "scheduler",
			 scheduler_name(manager->scheduler), "reason", fault, NULL);
}

static const struct place_node *
avoided(const struct manager *manager, const struct entry *entry)
{
	const struct node *node =
		entry->avoid != NULL ? nodes_find(manager, entry->avoid) : NULL;

	return node != NULL ? &node->place : NULL;
}

static void
place_ready(struct manager *manager)
{
	struct placer *placer = &manager->placer;
	struct place_task *task;
	size_t work = 0;

	while ((task = placer_first(placer)) != NULL && manager->failed == 0 &&
	       placer->failed == 0) {
		struct entry *entry = entry_of(task);
		struct place_node *node;

		if (work >= ROWS_PER_STEP) {
			step_wake(manager->step, manager->step->now.mono_ms);
			return;
		}
		node = placer_choose(placer, task, avoided(manager, entry), &work);
		log_fault(manager);
		if (node != NULL)
			assign_place(manager, entry, node_of(node));
	}
}

void
place_run(struct manager *manager)
{
	manager->by = HISTORY_BY_SCHEDULER;
	place_ready(manager);
	manager->by = HISTORY_BY_MANAGER;
}
