/* manager/cordon.c - POST /nodes/NAME/cordon, /uncordon and /drain.
 *
 * What is wanted of a node is a part of its record, so it outlives the manager; of a deadline
 * the record has the hour, and a clock that was set meanwhile can only shorten it. Brain's
 * thread.
 */
#include "manager/cordon.h"

#include "manager/brain.h"
#include "manager/drain.h"
#include "manager/effect.h"
#include "manager/record.h"

#include <inttypes.h>

#define DEADLINE_S     3600
#define DEADLINE_MAX_S (UINT64_C(30) * 24 * 3600)

/* NULL: there is none that could be changed now, and answered. */
static struct node *
find(struct manager *manager, const struct manager_message *message)
{
	struct node *node = nodes_find(manager, message->node);

	if (node == NULL)
		reply_status(manager, message, 404, "there is no node %s", message->node);
	else if (node->listed)
		reply_status(
			manager, message, 409,
			"the worker at %s has not said its name yet: try again when it has "
			"answered",
			node->info.api);
	else if (!reply_fault(manager, message))
		return node;
	return NULL;
}

/* What has changed counts from this step on, and is in the reply. done: what it is now, in a
 * word, if it was not before; of a node that is silent its status does not tell. */
static void
apply(struct manager *manager, const struct manager_message *message, struct node *node,
      const char *done)
{
	enum node_status before = node->place.status;

	if (node_record_write(manager, node) != 0)
		brain_failed(manager);
	node_drive(manager, node);
	/* One that is silent is judged with all the others. */
	if (liveness_silent_ms(manager, node) < manager->node_timeout_ms / 2)
		node_refresh(manager, node);
	if (done != NULL && node->place.status == before)
		events_note_node_as(manager, node, done, "");
	reply_node(manager, message, 200, node);
}

void
cordon_take(struct manager *manager, const struct manager_message *message)
{
	struct node *node = find(manager, message);
	bool is_new;

	if (node == NULL)
		return;
	is_new = !node->cordoned;
	if (is_new)
		step_log(manager->step, LOG_LEVEL_INFO, "node.cordoned", "node",
			 node->info.name, NULL);
	node->cordoned = true;
	apply(manager, message, node, is_new ? "cordoned" : NULL);
}

void
cordon_take_uncordon(struct manager *manager, const struct manager_message *message)
{
	struct node *node = find(manager, message);
	bool is_new;

	if (node == NULL)
		return;
	is_new = node->cordoned || node->draining;
	if (is_new)
		step_log(manager->step, LOG_LEVEL_INFO, "node.uncordoned", "node",
			 node->info.name, NULL);
	node->cordoned = false;
	drain_end(manager, node);
	apply(manager, message, node, is_new ? "uncordoned" : NULL);
}

void
cordon_take_drain(struct manager *manager, const struct manager_message *message)
{
	struct node *node = find(manager, message);
	char seconds[32];
	bool is_new;

	if (node == NULL)
		return;
	is_new = !node->draining;
	if (message->has_deadline && message->deadline_s > DEADLINE_MAX_S) {
		reply_status(manager, message, 400,
			     "a deadline of %" PRIu64 " s is too long: at most %" PRIu64
			     " s (30 days)",
			     message->deadline_s, DEADLINE_MAX_S);
		return;
	}
	if (!node->draining || message->has_deadline) {
		uint64_t deadline_s = message->has_deadline ? message->deadline_s : DEADLINE_S;

		node->drain_deadline_s = deadline_s;
		node->drain_due_ms = manager->step->now.mono_ms + deadline_s * 1000;
		node->drain_until_ms =
			manager->step->now.wall_ms + (int64_t)(deadline_s * 1000);
		(void)snprintf(seconds, sizeof(seconds), "%" PRIu64, deadline_s);
		step_log(manager->step, LOG_LEVEL_INFO, "node.draining", "node",
			 node->info.name, "deadline_s", seconds, NULL);
	}
	if (is_new) {
		node->drain_stopped = 0;
		node->drain_look_ms = 0;
		node->drain_from = 0;
		drain_begin(manager, node);
	}
	apply(manager, message, node, is_new ? "draining" : NULL);
}
