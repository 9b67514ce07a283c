/* manager/trim.h - which ended tasks are still on the list, and since when.
 *
 * A task that has ended stays until there are keep_tasks newer ones or it ended keep_ms ago;
 * then it goes, and a tombstone (manager/done.h) stays. Private to core/manager.
 */
#ifndef MANAGER_TRIM_H
#define MANAGER_TRIM_H

#include "base/idqueue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct manager;
struct manager_config;
struct entry;

struct trim {
	size_t keep_tasks; /* 0: any number */
	int64_t keep_ms;   /* 0: for ever */
	/* Tasks that have ended, by the time of that. */
	struct entry *first;
	struct entry *last;
	size_t count;
	uint64_t removed;     /* in this process */
	struct idqueue *done; /* the tombstones of those that went, by age */
	/* the trim clock */
	int64_t newest_ms; /* the newest time on it that the store had; INT64_MIN: none */
	int64_t start_ms;  /* what it said at the start of this process */
	uint64_t start_mono_ms;
	/* how much went with the batch that gathers */
	uint64_t batch;
	size_t in_batch;
};

int trim_init(struct trim *trim, const struct manager_config *config);
void trim_release(struct trim *trim);

void trim_saw(struct manager *manager, int64_t ms); /* read back: a time on the trim clock */
/* All records are loaded. 0 or CUBE_ERR_NO_MEMORY. */
int trim_start(struct manager *manager);
int64_t trim_clock_ms(const struct manager *manager);        /* in a step, after trim_start */
void trim_add(struct manager *manager, struct entry *entry); /* it has just ended */
/* At the end of a step, when all that changed is written: a slice of what is to go. */
void trim_run(struct manager *manager);

#endif
