/* manager/nodes.c - the nodes, by name, instance and contact.
 *
 * Owns them; their rows are the placer's. Status is never set but worked out
 * (node_refresh) from what is known: refused, claimed, the time since the last answer; so
 * it cannot drift from what it is made of. Brain's thread.
 */
#include "manager/nodes.h"

#include "base/vec.h"
#include "manager/brain.h"
#include "manager/drain.h"
#include "manager/record.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A contact's number: its node's slot, and above it a count. */
#define SLOT_BITS 20

int
nodes_init(struct nodes *nodes)
{
	nodes->by_name = map_new();
	nodes->by_instance = map_new();
	nodes->next_contact = 1;
	nodes->next_key = 1;
	return nodes->by_name != NULL && nodes->by_instance != NULL ? 0 : CUBE_ERR_NO_MEMORY;
}

static void
node_destroy(void *value)
{
	struct node *node = value;

	node_info_release(&node->info);
	free(node->strays);
	free(node);
}

void
nodes_release(struct nodes *nodes)
{
	heap_release(&nodes->due);
	map_free(nodes->by_instance, NULL);
	map_free(nodes->by_name, node_destroy);
	free(nodes->slots);
}

static int
take_slot(struct nodes *nodes, struct node *node)
{
	struct node **grown;
	size_t slot = nodes->slot_count;

	if (nodes->slots_free > 0) {
		for (slot = 0; nodes->slots[slot] != NULL; slot++)
			assert(slot < nodes->slot_count);
		nodes->slots_free--;
	} else {
		grown = vec_reserve(nodes->slots, &nodes->slot_capacity, slot + 1,
				    sizeof(struct node *));
		if (grown == NULL || slot >> SLOT_BITS != 0)
			return CUBE_ERR_NO_MEMORY;
		nodes->slots = grown;
		nodes->slot_count++;
	}
	nodes->slots[slot] = node;
	node->slot = slot;
	return 0;
}

static void
release_slot(struct nodes *nodes, const struct node *node)
{
	nodes->slots[node->slot] = NULL;
	nodes->slots_free++;
}

static int
put_instance(struct manager *manager, struct node *node)
{
	if (node->info.instance[0] == '\0')
		return 0;
	return map_put(manager->nodes.by_instance, node->info.instance, node);
}

static void
remove_instance(struct manager *manager, const struct node *node)
{
	if (nodes_find_instance(manager, node->info.instance) == node)
		(void)map_remove(manager->nodes.by_instance, node->info.instance);
}

struct node *
nodes_add(struct manager *manager, struct node_info *info)
{
	struct nodes *nodes = &manager->nodes;
	struct node *node = calloc(1, sizeof(*node));

	if (node == NULL || map_put(nodes->by_name, info->name, node) != 0) {
		node_info_release(info);
		free(node);
		return NULL;
	}
	/* The map borrows its keys: from here on the node's own. */
	(void)map_remove(nodes->by_name, info->name);
	node->info = *info;
	node->place.info = &node->info;
	node->place.book = info->instance[0] == '\0';
	node->place.key = nodes->next_key++;
	node->sequence = node->sent = node->acked = nodes->sequence_gone;
	if (take_slot(nodes, node) != 0) {
		node_destroy(node);
		return NULL;
	}
	if (map_put(nodes->by_name, node->info.name, node) != 0) {
		release_slot(nodes, node);
		node_destroy(node);
		return NULL;
	}
	if (put_instance(manager, node) != 0 ||
	    placer_add_node(&manager->placer, &node->place) != 0) {
		remove_instance(manager, node);
		release_slot(nodes, node);
		(void)map_remove(nodes->by_name, node->info.name);
		node_destroy(node);
		return NULL;
	}
	return node;
}

void
nodes_remove(struct manager *manager, struct node *node)
{
	struct nodes *nodes = &manager->nodes;
	struct node **at;

	assert(node->first == NULL && node->held == NULL && node->place.task_count == 0);
	for (at = &nodes->drive; *at != NULL; at = &(*at)->drive_next) {
		if (*at == node) {
			*at = node->drive_next;
			break;
		}
	}
	if (node->sequence > nodes->sequence_gone)
		nodes->sequence_gone = node->sequence;
	heap_remove(&nodes->due, &node->due);
	drain_end(manager, node);
	liveness_forget(manager, node);
	placer_remove_node(&manager->placer, &node->place);
	remove_instance(manager, node);
	(void)map_remove(nodes->by_name, node->info.name);
	release_slot(nodes, node);
	node_destroy(node);
}

struct node *
nodes_find(const struct manager *manager, const char *name)
{
	return map_get(manager->nodes.by_name, name);
}

struct node *
nodes_find_instance(const struct manager *manager, const char *instance)
{
	return instance[0] != '\0' ? map_get(manager->nodes.by_instance, instance) : NULL;
}

struct node *
nodes_find_contact(const struct manager *manager, uint64_t contact)
{
	size_t slot = contact & ((UINT64_C(1) << SLOT_BITS) - 1);
	struct node *node =
		slot < manager->nodes.slot_count ? manager->nodes.slots[slot] : NULL;

	return node != NULL && contact != 0 && node->contact == contact ? node : NULL;
}

uint64_t
nodes_new_contact(struct manager *manager, const struct node *node)
{
	return manager->nodes.next_contact++ << SLOT_BITS | node->slot;
}

