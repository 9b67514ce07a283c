/* worker/local.c - the book's POST and DELETE /tasks: one task at a time, without orders.
 *
 * For the book's own manager, and for trying a worker alone. Such attempts are journalled
 * and run like ordered ones, but they belong to no set of orders and are not reported to
 * our manager. An attempt is the sender's RestartCount + 1: the book's manager starts a task
 * again by posting it with a higher one, also while it runs, and what was posted before is a
 * repeated request. Pure; the brain's thread.
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

static void
stop_all(struct worker *worker, struct worker_task *task)
{
	struct attempt *attempt;

	for (attempt = task->oldest; attempt != NULL; attempt = attempt->next)
		if (attempt->phase != PHASE_ENDED)
			worker_attempt_stop(worker, attempt);
	worker_touch(worker, task);
}

/* NULL: no such task, and that was answered. */
static struct attempt *
stop_task(struct worker *worker, const char *task_id, void *token)
{
	struct worker_task *task = worker_task_find(worker, task_id);
	struct attempt *newest = task != NULL ? worker_attempt_newest(task) : NULL;

	if (newest == NULL) {
		worker_refuse(worker, token, 404, "no task %s on this worker", task_id);
		return NULL;
	}
	stop_all(worker, task);
	return newest;
}

static void
run_next(struct worker *worker, const struct worker_message *message, struct worker_task *task,
	 uint32_t number)
{
	struct attempt *attempt;

	attempt = worker_attempt_find(task, number);
	if (attempt != NULL) {
		worker_refuse(worker, message->token, 409,
			      "a container of attempt %u of task %s that nobody knew is being "
			      "removed: try again",
			      number, task->id);
		return;
	}
	/* A new attempt starts when all before it have ended. */
	stop_all(worker, task);
	attempt = worker_attempt_new(worker, task, number, message->request.spec, ORIGIN_LOCAL);
	if (attempt == NULL)
		return;
	attempt->status.restart_count = number - 1;
	worker_attempt_write(worker, attempt);
	worker_attempt_log(worker, attempt, LOG_LEVEL_INFO, "attempt.ordered", "origin",
			   "local");
	worker_reply_attempt(worker, message->token, 201, attempt);
}

void
worker_run_local(struct worker *worker, struct worker_message *message)
{
	struct task_request *request = &message->request;
	struct worker_task *task;
	struct attempt *newest;
	uint32_t number = request->restart_count + 1; /* as the book's manager counts */

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
	if (newest != NULL && newest->spec->hash == request->spec->hash) {
		if (number <= newest->status.attempt) {
			worker_reply_attempt(worker, message->token, 201, newest);
			return;
		}
	} else if (newest != NULL) {
		if (newest->phase != PHASE_ENDED) {
			worker_refuse(
				worker, message->token, 409,
				"task %s is here already and is another one: stop it first",
				task->id);
			return;
		}
		if (number <= newest->status.attempt)
			number = newest->status.attempt + 1;
	}
	run_next(worker, message, task, number);
}

void
worker_stop_local(struct worker *worker, struct worker_message *message)
{
	if (store_fails(worker, message))
		return;
	if (stop_task(worker, message->task_id, message->token) != NULL)
		worker_reply(worker, message->token, 204);
}
