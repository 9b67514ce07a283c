/* cube/check/engine.h - a runtime that is checked, opened as the core opens it
 * (core/plugin/runtime.c finds containers without a handle, states out of range and the like).
 * Calls have a deadline, and one that comes back long after it fails the check. The identity is
 * made for this run of the suite, so no other worker's containers are touched. One thread, but
 * for the events. */
#ifndef CHECK_ENGINE_H
#define CHECK_ENGINE_H

#include "life.h"
#include "plugin/runtime.h"

#define ENGINE_LATE_MS 3000 /* that a call may come back after its deadline */

struct engine {
	struct life life;
	struct runtime *runtime;
	struct trial *trial;
	uint64_t deadline_ms; /* of the call under way */
	struct cube_runtime_events ears;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	bool started;
	unsigned events; /* heard and not looked at */
};

void engine_open(struct engine *engine, struct trial *trial);
void engine_close(struct engine *engine);
/* Skips the check if the plugin says that its engine cannot be reached. */
void engine_need(struct engine *engine);

/* The optional pair; nothing if the plugin has none. */
void engine_start(struct engine *engine);
void engine_stop(struct engine *engine);
/* Until an event is heard, or this time has passed. */
void engine_await(struct engine *engine, uint64_t wait_ms);

/* Around each call: the deadline to give it, and what came of it. */
uint64_t engine_calls(struct engine *engine, const char *function, uint64_t wait_ms);
void engine_returned(struct engine *engine, const char *function);

/* How many containers of this worker there are; the last one seen goes to *last (may be
 * NULL). */
unsigned engine_list(struct engine *engine, struct cube_container *last);

#endif
