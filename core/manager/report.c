/* manager/report.c - reports of attempts, behind the fence.
 *
 * Only the current attempt of a task on the node that holds it counts; whatever else a
 * worker tells changes nothing. A report that says what is known already changes nothing
 * either, and so writes nothing. An ended attempt is acknowledged within half a second,
 * with the next orders or with empty ones, once what it said is durable. Brain's thread.
 */
#include "manager/report.h"

#include "manager/assign.h"
#include "manager/brain.h"
#include "manager/done.h"
#include "manager/restart.h"
#include "model/transition.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ACK_DELAY_MS    500 /* for others to come along */
#define BOOK_MISSED_MAX 6   /* answers in a row, 5 s apart, that a stop waits for its task */

static bool
has_ended(const struct task_status *status)
{
	return status->state == TASK_COMPLETED || status->state == TASK_FAILED;
}

/* Copies what is reported of the attempt; true if anything is new. */
static bool
copy_facts(struct task_status *to, const struct task_status *from)
{
	bool changed = false;

	if (from->start_ms != 0 && from->start_ms != to->start_ms) {
		to->start_ms = from->start_ms;
		changed = true;
	}
	if (strcmp(to->container_id, from->container_id) != 0 &&
	    from->container_id[0] != '\0') {
		memcpy(to->container_id, from->container_id, sizeof(to->container_id));
		changed = true;
	}
	if (from->host_ports != NULL && !port_list_equal(to->host_ports, from->host_ports)) {
		port_list_put(to->host_ports);
		to->host_ports = port_list_get(from->host_ports);
		changed = true;
	}
	if (strcmp(to->reason, from->reason) != 0) {
		memcpy(to->reason, from->reason, sizeof(to->reason));
		changed = true;
	}
	return changed;
}

static void
take_running(struct manager *manager, struct entry *entry, const struct task_status *report)
{
	struct task_status *status = &entry->task.status;
	bool changed = copy_facts(status, report);

	if (entry->ran_from_ms == 0)
		entry->ran_from_ms = manager->step->now.mono_ms;
	if (status->state != TASK_RUNNING) {
		ledger_move(manager, entry, TASK_RUNNING);
		brain_log_task(manager, "task.running", entry);
	} else if (changed) {
		ledger_touch(manager, entry);
	}
}

/* The exit code has the last word, but an attempt that a worker ended because it was not
 * well may exit with 0 in its last moment. The book's worker takes every end for a failure. */
static bool
ended_well(const struct node *node, const struct task_status *report)
{
	if (report->has_exit_code && (node->place.book || report->exit_code != 0))
		return report->exit_code == 0;
	return report->state == TASK_COMPLETED;
}

static void
take_end(struct manager *manager, struct entry *entry, const struct task_status *report)
{
	struct task_status *status = &entry->task.status;
	bool well = ended_well(entry->node, report);

	(void)copy_facts(status, report);
	status->finish_ms = report->finish_ms;
	status->has_exit_code = report->has_exit_code;
	status->exit_code = report->exit_code;
	status->oom_killed = report->oom_killed;
	status->port_taken = report->port_taken;
	status->disconnected = report->disconnected;
	restart_ended(manager, entry, well);
}

static void
want_ack(struct manager *manager, struct node *node)
{
	if (node->ack_wanted)
		return;
	node->ack_wanted = true;
	node->ack_due_ms = manager->step->now.mono_ms + ACK_DELAY_MS;
}

/* The fence. A worker of the book's may count starts of its own, so of those an older one
 * alone is turned away: the end that it still lists of an attempt that was followed up. */
static bool
is_current(const struct node *node, const struct entry *entry, uint32_t attempt)
{
	if (entry == NULL || entry->node != node)
		return false;
	return node->place.book ? attempt >= entry->task.status.attempt
				: attempt == entry->task.status.attempt;
}

/* A word about an attempt that is no longer, or is not the node's. That one which has ended is
 * told of until our word on it arrives is in order. */
static void
note_stale(struct manager *manager, struct node *node, const struct report *report,
	   const struct entry *entry)
{
	char attempt[16];

	manager->reports_ignored++;
	if (has_ended(&report->status) &&
	    (entry == NULL || report->status.attempt == entry->task.status.attempt))
		return;
	node->stale_reports++;
	if (manager->stale_logged)
		return;
	manager->stale_logged = true;
	(void)snprintf(attempt, sizeof(attempt), "%u", report->status.attempt);
	step_log(manager->step, LOG_LEVEL_INFO, "report.stale", "node", node->info.name, "task",
		 report->task_id, "attempt", attempt, "state",
		 task_state_name(report->status.state), NULL);
}

