/* worker/outcome.c - what a job of the runtime gave, and what its events hint at.
 *
 * Turns each outcome into what is now known of the attempt. Whose fault an error is
 * decides what follows: an engine that cannot be reached or does not answer costs no
 * attempt, it is tried again with back-off; a refusal of prepare or run ends the attempt
 * with the runtime's own words; a container that is gone has vanished. A run whose outcome
 * is unknown is repeated, which the runtime makes harmless. Pure; the brain's thread.
 */
#include "model/transition.h"
#include "worker/brain.h"

#include <stdio.h>
#include <string.h>

#define SIGNAL_LAST       64 /* 255 is an engine's way to say that it does not know */
#define RETRY_FIRST_MS    500
#define RETRY_MAX_MS      10000
#define LOOK_FIRST_MS     250 /* after a signal, while no exit was seen */
#define PROGRESS_EVERY_MS 1000

static void
retry_later(struct worker *worker, struct attempt *attempt)
{
	attempt->retry_ms =
		worker->step->now.mono_ms +
		worker_backoff(worker, attempt->failures++, RETRY_FIRST_MS, RETRY_MAX_MS);
}

static bool
is_transient(int code)
{
	return code == CUBE_ERR_UNAVAILABLE || code == CUBE_ERR_TIMEOUT ||
	       code == CUBE_ERR_NO_MEMORY;
}

static void
came_through(struct attempt *attempt)
{
	attempt->failures = 0;
	attempt->retry_ms = 0;
}

/* ---- what a container shows ---- */

static void
exit_reason(struct attempt *attempt, const struct cube_container *container)
{
	struct task_status *status = &attempt->status;
	bool stopped = status->wanted == TASK_WANTED_STOP;
	char signal[24] = "";

	if (attempt->doomed && !stopped)
		return; /* it has its reason */
	if (container->exit_code > 128 && container->exit_code <= 128 + SIGNAL_LAST)
		(void)snprintf(signal, sizeof(signal), " (signal %d)",
			       (int)container->exit_code - 128);
	if (container->oom_killed != 0)
		task_reason(status, "exit code %d%s, out of memory: killed at its limit%s%s",
			    (int)container->exit_code, signal,
			    container->reason[0] != '\0' ? ": " : "", container->reason);
	else if (container->reason[0] != '\0')
		task_reason(status, "%s", container->reason);
	else if (stopped && attempt->kills > 0)
		task_reason(status, "stopped: killed, as it did not end within %u s of SIGTERM",
			    attempt->spec->stop_timeout_s);
	else if (stopped)
		task_reason(status, "stopped");
	else if (container->exit_code != 0)
		task_reason(status, "exit code %d%s", (int)container->exit_code, signal);
	else
		status->reason[0] = '\0';
}

/* True if the ports differ from those known; then they are taken over. */
static bool
take_ports(struct worker *worker, struct attempt *attempt,
	   const struct cube_container *container)
{
	struct port_list *ports;

	if (container->port_count == 0)
		return false; /* an exited one shows none: keep what was */
	ports = port_list_new(container->ports, container->port_count);
	if (ports == NULL) {
		worker->failed = true;
		return false;
	}
	if (port_list_equal(ports, attempt->status.host_ports)) {
		port_list_put(ports);
		return false;
	}
	port_list_put(attempt->status.host_ports);
	attempt->status.host_ports = ports;
	return true;
}

static bool
take_handle(struct attempt *attempt, const struct cube_container *container)
{
	if (strcmp(attempt->status.container_id, container->handle) == 0)
		return false;
	(void)snprintf(attempt->status.container_id, sizeof(attempt->status.container_id), "%s",
		       container->handle);
	return true;
}

