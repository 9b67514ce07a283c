/* worker/worker.h - the worker's brain: a pure function from messages to effects.
 *
 * It owns the attempts that this machine was ordered to run, their journal and the
 * machine's description; one thread drives it. Life: worker_new, worker_load for each
 * record of its store in the order of their keys, worker_start once, then worker_step for
 * each message.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "worker/message.h"

#include <cube/store.h>

struct worker;

struct worker_config {
	char new_instance[ID_SIZE]; /* this worker's uuid if its store has none yet */
	uint64_t epoch;             /* random, not 0: names this start */
	uint64_t seed;              /* of the brain's generator */
	/* name, api, capacity, runtime, labels, version; the rest is the brain's to fill in.
	 * Copied. */
	struct node_info info;
	bool joins;              /* there is a manager to register with */
	bool runtime_has_events; /* else it is asked with list every 5 s */
	/* ended attempts whose container and logs stay */
	uint32_t keep_ended;        /* of all */
	uint32_t keep_attempts;     /* of one task; 0: no bound but keep_ended */
	uint64_t keep_ended_for_ms; /* 0: however old */
	uint64_t orphan_grace_ms;   /* before a container that nobody knows is removed */
};

int worker_new(const struct worker_config *config, struct worker **out, struct cube_error *err);
void worker_free(struct worker *worker);

/* One record of the store; errors as manager_load. */
int
worker_load(struct worker *worker, const struct cube_record *record, struct cube_error *err);

/* All is loaded: the instance is known from here on (and committed by this step's batch if
 * it is new), the runtime is probed and listed, the manager is told. */
int worker_start(struct worker *worker, struct step *step, struct cube_error *err);

/* Takes message. Only CUBE_ERR_NO_MEMORY and INTERNAL come back: the process ends. */
int worker_step(struct worker *worker, struct worker_message *message, struct step *step,
		struct cube_error *err);

/* Known once all is loaded: what the store had, else config.new_instance. */
const char *worker_instance(const struct worker *worker);

#endif
