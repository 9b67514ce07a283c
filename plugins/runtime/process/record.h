/* record.h - what the folder of a container says.
 *
 * The files are checked like a stranger's: bounded, parsed whole, ranges and names
 * compared. A damaged one never hides its container: it is listed, with the damage
 * as its reason, so that it can be ended and removed. [any]
 */
#ifndef PROCESS_RECORD_H
#define PROCESS_RECORD_H

#include "process.h"

#define EXIT_CODE_UNKNOWN 255
#define STATE_SIZE_MAX    4096 /* of started.json and outcome.json */

/* Folders with these prefixes are not containers (yet, or any more). */
#define MAKING_PREFIX ".new-"
#define GONE_PREFIX   ".gone-"

struct record {
	struct handle handle;
	struct cube_container container; /* struct_size set; as inspect returns it */
	struct cgroup_dirs cgroups;
	bool earlier_boot;    /* made before the machine was last started */
	bool supervised;      /* its supervisor lives */
	bool has_started;     /* pid is known */
	bool has_outcome;     /* it has ended for good */
	pid_t pid;            /* its first process, if has_started */
	uint64_t start_ticks; /* of that process, against reuse of its number */
};

/* NOT_FOUND if there is none. A container whose supervisor was lost is ended here:
 * what is left of it is killed and its outcome written. */
int record_load(struct process *self, const struct handle *handle, uint64_t deadline_ms,
		struct record *out, struct cube_error *err);

/* Writes spec.json into the folder; ports as they are bound. */
int record_write_spec(const struct process *self, int folder_fd,
		      const struct cube_task_spec *spec, const struct cube_port *ports,
		      const struct cgroup_dirs *cgroups, struct cube_error *err);

/* Writes an outcome in the supervisor's place: exit code not known, and why. */
int record_write_outcome(int folder_fd, const char *reason, int64_t finished_ms,
			 struct cube_error *err);

/* Removes folder, cgroups, lock file, and gives back its ports. */
int record_remove(struct process *self, const struct record *record, uint64_t deadline_ms,
		  struct cube_error *err);

/* Is a supervisor alive that holds this container? */
int record_is_locked(const struct process *self, const char *handle, bool *locked,
		     struct cube_error *err);

/* The name of its cgroups. */
void record_cgroup_name(const struct process *self, const char *handle, char out[NAME_SIZE]);

/* Copies as much as the caller has room for. */
void record_copy(const struct record *record, struct cube_container *out);

#endif
