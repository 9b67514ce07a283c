/* manager/contact.c - the state of the talk with each worker, and what to send next.
 *
 * Answers only note what they say; what follows from it is worked out in one place (drive)
 * from the node's state and the time, so an answer that is lost, late or doubled can delay
 * the talk but never derail it. HELLO and POLL ask and may leave at once; ORDERS speak of
 * what must be durable and wait for the commit. Brain's thread.
 */
#include "manager/contact.h"

#include "manager/assign.h"
#include "manager/brain.h"
#include "manager/effect.h"
#include "manager/listed.h"
#include "manager/record.h"
#include "manager/report.h"
#include "manager/restart.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BACKOFF_FIRST_MS 250
#define BACKOFF_MAX_MS   5000 /* or a third of the node time-out */
#define REFUSED_RETRY_MS 15000
#define INFO_AGE_MAX_MS  15000 /* of stats, before the worker is asked again */
#define POLL_WAIT_MAX_MS 5000
#define EMPTY_POLL_MS    250
#define EXCHANGE_MIN_MS  1000
#define EXCHANGE_MAX_MS  10000

static uint32_t
poll_wait_ms(const struct manager *manager)
{
	uint32_t wait_ms = manager->node_timeout_ms / 6;

	return wait_ms < POLL_WAIT_MAX_MS ? wait_ms : POLL_WAIT_MAX_MS;
}

/* For an exchange in which the worker answers at once. */
static uint32_t
exchange_ms(const struct manager *manager)
{
	uint32_t ms = manager->node_timeout_ms / 6;

	if (ms < EXCHANGE_MIN_MS)
		return EXCHANGE_MIN_MS;
	return ms < EXCHANGE_MAX_MS ? ms : EXCHANGE_MAX_MS;
}

void
contact_begin(struct manager *manager, struct node *node)
{
	contact_end(manager, node);
	node->contact = nodes_new_contact(manager, node);
	node->contact_ms = manager->step->now.mono_ms;
	node->alive_ms = node->contact_ms;
	node->hello_wanted = true;
	node->known = false;
	node->refused = false;
	node->claimed = false;
	node->synced = false;
	node->full_wanted = true;
	node->full_in_flight = false;
	node->ack_wanted = false;
	node->ack_in_flight = false;
	node->stray_count = 0;
	node->reported = (struct revision){0, 0};
	node->stamp = 0;
	/* An echo of an earlier contact may just have reached its worker. */
	node->stamp_ms = node->contact_ms;
	memset(&node->hello, 0, sizeof(node->hello));
	memset(&node->orders, 0, sizeof(node->orders));
	memset(&node->poll, 0, sizeof(node->poll));
	node_drive(manager, node);
}

void
contact_end(struct manager *manager, struct node *node)
{
	struct manager_effect *effect;

	if (node->contact == 0)
		return;
	effect = effect_new(manager, MANAGER_EFFECT_FORGET);
	if (effect != NULL) {
		effect->contact = node->contact;
		/* Behind all orders of this contact that still wait for their commit. */
		effect_send(manager, effect, true);
	}
	node->contact = 0;
}

void
contact_retry(struct manager *manager, struct node *node)
{
	node->hello.retry_ms = 0;
	node->orders.retry_ms = 0;
	node->poll.retry_ms = 0;
	node->hello_wanted = true;
	node_drive(manager, node);
}

void
contact_refuse(struct manager *manager, struct node *node, const char *fmt, ...)
{
	char reason[TASK_REASON_SIZE];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	if (strcmp(reason, node->reason) != 0)
		step_log(manager->step, LOG_LEVEL_WARNING, "node.refused", "node",
			 node->info.name, "api", node->info.api, "reason", reason, NULL);
	memcpy(node->reason, reason, sizeof(reason));
	node->refused = true;
	node->claimed = false;
	node->full_wanted = true;
	node->hello_wanted = true;
	node->hello.retry_ms = manager->step->now.mono_ms + REFUSED_RETRY_MS;
	node_drive(manager, node);
}

/* ---- what came back ---- */

