/* shell/overdue.c - watches the executor's calls: one that does not come back is named, and
 * holds up no other.
 *
 * A call that takes a minute, or is beyond its deadline, is told to the brain, once more each
 * time its age has doubled, and again when it comes back. One that is well beyond its
 * deadline no longer counts as under way: another thread takes its place, so that one
 * container that hangs the runtime leaves the others alone. There are as many of those as
 * EXECUTORS_MAX; and none for a runtime that wants one call at a time. Owns the watching
 * thread, which sleeps while no call is long.
 */
#include "shell/executor_pool.h"

#include "base/clock.h"
#include "base/thread.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LONG_MS     60000 /* not a prepare: then it is worth a word */
#define GRACE_MS    5000  /* beyond the deadline, or the deadline once more if that is less */
#define TURN_DUE_MS 30000 /* of logs, which have no deadline of the runtime's */

static const char *
call_name(const struct job *job)
{
	static const char *const names[] = {
		[WORKER_JOB_PREPARE] = "prepare", [WORKER_JOB_RUN] = "run",
		[WORKER_JOB_SIGNAL] = "signal",   [WORKER_JOB_REMOVE] = "remove",
		[WORKER_JOB_INSPECT] = "inspect", [WORKER_JOB_LIST] = "list",
		[WORKER_JOB_PROBE] = "probe"};

	return job->effect == NULL ? "logs" : names[job->effect->job];
}

static const struct job *
older(const struct job *list, const struct job *oldest)
{
	for (; list != NULL; list = list->next)
		if (list->told && (oldest == NULL || list->begun_ms <= oldest->begun_ms))
			oldest = list;
	return oldest;
}

static size_t
told_count(const struct job *list)
{
	size_t count = 0;

	for (; list != NULL; list = list->next)
		count += list->told;
	return count;
}

/* The oldest by name, the others by number. */
static void
describe(const struct executor *executor, uint64_t now_ms, char *out, size_t size)
{
	const struct job *job =
		older(executor->prepares.running, older(executor->calls.running, NULL));
	size_t count =
		told_count(executor->calls.running) + told_count(executor->prepares.running);
	char others[32] = "";
	uint64_t age_s;

	out[0] = '\0';
	if (job == NULL)
		return;
	age_s = (now_ms - job->begun_ms) / 1000;
	if (count > 1)
		(void)snprintf(others, sizeof(others), ", and %zu more", count - 1);
	if (job->effect != NULL && job->effect->task_id[0] != '\0')
		(void)snprintf(out, size,
			       "runtime call %s of task %s attempt %u hangs for %" PRIu64
			       " s%s",
			       call_name(job), job->effect->task_id, job->effect->attempt,
			       age_s, others);
	else
		(void)snprintf(out, size, "runtime call %s hangs for %" PRIu64 " s%s",
			       call_name(job), age_s, others);
}

static bool
all_hang(const struct pool *pool)
{
	size_t hang = 0;

	for (const struct job *job = pool->running; job != NULL; job = job->next)
		hang += job->overdue;
	return hang > 0 && hang == pool->thread_count;
}

/* A hint that is lost for want of memory is made up for by the next. */
static void
tell(struct executor *executor, const struct job *job, uint64_t now_ms)
{
	struct worker_message *message = worker_message_new(WORKER_OVERDUE);

	if (message == NULL)
		return;
	if (job->effect != NULL) {
		message->job = job->effect->job;
		message->job_number = job->effect->job_number;
		message->attempt = job->effect->attempt;
		(void)memcpy(message->task_id, job->effect->task_id, sizeof(message->task_id));
	}
	message->hangs = job->overdue;
	message->starves = all_hang(&executor->calls) || all_hang(&executor->prepares);
	describe(executor, now_ms, message->reason, sizeof(message->reason));
	loop_post_answer(executor->loop, &message->message);
}

/* Another thread in its place, unless one waits already. */
static void
replace(struct pool *pool)
{
	struct cube_error err;

	if (pool->executor->alone)
		return; /* the one call of a runtime that wants no two stays the one */
	pool->overdue_count++;
	/* Without one, for want of memory, the next that is overdue tries again. */
	if (pool->thread_count - pool->overdue_count < pool->at_once &&
	    pool->thread_count < THREADS_MAX)
		(void)pool_grow(pool, &err);
	(void)pthread_cond_broadcast(&pool->more);
}

static void
look_at(struct pool *pool, struct job *job, uint64_t now_ms)
{
	if (job->due_ms <= now_ms) {
		job->overdue = true;
		job->due_ms = UINT64_MAX;
		job->tell_ms = now_ms;
		replace(pool);
	}
	if (job->tell_ms > now_ms)
		return;
	job->told = true;
	job->tell_ms = now_ms + (now_ms - job->begun_ms);
	tell(pool->executor, job, now_ms);
}

static uint64_t
look(struct pool *pool, uint64_t now_ms, uint64_t next_ms)
{
	for (struct job *job = pool->running; job != NULL; job = job->next) {
		look_at(pool, job, now_ms);
		if (job->tell_ms < next_ms)
			next_ms = job->tell_ms;
		if (job->due_ms < next_ms)
			next_ms = job->due_ms;
	}
	return next_ms;
}

static void *
watch(void *arg)
{
	struct executor *executor = arg;

	(void)pthread_mutex_lock(&executor->mutex);
	while (!executor->stopping) {
		uint64_t now_ms = clock_now().mono_ms;

		executor->look_ms = look(&executor->calls, now_ms, UINT64_MAX);
		executor->look_ms = look(&executor->prepares, now_ms, executor->look_ms);
		(void)executor_wait(executor, &executor->watched, executor->look_ms);
	}
	(void)pthread_mutex_unlock(&executor->mutex);
	return NULL;
}

int
overdue_start(struct executor *executor, struct cube_error *err)
{
	int rc = thread_start(&executor->watcher, "cube-overdue", watch, executor, err);

	executor->watcher_started = rc == 0;
	return rc;
}

void
overdue_stop(struct executor *executor)
{
	if (executor->watcher_started)
		(void)pthread_join(executor->watcher, NULL);
	executor->watcher_started = false;
}

void
overdue_begin(struct executor *executor, struct job *job)
{
	uint64_t timeout_ms = job->effect != NULL ? job->effect->timeout_ms : TURN_DUE_MS;

	job->begun_ms = clock_now().mono_ms;
	job->due_ms =
		job->begun_ms + timeout_ms + (timeout_ms < GRACE_MS ? timeout_ms : GRACE_MS);
	job->tell_ms = job->due_ms;
	if ((job->effect == NULL || job->effect->job != WORKER_JOB_PREPARE) &&
	    timeout_ms > LONG_MS)
		job->tell_ms = job->begun_ms + LONG_MS;
	if (job->tell_ms >= executor->look_ms)
		return;
	executor->look_ms = job->tell_ms;
	(void)pthread_cond_signal(&executor->watched);
}

void
overdue_end(struct pool *pool, struct job *job)
{
	if (job->overdue && !pool->executor->alone)
		pool->overdue_count--;
	job->overdue = false;
	if (job->told)
		tell(pool->executor, job, clock_now().mono_ms);
}
