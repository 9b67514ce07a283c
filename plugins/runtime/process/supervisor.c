/* supervisor.c - the program that waits for one container and writes down how it ended.
 *
 * process.so starts it and may die, be killed or upgraded: the supervisor is nobody's
 * child (it forks once and its parent leaves), keeps the output, and is the reaper of
 * all that the container forks. When the first process has ended it kills what is
 * left, removes the cgroups and writes the outcome, durably, before its lock falls.
 * One thread, asleep in poll; statically linked where possible, since there is one for each
 * container. It says nothing on a terminal: what failed goes to the plugin or into the outcome.
 */
#include "supervisor.h"
#include "sweep.h"
#include "ticks.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	SWEEP_AGAIN_MS = 50,
	SWEEP_GIVE_UP_MS = 10000,
	DRAIN_MAX =
		2 << 20 /* bytes of output read after all have ended: over any pipe's size */
};

struct supervisor {
	int folder_fd;
	int work_fd;
	int signal_fd;
	int outcome_fd; /* its blocks are allocated before the program starts */
	struct launch launch;
	struct child child;
	bool ended;      /* the first process has */
	bool childless;  /* nothing is left to wait for */
	int wait_status; /* if ended */
	unsigned oom_kills;
	int64_t ended_ms;
	struct output output;
	char block[RECORD_TEXT_MAX];
};

static int64_t
mono_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The plugin may be gone: then nobody reads, and nothing is lost. SIGPIPE is blocked. */
static bool
report(const char *text)
{
	ssize_t size = write(REPORT_FD, text, strlen(text));

	(void)close(REPORT_FD);
	return size == (ssize_t)strlen(text);
}

static bool
report_failure(const struct child_failure *failure)
{
	char text[REPORT_SIZE];

	(void)snprintf(text, sizeof(text), REPORT_FAILED " %d %s\n", failure->sys_errno,
		       failure->stage);
	return report(text);
}

static bool
fail(struct child_failure *failure, const char *stage)
{
	failure->sys_errno = errno;
	(void)snprintf(failure->stage, sizeof(failure->stage), "%s", stage);
	return false;
}

/* Becomes nobody's child; block all signals but those that a fault raises. */
static bool
detach(void)
{
	sigset_t all;
	pid_t pid;

	(void)sigfillset(&all);
	(void)sigdelset(&all, SIGSEGV);
	(void)sigdelset(&all, SIGBUS);
	(void)sigdelset(&all, SIGILL);
	(void)sigdelset(&all, SIGFPE);
	if (sigprocmask(SIG_SETMASK, &all, NULL) != 0)
		return false;
	pid = fork();
	if (pid > 0)
		_exit(0);
	if (pid < 0)
		return false;
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 && chdir("/") == 0;
}