static void
alive(struct manager *manager, struct node *node)
{
	node->heard = true;
	node->alive_ms = manager->step->now.mono_ms;
	node->seen_ms = manager->step->now.wall_ms;
}

static void
answered(struct manager *manager, struct node *node, struct exchange *exchange)
{
	/* It was away: what waits for a later try goes now. */
	if (node->poll.failures > 0)
		node->orders.retry_ms = 0;
	exchange->failures = 0;
	exchange->retry_ms = 0;
	if (!node->refused)
		node->reason[0] = '\0';
	node->contact_ms = manager->step->now.mono_ms;
	alive(manager, node);
}

static void
failed(struct manager *manager, struct node *node, struct exchange *exchange, const char *what,
       const struct manager_message *message)
{
	uint64_t delay_ms = BACKOFF_FIRST_MS;
	uint64_t max_ms = manager->node_timeout_ms / 3;
	uint32_t i;

	if (max_ms > BACKOFF_MAX_MS)
		max_ms = BACKOFF_MAX_MS;
	for (i = 0; i < exchange->failures && delay_ms < max_ms; i++)
		delay_ms *= 2;
	if (delay_ms > max_ms)
		delay_ms = max_ms;
	/* From three to five quarters of it, so that many do not come back together. */
	delay_ms = delay_ms * 3 / 4 + random_below(&manager->random, delay_ms / 2 + 1);
	exchange->retry_ms = manager->step->now.mono_ms + delay_ms;
	/* Its store fails, or it is too busy: nothing new for it, but what it has goes on. */
	if (message->fault == 0 && message->status == 503)
		alive(manager, node);
	if (!node->refused)
		memcpy(node->reason, message->reason, sizeof(node->reason));
	if (exchange->failures++ == 0)
		step_log(manager->step, LOG_LEVEL_WARNING, "node.failed", "node",
			 node->info.name, "api", node->info.api, "what", what, "reason",
			 message->reason, NULL);
}

static struct node *
answer_to(struct manager *manager, const struct manager_message *message)
{
	struct node *node = nodes_find_contact(manager, message->contact);

	if (node != NULL)
		node_drive(manager, node);
	return node;
}

static bool
belongs_elsewhere(const struct manager *manager, const struct node_info *info)
{
	return info->cluster[0] != '\0' && strcmp(info->cluster, manager->cluster) != 0;
}

/* Another worker answers in the place of one that may, cut off, still run a task that stops
 * then (StopAfterDisconnect): it is taken on when that time is over. */
static bool
waits_for_old(struct manager *manager, struct node *node)
{
	uint64_t left_s;
	const struct entry *fenced = liveness_fenced(manager, node, &left_s);

	if (fenced == NULL)
		return false;
	contact_refuse(manager, node,
		       "it is another worker than before, which may still run task %s "
		       "(StopAfterDisconnect)",
		       fenced->task.spec->name);
	return true;
}

/* What answers at the node's address is not the node, nor one that took its name: of the node
 * itself nothing was heard. */
static bool
answers_for_another(struct manager *manager, struct node *node,
		    const struct manager_message *message)
{
	if (node->info.instance[0] == '\0')
		return false;
	if (message->book)
		contact_refuse(manager, node, "what answers at %s is no cube-worker",
			       node->info.api);
	else if (strcmp(message->info.name, node->info.name) != 0 &&
		 strcmp(message->info.instance, node->info.instance) != 0)
		contact_refuse(manager, node, "another worker, %s, answers at %s",
			       message->info.name, node->info.api);
	else
		return false;
	node->hello.failures++;
	return true;
}

