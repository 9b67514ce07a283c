/* shell/executor.c - the pools of threads that call the runtime; see the header.
 *
 * Both pools take from a list of their own, oldest first; one mutex guards both lists and
 * the jobs under way. It is held for a few instructions, never during a call.
 */
#include "shell/executor.h"

#include "base/clock.h"
#include "base/thread.h"
#include "shell/container_spec.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXECUTORS_MAX   4
#define PREPARERS       3
#define LISTED_MAX      65536 /* containers that one list may show */
#define PROGRESS_GAP_MS 1000

struct job {
	struct job *next;
	struct worker_effect *effect;
	atomic_bool cancelled;
	uint64_t progress_ms; /* when progress was last told */
	struct executor *executor;
};

/* Jobs that wait and jobs that a thread of the pool has taken. */
struct pool {
	struct executor *executor;
	struct job *waiting;
	struct job **waiting_end;
	struct job *running;
	pthread_cond_t more;
	pthread_t threads[EXECUTORS_MAX];
	size_t thread_count;
};

struct executor {
	struct runtime *runtime;
	char worker[ID_SIZE];
	struct loop *loop;
	pthread_mutex_t mutex; /* guards all below */
	pthread_cond_t ended;
	size_t alive; /* threads */
	bool stopping;
	struct pool calls;
	struct pool prepares;
};

/* ---- one job ------------------------------------------------------------------------- */

struct listed {
	struct cube_container *items;
	size_t count;
	size_t capacity;
	bool failed;
};

static int
listed_add(void *ctx, const struct cube_container *container)
{
	struct listed *listed = ctx;

	if (listed->count == listed->capacity) {
		size_t capacity = listed->capacity == 0 ? 16 : listed->capacity * 2;
		struct cube_container *items;

		if (capacity > LISTED_MAX) {
			listed->failed = true;
			return 1;
		}
		items = realloc(listed->items, capacity * sizeof(*items));
		if (items == NULL) {
			listed->failed = true;
			return 1;
		}
		listed->items = items;
		listed->capacity = capacity;
	}
	listed->items[listed->count++] = *container;
	return 0;
}

static int
job_list(struct executor *executor, uint64_t deadline_ms, struct worker_message *done)
{
	struct listed listed = {0};
	int rc =
		runtime_list(executor->runtime, deadline_ms, listed_add, &listed, &done->error);

	if (rc == 0 && listed.failed)
		rc = cube_fail(&done->error, CUBE_ERR_UNAVAILABLE, 0,
			       "the runtime lists more containers than fit: at most %d",
			       LISTED_MAX);
	if (rc < 0) {
		free(listed.items);
		return rc;
	}
	done->containers = listed.items;
	done->container_count = listed.count;
	return 0;
}

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

/* A cube_progress: tells the brain at most once a second, and of a cancel. */
static int
job_progress(void *ctx, uint64_t done_bytes, uint64_t total_bytes, const char *what)
{
	struct job *job = ctx;
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
	if (loop_post(job->executor->loop, &message->message) < 0)
		worker_message_free(message);
	return 0;
}

/* prepare or run. */
static int
job_with_spec(struct job *job, uint64_t deadline_ms, struct worker_message *done)
{
	struct worker_effect *effect = job->effect;
	struct runtime *runtime = job->executor->runtime;
	struct container_spec *spec = container_spec_new(
		effect->spec, effect->attempt, effect->cluster, job->executor->worker);
	int rc;

	if (spec == NULL)
		return cube_fail(&done->error, CUBE_ERR_UNAVAILABLE, ENOMEM, "out of memory");
	if (effect->job == WORKER_JOB_PREPARE)
		rc = runtime_prepare(runtime, &spec->spec, deadline_ms, job_progress, job,
				     &done->error);
	else
		rc = runtime_run(runtime, &spec->spec, deadline_ms, done->container,
				 &done->error);
	container_spec_free(spec);
	return rc;
}

