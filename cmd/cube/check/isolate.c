/* check/isolate.c - see the header. The parent waits for signals, not in a loop that sleeps:
 * SIGCHLD, the end of the time, or one that ends this program, which then takes the child and
 * the temporary folder with it. Owns the child, the slip and the folder of the check. */
#include "isolate.h"

#include "area.h"
#include "base/cleanup.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

#define WALL_FACTOR      3 /* a loaded machine gives less than its time */
#define MEMORY_MAX_BYTES ((rlim_t)2 << 30)
#define ADDRESSES_MAX    ((rlim_t)1 << 40) /* more are those of a sanitizer */
#define FILE_MAX_BYTES   ((rlim_t)256 << 20)
#define SAID_MAX         160

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};

static void
signals_of_parent(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGCHLD);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
		struct sigaction action;

		/* Under nohup a hangup is none of ours. */
		if (sigaction(ending[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			(void)sigaddset(set, ending[i]);
	}
}

void
isolate_begin(void)
{
	sigset_t set;

	signals_of_parent(&set);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	(void)remove(path); /* what cannot be removed is left: there is nobody to tell */
	return 0;
}

void
remove_folder(const char *path)
{
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- in the child ---- */

/* A plugin that takes memory without end is stopped before the machine is short of it. */
static void
limit_memory(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long long pages = 0;
	char line[128];
	rlim_t size;

	if (file == NULL)
		return;
	if (fgets(line, sizeof(line), file) != NULL)
		pages = strtoull(line, NULL, 10); /* the first of its numbers */
	(void)fclose(file);
	size = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
	if (pages > 0 && size < ADDRESSES_MAX) {
		struct rlimit limit = {size + MEMORY_MAX_BYTES, size + MEMORY_MAX_BYTES};

		(void)setrlimit(RLIMIT_AS, &limit);
	}
}

static void
limit_child(uint64_t limit_ms)
{
	struct itimerval timer = {
		.it_value = {(time_t)(limit_ms / 1000), (suseconds_t)(limit_ms % 1000 * 1000)}};
	struct rlimit none = {0, 0};
	struct rlimit file = {FILE_MAX_BYTES, FILE_MAX_BYTES};

	limit_memory();
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)setrlimit(RLIMIT_FSIZE, &file);
	(void)setitimer(ITIMER_PROF, &timer, NULL);
}

__attribute__((noreturn)) static void
run_child(struct trial *trial, const struct check *check, void (*setup)(struct trial *trial),
	  pid_t parent, int output)
{
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t none;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	(void)setpgid(0, 0);
	(void)dup2(output, STDOUT_FILENO);
	(void)dup2(output, STDERR_FILENO);
	(void)close(output);
	if (nothing >= 0) {
		(void)dup2(nothing, STDIN_FILENO);
		(void)close(nothing);
	}
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		(void)signal(ending[i], SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (chdir(trial->folder) != 0)
		trial_fail(trial, "%s: %s", trial->folder, strerror(errno));
	faults_watch(trial);
	limit_child(trial->subject->limit_ms);
	if (setup != NULL)
		setup(trial);
	check->run(trial);
	trial->slip->scene[0] = '\0';
	trial->slip->verdict = VERDICT_OK;
	_exit(0);
}

/* ---- in the parent ---- */

/* This program is to end: so does what it began. */
__attribute__((noreturn)) static void
end_with(int signo, pid_t child, const char *folder)
{
	sigset_t one;

	(void)kill(-child, SIGKILL);
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
	remove_folder(folder);
	(void)signal(signo, SIG_DFL);
	(void)sigemptyset(&one);
	(void)sigaddset(&one, signo);
	(void)raise(signo);
	(void)sigprocmask(SIG_UNBLOCK, &one, NULL);
	_exit(1);
}

/* True if it ended by itself. */
static bool
await_child(pid_t child, uint64_t limit_ms, const char *folder, int *status)
{
	uint64_t end_ms = clock_now().mono_ms + limit_ms;
	sigset_t set;

	signals_of_parent(&set);
	for (;;) {
		uint64_t now_ms = clock_now().mono_ms;
		uint64_t left_ms = end_ms > now_ms ? end_ms - now_ms : 0;
		struct timespec left = {(time_t)(left_ms / 1000),
					(long)(left_ms % 1000 * 1000000)};
		int signo;

		if (waitpid(child, status, WNOHANG) == child)
			return true;
		signo = sigtimedwait(&set, NULL, &left);
		if (signo > 0 && signo != SIGCHLD)
			end_with(signo, child, folder);
		if (signo < 0 && errno == EAGAIN) {
			(void)kill(child, SIGKILL);
			while (waitpid(child, status, 0) < 0 && errno == EINTR)
				;
			return false;
		}
	}
}

/* The first line of what it printed that says something. */
static void
read_said(int output, char said[SAID_MAX])
{
	char text[2048];
	ssize_t size = pread(output, text, sizeof(text) - 1, 0);

	said[0] = '\0';
	text[size > 0 ? size : 0] = '\0';
	for (char *line = text; *line != '\0';) {
		size_t length = strcspn(line, "\n");
		size_t noise = strspn(line, " =\r\t");

		if (noise < length) {
			(void)snprintf(said, SAID_MAX, "%.*s", (int)length, line);
			return;
		}
		line += length + (line[length] != '\0');
	}
}

static void
judge(const struct subject *subject, struct slip *slip, bool in_time, int status, int output,
      struct result *result)
{
	unsigned long long wall_ms = subject->limit_ms * WALL_FACTOR;
	char in[48] = "outside of its functions";
	char said[SAID_MAX];
	char *words = result->words;
	size_t size = sizeof(result->words);

	/* The plugin could have written over it. */
	slip->function[sizeof(slip->function) - 1] = '\0';
	slip->scene[sizeof(slip->scene) - 1] = '\0';
	slip->words[sizeof(slip->words) - 1] = '\0';
	if (slip->verdict < VERDICT_NONE || slip->verdict > VERDICT_SKIPPED)
		slip->verdict = VERDICT_NONE;
	if (slip->function[0] != '\0')
		(void)snprintf(in, sizeof(in), "in %s", slip->function);
	result->verdict = VERDICT_FAILED;
	result->hung = !in_time || slip->hung;
	if (in_time && slip->verdict != VERDICT_NONE) {
		result->verdict = slip->verdict;
		(void)snprintf(words, size, "%s", slip->words);
	} else if (!in_time) {
		(void)snprintf(words, size, "%s did not return within %llu ms%s%s",
			       slip->function[0] != '\0' ? slip->function : "the check",
			       wall_ms, slip->scene[0] != '\0' ? ", with " : "", slip->scene);
	} else if (WIFEXITED(status)) {
		(void)snprintf(words, size, "ended the process with exit code %d %s%s%s",
			       WEXITSTATUS(status), in, slip->scene[0] != '\0' ? ", with " : "",
			       slip->scene);
	} else {
		(void)snprintf(words, size, "ended the process with SIG%s %s%s%s",
			       sigabbrev_np(WTERMSIG(status)), in,
			       slip->scene[0] != '\0' ? ", with " : "", slip->scene);
	}
	read_said(output, said);
	if (result->verdict == VERDICT_FAILED && said[0] != '\0') {
		size_t used = strlen(words);

		(void)snprintf(words + used, size - used, " (it printed: %s)", said);
	}
}

static int
run_parent(const struct subject *subject, const struct check *check,
	   void (*setup)(struct trial *trial), struct trial *trial, int output,
	   struct result *result, struct cube_error *err)
{
	pid_t self = getpid();
	bool in_time;
	int status = 0;
	pid_t child;

	(void)fflush(NULL);
	child = fork();
	if (child == 0)
		run_child(trial, check, setup, self, output);
	if (child < 0)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, errno, "fork: %s", strerror(errno));
	in_time = await_child(child, subject->limit_ms * WALL_FACTOR, subject->folder, &status);
	(void)kill(-child, SIGKILL); /* what it started and did not end */
	judge(subject, trial->slip, in_time, status, output, result);
	return 0;
}

int
isolate(const struct subject *subject, const struct check *check,
	void (*setup)(struct trial *trial), struct result *result, struct cube_error *err)
{
	struct subject mine = *subject;
	struct trial trial = {.subject = &mine};
	cleanup_close int output = memfd_create("cube-check", MFD_CLOEXEC);
	int rc;

	memset(result, 0, sizeof(*result));
	if (mine.limit_ms < check->least_ms)
		mine.limit_ms = check->least_ms;
	(void)snprintf(trial.folder, sizeof(trial.folder), "%s/cXXXXXX", subject->folder);
	if (output < 0 || mkdtemp(trial.folder) == NULL)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, errno, "%s: %s", trial.folder,
				 strerror(errno));
	trial.slip = mmap(NULL, sizeof(*trial.slip), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (trial.slip == MAP_FAILED)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, errno, "no memory for a check");
	rc = run_parent(&mine, check, setup, &trial, output, result, err);
	(void)munmap(trial.slip, sizeof(*trial.slip));
	remove_folder(trial.folder);
	return rc;
}
