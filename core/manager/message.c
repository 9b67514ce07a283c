/* manager/message.c - the life of the manager's messages and effects.
 *
 * Each owns all that it points at but its token, so whoever holds it last, on whatever
 * thread, frees it with one call. [any]
 */
#include "manager/message.h"

#include "manager/events.h"

#include <stdlib.h>

struct manager_message *
manager_message_new(enum manager_message_kind kind)
{
	struct manager_message *message = calloc(1, sizeof(*message));

	if (message != NULL)
		message->message.kind = (int)kind;
	return message;
}

void
manager_message_free(struct manager_message *message)
{
	size_t i;

	if (message == NULL)
		return;
	for (i = 0; i < message->request_count; i++)
		task_request_release(&message->requests[i]);
	free(message->requests);
	free((void *)message->filter.label_key);
	free((void *)message->filter.label_value);
	node_info_release(&message->info);
	reports_release(&message->reports);
	free(message);
}

void
manager_effect_free(struct outbox_item *item)
{
	struct manager_effect *effect = (struct manager_effect *)item;
	size_t i;

	if (effect == NULL)
		return;
	tasks_free(effect->tasks, effect->task_count);
	node_views_free(effect->nodes, effect->node_count);
	free(effect->history);
	for (i = 0; i < effect->why_count; i++)
		why_release(&effect->whys[i]);
	free(effect->whys);
	for (i = 0; i < effect->event_count; i++)
		event_put(effect->events[i]);
	free(effect->events);
	orders_release(&effect->orders);
	free(effect);
}
