/* shell/watchdog.c - see watchdog.h.
 *
 * Two atomics and a queue that is only ever woken. The loop's thread says when a step began
 * and wakes this thread if that sleeps; this thread, once awake, looks again when the
 * step it saw would be overdue, and goes back to sleep if none runs then. Owns its thread.
 */
#include "shell/watchdog.h"

#include "base/clock.h"
#include "base/thread.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EXIT_OVERDUE 70 /* sysexits.h: EX_SOFTWARE */

struct watchdog {
	struct loop_brain brain;
	struct log *log;
	uint64_t limit_ms;
	struct queue *events;
	pthread_t thread;
	atomic_bool awake;
	atomic_bool ending;
	atomic_uint_fast64_t begun_ms; /* 0: no step runs */
};

static void
overdue(struct watchdog *watchdog)
{
	char limit[24];

	(void)snprintf(limit, sizeof(limit), "%" PRIu64, watchdog->limit_ms);
	log_event(watchdog->log, LOG_LEVEL_ERROR, "watchdog.overdue", "suspect",
		  watchdog->brain.suspect != NULL ? watchdog->brain.suspect : "brain",
		  "limit_ms", limit, "reason", "a step does not return; the process ends",
		  NULL);
	if (watchdog->brain.overdue == NULL)
		_exit(EXIT_OVERDUE);
	watchdog->brain.overdue(watchdog->brain.brain);
}

/* Awake: until no step runs any more. */
static void
watch(struct watchdog *watchdog)
{
	uint64_t look_ms = clock_now().mono_ms + watchdog->limit_ms;
	uint64_t told_ms = 0;

	while (!atomic_load(&watchdog->ending)) {
		uint64_t now_ms;
		uint64_t begun_ms;

		(void)queue_pop_all(watchdog->events, look_ms);
		now_ms = clock_now().mono_ms;
		if (now_ms < look_ms)
			continue;
		begun_ms = atomic_load(&watchdog->begun_ms);
		if (begun_ms == 0) {
			atomic_store(&watchdog->awake, false);
			/* A step may have begun in between, and seen us awake. */
			if (atomic_load(&watchdog->begun_ms) == 0)
				return;
			atomic_store(&watchdog->awake, true);
			look_ms = now_ms + watchdog->limit_ms;
		} else if (now_ms >= begun_ms + watchdog->limit_ms) {
			if (told_ms != begun_ms)
				overdue(watchdog);
			told_ms = begun_ms;
			look_ms = now_ms + watchdog->limit_ms;
		} else {
			look_ms = begun_ms + watchdog->limit_ms;
		}
	}
}

static void *
watchdog_run(void *arg)
{
	struct watchdog *watchdog = arg;

	while (!atomic_load(&watchdog->ending)) {
		(void)queue_pop_all(watchdog->events, UINT64_MAX);
		if (atomic_load(&watchdog->awake))
			watch(watchdog);
	}
	return NULL;
}

int
watchdog_new(const struct loop_brain *brain, struct log *log, struct watchdog **out,
	     struct cube_error *err)
{
	struct watchdog *watchdog = calloc(1, sizeof(*watchdog));
	int failed;

	if (watchdog == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	watchdog->brain = *brain;
	watchdog->log = log;
	watchdog->limit_ms =
		brain->step_limit_ms != 0 ? brain->step_limit_ms : LOOP_STEP_LIMIT_MS;
	watchdog->events = queue_new(1);
	if (watchdog->events == NULL) {
		free(watchdog);
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	}
	failed = thread_start(&watchdog->thread, "cube-watchdog", watchdog_run, watchdog, err);
	if (failed != 0) {
		queue_free(watchdog->events);
		free(watchdog);
		return failed;
	}
	*out = watchdog;
	return 0;
}

void
watchdog_free(struct watchdog *watchdog)
{
	if (watchdog == NULL)
		return;
	atomic_store(&watchdog->ending, true);
	queue_wake(watchdog->events);
	(void)pthread_join(watchdog->thread, NULL);
	queue_free(watchdog->events);
	free(watchdog);
}

void
watchdog_begin(struct watchdog *watchdog, uint64_t now_ms)
{
	atomic_store(&watchdog->begun_ms, now_ms != 0 ? now_ms : 1);
	if (!atomic_exchange(&watchdog->awake, true))
		queue_wake(watchdog->events);
}

void
watchdog_end(struct watchdog *watchdog)
{
	atomic_store(&watchdog->begun_ms, 0);
}
