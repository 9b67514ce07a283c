/* shell/daemon.c - folders and signals of the daemons; see the header. */
#include "shell/daemon.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/thread.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the folder ---------------------------------------------------------------------- */

/* mkdir -p, with mode 0700 for what is made. */
static int
folder_make(char *path, struct cube_error *err)
{
	struct stat st;

	for (char *at = path + 1;; at++) {
		char kept = *at;

		if (kept != '/' && kept != '\0')
			continue;
		*at = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST) {
			int rc = cube_fail(err, CUBE_ERR_INVALID, errno,
					   "the data directory cannot be made: mkdir %s: %s",
					   path, strerror(errno));

			*at = kept;
			return rc;
		}
		*at = kept;
		if (kept == '\0')
			break;
	}
	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return cube_fail(err, CUBE_ERR_INVALID, ENOTDIR,
				 "--data-dir %s is not a folder", path);
	if (access(path, W_OK | X_OK) != 0)
		return cube_fail(err, CUBE_ERR_INVALID, errno, "--data-dir %s: %s", path,
				 strerror(errno));
	return 0;
}

int
daemon_data_dir(const char *given, const char *name, char **out, struct cube_error *err)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	cleanup_free char *path = NULL;
	int size;
	int rc;

	if (given != NULL && given[0] != '\0')
		size = asprintf(&path, "%s", given);
	else if (geteuid() == 0)
		size = asprintf(&path, "/var/lib/cube/%s", name);
	else if (state != NULL && state[0] == '/')
		size = asprintf(&path, "%s/cube/%s", state, name);
	else if (home != NULL && home[0] == '/')
		size = asprintf(&path, "%s/.local/state/cube/%s", home, name);
	else
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "no folder for the data: give --data-dir, or set HOME");
	if (size < 0) {
		path = NULL;
		return cube_fail(err, CUBE_ERR_NO_MEMORY, ENOMEM, "out of memory");
	}
	rc = folder_make(path, err);
	if (rc < 0)
		return rc;
	*out = TAKE(path);
	return 0;
}

/* ---- signals ------------------------------------------------------------------------- */

/* SIGUSR1 is the loop's thread saying that it has ended by itself. */
static void
signals_of_daemon(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGTERM);
	(void)sigaddset(set, SIGINT);
	(void)sigaddset(set, SIGUSR1);
}

void
daemon_block_signals(void)
{
	sigset_t set;

	signals_of_daemon(&set);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is a full disk to a store */
}

struct loop_thread {
	struct loop *loop;
	pthread_t main;
	int rc;
	struct cube_error err;
};

static void *
loop_thread_run(void *arg)
{
	struct loop_thread *thread = arg;

	thread->rc = loop_run(thread->loop, &thread->err);
	(void)pthread_kill(thread->main, SIGUSR1);
	return NULL;
}

int
daemon_run(struct loop *loop, struct log *log,
	   void (*stopping)(void *ctx, uint64_t deadline_ms), void *ctx, struct cube_error *err)
{
	struct loop_thread thread = {.loop = loop, .main = pthread_self()};
	pthread_t id;
	sigset_t set;
	int signo = 0;
	int rc = thread_start(&id, "cube-loop", loop_thread_run, &thread, err);

	if (rc < 0)
		return rc;
	signals_of_daemon(&set);
	while (sigwait(&set, &signo) != 0)
		continue;
	if (signo != SIGUSR1) {
		uint64_t deadline_ms = clock_now().mono_ms + DAEMON_END_MS;

		log_event(log, LOG_LEVEL_INFO, "stopping", "signal",
			  signo == SIGTERM ? "SIGTERM" : "SIGINT", NULL);
		stopping(ctx, deadline_ms);
		loop_stop(loop, deadline_ms);
	}
	(void)pthread_join(id, NULL);
	if (thread.rc < 0)
		*err = thread.err;
	return thread.rc;
}
