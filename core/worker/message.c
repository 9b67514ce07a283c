/* worker/message.c - the life of the worker's messages and effects.
 *
 * Each owns all that it points at but its token, so whoever holds it last, on whatever
 * thread, frees it with one call. [any]
 */
#include "worker/message.h"

#include <stdlib.h>

struct worker_message *
worker_message_new(enum worker_message_kind kind)
{
	struct worker_message *message = calloc(1, sizeof(*message));

	if (message != NULL)
		message->message.kind = (int)kind;
	return message;
}

void
worker_message_free(struct worker_message *message)
{
	if (message == NULL)
		return;
	orders_release(&message->orders);
	task_request_release(&message->request);
	free(message->container);
	free(message->containers);
	free(message);
}

void
worker_effect_free(struct outbox_item *item)
{
	struct worker_effect *effect = (struct worker_effect *)item;

	if (effect == NULL)
		return;
	tasks_free(effect->tasks, effect->task_count);
	node_info_release(&effect->info);
	task_spec_put(effect->spec);
	free(effect);
}
