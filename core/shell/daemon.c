/* shell/daemon.c - folders, signals and the end of the daemons; see the header.
 *
 * An end has three bounds: the parts are told to be through by PARTS_MS, and the process
 * ends at DAEMON_END_MS whatever they do, by a timer's signal. Owns the loop's thread while
 * daemon_run lasts. Main thread, but for loop_thread_run.
 */
#include "shell/daemon.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/thread.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define PARTS_MS        (DAEMON_END_MS - 200)
#define LOOP_RESERVE_MS 300 /* of PARTS_MS: a store that hangs is let go, and the rest ends */

/* ---- the folder ---- */

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

/* ---- signals ---- */

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

void
daemon_raise_files(void)
{
	struct rlimit files;

	/* Where it cannot be, the old limit holds, as it would without us. */
	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return;
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
}

/* ---- the last resort ---- */

static const char overdue[] =
	"cube: a part did not end in time; the process ends without waiting for it\n";

static void
end_now(int code)
{
	if (write(STDERR_FILENO, overdue, sizeof(overdue) - 1) < 0)
		_exit(code == 0 ? 1 : code); /* nobody is told, so the code tells */
	_exit(code);
}

static void
end_unsaved(int signo)
{
	(void)signo;
	end_now(1);
}

static void
end_saved(int signo)
{
	(void)signo;
	end_now(0);
}

/* What SIGALRM does, if it ever comes: any thread may take it, and no thread can keep the
 * process from ending. */
static void
last_resort(void (*handler)(int signo))
{
	struct sigaction action = {.sa_handler = handler};

	(void)sigfillset(&action.sa_mask);
	(void)sigaction(SIGALRM, &action, NULL);
}

static void
last_resort_arm(void)
{
	const struct itimerval end = {
		.it_value = {.tv_sec = DAEMON_END_MS / 1000,
			     .tv_usec = (suseconds_t)(DAEMON_END_MS % 1000) * 1000}};
	sigset_t set;

	last_resort(end_unsaved);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGALRM);
	(void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	(void)setitimer(ITIMER_REAL, &end, NULL);
}

/* ---- the loop ---- */

struct loop_thread {
	struct loop *loop;
	pthread_t main;
	atomic_bool ended;
	int rc;
	struct cube_error err;
};

static void *
loop_thread_run(void *arg)
{
	struct loop_thread *thread = arg;

	thread->rc = loop_run(thread->loop, &thread->err);
	atomic_store(&thread->ended, true);
	(void)pthread_kill(thread->main, SIGUSR1);
	return NULL;
}

/* SIGTERM, SIGINT, or SIGUSR1 once the loop has ended; one from outside means nothing. */
static int
signal_wait(const struct loop_thread *thread)
{
	sigset_t set;
	int signo;

	signals_of_daemon(&set);
	do {
		signo = 0;
		(void)sigwait(&set, &signo);
	} while (signo == 0 || (signo == SIGUSR1 && !atomic_load(&thread->ended)));
	return signo;
}

int
daemon_run(struct loop *loop, struct log *log,
	   void (*stopping)(void *ctx, uint64_t deadline_ms), void *ctx, struct cube_error *err)
{
	struct loop_thread thread = {.loop = loop, .main = pthread_self()};
	pthread_t id;
	int signo;
	int rc = thread_start(&id, "cube-loop", loop_thread_run, &thread, err);

	if (rc < 0)
		return rc;
	signo = signal_wait(&thread);
	last_resort_arm();
	if (signo != SIGUSR1) {
		uint64_t deadline_ms = clock_now().mono_ms + PARTS_MS;

		log_event(log, LOG_LEVEL_INFO, "stopping", "signal",
			  signo == SIGTERM ? "SIGTERM" : "SIGINT", NULL);
		stopping(ctx, deadline_ms);
		loop_stop(loop, deadline_ms - LOOP_RESERVE_MS);
	}
	(void)pthread_join(id, NULL);
	if (thread.rc < 0)
		*err = thread.err;
	else
		last_resort(end_saved);
	return thread.rc;
}
