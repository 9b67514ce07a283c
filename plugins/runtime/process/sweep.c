/* sweep.c - end and count all that lives in a cgroup, of version 1 or 2.
 *
 * Version 2 kills a whole cgroup by one write to cgroup.kill. Where there is none
 * (version 1, or a kernel before 5.14) the processes are read and killed one by
 * one, and where the pids controller is there, forking is forbidden first, so
 * that a fork bomb cannot outrun the reader. Linux, Documentation/admin-guide:
 * cgroup-v1/ and cgroup-v2.rst.
 */
#include "sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROCS "cgroup.procs"

enum {
	READ_SIZE = 4096,
	ROUNDS_MAX = 16 /* of killing one by one, in one call */
};

static int
open_in(const char *cgroup, const char *file, int flags)
{
	char path[PATH_MAX];
	int length = snprintf(path, sizeof(path), "%s/%s", cgroup, file);

	if (length < 0 || (size_t)length >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(path, flags | O_CLOEXEC | O_NOCTTY);
}

static bool
write_in(const char *cgroup, const char *file, const char *text)
{
	int fd = open_in(cgroup, file, O_WRONLY);
	ssize_t written;

	if (fd < 0)
		return false;
	written = write(fd, text, strlen(text));
	(void)close(fd);
	return written == (ssize_t)strlen(text);
}

/* Reads process numbers to the end of the file and sends each the signal; 0 sends
 * none. Returns how many there are, and one of them in *any. Those of another pid
 * namespace read as 0: they are out of our reach and not ours. */
static unsigned
each_process(int fd, int signo, pid_t *any)
{
	char block[READ_SIZE];
	unsigned count = 0;
	pid_t pid = 0;
	ssize_t size;

	if (fd < 0)
		return 0;
	while ((size = read(fd, block, sizeof(block))) > 0) {
		for (ssize_t i = 0; i < size; i++) {
			if (block[i] >= '0' && block[i] <= '9' && pid < INT_MAX / 10 - 1) {
				pid = pid * 10 + (block[i] - '0');
				continue;
			}
			if (pid > 1 && pid != getpid()) {
				count++;
				*any = pid;
				if (signo != 0)
					(void)kill(pid, signo);
			}
			pid = 0;
		}
	}
	(void)close(fd);
	return count;
}

void
sweep_kill(const char *cgroup)
{
	unsigned before = UINT_MAX;
	pid_t any = 0;

	if (write_in(cgroup, "cgroup.kill", "1"))
		return;
	(void)write_in(cgroup, "pids.max", "0");
	/* New ones can only come from those not yet killed: go on while they get fewer. */
	for (int round = 0; round < ROUNDS_MAX; round++) {
		unsigned count = each_process(open_in(cgroup, PROCS, O_RDONLY), SIGKILL, &any);

		if (count == 0 || count >= before)
			return;
		before = count;
	}
}

pid_t
sweep_any(const char *cgroup)
{
	pid_t any = 0;

	(void)each_process(open_in(cgroup, PROCS, O_RDONLY), 0, &any);
	return any;
}

bool
sweep_is_empty(const char *cgroup)
{
	return sweep_any(cgroup) == 0;
}

void
sweep_kill_children(void)
{
	char folder[64];
	pid_t any = 0;

	(void)snprintf(folder, sizeof(folder), "/proc/self/task/%d", (int)getpid());
	(void)each_process(open_in(folder, "children", O_RDONLY), SIGKILL, &any);
}

/* The number behind "oom_kill " at the start of a line, or 0. */
static unsigned
oom_kills_in(const char *cgroup, const char *file)
{
	static const char key[] = "oom_kill ";
	char text[READ_SIZE];
	const char *line = text;
	ssize_t size;
	int fd = open_in(cgroup, file, O_RDONLY);

	if (fd < 0)
		return 0;
	size = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	if (size <= 0)
		return 0;
	text[size] = '\0';
	while (line != NULL) {
		if (strncmp(line, key, sizeof(key) - 1) == 0)
			return (unsigned)strtoul(line + sizeof(key) - 1, NULL, 10);
		line = strchr(line, '\n');
		if (line != NULL)
			line++;
	}
	return 0;
}

unsigned
sweep_oom_kills(const char *cgroup)
{
	unsigned kills = oom_kills_in(cgroup, "memory.events");

	return kills != 0 ? kills : oom_kills_in(cgroup, "memory.oom_control");
}

int
sweep_remove(const char *cgroup)
{
	if (rmdir(cgroup) == 0 || errno == ENOENT)
		return 0;
	return -1;
}