static void
seen_running(struct worker *worker, struct attempt *attempt,
	     const struct cube_container *container)
{
	struct task_status *status = &attempt->status;
	bool changed = take_handle(attempt, container);
	bool new_start = status->state != TASK_RUNNING;

	attempt->phase = PHASE_RUNNING;
	if (attempt->origin == ORIGIN_STRAY)
		return;
	if (take_ports(worker, attempt, container))
		changed = true;
	if (container->started_ms != 0 && container->started_ms != status->start_ms) {
		status->start_ms = container->started_ms;
		changed = true;
	}
	if (status->start_ms == 0)
		status->start_ms = worker->step->now.wall_ms;
	if (new_start)
		transition_apply(status, TASK_RUNNING);
	if (!changed && !new_start)
		return;
	if (!attempt->doomed)
		status->reason[0] = '\0';
	worker_attempt_save(worker, attempt);
	if (new_start)
		worker_attempt_log(worker, attempt, LOG_LEVEL_INFO, "attempt.running", "handle",
				   status->container_id);
}

static void
seen_exited(struct worker *worker, struct attempt *attempt,
	    const struct cube_container *container)
{
	struct task_status *status = &attempt->status;
	bool well = container->exit_code == 0 && container->oom_killed == 0 && !attempt->doomed;

	(void)take_handle(attempt, container);
	(void)take_ports(worker, attempt, container);
	if (container->started_ms != 0)
		status->start_ms = container->started_ms;
	if (container->finished_ms != 0)
		status->finish_ms = container->finished_ms;
	status->has_exit_code = true;
	status->exit_code = container->exit_code;
	status->oom_killed = container->oom_killed != 0;
	exit_reason(attempt, container);
	if (worker_cut_off_end(attempt))
		well = false;
	worker_attempt_end(worker, attempt,
			   well || status->wanted == TASK_WANTED_STOP ? TASK_COMPLETED
								      : TASK_FAILED,
			   NULL);
}

static void
seen_created(struct worker *worker, struct attempt *attempt,
	     const struct cube_container *container)
{
	struct task_status *status = &attempt->status;

	if (status->wanted == TASK_WANTED_STOP || attempt->origin == ORIGIN_STRAY) {
		(void)take_handle(attempt, container);
		worker_attempt_end(worker, attempt, TASK_COMPLETED, "stopped before it ran");
		return;
	}
	if (attempt->doomed) {
		(void)take_handle(attempt, container);
		worker_attempt_end(worker, attempt, TASK_FAILED, NULL);
		return;
	}
	/* Never started: the next run does. */
	attempt->phase = PHASE_ORDERED;
	attempt->prepared = true;
	attempt->run_unknown = true; /* a stop that comes first has to find and remove it */
	if (status->state == TASK_RUNNING)
		transition_apply(status, TASK_SCHEDULED);
	if (status->container_id[0] != '\0') {
		status->container_id[0] = '\0';
		worker_attempt_save(worker, attempt);
	}
	retry_later(worker, attempt);
}

/* What run or inspect saw of it. */
static void
observe(struct worker *worker, struct attempt *attempt, const struct cube_container *container)
{
	attempt->run_unknown = false;
	attempt->settled = worker->job_number;
	if (attempt->phase == PHASE_ENDED) {
		attempt->lingers = container->state == CUBE_CONTAINER_RUNNING;
		if (attempt->lingers)
			attempt->kill_ms = worker->step->now.mono_ms;
		return;
	}
	switch (container->state) {
	case CUBE_CONTAINER_RUNNING:
		seen_running(worker, attempt, container);
		if (attempt->kills > 0)
			attempt->kill_ms = worker->step->now.mono_ms; /* once more */
		else if (attempt->signalled && !worker->config.runtime_has_events)
			attempt->look_ms = worker->step->now.mono_ms +
					   worker_backoff(worker, attempt->looks++,
							  LOOK_FIRST_MS, RETRY_MAX_MS);
		break;
	case CUBE_CONTAINER_EXITED:
		seen_exited(worker, attempt, container);
		break;
	default:
		seen_created(worker, attempt, container);
		break;
	}
}

void
worker_attempt_gone(struct worker *worker, struct attempt *attempt)
{
	if (attempt->phase == PHASE_ENDED) {
		attempt->lingers = false;
		return;
	}
	if (attempt->origin == ORIGIN_STRAY) {
		attempt->status.container_id[0] = '\0';
		worker_attempt_end(worker, attempt, TASK_COMPLETED, NULL);
	} else if (attempt->status.wanted == TASK_WANTED_STOP) {
		worker_attempt_end(worker, attempt, TASK_COMPLETED,
				   "stopped: its container is gone");
	} else if (worker_cut_off_end(attempt) || attempt->doomed) {
		worker_attempt_end(worker, attempt, TASK_FAILED, NULL);
	} else {
		worker_attempt_end(worker, attempt, TASK_FAILED,
				   "vanished: the runtime no longer has its container");
	}
}

