/* manager/liveness.c - silence, loss and return of nodes.
 *
 * Keeps two counts, of the nodes that were in contact and of those of them that are silent
 * now, so that a step costs what it touches and not the whole cluster. Status itself is
 * worked out in manager/nodes.c. A lost node's contact begins anew: its worker is told its
 * whole set before anything else, and what was said in the old one is nobody's. Brain's
 * thread.
 */
#include "manager/liveness.h"

#include "manager/assign.h"
#include "manager/brain.h"
#include "manager/contact.h"
#include "manager/drain.h"
#include "manager/restart.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KILL_MS 5000 /* what a worker needs for a stop beside its grace */
/* The clocks of two machines drift apart by less than one in a hundred. */
#define FENCE_MS_PER_S 1010

/* ---- the manager's own absence ---- */

/* What it missed is not the nodes' silence: they get that time back, and all of the node
 * time-out to answer before one is declared lost. */
static void
excuse(struct manager *manager, uint64_t late_ms)
{
	void *cursor = NULL;
	struct node *node;
	char seconds[32];

	while ((node = map_next(manager->nodes.by_name, &cursor)) != NULL) {
		if (node->contact == 0 || node->place.status == NODE_LOST)
			continue;
		node->contact_ms += late_ms;
		node->alive_ms += late_ms;
	}
	manager->liveness.judge_ms = manager->step->now.mono_ms + manager->node_timeout_ms;
	(void)snprintf(seconds, sizeof(seconds), "%.1f", (double)late_ms / 1000);
	step_log(manager->step, LOG_LEVEL_WARNING, "manager.late", "late_s", seconds, "reason",
		 "this process was stopped, or the machine is overloaded: no node is declared "
		 "lost for that",
		 NULL);
}

void
liveness_begin(struct manager *manager)
{
	const struct liveness *liveness = &manager->liveness;
	uint64_t now_ms = manager->step->now.mono_ms;

	if (liveness->wake_ms != 0 && now_ms > liveness->wake_ms &&
	    now_ms - liveness->wake_ms > manager->node_timeout_ms / 4)
		excuse(manager, now_ms - liveness->step_ms);
}

void
liveness_end(struct manager *manager)
{
	struct liveness *liveness = &manager->liveness;
	uint64_t now_ms = manager->step->now.mono_ms;

	liveness->step_ms = now_ms;
	liveness->wake_ms = manager->step->wake_ms > now_ms ? manager->step->wake_ms : now_ms;
}

/* ---- the counts ---- */

uint64_t
liveness_silent_ms(const struct manager *manager, const struct node *node)
{
	if (node->contact == 0)
		return 0;
	/* One that refuses us is asked rarely: until that fails it is there. */
	if (node->refused && node->hello.failures == 0)
		return 0;
	return manager->step->now.mono_ms - node->contact_ms;
}

/* The same, but for a worker that answers that it cannot: it is there. */
static uint64_t
dead_ms(const struct manager *manager, const struct node *node)
{
	if (liveness_silent_ms(manager, node) == 0)
		return 0;
	return manager->step->now.mono_ms - node->alive_ms;
}

static void
set_counted(uint32_t *count, bool *flag, bool value)
{
	if (*flag == value)
		return;
	*flag = value;
	*count = value ? *count + 1 : *count - 1;
}

void
liveness_count(struct manager *manager, struct node *node)
{
	struct liveness *liveness = &manager->liveness;
	/* One that was lost before this process began has no tasks and says nothing. */
	bool counted = node->contact != 0 && !node->listed && node->place.status != NODE_LOST &&
		       (node->heard || node->place.task_count > 0);
	bool silent = counted && dead_ms(manager, node) >= manager->node_timeout_ms / 2;

	set_counted(&liveness->counted, &node->counted, counted);
	set_counted(&liveness->silent, &node->silent, silent);
}

void
liveness_forget(struct manager *manager, struct node *node)
{
	set_counted(&manager->liveness.counted, &node->counted, false);
	set_counted(&manager->liveness.silent, &node->silent, false);
}

static void
log_suspended(struct manager *manager, bool begins)
{
	char silent[16];
	char counted[16];

	(void)snprintf(silent, sizeof(silent), "%u", manager->liveness.silent);
	(void)snprintf(counted, sizeof(counted), "%u", manager->liveness.counted);
	if (begins)
		step_log(manager->step, LOG_LEVEL_WARNING, "nodes.silent", "silent", silent,
			 "of", counted, "reason",
			 "more than half of the nodes are silent at once: none is declared "
			 "lost; look at this machine's own network",
			 NULL);
	else
		step_log(manager->step, LOG_LEVEL_INFO, "nodes.answer", "silent", silent, "of",
			 counted, NULL);
}

