/* manager/assign.c - what each worker is to hold, and the orders that say so.
 *
 * A node's tasks stand in a list in the order of the last order about each, so what the
 * worker has not confirmed is always the list's end, and a lost answer is repaired by
 * sending that end again. Orders are numbered for each worker; a request never carries a
 * number that the one before it had unless it says the same. Brain's thread.
 */
#include "manager/assign.h"

#include "manager/brain.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ORDERS_MAX       1000              /* changes in one request; a full one has all */
#define ORDERS_BYTES_MAX ((size_t)8 << 20) /* of specifications in one request */

static void
list_remove(struct node *node, struct entry *entry)
{
	if (entry->node_prev != NULL)
		entry->node_prev->node_next = entry->node_next;
	else
		node->first = entry->node_next;
	if (entry->node_next != NULL)
		entry->node_next->node_prev = entry->node_prev;
	else
		node->last = entry->node_prev;
	entry->node_prev = NULL;
	entry->node_next = NULL;
}

static void
list_append(struct node *node, struct entry *entry)
{
	entry->node_prev = node->last;
	entry->node_next = NULL;
	if (node->last != NULL)
		node->last->node_next = entry;
	else
		node->first = entry;
	node->last = entry;
}

void
assign_order(struct manager *manager, struct entry *entry)
{
	struct node *node = entry->node;

	list_remove(node, entry);
	list_append(node, entry);
	entry->order_sequence = ++node->sequence;
	node_drive(manager, node);
}

void
assign_restore(struct manager *manager, struct entry *entry, struct node *node)
{
	entry->node = node;
	entry->seen = 0;
	entry->missed = 1;
	entry->told = true;
	list_append(node, entry);
	placer_reserve(&manager->placer, &node->place, &entry->place);
}

/* A new attempt, on the node that entry is on by now. */
static void
begin_attempt(struct manager *manager, struct entry *entry)
{
	struct task_status *status = &entry->task.status;

	status->attempt++;
	if (entry->again)
		status->restart_count++;
	entry->again = false;
	entry->ran_from_ms = 0;
	entry->displaced = false;
	entry->told = false;
	entry->absence = 0;
	memcpy(status->node, entry->node->info.name, sizeof(status->node));
	status->has_exit_code = false;
	status->exit_code = 0;
	status->oom_killed = false;
	status->port_taken = false;
	status->disconnected = false;
	status->start_ms = 0;
	status->finish_ms = 0;
	status->restart_at_ms = 0;
	status->container_id[0] = '\0';
	status->reason[0] = '\0';
	task_status_release(status);
	ledger_move(manager, entry, TASK_SCHEDULED);
	assign_order(manager, entry);
	brain_log_task(manager, "task.placed", entry);
}

void
assign_place(struct manager *manager, struct entry *entry, struct node *node)
{
	placer_unwait(&manager->placer, &entry->place);
	assign_restore(manager, entry, node);
	begin_attempt(manager, entry);
}

/* ---- room that is kept for one that waits to start again ---- */

static void
held_add(struct node *node, struct entry *entry)
{
	entry->held = node;
	entry->node_prev = NULL;
	entry->node_next = node->held;
	if (node->held != NULL)
		node->held->node_prev = entry;
	node->held = entry;
}

static struct node *
held_remove(struct entry *entry)
{
	struct node *node = entry->held;

	if (entry->node_prev != NULL)
		entry->node_prev->node_next = entry->node_next;
	else
		node->held = entry->node_next;
	if (entry->node_next != NULL)
		entry->node_next->node_prev = entry->node_prev;
	entry->node_prev = NULL;
	entry->node_next = NULL;
	entry->held = NULL;
	return node;
}

void
assign_hold(struct entry *entry)
{
	struct node *node = entry->node;

	list_remove(node, entry);
	entry->node = NULL;
	entry->order_sequence = 0;
	held_add(node, entry);
}

void
assign_restore_hold(struct manager *manager, struct entry *entry, struct node *node)
{
	held_add(node, entry);
	placer_reserve(&manager->placer, &node->place, &entry->place);
}

void
assign_unhold(struct manager *manager, struct entry *entry)
{
	placer_unreserve(&manager->placer, &held_remove(entry)->place, &entry->place);
	placer_forget(&manager->placer, &entry->place);
}

void
assign_resume(struct manager *manager, struct entry *entry)
{
	entry->node = held_remove(entry);
	entry->seen = 0;
	entry->missed = 1;
	list_append(entry->node, entry);
	begin_attempt(manager, entry);
}

void
assign_release(struct manager *manager, struct entry *entry)
{
	struct node *node = entry->node;

	placer_unreserve(&manager->placer, &node->place, &entry->place);
	list_remove(node, entry);
	entry->node = NULL;
	entry->order_sequence = 0;
	entry->displaced = false;
	placer_forget(&manager->placer, &entry->place);
}

bool
assign_is_unsent(const struct entry *entry)
{
	return !entry->told;
}

