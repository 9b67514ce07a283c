/* manager/brain.h - the manager's brain from the inside: what its files share.
 *
 * A step is: take the message apart (admit, stop, report, join, read), place what waits
 * (place), tell the workers (contact), write down what changed (ledger, events). Each file
 * does one of these things to a task or a node and finds the rest of the brain here.
 * Memory that is short is noted in failed and ends the process at the end of the step, so
 * the functions in between need not hand it up. Private to core/manager.
 */
#ifndef MANAGER_BRAIN_H
#define MANAGER_BRAIN_H

#include "base/heap.h"
#include "base/random.h"
#include "manager/events.h"
#include "manager/ledger.h"
#include "manager/liveness.h"
#include "manager/manager.h"
#include "manager/nodes.h"
#include "manager/trim.h"
#include "manager/watch.h"
#include "place/placer.h"
#include "plugin/scheduler.h"

struct manager {
	char cluster[ID_SIZE];
	uint64_t generation; /* of this start, once manager_start ran; before: the last one */
	bool found_cluster;  /* the store holds meta/cluster */
	bool found_records;  /* the store holds tasks, nodes or events */
	uint32_t node_timeout_ms;
	char **workers; /* NULL-ended copy; NULL: none */
	struct random random;
	struct step *step;  /* the one under way; NULL outside of a step */
	enum history_by by; /* who causes what happens just now */
	int failed;         /* 0 or CUBE_ERR_NO_MEMORY; sticks */

	struct ledger ledger;
	struct events events;
	struct watch watch;
	struct nodes nodes;
	struct liveness liveness;
	struct placer placer;
	struct heap restarts; /* entries that wait to start again, by mono */
	struct trim trim;

	struct plugin_host host;
	struct scheduler *scheduler;
	char scheduler_fault[TASK_REASON_SIZE]; /* the one logged last; "": it works */
	void (*log)(void *ctx, int level, const char *message);
	void *log_ctx;

	uint32_t lines;           /* about tasks, logged in this step */
	bool stale_logged;        /* a stale report, in this step */
	uint64_t reports_ignored; /* of superseded attempts; for the debug log */
};

static inline void
brain_failed(struct manager *manager)
{
	manager->failed = CUBE_ERR_NO_MEMORY;
}

/* A line about one task. In a step that moves many of them they go to the debug level. */
void brain_log_task(struct manager *manager, const char *event, const struct entry *entry);

#endif
