/* check/snapshot.c - see the header. Owns nothing; one thread. */
#include "snapshot.h"

#include "base/hash.h"

#include <dirent.h>
#include <errno.h>
#include <locale.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned
count_entries(struct trial *trial, const char *path)
{
	DIR *folder = opendir(path);
	unsigned count = 0;

	if (folder == NULL)
		trial_skip(trial, "%s cannot be read: %s", path, strerror(errno));
	while (readdir(folder) != NULL)
		count++;
	(void)closedir(folder);
	return count;
}

static uint64_t
hash_environment(void)
{
	uint64_t hash = 0;

	for (size_t i = 0; environ != NULL && environ[i] != NULL; i++)
		hash = hash * 31 + hash_bytes(environ[i], strlen(environ[i]));
	return hash;
}

void
snapshot_take(struct snapshot *snapshot, struct trial *trial)
{
	memset(snapshot, 0, sizeof(*snapshot));
	for (int signo = 1; signo <= SNAPSHOT_SIGNALS; signo++) {
		struct sigaction action;

		if (sigaction(signo, NULL, &action) == 0)
			snapshot->handlers[signo] = action.sa_handler;
	}
	(void)sigprocmask(SIG_SETMASK, NULL, &snapshot->blocked);
	if (getcwd(snapshot->folder, sizeof(snapshot->folder)) == NULL)
		snapshot->folder[0] = '\0';
	(void)snprintf(snapshot->locale, sizeof(snapshot->locale), "%s",
		       setlocale(LC_ALL, NULL));
	snapshot->environment = hash_environment();
	snapshot->mask = umask(0);
	(void)umask(snapshot->mask);
	snapshot->files = count_entries(trial, "/proc/self/fd");
	snapshot->threads = count_entries(trial, "/proc/self/task");
}

void
snapshot_compare(const struct snapshot *before, struct trial *trial, bool closed)
{
	struct snapshot now;

	snapshot_take(&now, trial);
	for (int signo = 1; signo <= SNAPSHOT_SIGNALS; signo++) {
		if (now.handlers[signo] != before->handlers[signo])
			trial_fail(trial, "changed the handler of SIG%s",
				   sigabbrev_np(signo) != NULL ? sigabbrev_np(signo) : "RT");
		if (sigismember(&now.blocked, signo) != sigismember(&before->blocked, signo))
			trial_fail(trial, "changed which signals are blocked");
	}
	if (strcmp(now.folder, before->folder) != 0)
		trial_fail(trial, "changed the working directory to %.200s", now.folder);
	if (strcmp(now.locale, before->locale) != 0)
		trial_fail(trial, "changed the locale to %.100s", now.locale);
	if (now.environment != before->environment)
		trial_fail(trial, "changed the environment");
	if (now.mask != before->mask)
		trial_fail(trial, "changed the umask to %#o", (unsigned)now.mask);
	if (closed && now.threads != before->threads)
		trial_fail(trial, "left %u threads running behind close",
			   now.threads - before->threads);
	if (closed && now.files > before->files)
		trial_fail(trial, "left %u files open behind close", now.files - before->files);
}