/* A full disk must not make us forget how the container ended. */
static bool
reserve_outcome(struct supervisor *self)
{
	char spaces[OUTCOME_SIZE_MAX];

	memset(spaces, ' ', sizeof(spaces));
	self->outcome_fd = openat(self->folder_fd, OUTCOME_FILE NEW_SUFFIX,
				  O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	return self->outcome_fd >= 0 &&
	       write(self->outcome_fd, spaces, sizeof(spaces)) == (ssize_t)sizeof(spaces);
}

static bool
prepare(struct supervisor *self, struct child_failure *failure)
{
	sigset_t chld;

	self->folder_fd = open(self->launch.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (self->folder_fd < 0)
		return fail(failure, "folder");
	self->work_fd = openat(self->folder_fd, WORK_FOLDER,
			       O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (self->work_fd < 0)
		return fail(failure, "working directory");
	if (!reserve_outcome(self))
		return fail(failure, "outcome file");
	if (!output_open(&self->output, self->folder_fd, self->launch.log_bytes))
		return fail(failure, "output file");
	(void)sigemptyset(&chld);
	(void)sigaddset(&chld, SIGCHLD);
	self->signal_fd = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	return self->signal_fd >= 0 || fail(failure, "signalfd");
}

/* Writes started.json, so that from here on the container counts as started. */
static bool
note_start(const struct supervisor *self, char *report_text, size_t size)
{
	unsigned long long ticks = process_start_ticks(self->child.pid);
	long long now = wall_ms();
	int fd = openat(self->folder_fd, STARTED_FILE NEW_SUFFIX,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool done;

	if (fd < 0)
		return false;
	done = dprintf(fd, "{\"Pid\":%d,\"StartTicks\":%llu,\"StartedMs\":%lld}\n",
		       (int)self->child.pid, ticks, now) > 0;
	if (close(fd) != 0 || !done)
		return false;
	(void)snprintf(report_text, size, REPORT_RUNNING " %d %llu %lld\n",
		       (int)self->child.pid, ticks, now);
	return renameat(self->folder_fd, STARTED_FILE NEW_SUFFIX, self->folder_fd,
			STARTED_FILE) == 0;
}

/* text is free of what JSON would have to escape. */
static void
write_outcome(const struct supervisor *self, int exit_code, const char *text)
{
	int length;

	(void)lseek(self->outcome_fd, 0, SEEK_SET);
	length = dprintf(self->outcome_fd,
			 "{\"ExitCode\":%d,\"OOMKilled\":%s,\"FinishedMs\":%lld,"
			 "\"Reason\":\"%s\"}\n",
			 exit_code, self->oom_kills > 0 ? "true" : "false",
			 (long long)wall_ms(), text);
	/* One fsync, after the rename, takes both to the disk. Should power fail between
	 * them, the outcome is found damaged, which is not worse than none. */
	if (length > 0 && ftruncate(self->outcome_fd, length) == 0 &&
	    renameat(self->folder_fd, OUTCOME_FILE NEW_SUFFIX, self->folder_fd, OUTCOME_FILE) ==
		    0)
		(void)fsync(self->outcome_fd);
}

static void
write_wait_status(const struct supervisor *self)
{
	char text[160];
	int status = self->wait_status;

	text[0] = '\0';
	if (WIFSIGNALED(status))
		(void)snprintf(text, sizeof(text), "%s by signal %d (%s)",
			       self->oom_kills > 0 && WTERMSIG(status) == SIGKILL
				       ? "out of memory: killed"
				       : "killed",
			       WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (!self->childless)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
			       "%sprocesses of it are left and do not end",
			       text[0] == '\0' ? "" : "; ");
	write_outcome(self, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
		      text);
}

/* The first process has ended and is not yet reaped, so its number, which is that
 * of its group too, cannot have been given to another. */
static void
first_ended(struct supervisor *self)
{
	self->ended = true;
	self->ended_ms = mono_ms();
	(void)kill(-self->child.pid, SIGKILL);
}

static void
reap(struct supervisor *self)
{
	siginfo_t info;

	for (;;) {
		int status;

		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
			self->childless = errno == ECHILD;
			return;
		}
		if (info.si_pid == 0)
			return;
		if (info.si_pid == self->child.pid)
			first_ended(self);
		if (waitpid(info.si_pid, &status, 0) == self->child.pid)
			self->wait_status = status;
	}
}

/* Whoever the container has left behind is our child by now, or in its cgroup. */
static void
kill_rest(const struct supervisor *self)
{
	if (self->launch.cgroup_count > 0)
		sweep_kill(self->launch.cgroups[0].path);
	sweep_kill_children();
}

/* false: that was the end of the stream. */
static bool
pass_output(struct supervisor *self, int index, size_t *passed)
{
	ssize_t size = read(self->child.output[index], self->block, sizeof(self->block));

	if (size > 0) {
		output_write(&self->output, index + 1, self->block, (size_t)size);
		*passed += (size_t)size;
		return true;
	}
	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	(void)close(self->child.output[index]);
	self->child.output[index] = -1;
	return false;
}

static void
drain_output(struct supervisor *self)
{
	for (int i = 0; i < 2; i++) {
		size_t passed = 0;
		size_t before;

		if (self->child.output[i] < 0)
			continue;
		do
			before = passed;
		while (pass_output(self, i, &passed) && passed > before && passed < DRAIN_MAX);
	}
}

static bool
all_gone(const struct supervisor *self)
{
	return self->ended && self->childless &&
	       (self->launch.cgroup_count == 0 || sweep_is_empty(self->launch.cgroups[0].path));
}

static void
watch(struct supervisor *self)
{
	while (!all_gone(self)) {
		struct pollfd fds[3] = {
			{.fd = self->signal_fd, .events = POLLIN},
			{.fd = self->child.output[0], .events = POLLIN},
			{.fd = self->child.output[1], .events = POLLIN},
		};
		struct signalfd_siginfo info;
		size_t passed = 0;

		if (self->ended) {
			if (mono_ms() - self->ended_ms > SWEEP_GIVE_UP_MS)
				break;
			kill_rest(self);
		}
		if (poll(fds, 3, self->ended ? SWEEP_AGAIN_MS : -1) < 0 && errno != EINTR)
			break;
		for (int i = 0; i < 2; i++) {
			if (fds[i + 1].revents != 0)
				(void)pass_output(self, i, &passed);
		}
		if (fds[0].revents != 0) {
			while (read(self->signal_fd, &info, sizeof(info)) > 0)
				continue;
			reap(self);
		}
	}
	self->childless = all_gone(self);
}

static void
leave_cgroups(struct supervisor *self)
{
	for (unsigned i = 0; i < self->launch.cgroup_count; i++)
		self->oom_kills += sweep_oom_kills(self->launch.cgroups[i].path);
	for (unsigned i = 0; i < self->launch.cgroup_count; i++)
		(void)sweep_remove(self->launch.cgroups[i].path);
}

/* Forks, notes and lets go the program. If the plugin hears of a failure it removes
 * all traces; if it is no longer there to hear, the failure is the outcome. */
static bool
start(struct supervisor *self)
{
	struct child_failure failure = {0};
	char text[REPORT_SIZE] = "";
	char reason[REPORT_SIZE];

	if (!prepare(self, &failure)) {
		(void)report_failure(&failure);
		return false;
	}
	if (!child_fork(&self->launch, self->work_fd, &self->child, &failure)) {
		(void)report_failure(&failure);
		return false;
	}
	if (!note_start(self, text, sizeof(text))) {
		(void)fail(&failure, "started file");
		(void)close(self->child.gate); /* the child reads the end, and ends */
		(void)waitpid(self->child.pid, NULL, 0);
		leave_cgroups(self);
		(void)report_failure(&failure);
		return false;
	}
	if (child_release(&self->child, &failure)) {
		(void)report(text);
		return true;
	}
	(void)waitpid(self->child.pid, NULL, 0);
	leave_cgroups(self);
	if (!report_failure(&failure)) {
		(void)snprintf(reason, sizeof(reason), "%s: %s", failure.stage,
			       strerror(failure.sys_errno));
		write_outcome(self, 127, reason);
	}
	return false;
}

/* The lock on LOCK_FD tells all who ask that this container has a supervisor. It falls, and
 * whoever watches the folder hears of it, when this process ends, however it ends. */
int
main(void)
{
	struct supervisor *self;
	struct child_failure failure = {0};

	(void)syscall(SYS_close_range, LOCK_FD + 1, ~0u, 0);
	(void)fcntl(LAUNCH_FD, F_SETFD, FD_CLOEXEC);
	(void)fcntl(REPORT_FD, F_SETFD, FD_CLOEXEC);
	(void)fcntl(LOCK_FD, F_SETFD, FD_CLOEXEC);
	if (!detach()) {
		(void)fail(&failure, "detach");
		(void)report_failure(&failure);
		return EXIT_FAILURE;
	}
	self = calloc(1, sizeof(*self));
	if (self == NULL || !launch_read(&self->launch, LAUNCH_FD)) {
		errno = self == NULL ? ENOMEM : EPROTO;
		(void)fail(&failure, "launch");
		(void)report_failure(&failure);
		return EXIT_FAILURE;
	}
	if (!start(self))
		_exit(EXIT_FAILURE);
	launch_release(&self->launch);
	(void)close(LAUNCH_FD);
	watch(self);
	drain_output(self);
	leave_cgroups(self);
	write_wait_status(self);
	_exit(EXIT_SUCCESS);
}
