/* manager/manager.h - the manager's brain: a pure function from messages to effects.
 *
 * It owns the ledger of tasks and the columns of nodes; one thread drives it. It reads no
 * clock, opens nothing and starts no thread: time comes with the step, randomness from its
 * own seeded generator. Life: manager_new, manager_load for each record of the store in
 * the order of their keys, manager_start once, then manager_step for each message.
 */
#ifndef MANAGER_MANAGER_H
#define MANAGER_MANAGER_H

#include "manager/message.h"
#include "plugin/host.h"

#include <cube/scheduler.h>
#include <cube/store.h>

struct manager;

struct manager_config {
	char new_cluster[ID_SIZE];  /* the cluster's uuid if the store has none yet */
	uint64_t seed;              /* of the brain's generator */
	uint32_t node_timeout_ms;   /* 3,000 or more; default 30,000 */
	uint32_t events_max;        /* entries of history kept in all; default 100,000 */
	uint32_t keep_tasks;        /* ended tasks kept; 0: any number */
	uint32_t keep_tasks_s;      /* seconds that an ended task is kept; 0: for ever */
	const char *const *workers; /* "host:port" of static workers, NULL-ended; may be NULL */
	/* The scheduler, by its table (from a loaded plugin, or linked in by a test). */
	const char *scheduler_name;
	const struct cube_scheduler_ops *scheduler_ops;
	const char *const *scheduler_options;
	/* Where the scheduler's own log lines go; may be NULL. */
	void (*log)(void *ctx, int level, const char *message);
	void *log_ctx;
};

int
manager_new(const struct manager_config *config, struct manager **out, struct cube_error *err);
void manager_free(struct manager *manager);

/* One record of the store. INTERNAL if it is damaged, INVALID if the store's format is
 * newer than this program: the caller ends with the message. */
int
manager_load(struct manager *manager, const struct cube_record *record, struct cube_error *err);

/* All is loaded: takes the next generation, looks for its workers, places what waits. */
int manager_start(struct manager *manager, struct step *step, struct cube_error *err);

/* Takes message. Only CUBE_ERR_NO_MEMORY and INTERNAL come back: the process ends. */
int manager_step(struct manager *manager, struct manager_message *message, struct step *step,
		 struct cube_error *err);

const char *manager_cluster(const struct manager *manager);
/* How many tasks it has taken off the list and freed since its start. */
uint64_t manager_trimmed(const struct manager *manager);

#endif
