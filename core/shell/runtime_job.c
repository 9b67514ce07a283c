/* shell/runtime_job.c - see the header.
 *
 * The call's deadline starts with the call, not with the order. What the runtime gives back
 * has been checked by core/plugin/runtime.c; here it is only brought into the brain's
 * message, which owns it.
 */
#include "shell/runtime_job.h"

#include "base/clock.h"
#include "shell/container_spec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LISTED_MAX      16384 /* containers that one list may show */
#define PROGRESS_GAP_MS 1000

/* ---- list ---- */

struct listed {
	struct cube_container *items;
	size_t count;
	size_t capacity;
	int failed; /* enum cube_err; 0: all were taken */
};

static int
listed_add(void *ctx, const struct cube_container *container)
{
	struct listed *listed = ctx;

	if (listed->count == listed->capacity) {
		size_t capacity = listed->capacity == 0 ? 16 : listed->capacity * 2;
		struct cube_container *items = NULL;

		if (capacity > LISTED_MAX) {
			listed->failed = CUBE_ERR_INVALID;
			return 1;
		}
		items = realloc(listed->items, capacity * sizeof(*items));
		if (items == NULL) {
			listed->failed = CUBE_ERR_NO_MEMORY;
			return 1;
		}
		listed->items = items;
		listed->capacity = capacity;
	}
	listed->items[listed->count++] = *container;
	return 0;
}

static int
job_list(struct runtime_job *job, uint64_t deadline_ms, struct worker_message *done)
{
	struct listed listed = {0};
	int rc = runtime_list(job->runtime, deadline_ms, listed_add, &listed, &done->error);

	/* UNAVAILABLE: the brain asks again later. */
	if (rc == 0 && listed.failed == CUBE_ERR_NO_MEMORY)
		rc = cube_fail(&done->error, CUBE_ERR_UNAVAILABLE, ENOMEM,
			       "out of memory after %zu containers", listed.count);
	else if (rc == 0 && listed.failed != 0)
		rc = cube_fail(&done->error, CUBE_ERR_UNAVAILABLE, 0,
			       "the runtime %s lists more than %d containers of this worker: "
			       "remove some",
			       runtime_name(job->runtime), LISTED_MAX);
	if (rc < 0) {
		free(listed.items);
		return rc;
	}
	done->containers = listed.items;
	done->container_count = listed.count;
	return 0;
}

/* ---- prepare and run ---- */

static void
progress_text(char *out, size_t size, uint64_t done_bytes, uint64_t total_bytes,
	      const char *what)
{
	if (total_bytes > 0)
		(void)snprintf(out, size, "%.160s: %.1f of %.1f MB", what,
			       (double)done_bytes / 1e6, (double)total_bytes / 1e6);
	else
		(void)snprintf(out, size, "%.200s", what);
}

/* A cube_progress: tells the brain at most once a second, and the runtime of a cancel. */
static int
job_progress(void *ctx, uint64_t done_bytes, uint64_t total_bytes, const char *what)
{
	struct runtime_job *job = ctx;
	uint64_t now_ms = clock_now().mono_ms;
	struct worker_message *message;

	if (atomic_load(&job->cancelled))
		return 1;
	if (what == NULL || now_ms - job->progress_ms < PROGRESS_GAP_MS)
		return 0;
	job->progress_ms = now_ms;
	message = worker_message_new(WORKER_PROGRESS);
	if (message == NULL)
		return 0;
	(void)memcpy(message->task_id, job->effect->task_id, sizeof(message->task_id));
	message->attempt = job->effect->attempt;
	progress_text(message->reason, sizeof(message->reason), done_bytes, total_bytes, what);
	if (loop_post(job->loop, &message->message) < 0)
		worker_message_free(message);
	return 0;
}

static int
job_with_spec(struct runtime_job *job, uint64_t deadline_ms, struct worker_message *done)
{
	const struct worker_effect *effect = job->effect;
	struct container_spec *spec =
		container_spec_new(effect->spec, effect->attempt, effect->cluster, job->worker);
	int rc;

	if (spec == NULL)
		return cube_fail(&done->error, CUBE_ERR_UNAVAILABLE, ENOMEM, "out of memory");
	if (effect->job == WORKER_JOB_PREPARE)
		rc = runtime_prepare(job->runtime, &spec->spec, deadline_ms, job_progress, job,
				     &done->error);
	else
		rc = runtime_run(job->runtime, &spec->spec, deadline_ms, done->container,
				 &done->error);
	container_spec_free(spec);
	return rc;
}

/* ---- any job ---- */

static int
job_call(struct runtime_job *job, struct worker_message *done)
{
	const struct worker_effect *effect = job->effect;
	uint64_t deadline_ms = clock_now().mono_ms + effect->timeout_ms;

	switch (effect->job) {
	case WORKER_JOB_PREPARE:
		return job_with_spec(job, deadline_ms, done);
	case WORKER_JOB_RUN:
	case WORKER_JOB_INSPECT:
		done->container = calloc(1, sizeof(*done->container));
		if (done->container == NULL)
			return cube_fail(&done->error, CUBE_ERR_UNAVAILABLE, ENOMEM,
					 "out of memory");
		if (effect->job == WORKER_JOB_RUN)
			return job_with_spec(job, deadline_ms, done);
		return runtime_inspect(job->runtime, effect->handle, deadline_ms,
				       done->container, &done->error);
	case WORKER_JOB_SIGNAL:
		return runtime_signal(job->runtime, effect->handle, effect->signo, deadline_ms,
				      &done->error);
	case WORKER_JOB_REMOVE:
		return runtime_remove(job->runtime, effect->handle, deadline_ms, &done->error);
	case WORKER_JOB_LIST:
		return job_list(job, deadline_ms, done);
	case WORKER_JOB_PROBE:
		return runtime_probe(job->runtime, deadline_ms, &done->enforces, &done->error);
	}
	return cube_fail(&done->error, CUBE_ERR_UNSUPPORTED, 0, "no such job: %d",
			 (int)effect->job);
}

void
runtime_job_run(struct runtime_job *job, struct worker_message *done)
{
	const struct worker_effect *effect = job->effect;
	int rc;

	done->job = effect->job;
	done->job_number = effect->job_number;
	(void)memcpy(done->task_id, effect->task_id, sizeof(done->task_id));
	done->attempt = effect->attempt;
	if (atomic_load(&job->cancelled))
		rc = cube_fail(&done->error, CUBE_ERR_UNAVAILABLE, 0, "cancelled");
	else
		rc = job_call(job, done);
	if (rc < 0) {
		free(done->container);
		done->container = NULL;
	} else {
		done->error = (struct cube_error){0};
	}
}
