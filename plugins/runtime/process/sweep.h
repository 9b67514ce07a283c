/* sweep.h - end and count all that lives in a cgroup, of version 1 or 2.
 *
 * Shared by process.so and its supervisor, so it stands on libc alone. A path is
 * that of one container's cgroup, without a slash at its end; one that does not
 * exist is empty. Holds no state. [any]
 */
#ifndef PROCESS_SWEEP_H
#define PROCESS_SWEEP_H

#include <stdbool.h>
#include <sys/types.h>

/* SIGKILL to each process in it, also to those that fork meanwhile. Returns at
 * once; the dying takes as long as it takes. */
void sweep_kill(const char *cgroup);
bool sweep_is_empty(const char *cgroup);
pid_t sweep_any(const char *cgroup); /* one of its processes; 0: it is empty */

/* SIGKILL to each child of this process. */
void sweep_kill_children(void);

/* How many of its processes the kernel has ended because memory was short; 0
 * where memory is not accounted. */
unsigned sweep_oom_kills(const char *cgroup);

/* 0, also if it is gone; -1 with errno, EBUSY while a process is in it. */
int sweep_remove(const char *cgroup);

#endif
