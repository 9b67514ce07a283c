/* manager/join.c - POST /nodes and DELETE /nodes/NAME.
 *
 * A name belongs to one live worker. The same worker at a new address is an update; another
 * one gets the name only when the first has not been heard of for the node time-out, and
 * then does not inherit its tasks. Brain's thread.
 */
#include "manager/join.h"

#include "manager/brain.h"
#include "manager/contact.h"
#include "manager/effect.h"
#include "manager/record.h"
#include "manager/restart.h"

#include <inttypes.h>
#include <string.h>

/* False: refused, and answered. */
static bool
is_valid(struct manager *manager, const struct manager_message *message)
{
	const struct node_info *info = &message->info;
	char id[ID_SIZE];

	if (!name_is_valid(info->name))
		reply_status(manager, message, 400,
			     "\"%s\" is no name for a node: letters, digits, '_', '.' and '-', "
			     "a letter or digit first, at most 63",
			     info->name);
	else if (id_parse(info->instance, id) != 0)
		reply_status(manager, message, 400, "Instance is not a uuid");
	else if (strncmp(info->api, "http://", 7) != 0 || info->api[7] == '\0')
		reply_status(manager, message, 400, "Api is \"%s\": http://HOST:PORT is wanted",
			     info->api);
	else if (info->mcpu < 0 || info->memory_bytes < 0 || info->disk_bytes < 0)
		reply_status(manager, message, 400, "a capacity is negative");
	else if (info->cluster[0] != '\0' && strcmp(info->cluster, manager->cluster) != 0)
		reply_status(manager, message, 409,
			     "worker %s belongs to cluster %s, this is %s: start it with an "
			     "empty data directory to move it here, or give it the address of "
			     "its own manager",
			     info->name, info->cluster, manager->cluster);
	else
		return true;
	return false;
}

static void
add(struct manager *manager, struct manager_message *message)
{
	struct node *node = nodes_add(manager, &message->info);

	memset(&message->info, 0, sizeof(message->info));
	if (node == NULL) {
		brain_failed(manager);
		return;
	}
	node->seen_ms = manager->step->now.wall_ms;
	if (node_record_write(manager, node) != 0)
		brain_failed(manager);
	contact_begin(manager, node);
	events_note_node_as(manager, node, "joined", node->info.api);
	step_log(manager->step, LOG_LEVEL_INFO, "node.joined", "node", node->info.name, "api",
		 node->info.api, NULL);
	reply_node(manager, message, 201, node);
}

static void
update(struct manager *manager, struct node *node, struct manager_message *message)
{
	bool same = strcmp(node->info.instance, message->info.instance) == 0;
	bool moved = strcmp(node->info.api, message->info.api) != 0;

	if (!same)
		restart_node_replaced(manager, node);
	memcpy(node->info.api, message->info.api, sizeof(node->info.api));
	node->listed = false;
	node->place.book = false;
	node->seen_ms = manager->step->now.wall_ms;
	node_describe(manager, node, &message->info);
	if (!same || moved || node->contact == 0)
		contact_begin(manager, node);
	else
		contact_retry(manager, node);
	if (!same || moved) {
		events_note_node_as(manager, node, "joined", node->info.api);
		step_log(manager->step, LOG_LEVEL_INFO, "node.joined", "node", node->info.name,
			 "api", node->info.api, NULL);
	}
	reply_node(manager, message, 200, node);
}

void
join_take(struct manager *manager, struct manager_message *message)
{
	const struct node_info *info = &message->info;
	struct node *node = nodes_find(manager, info->name);
	const struct node *same = nodes_find_instance(manager, info->instance);
	const struct entry *fenced;
	uint64_t left_s;

	if (reply_fault(manager, message) || !is_valid(manager, message))
		return;
	if (same != NULL && same != node) {
		reply_status(manager, message, 409,
			     "this worker is known as node %s: start it with --name %s, or "
			     "remove that node first",
			     same->info.name, same->info.name);
		return;
	}
	if (node == NULL) {
		add(manager, message);
		return;
	}
	if (strcmp(node->info.instance, info->instance) != 0 && node_is_live(manager, node)) {
		reply_status(
			manager, message, 409,
			"the name %s is taken by another worker at %s: start this one with "
			"another --name, or try again when that one has been silent for %u s",
			info->name, node->info.api, manager->node_timeout_ms / 1000);
		return;
	}
	if (strcmp(node->info.instance, info->instance) != 0 &&
	    (fenced = liveness_fenced(manager, node, &left_s)) != NULL) {
		reply_status(manager, message, 409,
			     "the name %s was another worker's, which may run its task %s "
			     "(StopAfterDisconnect) for another %" PRIu64 " s: try again then",
			     info->name, fenced->task.spec->name, left_s);
		return;
	}
	update(manager, node, message);
}

/* False: it has tasks that must not be taken from it now, and that has been answered. */
static bool
may_remove(struct manager *manager, const struct manager_message *message,
	   const struct node *node)
{
	const struct entry *fenced;
	uint64_t left_s;

	if (node->place.task_count == 0 || node->contact == 0)
		return true;
	if (!node->refused &&
	    liveness_silent_ms(manager, node) < manager->node_timeout_ms / 2) {
		reply_status(
			manager, message, 409,
			"node %s is in contact and has %u tasks: drain it first (cube node "
			"drain %s), or stop its worker and try again when it has been "
			"silent for %u s",
			node->info.name, node->place.task_count, node->info.name,
			manager->node_timeout_ms / 2000);
		return false;
	}
	fenced = liveness_fenced(manager, node, &left_s);
	if (fenced == NULL)
		return true;
	reply_status(
		manager, message, 409,
		"task %s on node %s has StopAfterDisconnect, and its worker may run it for "
		"another %" PRIu64 " s: try again then",
		fenced->task.spec->name, node->info.name, left_s);
	return false;
}

void
join_remove(struct manager *manager, const struct manager_message *message)
{
	struct node *node = nodes_find(manager, message->node);

	if (node == NULL) {
		reply_status(manager, message, 404, "there is no node %s", message->node);
		return;
	}
	if (reply_fault(manager, message) || !may_remove(manager, message, node))
		return;
	step_log(manager->step, LOG_LEVEL_INFO, "node.removed", "node", node->info.name, NULL);
	restart_node_removed(manager, node);
	events_note_node_as(manager, node, "removed", "");
	contact_end(manager, node);
	if (node->recorded && node_record_delete(manager, node->info.name) != 0)
		brain_failed(manager);
	nodes_remove(manager, node);
	reply_status(manager, message, 204, "removed");
}
