/* supervisor_child.c - fork the first process of a container and let it go.
 *
 * The child puts itself into its session, cgroups, folder and user and then waits
 * at a gate, so that its process id is on disk before the program executes. How it
 * joins its cgroups decides how long a start takes: writing a process into
 * cgroup.procs makes the kernel wait for an RCU grace period (some 12 ms measured),
 * so a version 2 cgroup is joined by being born in it (clone3, CLONE_INTO_CGROUP),
 * and one of version 1 by writing 0, the calling thread, to its file "tasks" (0.1 ms):
 * the child has one thread only, so that moves all of it.
 */
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void
failure_set(struct child_failure *failure, const char *stage)
{
	failure->sys_errno = errno;
	(void)snprintf(failure->stage, sizeof(failure->stage), "%s", stage);
}

static noreturn void
child_fail(int gate, const char *stage)
{
	struct child_failure failure = {0};

	failure_set(&failure, stage);
	(void)!write(gate, &failure, sizeof(failure));
	_exit(127);
}

static bool
join(const struct launch_cgroup *cgroup)
{
	const char *file = cgroup->kind == CGROUP_UNIFIED ? "cgroup.procs" : "tasks";
	char path[CGROUP_PATH_SIZE + 16];
	bool joined;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", cgroup->path, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	joined = write(fd, "0", 1) == 1;
	(void)close(fd);
	return joined;
}

/* posix_spawn of glibc leaves the two signals that its threads use among themselves
 * ignored, and its sigaction refuses to name them: ask the kernel. All zero is SIG_DFL. */
static void
reset_signals(void)
{
	static const unsigned long zero[8];
	sigset_t none;

	for (int signo = 32; signo < SIGRTMIN; signo++)
		(void)syscall(SYS_rt_sigaction, signo, zero, NULL, 8);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* By system call, as the C library's would first reach each thread it knows of, and in a
 * process that was cloned behind its back those may be others than there are. */
static bool
become(const struct launch *launch)
{
	return syscall(SYS_setgroups, 0, NULL) == 0 &&
	       syscall(SYS_setresgid, launch->gid, launch->gid, launch->gid) == 0 &&
	       syscall(SYS_setresuid, launch->uid, launch->uid, launch->uid) == 0;
}

static noreturn void
child_main(const struct launch *launch, const struct child *child, int gate,
	   const int output[2], int work_fd, pid_t parent, bool born_in_cgroup)
{
	char go;

	(void)close(child->gate);
	if (setsid() < 0)
		child_fail(gate, "setsid");
	for (unsigned i = 0; i < launch->cgroup_count; i++) {
		if (launch->cgroups[i].kind == CGROUP_UNIFIED && born_in_cgroup)
			continue;
		if (!join(&launch->cgroups[i]))
			child_fail(gate, STAGE_CGROUP);
	}
	if (dup2(output[0], STDOUT_FILENO) < 0 || dup2(output[1], STDERR_FILENO) < 0)
		child_fail(gate, "dup2");
	if (fchdir(work_fd) != 0)
		child_fail(gate, "chdir");
	(void)umask(022);
	if (launch->has_user && !become(launch))
		child_fail(gate, "user");
	/* After the change of user, which would clear it: without its supervisor nobody
	 * would know how this process ends, so it ends with it. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		child_fail(gate, "prctl");
	if (getppid() != parent || read(gate, &go, 1) != 1)
		_exit(127);
	reset_signals();
	(void)execve(launch->program, launch->argv, launch->envp);
	child_fail(gate, STAGE_EXEC);
}

/* fork, into the version 2 cgroup if there is one and the kernel can. */
static pid_t
fork_into(const struct launch *launch, bool *born_in_cgroup)
{
	struct clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD};
	int fd = -1;
	long pid;

	*born_in_cgroup = false;
	for (unsigned i = 0; i < launch->cgroup_count && fd < 0; i++) {
		if (launch->cgroups[i].kind == CGROUP_UNIFIED)
			fd = open(launch->cgroups[i].path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		return fork();
	args.cgroup = (__u64)fd;
	*born_in_cgroup = true;
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0) { /* an old kernel, or a sandbox that forbids it */
		*born_in_cgroup = false;
		pid = fork();
	}
	if (pid != 0)
		(void)close(fd);
	return (pid_t)pid;
}

static void
close_pair(const int pair[2])
{
	if (pair[0] >= 0)
		(void)close(pair[0]);
	if (pair[1] >= 0)
		(void)close(pair[1]);
}

bool
child_fork(const struct launch *launch, int work_fd, struct child *child,
	   struct child_failure *failure)
{
	int out[2] = {-1, -1};
	int err[2] = {-1, -1};
	int gate[2] = {-1, -1};
	pid_t parent = getpid();
	bool born_in_cgroup;

	if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, gate) != 0 ||
	    fcntl(out[0], F_SETFL, O_NONBLOCK) != 0 ||
	    fcntl(err[0], F_SETFL, O_NONBLOCK) != 0) {
		failure_set(failure, "pipe");
		goto failed;
	}
	*child = (struct child){.gate = gate[0], .output = {out[0], err[0]}};
	child->pid = fork_into(launch, &born_in_cgroup);
	if (child->pid == 0)
		child_main(launch, child, gate[1], (int[2]){out[1], err[1]}, work_fd, parent,
			   born_in_cgroup);
	if (child->pid < 0) {
		failure_set(failure, "fork");
		goto failed;
	}
	(void)close(gate[1]);
	(void)close(out[1]);
	(void)close(err[1]);
	return true;
failed:
	close_pair(out);
	close_pair(err);
	close_pair(gate);
	return false;
}

bool
child_release(struct child *child, struct child_failure *failure)
{
	ssize_t size;

	/* If the child has failed already, this fails too and its reason is there to read;
	 * if it was killed, nothing is, and it counts as started. */
	(void)!send(child->gate, "", 1, MSG_NOSIGNAL);
	do
		size = recv(child->gate, failure, sizeof(*failure), MSG_WAITALL);
	while (size < 0 && errno == EINTR);
	(void)close(child->gate);
	child->gate = -1;
	failure->stage[sizeof(failure->stage) - 1] = '\0';
	return size != (ssize_t)sizeof(*failure);
}
