/* tests/plugin/scheduler_test.c - what every scheduler plugin must hold, over each of them,
 * and then what round robin promises: each eligible node in its turn, whoever joins, leaves
 * or moves to another row. */
#include "../unit/check_main.h"
#include "fixture.h"
#include "plugin/scheduler.h"

#include <math.h>

#define NODES_MAX 130

static const char *const plugins[] = {
	"plugins/scheduler/roundrobin.so", "plugins/scheduler/greedy.so",
	"plugins/scheduler/epvm.so",       "plugins/scheduler/binpack.so",
	"plugins/scheduler/spread.so",
};
#define PLUGIN_COUNT ((int)(sizeof(plugins) / sizeof(plugins[0])))

struct cluster {
	uint64_t key[NODES_MAX];
	uint32_t tasks[NODES_MAX];
	int64_t total[NODES_MAX];
	int64_t left[NODES_MAX];
	float busy[NODES_MAX];
	uint32_t domain[NODES_MAX];
	uint32_t peers[NODES_MAX];
	uint64_t eligible[(NODES_MAX + 63) / 64];
	struct cube_nodes nodes;
	struct cube_demand demand;
};

struct stage {
	struct fixture_host host;
	struct plugin *plugin;
	const char **options;
	struct scheduler *scheduler;
	struct cluster cluster;
};

static void
cluster_init(struct cluster *cluster, uint32_t count)
{
	memset(cluster, 0, sizeof(*cluster));
	for (uint32_t row = 0; row < count; row++) {
		cluster->key[row] = 1000 - row * 3; /* falls while rows rise */
		cluster->total[row] = 4000;
		cluster->left[row] = 4000;
		cluster->busy[row] = row % 2 == 0 ? NAN : 0.5f;
		cluster->eligible[row / 64] |= UINT64_C(1) << (row % 64);
	}
	cluster->nodes = (struct cube_nodes){
		.struct_size = sizeof(cluster->nodes),
		.count = count,
		.key = cluster->key,
		.tasks = cluster->tasks,
		.total_mcpu = cluster->total,
		.free_mcpu = cluster->left,
		.total_memory_bytes = cluster->total,
		.free_memory_bytes = cluster->left,
		.total_disk_bytes = cluster->total,
		.free_disk_bytes = cluster->left,
		.cpu_busy = cluster->busy,
		.domain = cluster->domain,
	};
	cluster->demand = (struct cube_demand){
		.struct_size = sizeof(cluster->demand),
		.shape = 1,
		.mcpu = 100,
		.memory_bytes = 10,
		.eligible = cluster->eligible,
		.group = 1,
		.peers = cluster->peers,
	};
}

static void
stage_open(struct stage *stage, const char *file, uint32_t count)
{
	struct cube_error err;

	cluster_init(&stage->cluster, count);
	stage->plugin = fixture_load(file, CUBE_PLUGIN_SCHEDULER);
	stage->options = fixture_options(stage->plugin, NULL, 0);
	ck_assert_msg(scheduler_open(stage->plugin->info.name,
				     stage->plugin->info.ops.scheduler,
				     fixture_host_init(&stage->host), stage->options,
				     &stage->scheduler, &err) == 0,
		      "%s", err.message);
}

static void
stage_close(struct stage *stage)
{
	scheduler_close(stage->scheduler);
	free(stage->options);
	plugin_unload(stage->plugin);
}

static uint32_t
place(struct stage *stage)
{
	struct cube_error err;
	uint32_t row = 12345;

	ck_assert_msg(scheduler_place(stage->scheduler, &stage->cluster.nodes,
				      &stage->cluster.demand, &row, &err) == 0,
		      "%s", err.message);
	return row;
}

static void
set_eligible(struct cluster *cluster, uint32_t row, int is)
{
	uint64_t bit = UINT64_C(1) << (row % 64);

	if (is)
		cluster->eligible[row / 64] |= bit;
	else
		cluster->eligible[row / 64] &= ~bit;
}

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

START_TEST(scoring_twice_gives_the_same_costs)
{
	struct stage stage = {.scheduler = NULL};
	const struct cube_scheduler_ops *ops;
	uint32_t rows[9];
	double first[9];
	double second[9];
	void *self = NULL;
	struct cube_error err;

	stage_open(&stage, plugins[_i], 9);
	ops = stage.plugin->info.ops.scheduler;
	ck_assert_int_eq(ops->open(&stage.host.host.host, stage.options, &self, &err), 0);
	for (uint32_t row = 0; row < 9; row++)
		rows[row] = row;
	ck_assert_int_eq(ops->score(self, &stage.cluster.nodes, &stage.cluster.demand, rows, 9,
				    first, &err),
			 0);
	ck_assert_int_eq(ops->score(self, &stage.cluster.nodes, &stage.cluster.demand, rows, 9,
				    second, &err),
			 0);
	ck_assert_int_eq(memcmp(first, second, sizeof(first)), 0);
	ops->close(self);
	stage_close(&stage);
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
	const struct cube_scheduler_ops *ops;
	const uint32_t rows[3] = {0, 1, 3};
	double cost[3];
	void *self = NULL;
	uint32_t winner;
	struct cube_error err;

	stage_open(&stage, plugins[0], 4);
	ops = stage.plugin->info.ops.scheduler;
	ck_assert_int_eq(ops->open(&stage.host.host.host, stage.options, &self, &err), 0);
	ck_assert_int_eq(ops->score(self, &stage.cluster.nodes, &stage.cluster.demand, rows, 3,
				    cost, &err),
			 0);
	ck_assert_double_eq(cost[0], 1.0);
	ck_assert_double_eq(cost[1], 1.0);
	ck_assert_double_eq(cost[2], 0.1);
	ck_assert_int_eq(ops->pick(self, &stage.cluster.nodes, &stage.cluster.demand, rows,
				   cost, 3, &winner, &err),
			 0);
	ck_assert_uint_eq(winner, 2);
	ck_assert_int_eq(ops->score(self, &stage.cluster.nodes, &stage.cluster.demand, rows, 3,
				    cost, &err),
			 0);
	ck_assert_double_eq(cost[1], 0.1);
	ops->close(self);
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
	tcase_add_loop_test(every, scoring_twice_gives_the_same_costs, 0, PLUGIN_COUNT);
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
