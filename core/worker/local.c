/* worker/local.c - the book's POST and DELETE /tasks: one task at a time, without orders.
 *
 * For the book's own manager, and for trying a worker alone. Such attempts are journalled
 * and run like ordered ones, but they belong to no set of orders and are not reported to
 * our manager. Pure; the brain's thread.
 */
#include "worker/brain.h"

#include <string.h>

static bool
store_fails(struct worker *worker, const struct worker_message *message)
{
	if (worker->step->store_fault == NULL)
		return false;
	worker_refuse(worker, message->token, 503, "this worker's journal fails: %s",
		      worker->step->store_fault);
	return true;
}

/* NULL: no such task, and that was answered. */
static struct attempt *
stop_task(struct worker *worker, const char *task_id, void *token)
{
	struct worker_task *task = worker_task_find(worker, task_id);
	struct attempt *newest = task != NULL ? worker_attempt_newest(task) : NULL;
	struct attempt *attempt;

	if (newest == NULL) {
		worker_refuse(worker, token, 404, "no task %s on this worker", task_id);
		return NULL;
	}
	for (attempt = task->oldest; attempt != NULL; attempt = attempt->next)
		if (attempt->phase != PHASE_ENDED)
			worker_attempt_stop(worker, attempt);
	worker_touch(worker, task);
	return newest;
}

void
worker_run_local(struct worker *worker, struct worker_message *message)
{
	struct task_request *request = &message->request;
	struct worker_task *task;
	struct attempt *newest;
	uint32_t number = 1;

	if (store_fails(worker, message))
		return;
	if (request->wanted == TASK_WANTED_STOP) {
		newest = stop_task(worker, request->task_id, message->token);
		if (newest != NULL)
			worker_reply_attempt(worker, message->token, 201, newest);
		return;
	}
	if (request->spec == NULL) {
		worker_refuse(worker, message->token, 400, "Task is missing");
		return;
	}
	task = worker_task_have(worker, request->spec->id);
	if (task == NULL)
		return;
	newest = worker_attempt_newest(task);
	if (newest != NULL && newest->phase != PHASE_ENDED) {
		if (newest->spec->hash != request->spec->hash)
			worker_refuse(
				worker, message->token, 409,
				"task %s is here already and is another one: stop it first",
				task->id);
		else
			worker_reply_attempt(worker, message->token, 201, newest);
		return;
	}
	if (newest != NULL)
		number = newest->status.attempt + 1;
	newest = worker_attempt_new(worker, task, number, request->spec, ORIGIN_LOCAL);
	if (newest == NULL)
		return;
	newest->status.restart_count = number - 1;
	worker_attempt_write(worker, newest);
	worker_attempt_log(worker, newest, LOG_LEVEL_INFO, "attempt.ordered", "origin",
			   "local");
	worker_touch(worker, task);
	worker_reply_attempt(worker, message->token, 201, newest);
}

void
worker_stop_local(struct worker *worker, struct worker_message *message)
{
	if (store_fails(worker, message))
		return;
	if (stop_task(worker, message->task_id, message->token) != NULL)
		worker_reply(worker, message->token, 204);
}