static int
job_call(struct job *job, struct worker_message *done)
{
	struct worker_effect *effect = job->effect;
	struct runtime *runtime = job->executor->runtime;
	uint64_t deadline_ms = clock_now().mono_ms + effect->timeout_ms;

	if (atomic_load(&job->cancelled))
		return cube_fail(&done->error, CUBE_ERR_UNAVAILABLE, 0, "cancelled");
	switch (effect->job) {
	case WORKER_JOB_PREPARE:
		return job_with_spec(job, deadline_ms, done);
	case WORKER_JOB_RUN:
	case WORKER_JOB_INSPECT:
		done->container = calloc(1, sizeof(*done->container));
		if (done->container == NULL)
			return cube_fail(&done->error, CUBE_ERR_UNAVAILABLE, ENOMEM,
					 "out of memory");
		done->container->struct_size = sizeof(*done->container);
		if (effect->job == WORKER_JOB_RUN)
			return job_with_spec(job, deadline_ms, done);
		return runtime_inspect(runtime, effect->handle, deadline_ms, done->container,
				       &done->error);
	case WORKER_JOB_SIGNAL:
		return runtime_signal(runtime, effect->handle, effect->signo, deadline_ms,
				      &done->error);
	case WORKER_JOB_REMOVE:
		return runtime_remove(runtime, effect->handle, deadline_ms, &done->error);
	case WORKER_JOB_LIST:
		return job_list(job->executor, deadline_ms, done);
	case WORKER_JOB_PROBE:
		return runtime_probe(runtime, deadline_ms, &done->enforces, &done->error);
	}
	return cube_fail(&done->error, CUBE_ERR_UNSUPPORTED, 0, "no such job: %d",
			 (int)effect->job);
}

/* Runs the job, answers it and frees it. A job that cannot be answered for want of memory
 * would leave its task stuck for ever, so the process ends and starts anew. */
static void
job_do(struct job *job)
{
	struct worker_effect *effect = job->effect;
	struct worker_message *done = worker_message_new(WORKER_JOB_DONE);

	if (done == NULL)
		abort();
	done->job = effect->job;
	done->job_number = effect->job_number;
	(void)memcpy(done->task_id, effect->task_id, sizeof(done->task_id));
	done->attempt = effect->attempt;
	if (job_call(job, done) < 0) {
		free(done->container);
		done->container = NULL;
	} else {
		done->error.code = 0;
	}
	loop_post_answer(job->executor->loop, &done->message);
}

static void
job_free(struct job *job)
{
	worker_effect_free(&job->effect->item);
	free(job);
}

/* ---- pools --------------------------------------------------------------------------- */

static void *
pool_run(void *arg)
{
	struct pool *pool = arg;
	struct executor *executor = pool->executor;

	pthread_mutex_lock(&executor->mutex);
	for (;;) {
		struct job *job;

		while (pool->waiting == NULL && !executor->stopping)
			pthread_cond_wait(&pool->more, &executor->mutex);
		if (executor->stopping)
			break;
		job = pool->waiting;
		pool->waiting = job->next;
		if (pool->waiting == NULL)
			pool->waiting_end = &pool->waiting;
		job->next = pool->running;
		pool->running = job;
		pthread_mutex_unlock(&executor->mutex);

		job_do(job);

		pthread_mutex_lock(&executor->mutex);
		for (struct job **at = &pool->running; *at != NULL; at = &(*at)->next) {
			if (*at == job) {
				*at = job->next;
				break;
			}
		}
		job_free(job);
	}
	executor->alive--;
	pthread_cond_signal(&executor->ended);
	pthread_mutex_unlock(&executor->mutex);
	return NULL;
}

static void
pool_init(struct pool *pool, struct executor *executor)
{
	pool->executor = executor;
	pool->waiting_end = &pool->waiting;
	pthread_cond_init(&pool->more, NULL);
}

static int
pool_start(struct pool *pool, const char *name, size_t threads, struct cube_error *err)
{
	while (pool->thread_count < threads) {
		int rc = thread_start(&pool->threads[pool->thread_count], name, pool_run, pool,
				      err);

		if (rc < 0)
			return rc;
		pool->thread_count++;
		pthread_mutex_lock(&pool->executor->mutex);
		pool->executor->alive++;
		pthread_mutex_unlock(&pool->executor->mutex);
	}
	return 0;
}

