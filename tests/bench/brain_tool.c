/* tests/bench/brain_tool.c - what the manager's brain costs by itself: no HTTP, no store, no
 * network. Prints admissions, placements and loaded records a second; with an argument (admit,
 * place, load) that one alone. One thread. */
#include "../unit/manager_cast.h"

#include <time.h>

#define TASKS 100000u
#define ARRAY 1000u

/* Of processor time: other programs do not count. */
static double
seconds_since(clock_t start)
{
	double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;

	return seconds > 0 ? seconds : 0.001;
}

static struct manager_message *
array_message(struct world *world, unsigned first, unsigned count, const char *members)
{
	struct task_request requests[ARRAY];
	unsigned i;

	for (i = 0; i < count; i++)
		requests[i] = run_request(first + i, members);
	return submit_message(world, requests, count);
}

/* Tasks that fit nowhere: what admission alone takes. */
static void
bench_admit(unsigned array)
{
	struct world *world = world_new();
	struct manager_message **messages = calloc(TASKS / array, sizeof(void *));
	clock_t start;
	unsigned i;

	world_must(messages != NULL);
	world->drop_effects = true;
	world_start(world);
	for (i = 0; i < TASKS / array; i++)
		messages[i] = array_message(world, i * array, array, "\"Memory\":1024");
	start = clock();
	for (i = 0; i < TASKS / array; i++)
		world_step(world, messages[i]);
	printf("admit, arrays of %4u:        %7.0f tasks a second\n", array,
	       TASKS / seconds_since(start));
	free(messages);
	world_free(world);
}

static void
bench_place(unsigned nodes)
{
	struct world *world = world_new();
	struct manager_message *messages[TASKS / 4 / ARRAY];
	clock_t start;
	unsigned i;

	world_start(world);
	for (i = 0; i < nodes; i++) {
		char name[NAME_SIZE];
		struct actor actor;

		(void)snprintf(name, sizeof(name), "n%u", i);
		actor = actor_new(name, i, 1000000, 1000 * GIB);
		actor_up(world, &actor);
		effect_free(world_take(world, MANAGER_EFFECT_POLL, actor.contact));
	}
	for (i = 0; i < TASKS / 4; i += ARRAY)
		messages[i / ARRAY] = array_message(world, i, ARRAY, "\"Memory\":1024");
	world->drop_effects = true;
	start = clock();
	for (i = 0; i < TASKS / 4; i += ARRAY)
		world_step(world, messages[i / ARRAY]);
	world_settle(world);
	printf("admit and place, %5u nodes: %7.0f tasks a second\n", nodes,
	       TASKS / 4 / seconds_since(start));
	world_free(world);
}

/* Waiting tasks of one shape, then nodes: placing alone. */
static void
bench_burst(unsigned nodes)
{
	struct world *world = world_new();
	struct actor *actors = calloc(nodes, sizeof(*actors));
	clock_t start;
	unsigned i;
	double seconds;

	world_must(actors != NULL);
	world_start(world);
	for (i = 0; i < nodes; i++) {
		char name[NAME_SIZE];

		(void)snprintf(name, sizeof(name), "n%u", i);
		actors[i] = actor_new(name, i, 0, 0); /* no room: nothing fits yet */
		actor_up(world, &actors[i]);
	}
	for (i = 0; i < TASKS; i += ARRAY)
		effect_free(world_ask(world, array_message(world, i, ARRAY, "\"Cpu\":0.001")));
	world->drop_effects = true;
	start = clock();
	for (i = 0; i < nodes; i++) {
		actors[i].info.mcpu = 10 * TASKS / nodes;
		(void)actor_join(world, &actors[i]);
	}
	world_settle(world);
	seconds = seconds_since(start);
	world->drop_effects = false;
	printf("place a burst, %5u nodes:   %7.0f tasks a second (%zu placed)\n", nodes,
	       (double)count_state(world, TASK_SCHEDULED) / seconds,
	       count_state(world, TASK_SCHEDULED));
	free(actors);
	world_free(world);
}

static void
bench_load(void)
{
	struct world *world = world_new();
	struct cube_error err = {.code = 0};
	struct world_record **sorted;
	size_t count;
	clock_t start;
	unsigned i;

	world_start(world);
	for (i = 0; i < TASKS; i += ARRAY)
		effect_free(world_ask(
			world, array_message(world, i, ARRAY,
					     "\"Memory\":1024,\"Cmd\":[\"sleep\",\"60\"],"
					     "\"Env\":[\"A=b\",\"C=d\"]")));
	world_forget(world);
	sorted = world_sorted(world, &count);
	start = clock();
	world_must(world_load(world, sorted, count, &err) == 0);
	printf("load %u tasks:            %.3f s\n", TASKS, seconds_since(start));
	start = clock();
	world_must(world_run(world, &err) == 0);
	printf("start with %u tasks:      %.3f s\n", TASKS, seconds_since(start));
	free(sorted);
	world_free(world);
}

int
main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : "";

	if (strcmp(only, "") == 0 || strcmp(only, "admit") == 0) {
		bench_admit(1);
		bench_admit(ARRAY);
	}
	if (strcmp(only, "") == 0 || strcmp(only, "place") == 0) {
		bench_place(3);
		bench_place(1000);
		bench_burst(10);
		bench_burst(1000);
	}
	if (strcmp(only, "") == 0 || strcmp(only, "load") == 0)
		bench_load();
	return 0;
}
