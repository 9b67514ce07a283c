/* tests/unit/sampler_test.c - the Stats object against /proc as it is. */
#include "shell/sampler.h"

#include "base/json.h"

#include "check_main.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

static int64_t
number_at(const struct json_doc *doc, const char *object, const char *key)
{
	const struct json_value *value = json_get(json_get(doc->root, object), key);
	int64_t number = -1;
	struct cube_error err;

	ck_assert_msg(value != NULL, "no %s.%s", object, key);
	ck_assert_msg(json_read_int(doc, value, INT64_MIN, INT64_MAX, &number, &err) == 0, "%s",
		      err.message);
	return number;
}

static struct node_text *
sampled(struct sampler *sampler, struct json_doc *doc, float *busy)
{
	struct node_text *stats = sampler_stats(sampler, 3, busy);
	struct cube_error err;

	ck_assert_ptr_nonnull(stats);
	ck_assert_uint_le(stats->size, NODE_STATS_MAX);
	ck_assert_msg(json_parse(stats->text, stats->size, doc, &err) == 0, "%s", err.message);
	return stats;
}

START_TEST(the_fields_are_the_books_and_the_machines)
{
	static const char *const memory[] = {
		"mem_total",  "mem_free",  "mem_available", "buffers",     "cached",
		"swap_total", "swap_free", "swap_cached",   "active_anon", "s_reclaimable"};
	static const char *const cpu[] = {"user", "nice",    "system", "idle",  "iowait",
					  "irq",  "softirq", "steal",  "guest", "guest_nice"};
	struct sampler sampler = {.folder = "/tmp"};
	struct json_doc doc = {0};
	struct statvfs fs;
	float busy;
	struct node_text *stats = sampled(&sampler, &doc, &busy);

	for (size_t i = 0; i < sizeof(memory) / sizeof(memory[0]); i++)
		ck_assert_int_ge(number_at(&doc, "MemStats", memory[i]), 0);
	ck_assert_int_eq(number_at(&doc, "MemStats", "mem_total") / 1024,
			 sampler_memory_bytes() >> 20);
	for (size_t i = 0; i < sizeof(cpu) / sizeof(cpu[0]); i++)
		ck_assert_int_ge(number_at(&doc, "CpuStats", cpu[i]), 0);
	ck_assert_int_gt(number_at(&doc, "CpuStats", "user"), 0);
	ck_assert_int_eq(statvfs("/tmp", &fs), 0);
	ck_assert_int_eq(number_at(&doc, "DiskStats", "all"),
			 (int64_t)(fs.f_blocks * fs.f_frsize));
	ck_assert_int_eq(number_at(&doc, "DiskStats", "used") +
				 number_at(&doc, "DiskStats", "free"),
			 number_at(&doc, "DiskStats", "all"));
	ck_assert_int_gt(number_at(&doc, "DiskStats", "freeInodes"), 0);
	ck_assert_int_gt(number_at(&doc, "LoadStats", "process_total"), 0);
	ck_assert_int_gt(number_at(&doc, "LoadStats", "process_running"), 0);
	ck_assert_int_gt(number_at(&doc, "LoadStats", "last_pid"), 0);
	ck_assert_ptr_nonnull(strstr(stats->text, "\"last15min\":"));
	ck_assert_ptr_nonnull(strstr(stats->text, "\"TaskCount\":3}"));
	json_release(&doc);
	node_text_put(stats);
}
END_TEST

static void
burn(double seconds)
{
	struct timespec begin;
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((double)(now.tv_sec - begin.tv_sec) +
			 (double)(now.tv_nsec - begin.tv_nsec) / 1e9 <
		 seconds);
}

START_TEST(busy_is_the_share_since_the_last_sample)
{
	struct sampler sampler = {.folder = "/tmp"};
	struct json_doc doc = {0};
	float busy = -1;

	node_text_put(sampled(&sampler, &doc, &busy));
	json_release(&doc);
	ck_assert_float_ge(busy, 0);
	ck_assert_float_le(busy, 1);
	burn(0.5);
	node_text_put(sampled(&sampler, &doc, &busy));
	json_release(&doc);
	/* One core was busy all the time, of so many. */
	ck_assert_float_ge(busy, 0.3f / (float)sysconf(_SC_NPROCESSORS_ONLN));
	ck_assert_float_le(busy, 1);
}
END_TEST

/* As if another had sampled between our two exchanges. */
START_TEST(samples_that_cross_give_a_share_all_the_same)
{
	struct sampler sampler = {.folder = "/tmp"};
	struct json_doc doc = {0};
	float busy = -1;

	node_text_put(sampled(&sampler, &doc, &busy));
	json_release(&doc);
	atomic_store(&sampler.busy_ticks, 0);
	node_text_put(sampled(&sampler, &doc, &busy));
	json_release(&doc);
	ck_assert_float_ge(busy, 0);
	ck_assert_float_le(busy, 1);
	atomic_store(&sampler.all_ticks, UINT64_MAX);
	node_text_put(sampled(&sampler, &doc, &busy));
	json_release(&doc);
	ck_assert_float_ge(busy, 0);
	ck_assert_float_le(busy, 1);
}
END_TEST

static void *
sample_many(void *arg)
{
	for (int i = 0; i < 200; i++) {
		float busy = -1;
		struct node_text *stats = sampler_stats(arg, 1, &busy);

		if (stats == NULL || !(busy >= 0 && busy <= 1))
			return NULL;
		node_text_put(stats);
	}
	return arg;
}

START_TEST(many_may_ask_at_once)
{
	struct sampler sampler = {.folder = "/tmp"};
	pthread_t threads[4];

	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, sample_many, &sampler), 0);
	for (size_t i = 0; i < 4; i++) {
		void *went_well = NULL;

		(void)pthread_join(threads[i], &went_well);
		ck_assert_ptr_nonnull(went_well);
	}
}
END_TEST

START_TEST(a_folder_that_is_not_there_has_no_disk)
{
	struct sampler sampler = {.folder = "/there/is/no/such/folder"};
	struct json_doc doc = {0};
	float busy;

	node_text_put(sampled(&sampler, &doc, &busy));
	ck_assert_int_eq(number_at(&doc, "DiskStats", "all"), 0);
	json_release(&doc);
	ck_assert_int_eq(sampler_disk_bytes("/there/is/no/such/folder"), 0);
	ck_assert_int_gt(sampler_disk_bytes("/tmp"), 0);
	ck_assert_int_ge(sampler_mcpu(), 1000);
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("sampler");
	TCase *tests = tcase_create("sampler");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, the_fields_are_the_books_and_the_machines);
	tcase_add_test(tests, busy_is_the_share_since_the_last_sample);
	tcase_add_test(tests, samples_that_cross_give_a_share_all_the_same);
	tcase_add_test(tests, many_may_ask_at_once);
	tcase_add_test(tests, a_folder_that_is_not_there_has_no_disk);
	suite_add_tcase(suite, tests);
	return suite;
}

CHECK_MAIN(suite)