void
contact_hello_done(struct manager *manager, struct manager_message *message)
{
	struct node *node = answer_to(manager, message);

	if (node == NULL)
		return;
	node->hello.in_flight = false;
	if (message->fault != 0 || (message->status != 0 && message->status != 200)) {
		failed(manager, node, &node->hello, "hello", message);
		return;
	}
	if (answers_for_another(manager, node, message))
		return;
	answered(manager, node, &node->hello);
	if (belongs_elsewhere(manager, &message->info)) {
		contact_refuse(
			manager, node,
			"it belongs to cluster %s, this is %s: stop it and start it with "
			"an empty data directory to move it",
			message->info.cluster, manager->cluster);
		return;
	}
	if (node->listed && !listed_name(manager, node, message))
		return;
	if (!message->book && strcmp(message->info.name, node->info.name) != 0) {
		contact_refuse(manager, node, "it calls itself %s now, at %s",
			       message->info.name, node->info.api);
		return;
	}
	if (node->info.instance[0] != '\0' &&
	    strcmp(node->info.instance, message->info.instance) != 0) {
		if (waits_for_old(manager, node))
			return;
		/* What is under way is meant for the old one: begin anew. */
		restart_node_replaced(manager, node);
		node_describe(manager, node, &message->info);
		contact_begin(manager, node);
		return;
	}
	node->place.book = message->book;
	node->hello_wanted = false;
	node->refused = false;
	node->known = true;
	node_describe(manager, node, &message->info);
	liveness_return(manager, node);
	if (node->place.book) {
		node->claimed = true;
		node->full_wanted = false;
	}
}

void
contact_orders_done(struct manager *manager, const struct manager_message *message)
{
	struct node *node = answer_to(manager, message);
	bool full;

	if (node == NULL)
		return;
	node->orders.in_flight = false;
	full = node->full_in_flight;
	node->full_in_flight = false;
	report_take_refused(manager, node, &message->reports);
	if (message->fault == 0 && message->status == 200) {
		answered(manager, node, &node->orders);
		node->ack_in_flight = false;
		if (message->orders_sequence > node->acked)
			node->acked = message->orders_sequence;
		node->claimed = node->claimed || full;
		return;
	}
	node->full_wanted = node->full_wanted || full;
	node->ack_wanted = node->ack_wanted || node->ack_in_flight;
	node->ack_in_flight = false;
	if (message->fault == 0 && (message->status == 409 || message->status == 404))
		contact_refuse(manager, node, "it refuses orders (%d): %s", message->status,
			       message->reason);
	else
		failed(manager, node, &node->orders, "orders", message);
}

/* Of one start of the worker the newest counts; an answer that comes twice renews nothing. */
static void
take_stamp(struct manager *manager, struct node *node, const struct reports *reports)
{
	if (reports->stamp == 0 ||
	    (reports->revision.epoch == node->reported.epoch && reports->stamp <= node->stamp))
		return;
	node->stamp = reports->stamp;
	node->stamp_ms = manager->step->now.mono_ms;
}

void
contact_poll_done(struct manager *manager, const struct manager_message *message)
{
	const struct reports *reports = &message->reports;
	struct node *node = answer_to(manager, message);
	uint64_t now_ms = manager->step->now.mono_ms;

	if (node == NULL)
		return;
	node->poll.in_flight = false;
	if (message->fault != 0 || message->status != 200) {
		failed(manager, node, &node->poll, "poll", message);
		return;
	}
	answered(manager, node, &node->poll);
	take_stamp(manager, node, reports);
	if (node->place.book)
		node->poll.retry_ms = now_ms + poll_wait_ms(manager);
	else if (reports->count == 0 && now_ms - node->poll_sent_ms < EMPTY_POLL_MS &&
		 reports->revision.epoch == node->reported.epoch &&
		 reports->revision.sequence == node->reported.sequence)
		/* It does not wait as it was asked to: not in a circle. */
		node->poll.retry_ms = now_ms + EMPTY_POLL_MS;
	if (now_ms - node->info_ms >= INFO_AGE_MAX_MS ||
	    (!node->place.book &&
	     (reports->node_revision != node->info.revision ||
	      (node->reported.epoch != 0 && reports->revision.epoch != node->reported.epoch))))
		node->hello_wanted = true;
	report_take(manager, node, reports);
}

/* ---- what goes out ---- */

static struct manager_effect *
effect_to(struct manager *manager, struct node *node, enum manager_effect_kind kind)
{
	struct manager_effect *effect = effect_new(manager, kind);

	if (effect == NULL)
		return NULL;
	effect->contact = node->contact;
	memcpy(effect->api, node->info.api, sizeof(effect->api));
	effect->book = node->place.book;
	effect->timeout_ms = exchange_ms(manager);
	return effect;
}

