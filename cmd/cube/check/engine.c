/* check/engine.c - see the header. Owns the runtime between open and close. */
#include "engine.h"

#include "base/clock.h"

#include <string.h>
#include <time.h>

#define WAIT_MS 10000

void
engine_open(struct engine *engine, struct trial *trial)
{
	const struct cube_plugin *info = &trial->subject->plugin->info;
	pthread_condattr_t attributes;
	struct cube_error err;

	memset(engine, 0, sizeof(*engine));
	engine->trial = trial;
	(void)pthread_mutex_init(&engine->lock, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&engine->changed, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	life_init(&engine->life, trial, 1);
	trial_calls(trial, "open");
	if (runtime_open(info->name, info->ops.runtime, &engine->life.host.plugin.host,
			 engine->life.options, &engine->runtime, &err) != 0)
		trial_fail(trial, "open failed: %s", trial_words(&err));
	trial_returned(trial);
}

void
engine_close(struct engine *engine)
{
	trial_calls(engine->trial, "close");
	runtime_close(engine->runtime);
	trial_returned(engine->trial);
	life_release(&engine->life);
	(void)pthread_cond_destroy(&engine->changed);
	(void)pthread_mutex_destroy(&engine->lock);
}

uint64_t
engine_calls(struct engine *engine, const char *function, uint64_t wait_ms)
{
	engine->deadline_ms = clock_now().mono_ms + wait_ms;
	trial_calls(engine->trial, function);
	return engine->deadline_ms;
}

void
engine_returned(struct engine *engine, const char *function)
{
	uint64_t now_ms = clock_now().mono_ms;

	trial_returned(engine->trial);
	if (now_ms > engine->deadline_ms + ENGINE_LATE_MS)
		trial_fail(engine->trial, "%s came back %llu ms after its deadline", function,
			   (unsigned long long)(now_ms - engine->deadline_ms));
}

void
engine_need(struct engine *engine)
{
	uint64_t deadline_ms = engine_calls(engine, "probe", WAIT_MS);
	uint32_t enforces = 0;
	struct cube_error err;
	int result = runtime_probe(engine->runtime, deadline_ms, &enforces, &err);

	engine_returned(engine, "probe");
	if (result == CUBE_ERR_UNAVAILABLE || result == CUBE_ERR_TIMEOUT)
		trial_skip(engine->trial, "its engine does not answer: %s", err.message);
	if (result != 0)
		trial_fail(engine->trial, "probe failed as %s: %s", error_code_name(result),
			   trial_words(&err));
	if ((enforces &
	     ~(uint32_t)(CUBE_ENFORCES_CPU | CUBE_ENFORCES_MEMORY | CUBE_ENFORCES_DISK)) != 0)
		trial_fail(engine->trial, "probe says it enforces what has no name: %#x",
			   enforces);
}

/* ---- events ---- */

static void
hear(struct engine *engine)
{
	(void)pthread_mutex_lock(&engine->lock);
	if (!engine->started)
		trial_fail(engine->trial, "told of an event behind stop");
	engine->events++;
	(void)pthread_cond_signal(&engine->changed);
	(void)pthread_mutex_unlock(&engine->lock);
}

static void
on_changed(void *ctx, const char *task_id)
{
	struct engine *engine = ctx;

	if (task_id == NULL)
		trial_fail(engine->trial, "told of a change of no task");
	hear(engine);
}

static void
on_resync(void *ctx)
{
	hear(ctx);
}

void
engine_start(struct engine *engine)
{
	struct cube_error err;

	engine->ears = (struct cube_runtime_events){
		.struct_size = sizeof(engine->ears),
		.ctx = engine,
		.changed = on_changed,
		.resync = on_resync,
	};
	(void)pthread_mutex_lock(&engine->lock);
	engine->started = true;
	(void)pthread_mutex_unlock(&engine->lock);
	trial_calls(engine->trial, "start");
	if (runtime_start(engine->runtime, &engine->ears, &err) != 0)
		trial_fail(engine->trial, "start failed: %s", trial_words(&err));
	trial_returned(engine->trial);
}

void
engine_stop(struct engine *engine)
{
	trial_calls(engine->trial, "stop");
	runtime_stop(engine->runtime);
	trial_returned(engine->trial);
	(void)pthread_mutex_lock(&engine->lock);
	engine->started = false;
	(void)pthread_mutex_unlock(&engine->lock);
}

void
engine_await(struct engine *engine, uint64_t wait_ms)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)(wait_ms % 1000 * 1000000);
	until.tv_sec += (time_t)(wait_ms / 1000) + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	(void)pthread_mutex_lock(&engine->lock);
	while (engine->events == 0 &&
	       pthread_cond_timedwait(&engine->changed, &engine->lock, &until) == 0)
		;
	engine->events = 0;
	(void)pthread_mutex_unlock(&engine->lock);
}

/* ---- list ---- */

struct seen {
	unsigned count;
	struct cube_container *last;
};

static int
see(void *ctx, const struct cube_container *container)
{
	struct seen *seen = ctx;

	seen->count++;
	if (seen->last != NULL)
		*seen->last = *container;
	return 0;
}

unsigned
engine_list(struct engine *engine, struct cube_container *last)
{
	struct seen seen = {.last = last};
	uint64_t deadline_ms = engine_calls(engine, "list", WAIT_MS);
	struct cube_error err;

	if (runtime_list(engine->runtime, deadline_ms, see, &seen, &err) != 0)
		trial_fail(engine->trial, "list failed: %s", trial_words(&err));
	engine_returned(engine, "list");
	return seen.count;
}
