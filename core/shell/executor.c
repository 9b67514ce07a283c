/* shell/executor.c - the pools of threads that call the runtime; see the header.
 *
 * Each pool takes from a list of its own, oldest first. A queue would not do: a cancel must
 * find jobs that wait and jobs under way. So there is one mutex here, which guards both
 * lists and is held for a few instructions, never during a call. A job under way is its
 * thread's; only its cancelled is set by others, and under the mutex, so that it is not
 * freed meanwhile. A pool has more threads than calls may be under way once some of those
 * are overdue (overdue.c); the threads stay, and wait, when the calls come back.
 */
#include "shell/executor.h"

#include "base/clock.h"
#include "base/thread.h"
#include "shell/executor_pool.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PREPARERS        3
#define TURN_MS          10000 /* to get a turn for logs, and again to use it */
#define TURN_LIMIT_BYTES ((size_t)4 * 1024 * 1024)

static void
lock(struct executor *executor)
{
	int failed = pthread_mutex_lock(&executor->mutex);

	assert(failed == 0);
	(void)failed;
}

static void
unlock(struct executor *executor)
{
	int failed = pthread_mutex_unlock(&executor->mutex);

	assert(failed == 0);
	(void)failed;
}

/* ---- lists, all with the mutex held ---- */

static void
waiting_add(struct pool *pool, struct job *job)
{
	job->next = NULL;
	*pool->waiting_end = job;
	pool->waiting_end = &job->next;
	(void)pthread_cond_signal(&pool->more);
}

/* Where the list points to job. */
static struct job **
list_find(struct job **list, const struct job *job)
{
	while (*list != job) {
		assert(*list != NULL);
		list = &(*list)->next;
	}
	return list;
}

static void
waiting_remove(struct pool *pool, struct job *job)
{
	struct job **at = list_find(&pool->waiting, job);

	*at = job->next;
	if (job->next == NULL)
		pool->waiting_end = at;
}

static void
running_add(struct pool *pool, struct job *job)
{
	job->next = pool->running;
	pool->running = job;
	pool->running_count++;
	overdue_begin(pool->executor, job);
}

static void
running_remove(struct pool *pool, struct job *job)
{
	*list_find(&pool->running, job) = job->next;
	pool->running_count--;
	overdue_end(pool, job);
}

/* A job waits, and no more are under way than may be. */
static bool
may_take(const struct pool *pool)
{
	return pool->waiting != NULL &&
	       pool->running_count - pool->overdue_count < pool->at_once;
}

/* The prepare of (task, attempt), or all: task_id NULL. */
static void
list_cancel(struct job *list, const char *task_id, uint32_t attempt)
{
	for (struct job *job = list; job != NULL; job = job->next) {
		const struct worker_effect *effect = job->effect;

		if (effect != NULL && effect->job == WORKER_JOB_PREPARE &&
		    (task_id == NULL ||
		     (effect->attempt == attempt && strcmp(effect->task_id, task_id) == 0)))
			atomic_store(&job->call.cancelled, true);
	}
}

static void
cancel(struct executor *executor, const char *task_id, uint32_t attempt)
{
	list_cancel(executor->calls.waiting, task_id, attempt);
	list_cancel(executor->calls.running, task_id, attempt);
	list_cancel(executor->prepares.waiting, task_id, attempt);
	list_cancel(executor->prepares.running, task_id, attempt);
}