/* ---- the jobs ---- */

/* An error that is not the attempt's fault: again later. */
static void
transient(struct worker *worker, struct attempt *attempt, const struct cube_error *error,
	  bool engine_is_down)
{
	retry_later(worker, attempt);
	if (attempt->phase == PHASE_ORDERED)
		worker_attempt_note(worker, attempt, "waiting for the runtime: %s",
				    error->message);
	if (engine_is_down)
		worker_engine_down(worker, error);
	else
		worker_engine_suspect(worker);
}

static void
prepare_done(struct worker *worker, struct attempt *attempt, const struct cube_error *error)
{
	attempt->cancelled = false;
	/* Whether it was fetched or given up no longer matters: it is over. */
	if (worker_attempt_stops(attempt))
		return;
	if (error->code == 0) {
		came_through(attempt);
		attempt->prepared = true;
	} else if (is_transient(error->code)) {
		/* A registry that is away looks the same: the probe tells. */
		transient(worker, attempt, error, false);
	} else {
		worker_attempt_end(worker, attempt, TASK_FAILED, error->message);
	}
}

static void
run_done(struct worker *worker, struct attempt *attempt, const struct worker_message *message)
{
	const struct cube_error *error = &message->error;

	if (error->code == 0) {
		came_through(attempt);
		observe(worker, attempt, message->container);
	} else if (is_transient(error->code)) {
		if (error->code == CUBE_ERR_TIMEOUT) {
			attempt->run_unknown = true;
			attempt->settled = worker->job_number;
		}
		transient(worker, attempt, error, error->code == CUBE_ERR_UNAVAILABLE);
	} else {
		/* The manager places it elsewhere. */
		attempt->status.port_taken = error->code == CUBE_ERR_CONFLICT;
		worker_attempt_end(worker, attempt, TASK_FAILED, error->message);
	}
}

static void
inspect_done(struct worker *worker, struct attempt *attempt,
	     const struct worker_message *message)
{
	const struct cube_error *error = &message->error;

	if (error->code == 0) {
		came_through(attempt);
		observe(worker, attempt, message->container);
		return;
	}
	if (error->code == CUBE_ERR_NOT_FOUND) {
		worker_attempt_gone(worker, attempt);
		return;
	}
	attempt->look = true;
	transient(worker, attempt, error, error->code == CUBE_ERR_UNAVAILABLE);
}

/* After a signal its end is waited for; a signal that failed in any way that is not cured
 * by waiting for the engine counts as sent, so that the stop goes on to its next means. */
static void
signal_done(struct worker *worker, struct attempt *attempt, const struct cube_error *error)
{
	uint64_t now_ms = worker->step->now.mono_ms;

	if (error->code == CUBE_ERR_NOT_FOUND) {
		worker_attempt_gone(worker, attempt);
		return;
	}
	if (error->code == CUBE_ERR_UNAVAILABLE || error->code == CUBE_ERR_NO_MEMORY) {
		if (attempt->signalled || attempt->lingers)
			attempt->kill_ms = now_ms; /* it was a SIGKILL */
		if (!attempt->signalled)
			attempt->status.disconnected = false; /* not by us, so far */
		transient(worker, attempt, error, error->code == CUBE_ERR_UNAVAILABLE);
		return;
	}
	came_through(attempt);
	if (!attempt->signalled && !attempt->lingers) {
		attempt->signalled = true;
		attempt->kill_ms = now_ms + (uint64_t)attempt->spec->stop_timeout_s * 1000;
		if (!worker->config.runtime_has_events)
			attempt->look_ms = now_ms + worker_backoff(worker, attempt->looks++,
								   LOOK_FIRST_MS, RETRY_MAX_MS);
	} else {
		attempt->kills++;
		attempt->look_ms = now_ms + worker_backoff(worker, attempt->kills - 1,
							   LOOK_FIRST_MS, RETRY_MAX_MS);
	}
	if (error->code == CUBE_ERR_TIMEOUT)
		worker_engine_suspect(worker);
}

