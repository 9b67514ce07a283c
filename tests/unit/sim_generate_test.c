/* tests/unit/sim_generate_test.c - the made-up workload has the proportions that it claims,
 * and is the same everywhere. */
#include "base/hash.h"
#include "cube/sim/fixed.h"
#include "cube/sim/generate.h"

#include "check_main.h"

#include <math.h>
#include <string.h>

#define DRAWS  100000
#define GOLDEN UINT64_C(0x4abaab22bb64112c)

static struct sim_cluster
make_cluster(const char *text)
{
	struct sim_cluster cluster;
	struct cube_error err;

	ck_assert_msg(sim_cluster_parse(&cluster, "c", false, text, &err) == 0, "%s",
		      err.message);
	return cluster;
}

static struct sim_generator *
make(const struct sim_plan *plan)
{
	struct sim_generator *generator;
	struct cube_error err;

	ck_assert_msg(sim_generator_new(plan, &generator, &err) == 0, "%s", err.message);
	return generator;
}

START_TEST(logarithm_and_power_are_those_of_the_mathematicians)
{
	static const uint64_t values[] = {1,
					  2,
					  3,
					  10,
					  1000,
					  123456789,
					  UINT64_C(1) << 40,
					  86399,
					  UINT64_MAX,
					  UINT64_C(987654321987654321)};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		const double log = (double)fixed_log2_q32(values[i]) / (double)Q32;

		ck_assert_msg(fabs(log - log2((double)values[i])) < 1e-9, "%llu",
			      (unsigned long long)values[i]);
		if (log < 62)
			ck_assert_msg(fabs((double)fixed_exp2(fixed_log2_q32(values[i])) -
					   (double)values[i]) <= 1 + (double)values[i] * 1e-8,
				      "%llu", (unsigned long long)values[i]);
	}
	ck_assert_uint_eq(fixed_exp2(-1), 0);
	ck_assert_uint_eq(fixed_exp2(INT64_MAX), UINT64_C(1) << 62);
	ck_assert_uint_eq(fixed_coarse(1000, 2), 768);
	ck_assert_uint_eq(fixed_coarse(1000, 1), 512);
	ck_assert_uint_eq(fixed_coarse(3, 2), 3);
	ck_assert_uint_eq(fixed_coarse(0, 2), 0);
}
END_TEST