bool
executor_wait(struct executor *executor, pthread_cond_t *cond, uint64_t deadline_ms)
{
	uint64_t now_ms = clock_now().mono_ms;
	uint64_t left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
	struct timespec until;

	if (left_ms == 0 || clock_gettime(CLOCK_MONOTONIC, &until) != 0)
		return false;
	if (left_ms > 3600000)
		left_ms = 3600000; /* soon enough to look again */
	until.tv_sec += (time_t)(left_ms / 1000);
	until.tv_nsec += (long)(left_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	(void)pthread_cond_timedwait(cond, &executor->mutex, &until);
	return true;
}

/* ---- threads ---- */

/* A cube_log_request.write: gathers. */
static int
turn_write(void *ctx, int stream, const void *bytes, size_t size)
{
	struct turn *turn = ctx;

	(void)stream;
	turn->late = clock_now().mono_ms >= turn->until_ms;
	if (!turn->late && size > 0)
		buf_append(&turn->out, bytes, size);
	return turn->late || turn->out.failed ? 1 : 0;
}

static void
turn_do(struct executor *executor, struct turn *turn)
{
	turn->until_ms = clock_now().mono_ms + TURN_MS;
	turn->rc = runtime_logs(executor->runtime, turn->handle, &turn->request, &turn->err);
	if (turn->rc == 0 && turn->late)
		turn->rc = cube_fail(&turn->err, CUBE_ERR_TIMEOUT, 0,
				     "the output did not come within %d s", TURN_MS / 1000);
	else if (turn->rc == 0 && turn->out.failed)
		turn->rc = cube_fail(&turn->err, CUBE_ERR_INVALID, 0,
				     "the output is longer than %zu bytes: ask for its tail",
				     TURN_LIMIT_BYTES);
}

/* Answers the brain. A job that cannot be answered for want of memory would leave its task
 * stuck for ever, so the process ends and starts anew. */
static void
effect_do(struct executor *executor, struct job *job)
{
	struct worker_message *done = worker_message_new(WORKER_JOB_DONE);

	if (done == NULL)
		abort();
	runtime_job_run(&job->call, done);
	loop_post_answer(executor->loop, &done->message);
}

static void
job_free(struct job *job)
{
	worker_effect_free(&job->effect->item);
	free(job);
}

static void *
pool_run(void *arg)
{
	struct pool *pool = arg;
	struct executor *executor = pool->executor;

	lock(executor);
	for (;;) {
		struct job *job;

		while (!may_take(pool) && !executor->stopping)
			(void)pthread_cond_wait(&pool->more, &executor->mutex);
		if (executor->stopping)
			break;
		job = pool->waiting;
		waiting_remove(pool, job);
		running_add(pool, job);
		if (job->turn != NULL)
			job->turn->begun = true;
		unlock(executor);

		if (job->turn != NULL)
			turn_do(executor, job->turn);
		else
			effect_do(executor, job);

		lock(executor);
		running_remove(pool, job);
		if (job->turn == NULL) {
			job_free(job);
		} else {
			job->turn->over = true; /* from here on it is gone */
			(void)pthread_cond_broadcast(&executor->ended);
		}
	}
	executor->alive--;
	(void)pthread_cond_broadcast(&executor->ended);
	unlock(executor);
	return NULL;
}

static void
pool_init(struct pool *pool, struct executor *executor, const char *name, size_t at_once)
{
	pool->executor = executor;
	pool->name = name;
	pool->at_once = at_once;
	pool->waiting_end = &pool->waiting;
}

int
pool_grow(struct pool *pool, struct cube_error *err)
{
	int rc = thread_start(&pool->threads[pool->thread_count], pool->name, pool_run, pool,
			      err);

	if (rc < 0)
		return rc;
	pool->thread_count++;
	pool->executor->alive++;
	return 0;
}

static int
pool_start(struct pool *pool, struct cube_error *err)
{
	int rc = 0;

	lock(pool->executor);
	while (rc == 0 && pool->thread_count < pool->at_once)
		rc = pool_grow(pool, err);
	unlock(pool->executor);
	return rc;
}

static void
pool_join(struct pool *pool)
{
	for (size_t i = 0; i < pool->thread_count; i++)
		(void)pthread_join(pool->threads[i], NULL);
	while (pool->waiting != NULL) {
		struct job *job = pool->waiting;

		assert(job->turn == NULL);
		pool->waiting = job->next;
		job_free(job);
	}
}

/* ---- the executor ---- */

static void
executor_free(struct executor *executor)
{
	(void)pthread_cond_destroy(&executor->calls.more);
	(void)pthread_cond_destroy(&executor->prepares.more);
	(void)pthread_cond_destroy(&executor->ended);
	(void)pthread_cond_destroy(&executor->watched);
	(void)pthread_mutex_destroy(&executor->mutex);
	free(executor);
}

/* False: no memory; then nothing is left behind. */
static bool
locks_init(struct executor *executor)
{
	pthread_condattr_t attr;

	if (pthread_mutex_init(&executor->mutex, NULL) != 0)
		return false;
	if (pthread_condattr_init(&attr) != 0)
		goto no_attr;
	if (pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) != 0 ||
	    pthread_cond_init(&executor->ended, &attr) != 0)
		goto no_ended;
	if (pthread_cond_init(&executor->watched, &attr) != 0)
		goto no_watched;
	if (pthread_cond_init(&executor->calls.more, NULL) != 0)
		goto no_calls;
	if (pthread_cond_init(&executor->prepares.more, NULL) != 0)
		goto no_prepares;
	(void)pthread_condattr_destroy(&attr);
	return true;
no_prepares:
	(void)pthread_cond_destroy(&executor->calls.more);
no_calls:
	(void)pthread_cond_destroy(&executor->watched);
no_watched:
	(void)pthread_cond_destroy(&executor->ended);
no_ended:
	(void)pthread_condattr_destroy(&attr);
no_attr:
	(void)pthread_mutex_destroy(&executor->mutex);
	return false;
}

