/* manager/effect.c - effects and replies into the step's outbox.
 *
 * A reply waits for the commit of its batch, and so of all that it may have shown. While
 * the store fails nothing becomes durable: reads then leave at once, and hide what is not
 * yet durable (manager/read.c). Brain's thread.
 */
#include "manager/effect.h"

#include "manager/brain.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct manager_effect *
effect_new(struct manager *manager, enum manager_effect_kind kind)
{
	struct manager_effect *effect = calloc(1, sizeof(*effect));

	if (effect == NULL) {
		brain_failed(manager);
		return NULL;
	}
	effect->item.free = manager_effect_free;
	effect->kind = kind;
	return effect;
}

void
effect_send(struct manager *manager, struct manager_effect *effect, bool after_commit)
{
	effect->item.after_commit = after_commit;
	step_send(manager->step, &effect->item);
}

struct manager_effect *
reply_new(struct manager *manager, const struct manager_message *message, int status)
{
	struct manager_effect *reply = effect_new(manager, MANAGER_EFFECT_REPLY);

	if (reply == NULL)
		return NULL;
	reply->token = message->token;
	reply->status = status;
	return reply;
}

void
reply_send(struct manager *manager, struct manager_effect *reply)
{
	effect_send(manager, reply, manager->step->store_fault == NULL);
}

void
reply_status(struct manager *manager, const struct manager_message *message, int status,
	     const char *fmt, ...)
{
	struct manager_effect *reply = reply_new(manager, message, status);
	va_list args;

	if (reply == NULL)
		return;
	va_start(args, fmt);
	(void)vsnprintf(reply->message, sizeof(reply->message), fmt, args);
	va_end(args);
	reply_send(manager, reply);
}

void
reply_node(struct manager *manager, const struct manager_message *message, int status,
	   const struct node *node)
{
	struct manager_effect *reply = reply_new(manager, message, status);

	if (reply == NULL)
		return;
	memcpy(reply->cluster, manager->cluster, sizeof(reply->cluster));
	reply->nodes = calloc(1, sizeof(*reply->nodes));
	if (reply->nodes == NULL)
		brain_failed(manager);
	else
		node_view_of(manager, node, &reply->nodes[reply->node_count++]);
	reply_send(manager, reply);
}

bool
reply_fault(struct manager *manager, const struct manager_message *message)
{
	if (manager->step->store_fault == NULL)
		return false;
	reply_status(manager, message, 503,
		     "nothing can be changed while the store fails: %s; try again later",
		     manager->step->store_fault);
	return true;
}
