/* tests/plugin/scheduler_test.c - what every scheduler plugin must hold, over each of them,
 * and then what round robin promises: each eligible node in its turn, whoever joins, leaves
 * or moves to another row. */
#include "../unit/check_main.h"
#include "scheduler_fixture.h"

static const char *const plugins[] = {
	"plugins/scheduler/roundrobin.so", "plugins/scheduler/greedy.so",
	"plugins/scheduler/epvm.so",       "plugins/scheduler/binpack.so",
	"plugins/scheduler/spread.so",
};
#define PLUGIN_COUNT ((int)(sizeof(plugins) / sizeof(plugins[0])))

START_TEST(only_eligible_rows_win)
{
	struct stage stage = {.scheduler = NULL};
	struct random random;

	random_seed(&random, 11);
	stage_open(&stage, plugins[_i], NODES_MAX);
	for (int round = 0; round < 500; round++) {
		uint32_t count = 1 + (uint32_t)random_below(&random, NODES_MAX);
		uint32_t any = 0;
		uint32_t row;

		cluster_init(&stage.cluster, count);
		for (row = 0; row < count; row++) {
			int is = random_below(&random, 3) == 0;

			set_eligible(&stage.cluster, row, is);
			any += (uint32_t)is;
		}
		row = place(&stage);
		if (any == 0) {
			ck_assert_uint_eq(row, SCHEDULER_NOTHING);
			continue;
		}
		ck_assert_uint_lt(row, count);
		ck_assert_int_eq(scheduler_bit(stage.cluster.eligible, row), 1);
	}
	stage_close(&stage);
}
END_TEST

START_TEST(one_node_is_enough_and_none_is_no_error)
{
	struct stage stage = {.scheduler = NULL};

	stage_open(&stage, plugins[_i], 1);
	ck_assert_uint_eq(place(&stage), 0);
	ck_assert_uint_eq(place(&stage), 0);
	stage.cluster.nodes.count = 0;
	ck_assert_uint_eq(place(&stage), SCHEDULER_NOTHING);
	stage_close(&stage);
}
END_TEST

/* Nodes of a few kinds, used at random; also such as are overcommitted or tell no total. */
static void
cluster_random(struct cluster *cluster, struct random *random, uint32_t count)
{
	cluster_init(cluster, count);
	for (uint32_t row = 0; row < count; row++) {
		int64_t kind = (int64_t)random_below(random, 4);

		node_set(cluster, row, 4000 * kind, kind << 33, kind << 38);
		if (kind > 0) {
			cluster->free_mcpu[row] -= (int64_t)random_below(random, 18000);
			cluster->free_memory[row] -=
				(int64_t)random_below(random, UINT64_C(4) << 33);
			cluster->free_disk[row] -=
				(int64_t)random_below(random, UINT64_C(4) << 38);
		}
		cluster->tasks[row] = (uint32_t)random_below(random, 50);
		cluster->peers[row] = (uint32_t)random_below(random, 5);
		cluster->busy[row] = random_below(random, 3) == 0
					     ? NAN
					     : (float)random_below(random, 101) / 100;
		cluster->domain[row] = (uint32_t)random_below(random, DOMAINS_MAX);
	}
	for (uint32_t domain = 0; domain < DOMAINS_MAX; domain++)
		cluster->domain_peers[domain] = (uint32_t)random_below(random, 20);
	cluster_tell_domains(cluster);
	cluster->demand.mcpu = (int64_t)random_below(random, 3) * 250;
	cluster->demand.memory_bytes = (int64_t)random_below(random, 3) << 28;
}

