/* cgroup.h - where this machine lets us make cgroups, and those of one container.
 *
 * cgroups_detect looks once; what it found does not change. A container's list of
 * directories is kept in its spec.json, since a worker may come back to a machine whose
 * cgroups are mounted otherwise; a list that is read back is checked before use. [any]
 */
#ifndef PROCESS_CGROUP_H
#define PROCESS_CGROUP_H

#include "names.h"

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct cgroup_dir {
	char kind; /* enum cgroup_kind */
	char path[CGROUP_PATH_SIZE];
};

/* Of one container. */
struct cgroup_dirs {
	uint32_t count;
	struct cgroup_dir dirs[CGROUP_DIRS_MAX];
};

/* Of this machine: the folders under which containers get theirs; "": none. */
struct cgroups {
	char mount[64];
	char unified[CGROUP_PATH_SIZE];
	char pids[CGROUP_PATH_SIZE];
	char memory[CGROUP_PATH_SIZE];
	char cpu[CGROUP_PATH_SIZE];
	bool is_v2; /* unified has the controllers */
	uint32_t enforces;
};

/* mount: where cgroups are mounted. parent: a path below it, "" for the usual one,
 * "none" for no cgroups. Finding none is no error. */
int cgroups_detect(struct cgroups *out, const char *mount, const char *parent,
		   struct cube_error *err);

/* Makes directories of that name and sets the limits; what cannot be limited here
 * is not. On failure none is left. */
int cgroup_create(const struct cgroups *cgroups, const char *name, int64_t mcpu,
		  int64_t memory_bytes, struct cgroup_dirs *out, struct cube_error *err);

/* Is this a directory that cgroup_create may have made for that name? */
bool cgroup_dir_is_ours(const struct cgroups *cgroups, const struct cgroup_dir *dir,
			const char *name);

/* Kills what is in them and waits until they are empty; false: not by then. */
bool cgroup_clear(const struct cgroup_dirs *dirs, const struct cube_host *host,
		  uint64_t deadline_ms);
/* 0, or CUBE_ERR_UNAVAILABLE while processes are in them. */
int cgroup_remove(const struct cgroup_dirs *dirs, struct cube_error *err);

#endif
