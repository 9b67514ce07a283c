/* tests/unit/sim_measure_test.c - what a simulation is judged by, against sums made by hand. */
#include "base/random.h"
#include "cube/sim/measure.h"

#include "check_main.h"

#include <string.h>

#define GIB (INT64_C(1) << 30)

static int
by_value(const void *a, const void *b)
{
	const uint64_t left = *(const uint64_t *)a;
	const uint64_t right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

START_TEST(percentiles_are_those_of_the_sorted_values)
{
	static const uint32_t parts[] = {1, 10, 500, 950, 990, 999, 1000};
	static struct sim_histogram histogram;
	static uint64_t values[5000];
	struct random random;

	random_seed(&random, 1);
	ck_assert_uint_eq(sim_histogram_at(&histogram, 500), 0);
	for (size_t i = 0; i < 5000; i++) {
		values[i] = random_next(&random) >> random_below(&random, 64);
		sim_histogram_add(&histogram, values[i]);
	}
	qsort(values, 5000, sizeof(values[0]), by_value);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const uint64_t wanted = values[(5000 * parts[i] + 999) / 1000 - 1];
		const uint64_t got = sim_histogram_at(&histogram, parts[i]);

		ck_assert_msg(got >= wanted && got - wanted <= wanted / 250, "%u: %llu, %llu",
			      parts[i], (unsigned long long)got, (unsigned long long)wanted);
	}
	ck_assert_uint_eq(histogram.max, values[4999]);
	ck_assert_uint_eq(sim_histogram_at(&histogram, 1000), values[4999]);
}
END_TEST

START_TEST(small_values_have_exact_percentiles)
{
	static struct sim_histogram histogram;

	for (uint64_t i = 1; i <= 100; i++)
		sim_histogram_add(&histogram, i);
	ck_assert_uint_eq(sim_histogram_at(&histogram, 500), 50);
	ck_assert_uint_eq(sim_histogram_at(&histogram, 950), 95);
	ck_assert_uint_eq(sim_histogram_at(&histogram, 990), 99);
	ck_assert_uint_eq(sim_histogram_at(&histogram, 1000), 100);
	ck_assert_uint_eq((uint64_t)histogram.sum, 5050);
}
END_TEST

START_TEST(a_series_of_any_length_keeps_its_sum_and_its_place)
{
	static struct sim_series series;
	uint64_t levels[SERIES_LEVELS] = {0};
	uint64_t us = 0;
	wide sum = 0;
	wide kept = 0;

	sim_series_init(&series);
	for (uint64_t i = 0; i < 50000; i++) {
		levels[LEVEL_CPU] = i;
		sim_series_add(&series, us, 1000 * i, levels);
		us += 1000 * i;
		sum += (wide)i * i * 1000;
	}
	for (size_t i = 0; i < series.count; i++)
		kept += series.points[i].levels[LEVEL_CPU];
	ck_assert(kept == sum);
	ck_assert_uint_le(series.count, SERIES_POINTS);
	ck_assert_uint_gt(series.count, SERIES_POINTS / 2);
	ck_assert_uint_ge((series.count + 1) * series.width_us, us);
	/* The level grows, and so do the pieces. */
	for (size_t i = 1; i < series.count; i++)
		ck_assert_uint_ge(sim_series_level(&series, i, LEVEL_CPU),
				  sim_series_level(&series, i - 1, LEVEL_CPU));
	levels[LEVEL_CPU] = 7;
	sim_series_add(&series, us, UINT64_MAX / 4, levels);
	ck_assert_uint_eq(sim_series_level(&series, series.count - 1, LEVEL_CPU), 7);
}
END_TEST

static const struct sim_room rooms[3] = {{16000, 64 * GIB, 1000 * GIB},
					 {8000, 128 * GIB, 1000 * GIB},
					 {8000, 32 * GIB, 1000 * GIB}};

