/* cube/check/snapshot.h - what belongs to the whole process and is not a plugin's to change:
 * signal handlers, working directory, locale, environment, file mode mask; and, once it is
 * closed, the threads and open files that it has left. */
#ifndef CHECK_SNAPSHOT_H
#define CHECK_SNAPSHOT_H

#include "trial.h"

#include <limits.h>
#include <signal.h>
#include <sys/types.h>

#define SNAPSHOT_SIGNALS 64

struct snapshot {
	void (*handlers[SNAPSHOT_SIGNALS + 1])(int signo);
	sigset_t blocked;
	char folder[PATH_MAX];
	char locale[256];
	uint64_t environment; /* a hash of it */
	mode_t mask;
	unsigned files;
	unsigned threads;
};

void snapshot_take(struct snapshot *snapshot, struct trial *trial);
/* Fails the check if something is not as it was. closed: files and threads are looked at. */
void snapshot_compare(const struct snapshot *before, struct trial *trial, bool closed);

#endif
