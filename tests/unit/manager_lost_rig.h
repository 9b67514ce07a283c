/* tests/unit/manager_lost_rig.h - three workers, of which some fall silent. Each test program
 * includes it once. */
#ifndef MANAGER_LOST_RIG_H
#define MANAGER_LOST_RIG_H

#include "manager_cast.h"

#include "check_main.h"

static struct world *world;
static struct actor n1, n2, n3;
static struct actor *const only_2[] = {&n2};
static struct actor *const only_3[] = {&n3};
static struct actor *const all_3[] = {&n1, &n2, &n3};

static inline void
setup(void)
{
	world = world_new();
	n1 = actor_new("n1", 1, 4000, GIB);
	n2 = actor_new("n2", 2, 4000, GIB);
	n3 = actor_new("n3", 3, 4000, GIB);
	n1.stamp = n2.stamp = n3.stamp = 1;
}

static inline void
teardown(void)
{
	world_free(world);
}

/* Task n runs on n1, the only node then; after that n2 is there, too. */
static inline void
run_on_first(unsigned n, const char *members)
{
	ck_assert_int_eq(submit(world, n, members), 201);
	(void)actor_obey(world, &n1);
	actor_runs(world, &n1, n, 1);
	ck_assert_str_eq(get(world, n).node, "n1");
}

static inline void
begin(const char *members)
{
	world_start(world);
	actor_up(world, &n1);
	run_on_first(1, members);
	actor_up(world, &n2);
}

static inline size_t
times_logged(const char *text)
{
	const char *at = world->log;
	size_t count = 0;

	while ((at = strstr(at, text)) != NULL) {
		count++;
		at++;
	}
	return count;
}

#endif
