/* tests/plugin/hostile_test.c - a scheduler that breaks its contract does no harm: the core
 * says which plugin did what, and the task stays where it was. */
#include "../unit/check_main.h"
#include "fixture.h"
#include "plugin/scheduler.h"

#define NODES 70 /* more than a word of the bitmap */

struct cluster {
	uint64_t keys[NODES];
	uint64_t eligible[2];
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

/* Rows 1, 3, 5 ... are eligible. */
static void
cluster_init(struct cluster *cluster)
{
	memset(cluster, 0, sizeof(*cluster));
	for (uint32_t row = 0; row < NODES; row++) {
		cluster->keys[row] = row + 100;
		if (row % 2 == 1)
			cluster->eligible[row / 64] |= UINT64_C(1) << (row % 64);
	}
	cluster->nodes.struct_size = sizeof(cluster->nodes);
	cluster->nodes.count = NODES;
	cluster->nodes.key = cluster->keys;
	cluster->demand.struct_size = sizeof(cluster->demand);
	cluster->demand.eligible = cluster->eligible;
}

static int
stage_open(struct stage *stage, const char *mode, struct cube_error *err)
{
	char pair[64];
	const char *pairs[] = {pair};

	(void)snprintf(pair, sizeof(pair), "mode=%s", mode);
	cluster_init(&stage->cluster);
	stage->plugin = fixture_load("tests/fake/hostile_plugin.so", CUBE_PLUGIN_SCHEDULER);
	stage->options = fixture_options(stage->plugin, pairs, 1);
	return scheduler_open(stage->plugin->info.name, stage->plugin->info.ops.scheduler,
			      fixture_host_init(&stage->host), stage->options,
			      &stage->scheduler, err);
}

static void
stage_close(struct stage *stage)
{
	scheduler_close(stage->scheduler);
	free(stage->options);
	plugin_unload(stage->plugin);
}

static int
place(const char *mode, uint32_t *row, struct cube_error *err)
{
	struct stage stage = {.scheduler = NULL};
	int result;

	ck_assert_int_eq(stage_open(&stage, mode, err), 0);
	*row = 12345;
	result = scheduler_place(stage.scheduler, &stage.cluster.nodes, &stage.cluster.demand,
				 row, err);
	stage_close(&stage);
	return result;
}

static const struct {
	const char *mode;
	const char *words;
} crimes[] = {
	{"row-out-of-range", "select chose row 70 of 70"},
	{"too-many", "select chose 1070 of 70 rows"},
	{"overrun", "select wrote more rows than the 70 there are"},
	{"unsorted", "select gave row 1 after row 3"},
	{"doubled", "select gave row 1 after row 1"},
	{"not-eligible", "select chose row 0, which is not eligible"},
	{"score-overrun", "score wrote more costs than the 35 rows"},
	{"strange-code", "score returned 77, which is no enum cube_err"},
	{"winner-out-of-range", "pick chose index 35 of 35"},
};

START_TEST(a_broken_promise_is_an_internal_error_that_names_the_plugin_and_the_deed)
{
	struct cube_error err;
	uint32_t row;

	ck_assert_int_eq(place(crimes[_i].mode, &row, &err), CUBE_ERR_INTERNAL);
	ck_assert_int_eq(err.code, CUBE_ERR_INTERNAL);
	fixture_contains(err.message, "the plugin hostile broke its contract");
	fixture_contains(err.message, crimes[_i].words);
	ck_assert_uint_eq(row, 12345);
}
END_TEST

START_TEST(the_last_candidate_wins_where_nothing_is_broken)
{
	struct cube_error err;
	uint32_t row;

	ck_assert_int_eq(place("sound", &row, &err), 0);
	ck_assert_uint_eq(row, 69);
}
END_TEST

START_TEST(a_plugin_that_wants_no_node_leaves_the_task_where_it_is)
{
	static const char *const modes[] = {"none", "nan", "score-nothing"};

	for (size_t i = 0; i < 3; i++) {
		struct cube_error err;
		uint32_t row;

		ck_assert_int_eq(place(modes[i], &row, &err), 0);
		ck_assert_uint_eq(row, SCHEDULER_NOTHING);
	}
}
END_TEST

START_TEST(an_infinite_cost_may_win)
{
	struct cube_error err;
	uint32_t row;

	ck_assert_int_eq(place("infinite", &row, &err), 0);
	ck_assert_uint_eq(row, 69);
}
END_TEST

START_TEST(an_error_passes_through_with_a_message_that_ends)
{
	struct cube_error err;
	uint32_t row;

	ck_assert_int_eq(place("select-fails", &row, &err), CUBE_ERR_UNAVAILABLE);
	ck_assert_uint_eq(strnlen(err.message, sizeof(err.message)), sizeof(err.message) - 1);
	ck_assert_int_eq(place("silent", &row, &err), CUBE_ERR_INTERNAL);
	ck_assert_str_eq(err.message, "hostile: score failed (internal) and did not say why");
}
END_TEST

START_TEST(an_open_that_fails_opens_nothing)
{
	struct stage stage = {.scheduler = NULL};
	struct cube_error err;

	ck_assert_int_eq(stage_open(&stage, "open-fails", &err), CUBE_ERR_UNAVAILABLE);
	ck_assert_str_eq(err.message, "not today");
	ck_assert_ptr_null(stage.scheduler);
	stage_close(&stage);
}
END_TEST

START_TEST(nobody_is_asked_when_no_row_is_eligible)
{
	struct stage stage = {.scheduler = NULL};
	struct cube_error err;
	uint32_t row = 1;

	ck_assert_int_eq(stage_open(&stage, "row-out-of-range", &err), 0);
	memset(stage.cluster.eligible, 0, sizeof(stage.cluster.eligible));
	ck_assert_int_eq(scheduler_place(stage.scheduler, &stage.cluster.nodes,
					 &stage.cluster.demand, &row, &err),
			 0);
	ck_assert_uint_eq(row, SCHEDULER_NOTHING);
	stage.cluster.nodes.count = 0;
	ck_assert_int_eq(scheduler_place(stage.scheduler, &stage.cluster.nodes,
					 &stage.cluster.demand, &row, &err),
			 0);
	ck_assert_uint_eq(row, SCHEDULER_NOTHING);
	stage_close(&stage);
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("hostile");
	TCase *tcase = tcase_create("hostile");

	tcase_add_loop_test(
		tcase, a_broken_promise_is_an_internal_error_that_names_the_plugin_and_the_deed,
		0, (int)(sizeof(crimes) / sizeof(crimes[0])));
	tcase_add_test(tcase, the_last_candidate_wins_where_nothing_is_broken);
	tcase_add_test(tcase, a_plugin_that_wants_no_node_leaves_the_task_where_it_is);
	tcase_add_test(tcase, an_infinite_cost_may_win);
	tcase_add_test(tcase, an_error_passes_through_with_a_message_that_ends);
	tcase_add_test(tcase, an_open_that_fails_opens_nothing);
	tcase_add_test(tcase, nobody_is_asked_when_no_row_is_eligible);
	suite_add_tcase(made, tcase);
	return made;
}

CHECK_MAIN(suite)