void
liveness_judge(struct manager *manager)
{
	struct liveness *liveness = &manager->liveness;
	bool suspended = liveness->counted >= 2 && liveness->silent * 2 > liveness->counted;
	void *cursor = NULL;
	struct node *node;

	if (suspended == liveness->suspended)
		return;
	liveness->suspended = suspended;
	log_suspended(manager, suspended);
	if (suspended)
		return;
	/* The rest of them is about to answer, too. */
	liveness->judge_ms = manager->step->now.mono_ms + manager->node_timeout_ms;
	while ((node = map_next(manager->nodes.by_name, &cursor)) != NULL) {
		if (node->silent)
			node_drive(manager, node);
	}
}

bool
liveness_is_lost(const struct manager *manager, const struct node *node)
{
	const struct liveness *liveness = &manager->liveness;

	if (node->listed || dead_ms(manager, node) < manager->node_timeout_ms)
		return false;
	return node->place.status == NODE_LOST ||
	       (!liveness->suspended && manager->step->now.mono_ms >= liveness->judge_ms);
}

/* ---- loss ---- */

uint64_t
liveness_fence_ms(const struct entry *entry)
{
	const struct task_spec *spec = entry->task.spec;

	if (spec->stop_after_disconnect_s == 0 || !entry->told)
		return 0;
	return entry->node->stamp_ms +
	       (uint64_t)spec->stop_after_disconnect_s * FENCE_MS_PER_S +
	       (uint64_t)spec->stop_timeout_s * 1000 + KILL_MS;
}

const struct entry *
liveness_fenced(const struct manager *manager, const struct node *node, uint64_t *left_s)
{
	uint64_t now_ms = manager->step->now.mono_ms;
	const struct entry *last = NULL;
	const struct entry *entry;
	uint64_t last_ms = now_ms;

	for (entry = node->first; entry != NULL; entry = entry->node_next) {
		uint64_t fence_ms = liveness_fence_ms(entry);

		if (fence_ms <= last_ms || entry->task.status.wanted == TASK_WANTED_STOP)
			continue;
		last = entry;
		last_ms = fence_ms;
	}
	*left_s = (last_ms - now_ms + 999) / 1000;
	return last;
}

/* 0: its task goes now; UINT64_MAX: it waits for the node; else for that time. */
static uint64_t
withdraw_at(const struct manager *manager, const struct entry *entry)
{
	uint64_t fence_ms = liveness_fence_ms(entry);

	if (entry->task.status.wanted == TASK_WANTED_STOP)
		return 0;
	if (entry->task.spec->on_node_lost == NODE_LOST_WAIT)
		return UINT64_MAX;
	return fence_ms > manager->step->now.mono_ms ? fence_ms : 0;
}

/* Why it is taken back. A stop that its worker never confirmed is worth a word. */
static void
lost_reason(const struct manager *manager, const struct node *node, const struct entry *entry,
	    char out[TASK_REASON_SIZE])
{
	(void)snprintf(out, TASK_REASON_SIZE, "node %s was lost: silent for %" PRIu64 " s%s",
		       node->info.name, liveness_silent_ms(manager, node) / 1000,
		       entry->task.status.wanted == TASK_WANTED_STOP
			       ? "; it may run there until that worker is back"
			       : "");
}

/* How many tasks were withdrawn from the lost node. */
static uint32_t
sweep(struct manager *manager, struct node *node)
{
	char reason[TASK_REASON_SIZE];
	enum history_by by = manager->by;
	struct entry *entry;
	struct entry *next;
	uint32_t count = 0;

	/* Whatever step it is in which that comes out. */
	manager->by = HISTORY_BY_MANAGER;
	node->sweep_ms = UINT64_MAX;
	restart_give_up_holds(manager, node);
	for (entry = node->first; entry != NULL; entry = next) {
		uint64_t at_ms = withdraw_at(manager, entry);

		next = entry->node_next;
		if (at_ms != 0) {
			if (at_ms < node->sweep_ms)
				node->sweep_ms = at_ms;
			continue;
		}
		lost_reason(manager, node, entry, reason);
		restart_withdraw(manager, entry, reason);
		entry->absence = node->absence;
		count++;
	}
	manager->by = by;
	return count;
}

void
liveness_lose(struct manager *manager, struct node *node)
{
	uint64_t contact_ms = node->contact_ms;
	uint64_t alive_ms = node->alive_ms;
	uint64_t stamp_ms = node->stamp_ms;
	char seconds[32];
	char tasks[16];

	contact_begin(manager, node);
	node->contact_ms = contact_ms;
	node->alive_ms = alive_ms;
	node->stamp_ms = stamp_ms;
	node->heard = false;
	/* Lost again before it has said hello: it is still the same absence. */
	if (node->absence == 0)
		node->absence = ++manager->liveness.absences;
	liveness_count(manager, node);
	(void)snprintf(seconds, sizeof(seconds), "%" PRIu64,
		       liveness_silent_ms(manager, node) / 1000);
	(void)snprintf(tasks, sizeof(tasks), "%u", sweep(manager, node));
	step_log(manager->step, LOG_LEVEL_WARNING, "node.lost", "node", node->info.name, "api",
		 node->info.api, "silent_s", seconds, "withdrawn", tasks, "reason",
		 node->reason[0] != '\0' ? node->reason : NULL, NULL);
}

