/* shell/executor.h - carries out the worker brain's jobs on the container runtime.
 *
 * Two pools of threads: the executor's, for calls that take moments (as many as the
 * runtime wants at once, eight at the most), and the preparer's, for pulls that take
 * minutes and can be cancelled. A runtime that wants one call at a time has one thread for
 * everything, and its logs take their turn there too. Each job is answered with exactly one
 * WORKER_JOB_DONE, whatever became of it, unless the executor is stopped before. The brain
 * keeps to one job a task, so no task's calls overlap.
 */
#ifndef SHELL_EXECUTOR_H
#define SHELL_EXECUTOR_H

#include "plugin/runtime.h"
#include "shell/loop.h"
#include "worker/message.h"

struct executor;

/* runtime is borrowed until executor_stop; worker, the instance's uuid for labels, is
 * copied; answers go to loop. Starts the threads. */
int executor_new(struct runtime *runtime, const char *worker, struct loop *loop,
		 struct executor **out, struct cube_error *err);

/* [loop's thread] Takes effect, a job or a cancel. */
void executor_take(struct executor *executor, struct worker_effect *effect);

/* [any] runtime_logs on the calling thread, or, where only one call may be under way, in
 * its turn: then the output comes whole, and cannot be followed (UNSUPPORTED), be longer
 * than 4 MiB or take longer than 10 s (TIMEOUT); UNAVAILABLE: no turn within 10 s. */
int executor_logs(struct executor *executor, const char *handle,
		  const struct cube_log_request *request, struct cube_error *err);

/* No executor_logs may be under way any more. Gives up what waits, cancels what prepares,
 * and waits for the calls under way until mono deadline_ms. True if all threads have ended
 * and it is freed; else it is left as it is, for the process to end with. NULL is fine. */
bool executor_stop(struct executor *executor, uint64_t deadline_ms);

#endif