START_TEST(scoring_changes_nothing_and_gives_the_same_costs_again)
{
	struct stage stage = {.scheduler = NULL};
	struct cluster before;
	struct random random;
	uint32_t rows[NODES_MAX];
	double first[NODES_MAX];
	double second[NODES_MAX];

	random_seed(&random, 5);
	stage_open(&stage, plugins[_i], NODES_MAX);
	for (uint32_t row = 0; row < NODES_MAX; row++)
		rows[row] = row;
	for (int round = 0; round < 50; round++) {
		cluster_random(&stage.cluster, &random, NODES_MAX);
		before = stage.cluster;
		score(&stage, rows, NODES_MAX, first);
		score(&stage, rows, NODES_MAX, second);
		ck_assert_int_eq(memcmp(first, second, sizeof(first)), 0);
		ck_assert_int_eq(memcmp(&before, &stage.cluster, sizeof(before)), 0);
	}
	stage_close(&stage);
}
END_TEST

START_TEST(what_says_row_pure_gives_a_row_the_same_cost_alone_and_among_others)
{
	struct stage stage = {.scheduler = NULL};
	struct random random;
	uint32_t rows[NODES_MAX];
	double cost[NODES_MAX];

	random_seed(&random, 6);
	stage_open(&stage, plugins[_i], NODES_MAX);
	ck_assert_int_eq(scheduler_is_pure(stage.scheduler), _i != 0);
	for (int round = 0; round < 50 && _i != 0; round++) {
		uint32_t n = 0;

		cluster_random(&stage.cluster, &random, NODES_MAX);
		for (uint32_t row = 0; row < NODES_MAX; row++) {
			if (random_below(&random, 4) != 0)
				rows[n++] = row;
		}
		score(&stage, rows, n, cost);
		for (uint32_t i = 0; i < n; i++) {
			double alone = cost_of(&stage, rows[i]);

			ck_assert_int_eq(memcmp(&alone, &cost[i], sizeof(alone)), 0);
		}
	}
	stage_close(&stage);
}
END_TEST

START_TEST(the_wildest_columns_cost_a_finite_number)
{
	static const int64_t amounts[] = {
		INT64_MIN, -1, 0, 1, 1000, INT64_MAX - 1, INT64_MAX,
	};
	static const float busy[] = {NAN, -INFINITY, -1, 0, 1, 7, INFINITY};
	struct stage stage = {.scheduler = NULL};
	struct random random;

	random_seed(&random, 8);
	stage_open(&stage, plugins[_i], 1);
	for (int round = 0; round < 20000; round++) {
		struct cluster *cluster = &stage.cluster;
		double cost;

		cluster->total_mcpu[0] = amounts[random_below(&random, 7)];
		cluster->free_mcpu[0] = amounts[random_below(&random, 7)];
		cluster->total_memory[0] = amounts[random_below(&random, 7)];
		cluster->free_memory[0] = amounts[random_below(&random, 7)];
		cluster->total_disk[0] = amounts[random_below(&random, 7)];
		cluster->free_disk[0] = amounts[random_below(&random, 7)];
		cluster->busy[0] = busy[random_below(&random, 7)];
		cluster->tasks[0] = random_below(&random, 2) == 0 ? 0 : UINT32_MAX;
		cluster->peers[0] = random_below(&random, 2) == 0 ? 0 : UINT32_MAX;
		cluster->domain[0] = random_below(&random, 2) == 0 ? 3 : UINT32_MAX;
		cluster->domain_peers[3] = cluster->peers[0];
		cluster->demand.mcpu = amounts[2 + random_below(&random, 5)];
		cluster->demand.memory_bytes = amounts[2 + random_below(&random, 5)];
		cluster->demand.disk_bytes = amounts[2 + random_below(&random, 5)];
		cluster_tell_domains(cluster);
		cost = cost_of(&stage, 0);
		ck_assert_msg(isfinite(cost), "round %d costs %g", round, cost);
	}
	stage_close(&stage);
}
END_TEST

static void *
no_memory(void *ctx, void *p, size_t size)
{
	(void)ctx;
	(void)p;
	(void)size;
	return NULL;
}

