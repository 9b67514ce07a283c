/* launch.c - start a supervisor, and hear from it whether the program executes.
 *
 * What is to run goes through a memory file, so no environment is ever on disk or on
 * a command line. The supervisor gets an empty environment, no descriptors but its
 * own, and leaves us by forking: the process we start ends at once, so there is
 * nothing to reap later and nothing that ends with us.
 */
#include "launch.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define FD_FLOOR 10 /* over the numbers that the supervisor wants */

/* A descriptor that dup2 to LAUNCH_FD, REPORT_FD or LOCK_FD cannot run over. */
static int
lift(int fd)
{
	int lifted = fcntl(fd, F_DUPFD_CLOEXEC, FD_FLOOR);
	int saved = errno;

	(void)close(fd);
	errno = saved;
	return lifted;
}

static int
make_memory_file(const struct buf *launch)
{
	int fd = memfd_create("cube-launch", MFD_CLOEXEC);
	size_t done = 0;

	if (fd < 0)
		return -1;
	while (done < launch->size) {
		ssize_t size = write(fd, launch->data + done, launch->size - done);

		if (size < 0 && errno == EINTR)
			continue;
		if (size <= 0) {
			int saved = errno;

			(void)close(fd);
			errno = saved;
			return -1;
		}
		done += (size_t)size;
	}
	return lift(fd);
}

/* 0 or an errno. */
static int
set_up(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes, int launch_fd,
       int report_fd, int lock_fd)
{
	sigset_t all;
	int result = 0;

	(void)sigfillset(&all);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && result == 0; fd++)
		result = posix_spawn_file_actions_addopen(actions, fd, "/dev/null", O_RDWR, 0);
	if (result == 0)
		result = posix_spawn_file_actions_adddup2(actions, launch_fd, LAUNCH_FD);
	if (result == 0)
		result = posix_spawn_file_actions_adddup2(actions, report_fd, REPORT_FD);
	if (result == 0)
		result = posix_spawn_file_actions_adddup2(actions, lock_fd, LOCK_FD);
	if (result == 0)
		result = posix_spawnattr_setsigdefault(attributes, &all);
	if (result == 0)
		result = posix_spawnattr_setflags(attributes,
						  POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
	return result;
}

static int
spawn(const struct process *self, const struct handle *handle, int launch_fd, int report_fd,
      int lock_fd, pid_t *pid)
{
	char name[] = "process-supervisor";
	char text[HANDLE_SIZE];
	char *argv[] = {name, text, NULL};
	char *envp[] = {NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int result = posix_spawn_file_actions_init(&actions);

	if (result != 0)
		return result;
	memcpy(text, handle->text, sizeof(text));
	result = posix_spawnattr_init(&attributes);
	if (result == 0) {
		result = set_up(&actions, &attributes, launch_fd, report_fd, lock_fd);
		if (result == 0)
			result = posix_spawn(pid, self->settings.supervisor, &actions,
					     &attributes, argv, envp);
		(void)posix_spawnattr_destroy(&attributes);
	}
	(void)posix_spawn_file_actions_destroy(&actions);
	return result;
}

/* One line, without its newline; shorter if the pipe ends before. */
static int
read_report(const struct process *self, int fd, uint64_t deadline_ms, char text[REPORT_SIZE],
	    struct cube_error *err)
{
	size_t used = 0;

	while (used < REPORT_SIZE - 1 && memchr(text, '\n', used) == NULL) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		uint64_t now_ms = self->host->now_ms(self->host->ctx);
		uint64_t left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
		int ready = poll(&wait, 1, left_ms > INT_MAX ? INT_MAX : (int)left_ms);
		ssize_t size;

		if (ready == 0)
			return cube_fail(err, CUBE_ERR_TIMEOUT, 0,
					 "the supervisor has not answered in time");
		if (ready < 0)
			continue; /* a signal; the deadline holds */
		size = read(fd, text + used, REPORT_SIZE - 1 - used);
		if (size <= 0)
			break;
		used += (size_t)size;
	}
	text[used] = '\0';
	return 0;
}

/* Errors of execve that the task is not to blame for. */
static bool
is_passing(int sys_errno)
{
	return sys_errno == ENOMEM || sys_errno == EAGAIN || sys_errno == EMFILE ||
	       sys_errno == ENFILE || sys_errno == ETXTBSY || sys_errno == EIO;
}

static int
understand(char *text, const char *program, int64_t *started_ms, struct cube_error *err)
{
	const char *last = strrchr(text, ' ');
	char *stage = NULL;
	long sys_errno;

	if (strncmp(text, REPORT_RUNNING " ", 2) == 0 && last != NULL) {
		*started_ms = strtoll(last + 1, NULL, 10);
		return 0;
	}
	if (strncmp(text, REPORT_FAILED " ", 2) != 0)
		return cube_fail(err, CUBE_ERR_TIMEOUT, 0,
				 "the supervisor ended without an answer");
	sys_errno = strtol(text + 2, &stage, 10);
	stage += *stage == ' ';
	stage[strcspn(stage, "\n")] = '\0';
	if (strcmp(stage, STAGE_EXEC) == 0)
		return cube_fail(
			err,
			is_passing((int)sys_errno) ? CUBE_ERR_UNAVAILABLE : CUBE_ERR_INVALID,
			(int)sys_errno, "exec %s: %s", program, strerror((int)sys_errno));
	return cube_fail(err, CUBE_ERR_UNAVAILABLE, (int)sys_errno, "supervisor: %s: %s", stage,
			 strerror((int)sys_errno));
}

int
launch_spawn(const struct process *self, const struct handle *handle, const char *program,
	     const struct buf *launch, int lock_fd, uint64_t deadline_ms, int64_t *started_ms,
	     struct cube_error *err)
{
	cleanup_close int launch_fd = make_memory_file(launch);
	cleanup_close int report_read = -1;
	int report_write = -1;
	int ends[2];
	char text[REPORT_SIZE] = "";
	int result;
	pid_t pid = -1;

	if (launch_fd < 0)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, errno, "make a memory file: %s",
				 strerror(errno));
	if (pipe2(ends, O_CLOEXEC) != 0)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, errno, "make a pipe: %s",
				 strerror(errno));
	report_read = ends[0];
	report_write = lift(ends[1]);
	result = report_write < 0 ? errno
				  : spawn(self, handle, launch_fd, report_write, lock_fd, &pid);
	if (report_write >= 0)
		(void)close(report_write);
	if (result != 0)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, result, "start %s: %s",
				 self->settings.supervisor, strerror(result));
	result = read_report(self, report_read, deadline_ms, text, err);
	/* The process we started has forked and ended long ago. Who ignores SIGCHLD or
	 * waits for any child may have taken it from us: that is no error. */
	while (waitpid(pid, NULL, result == 0 ? 0 : WNOHANG) < 0 && errno == EINTR)
		continue;
	return result != 0 ? result : understand(text, program, started_ms, err);
}
