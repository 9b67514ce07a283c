/* worker/attempt.c - the table of tasks and attempts, and how an attempt changes.
 *
 * Every change that must survive goes through worker_attempt_save, which journals it and
 * gives it a place in the reports; what need not (how far a pull is) goes through
 * worker_attempt_note. A saved attempt keeps two copies of its status beside the live one,
 * so that a report can show what is durable while the store fails. Pure; the brain's
 * thread.
 */
#include "model/transition.h"
#include "worker/brain.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
status_free(struct task_status *status)
{
	if (status == NULL)
		return;
	task_status_release(status);
	free(status);
}

struct worker_task *
worker_task_find(const struct worker *worker, const char *task_id)
{
	return map_get(worker->tasks, task_id);
}

struct worker_task *
worker_task_have(struct worker *worker, const char *task_id)
{
	struct worker_task *task = map_get(worker->tasks, task_id);

	if (task != NULL)
		return task;
	task = calloc(1, sizeof(*task));
	if (task == NULL) {
		worker->failed = true;
		return NULL;
	}
	(void)snprintf(task->id, sizeof(task->id), "%s", task_id);
	if (map_put(worker->tasks, task->id, task) != 0) {
		free(task);
		worker->failed = true;
		return NULL;
	}
	return task;
}

struct attempt *
worker_attempt_find(const struct worker_task *task, uint32_t number)
{
	struct attempt *attempt;

	for (attempt = task->oldest; attempt != NULL; attempt = attempt->next)
		if (attempt->status.attempt == number)
			return attempt;
	return NULL;
}

struct attempt *
worker_attempt_newest(const struct worker_task *task)
{
	struct attempt *attempt;
	struct attempt *newest = NULL;

	for (attempt = task->oldest; attempt != NULL; attempt = attempt->next)
		if (attempt->origin != ORIGIN_STRAY)
			newest = attempt;
	return newest;
}

struct attempt *
worker_attempt_new(struct worker *worker, struct worker_task *task, uint32_t number,
		   struct task_spec *spec, enum attempt_origin origin)
{
	struct attempt *attempt = calloc(1, sizeof(*attempt));
	struct attempt **place = &task->oldest;

	if (attempt == NULL) {
		worker->failed = true;
		return NULL;
	}
	attempt->task = task;
	attempt->spec = task_spec_get(spec);
	attempt->origin = origin;
	attempt->status.attempt = number;
	attempt->status.state = TASK_SCHEDULED;
	attempt->status.wanted = TASK_WANTED_RUN;
	(void)snprintf(attempt->status.node, sizeof(attempt->status.node), "%s",
		       worker->info.name);
	attempt->look_ms = WORKER_NEVER;
	attempt->kill_ms = WORKER_NEVER;
	attempt->health.due_ms = WORKER_NEVER;
	attempt->settled = worker->job_number;
	while (*place != NULL && (*place)->status.attempt < number)
		place = &(*place)->next;
	attempt->next = *place;
	*place = attempt;
	return attempt;
}

void
worker_attempt_free(struct attempt *attempt)
{
	worker_unguard(attempt);
	task_spec_put(attempt->spec);
	task_status_release(&attempt->status);
	status_free(attempt->saved);
	status_free(attempt->shown);
	free(attempt);
}

bool
worker_attempt_lives(const struct attempt *attempt)
{
	return attempt->phase != PHASE_ENDED || attempt->lingers;
}

/* The last write but one is shown while the last is not durable. */
static void
keep_copy(struct worker *worker, struct attempt *attempt)
{
	struct task_status *copy = calloc(1, sizeof(*copy));

	if (copy == NULL) {
		worker->failed = true;
		return;
	}
	task_status_copy(copy, &attempt->status);
	if (attempt->saved != NULL && attempt->batch <= worker->step->durable) {
		status_free(attempt->shown);
		attempt->shown = attempt->saved;
	} else {
		status_free(attempt->saved);
	}
	attempt->saved = copy;
	attempt->batch = worker->step->batch;
}

void
worker_attempt_write(struct worker *worker, struct attempt *attempt)
{
	if (attempt->origin == ORIGIN_STRAY)
		return;
	keep_copy(worker, attempt);
	worker_journal_put(worker, attempt);
}

void
worker_attempt_save(struct worker *worker, struct attempt *attempt)
{
	if (attempt->origin == ORIGIN_STRAY)
		return;
	worker_attempt_write(worker, attempt);
	/* What the manager has acknowledged is not told it again. */
	if (!attempt->acked)
		attempt->changed = ++worker->report_sequence;
}