static void
take_one(struct manager *manager, struct node *node, const struct report *report)
{
	const struct task_status *status = &report->status;
	struct entry *entry = ledger_find(manager, report->task_id);
	enum task_state state;
	struct done done;

	if (has_ended(status) && !node->place.book)
		want_ack(manager, node);
	if (!is_current(node, entry, status->attempt)) {
		note_stale(manager, node, report, entry);
		/* One of ours that should not live: the whole set tells the worker so. */
		if (has_ended(status) ||
		    (entry == NULL && !done_find(manager, report->task_id, &done)))
			return;
		if (!node->place.book)
			node->full_wanted = true;
		else if (entry == NULL || entry->node != node)
			assign_stop_stray(manager, node, report->task_id);
		return;
	}
	entry->seen = node->answers;
	state = entry->task.status.state;
	if (has_ended(status)) {
		if (transition_allowed(state, TASK_COMPLETED))
			take_end(manager, entry, status);
	} else if (status->state == TASK_RUNNING) {
		if (transition_allowed(state, TASK_RUNNING))
			take_running(manager, entry, status);
	} else if (state == TASK_SCHEDULED) {
		/* How far the image is: for people to see, not worth a write. */
		memcpy(entry->task.status.reason, status->reason, sizeof(status->reason));
	}
}

/* A full answer says all that the worker has: what it was ordered by then and does not
 * name is gone. */
static void
find_missing(struct manager *manager, struct node *node, const struct reports *reports)
{
	struct entry *entry;
	struct entry *next;

	if (reports->generation != manager->generation)
		return;
	for (entry = node->first; entry != NULL; entry = next) {
		next = entry->node_next;
		if (entry->seen == node->answers || entry->order_sequence > reports->sequence)
			continue;
		restart_vanished(manager, entry, "the worker no longer knows it");
	}
}

/* A worker of the book's lists what it has begun with, not what still waits in its queue;
 * so what it never listed may yet come, and what it listed once and does not now is gone.
 * After the first list of a contact, what was ordered in an earlier generation and is not
 * there is sent again, and so is every stop: from then on what was ordered is in the queue.
 * A stop that it got before it knew the task was lost on it, and is sent again when the
 * task turns up. */
static void
check_book(struct manager *manager, struct node *node, struct entry *entry)
{
	const struct task_status *status = &entry->task.status;
	bool listed = entry->seen == node->answers;
	bool stops = entry_wanted(entry) == TASK_WANTED_STOP;
	bool told = entry->order_sequence != 0 && entry->order_sequence <= node->acked;
	uint32_t missed = entry->missed;

	entry->missed = listed ? 0 : missed + 1;
	if (!listed && (status->state == TASK_RUNNING || entry->seen != 0))
		restart_vanished(manager, entry, "the worker no longer knows it");
	else if ((entry->order_sequence == 0 && (stops || !listed)) ||
		 (listed && stops && told && missed > 0))
		assign_order(manager, entry);
	else if (!listed && stops && told && entry->missed >= BOOK_MISSED_MAX)
		restart_vanished(manager, entry, "the worker does not know it");
}

static void
check_all_book(struct manager *manager, struct node *node)
{
	struct entry *entry;
	struct entry *next;
	struct entry *last = node->last;

	node->synced = true;
	/* What is ordered again goes to the list's end: not a second time. */
	for (entry = node->first; entry != NULL; entry = next) {
		next = entry != last ? entry->node_next : NULL;
		check_book(manager, node, entry);
	}
}

void
report_take_refused(struct manager *manager, struct node *node, const struct reports *reports)
{
	size_t i;

	for (i = 0; node->place.book && i < reports->count; i++)
		take_one(manager, node, &reports->items[i]);
}

void
report_take(struct manager *manager, struct node *node, const struct reports *reports)
{
	uint64_t ignored = manager->reports_ignored;
	char number[32];
	size_t i;

	node->answers++;
	for (i = 0; i < reports->count; i++)
		take_one(manager, node, &reports->items[i]);
	if (node->place.book) {
		check_all_book(manager, node);
		return;
	}
	if (reports->full) {
		find_missing(manager, node, reports);
		/* It has lost orders that it had confirmed. */
		if (reports->generation != manager->generation ||
		    reports->sequence < node->acked)
			node->full_wanted = true;
		/* It has started again, and removes what nobody owns only once it was told all
		 * that somebody does. */
		if (node->reported.epoch != 0 &&
		    node->reported.epoch != reports->revision.epoch)
			node->full_wanted = true;
	}
	node->reported = reports->revision;
	if (manager->reports_ignored == ignored)
		return;
	(void)snprintf(number, sizeof(number), "%" PRIu64, manager->reports_ignored - ignored);
	step_log(manager->step, LOG_LEVEL_DEBUG, "report.ignored", "node", node->info.name,
		 "count", number, NULL);
}
