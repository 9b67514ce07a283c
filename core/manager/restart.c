/* manager/restart.c - a task whose attempt is over: it waits for a place again, or has ended.
 *
 * Brain's thread.
 */
#include "manager/restart.h"

#include "manager/assign.h"
#include "manager/brain.h"

void
restart_withdraw(struct manager *manager, struct entry *entry, const char *reason)
{
	struct task_status *status = &entry->task.status;

	assign_release(manager, entry);
	if (status->wanted == TASK_WANTED_STOP) {
		ledger_end(manager, entry, TASK_COMPLETED, reason);
		return;
	}
	task_reason(status, "%s", reason);
	status->node[0] = '\0';
	ledger_move(manager, entry, TASK_PENDING);
	pending_add(manager, entry);
	brain_log_task(manager, "task.withdrawn", entry);
}
