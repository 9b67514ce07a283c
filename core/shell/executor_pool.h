/* shell/executor_pool.h - what the files of the executor share. Private to executor.c and
 * overdue.c.
 *
 * One mutex guards the lists of both pools; it is held for a few instructions, never during
 * a call of the runtime. A job under way is its thread's, but for what is said below.
 */
#ifndef SHELL_EXECUTOR_POOL_H
#define SHELL_EXECUTOR_POOL_H

#include "shell/executor.h"
#include "shell/runtime_job.h"

#include <pthread.h>
#include <stdbool.h>

#define EXECUTORS_MAX 8
#define THREADS_MAX   16 /* with those in place of threads that hang */

/* Logs of a runtime that is called by one thread alone. On the stack of who asks. */
struct turn {
	const char *handle;
	struct cube_log_request request;
	uint64_t until_ms; /* mono */
	struct buf out;
	bool late;
	bool begun; /* with the executor's mutex, as is over */
	bool over;
	int rc;
	struct cube_error err;
};

/* Of the brain (effect), or a turn. */
struct job {
	struct job *next;
	struct worker_effect *effect;
	struct turn *turn;
	struct runtime_job call;
	/* With the mutex; times are mono, and 0 before it is begun. */
	uint64_t begun_ms;
	uint64_t due_ms;  /* it should be back */
	uint64_t tell_ms; /* when to tell of it next */
	bool told;
	bool overdue; /* well beyond its deadline */
};

/* Jobs that wait and jobs that a thread of the pool has taken. */
struct pool {
	struct executor *executor;
	const char *name; /* of its threads */
	size_t at_once;   /* jobs under way, those overdue not counted */
	struct job *waiting;
	struct job **waiting_end;
	struct job *running;
	size_t running_count;
	size_t overdue_count; /* of those running; always 0 if alone */
	pthread_cond_t more;
	pthread_t threads[THREADS_MAX];
	size_t thread_count;
};

struct executor {
	struct runtime *runtime;
	char worker[ID_SIZE];
	struct loop *loop;
	bool alone;            /* one call at a time, of whatever kind */
	pthread_mutex_t mutex; /* guards all below */
	pthread_cond_t ended;  /* a thread, or a turn */
	size_t alive;          /* threads */
	bool stopping;
	struct pool calls;
	struct pool prepares;
	/* overdue.c */
	pthread_cond_t watched; /* there is something to look at sooner than look_ms */
	pthread_t watcher;
	bool watcher_started;
	uint64_t look_ms;
};

/* With the mutex. Waits for cond once; false when deadline_ms, on clock_now's mono_ms, has
 * passed. cond counts on CLOCK_MONOTONIC. */
bool executor_wait(struct executor *executor, pthread_cond_t *cond, uint64_t deadline_ms);
/* With the mutex. Starts a thread of the pool. */
int pool_grow(struct pool *pool, struct cube_error *err);

/* ---- overdue.c ---- */

int overdue_start(struct executor *executor, struct cube_error *err);
void overdue_stop(struct executor *executor); /* once stopping is set and told; idempotent */
/* With the mutex: job is begun now, or has returned. */
void overdue_begin(struct executor *executor, struct job *job);
void overdue_end(struct pool *pool, struct job *job);

#endif
