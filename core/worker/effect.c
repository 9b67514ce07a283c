/* worker/effect.c - what leaves the brain: replies, jobs for the runtime, cancels.
 *
 * The rule of the house is kept here: a job about an attempt waits for the commit of that
 * attempt's last write (journal before acting), unless it is durable already; inspect, which
 * only looks, and the stop of what is cut off from its manager never wait, nor does that of the
 * unhealthy while the journal fails. Pure; each effect is the shell's once the step has it.
 */
#include "worker/brain.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct worker_effect *
worker_effect_new(struct worker *worker, enum worker_effect_kind kind, bool after_commit)
{
	struct worker_effect *effect = calloc(1, sizeof(*effect));

	if (effect == NULL) {
		worker->failed = true;
		return NULL;
	}
	effect->kind = kind;
	effect->item.after_commit = after_commit;
	effect->item.free = worker_effect_free;
	return effect;
}

void
worker_effect_send(struct worker *worker, struct worker_effect *effect)
{
	step_send(worker->step, &effect->item);
}

void
worker_refuse(struct worker *worker, void *token, int status, const char *fmt, ...)
{
	struct worker_effect *effect = worker_effect_new(worker, WORKER_EFFECT_REPLY, false);
	va_list args;

	if (effect == NULL)
		return;
	effect->token = token;
	effect->status = status;
	va_start(args, fmt);
	(void)vsnprintf(effect->message, sizeof(effect->message), fmt, args);
	va_end(args);
	worker_effect_send(worker, effect);
}

void
worker_reply(struct worker *worker, void *token, int status)
{
	worker_reply_attempt(worker, token, status, NULL);
}

void
worker_reply_attempt(struct worker *worker, void *token, int status,
		     const struct attempt *attempt)
{
	struct worker_effect *effect = worker_effect_new(worker, WORKER_EFFECT_REPLY, true);

	if (effect == NULL)
		return;
	effect->token = token;
	effect->status = status;
	if (attempt != NULL) {
		struct task task = {.spec = attempt->spec, .status = attempt->status};

		effect->tasks = calloc(1, sizeof(*effect->tasks));
		if (effect->tasks == NULL) {
			worker->failed = true;
		} else {
			task_copy(&effect->tasks[0], &task);
			effect->task_count = 1;
		}
	}
	worker_effect_send(worker, effect);
}

/* Until its deadline, from when the call starts. */
static uint32_t
job_timeout_ms(enum worker_job job)
{
	switch (job) {
	case WORKER_JOB_PREPARE:
		return 15 * 60 * 1000; /* a large image over a slow line */
	case WORKER_JOB_RUN:
		return 120 * 1000;
	case WORKER_JOB_REMOVE:
		return 60 * 1000;
	case WORKER_JOB_LIST:
		return 30 * 1000;
	case WORKER_JOB_SIGNAL:
	case WORKER_JOB_INSPECT:
		return 15 * 1000;
	case WORKER_JOB_PROBE:
		break;
	}
	return 5 * 1000;
}

void
worker_send_job(struct worker *worker, struct attempt *attempt, enum worker_job job, int signo)
{
	struct worker_task *task = attempt->task;
	/* A stop for want of a manager does not wait for a journal that fails, too. */
	bool urgent =
		job == WORKER_JOB_SIGNAL &&
		(attempt->cut_off || (attempt->doomed && worker->step->store_fault != NULL));
	bool waits =
		job != WORKER_JOB_INSPECT && !urgent && attempt->batch > worker->step->durable;
	struct worker_effect *effect = worker_effect_new(worker, WORKER_EFFECT_JOB, waits);

	if (effect == NULL)
		return;
	effect->job = job;
	effect->job_number = ++worker->job_number;
	effect->attempt = attempt->status.attempt;
	effect->signo = signo;
	effect->timeout_ms = job_timeout_ms(job);
	memcpy(effect->task_id, task->id, sizeof(effect->task_id));
	memcpy(effect->cluster, worker->info.cluster, sizeof(effect->cluster));
	memcpy(effect->handle, attempt->status.container_id, sizeof(effect->handle));
	if (job == WORKER_JOB_PREPARE || job == WORKER_JOB_RUN)
		effect->spec = task_spec_get(attempt->spec);
	task->job = job;
	task->job_number = effect->job_number;
	task->job_attempt = attempt->status.attempt;
	worker_effect_send(worker, effect);
}

uint64_t
worker_send_query(struct worker *worker, enum worker_job job)
{
	struct worker_effect *effect = worker_effect_new(worker, WORKER_EFFECT_JOB, false);

	if (effect == NULL)
		return 0;
	effect->job = job;
	effect->job_number = ++worker->job_number;
	effect->timeout_ms = job_timeout_ms(job);
	worker_effect_send(worker, effect);
	return effect->job_number;
}

void
worker_send_cancel(struct worker *worker, const struct attempt *attempt)
{
	/* Not before the prepare itself, which may still wait for its commit. */
	bool waits = attempt->batch > worker->step->durable;
	struct worker_effect *effect = worker_effect_new(worker, WORKER_EFFECT_CANCEL, waits);

	if (effect == NULL)
		return;
	effect->attempt = attempt->status.attempt;
	effect->job = WORKER_JOB_PREPARE;
	effect->job_number = attempt->task->job_number;
	memcpy(effect->task_id, attempt->task->id, sizeof(effect->task_id));
	worker_effect_send(worker, effect);
}

void
worker_send_check(struct worker *worker, const struct attempt *attempt, const char *host,
		  uint16_t port)
{
	/* It only looks: no commit is waited for. */
	struct worker_effect *effect = worker_effect_new(worker, WORKER_EFFECT_CHECK, false);

	if (effect == NULL)
		return;
	effect->check = attempt->health.number;
	effect->attempt = attempt->status.attempt;
	effect->spec = task_spec_get(attempt->spec);
	effect->timeout_ms = attempt->spec->health.timeout_s * 1000;
	effect->port = port;
	(void)snprintf(effect->host, sizeof(effect->host), "%s", host);
	memcpy(effect->task_id, attempt->task->id, sizeof(effect->task_id));
	worker_effect_send(worker, effect);
}
