/* tests/unit/manager_trim_rig.h - tasks that end, and time that goes by. Each test program
 * includes it once. */
#ifndef MANAGER_TRIM_RIG_H
#define MANAGER_TRIM_RIG_H

#include "check_main.h"
#include "manager_cast.h"

#define HOUR_MS ((uint64_t)3600 * 1000)
#define DAY_MS  (24 * HOUR_MS)
#define YEAR_MS (365 * (int64_t)DAY_MS)

static struct world *world;
static struct actor one;

static inline void
setup(void)
{
	world = world_new();
	world->config.keep_tasks = 3;
	one = actor_new("n1", 1, 1000000, 1000 * GIB);
}

static inline void
teardown(void)
{
	world_free(world);
}

static inline void
begin(void)
{
	world_start(world);
	actor_up(world, &one);
}

/* A worker that was away for long is silent meanwhile: here only the clock moves. */
static inline void
let_time_pass(uint64_t ms)
{
	world->now.mono_ms += ms;
	world->now.wall_ms += (int64_t)ms;
	world_wake(world);
	world_settle(world);
}

static inline void
end_with(unsigned n, int code)
{
	(void)actor_obey(world, &one);
	actor_ends(world, &one, n, 1, code);
	(void)actor_obey(world, &one);
}

static inline void
run_and_end(unsigned n, int code)
{
	ck_assert_int_eq(submit(world, n, "\"RestartPolicy\":\"no\""), 201);
	end_with(n, code);
}

static inline int
status_of(unsigned n, enum manager_message_kind kind, char *text, size_t size)
{
	struct manager_effect *reply = world_ask(world, about_task(world, kind, n));
	int status = reply->status;

	if (text != NULL)
		(void)snprintf(text, size, "%s", reply->message);
	effect_free(reply);
	return status;
}

static inline bool
is_there(unsigned n)
{
	int status = status_of(n, MANAGER_GET, NULL, 0);

	ck_assert(status == 200 || status == 404);
	return status == 200;
}

static inline const char *
key_of(const char *kind, unsigned n)
{
	static char key[64];

	(void)snprintf(key, sizeof(key), "%s/%s", kind, task_id(n));
	return key;
}

static inline bool
is_stored(const char *kind, unsigned n)
{
	return world_stored(world, key_of(kind, n))[0] != '\0';
}

#endif
