/* manager/read.c - pages of tasks and nodes, copied out for the handlers to encode.
 *
 * A reply waits for the commit of the batch whose state it shows, so nothing that could
 * still be lost is seen. While the store fails reads are answered at once, and tasks whose
 * creation is not durable are left out. Brain's thread.
 */
#include "manager/read.h"

#include "manager/brain.h"
#include "manager/done.h"
#include "manager/effect.h"
#include "place/why.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_MAX 1000
/* Reasons are worked out for so many rows at most; a page may so be shorter than it was asked
 * to be, and the reader asks for the rest. */
#define ROWS_PER_PAGE 200000

bool
read_is_hidden(const struct manager *manager, const struct entry *entry)
{
	return manager->step->store_fault != NULL &&
	       entry->created_batch > manager->step->durable;
}

/* Adds to *work what was done, in rows. */
static void
copy_out(struct manager *manager, struct task *to, const struct entry *entry, size_t *work)
{
	task_copy(to, &entry->task);
	if (entry->place.shape != NULL)
		task_reason(&to->status, "%s",
			    why_waiting(&manager->placer, entry->place.shape, work));
	else
		(void)liveness_reason(manager, entry, to->status.reason,
				      sizeof(to->status.reason));
}

static bool
has_label(const struct task_spec *spec, const char *key, const char *value)
{
	uint32_t i;

	for (i = 0; i < spec->label_count; i++) {
		if (strcmp(spec->labels[i].key, key) == 0)
			return value == NULL || strcmp(spec->labels[i].value, value) == 0;
	}
	return false;
}

static bool
matches(const struct task_filter *filter, const struct entry *entry)
{
	const struct task_spec *spec = entry->task.spec;
	const struct task_status *status = &entry->task.status;

	if (filter->states != 0 && (filter->states >> status->state & 1) == 0)
		return false;
	if (filter->name[0] != '\0' && strcmp(filter->name, spec->name) != 0)
		return false;
	if (filter->node[0] != '\0' && strcmp(filter->node, status->node) != 0)
		return false;
	if (filter->job[0] != '\0' && strcmp(filter->job, spec->job) != 0)
		return false;
	if (strncmp(filter->prefix, spec->id, strlen(filter->prefix)) != 0)
		return false;
	return filter->label_key == NULL ||
	       has_label(spec, filter->label_key, filter->label_value);
}

void
read_list(struct manager *manager, const struct manager_message *message)
{
	const struct task_filter *filter = &message->filter;
	const struct ledger *ledger = &manager->ledger;
	size_t limit =
		filter->limit == 0 || filter->limit > PAGE_MAX ? PAGE_MAX : filter->limit;
	struct manager_effect *reply = reply_new(manager, message, 200);
	const struct entry **found = calloc(limit, sizeof(struct entry *));
	const struct entry *entry;
	size_t place = ledger_after(ledger, filter->after);
	size_t count = 0;
	size_t work = 0;
	size_t i;

	if (reply == NULL || found == NULL) {
		brain_failed(manager);
		if (reply != NULL)
			reply_send(manager, reply);
		free(found);
		return;
	}
	while ((entry = ledger_each(ledger, &place)) != NULL) {
		if (read_is_hidden(manager, entry) || !matches(filter, entry))
			continue;
		if (count == limit) {
			reply->more = true;
			break;
		}
		found[count++] = entry;
	}
	reply->revision = events_visible(manager);
	reply->tasks = calloc(count + 1, sizeof(*reply->tasks));
	if (reply->tasks == NULL)
		brain_failed(manager);
	for (i = 0; reply->tasks != NULL && i < count && work < ROWS_PER_PAGE; i++)
		copy_out(manager, &reply->tasks[reply->task_count++], found[i], &work);
	reply->more |= i < count;
	free(found);
	reply_send(manager, reply);
}

struct entry *
read_find(struct manager *manager, const struct manager_message *message)
{
	struct entry *entry = ledger_find(manager, message->task_id);

	if (entry == NULL) {
		done_reply_unknown(manager, message, message->task_id);
		return NULL;
	}
	if (read_is_hidden(manager, entry)) {
		reply_status(
			manager, message, 503,
			"whether there is a task %s is not known while the store fails: %s",
			message->task_id, manager->step->store_fault);
		return NULL;
	}
	return entry;
}

void
read_get(struct manager *manager, const struct manager_message *message)
{
	const struct entry *entry = read_find(manager, message);
	struct manager_effect *reply;
	size_t work = 0;

	if (entry == NULL || (reply = reply_new(manager, message, 200)) == NULL)
		return;
	reply->tasks = calloc(1, sizeof(*reply->tasks));
	if (reply->tasks == NULL)
		brain_failed(manager);
	else
		copy_out(manager, &reply->tasks[reply->task_count++], entry, &work);
	reply_send(manager, reply);
}

void
read_history(struct manager *manager, const struct manager_message *message)
{
	const struct entry *entry = read_find(manager, message);
	struct manager_effect *reply;
	const struct event *event;
	size_t count = 0;

	if (entry == NULL || (reply = reply_new(manager, message, 200)) == NULL)
		return;
	for (event = entry->first_event; event != NULL; event = event->task_next)
		count++;
	reply->history = calloc(count + 1, sizeof(*reply->history));
	if (reply->history == NULL)
		brain_failed(manager);
	for (event = entry->first_event; reply->history != NULL && event != NULL;
	     event = event->task_next)
		event_read(event, &reply->history[reply->history_count++]);
	reply_send(manager, reply);
}

void
read_nodes(struct manager *manager, const struct manager_message *message)
{
	struct manager_effect *reply = reply_new(manager, message, 200);
	size_t count = map_count(manager->nodes.by_name);
	const struct node *node;
	void *cursor = NULL;

	if (reply == NULL)
		return;
	reply->nodes = calloc(count + 1, sizeof(*reply->nodes));
	if (reply->nodes == NULL)
		brain_failed(manager);
	while (reply->nodes != NULL &&
	       (node = map_next(manager->nodes.by_name, &cursor)) != NULL)
		node_view_of(manager, node, &reply->nodes[reply->node_count++]);
	reply_send(manager, reply);
}

void
read_node(struct manager *manager, const struct manager_message *message)
{
	const struct node *node = nodes_find(manager, message->node);

	if (node == NULL)
		reply_status(manager, message, 404, "there is no node %s", message->node);
	else
		reply_node(manager, message, 200, node);
}
