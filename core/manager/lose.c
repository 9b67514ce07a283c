/* manager/lose.c - ends attempts of which nothing will ever be heard.
 *
 * What the worker was surely never told is not lost: it is told to whoever has the name
 * now. An attempt that may have been told is never handed on, since it may still run
 * somewhere. Brain's thread.
 */
#include "manager/lose.h"

#include "manager/assign.h"
#include "manager/brain.h"

#include <stdio.h>

void
lose_task(struct manager *manager, struct entry *entry, const char *reason)
{
	bool stopped = entry->task.status.wanted == TASK_WANTED_STOP;

	assign_release(manager, entry);
	ledger_end(manager, entry, stopped ? TASK_COMPLETED : TASK_FAILED, reason);
}

static void
lose_of(struct manager *manager, struct node *node, bool unsent_too, const char *reason)
{
	struct entry *entry;
	struct entry *next;

	for (entry = node->first; entry != NULL; entry = next) {
		next = entry->node_next;
		if (unsent_too || !assign_is_unsent(entry))
			lose_task(manager, entry, reason);
	}
}

void
lose_instance(struct manager *manager, struct node *node)
{
	char reason[TASK_REASON_SIZE];

	(void)snprintf(reason, sizeof(reason),
		       "node %s came back as another worker, which does not have it",
		       node->info.name);
	lose_of(manager, node, false, reason);
	step_log(manager->step, LOG_LEVEL_WARNING, "node.replaced", "node", node->info.name,
		 "api", node->info.api, NULL);
}

void
lose_all(struct manager *manager, struct node *node)
{
	char reason[TASK_REASON_SIZE];

	(void)snprintf(reason, sizeof(reason), "its node %s was removed", node->info.name);
	lose_of(manager, node, true, reason);
}