static int
by_value(const void *a, const void *b)
{
	const uint64_t left = *(const uint64_t *)a;
	const uint64_t right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static void
check_quantile(const uint64_t *sorted, size_t count, double part, double wanted, double within)
{
	const double got = (double)sorted[(size_t)((double)count * part)];

	ck_assert_msg(fabs(got / wanted - 1) < within, "%g: %g, not %g", part, got, wanted);
}

START_TEST(distributions_have_the_quantiles_of_their_formulas)
{
	static uint64_t values[DRAWS];
	const double least = pow(100.0 / 8000, 1.2);
	struct random random;
	double mean = 0;

	random_seed(&random, 7);
	for (size_t i = 0; i < DRAWS; i++)
		values[i] = fixed_pareto(&random, Q32_OF(1.2), 100, 8000);
	qsort(values, DRAWS, sizeof(values[0]), by_value);
	ck_assert_uint_ge(values[0], 100);
	ck_assert_uint_le(values[DRAWS - 1], 8000);
	for (double part = 0.1; part < 0.999; part += 0.1)
		check_quantile(values, DRAWS, part, 100 / pow(1 - part * (1 - least), 1 / 1.2),
			       0.03);
	for (size_t i = 0; i < DRAWS; i++)
		values[i] = fixed_lognormal(&random, 1000000, Q32_OF(1.55));
	qsort(values, DRAWS, sizeof(values[0]), by_value);
	check_quantile(values, DRAWS, 0.5, 1e6, 0.02);
	check_quantile(values, DRAWS, 0.8413, 1e6 * exp(1.55), 0.03);
	check_quantile(values, DRAWS, 0.1587, 1e6 * exp(-1.55), 0.03);
	check_quantile(values, DRAWS, 0.9772, 1e6 * exp(2 * 1.55), 0.05);
	for (size_t i = 0; i < DRAWS; i++)
		mean += (double)fixed_exponential_q32(&random) / (double)Q32 / DRAWS;
	ck_assert_msg(fabs(mean - 1) < 0.02, "%g", mean);
}
END_TEST

START_TEST(jobs_have_the_published_proportions)
{
	struct sim_cluster cluster = make_cluster("1000x{cores:16,memory:64g,labels:z=a|b}");
	const struct sim_plan plan = {.cluster = &cluster, .seed = 3, .tasks = 1000000};
	struct sim_generator *generator = make(&plan);
	static uint64_t durations[DRAWS];
	struct sim_arrival task;
	char last[64] = "";
	size_t jobs = 0;
	size_t single = 0;
	size_t constrained = 0;
	size_t urgent = 0;
	size_t tasks = 0;

	while (sim_generator_next(generator, &task) == 1) {
		tasks++;
		ck_assert_int_gt(task.mcpu, 0);
		ck_assert_int_le(task.mcpu, 8000);
		ck_assert_int_le(task.memory_bytes, INT64_C(32) << 30);
		ck_assert_uint_ge(task.duration_us, SIM_SECOND_US / 2);
		ck_assert_uint_le(task.duration_us, 40 * 24 * SIM_HOUR_US);
		if (task.job[0] != '\0' && strcmp(task.job, last) == 0)
			continue;
		ck_assert_uint_lt(strlen(task.job), sizeof(last));
		(void)snprintf(last, sizeof(last), "%s", task.job);
		single += task.job[0] == '\0';
		constrained += task.constraints[0] != '\0';
		urgent += task.priority == 90;
		durations[jobs++] = task.duration_us;
	}
	ck_assert_uint_eq(tasks, 1000000);
	ck_assert_msg(fabs((double)single / (double)jobs - 0.75) < 0.01, "%zu", single);
	ck_assert_msg(fabs((double)constrained / (double)jobs - 0.06) < 0.005, "%zu",
		      constrained);
	ck_assert_msg(fabs((double)urgent / (double)jobs - 0.15) < 0.01, "%zu", urgent);
	ck_assert_msg(fabs((double)tasks / (double)jobs - 36) < 6, "%zu jobs", jobs);
	qsort(durations, jobs, sizeof(durations[0]), by_value);
	check_quantile(durations, jobs, 0.55 * 0.98, 600e6, 0.1);
	check_quantile(durations, jobs, 0.90 * 0.98, 3600e6, 0.1);
	sim_generator_free(generator);
	sim_cluster_release(&cluster);
}
END_TEST

/* Of all that the tasks of a plan are. */
static uint64_t
fingerprint(const struct sim_plan *plan, bool again)
{
	struct sim_generator *generator = make(plan);
	struct sim_arrival task;
	char line[512];
	uint64_t sum = 0;

	for (int round = 0; round <= again; round++) {
		sum = 0;
		while (sim_generator_next(generator, &task) == 1) {
			int size = snprintf(line, sizeof(line),
					    "%llu %llu %lld %lld %lld %u %s %s %llu",
					    (unsigned long long)task.at_us,
					    (unsigned long long)task.duration_us,
					    (long long)task.mcpu, (long long)task.memory_bytes,
					    (long long)task.disk_bytes, task.priority, task.job,
					    task.constraints, (unsigned long long)sum);

			sum = hash_bytes(line, (size_t)size);
		}
		sim_generator_rewind(generator);
	}
	sim_generator_free(generator);
	return sum;
}

START_TEST(a_seed_is_one_workload_on_any_machine)
{
	struct sim_cluster cluster = make_cluster("100x{cores:16,memory:64g,labels:z=a|b}");
	struct sim_plan plan = {.cluster = &cluster, .seed = 1, .tasks = 10000};
	const uint64_t first = fingerprint(&plan, false);

	ck_assert_uint_eq(first, fingerprint(&plan, true));
	/* It was so on another machine: a change of the generator is a change of this. */
	ck_assert_msg(first == GOLDEN, "0x%016llx", (unsigned long long)first);
	plan.seed = 2;
	ck_assert_uint_ne(first, fingerprint(&plan, false));
	plan.seed = 1;
	plan.bursty = true;
	ck_assert_uint_ne(first, fingerprint(&plan, false));
	sim_cluster_release(&cluster);
}
END_TEST

START_TEST(arrivals_fill_their_time_and_bursts_are_uneven)
{
	struct sim_cluster cluster = make_cluster("100x{cores:16,memory:64g}");
	struct sim_plan plan = {
		.cluster = &cluster, .seed = 5, .tasks = 200000, .span_us = 10 * SIM_HOUR_US};
	double unevenness[2];

	for (int bursty = 0; bursty < 2; bursty++) {
		struct sim_generator *generator;
		struct sim_arrival task;
		double jobs[100] = {0};
		double all = 0;
		uint64_t last = 0;

		plan.bursty = bursty == 1;
		generator = make(&plan);
		while (sim_generator_next(generator, &task) == 1) {
			size_t part = (size_t)(task.at_us * 99 / plan.span_us);

			ck_assert_uint_ge(task.at_us, last);
			jobs[part] += task.at_us > last;
			all += task.at_us > last;
			last = task.at_us;
		}
		ck_assert_uint_eq(last, plan.span_us);
		unevenness[bursty] = 0;
		for (size_t i = 0; i < 99; i++)
			unevenness[bursty] += pow(jobs[i] / (all / 99) - 1, 2) / 99;
		/* A Poisson process has the variance of its mean. */
		if (bursty == 0)
			ck_assert_msg(fabs(unevenness[0] * all / 99 - 1) < 0.5, "%g",
				      unevenness[0] * all / 99);
		sim_generator_free(generator);
	}
	ck_assert_msg(unevenness[1] > 3 * unevenness[0], "%g %g", unevenness[0], unevenness[1]);
	sim_cluster_release(&cluster);
}
END_TEST

/* What the tasks would hold at the end of the time if all were placed at once, as a part of
 * the cluster's cpu or memory. */
static double
held_at_the_end(struct sim_generator *generator, const struct sim_cluster *cluster)
{
	const uint64_t span_us = sim_generator_span_us(generator);
	struct sim_arrival task;
	double cpu = 0;
	double memory = 0;

	while (sim_generator_next(generator, &task) == 1) {
		const double part = task.duration_us < span_us
					    ? (double)task.duration_us / (double)span_us
					    : 1;

		cpu += part * (double)task.mcpu / (double)cluster->mcpu;
		memory += part * (double)task.memory_bytes / (double)cluster->memory_bytes;
	}
	return cpu > memory ? cpu : memory;
}

START_TEST(two_of_tasks_time_and_load_give_the_third)
{
	struct sim_cluster cluster = make_cluster("200x{cores:16,memory:64g}");
	struct sim_plan by_tasks = {
		.cluster = &cluster, .seed = 1, .tasks = 50000, .load = 600};
	struct sim_plan by_time = {
		.cluster = &cluster, .seed = 1, .span_us = SIM_HOUR_US, .load = 600};
	struct sim_generator *generator = make(&by_tasks);
	struct cube_error err;
	double load = held_at_the_end(generator, &cluster);

	ck_assert_msg(fabs(load - 0.6) < 0.03, "%g", load);
	sim_generator_free(generator);
	generator = make(&by_time);
	ck_assert_uint_eq(sim_generator_span_us(generator), SIM_HOUR_US);
	load = held_at_the_end(generator, &cluster);
	/* From other jobs than those of the estimate, and few of them have most tasks. */
	ck_assert_msg(load > 0.3 && load < 1.2, "%g", load);
	sim_generator_free(generator);
	by_tasks.tasks = 10;
	ck_assert_int_eq(sim_generator_new(&by_tasks, &generator, &err), CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message, "--tasks 10 are too few to load this cluster to 60.0 %: "
				      "more tasks, fewer nodes, or --hours");
	sim_cluster_release(&cluster);
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("sim_generate");
	TCase *tests = tcase_create("sim_generate");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, logarithm_and_power_are_those_of_the_mathematicians);
	tcase_add_test(tests, distributions_have_the_quantiles_of_their_formulas);
	tcase_add_test(tests, jobs_have_the_published_proportions);
	tcase_add_test(tests, a_seed_is_one_workload_on_any_machine);
	tcase_add_test(tests, arrivals_fill_their_time_and_bursts_are_uneven);
	tcase_add_test(tests, two_of_tasks_time_and_load_give_the_third);
	suite_add_tcase(suite, tests);
	return suite;
}

CHECK_MAIN(suite)