struct bench {
	struct sim_measure measure;
	struct sim_node_state nodes[3];
	int64_t mcpu[3]; /* taken of each, as the next */
	int64_t memory_bytes[3];
};

static void
bench_init(struct bench *bench)
{
	memset(bench, 0, sizeof(*bench));
	ck_assert_int_eq(sim_measure_init(&bench->measure, rooms, 3), 0);
	for (size_t i = 0; i < 3; i++) {
		bench->nodes[i].mcpu = rooms[i].mcpu;
		bench->nodes[i].memory_bytes = rooms[i].memory_bytes;
	}
}

/* Of node i so much is taken now. */
static void
take(struct bench *bench, size_t i, int64_t mcpu, int64_t memory_bytes)
{
	struct sim_levels *levels = &bench->measure.levels;

	bench->measure.arrived++;
	levels->mcpu += mcpu - bench->mcpu[i];
	levels->memory_bytes += memory_bytes - bench->memory_bytes[i];
	bench->mcpu[i] = mcpu;
	bench->memory_bytes[i] = memory_bytes;
	sim_measure_node(&bench->measure, &bench->nodes[i], mcpu, memory_bytes, mcpu > 0);
	sim_measure_settled(&bench->measure);
}

START_TEST(what_is_free_beside_an_exhausted_resource_is_stranded)
{
	struct bench bench;
	struct sim_levels *levels = &bench.measure.levels;

	bench_init(&bench);
	take(&bench, 0, 15200, 10 * GIB); /* 5 % of its cpu are free: not less */
	ck_assert_int_eq(levels->stranded_memory_bytes, 0);
	take(&bench, 0, 15201, 10 * GIB);
	ck_assert_int_eq(levels->stranded_memory_bytes, 54 * GIB);
	ck_assert_int_eq(levels->stranded_mcpu, 0);
	take(&bench, 2, 1000, 32 * GIB);
	ck_assert_int_eq(levels->stranded_mcpu, 7000);
	ck_assert_int_eq(levels->stranded_memory_bytes, 54 * GIB);
	take(&bench, 2, 8000, 32 * GIB); /* both: nothing is left to strand */
	ck_assert_int_eq(levels->stranded_mcpu, 0);
	ck_assert_int_eq(levels->stranded_memory_bytes, 54 * GIB);
	take(&bench, 0, 0, 0);
	ck_assert_int_eq(levels->stranded_memory_bytes, 0);
	ck_assert_uint_eq(levels->busy, 1);
	sim_measure_release(&bench.measure);
}
END_TEST

START_TEST(the_least_number_of_nodes_is_that_of_the_dominant_resource)
{
	struct bench bench;

	bench_init(&bench);
	take(&bench, 1, 1, GIB);
	ck_assert_uint_eq(bench.measure.least, 1);
	take(&bench, 1, 1000, 128 * GIB); /* the largest by memory holds it */
	ck_assert_uint_eq(bench.measure.least, 1);
	take(&bench, 0, 1000, GIB);
	ck_assert_uint_eq(bench.measure.least, 2); /* 129 GiB need two */
	take(&bench, 0, 16000, GIB);
	ck_assert_uint_eq(bench.measure.least, 2); /* 17 cores: 16 + 8 */
	take(&bench, 2, 8000, GIB);
	ck_assert_uint_eq(bench.measure.least, 3); /* 25 cores */
	take(&bench, 0, 0, 0);
	take(&bench, 1, 0, 0);
	take(&bench, 2, 0, 0);
	ck_assert_uint_eq(bench.measure.least, 0);
	ck_assert_uint_eq(bench.measure.peak_least, 3);
	ck_assert_uint_eq(bench.measure.peak_busy, 3);
	sim_measure_release(&bench.measure);
}
END_TEST