int
executor_new(struct runtime *runtime, const char *worker, struct loop *loop,
	     struct executor **out, struct cube_error *err)
{
	uint32_t parallel = runtime_max_parallel(runtime);
	struct executor *executor = calloc(1, sizeof(*executor));
	int rc;

	if (executor == NULL || !locks_init(executor)) {
		free(executor);
		return cube_fail(err, CUBE_ERR_NO_MEMORY, ENOMEM, "out of memory");
	}
	executor->runtime = runtime;
	(void)snprintf(executor->worker, sizeof(executor->worker), "%s", worker);
	executor->loop = loop;
	executor->alone = parallel == 1;
	executor->look_ms = UINT64_MAX;
	pool_init(&executor->calls, executor, "cube-exec",
		  parallel < EXECUTORS_MAX ? parallel : EXECUTORS_MAX);
	pool_init(&executor->prepares, executor, "cube-prepare", PREPARERS);

	rc = pool_start(&executor->calls, err);
	if (rc == 0 && !executor->alone)
		rc = pool_start(&executor->prepares, err);
	if (rc == 0)
		rc = overdue_start(executor, err);
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
	struct pool *pool = &executor->calls;
	struct job *job;

	if (effect->kind == WORKER_EFFECT_CANCEL) {
		lock(executor);
		cancel(executor, effect->task_id, effect->attempt);
		unlock(executor);
		worker_effect_free(&effect->item);
		return;
	}
	job = calloc(1, sizeof(*job));
	if (job == NULL)
		abort(); /* see effect_do */
	job->effect = effect;
	job->call.runtime = executor->runtime;
	job->call.worker = executor->worker;
	job->call.loop = executor->loop;
	job->call.effect = effect;
	if (effect->job == WORKER_JOB_PREPARE && !executor->alone)
		pool = &executor->prepares;
	lock(executor);
	waiting_add(pool, job);
	unlock(executor);
}

/* Until the turn is over, or was not given in time. */
static int
turn_wait(struct executor *executor, struct job *job)
{
	struct turn *turn = job->turn;
	uint64_t deadline_ms = clock_now().mono_ms + TURN_MS;
	int rc = 0;

	lock(executor);
	waiting_add(&executor->calls, job);
	while (!turn->over) {
		if (turn->begun) /* it ends by itself: turn_write sees to that */
			(void)pthread_cond_wait(&executor->ended, &executor->mutex);
		else if (!executor_wait(executor, &executor->ended, deadline_ms))
			break;
	}
	if (!turn->over) {
		waiting_remove(&executor->calls, job);
		rc = cube_fail(&turn->err, CUBE_ERR_UNAVAILABLE, 0,
			       "the runtime %s takes one call at a time and is busy: try again",
			       runtime_name(executor->runtime));
	} else {
		rc = turn->rc;
	}
	unlock(executor);
	return rc;
}

int
executor_logs(struct executor *executor, const char *handle,
	      const struct cube_log_request *request, struct cube_error *err)
{
	struct turn turn = {.handle = handle, .request = *request};
	struct job job = {.turn = &turn};
	int rc;

	if (!executor->alone)
		return runtime_logs(executor->runtime, handle, request, err);
	if (request->follow != 0)
		return cube_fail(err, CUBE_ERR_UNSUPPORTED, 0,
				 "the runtime %s takes one call at a time: its output cannot "
				 "be followed, only read",
				 runtime_name(executor->runtime));
	buf_init(&turn.out, TURN_LIMIT_BYTES);
	turn.request.ctx = &turn;
	turn.request.write = turn_write;
	rc = turn_wait(executor, &job);
	if (rc < 0)
		*err = turn.err;
	else if (turn.out.size > 0)
		(void)request->write(request->ctx, 1, turn.out.data, turn.out.size);
	buf_release(&turn.out);
	return rc;
}

bool
executor_stop(struct executor *executor, uint64_t deadline_ms)
{
	bool ended = true;

	if (executor == NULL)
		return true;
	lock(executor);
	executor->stopping = true;
	cancel(executor, NULL, 0);
	(void)pthread_cond_broadcast(&executor->calls.more);
	(void)pthread_cond_broadcast(&executor->prepares.more);
	(void)pthread_cond_broadcast(&executor->watched);
	while (executor->alive > 0 && ended)
		ended = executor_wait(executor, &executor->ended, deadline_ms);
	ended = executor->alive == 0;
	unlock(executor);
	overdue_stop(executor);
	if (!ended)
		return false;
	pool_join(&executor->calls);
	pool_join(&executor->prepares);
	executor_free(executor);
	return true;
}
