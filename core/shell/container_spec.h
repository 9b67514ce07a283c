/* shell/container_spec.h - from a task's specification to what a runtime is handed.
 *
 * The result borrows the texts of the specification it was made from and owns the rest.
 * One allocation. Used by the thread that runs the job.
 */
#ifndef SHELL_CONTAINER_SPEC_H
#define SHELL_CONTAINER_SPEC_H

#include "base/error.h"
#include "model/task.h"

struct container_spec {
	struct cube_task_spec spec;
	struct cube_port ports[TASK_PORTS_MAX];
	char attempt[16];
	struct cube_label labels[]; /* the task's, then cube's own */
};

/* cluster, worker: uuids for the labels, borrowed. NULL: no memory. */
struct container_spec *container_spec_new(const struct task_spec *task, uint32_t attempt,
					  const char *cluster, const char *worker);
void container_spec_free(struct container_spec *spec);

#endif
