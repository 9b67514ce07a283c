/* manager/stop.c - stops: of a task that waits, at once; of one that a worker has, when the
 * worker says that it has ended. A repeated stop, and one of a task that has ended, change
 * nothing. Brain's thread.
 */
#include "manager/stop.h"

#include "manager/assign.h"
#include "manager/brain.h"
#include "manager/done.h"
#include "manager/effect.h"
#include "manager/restart.h"

#define NEVER_RAN "stopped before it ran"

void
stop_task(struct manager *manager, struct entry *entry)
{
	struct task_status *status = &entry->task.status;

	if (status->final || status->wanted == TASK_WANTED_STOP)
		return;
	status->wanted = TASK_WANTED_STOP;
	if (entry_waits(entry)) {
		restart_stop(manager, entry);
	} else if (status->state == TASK_PENDING) {
		placer_unwait(&manager->placer, &entry->place);
		placer_forget(&manager->placer, &entry->place);
		ledger_end(manager, entry, TASK_COMPLETED, NEVER_RAN);
	} else if (assign_is_unsent(entry)) {
		/* Nobody was told: there is nothing to stop. */
		assign_release(manager, entry);
		ledger_end(manager, entry, TASK_COMPLETED, NEVER_RAN);
	} else {
		ledger_touch(manager, entry);
		events_note_reason(manager, entry, "stop requested");
		assign_order(manager, entry);
		/* What is wanted of a lost node is looked at anew. */
		entry->node->sweep_ms = 0;
		brain_log_task(manager, "task.stopping", entry);
	}
}

void
stop_take(struct manager *manager, const struct manager_message *message)
{
	struct entry *entry = ledger_find(manager, message->task_id);
	struct done done;

	if (entry == NULL && !done_find(manager, message->task_id, &done)) {
		reply_status(manager, message, 404, "there is no task %s", message->task_id);
		return;
	}
	if (reply_fault(manager, message))
		return;
	/* One that has ended and was taken off the list is stopped already. */
	if (entry != NULL)
		stop_task(manager, entry);
	reply_status(manager, message, 204, "accepted");
}
