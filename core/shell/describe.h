/* shell/describe.h - what a worker says of itself at its start: name, address, capacity,
 * labels. */
#ifndef SHELL_DESCRIBE_H
#define SHELL_DESCRIBE_H

#include "shell/worker.h"

#include "model/node.h"

/* Fills in all but what the brain knows (instance, cluster, the runtime's state). data_dir:
 * whose disk counts; runtime: the plugin's name. INVALID: a mistake of the command line. The
 * result is the caller's to release. Main thread. */
int describe_worker(const struct worker_settings *settings, const char *data_dir,
		    const char *runtime, struct node_info *out, struct cube_error *err);

/* What a machine with so much memory keeps of it for itself: the larger of 5 % and 128 MiB. */
int64_t describe_reserve(int64_t memory_bytes);

#endif
