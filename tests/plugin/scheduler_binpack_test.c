/* tests/plugin/scheduler_binpack_test.c - binpack.so against best fit by the book, the optimum
 * of small cases (by trying all), and the bound that is proved of best fit. */
#include "../unit/check_main.h"
#include "scheduler_fixture.h"

#define FILE_NAME "plugins/scheduler/binpack.so"
#define ITEMS_MAX 10
#define CAPACITY  100

struct items {
	int64_t size[ITEMS_MAX];
	uint32_t count;
};

static uint32_t
nodes_in_use(const struct cluster *cluster)
{
	uint32_t used = 0;

	for (uint32_t row = 0; row < cluster->nodes.count; row++)
		used += cluster->tasks[row] > 0;
	return used;
}

/* The fewest bins that items from `from` on need, beside what bins[0..used) hold; at most
 * best. Tries everything, equal bins once. */
static uint32_t
try_all(const struct items *items, uint32_t from, int64_t *bins, uint32_t used, uint32_t best)
{
	if (used >= best)
		return best;
	if (from == items->count)
		return used;
	for (uint32_t bin = 0; bin <= used; bin++) {
		uint32_t found;
		int seen = 0;

		if (bin < used && bins[bin] + items->size[from] > CAPACITY)
			continue;
		for (uint32_t before = 0; before < bin && bin < used; before++)
			seen |= bins[before] == bins[bin];
		if (seen)
			continue;
		if (bin == used)
			bins[bin] = 0;
		bins[bin] += items->size[from];
		found = try_all(items, from + 1, bins, bin == used ? used + 1 : used, best);
		bins[bin] -= items->size[from];
		if (found < best)
			best = found;
	}
	return best;
}

static uint32_t
optimum(const struct items *items)
{
	int64_t bins[ITEMS_MAX + 1] = {0};

	return try_all(items, 0, bins, 0, items->count);
}

/* Best fit as it is defined: the bin with the least room of those that have enough, a new one
 * only if none has. */
static uint32_t
best_fit(const int64_t *room, uint32_t count, int64_t size)
{
	uint32_t best = SCHEDULER_NOTHING;

	for (uint32_t bin = 0; bin < count; bin++) {
		if (room[bin] >= size && (best == SCHEDULER_NOTHING || room[bin] < room[best]))
			best = bin;
	}
	return best;
}

START_TEST(of_one_resource_it_is_best_fit_and_as_good_as_that_is_proved_to_be)
{
	struct stage stage = {.scheduler = NULL};
	struct cluster *cluster = &stage.cluster;
	struct random random;
	uint32_t optimal = 0;

	random_seed(&random, 21);
	stage_open(&stage, FILE_NAME, ITEMS_MAX);
	for (int round = 0; round < 2000; round++) {
		struct items items = {.count = 2 + (uint32_t)random_below(&random, 9)};
		int64_t room[ITEMS_MAX];
		uint32_t needed;

		cluster_init(cluster, ITEMS_MAX);
		cluster->demand.memory_bytes = 0;
		for (uint32_t row = 0; row < ITEMS_MAX; row++) {
			node_set(cluster, row, CAPACITY, 1000, 0);
			room[row] = CAPACITY;
		}
		for (uint32_t i = 0; i < items.count; i++) {
			uint32_t row;

			items.size[i] = 1 + (int64_t)random_below(&random, CAPACITY);
			cluster->demand.mcpu = items.size[i];
			ck_assert_uint_gt(cluster_fit(cluster), 0);
			row = place(&stage);
			ck_assert_uint_eq(row, best_fit(room, ITEMS_MAX, items.size[i]));
			cluster_take(cluster, row);
			room[row] -= items.size[i];
		}
		needed = optimum(&items);
		ck_assert_uint_ge(nodes_in_use(cluster), needed);
		ck_assert_uint_le(nodes_in_use(cluster), needed * 17 / 10);
		optimal += nodes_in_use(cluster) == needed;
	}
	/* And of these, nearly always with the fewest nodes that can do. */
	ck_assert_uint_ge(optimal, 1800);
	stage_close(&stage);
}
END_TEST