void
worker_attempt_note(struct worker *worker, struct attempt *attempt, const char *fmt, ...)
{
	struct task_status next = {0};
	char text[2 * TASK_REASON_SIZE];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	task_reason(&next, "%s", text);
	if (attempt->origin == ORIGIN_STRAY || attempt->doomed ||
	    strcmp(next.reason, attempt->status.reason) == 0)
		return;
	memcpy(attempt->status.reason, next.reason, sizeof(next.reason));
	attempt->changed = ++worker->report_sequence;
}

void
worker_attempt_stop(struct worker *worker, struct attempt *attempt)
{
	if (attempt->status.wanted == TASK_WANTED_STOP)
		return;
	attempt->status.wanted = TASK_WANTED_STOP;
	worker_keep(worker, attempt);
	worker_attempt_write(worker, attempt);
	if (worker_attempt_lives(attempt))
		worker_attempt_log(worker, attempt, LOG_LEVEL_INFO, "attempt.stopping", NULL,
				   NULL);
}

void
worker_attempt_doom(struct worker *worker, struct attempt *attempt, const char *fmt, ...)
{
	char text[2 * TASK_REASON_SIZE];
	va_list args;

	if (worker_attempt_stops(attempt) || attempt->phase == PHASE_ENDED)
		return;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	task_reason(&attempt->status, "%s", text);
	attempt->doomed = true;
	worker_attempt_save(worker, attempt);
	worker_attempt_log(worker, attempt, LOG_LEVEL_WARNING, "attempt.stopping", "reason",
			   attempt->status.reason);
}

bool
worker_attempt_stops(const struct attempt *attempt)
{
	return attempt->status.wanted == TASK_WANTED_STOP || attempt->doomed;
}

static void
log_end(struct worker *worker, const struct attempt *attempt)
{
	const struct task_status *status = &attempt->status;
	char code[16];

	if (status->has_exit_code) {
		(void)snprintf(code, sizeof(code), "%d", (int)status->exit_code);
		step_log(worker->step, LOG_LEVEL_INFO, "attempt.exited", "task",
			 attempt->task->id, "name", attempt->spec->name, "code", code, "reason",
			 status->reason[0] != '\0' ? status->reason : NULL, NULL);
	} else {
		worker_attempt_log(
			worker, attempt,
			status->state == TASK_FAILED ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
			status->state == TASK_FAILED ? "attempt.failed" : "attempt.stopped",
			"reason", status->reason);
	}
}

void
worker_attempt_end(struct worker *worker, struct attempt *attempt, enum task_state state,
		   const char *reason)
{
	struct task_status *status = &attempt->status;

	assert(attempt->phase != PHASE_ENDED);
	attempt->phase = PHASE_ENDED;
	worker_unguard(attempt);
	attempt->settled = worker->job_number;
	attempt->run_unknown = false;
	attempt->look = false;
	attempt->look_ms = WORKER_NEVER;
	attempt->kill_ms = WORKER_NEVER;
	worker_keep_ended(worker, attempt);
	if (attempt->origin == ORIGIN_STRAY)
		return;
	transition_apply(status, state);
	status->final = true;
	if (status->finish_ms == 0)
		status->finish_ms = worker->step->now.wall_ms;
	if (reason != NULL)
		task_reason(status, "%s", reason);
	worker_attempt_save(worker, attempt);
	log_end(worker, attempt);
	if (attempt->origin == ORIGIN_LOCAL) {
		/* The book's manager acknowledges nothing. */
		attempt->acked = true;
		worker_attempt_write(worker, attempt);
		worker_keep(worker, attempt);
	}
}

void
worker_attempt_forget(struct worker *worker, struct attempt *attempt)
{
	struct worker_task *task = attempt->task;
	struct attempt **place = &task->oldest;

	worker_journal_delete(worker, attempt);
	worker->forgot_job = worker->job_number;
	heap_remove(&worker->kept, &attempt->kept);
	while (*place != attempt)
		place = &(*place)->next;
	*place = attempt->next;
	worker_attempt_free(attempt);
}

void
worker_task_drop(struct worker *worker, struct worker_task *task)
{
	assert(task->oldest == NULL);
	(void)map_remove(worker->tasks, task->id);
	heap_remove(&worker->timers, &task->timer);
	free(task);
}

void
worker_attempt_log(struct worker *worker, const struct attempt *attempt, enum log_level level,
		   const char *event, const char *key, const char *value)
{
	char number[16];

	(void)snprintf(number, sizeof(number), "%u", attempt->status.attempt);
	step_log(worker->step, level, event, "task", attempt->task->id, "attempt", number,
		 "name", attempt->spec->name, key, value, NULL);
}
