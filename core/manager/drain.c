/* manager/drain.c - stops attempts so that their tasks can be placed elsewhere.
 *
 * A drain keeps nothing in memory that its node's record does not have, but for what saves it
 * from looking twice: so it goes on over a restart of the manager. A task is moved only if
 * some node has room for it now, and the next one only when it runs there, is over, or has
 * found no place for a while after all; so at no moment more than one is missing. Brain's
 * thread.
 */
#include "manager/drain.h"

#include "manager/assign.h"
#include "manager/brain.h"
#include "manager/record.h"
#include "manager/restart.h"

#include <stdio.h>
#include <string.h>

#define PLACE_WAIT_MS 10000 /* that one that moves may wait for a place */
#define LOOK_AGAIN_MS 1000
#define LOOK_ROWS     200000 /* in a step, over all the tasks looked at */

/* ---- one attempt ---- */

void
drain_displace(struct manager *manager, struct entry *entry)
{
	if (entry->displaced)
		return;
	entry->displaced = true;
	if (assign_is_unsent(entry)) {
		drain_withdraw(manager, entry);
		return;
	}
	ledger_touch(manager, entry);
	assign_order(manager, entry);
	brain_log_task(manager, "task.displaced", entry);
}

bool
drain_has_ended(const struct entry *entry)
{
	/* Before the order left it can only have ended by itself. */
	return entry->displaced && entry->order_sequence <= entry->node->sent;
}

void
drain_withdraw(struct manager *manager, struct entry *entry)
{
	const struct node *node = entry->node;
	enum history_by by = manager->by;
	char reason[TASK_REASON_SIZE];

	/* The worker that tells of the end did as it was told. */
	manager->by = HISTORY_BY_MANAGER;
	if (node->draining && manager->step->now.mono_ms >= node->drain_due_ms)
		(void)snprintf(reason, sizeof(reason),
			       "stopped at the deadline of the drain of node %s",
			       node->info.name);
	else if (node->draining)
		(void)snprintf(reason, sizeof(reason), "node %s is drained", node->info.name);
	else if (!node->place.book && !node->info.runtime_ready)
		(void)snprintf(reason, sizeof(reason),
			       "the runtime of node %s is not ready: %.140s", node->info.name,
			       node->info.runtime_reason);
	else
		(void)snprintf(reason, sizeof(reason), "moved away from node %s",
			       node->info.name);
	restart_withdraw(manager, entry, reason);
	manager->by = by;
}

/* ---- a node ---- */

void
drain_begin(struct manager *manager, struct node *node)
{
	struct nodes *nodes = &manager->nodes;

	node->draining = true;
	node->drain_next = nodes->draining;
	nodes->draining = node;
}

void
drain_end(struct manager *manager, struct node *node)
{
	struct node **at = &manager->nodes.draining;

	if (!node->draining)
		return;
	while (*at != node)
		at = &(*at)->drain_next;
	*at = node->drain_next;
	node->drain_next = NULL;
	node->draining = false;
	node->drain_until_ms = 0;
	node->drain_task[0] = '\0';
	node->drain_task_ms = 0;
}

static void
record(struct manager *manager, struct node *node)
{
	if (node_record_write(manager, node) != 0)
		brain_failed(manager);
}

static void
finish(struct manager *manager, struct node *node)
{
	char stopped[16];

	drain_end(manager, node);
	node->cordoned = true;
	record(manager, node);
	(void)snprintf(stopped, sizeof(stopped), "%u", node->drain_stopped);
	step_log(manager->step, LOG_LEVEL_INFO, "node.drained", "node", node->info.name,
		 "stopped", node->drain_stopped > 0 ? stopped : NULL, NULL);
	node_refresh(manager, node);
}

