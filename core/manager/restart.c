/* manager/restart.c - a task whose attempt is over: it starts again, waits for a place, or has
 * ended.
 *
 * An attempt that failed is started again after a pause that doubles from one second to a
 * minute, on the same node, whose room is kept for it meanwhile. After two failures in a row
 * there it is placed elsewhere, if it fits elsewhere. An attempt that was taken away from its
 * node, or that could not begin, costs no restart. Ten minutes without an end, and all is
 * forgiven. Brain's thread.
 */
#include "manager/restart.h"

#include "manager/assign.h"
#include "manager/brain.h"
#include "manager/drain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DELAY_FIRST_MS   1000
#define DELAY_MAX_MS     60000
#define WELL_AFTER_MS    600000
#define FAILURES_MAX     2 /* on one node, in a row */
#define RESTARTS_DEFAULT 3 /* of a task that says nothing about it, as the book's manager */

/* How often it may be started again while it is not well for ten minutes; -1: no limit. */
static int32_t
restarts_max(const struct task_spec *spec)
{
	if (spec->max_restarts >= 0)
		return spec->max_restarts;
	if (spec->restart_mode == RESTART_DEFAULT)
		return RESTARTS_DEFAULT;
	return spec->restart_mode == RESTART_ON_FAILURE ? spec->restart_max : -1;
}

static bool
starts_again(const struct task_spec *spec, bool well)
{
	switch (spec->restart_mode) {
	case RESTART_ALWAYS:
	case RESTART_UNLESS_STOPPED:
		return true;
	case RESTART_NO:
		return false;
	case RESTART_DEFAULT:
	case RESTART_ON_FAILURE:
	default:
		return !well;
	}
}

/* The pause before the count-th, from three quarters to the whole of it, so that many that
 * failed together do not come back together. */
static uint64_t
delay_ms(struct manager *manager, uint32_t count)
{
	uint64_t delay = DELAY_FIRST_MS;

	for (; count > 1 && delay < DELAY_MAX_MS; count--)
		delay *= 2;
	if (delay > DELAY_MAX_MS)
		delay = DELAY_MAX_MS;
	return delay * 3 / 4 + random_below(&manager->random, delay / 4 + 1);
}

static void
wait_until(struct manager *manager, struct entry *entry, uint64_t mono_ms)
{
	if (heap_set(&manager->restarts, &entry->due, mono_ms) != 0)
		brain_failed(manager);
}

static void
wait_for(struct manager *manager, struct entry *entry, uint64_t ms)
{
	const struct now *now = &manager->step->now;

	entry->task.status.restart_at_ms = now->wall_ms + (int64_t)ms;
	wait_until(manager, entry, now->mono_ms + ms);
}

static void
avoid(struct manager *manager, struct entry *entry, const char *name)
{
	free(entry->avoid);
	entry->avoid = strdup(name);
	if (entry->avoid == NULL)
		brain_failed(manager);
	entry->failures = 0;
}

/* ---- what costs no restart ---- */

void
restart_withdraw(struct manager *manager, struct entry *entry, const char *reason)
{
	struct task_status *status = &entry->task.status;

	assign_release(manager, entry);
	entry->displaced = false;
	entry->failures = 0;
	if (status->wanted == TASK_WANTED_STOP) {
		ledger_end(manager, entry, TASK_COMPLETED, reason);
		return;
	}
	task_reason(status, "%s", reason);
	status->node[0] = '\0';
	ledger_move(manager, entry, TASK_PENDING);
	placer_wait(&manager->placer, &entry->place);
	brain_log_task(manager, "task.withdrawn", entry);
}

/* A host port that it wants is taken there by what is not ours: another node may have it
 * free. It pauses as one that failed does, so that it never goes around in a circle. */
