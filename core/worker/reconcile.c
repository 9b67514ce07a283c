/* worker/reconcile.c - what is against what is wanted: the next job of a task.
 *
 * Level-triggered: it looks at the attempts of a task, oldest first, and issues at most one
 * job; when that is done, when something was learned, or when a timer is due, it looks
 * again. An attempt runs only when all older ones have ended. A stop is SIGTERM, the
 * task's grace, SIGKILL, and looking until the end was seen. Pure; the brain's thread.
 */
#include "worker/brain.h"

#include <signal.h>

enum advance {
	ADVANCE_IDLE, /* nothing to do for it now */
	ADVANCE_BUSY, /* a job was issued */
	ADVANCE_GONE  /* it was forgotten */
};

void
worker_touch(struct worker *worker, struct worker_task *task)
{
	if (heap_set(&worker->timers, &task->timer, 0) != 0)
		worker->failed = true;
}

void
worker_touch_all(struct worker *worker)
{
	struct worker_task *task;
	void *cursor = NULL;

	while ((task = map_next(worker->tasks, &cursor)) != NULL)
		worker_touch(worker, task);
}

static bool
may_issue(const struct worker *worker, const struct attempt *attempt)
{
	return worker_engine_ready(worker) && worker->adopted &&
	       attempt->retry_ms <= worker->step->now.mono_ms;
}

/* Of an ended attempt: its container and its record can go. */
static bool
is_over(const struct attempt *attempt)
{
	if (attempt->origin == ORIGIN_STRAY)
		return true;
	if (!attempt->acked)
		return false;
	return attempt->discard || (attempt->status.wanted == TASK_WANTED_STOP &&
				    attempt->origin == ORIGIN_ORDERED);
}

/* It has a container that is not known to have ended. */
static enum advance
advance_running(struct worker *worker, struct attempt *attempt)
{
	uint64_t now_ms = worker->step->now.mono_ms;
	bool stop = worker_attempt_stops(attempt) || attempt->lingers ||
		    attempt->origin == ORIGIN_STRAY || attempt->cut_off;

	/* Its signal does not wait for a journal that fails: it comes also to one that is
	 * doomed. */
	if (!attempt->cut_off && (!stop || attempt->doomed) &&
	    worker_is_cut_off(worker, attempt)) {
		attempt->cut_off = true;
		stop = true;
		worker_attempt_log(worker, attempt, LOG_LEVEL_WARNING, "attempt.cut-off",
				   "reason", "no manager was heard");
	}
	if (!may_issue(worker, attempt))
		return ADVANCE_IDLE;
	if (attempt->look || attempt->look_ms <= now_ms) {
		attempt->look = false;
		attempt->look_ms = WORKER_NEVER;
		worker_send_job(worker, attempt, WORKER_JOB_INSPECT, 0);
		return ADVANCE_BUSY;
	}
	if (!stop)
		return ADVANCE_IDLE;
	if (!attempt->signalled && !attempt->lingers) {
		worker_cut_off_signal(worker, attempt);
		worker_send_job(worker, attempt, WORKER_JOB_SIGNAL, SIGTERM);
		return ADVANCE_BUSY;
	}
	if ((attempt->lingers && attempt->kills == 0) || attempt->kill_ms <= now_ms) {
		attempt->kill_ms = WORKER_NEVER;
		worker_send_job(worker, attempt, WORKER_JOB_SIGNAL, SIGKILL);
		return ADVANCE_BUSY;
	}
	return ADVANCE_IDLE;
}

static enum advance
advance_ended(struct worker *worker, struct attempt *attempt)
{
	if (attempt->lingers)
		return advance_running(worker, attempt);
	if (!is_over(attempt))
		return ADVANCE_IDLE;
	if (attempt->status.container_id[0] == '\0') {
		worker_attempt_forget(worker, attempt);
		return ADVANCE_GONE;
	}
	if (!may_issue(worker, attempt))
		return ADVANCE_IDLE;
	worker_send_job(worker, attempt, WORKER_JOB_REMOVE, 0);
	return ADVANCE_BUSY;
}

static enum advance
start(struct worker *worker, struct attempt *attempt)
{
	worker_attempt_note(worker, attempt, "%s", ""); /* it waits no longer */
	if (!attempt->prepared) {
		attempt->progress_ms = 0;
		worker_attempt_log(worker, attempt, LOG_LEVEL_INFO, "attempt.preparing",
				   "image", attempt->spec->image);
		worker_send_job(worker, attempt, WORKER_JOB_PREPARE, 0);
	} else {
		worker_send_job(worker, attempt, WORKER_JOB_RUN, 0);
	}
	return ADVANCE_BUSY;
}