static void
send_hello(struct manager *manager, struct node *node)
{
	struct manager_effect *effect = effect_to(manager, node, MANAGER_EFFECT_HELLO);

	if (effect == NULL)
		return;
	node->hello.in_flight = true;
	effect_send(manager, effect, false);
}

static void
send_orders(struct manager *manager, struct node *node)
{
	struct manager_effect *effect = effect_to(manager, node, MANAGER_EFFECT_ORDERS);

	if (effect == NULL)
		return;
	node->orders.in_flight = true;
	assign_fill(manager, node, effect);
	effect_send(manager, effect, true);
}

static void
send_poll(struct manager *manager, struct node *node)
{
	struct manager_effect *effect = effect_to(manager, node, MANAGER_EFFECT_POLL);

	if (effect == NULL)
		return;
	node->poll.in_flight = true;
	node->poll_sent_ms = manager->step->now.mono_ms;
	if (!node->place.book) {
		effect->since = node->reported;
		effect->stamp = node->stamp;
		effect->wait_ms = poll_wait_ms(manager);
	}
	effect->timeout_ms += effect->wait_ms;
	effect_send(manager, effect, false);
}

/* An exchange that is wanted: 0 if it may go now, else when; UINT64_MAX while one of its
 * kind is under way. */
static uint64_t
free_at(const struct exchange *exchange, uint64_t now_ms)
{
	if (exchange->in_flight)
		return UINT64_MAX;
	return exchange->retry_ms > now_ms ? exchange->retry_ms : 0;
}

static void
drive(struct manager *manager, struct node *node)
{
	uint64_t now_ms = manager->step->now.mono_ms;
	uint64_t due_ms;
	uint64_t at_ms[3] = {UINT64_MAX, UINT64_MAX, UINT64_MAX};
	bool talks = node->known && !node->refused;
	size_t i;

	if (node->hello_wanted && (at_ms[0] = free_at(&node->hello, now_ms)) == 0)
		send_hello(manager, node);
	if (talks && (!node->place.book || node->synced)) {
		if (assign_waits(node, now_ms)) {
			if ((at_ms[1] = free_at(&node->orders, now_ms)) == 0)
				send_orders(manager, node);
		} else if (node->ack_wanted) {
			at_ms[1] = node->ack_due_ms;
		}
	}
	if (talks && node->claimed && (at_ms[2] = free_at(&node->poll, now_ms)) == 0)
		send_poll(manager, node);

	due_ms = liveness_due(manager, node);
	for (i = 0; i < 3; i++) {
		if (at_ms[i] > now_ms && at_ms[i] < due_ms)
			due_ms = at_ms[i];
	}
	if (due_ms == UINT64_MAX)
		heap_remove(&manager->nodes.due, &node->due);
	else if (heap_set(&manager->nodes.due, &node->due, due_ms) != 0)
		brain_failed(manager);
}

void
contact_refresh_due(struct manager *manager)
{
	struct heap *due = &manager->nodes.due;
	struct heap_item *item;
	struct node *node;

	while ((item = heap_first(due)) != NULL && item->due_ms <= manager->step->now.mono_ms) {
		heap_remove(due, item);
		node_drive(manager, (struct node *)item);
	}
	for (node = manager->nodes.drive; node != NULL; node = node->drive_next)
		liveness_count(manager, node);
	liveness_judge(manager);
	for (node = manager->nodes.drive; node != NULL; node = node->drive_next)
		node_refresh(manager, node);
}

void
contact_drive_all(struct manager *manager)
{
	struct heap_item *first;

	while (manager->nodes.drive != NULL) {
		struct node *node = manager->nodes.drive;

		manager->nodes.drive = node->drive_next;
		node->driven = false;
		if (node->contact != 0)
			drive(manager, node);
	}
	first = heap_first(&manager->nodes.due);
	if (first != NULL)
		step_wake(manager->step, first->due_ms);
}
