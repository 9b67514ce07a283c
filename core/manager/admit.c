/* manager/admit.c - POST /tasks: one request or an array of them, all or none.
 *
 * First every request is looked at and nothing is changed; then all are carried out, which
 * cannot fail. A submit is known by its task's ID: the same again is answered with the task
 * as it is, or as it ended if it is off the list already, and another specification under
 * that ID is a conflict. Brain's thread.
 */
#include "manager/admit.h"

#include "manager/brain.h"
#include "manager/done.h"
#include "manager/effect.h"
#include "manager/stop.h"

#include <stdlib.h>

/* Its task has ended and is off the list: the same is told so again, another refused. */
static int
check_done(struct manager *manager, const struct manager_message *message,
	   const struct task_request *request, const struct done *done)
{
	if (done->spec_hash == request->spec->hash)
		return 0;
	reply_status(manager, message, 409,
		     "there was a task %s with another specification, which has ended (%s) and "
		     "was removed from the list of tasks: submit this one under a new ID",
		     request->task_id, task_state_name(done->state));
	return CUBE_ERR_CONFLICT;
}

/* The specification under request's ID: known already, or earlier in this array; NULL:
 * none. */
static int
check_one(struct manager *manager, const struct manager_message *message,
	  const struct task_request *request, struct map *seen)
{
	const struct entry *entry = ledger_find(manager, request->task_id);
	const struct task_spec *earlier = seen != NULL ? map_get(seen, request->task_id) : NULL;
	bool known = entry != NULL || earlier != NULL;
	struct done done;
	uint64_t hash;

	if (request->wanted == TASK_WANTED_STOP) {
		if (!known)
			done_reply_unknown(manager, message, request->task_id);
		return known ? 0 : CUBE_ERR_NOT_FOUND;
	}
	if (!known && done_find(manager, request->task_id, &done))
		return check_done(manager, message, request, &done);
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

int
admit_check(struct manager *manager, const struct manager_message *message)
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

/* The task that answers it, into out. */
static void
carry_out(struct manager *manager, const struct task_request *request, struct task *out)
{
	struct entry *entry = ledger_find(manager, request->task_id);
	struct done done;

	if (request->wanted == TASK_WANTED_STOP) {
		stop_task(manager, entry);
	} else if (entry == NULL && done_find(manager, request->task_id, &done)) {
		done_task(&done, request->spec, out);
		return;
	} else if (entry == NULL) {
		entry = ledger_add(manager, request->spec);
		if (entry == NULL) {
			brain_failed(manager);
			return;
		}
		placer_wait(&manager->placer, &entry->place);
		brain_log_task(manager, "task.submitted", entry);
	}
	task_copy(out, &entry->task);
}

void
admit_submit(struct manager *manager, const struct manager_message *message)
{
	struct manager_effect *reply;
	size_t i;

	if (reply_fault(manager, message) || admit_check(manager, message) != 0)
		return;
	reply = reply_new(manager, message, 201);
	if (reply == NULL)
		return;
	reply->tasks = calloc(message->request_count + 1, sizeof(*reply->tasks));
	for (i = 0; reply->tasks != NULL && i < message->request_count; i++) {
		carry_out(manager, &message->requests[i], &reply->tasks[i]);
		if (manager->failed != 0)
			break;
		reply->task_count++;
	}
	if (reply->tasks == NULL)
		brain_failed(manager);
	reply_send(manager, reply);
}