static void
end_ordered(struct worker *worker, struct attempt *attempt)
{
	if (attempt->status.wanted != TASK_WANTED_STOP)
		worker_attempt_end(worker, attempt, TASK_FAILED, NULL);
	else if (worker_attempt_newest(attempt->task) != attempt)
		worker_attempt_end(worker, attempt, TASK_COMPLETED, "replaced before it ran");
	else
		worker_attempt_end(worker, attempt, TASK_COMPLETED, "stopped before it ran");
}

/* older: one that has to end before this may start; NULL: none. */
static enum advance
advance_ordered(struct worker *worker, struct attempt *attempt, const struct attempt *older)
{
	if (!worker->adopted)
		return ADVANCE_IDLE; /* there may be a container */
	if (worker_attempt_stops(attempt)) {
		if (attempt->run_unknown) {
			/* A list that began after that run tells. */
			if (worker->list_job <= attempt->settled)
				worker_engine_relist(worker);
			return ADVANCE_IDLE;
		}
		end_ordered(worker, attempt);
		return advance_ended(worker, attempt);
	}
	if (older != NULL) {
		worker_attempt_note(worker, attempt, "waiting for attempt %u to end",
				    older->status.attempt);
		return ADVANCE_IDLE;
	}
	if (worker_is_held(worker, attempt)) {
		attempt->held = true;
		worker_attempt_note(
			worker, attempt,
			"waiting for its manager, which was not heard in the last %u s",
			attempt->spec->stop_after_disconnect_s);
		return ADVANCE_IDLE;
	}
	if (!worker_engine_ready(worker)) {
		worker_attempt_note(worker, attempt, "waiting for the runtime: %s",
				    worker->info.runtime_reason);
		return ADVANCE_IDLE;
	}
	if (!may_issue(worker, attempt))
		return ADVANCE_IDLE;
	return start(worker, attempt);
}

static enum advance
advance(struct worker *worker, struct attempt *attempt, const struct attempt *older)
{
	switch (attempt->phase) {
	case PHASE_ORDERED:
		return advance_ordered(worker, attempt, older);
	case PHASE_RUNNING:
		return advance_running(worker, attempt);
	case PHASE_ENDED:
		break;
	}
	return advance_ended(worker, attempt);
}

/* The soonest of what its attempts wait for by the clock. What is past already waits for
 * something else: a job under way, or the runtime. */
static void
set_timer(struct worker *worker, struct worker_task *task)
{
	uint64_t now_ms = worker->step->now.mono_ms;
	uint64_t due_ms = WORKER_NEVER;
	const struct attempt *attempt;

	for (attempt = task->oldest; attempt != NULL; attempt = attempt->next) {
		const uint64_t times[] = {attempt->retry_ms, attempt->look_ms, attempt->kill_ms,
					  attempt->health.due_ms,
					  worker_cut_off_ms(worker, attempt)};
		size_t i;

		for (i = 0; i < sizeof(times) / sizeof(times[0]); i++)
			if (times[i] > now_ms && times[i] < due_ms)
				due_ms = times[i];
	}
	if (due_ms == WORKER_NEVER)
		heap_remove(&worker->timers, &task->timer);
	else if (heap_set(&worker->timers, &task->timer, due_ms) != 0)
		worker->failed = true;
}

/* Gives up a prepare that is no longer wanted. */
static void
cancel(struct worker *worker, struct worker_task *task)
{
	struct attempt *attempt;

	if (task->job != WORKER_JOB_PREPARE)
		return;
	attempt = worker_attempt_find(task, task->job_attempt);
	if (attempt == NULL || attempt->cancelled || !worker_attempt_stops(attempt))
		return;
	attempt->cancelled = true;
	worker_send_cancel(worker, attempt);
}

static void
reconcile_task(struct worker *worker, struct worker_task *task)
{
	struct attempt *attempt;
	struct attempt *next;
	const struct attempt *older = NULL;

	for (attempt = task->oldest; attempt != NULL; attempt = attempt->next)
		worker_health_advance(worker, attempt);
	if (task->job != 0) {
		cancel(worker, task);
		set_timer(worker, task);
		return;
	}
	for (attempt = task->oldest; attempt != NULL; attempt = next) {
		enum advance result;

		next = attempt->next;
		result = advance(worker, attempt, older);
		if (result == ADVANCE_BUSY)
			break;
		if (result == ADVANCE_IDLE && worker_attempt_lives(attempt))
			older = attempt;
	}
	if (task->oldest == NULL)
		worker_task_drop(worker, task);
	else
		set_timer(worker, task);
}

void
worker_reconcile(struct worker *worker)
{
	struct heap_item *item;

	while ((item = heap_first(&worker->timers)) != NULL &&
	       item->due_ms <= worker->step->now.mono_ms && !worker->failed) {
		/* Set again below if need be; out first, so that each is looked at once. */
		heap_remove(&worker->timers, item);
		reconcile_task(worker, (struct worker_task *)item);
	}
}
