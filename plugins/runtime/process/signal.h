/* signal.h - send a signal to a container. [task] */
#ifndef PROCESS_SIGNAL_H
#define PROCESS_SIGNAL_H

#include "record.h"

/* To the process group of its first process; SIGKILL also to all in its cgroup. One
 * that has ended is no error. */
int signal_send(const struct record *record, int signo, struct cube_error *err);

#endif