START_TEST(an_open_without_memory_fails_and_says_so)
{
	struct fixture_host fixture;
	struct cube_host host = *fixture_host_init(&fixture);
	struct plugin *plugin = fixture_load(plugins[_i], CUBE_PLUGIN_SCHEDULER);
	const char **options = fixture_options(plugin, NULL, 0);
	struct cube_error err;
	void *self = NULL;

	host.realloc = no_memory;
	ck_assert_int_eq(plugin->info.ops.scheduler->open(&host, options, &self, &err),
			 CUBE_ERR_NO_MEMORY);
	ck_assert_str_eq(err.message, "out of memory");
	ck_assert_ptr_null(self);
	free(options);
	plugin_unload(plugin);
}
END_TEST

START_TEST(the_same_history_gives_the_same_choices)
{
	struct stage one = {.scheduler = NULL};
	struct stage other = {.scheduler = NULL};
	struct random random;

	random_seed(&random, 9);
	stage_open(&one, plugins[_i], 40);
	stage_open(&other, plugins[_i], 40);
	for (int round = 0; round < 20; round++) {
		cluster_random(&one.cluster, &random, 40);
		/* The same columns, elsewhere in memory. */
		cluster_init(&other.cluster, 40);
		memcpy(&other.cluster, &one.cluster, offsetof(struct cluster, nodes));
		cluster_tell_domains(&other.cluster);
		other.cluster.demand.mcpu = one.cluster.demand.mcpu;
		other.cluster.demand.memory_bytes = one.cluster.demand.memory_bytes;
		for (int i = 0; i < 50; i++) {
			uint32_t row = place(&one);

			ck_assert_uint_eq(place(&other), row);
			cluster_take(&one.cluster, row);
			cluster_take(&other.cluster, row);
		}
	}
	stage_close(&one);
	stage_close(&other);
}
END_TEST

START_TEST(two_of_one_plugin_do_not_disturb_each_other)
{
	struct stage one = {.scheduler = NULL};
	struct stage other = {.scheduler = NULL};
	struct stage alone = {.scheduler = NULL};

	stage_open(&one, plugins[_i], 5);
	stage_open(&other, plugins[_i], 5);
	stage_open(&alone, plugins[_i], 5);
	for (int i = 0; i < 20; i++) {
		uint32_t expected = place(&alone);

		ck_assert_uint_eq(place(&one), expected);
		if (i % 3 == 0)
			(void)place(&other);
	}
	stage_close(&one);
	stage_close(&other);
	stage_close(&alone);
}
END_TEST

START_TEST(round_robin_goes_by_key_and_starts_over)
{
	struct stage stage = {.scheduler = NULL};

	stage_open(&stage, plugins[0], 4);
	/* Keys fall while rows rise, so the turn goes from the last row to the first. */
	for (int turn = 0; turn < 3; turn++) {
		ck_assert_uint_eq(place(&stage), 3);
		ck_assert_uint_eq(place(&stage), 2);
		ck_assert_uint_eq(place(&stage), 1);
		ck_assert_uint_eq(place(&stage), 0);
	}
	stage_close(&stage);
}
END_TEST

START_TEST(round_robin_costs_the_next_a_tenth_and_the_others_one)
{
	struct stage stage = {.scheduler = NULL};
	const uint32_t rows[3] = {0, 1, 3};
	double cost[3];
	uint32_t winner;
	struct cube_error err;

	stage_open(&stage, plugins[0], 4);
	score(&stage, rows, 3, cost);
	ck_assert_double_eq(cost[0], 1.0);
	ck_assert_double_eq(cost[1], 1.0);
	ck_assert_double_eq(cost[2], 0.1);
	ck_assert_int_eq(stage.ops->pick(stage.self, &stage.cluster.nodes,
					 &stage.cluster.demand, rows, cost, 3, &winner, &err),
			 0);
	ck_assert_uint_eq(winner, 2);
	score(&stage, rows, 3, cost);
	ck_assert_double_eq(cost[1], 0.1);
	stage_close(&stage);
}
END_TEST

