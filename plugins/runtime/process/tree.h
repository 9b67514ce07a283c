/* tree.h - remove a folder and all that a container has put into it. [any] */
#ifndef PROCESS_TREE_H
#define PROCESS_TREE_H

#include "base/error.h"

/* Removes parent_fd/name, which may be gone already. CUBE_ERR_TIMEOUT at the
 * deadline: call it again and it goes on. */
int tree_remove(int parent_fd, const char *name, const struct cube_host *host,
		uint64_t deadline_ms, struct cube_error *err);

#endif