/* With the mutex held. */
static void
pool_cancel(struct pool *pool, const char *task_id, uint32_t attempt)
{
	struct job *lists[] = {pool->waiting, pool->running};

	for (size_t i = 0; i < 2; i++) {
		for (struct job *job = lists[i]; job != NULL; job = job->next) {
			if (task_id == NULL || (job->effect->attempt == attempt &&
						strcmp(job->effect->task_id, task_id) == 0))
				atomic_store(&job->cancelled, true);
		}
	}
}

static void
pool_join(struct pool *pool)
{
	for (size_t i = 0; i < pool->thread_count; i++)
		pthread_join(pool->threads[i], NULL);
	while (pool->waiting != NULL) {
		struct job *job = pool->waiting;

		pool->waiting = job->next;
		job_free(job);
	}
	pthread_cond_destroy(&pool->more);
}

/* ---- the executor -------------------------------------------------------------------- */

int
executor_new(struct runtime *runtime, const char *worker, struct loop *loop,
	     struct executor **out, struct cube_error *err)
{
	uint32_t parallel = runtime_max_parallel(runtime);
	struct executor *executor = calloc(1, sizeof(*executor));
	pthread_condattr_t attr;
	int rc;

	if (executor == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, ENOMEM, "out of memory");
	executor->runtime = runtime;
	(void)snprintf(executor->worker, sizeof(executor->worker), "%s", worker);
	executor->loop = loop;
	pthread_mutex_init(&executor->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&executor->ended, &attr);
	pthread_condattr_destroy(&attr);
	pool_init(&executor->calls, executor);
	pool_init(&executor->prepares, executor);

	rc = pool_start(&executor->calls, "cube-exec",
			parallel < EXECUTORS_MAX ? parallel : EXECUTORS_MAX, err);
	if (rc == 0)
		rc = pool_start(&executor->prepares, "cube-prepare", PREPARERS, err);
	if (rc < 0) {
		(void)executor_stop(executor, UINT64_MAX);
		return rc;
	}
	*out = executor;
	return 0;
}

void
executor_take(struct executor *executor, struct worker_effect *effect)
{
	struct pool *pool;
	struct job *job;

	if (effect->kind == WORKER_EFFECT_CANCEL) {
		pthread_mutex_lock(&executor->mutex);
		pool_cancel(&executor->prepares, effect->task_id, effect->attempt);
		pthread_mutex_unlock(&executor->mutex);
		worker_effect_free(&effect->item);
		return;
	}
	job = calloc(1, sizeof(*job));
	if (job == NULL)
		abort(); /* see job_do */
	job->executor = executor;
	job->effect = effect;
	pool = effect->job == WORKER_JOB_PREPARE ? &executor->prepares : &executor->calls;
	pthread_mutex_lock(&executor->mutex);
	*pool->waiting_end = job;
	pool->waiting_end = &job->next;
	pthread_cond_signal(&pool->more);
	pthread_mutex_unlock(&executor->mutex);
}

/* With the mutex held: waits until no thread is left, or until deadline_ms. */
static bool
wait_for_threads(struct executor *executor, uint64_t deadline_ms)
{
	while (executor->alive > 0) {
		uint64_t now_ms = clock_now().mono_ms;
		uint64_t left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
		struct timespec until;

		if (left_ms == 0)
			return false;
		if (left_ms > 3600000)
			left_ms = 3600000;
		(void)clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += (time_t)(left_ms / 1000);
		until.tv_nsec += (long)(left_ms % 1000) * 1000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000;
		}
		(void)pthread_cond_timedwait(&executor->ended, &executor->mutex, &until);
	}
	return true;
}

bool
executor_stop(struct executor *executor, uint64_t deadline_ms)
{
	bool ended;

	if (executor == NULL)
		return true;
	pthread_mutex_lock(&executor->mutex);
	executor->stopping = true;
	pool_cancel(&executor->prepares, NULL, 0);
	pthread_cond_broadcast(&executor->calls.more);
	pthread_cond_broadcast(&executor->prepares.more);
	ended = wait_for_threads(executor, deadline_ms);
	pthread_mutex_unlock(&executor->mutex);
	if (!ended)
		return false;
	pool_join(&executor->calls);
	pool_join(&executor->prepares);
	pthread_cond_destroy(&executor->ended);
	pthread_mutex_destroy(&executor->mutex);
	free(executor);
	return true;
}
