/* shell/runtime_job.h - one job of the worker's brain, done by one call of the runtime.
 *
 * Used by the thread that does the job, but for cancelled.
 */
#ifndef SHELL_RUNTIME_JOB_H
#define SHELL_RUNTIME_JOB_H

#include "plugin/runtime.h"
#include "shell/loop.h"
#include "worker/message.h"

#include <stdatomic.h>

/* All pointers are borrowed. */
struct runtime_job {
	struct runtime *runtime;
	const char *worker; /* the instance's uuid, for labels */
	struct loop *loop;  /* hears how far a prepare is */
	const struct worker_effect *effect;
	atomic_bool cancelled; /* [any] a prepare ends soon, one not yet begun is not begun */
	uint64_t progress_ms;  /* when progress was last told */
};

/* Does it, and writes what became of it into done: its error's code is 0 if it went well. */
void runtime_job_run(struct runtime_job *job, struct worker_message *done);

#endif