static void
remove_done(struct worker *worker, struct attempt *attempt, const struct cube_error *error)
{
	switch (error->code) {
	case CUBE_ERR_INVALID:
	case CUBE_ERR_UNSUPPORTED:
		worker_attempt_log(worker, attempt, LOG_LEVEL_WARNING, "attempt.not-removed",
				   "reason", error->message);
		attempt->status.container_id[0] = '\0';
		break;
	case 0:
	case CUBE_ERR_NOT_FOUND:
		if (attempt->orphan)
			worker_orphan_log(worker, attempt->task->id, attempt->status.attempt,
					  attempt->status.container_id, "removed");
		else
			worker_attempt_log(worker, attempt, LOG_LEVEL_INFO, "attempt.removed",
					   NULL, NULL);
		if (attempt->phase != PHASE_ENDED) { /* an order named it meanwhile */
			worker_attempt_gone(worker, attempt);
			break;
		}
		attempt->status.container_id[0] = '\0'; /* reconcile forgets it */
		break;
	case CUBE_ERR_CONFLICT: /* it runs after all */
		attempt->lingers = true;
		attempt->kills = 0;
		retry_later(worker, attempt);
		break;
	default:
		transient(worker, attempt, error, error->code == CUBE_ERR_UNAVAILABLE);
		break;
	}
}

void
worker_job_done(struct worker *worker, struct worker_message *message)
{
	struct worker_task *task = worker_task_find(worker, message->task_id);
	struct attempt *attempt;
	enum worker_job job;

	if (task == NULL || task->job == 0 || task->job_number != message->job_number)
		return;
	attempt = worker_attempt_find(task, task->job_attempt);
	job = task->job;
	task->job = 0;
	worker_touch(worker, task);
	if (attempt == NULL)
		return;
	if (message->error.code == 0 && message->container == NULL &&
	    (job == WORKER_JOB_RUN || job == WORKER_JOB_INSPECT)) {
		(void)cube_fail(&message->error, CUBE_ERR_TIMEOUT, 0,
				"the runtime returned no container");
	}
	if (job == WORKER_JOB_PREPARE)
		prepare_done(worker, attempt, &message->error);
	else if (job == WORKER_JOB_RUN)
		run_done(worker, attempt, message);
	else if (job == WORKER_JOB_INSPECT)
		inspect_done(worker, attempt, message);
	else if (job == WORKER_JOB_SIGNAL)
		signal_done(worker, attempt, &message->error);
	else
		remove_done(worker, attempt, &message->error);
	if (!task->look)
		return;
	/* What was just seen may be older than the event. */
	task->look = false;
	for (attempt = task->oldest; attempt != NULL; attempt = attempt->next)
		if (attempt->phase == PHASE_RUNNING || attempt->lingers)
			attempt->look = true;
}

void
worker_changed(struct worker *worker, const struct worker_message *message)
{
	struct worker_task *task = worker_task_find(worker, message->task_id);
	struct attempt *attempt;

	if (task == NULL) {
		worker_orphan_hint(worker);
		return;
	}
	if (task->job != 0) {
		task->look = true;
		return;
	}
	for (attempt = task->oldest; attempt != NULL; attempt = attempt->next)
		if (attempt->phase == PHASE_RUNNING || attempt->lingers)
			attempt->look = true;
	worker_touch(worker, task);
}

void
worker_progress(struct worker *worker, const struct worker_message *message)
{
	struct worker_task *task = worker_task_find(worker, message->task_id);
	struct attempt *attempt;

	if (task == NULL || task->job != WORKER_JOB_PREPARE ||
	    task->job_attempt != message->attempt)
		return;
	attempt = worker_attempt_find(task, message->attempt);
	if (attempt == NULL || worker->step->now.mono_ms < attempt->progress_ms)
		return;
	attempt->progress_ms = worker->step->now.mono_ms + PROGRESS_EVERY_MS;
	worker_attempt_note(worker, attempt, "%s", message->reason);
}