static const struct {
	const char *what;
	int64_t size[ITEMS_MAX];
	uint32_t in_use; /* by best fit */
	uint32_t needed;
} known[] = {
	/* 60 + 40, 70 + 30, 50 + 50 */
	{"pairs", {60, 70, 40, 30, 50, 50}, 3, 3},
	/* 50, then 70; 30 is better beside 70, so 50 has room for the last */
	{"the gap that fits best", {50, 70, 30, 50}, 2, 2},
	/* 34 + 33 + 33 three times over */
	{"thirds", {34, 33, 33, 34, 33, 33, 34, 33, 33}, 3, 3},
	/* Small ones first fill a node that large ones wanted a share of: 45 + 45 and 55, 55 */
	{"small ones first", {45, 45, 55, 55}, 3, 2},
	{"one each", {51, 51, 51, 51, 51}, 5, 5},
	{"one for all", {10, 10, 10, 10, 10, 10, 10, 10, 10, 10}, 1, 1},
};

START_TEST(small_cases_come_out_as_by_hand)
{
	struct stage stage = {.scheduler = NULL};
	struct cluster *cluster = &stage.cluster;
	struct items items = {.count = 0};

	stage_open(&stage, FILE_NAME, ITEMS_MAX);
	cluster->demand.memory_bytes = 0;
	for (uint32_t row = 0; row < ITEMS_MAX; row++)
		node_set(cluster, row, CAPACITY, 1000, 0);
	while (items.count < ITEMS_MAX && known[_i].size[items.count] > 0) {
		items.size[items.count] = known[_i].size[items.count];
		cluster->demand.mcpu = items.size[items.count++];
		(void)cluster_fit(cluster);
		cluster_take(cluster, place(&stage));
	}
	ck_assert_msg(nodes_in_use(cluster) == known[_i].in_use, "%s: %u", known[_i].what,
		      nodes_in_use(cluster));
	ck_assert_uint_eq(optimum(&items), known[_i].needed);
	stage_close(&stage);
}
END_TEST

START_TEST(two_resources_are_filled_together)
{
	struct stage stage = {.scheduler = NULL};
	struct cluster *cluster = &stage.cluster;

	/* 4 tasks of 3 cores and 1 of memory, 4 of 1 core and 3 of memory: two of each kind
	 * would leave half a node of the other resource; one and one fill it. */
	stage_open(&stage, FILE_NAME, 8);
	for (int i = 0; i < 8; i++) {
		cluster->demand.mcpu = i % 2 == 0 ? 3000 : 1000;
		cluster->demand.memory_bytes = i % 2 == 0 ? 1000 : 3000;
		(void)cluster_fit(cluster);
		cluster_take(cluster, place(&stage));
	}
	ck_assert_uint_eq(nodes_in_use(cluster), 4);
	for (uint32_t row = 0; row < 4; row++) {
		ck_assert_int_eq(cluster->free_mcpu[row], 0);
		ck_assert_int_eq(cluster->free_memory[row], 0);
	}
	stage_close(&stage);
}
END_TEST

START_TEST(a_cost_is_the_score_of_what_would_be_left)
{
	const char *weighed[] = {"cpu=3", "memory=0.5", "disk=2"};
	struct stage stage = {.scheduler = NULL};
	struct cluster *cluster = &stage.cluster;

	stage_open(&stage, FILE_NAME, 1);
	/* Of 4000 each, 3000 cpu and 2000 memory are free; 1000 and 2000 are asked for: 10^0.5
	 * and 10^0. */
	cluster->tasks[0] = 1;
	cluster->free_mcpu[0] = 3000;
	cluster->free_memory[0] = 2000;
	cluster->free_disk[0] = 0;
	cluster->demand.mcpu = 1000;
	cluster->demand.memory_bytes = 2000;
	ck_assert_double_eq_tol(cost_of(&stage, 0), sqrt(10) + 1, 1e-12);
	/* An empty one of the kind would cost as much as all could be in addition: 20. */
	cluster->tasks[0] = 0;
	ck_assert_double_eq_tol(cost_of(&stage, 0), sqrt(10) + 1 + 20, 1e-12);
	stage_close(&stage);
	stage_open_with(&stage, FILE_NAME, 1, weighed, 3);
	cluster->tasks[0] = 1;
	cluster->free_mcpu[0] = 3000;
	cluster->free_memory[0] = 2000;
	cluster->free_disk[0] = 3000;
	cluster->demand.mcpu = 1000;
	cluster->demand.memory_bytes = 2000;
	cluster->demand.disk_bytes = 2000;
	/* 3 * 10^(1/2) + 0.5 * 10^0 + 2 * 10^(1/4) */
	ck_assert_double_eq_tol(cost_of(&stage, 0), 3 * sqrt(10) + 0.5 + 2 * sqrt(sqrt(10)),
				1e-12);
	stage_close(&stage);
}
END_TEST