static void
port_clashed(struct manager *manager, struct entry *entry)
{
	struct task_status *status = &entry->task.status;

	avoid(manager, entry, status->node);
	entry->clashes++;
	assign_release(manager, entry);
	status->node[0] = '\0';
	wait_for(manager, entry, delay_ms(manager, entry->clashes));
	ledger_move(manager, entry, TASK_PENDING);
	brain_log_task(manager, "task.withdrawn", entry);
}

/* ---- the policy ---- */

/* How long its last attempt ran, as far as is known: by the worker's own clock, or by how long
 * it was seen to run. The clocks of two machines are never compared. */
static bool
ran_long(const struct manager *manager, const struct entry *entry)
{
	const struct task_status *status = &entry->task.status;

	if (status->start_ms != 0 && status->finish_ms != 0)
		return status->finish_ms - status->start_ms >= WELL_AFTER_MS;
	return entry->ran_from_ms != 0 &&
	       manager->step->now.mono_ms - entry->ran_from_ms >= WELL_AFTER_MS;
}

static void
give_up(struct manager *manager, struct entry *entry)
{
	struct task_status *status = &entry->task.status;
	char why[TASK_REASON_SIZE];

	memcpy(why, status->reason, sizeof(why));
	task_reason(status, "gave up after %u restart%s: %s", status->restarts,
		    status->restarts == 1 ? "" : "s", why);
	assign_release(manager, entry);
	ledger_end(manager, entry, TASK_FAILED, NULL);
}

static void
start_again(struct manager *manager, struct entry *entry, bool well)
{
	struct task_status *status = &entry->task.status;

	status->restarts_max = restarts_max(entry->task.spec);
	if (status->restarts_max >= 0 && status->restarts >= (uint32_t)status->restarts_max) {
		give_up(manager, entry);
		return;
	}
	status->restarts++;
	entry->again = true;
	entry->failures = well ? 0 : entry->failures + 1;
	if (entry->failures >= FAILURES_MAX) {
		avoid(manager, entry, status->node);
		assign_release(manager, entry);
	} else {
		assign_hold(entry);
	}
	if (status->finish_ms == 0)
		status->finish_ms = manager->step->now.wall_ms;
	wait_for(manager, entry, delay_ms(manager, status->restarts));
	ledger_move(manager, entry, well ? TASK_PENDING : TASK_FAILED);
	brain_log_task(manager, "task.restarting", entry);
}

void
restart_ended(struct manager *manager, struct entry *entry, bool well)
{
	struct task_status *status = &entry->task.status;
	char reason[TASK_REASON_SIZE];
	bool again;

	if (status->wanted == TASK_WANTED_STOP) {
		assign_release(manager, entry);
		ledger_end(manager, entry, TASK_COMPLETED, NULL);
		return;
	}
	if (drain_has_ended(entry)) {
		drain_withdraw(manager, entry);
		return;
	}
	entry->displaced = false; /* it ended by itself, before it was told to */
	if (status->port_taken) {
		port_clashed(manager, entry);
		return;
	}
	if (status->disconnected) {
		memcpy(reason, status->reason, sizeof(reason));
		restart_withdraw(manager, entry, reason);
		return;
	}
	entry->clashes = 0;
	if (ran_long(manager, entry)) {
		status->restarts = 0;
		entry->failures = 0;
		free(entry->avoid);
		entry->avoid = NULL;
	}
	again = starts_again(entry->task.spec, well);
	/* One that is done has nothing to explain. */
	if (status->reason[0] == '\0' && status->has_exit_code && (again || !well))
		task_reason(status, "exit code %d", status->exit_code);
	if (again) {
		start_again(manager, entry, well);
		return;
	}
	assign_release(manager, entry);
	ledger_end(manager, entry, well ? TASK_COMPLETED : TASK_FAILED, NULL);
}

void
restart_vanished(struct manager *manager, struct entry *entry, const char *reason)
{
	struct task_status *status = &entry->task.status;

	status->has_exit_code = false;
	status->finish_ms = 0;
	task_reason(status, "%s", reason);
	restart_ended(manager, entry, false);
}