void
assign_stop_stray(struct manager *manager, struct node *node, const char *task_id)
{
	if (node->strays == NULL)
		node->strays = calloc(STRAYS_MAX, sizeof(*node->strays));
	if (node->strays == NULL) {
		brain_failed(manager);
		return;
	}
	/* It lists the rest the next time, too. */
	if (node->stray_count == STRAYS_MAX)
		return;
	memcpy(node->strays[node->stray_count++], task_id, ID_SIZE);
	node_drive(manager, node);
}

bool
assign_waits(const struct node *node, uint64_t mono_ms)
{
	if (node->full_wanted || node->stray_count > 0)
		return true;
	if (node->last != NULL && node->last->order_sequence > node->acked)
		return true;
	return node->ack_wanted && mono_ms >= node->ack_due_ms;
}

/* The first of those to be told, and how many they are. */
static struct entry *
unconfirmed(const struct node *node, bool full, size_t *count)
{
	struct entry *first = NULL;
	struct entry *entry;

	*count = 0;
	for (entry = node->last; entry != NULL; entry = entry->node_prev) {
		if (!full && entry->order_sequence <= node->acked)
			break;
		first = entry;
		++*count;
	}
	return first;
}

/* How many of count changes go in one request. */
static size_t
portion(const struct entry *entry, size_t count)
{
	size_t size = 0;
	size_t i;

	for (i = 0; i < count && i < ORDERS_MAX; i++, entry = entry->node_next) {
		size += entry->task.spec->json_size;
		if (i > 0 && size > ORDERS_BYTES_MAX)
			break;
	}
	return i;
}

static void
fill_item(struct order *order, struct entry *entry, bool with_spec)
{
	entry->told = true;
	memcpy(order->task_id, entry->task.spec->id, sizeof(order->task_id));
	order->attempt = entry->task.status.attempt;
	order->wanted = entry_wanted(entry);
	order->spec = with_spec ? task_spec_get(entry->task.spec) : NULL;
}

static void
fill_changes(struct orders *orders, struct entry *entry, size_t count)
{
	for (; orders->count < count; entry = entry->node_next) {
		fill_item(&orders->items[orders->count++], entry, true);
		orders->sequence = entry->order_sequence;
	}
}

/* All of them by name, and as many specifications as fit. A worker that reported a task as
 * running has its specification; whatever else was left out follows as a change. */
static void
fill_full(struct manager *manager, struct orders *orders, struct entry *entry, size_t count)
{
	size_t size = 0;

	while (orders->count < count) {
		struct entry *next = entry->node_next;
		bool fits = entry->task.spec->json_size <= ORDERS_BYTES_MAX - size;

		if (fits)
			size += entry->task.spec->json_size;
		fill_item(&orders->items[orders->count++], entry, fits);
		if (!fits && entry->task.status.state == TASK_SCHEDULED)
			assign_order(manager, entry); /* to the list's end */
		entry = next;
	}
}

/* Behind the changes; what was given to it meanwhile is its own. */
static void
fill_strays(const struct manager *manager, struct node *node, struct orders *orders)
{
	size_t i;

	for (i = 0; i < node->stray_count; i++) {
		const struct entry *entry = ledger_find(manager, node->strays[i]);
		struct order *order = &orders->items[orders->count];

		if (entry != NULL && entry->node == node)
			continue;
		memcpy(order->task_id, node->strays[i], sizeof(order->task_id));
		order->wanted = TASK_WANTED_STOP;
		orders->count++;
	}
	node->stray_count = 0;
}

void
assign_fill(struct manager *manager, struct node *node, struct manager_effect *effect)
{
	struct orders *orders = &effect->orders;
	/* Of the book's protocol nothing says "and no others". */
	bool full = node->full_wanted && !node->place.book;
	size_t count;
	struct entry *entry = unconfirmed(node, full, &count);
	size_t some = full ? count : portion(entry, count);
	bool cut = some < count;

	memcpy(orders->cluster, manager->cluster, sizeof(orders->cluster));
	memcpy(orders->worker, node->info.instance, sizeof(orders->worker));
	orders->generation = manager->generation;
	orders->full = full;
	node->full_in_flight = full;
	node->full_wanted = false;
	orders->acked = node->reported;
	orders->items = calloc(some + node->stray_count + 1, sizeof(*orders->items));
	if (orders->items == NULL) {
		brain_failed(manager);
		return;
	}
	if (!cut && node->sequence <= node->sent)
		node->sequence = node->sent + 1;
	orders->sequence = node->sequence;
	if (full)
		fill_full(manager, orders, entry, some);
	else
		fill_changes(orders, entry, some);
	if (!cut && !full)
		orders->sequence = node->sequence;
	fill_strays(manager, node, orders);
	if (orders->sequence > node->sent)
		node->sent = orders->sequence;
	/* A request that may say the same as one before carries no new word on reports. */
	node->ack_in_flight = node->ack_wanted && !cut;
	if (node->ack_in_flight)
		node->ack_wanted = false;
}
