/* helper.c - runs one of Docker's credential helpers (docker/docker-credential-helpers,
 * README, "Development": the protocol is the server's name in, JSON out).
 *
 * It is started without a shell, found on $PATH, with all signals as a program expects
 * them, and killed when the time is up. The calling thread waits for it on its output and
 * its pidfd; nothing else of the process is touched.
 */
#include "helper.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define TICK_MS    500
#define NAME_BYTES 64

extern char **environ;

static int
spawn_with(const char *program, posix_spawn_file_actions_t *actions,
	   const posix_spawnattr_t *attr, pid_t *pid)
{
	char get[] = "get";
	char *name = strdup(program);
	char *arguments[] = {name, get, NULL};
	int failed;

	if (name == NULL)
		return ENOMEM;
	failed = posix_spawnp(pid, program, actions, attr, arguments, environ);
	free(name);
	return failed;
}

/* 0 or an errno. */
static int
spawn(const char *program, int in, int out, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	sigset_t all;
	int failed;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	failed = posix_spawn_file_actions_init(&actions);
	if (failed != 0)
		return failed;
	failed = posix_spawnattr_init(&attr);
	if (failed != 0) {
		(void)posix_spawn_file_actions_destroy(&actions);
		return failed;
	}
	if ((failed = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO)) == 0 &&
	    (failed = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO)) == 0 &&
	    (failed = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
						       O_WRONLY, 0)) == 0 &&
	    (failed = posix_spawnattr_setsigmask(&attr, &none)) == 0 &&
	    (failed = posix_spawnattr_setsigdefault(&attr, &all)) == 0 &&
	    (failed = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK |
							      POSIX_SPAWN_SETSIGDEF)) == 0)
		failed = spawn_with(program, &actions, &attr, pid);
	(void)posix_spawnattr_destroy(&attr);
	(void)posix_spawn_file_actions_destroy(&actions);
	return failed;
}

/* Reads what there is. True at its end. */
static bool
drain(int fd, struct buf *out)
{
	char bytes[4096];
	ssize_t got = read(fd, bytes, sizeof(bytes));

	if (got < 0)
		return errno != EINTR && errno != EAGAIN;
	buf_append(out, bytes, (size_t)got);
	return got == 0;
}

/* 0: its output has ended and so has it (it waits to be reaped). */
static int
await(const char *program, int out_fd, int pid_fd, const struct helper_wait *wait,
      struct buf *out, struct cube_error *err)
{
	struct pollfd fds[] = {{.fd = out_fd, .events = POLLIN},
			       {.fd = pid_fd, .events = POLLIN}};

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		uint64_t now_ms = wait->host->now_ms(wait->host->ctx);
		uint64_t left_ms;

		if (wait->tick(wait->ctx) != 0)
			return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0, "given up");
		if (now_ms >= wait->deadline_ms)
			return cube_fail(err, CUBE_ERR_TIMEOUT, 0, "%s did not end in time",
					 program);
		left_ms = wait->deadline_ms - now_ms;
		if (poll(fds, 2, left_ms < TICK_MS ? (int)left_ms : TICK_MS) <= 0)
			continue;
		if (fds[0].fd >= 0 && fds[0].revents != 0 && drain(fds[0].fd, out))
			fds[0].fd = -1;
		if (fds[1].fd >= 0 && fds[1].revents != 0)
			fds[1].fd = -1;
	}
	return 0;
}

static int
judge(const char *program, pid_t pid, const struct buf *out, struct cube_error *err)
{
	int status = 0;

	/* ECHILD: the process ignores SIGCHLD, and what was printed must do. */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (out->failed)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "%s printed too much", program);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	/* The protocol's way to say that there are none. */
	if (strstr(buf_text(out), "credentials not found") != NULL)
		return cube_fail(err, CUBE_ERR_NOT_FOUND, 0, "%s has no credentials", program);
	return cube_fail(err, CUBE_ERR_INVALID, 0, "%s failed: %.150s", program,
			 out->size > 0 ? buf_text(out) : "it printed nothing");
}

static int
start(const char *program, const char *server, int *out_fd, pid_t *pid, struct cube_error *err)
{
	int in[2];
	int out[2];
	bool written;
	int failed;

	if (pipe2(in, O_CLOEXEC) != 0)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, errno, "pipe for %s: %s", program,
				 strerror(errno));
	/* A pipe holds far more than that: no need to wait for a reader. */
	written = write(in[1], server, strlen(server)) == (ssize_t)strlen(server);
	(void)close(in[1]);
	if (!written || pipe2(out, O_CLOEXEC) != 0) {
		failed = errno;
		(void)close(in[0]);
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, failed, "pipe for %s: %s", program,
				 strerror(failed));
	}
	failed = spawn(program, in[0], out[1], pid);
	(void)close(in[0]);
	(void)close(out[1]);
	if (failed != 0) {
		(void)close(out[0]);
		return cube_fail(err, CUBE_ERR_INVALID, failed, "cannot run %s: %s", program,
				 strerror(failed));
	}
	*out_fd = out[0];
	return 0;
}

int
helper_get(const char *name, const char *server, const struct helper_wait *wait,
	   struct buf *out, struct cube_error *err)
{
	char program[NAME_BYTES + 32];
	cleanup_close int out_fd = -1;
	cleanup_close int pid_fd = -1;
	bool ok = name[0] != '\0' && strlen(name) <= NAME_BYTES && strlen(server) <= 1024;
	pid_t pid = -1;
	int rc;

	for (const char *p = name; *p != '\0' && ok; p++)
		ok = isalnum((unsigned char)*p) || strchr("-_.", *p) != NULL;
	if (!ok)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "\"%.64s\" is no name of a credential helper", name);
	(void)snprintf(program, sizeof(program), "docker-credential-%s", name);
	rc = start(program, server, &out_fd, &pid, err);
	if (rc != 0)
		return rc;
	/* Before Linux 5.3 there is none, and the end of its output must do. */
	pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	rc = await(program, out_fd, pid_fd, wait, out, err);
	if (rc != 0) {
		(void)kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		return rc;
	}
	return judge(program, pid, out, err);
}