/* ---- what waits for its time ---- */

static bool
is_in_contact(const struct node *node)
{
	return node->place.status == NODE_READY || node->place.status == NODE_CORDONED ||
	       node->place.status == NODE_DRAINING;
}

/* Its runtime has not been ready for long: what never ran there may run elsewhere. */
static void
displace_unstarted(struct manager *manager, struct node *node)
{
	struct entry *entry;
	struct entry *last = node->last;
	struct entry *next;

	/* Those that are displaced go to the list's end. */
	for (entry = node->first; entry != NULL; entry = next) {
		next = entry != last ? entry->node_next : NULL;
		if (entry->task.status.state == TASK_SCHEDULED &&
		    entry->task.status.start_ms == 0 && entry_wanted(entry) == TASK_WANTED_RUN)
			drain_displace(manager, entry);
	}
	node->down_ms = UINT64_MAX;
}

void
liveness_check(struct manager *manager, struct node *node)
{
	uint64_t now_ms = manager->step->now.mono_ms;

	if (node->place.status == NODE_LOST && now_ms >= node->sweep_ms)
		(void)sweep(manager, node);
	if (node->down_ms != 0 && node->down_ms != UINT64_MAX && is_in_contact(node) &&
	    now_ms - node->down_ms >= manager->node_timeout_ms)
		displace_unstarted(manager, node);
}

static uint64_t
silence_due(const struct manager *manager, const struct node *node)
{
	const struct liveness *liveness = &manager->liveness;
	uint64_t at_ms = node->alive_ms + manager->node_timeout_ms;

	if (node->contact == 0 || (node->refused && node->hello.failures == 0))
		return UINT64_MAX;
	if (node->place.status == NODE_LOST)
		return node->sweep_ms;
	if (liveness_silent_ms(manager, node) < manager->node_timeout_ms / 2)
		return node->contact_ms + manager->node_timeout_ms / 2;
	if (node->listed || liveness->suspended)
		return UINT64_MAX;
	return at_ms > liveness->judge_ms ? at_ms : liveness->judge_ms;
}

uint64_t
liveness_due(const struct manager *manager, const struct node *node)
{
	uint64_t due_ms = silence_due(manager, node);

	if (node->down_ms != 0 && node->down_ms != UINT64_MAX && is_in_contact(node) &&
	    node->down_ms + manager->node_timeout_ms < due_ms)
		due_ms = node->down_ms + manager->node_timeout_ms;
	return due_ms;
}

/* ---- return ---- */

/* The attempt that entry had there was not followed by another: it goes on. */
static void
put_back(struct manager *manager, struct node *node, struct entry *entry)
{
	struct task_status *status = &entry->task.status;

	placer_unwait(&manager->placer, &entry->place);
	assign_restore(manager, entry, node);
	entry->absence = 0;
	memcpy(status->node, node->info.name, sizeof(status->node));
	task_reason(status, "node %s is back", node->info.name);
	ledger_move(manager, entry, TASK_SCHEDULED);
	assign_order(manager, entry);
	brain_log_task(manager, "task.back", entry);
}

void
liveness_return(struct manager *manager, struct node *node)
{
	uint64_t absence = node->absence;
	void *cursor = NULL;
	struct shape *shape;
	struct place_task *task;
	struct place_task *next;

	if (absence == 0)
		return;
	node->absence = 0;
	while ((shape = map_next(manager->placer.waiting.shapes, &cursor)) != NULL) {
		/* The shape goes with the last of them. */
		for (task = shape->first; task != NULL; task = next) {
			next = task->next;
			if (entry_of(task)->absence == absence)
				put_back(manager, node, entry_of(task));
		}
	}
}

/* ---- in words ---- */

bool
liveness_reason(const struct manager *manager, const struct entry *entry, char *out,
		uint64_t size)
{
	const struct node *node = entry->node;
	uint64_t now_ms = manager->step->now.mono_ms;
	uint64_t fence_ms;

	if (node == NULL || !entry_is_live(entry) ||
	    (node->place.status != NODE_UNREACHABLE && node->place.status != NODE_LOST))
		return false;
	fence_ms = liveness_fence_ms(entry);
	if (node->place.status == NODE_UNREACHABLE)
		(void)snprintf(out, size, "node %s has not answered for %" PRIu64 " s",
			       node->info.name, liveness_silent_ms(manager, node) / 1000);
	else if (entry->task.spec->on_node_lost == NODE_LOST_WAIT)
		(void)snprintf(out, size,
			       "node %s is lost, and the task waits for its return "
			       "(OnNodeLost)",
			       node->info.name);
	else
		(void)snprintf(out, size,
			       "node %s is lost: it starts elsewhere in %" PRIu64
			       " s, when the worker there has stopped it "
			       "(StopAfterDisconnect)",
			       node->info.name,
			       fence_ms > now_ms ? (fence_ms - now_ms + 999) / 1000 : 0);
	return true;
}
