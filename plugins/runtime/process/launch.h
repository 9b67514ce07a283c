/* launch.h - what a supervisor is told, and starting one. [any] */
#ifndef PROCESS_LAUNCH_H
#define PROCESS_LAUNCH_H

#include "process.h"

#include "base/buf.h"

/* The file that the task's program is: INVALID if there is none. *out is the
 * caller's to free. */
int launch_find_program(const struct cube_task_spec *spec, char **out, struct cube_error *err);

/* Writes all that the supervisor needs (supervisor.h), with the ports as bound. */
int
launch_write(const struct process *self, const struct cube_task_spec *spec,
	     const struct handle *handle, const char *program, const struct cube_port *ports,
	     const struct cgroup_dirs *cgroups, struct buf *out, struct cube_error *err);

/* Starts a supervisor and waits until the program executes. lock_fd is the container's lock,
 * taken; the supervisor has it too from here on. TIMEOUT: it may or may not run. Any other
 * error: it does not, and nothing of it is left but the folder. */
int launch_spawn(const struct process *self, const struct handle *handle, const char *program,
		 const struct buf *launch, int lock_fd, uint64_t deadline_ms,
		 int64_t *started_ms, struct cube_error *err);

#endif