void
node_describe(struct manager *manager, struct node *node, struct node_info *info)
{
	struct node_info old = node->info;
	bool took_tasks = place_node_is_ready(&node->place);
	bool grown;

	remove_instance(manager, node);
	node->info = *info;
	memset(info, 0, sizeof(*info));
	memcpy(node->info.name, old.name, sizeof(old.name));
	memcpy(node->info.api, old.api, sizeof(old.api));
	node->info_ms = manager->step->now.mono_ms;
	grown = !took_tasks || !node_facts_equal(&node->info, &old);
	node_info_release(&old);
	if (node->info.runtime_ready)
		node->down_ms = 0;
	else if (node->down_ms == 0)
		node->down_ms = manager->step->now.mono_ms;
	if (put_instance(manager, node) != 0 || node_record_write(manager, node) != 0)
		brain_failed(manager);
	placer_update_node(&manager->placer, &node->place, grown);
}

int
node_rename(struct manager *manager, struct node *node, const char *name)
{
	struct nodes *nodes = &manager->nodes;
	size_t size = strlen(name) + 1;

	assert(size <= sizeof(node->info.name));
	(void)map_remove(nodes->by_name, node->info.name);
	if (node->recorded && node_record_delete(manager, node->info.name) != 0)
		brain_failed(manager);
	node->recorded = false;
	memmove(node->info.name, name, size);
	return map_put(nodes->by_name, node->info.name, node);
}

bool
node_is_live(const struct manager *manager, const struct node *node)
{
	return node->contact != 0 && !node->listed &&
	       manager->step->now.mono_ms - node->alive_ms < manager->node_timeout_ms;
}

static enum node_status
status_now(const struct manager *manager, const struct node *node)
{
	if (liveness_is_lost(manager, node))
		return NODE_LOST;
	if (node->contact == 0)
		return NODE_JOINING;
	if (liveness_silent_ms(manager, node) >= manager->node_timeout_ms / 2)
		return NODE_UNREACHABLE;
	if (node->refused || !node->claimed)
		return NODE_JOINING;
	if (node->draining)
		return NODE_DRAINING;
	return node->cordoned ? NODE_CORDONED : NODE_READY;
}

static void
log_status(struct manager *manager, const struct node *node)
{
	char seconds[32];

	if (node->place.status == NODE_READY) {
		step_log(manager->step, LOG_LEVEL_INFO, "node.ready", "node", node->info.name,
			 "api", node->info.api, NULL);
	} else if (node->place.status == NODE_UNREACHABLE) {
		(void)snprintf(seconds, sizeof(seconds), "%u",
			       manager->node_timeout_ms / 2 / 1000);
		step_log(manager->step, LOG_LEVEL_WARNING, "node.unreachable", "node",
			 node->info.name, "api", node->info.api, "silent_s", seconds, "reason",
			 node->reason[0] != '\0' ? node->reason : NULL, NULL);
	}
}

void
node_refresh(struct manager *manager, struct node *node)
{
	enum node_status before = node->place.status;

	node->place.status = status_now(manager, node);
	if (node->place.status != before) {
		placer_update_node(&manager->placer, &node->place,
				   place_node_is_ready(&node->place));
		if (node->place.status == NODE_READY)
			node->reason[0] = '\0';
		events_note_node(manager, node);
		log_status(manager, node);
		if (node->place.status == NODE_LOST)
			liveness_lose(manager, node);
	}
	liveness_check(manager, node);
}

void
node_drive(struct manager *manager, struct node *node)
{
	if (node->driven)
		return;
	node->driven = true;
	node->drive_next = manager->nodes.drive;
	manager->nodes.drive = node;
}

/* Why it takes no tasks, as far as its status does not say it. */
static void
view_reason(const struct manager *manager, const struct node *node, struct node_view *out)
{
	const struct liveness *liveness = &manager->liveness;
	uint64_t now_ms = manager->step->now.mono_ms;

	if (node->place.status == NODE_DRAINING)
		(void)snprintf(out->reason, sizeof(out->reason),
			       "%u %s left; what has not moved in %" PRIu64 " s is stopped",
			       node->place.task_count,
			       node->place.task_count == 1 ? "task is" : "tasks are",
			       node->drain_due_ms > now_ms
				       ? (node->drain_due_ms - now_ms + 999) / 1000
				       : 0);
	else if (node->place.status == NODE_UNREACHABLE && liveness->suspended)
		(void)snprintf(out->reason, sizeof(out->reason),
			       "%u of %u nodes are silent: none is declared lost while more "
			       "than half are",
			       liveness->silent, liveness->counted);
	else if (node->place.status != NODE_READY && node->place.status != NODE_CORDONED)
		memcpy(out->reason, node->reason, sizeof(out->reason));
	if (out->reason[0] == '\0' &&
	    (node->place.status == NODE_UNREACHABLE || node->place.status == NODE_LOST))
		(void)snprintf(out->reason, sizeof(out->reason), "silent for %" PRIu64 " s",
			       liveness_silent_ms(manager, node) / 1000);
}

void
node_view_of(const struct manager *manager, const struct node *node, struct node_view *out)
{
	memset(out, 0, sizeof(*out));
	node_info_copy(&out->info, &node->info);
	out->status = node->place.status;
	out->task_count = node->place.task_count;
	out->allocated_mcpu = node->place.used_mcpu;
	out->allocated_memory_bytes = node->place.used_memory_bytes;
	out->allocated_disk_bytes = node->place.used_disk_bytes;
	out->last_seen_ms = node->seen_ms;
	out->cordoned = node->cordoned;
	out->draining = node->draining;
	out->drain_until_ms = node->drain_until_ms;
	out->drain_stopped = node->drain_stopped;
	out->stale_reports = node->stale_reports;
	view_reason(manager, node, out);
}
