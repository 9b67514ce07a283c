/* manager/admit.c - POST /tasks: one request or an array of them, all or none.
 *
 * First every request is looked at and nothing is changed; then all are carried out, which
 * cannot fail. A submit is known by its task's ID: the same again is answered with the task
 * as it is, and another specification under that ID is a conflict. Brain's thread.
 */
#include "manager/admit.h"

#include "manager/brain.h"
#include "manager/effect.h"
#include "manager/stop.h"

#include <stdlib.h>

/* The specification under request's ID: known already, or earlier in this array; NULL:
 * none. */
static int
check_one(struct manager *manager, const struct manager_message *message,
	  const struct task_request *request, struct map *seen)
{
	const struct entry *entry = ledger_find(manager, request->task_id);
	const struct task_spec *earlier = seen != NULL ? map_get(seen, request->task_id) : NULL;
	bool known = entry != NULL || earlier != NULL;
	uint64_t hash;

	if (request->wanted == TASK_WANTED_STOP) {
		if (!known)
			reply_status(manager, message, 404, "there is no task %s",
				     request->task_id);
		return known ? 0 : CUBE_ERR_NOT_FOUND;
	}
	if (!known) {
		if (seen != NULL && map_put(seen, request->spec->id, request->spec) != 0) {
			brain_failed(manager);
			return CUBE_ERR_NO_MEMORY;
		}
		return 0;
	}
	hash = entry != NULL ? entry->spec_hash : earlier->hash;
	if (hash == request->spec->hash)
		return 0;
	if (entry != NULL)
		reply_status(manager, message, 409,
			     "task %s is there already (%s, %s) with another specification: "
			     "submit this one under a new ID",
			     request->task_id, entry->task.spec->name,
			     task_state_name(entry->task.status.state));
	else
		reply_status(manager, message, 409,
			     "task %s stands twice in this request with different "
			     "specifications",
			     request->task_id);
	return CUBE_ERR_CONFLICT;
}

static int
check_all(struct manager *manager, const struct manager_message *message)
{
	struct map *seen = NULL; /* borrows its keys from the requests */
	int result = 0;
	size_t i;

	if (message->request_count > 1) {
		seen = map_new();
		if (seen == NULL) {
			brain_failed(manager);
			return CUBE_ERR_NO_MEMORY;
		}
	}
	for (i = 0; i < message->request_count && result == 0; i++)
		result = check_one(manager, message, &message->requests[i], seen);
	map_free(seen, NULL);
	return result;
}

static struct entry *
carry_out(struct manager *manager, const struct task_request *request)
{
	struct entry *entry = ledger_find(manager, request->task_id);

	if (request->wanted == TASK_WANTED_STOP) {
		stop_task(manager, entry);
		return entry;
	}
	if (entry != NULL)
		return entry;
	entry = ledger_add(manager, request->spec);
	if (entry == NULL) {
		brain_failed(manager);
		return NULL;
	}
	pending_add(manager, entry);
	brain_log_task(manager, "task.submitted", entry);
	return entry;
}

void
admit_submit(struct manager *manager, const struct manager_message *message)
{
	struct manager_effect *reply;
	size_t i;

	if (reply_fault(manager, message) || check_all(manager, message) != 0)
		return;
	reply = reply_new(manager, message, 201);
	if (reply == NULL)
		return;
	reply->tasks = calloc(message->request_count + 1, sizeof(*reply->tasks));
	for (i = 0; reply->tasks != NULL && i < message->request_count; i++) {
		const struct entry *entry = carry_out(manager, &message->requests[i]);

		if (entry == NULL)
			break;
		task_copy(&reply->tasks[reply->task_count++], &entry->task);
	}
	if (reply->tasks == NULL)
		brain_failed(manager);
	reply_send(manager, reply);
}
