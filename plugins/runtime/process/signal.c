/* signal.c - send a signal to a container.
 *
 * The first process is held by a pidfd before its start time is compared with the one
 * noted when it started, so a number that was given to another process is never
 * signalled. Killing it is enough to end all: the supervisor kills what it leaves; the
 * cgroup is killed here too, so that nothing more is forked meanwhile.
 */
#include "signal.h"

#include "sweep.h"
#include "ticks.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PIDFD_SIGNAL_PROCESS_GROUP
#define PIDFD_SIGNAL_PROCESS_GROUP (1u << 2) /* Linux 6.9 */
#endif

/* The group has the number of its first process. Before Linux 6.9 a group is named by
 * that number alone; the pidfd tells that it still is that process's. Where there are no
 * pidfds (before 5.3, under valgrind) the start time alone has to do. */
static int
send_to_group(int pidfd, pid_t pid, int signo)
{
	if (pidfd < 0)
		return kill(-pid, signo);
	if (syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, PIDFD_SIGNAL_PROCESS_GROUP) == 0)
		return 0;
	if (errno != EINVAL)
		return -1;
	if (syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) != 0)
		return -1;
	return kill(-pid, signo);
}

int
signal_send(const struct record *record, int signo, struct cube_error *err)
{
	int pidfd;
	int result = 0;

	if (record->container.state == CUBE_CONTAINER_EXITED)
		return 0;
	if (signo == SIGKILL && record->cgroups.count > 0)
		sweep_kill(record->cgroups.dirs[0].path);
	if (!record->has_started) {
		if (!record->supervised || (signo == SIGKILL && record->cgroups.count > 0))
			return 0;
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0, "%s is not started yet",
				 record->handle.text);
	}
	pidfd = (int)syscall(SYS_pidfd_open, record->pid, 0);
	if (pidfd < 0 && errno == ESRCH)
		return 0;
	if (pidfd < 0 && errno != ENOSYS)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, errno, "signal %s: %s",
				 record->handle.text, strerror(errno));
	if (process_start_ticks(record->pid) == record->start_ticks)
		result = send_to_group(pidfd, record->pid, signo);
	if (result != 0 && errno != ESRCH)
		result = cube_fail(
			err, errno == EINVAL ? CUBE_ERR_INVALID : CUBE_ERR_UNAVAILABLE, errno,
			"signal %s: %s", record->handle.text, strerror(errno));
	else
		result = 0;
	if (pidfd >= 0)
		(void)close(pidfd);
	return result;
}