/* ---- its node ---- */

static void
withdraw_all(struct manager *manager, struct node *node, bool unsent_too, const char *reason)
{
	struct entry *entry;
	struct entry *next;

	for (entry = node->first; entry != NULL; entry = next) {
		next = entry->node_next;
		if (unsent_too || !assign_is_unsent(entry))
			restart_withdraw(manager, entry, reason);
	}
	restart_give_up_holds(manager, node);
}

void
restart_node_replaced(struct manager *manager, struct node *node)
{
	char reason[TASK_REASON_SIZE];

	(void)snprintf(reason, sizeof(reason),
		       "node %s came back as another worker, which does not have it",
		       node->info.name);
	withdraw_all(manager, node, false, reason);
	node->absence = 0;
	step_log(manager->step, LOG_LEVEL_WARNING, "node.replaced", "node", node->info.name,
		 "api", node->info.api, NULL);
}

void
restart_node_removed(struct manager *manager, struct node *node)
{
	char reason[TASK_REASON_SIZE];

	(void)snprintf(reason, sizeof(reason), "its node %s was removed", node->info.name);
	withdraw_all(manager, node, true, reason);
}

void
restart_give_up_holds(struct manager *manager, struct node *node)
{
	while (node->held != NULL) {
		struct entry *entry = node->held;

		assign_unhold(manager, entry);
		entry->failures = 0;
		ledger_touch(manager, entry);
	}
}

/* ---- those that wait ---- */

static void
wait_over(struct manager *manager, struct entry *entry)
{
	heap_remove(&manager->restarts, &entry->due);
	entry->task.status.restart_at_ms = 0;
}

void
restart_stop(struct manager *manager, struct entry *entry)
{
	wait_over(manager, entry);
	if (entry->held != NULL)
		assign_unhold(manager, entry);
	ledger_end(manager, entry, TASK_COMPLETED, "stopped while it waited to restart");
}

static void
come_due(struct manager *manager, struct entry *entry)
{
	struct task_status *status = &entry->task.status;
	const struct node *node = entry->held;

	wait_over(manager, entry);
	/* Room was kept, but the node may have told since that it has less. */
	if (node != NULL && placer_may_return(&manager->placer, &node->place, &entry->place)) {
		assign_resume(manager, entry);
		return;
	}
	if (node != NULL) {
		assign_unhold(manager, entry);
		entry->failures = 0;
	}
	status->node[0] = '\0';
	if (status->state == TASK_PENDING)
		ledger_touch(manager, entry);
	else
		ledger_move(manager, entry, TASK_PENDING);
	placer_wait(&manager->placer, &entry->place);
}

void
restart_run_due(struct manager *manager)
{
	struct heap_item *first;

	while ((first = heap_first(&manager->restarts)) != NULL && manager->failed == 0) {
		if (first->due_ms > manager->step->now.mono_ms) {
			step_wake(manager->step, first->due_ms);
			return;
		}
		come_due(manager, (struct entry *)first);
	}
}

void
restart_restore(struct manager *manager, struct entry *entry)
{
	struct task_status *status = &entry->task.status;
	const struct now *now = &manager->step->now;
	struct node *node = nodes_find(manager, status->node);
	int64_t left_ms = status->restart_at_ms - now->wall_ms;

	/* The wall clock may have jumped meanwhile: that neither freezes a task nor makes it
	 * wait longer than any pause is. */
	if (left_ms < 0)
		left_ms = 0;
	if (left_ms > DELAY_MAX_MS) {
		left_ms = DELAY_MAX_MS;
		status->restart_at_ms = now->wall_ms + left_ms;
	}
	if (entry->keeps && node != NULL)
		assign_restore_hold(manager, entry, node);
	entry->keeps = false;
	wait_until(manager, entry, now->mono_ms + (uint64_t)left_ms);
}