START_TEST(no_node_is_taken_into_use_while_one_in_use_has_room)
{
	struct stage stage = {.scheduler = NULL};
	struct cluster *cluster = &stage.cluster;
	struct random random;

	random_seed(&random, 22);
	stage_open(&stage, FILE_NAME, 40);
	for (int round = 0; round < 50; round++) {
		cluster_init(cluster, 40);
		for (uint32_t row = 0; row < 40; row++)
			node_set(cluster, row, 1000 + (int64_t)random_below(&random, 15000),
				 1000 + (int64_t)random_below(&random, 15000), 0);
		for (int i = 0; i < 100; i++) {
			int has_room = 0;
			uint32_t row;

			cluster->demand.mcpu = 10 + (int64_t)random_below(&random, 990);
			cluster->demand.memory_bytes = (int64_t)random_below(&random, 1000);
			if (cluster_fit(cluster) == 0)
				break;
			for (row = 0; row < 40; row++)
				has_room |= scheduler_bit(cluster->eligible, row) &&
					    cluster->tasks[row] > 0;
			row = place(&stage);
			ck_assert_int_eq(cluster->tasks[row] > 0, has_room);
			cluster_take(cluster, row);
		}
	}
	stage_close(&stage);
}
END_TEST

START_TEST(nodes_that_tell_no_capacity_come_last_and_share)
{
	struct stage stage = {.scheduler = NULL};
	struct cluster *cluster = &stage.cluster;

	stage_open(&stage, FILE_NAME, 4);
	node_set(cluster, 0, 0, 0, 0);
	node_set(cluster, 1, 4000, 0, 0);
	node_set(cluster, 2, 0, 0, 0);
	cluster->demand.mcpu = 1000;
	cluster->demand.memory_bytes = 1;
	for (int i = 0; i < 4; i++) {
		uint32_t row = place(&stage);

		ck_assert_uint_eq(row, 3);
		cluster_take(cluster, row);
	}
	set_eligible(cluster, 3, 0);
	set_eligible(cluster, 1, 0);
	for (int i = 0; i < 10; i++)
		cluster_take(cluster, place(&stage));
	ck_assert_uint_eq(cluster->tasks[0], 5);
	ck_assert_uint_eq(cluster->tasks[2], 5);
	stage_close(&stage);
}
END_TEST

START_TEST(options_are_held_to_what_makes_sense)
{
	refuses(FILE_NAME, "cpu=x", "cpu=x: wants a number from 0 to 1000");
	refuses(FILE_NAME, "memory=1e3", "memory=1e3: wants a number from 0 to 1000");
	refuses(FILE_NAME, "disk=5000", "disk=5000: wants a number from 0 to 1000");
}
END_TEST

START_TEST(weights_that_are_all_0_are_refused)
{
	struct fixture_host host;
	struct plugin *plugin = fixture_load(FILE_NAME, CUBE_PLUGIN_SCHEDULER);
	const char *pairs[] = {"cpu=0", "memory=0"};
	const char **options = fixture_options(plugin, pairs, 2);
	struct cube_error err;
	void *self = NULL;

	ck_assert_int_eq(plugin->info.ops.scheduler->open(fixture_host_init(&host), options,
							  &self, &err),
			 CUBE_ERR_INVALID);
	fixture_contains(err.message, "cpu, memory and disk are all 0");
	free(options);
	plugin_unload(plugin);
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("binpack");
	TCase *tests = tcase_create("binpack");

	tcase_add_test(tests,
		       of_one_resource_it_is_best_fit_and_as_good_as_that_is_proved_to_be);
	tcase_add_loop_test(tests, small_cases_come_out_as_by_hand, 0,
			    (int)(sizeof(known) / sizeof(known[0])));
	tcase_add_test(tests, two_resources_are_filled_together);
	tcase_add_test(tests, a_cost_is_the_score_of_what_would_be_left);
	tcase_add_test(tests, no_node_is_taken_into_use_while_one_in_use_has_room);
	tcase_add_test(tests, nodes_that_tell_no_capacity_come_last_and_share);
	tcase_add_test(tests, options_are_held_to_what_makes_sense);
	tcase_add_test(tests, weights_that_are_all_0_are_refused);
	suite_add_tcase(made, tests);
	return made;
}

CHECK_MAIN(suite)
