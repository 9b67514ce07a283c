/* supervisor.h - the supervisor program: what it is told, and what its files share.
 *
 * process.so starts one supervisor for each container and hands it three descriptors:
 * LAUNCH_FD, a memory file with all that is to run, as NUL-ended texts in the order
 * of struct launch, numbers in decimal; REPORT_FD, a pipe on which it answers with one
 * line, REPORT_RUNNING or REPORT_FAILED, and which it then closes; and LOCK_FD, the
 * container's lock file, locked. Both sides are built and installed together;
 * LAUNCH_MAGIC catches it if they are not.
 */
#ifndef PROCESS_SUPERVISOR_H
#define PROCESS_SUPERVISOR_H

#include "names.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct launch_cgroup {
	char kind; /* enum cgroup_kind */
	char path[CGROUP_PATH_SIZE];
};

struct launch {
	const char *folder; /* the container's, absolute */
	uint64_t log_bytes;
	bool has_user;
	uid_t uid;
	gid_t gid;
	const char *program;
	char **argv; /* NULL-ended, texts in the map */
	char **envp;
	struct launch_cgroup cgroups[CGROUP_DIRS_MAX];
	unsigned cgroup_count;
	char *map;
	size_t map_size;
};

/* false: not what this supervisor understands. */
bool launch_read(struct launch *launch, int fd);
/* Gives back all but the cgroups. */
void launch_release(struct launch *launch);

/* A child that is forked, in its cgroups, and waits to be let go. */
struct child {
	pid_t pid;
	int gate;      /* socket: a byte lets it go, what it sends back is its failure */
	int output[2]; /* the read ends of its stdout and stderr */
};

struct child_failure {
	int sys_errno;
	char stage[28];
};

bool child_fork(const struct launch *launch, int work_fd, struct child *child,
		struct child_failure *failure);
/* Lets it execute the program; false with the reason if that failed. */
bool child_release(struct child *child, struct child_failure *failure);

/* The two output files of the container. */
struct output {
	int folder_fd;
	int fd; /* -1: could not be opened, tried again at the next write */
	uint64_t size;
	uint64_t limit;
	uint64_t lost; /* bytes that could not be written since the last that could */
	size_t batched;
	char batch[2 * RECORD_TEXT_MAX]; /* pages that a quiet container never touches */
};

/* output is all zero. */
bool output_open(struct output *output, int folder_fd, uint64_t limit_bytes);
/* stream: 1 stdout, 2 stderr. */
void output_write(struct output *output, int stream, const char *bytes, size_t size);

int64_t wall_ms(void);

#endif
