/* tests/plugin/scheduler_greedy_test.c - greedy.so: the lowest load, and a burst that no
 * measurement has seen yet is shared all the same. */
#include "../unit/check_main.h"
#include "scheduler_fixture.h"

#define FILE_NAME "plugins/scheduler/greedy.so"

static void
all_busy(struct cluster *cluster, float busy)
{
	for (uint32_t row = 0; row < cluster->nodes.count; row++)
		cluster->busy[row] = busy;
}

static const struct {
	const char *what;
	const char *option;
	int64_t total, used;
	uint32_t tasks;
	float busy;
	int64_t mcpu;
	double cost;
} table[] = {
	/* 0.5 + (0 + 1000 + 100) / 4000 */
	{"an idle node that has measured a half", "task=100", 4000, 0, 0, 0.5f, 1000, 0.775},
	/* 0.25 + (2000 + 500 + 100 * 4) / 4000 */
	{"three tasks that reserve a half", "task=100", 4000, 2000, 3, 0.25f, 500, 0.975},
	/* Nothing measured, so as busy as reserved: 0.5 + (2000 + 500 + 400) / 4000 */
	{"nothing was measured", "task=100", 4000, 2000, 3, NAN, 500, 1.225},
	/* 0 + (0 + 0 + 250 * 3) / 1000: one core, where none is told */
	{"no cores are told", "task=250", 0, 0, 2, 0, 0, 0.75},
	/* Tasks that reserve do so there as well: 0 + (3000 + 500 + 0) / 1000 */
	{"no cores are told, and some reserved", "task=0", 0, 3000, 3, 0, 500, 3.5},
	/* 1, not 7: 1 + (0 + 1000 + 0) / 4000 */
	{"nonsense was measured", "task=0", 4000, 4000, 1, 7, 1000, 2.25},
};

START_TEST(a_row_costs_what_the_formula_says)
{
	struct stage stage = {.scheduler = NULL};
	struct cluster *cluster = &stage.cluster;

	stage_open_with(&stage, FILE_NAME, 1, &table[_i].option, 1);
	node_set(cluster, 0, table[_i].total, 1000, 0);
	cluster->free_mcpu[0] -= table[_i].used;
	cluster->tasks[0] = table[_i].tasks;
	cluster->busy[0] = table[_i].busy;
	cluster->demand.mcpu = table[_i].mcpu;
	ck_assert_msg(fabs(cost_of(&stage, 0) - table[_i].cost) < 1e-12, "%s: %g",
		      table[_i].what, cost_of(&stage, 0));
	stage_close(&stage);
}
END_TEST

START_TEST(the_node_with_the_lowest_measured_load_wins)
{
	struct stage stage = {.scheduler = NULL};
	struct cluster *cluster = &stage.cluster;

	stage_open(&stage, FILE_NAME, 5);
	all_busy(cluster, 0.6f);
	cluster->busy[3] = 0.5f;
	ck_assert_uint_eq(place(&stage), 3);
	set_eligible(cluster, 3, 0);
	cluster->busy[1] = 0.55f;
	ck_assert_uint_eq(place(&stage), 1);
	stage_close(&stage);
}
END_TEST

START_TEST(a_burst_before_any_report_is_shared)
{
	static const float measured[] = {NAN, 0, 0.3f};
	struct stage stage = {.scheduler = NULL};
	struct cluster *cluster = &stage.cluster;

	stage_open(&stage, FILE_NAME, 8);
	for (size_t i = 0; i < 3; i++) {
		for (int64_t mcpu = 0; mcpu <= 200; mcpu += 200) {
			cluster_init(cluster, 8);
			all_busy(cluster, measured[i]);
			cluster->demand.mcpu = mcpu;
			for (int task = 0; task < 80; task++)
				cluster_take(cluster, place(&stage));
			for (uint32_t row = 0; row < 8; row++)
				ck_assert_uint_eq(cluster->tasks[row], 10);
		}
	}
	stage_close(&stage);
}
END_TEST

START_TEST(a_burst_evens_out_what_was_measured_and_no_more)
{
	struct stage stage = {.scheduler = NULL};
	struct cluster *cluster = &stage.cluster;

	/* A quarter of 4 cores between them, and each task counts for 100 of 4000: the idle
	 * one gets ten of the first, then they take turns. */
	stage_open(&stage, FILE_NAME, 2);
	cluster->demand.mcpu = 0;
	cluster->busy[0] = 0.5f;
	cluster->busy[1] = 0.25f;
	for (int task = 0; task < 10; task++) {
		ck_assert_uint_eq(place(&stage), 1);
		cluster_take(cluster, 1);
	}
	for (int task = 0; task < 20; task++)
		cluster_take(cluster, place(&stage));
	ck_assert_uint_eq(cluster->tasks[0], 10);
	ck_assert_uint_eq(cluster->tasks[1], 20);
	stage_close(&stage);
}
END_TEST

START_TEST(the_option_is_held_to_what_makes_sense)
{
	refuses(FILE_NAME, "task=0.1.2", "task=0.1.2: wants a number from 0 to 1000000");
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("greedy");
	TCase *tests = tcase_create("greedy");

	tcase_add_loop_test(tests, a_row_costs_what_the_formula_says, 0,
			    (int)(sizeof(table) / sizeof(table[0])));
	tcase_add_test(tests, the_node_with_the_lowest_measured_load_wins);
	tcase_add_test(tests, a_burst_before_any_report_is_shared);
	tcase_add_test(tests, a_burst_evens_out_what_was_measured_and_no_more);
	tcase_add_test(tests, the_option_is_held_to_what_makes_sense);
	suite_add_tcase(made, tests);
	return made;
}

CHECK_MAIN(suite)