START_TEST(levels_are_weighted_by_how_long_they_hold)
{
	struct bench bench;
	struct sim_measure *measure = &bench.measure;

	bench_init(&bench);
	sim_measure_until(measure, 5000000); /* nothing has come yet: this does not count */
	take(&bench, 0, 16000, 0);
	sim_measure_until(measure, 6000000);
	take(&bench, 0, 8000, 32 * GIB);
	sim_measure_until(measure, 9000000);
	ck_assert_uint_eq(measure->began_us, 5000000);
	ck_assert(measure->sums.mcpu == (wide)16000 * 1000000 + (wide)8000 * 3000000);
	ck_assert(measure->sums.memory_bytes == (wide)(32 * GIB) * 3000000);
	ck_assert(measure->sums.busy == 4000000);
	ck_assert_int_eq(measure->peak_mcpu, 16000);
	/* One node of three full: the deviation is sqrt(2) / 3; half full, half of it. */
	ck_assert(measure->sums.spread_ppm >= (wide)471404 * 1000000 + (wide)235702 * 3000000 &&
		  measure->sums.spread_ppm <= (wide)471405 * 1000000 + (wide)235703 * 3000000);
	sim_measure_release(measure);
}
END_TEST

START_TEST(a_job_is_as_uneven_as_its_fullest_node_against_its_emptiest)
{
	struct bench bench;
	struct sim_measure *measure = &bench.measure;
	struct sim_job_state job = {0};

	bench_init(&bench);
	ck_assert_int_eq(sim_measure_job_placed(measure, &job, 1), 0); /* 1 0 0 */
	ck_assert_uint_eq(job.uneven, 1);
	ck_assert_int_eq(sim_measure_job_placed(measure, &job, 1), 0); /* 1 1 0 */
	ck_assert_int_eq(sim_measure_job_placed(measure, &job, 1), 0); /* 1 1 1 */
	ck_assert_int_eq(sim_measure_job_placed(measure, &job, 2), 0); /* 2 1 1 */
	ck_assert_uint_eq(job.uneven, 1);
	ck_assert_int_eq(sim_measure_job_placed(measure, &job, 3), 0); /* 3 1 1 */
	ck_assert_uint_eq(job.uneven, 2);
	sim_measure_job_ended(&job, 3); /* 2 1 1 */
	sim_measure_job_ended(&job, 2); /* 1 1 1 */
	ck_assert_uint_eq(job.most, 1);
	sim_measure_job_ended(&job, 1); /* 0 1 1 */
	ck_assert_uint_eq(job.nodes, 2);
	ck_assert_int_eq(sim_measure_job_placed(measure, &job, 2), 0); /* 0 2 1 */
	ck_assert_uint_eq(job.uneven, 2);
	sim_measure_job_gone(measure, &job);
	ck_assert_uint_eq(measure->jobs, 1);
	ck_assert_uint_eq(measure->job_uneven, 2);
	ck_assert_ptr_null(job.nodes_with);
	ck_assert_int_eq(sim_measure_job_placed(measure, &job, 1), 0);
	sim_measure_job_gone(measure, &job); /* of one task: no job to spread */
	ck_assert_uint_eq(measure->jobs, 1);
	sim_measure_release(measure);
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("sim_measure");
	TCase *tests = tcase_create("sim_measure");

	tcase_add_test(tests, percentiles_are_those_of_the_sorted_values);
	tcase_add_test(tests, small_values_have_exact_percentiles);
	tcase_add_test(tests, a_series_of_any_length_keeps_its_sum_and_its_place);
	tcase_add_test(tests, what_is_free_beside_an_exhausted_resource_is_stranded);
	tcase_add_test(tests, the_least_number_of_nodes_is_that_of_the_dominant_resource);
	tcase_add_test(tests, levels_are_weighted_by_how_long_they_hold);
	tcase_add_test(tests, a_job_is_as_uneven_as_its_fullest_node_against_its_emptiest);
	suite_add_tcase(suite, tests);
	return suite;
}

CHECK_MAIN(suite)
