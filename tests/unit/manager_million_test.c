/* tests/unit/manager_million_test.c - tasks without end through one manager: what it holds
 * stays as it is once trimming is reached.
 *
 * The brain, a store in memory and workers that run what they are told, over some days of
 * virtual time, so that the count of ended tasks, the history and the day of the tombstones
 * all come to where as much goes as comes. 50,000 tasks; with CUBE_TEST_LONG a million.
 */
#include "check_main.h"
#include "manager_cast.h"

#include <malloc.h>

#define WORKERS     10u
#define ARRAY       100u
#define WINDOWS     10u /* days that all of it takes */
#define KEEP_TASKS  1000u
#define KEEP_EVENTS 16000u
#define DAY_MS      ((uint64_t)24 * 3600 * 1000)

static struct world *world;
static struct actor actors[WORKERS];

static size_t
in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* All that they are told ends at once, well or not; what is told of a task that was to stop
 * ends too. */
static void
work(struct actor *actor)
{
	struct manager_effect *orders;

	while ((orders = actor_orders(world, actor)) != NULL) {
		size_t count = orders->orders.count;
		struct report *reports = calloc(count + 1, sizeof(*reports));
		size_t i;

		world_must(reports != NULL);
		for (i = 0; i < count; i++) {
			const struct order *order = &orders->orders.items[i];
			struct task_status *status = &reports[i].status;

			memcpy(reports[i].task_id, order->task_id, ID_SIZE);
			status->wanted = TASK_WANTED_RUN;
			status->attempt = order->attempt;
			status->has_exit_code = true;
			status->exit_code = i % 4 == 3;
			status->state = status->exit_code == 0 ? TASK_COMPLETED : TASK_FAILED;
			status->start_ms = world->now.wall_ms;
			status->finish_ms = world->now.wall_ms;
		}
		actor_accept(world, actor, orders);
		if (count > 0) {
			actor->revision.sequence++;
			world_must(actor_tell(world, actor, false, reports, count));
		}
		free(reports);
	}
}

static void
release_replies(void)
{
	struct manager_effect *effect;

	while ((effect = world_take(world, MANAGER_EFFECT_REPLY, 0)) != NULL)
		effect_free(effect);
}

/* One array of tasks from the submit to their end. Each worker says so that it is there. */
static void
round_of(unsigned first)
{
	unsigned i;

	world_must(submit_many(world, first, ARRAY, "\"RestartPolicy\":\"no\"") == 201);
	world_settle(world);
	for (i = 0; i < WORKERS; i++)
		work(&actors[i]);
	for (i = 0; i < WORKERS; i++) {
		(void)actor_tell(world, &actors[i], false, NULL, 0);
		work(&actors[i]);
		(void)actor_hello(world, &actors[i]);
	}
	world->log_size = 0;
	release_replies();
}

/* To the next round, without the silence of the workers being noticed: they are asked and
 * answer in the middle of it as well. */
static void
let_time_pass(uint64_t ms)
{
	unsigned i;

	world->now.mono_ms += ms;
	world->now.wall_ms += (int64_t)ms;
	for (i = 0; i < WORKERS; i++) {
		(void)actor_tell(world, &actors[i], false, NULL, 0);
		(void)actor_hello(world, &actors[i]);
		work(&actors[i]);
	}
	world_settle(world);
}

START_TEST(what_the_manager_holds_does_not_grow_with_what_has_passed)
{
	unsigned tasks = getenv("CUBE_TEST_LONG") != NULL ? 1000000 : 50000;
	unsigned rounds = tasks / ARRAY;
	uint64_t pause_ms = WINDOWS * DAY_MS / rounds;
	double before = 0;
	double after = 0;
	unsigned i;

	for (i = 0; i < WORKERS; i++) {
		char name[NAME_SIZE];

		(void)snprintf(name, sizeof(name), "n%u", i);
		actors[i] = actor_new(name, i, 1000000, 1000 * GIB);
		actor_up(world, &actors[i]);
	}
	for (i = 0; i < rounds; i++) {
		round_of(i * ARRAY);
		let_time_pass(pause_ms);
		/* The history goes by sixteenths: three days beside the three before. */
		if (i >= rounds * 7 / 10)
			after += (double)in_use();
		else if (i >= rounds * 4 / 10)
			before += (double)in_use();
	}
	ck_assert_uint_eq(world_count(world, "task/"), KEEP_TASKS);
	/* A day's worth of tombstones. */
	ck_assert_uint_gt(world_count(world, "done/"), tasks / WINDOWS * 98 / 100);
	ck_assert_uint_lt(world_count(world, "done/"), tasks / WINDOWS * 102 / 100);
	before /= rounds * 3 / 10;
	after /= rounds * 3 / 10;
	printf("%u tasks: %.0f KiB in use, then %.0f, with the store's %zu records\n", tasks,
	       before / 1024, after / 1024, map_count(world->records));
	/* Four bytes a task would be seen. */
	ck_assert_double_lt(after - before, tasks * 3 / 10 * 4.0);
}
END_TEST

static void
setup(void)
{
	world = world_new();
	world->config.keep_tasks = KEEP_TASKS;
	world->config.events_max = KEEP_EVENTS;
	world_start(world);
}

static void
teardown(void)
{
	world_free(world);
}

static Suite *
suite(void)
{
	Suite *made = suite_create("manager million");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 600);
	tcase_add_test(tests, what_the_manager_holds_does_not_grow_with_what_has_passed);
	suite_add_tcase(made, tests);
	return made;
}

CHECK_MAIN(suite)
