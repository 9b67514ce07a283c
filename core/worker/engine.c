/* worker/engine.c - is the container runtime there, and when is it asked.
 *
 * It is ready once a probe and a list that began after its last failure were answered;
 * until then no job of a task is issued, so that an engine that is down costs no attempt.
 * A job that finds it unreachable puts it down at once, one that times out only makes it
 * suspect: then the probe decides. While it is down the probe is repeated with back-off;
 * when it answers, everything is listed again. Pure; the brain's thread.
 */
#include "worker/brain.h"

#include <string.h>

#define PROBE_FIRST_MS 500
#define PROBE_MAX_MS   10000
#define LIST_EVERY_MS  5000 /* of a runtime without events */

uint64_t
worker_backoff(struct worker *worker, unsigned failures, uint64_t first_ms, uint64_t max_ms)
{
	uint64_t delay = first_ms;

	while (failures > 0 && delay < max_ms) {
		delay *= 2;
		failures--;
	}
	if (delay > max_ms)
		delay = max_ms;
	return delay * 3 / 4 + random_below(&worker->random, delay / 2 + 1);
}

bool
worker_engine_ready(const struct worker *worker)
{
	return worker->info.runtime_ready;
}

static void
probe(struct worker *worker)
{
	if (worker->probe_job != 0)
		return;
	worker->probe_ms = WORKER_NEVER;
	worker->probe_job = worker_send_query(worker, WORKER_JOB_PROBE);
}

static void
list(struct worker *worker)
{
	if (worker->list_job != 0) {
		worker->list_wanted = true; /* what is under way may have missed something */
		return;
	}
	worker->list_wanted = false;
	worker->list_ms = WORKER_NEVER;
	worker->list_asked_ms = worker->step->now.mono_ms;
	worker->list_job = worker_send_query(worker, WORKER_JOB_LIST);
}

void
worker_engine_start(struct worker *worker)
{
	worker->probe_ms = WORKER_NEVER;
	worker->list_ms = WORKER_NEVER;
	probe(worker);
	list(worker);
}

void
worker_engine_relist(struct worker *worker)
{
	if (worker->probed)
		list(worker);
	else
		worker->list_wanted = true;
}

void
worker_engine_suspect(struct worker *worker)
{
	if (worker_engine_ready(worker))
		probe(worker);
}

void
worker_engine_down(struct worker *worker, const struct cube_error *error)
{
	struct node_info *info = &worker->info;
	struct task_status reason = {0};

	task_reason(&reason, "%s", error->message);
	worker->probed = false;
	worker->listed = false;
	worker->down_job = worker->job_number;
	if (worker->list_job != 0)
		worker->list_wanted = true;
	if (!worker->was_down)
		step_log(worker->step, LOG_LEVEL_WARNING, "runtime.down", "runtime",
			 info->runtime, "reason", reason.reason, NULL);
	worker->was_down = true;
	if (worker->probe_job == 0 && worker->probe_ms == WORKER_NEVER) {
		worker->probe_ms = worker->step->now.mono_ms +
				   worker_backoff(worker, worker->probe_failures,
						  PROBE_FIRST_MS, PROBE_MAX_MS);
		worker->probe_failures++;
	}
	if (info->runtime_ready || strcmp(info->runtime_reason, reason.reason) != 0) {
		info->runtime_ready = false;
		memcpy(info->runtime_reason, reason.reason, sizeof(info->runtime_reason));
		worker_node_changed(worker);
		worker_touch_all(worker); /* those that wait say why */
	}
}

static void
back(struct worker *worker)
{
	struct node_info *info = &worker->info;

	if (info->runtime_ready || !worker->probed || !worker->listed)
		return;
	info->runtime_ready = true;
	info->runtime_reason[0] = '\0';
	worker->probe_failures = 0;
	worker_node_changed(worker);
	if (worker->was_down)
		step_log(worker->step, LOG_LEVEL_INFO, "runtime.back", "runtime", info->runtime,
			 NULL);
	worker->was_down = false;
	worker_touch_all(worker);
}

void
worker_engine_probed(struct worker *worker, const struct worker_message *message)
{
	if (message->job_number != worker->probe_job)
		return;
	worker->probe_job = 0;
	if (message->error.code != 0) {
		worker_engine_down(worker, &message->error);
		return;
	}
	worker->probed = true;
	if (worker->info.enforces != message->enforces) {
		worker->info.enforces = message->enforces;
		worker_node_changed(worker);
	}
	if (worker->list_job == 0 && (worker->list_wanted || !worker->listed))
		list(worker);
	back(worker);
}

void
worker_engine_listed(struct worker *worker, const struct worker_message *message)
{
	if (message->job_number != worker->list_job)
		return;
	worker->list_job = 0;
	worker->list_done = true;
	if (message->error.code != 0) {
		worker->list_wanted = true;
		worker_engine_down(worker, &message->error);
		return;
	}
	worker_adopt(worker, message);
	if (message->job_number > worker->down_job)
		worker->listed = true;
	if (!worker->config.runtime_has_events)
		worker->list_ms = worker->step->now.mono_ms + LIST_EVERY_MS;
	if (worker->list_wanted && worker->probed)
		list(worker); /* else once the probe has been answered */
	back(worker);
}

/* A query that hangs is given up: the next may come through, and this one's answer, if it
 * ever comes, is that of an unknown number. */
static bool
give_up_query(struct worker *worker, uint64_t job_number)
{
	if (worker->probe_job == job_number) {
		worker->probe_job = 0;
	} else if (worker->list_job == job_number) {
		worker->list_job = 0;
		worker->list_wanted = true;
	} else {
		return false;
	}
	return true;
}

/* What waits to be started says so; what runs is not touched by it. */
static void
note_overdue(struct worker *worker, const struct worker_message *message)
{
	struct worker_task *task = worker_task_find(worker, message->task_id);
	struct attempt *attempt;

	if (task == NULL || task->job == 0 || task->job_number != message->job_number)
		return;
	attempt = worker_attempt_find(task, task->job_attempt);
	if (attempt != NULL && attempt->phase == PHASE_ORDERED)
		worker_attempt_note(worker, attempt, "%s", message->reason);
}

void
worker_engine_overdue(struct worker *worker, const struct worker_message *message)
{
	struct cube_error error;

	memcpy(worker->overdue, message->reason, sizeof(worker->overdue));
	worker_node_changed(worker);
	if (message->reason[0] == '\0') {
		step_log(worker->step, LOG_LEVEL_INFO, "runtime.returned", "runtime",
			 worker->info.runtime, NULL);
		return;
	}
	step_log(worker->step, LOG_LEVEL_WARNING, "runtime.hangs", "runtime",
		 worker->info.runtime, "reason", message->reason, NULL);
	(void)cube_fail(&error, CUBE_ERR_UNAVAILABLE, 0, "%s", message->reason);
	if ((message->hangs && give_up_query(worker, message->job_number)) || message->starves)
		worker_engine_down(worker, &error);
	note_overdue(worker, message);
}

void
worker_engine_due(struct worker *worker)
{
	uint64_t now_ms = worker->step->now.mono_ms;

	if (worker->probe_ms <= now_ms)
		probe(worker);
	if (worker->list_ms <= now_ms && worker->probed)
		list(worker);
}

uint64_t
worker_engine_next(const struct worker *worker)
{
	uint64_t next = worker->probe_ms;

	/* One that is due while the runtime is down follows the next probe. */
	if (worker->probed && worker->list_ms < next)
		next = worker->list_ms;
	return next;
}