START_TEST(round_robin_is_fair_when_rows_move_between_turns)
{
	struct stage stage = {.scheduler = NULL};
	uint32_t count[8] = {0};
	struct random random;

	random_seed(&random, 3);
	stage_open(&stage, plugins[0], 8);
	for (int i = 0; i < 800; i++) {
		uint32_t a = (uint32_t)random_below(&random, 8);
		uint32_t b = (uint32_t)random_below(&random, 8);
		uint64_t key = stage.cluster.key[a];

		stage.cluster.key[a] = stage.cluster.key[b];
		stage.cluster.key[b] = key;
		count[(1000 - stage.cluster.key[place(&stage)]) / 3]++;
	}
	for (int node = 0; node < 8; node++)
		ck_assert_uint_eq(count[node], 100);
	stage_close(&stage);
}
END_TEST

START_TEST(round_robin_gives_a_node_that_joins_its_turn_and_skips_one_that_left)
{
	struct stage stage = {.scheduler = NULL};
	uint32_t count[5] = {0};

	stage_open(&stage, plugins[0], 5);
	set_eligible(&stage.cluster, 4, 0);
	for (int i = 0; i < 40; i++)
		count[place(&stage)]++;
	for (int row = 0; row < 4; row++)
		ck_assert_uint_eq(count[row], 10);
	ck_assert_uint_eq(count[4], 0);
	set_eligible(&stage.cluster, 4, 1);
	set_eligible(&stage.cluster, 0, 0);
	for (int i = 0; i < 40; i++)
		count[place(&stage)]++;
	for (int row = 1; row < 4; row++)
		ck_assert_uint_eq(count[row], 20);
	ck_assert_uint_eq(count[0], 10);
	ck_assert_uint_eq(count[4], 10);
	stage_close(&stage);
}
END_TEST

START_TEST(round_robin_takes_the_smallest_and_the_largest_key)
{
	struct stage stage = {.scheduler = NULL};

	stage_open(&stage, plugins[0], 2);
	stage.cluster.key[0] = UINT64_MAX;
	stage.cluster.key[1] = 0;
	ck_assert_uint_eq(place(&stage), 1);
	ck_assert_uint_eq(place(&stage), 0);
	ck_assert_uint_eq(place(&stage), 1);
	set_eligible(&stage.cluster, 1, 0);
	ck_assert_uint_eq(place(&stage), 0);
	ck_assert_uint_eq(place(&stage), 0);
	stage_close(&stage);
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("scheduler");
	TCase *every = tcase_create("every scheduler");
	TCase *robin = tcase_create("round robin");

	tcase_add_loop_test(every, only_eligible_rows_win, 0, PLUGIN_COUNT);
	tcase_add_loop_test(every, one_node_is_enough_and_none_is_no_error, 0, PLUGIN_COUNT);
	tcase_add_loop_test(every, scoring_changes_nothing_and_gives_the_same_costs_again, 0,
			    PLUGIN_COUNT);
	tcase_add_loop_test(every,
			    what_says_row_pure_gives_a_row_the_same_cost_alone_and_among_others,
			    0, PLUGIN_COUNT);
	tcase_add_loop_test(every, the_wildest_columns_cost_a_finite_number, 0, PLUGIN_COUNT);
	tcase_add_loop_test(every, an_open_without_memory_fails_and_says_so, 0, PLUGIN_COUNT);
	tcase_add_loop_test(every, the_same_history_gives_the_same_choices, 0, PLUGIN_COUNT);
	tcase_add_loop_test(every, two_of_one_plugin_do_not_disturb_each_other, 0,
			    PLUGIN_COUNT);
	tcase_add_test(robin, round_robin_goes_by_key_and_starts_over);
	tcase_add_test(robin, round_robin_costs_the_next_a_tenth_and_the_others_one);
	tcase_add_test(robin, round_robin_is_fair_when_rows_move_between_turns);
	tcase_add_test(robin,
		       round_robin_gives_a_node_that_joins_its_turn_and_skips_one_that_left);
	tcase_add_test(robin, round_robin_takes_the_smallest_and_the_largest_key);
	suite_add_tcase(made, every);
	suite_add_tcase(made, robin);
	return made;
}

CHECK_MAIN(suite)