/* The time is over: whatever is left goes, wherever it may find a place. */
static void
displace_all(struct manager *manager, struct node *node)
{
	struct entry *last = node->last;
	struct entry *entry;
	struct entry *next;
	uint32_t count = 0;

	for (entry = node->first; entry != NULL; entry = next) {
		next = entry != last ? entry->node_next : NULL;
		if (entry_wanted(entry) == TASK_WANTED_STOP)
			continue;
		count += entry->told;
		drain_displace(manager, entry);
	}
	if (count == 0)
		return;
	node->drain_stopped += count;
	record(manager, node);
	step_log(manager->step, LOG_LEVEL_WARNING, "node.deadline", "node", node->info.name,
		 "reason", "the drain's deadline is over: what was left is stopped", NULL);
}

/* Is the task that moves where it should be, so that the next one may go? */
static bool
has_moved(struct manager *manager, struct node *node)
{
	const struct entry *entry =
		node->drain_task[0] != '\0' ? ledger_find(manager, node->drain_task) : NULL;
	uint64_t now_ms = manager->step->now.mono_ms;

	if (entry == NULL || entry->task.status.final ||
	    entry->task.status.state == TASK_COMPLETED)
		return true;
	if (entry_is_live(entry)) {
		node->drain_task_ms = 0;
		if (entry->node == node)
			return !entry->displaced;
		return entry->task.status.state == TASK_RUNNING;
	}
	if (node->drain_task_ms == 0)
		node->drain_task_ms = now_ms;
	if (now_ms - node->drain_task_ms >= PLACE_WAIT_MS)
		return true;
	step_wake(manager->step, node->drain_task_ms + PLACE_WAIT_MS);
	return false;
}

static bool
asks_the_same(const struct task_spec *a, const struct task_spec *b)
{
	return a->mcpu == b->mcpu && a->memory_bytes == b->memory_bytes &&
	       a->disk_bytes == b->disk_bytes && a->port_count == 0 && b->port_count == 0 &&
	       a->constraint_count == 0 && b->constraint_count == 0 && a->max_per_node == 0 &&
	       b->max_per_node == 0;
}

/* The next one that fits elsewhere; NULL: none does, as far as there was time to look. */
static struct entry *
find_next(struct manager *manager, struct node *node)
{
	const struct task_spec *failed = NULL;
	size_t rows = manager->placer.rows.view.count + 1;
	size_t spent = 0;
	struct entry *entry;

	for (entry = node->first; entry != NULL; entry = entry->node_next) {
		const struct task_spec *spec = entry->task.spec;

		if (entry->order_sequence < node->drain_from ||
		    entry_wanted(entry) == TASK_WANTED_STOP ||
		    (failed != NULL && asks_the_same(spec, failed)))
			continue;
		if (placer_fits_anywhere(&manager->placer, &entry->place))
			return entry;
		failed = spec;
		spent += rows;
		if (spent >= LOOK_ROWS) {
			node->drain_from = entry->order_sequence + 1;
			return NULL;
		}
	}
	node->drain_from = 0;
	return NULL;
}

static void
move_next(struct manager *manager, struct node *node)
{
	uint64_t now_ms = manager->step->now.mono_ms;
	struct entry *entry;

	if (node->place.status != NODE_DRAINING)
		return;
	if (now_ms < node->drain_look_ms) {
		step_wake(manager->step, node->drain_look_ms);
		return;
	}
	entry = find_next(manager, node);
	if (entry == NULL) {
		node->drain_look_ms = now_ms + LOOK_AGAIN_MS;
		step_wake(manager->step, node->drain_look_ms);
		return;
	}
	memcpy(node->drain_task, entry->task.spec->id, sizeof(node->drain_task));
	node->drain_task_ms = 0;
	record(manager, node);
	drain_displace(manager, entry);
}

void
drain_run(struct manager *manager)
{
	struct node *node;
	struct node *next;

	for (node = manager->nodes.draining; node != NULL; node = next) {
		next = node->drain_next;
		restart_give_up_holds(manager, node);
		if (node->place.task_count == 0) {
			finish(manager, node);
			continue;
		}
		if (manager->step->now.mono_ms >= node->drain_due_ms) {
			displace_all(manager, node);
			continue;
		}
		step_wake(manager->step, node->drain_due_ms);
		if (has_moved(manager, node))
			move_next(manager, node);
	}
}
