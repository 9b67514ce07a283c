/* tests/unit/manager_restart_rig.h - two workers, tasks that run and end on them, and the
 * pauses until they start again. Each test program includes it once. */
#ifndef MANAGER_RESTART_RIG_H
#define MANAGER_RESTART_RIG_H

#include "manager_cast.h"

#include "check_main.h"

#define TEN_MINUTES_MS 600000

static struct world *world;
static struct actor actor;
static struct actor other;

static inline void
setup(void)
{
	world = world_new();
	actor = actor_new("n1", 1, 4000, 4 * GIB);
	other = actor_new("n2", 2, 4000, 4 * GIB);
	world_start(world);
	actor_up(world, &actor);
}

static inline void
teardown(void)
{
	world_free(world);
}

/* Task n runs on n1, as its first attempt. */
static inline void
runs(unsigned n, const char *members)
{
	ck_assert_int_eq(submit(world, n, members), 201);
	(void)actor_obey(world, &actor);
	actor_runs(world, &actor, n, 1);
	ck_assert_int_eq(get(world, n).state, TASK_RUNNING);
}

/* How long it is until the task starts again. */
static inline int64_t
pause_ms(unsigned n)
{
	struct task_status status = get(world, n);

	ck_assert_int_ne(status.restart_at_ms, 0);
	ck_assert(!status.final);
	return status.restart_at_ms - world->now.wall_ms;
}

static inline void
keep_in_touch(struct actor *with)
{
	if (with->contact == 0)
		return;
	(void)actor_tell(world, with, false, NULL, 0);
	(void)actor_hello(world, with);
}

/* Time goes by, and the workers answer. */
static inline void
live(uint64_t ms)
{
	for (; ms > 1000; ms -= 1000) {
		world_sleep(world, 1000);
		keep_in_touch(&actor);
		keep_in_touch(&other);
	}
	world_sleep(world, ms);
}

/* Its pause goes by, and the worker has the new order. */
static inline void
wait_over(unsigned n, struct actor *on)
{
	live((uint64_t)pause_ms(n));
	(void)actor_obey(world, on);
}

static inline struct report
end_of(unsigned n, uint32_t attempt, const char *reason)
{
	struct report report = report_of(n, TASK_FAILED, attempt);

	(void)snprintf(report.status.reason, sizeof(report.status.reason), "%s", reason);
	return report;
}

#endif
