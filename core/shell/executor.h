/* shell/executor.h - carries out the worker brain's jobs on the container runtime.
 *
 * Two pools of threads: the executor's, for calls that take moments (as many as the
 * runtime wants at once, four at the most), and the preparer's, for pulls that take
 * minutes and can be cancelled. A call's deadline starts when the call does. Each job is
 * answered with exactly one WORKER_JOB_DONE, whatever became of it. The brain keeps to one
 * job a task, so no task's calls overlap.
 */
#ifndef SHELL_EXECUTOR_H
#define SHELL_EXECUTOR_H

#include "plugin/runtime.h"
#include "shell/loop.h"
#include "worker/message.h"

struct executor;

/* runtime and worker (the instance's uuid, for labels) are borrowed until executor_free;
 * answers go to loop. Starts the threads. */
int executor_new(struct runtime *runtime, const char *worker, struct loop *loop,
		 struct executor **out, struct cube_error *err);

/* [loop's thread] Takes effect, a job or a cancel. */
void executor_take(struct executor *executor, struct worker_effect *effect);

/* Gives up what waits, cancels what prepares, and waits for the calls under way until mono
 * deadline_ms. True if all threads have ended and it is freed; else it is left as it is,
 * for the process to end with. */
bool executor_stop(struct executor *executor, uint64_t deadline_ms);

#endif
