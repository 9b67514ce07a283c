/* tests/unit/describe_test.c - what a worker says of itself, and what it refuses to say. */
#include "shell/describe.h"

#include "base/cleanup.h"
#include "shell/sampler.h"

#include "check_main.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct worker_settings plain = {.name = "n1", .host = "127.0.0.1", .port = 5556};

static struct node_info
described(const struct worker_settings *settings)
{
	struct node_info info;
	struct cube_error err;

	ck_assert_msg(describe_worker(settings, "/tmp", "process", &info, &err) == 0, "%s",
		      err.message);
	return info;
}

/* The whole text of the labels; "": there are none. */
static void
labels_are(const char *given, const char *want)
{
	struct worker_settings settings = plain;
	struct node_info info;

	settings.labels = given;
	info = described(&settings);
	ck_assert_str_eq(info.labels != NULL ? info.labels->json : "", want);
	node_info_release(&info);
}

static void
labels_are_refused(const char *given, const char *why)
{
	struct worker_settings settings = plain;
	struct node_info info;
	struct cube_error err;

	settings.labels = given;
	ck_assert_int_eq(describe_worker(&settings, "/tmp", "process", &info, &err),
			 CUBE_ERR_INVALID);
	ck_assert_msg(strstr(err.message, why) != NULL, "%s", err.message);
	ck_assert_ptr_nonnull(strstr(err.message, "--labels"));
}

START_TEST(what_is_not_given_is_the_machines_less_a_reserve)
{
	struct node_info info = described(&plain);

	ck_assert_str_eq(info.name, "n1");
	ck_assert_str_eq(info.api, "http://127.0.0.1:5556");
	ck_assert_str_eq(info.runtime, "process");
	ck_assert_int_eq(info.mcpu, sampler_mcpu());
	ck_assert_int_gt(info.memory_bytes, 0);
	ck_assert_int_le(info.memory_bytes, sampler_memory_bytes() - (128 << 20));
	ck_assert_int_le(info.memory_bytes, sampler_memory_bytes() / 100 * 95 + 100);
	ck_assert_int_gt(info.disk_bytes, 0);
	ck_assert_int_lt(info.disk_bytes, sampler_disk_bytes("/tmp"));
	ck_assert(isnan(info.cpu_busy));
	ck_assert_ptr_null(info.labels);
	node_info_release(&info);
}
END_TEST

START_TEST(a_machine_keeps_the_larger_of_five_percent_and_128_mib)
{
	struct worker_settings settings = plain;
	struct node_info info;

	ck_assert_int_eq(describe_reserve(INT64_C(1) << 30), 128 << 20);
	ck_assert_int_eq(describe_reserve(INT64_C(2600) << 20),
			 (INT64_C(2600) << 20) / 100 * 5);
	ck_assert_int_eq(describe_reserve(100 * (INT64_C(1) << 30)), INT64_C(5) << 30);
	ck_assert_int_eq(described(&plain).memory_bytes,
			 sampler_memory_bytes() - describe_reserve(sampler_memory_bytes()));
	settings.reserve_given = true;
	ck_assert_int_eq(described(&settings).memory_bytes, sampler_memory_bytes());
	settings.reserve_bytes = 10 << 20;
	settings.reserve_mcpu = 250;
	info = described(&settings);
	ck_assert_int_eq(info.memory_bytes, sampler_memory_bytes() - (10 << 20));
	ck_assert_int_eq(info.mcpu, sampler_mcpu() - 250);
}
END_TEST

START_TEST(a_reserve_that_leaves_nothing_is_refused)
{
	struct worker_settings settings = plain;
	struct node_info info;
	struct cube_error err;

	settings.reserve_given = true;
	settings.reserve_bytes = sampler_memory_bytes();
	ck_assert_int_eq(describe_worker(&settings, "/tmp", "process", &info, &err),
			 CUBE_ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.message, "--reserve-memory leaves nothing"));
	settings.reserve_given = false;
	settings.reserve_mcpu = sampler_mcpu();
	ck_assert_int_eq(describe_worker(&settings, "/tmp", "process", &info, &err),
			 CUBE_ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.message, "--reserve-cpus leaves nothing"));
}
END_TEST

START_TEST(a_machine_has_the_names_that_images_have)
{
	struct node_info info = described(&plain);

	ck_assert_str_eq(info.os, "linux");
	ck_assert_str_ne(info.arch, "");
	ck_assert_str_ne(info.arch, "x86_64");
	ck_assert_str_ne(info.arch, "aarch64");
	ck_assert_str_eq(node_arch_name("x86_64"), "amd64");
	ck_assert_str_eq(node_arch_name("aarch64"), "arm64");
	ck_assert_str_eq(node_arch_name("riscv64"), "riscv64");
	node_info_release(&info);
}
END_TEST

START_TEST(what_is_given_is_said)
{
	struct worker_settings settings = plain;
	struct node_info info;

	settings.mcpu = 1500;
	settings.memory_bytes = 64 << 20;
	settings.disk_bytes = 1;
	settings.advertise = "worker.example:7000";
	info = described(&settings);
	ck_assert_int_eq(info.mcpu, 1500);
	ck_assert_int_eq(info.memory_bytes, 64 << 20);
	ck_assert_int_eq(info.disk_bytes, 1);
	ck_assert_str_eq(info.api, "http://worker.example:7000");
	node_info_release(&info);
}
END_TEST

START_TEST(an_address_that_does_not_fit_is_refused_not_cut)
{
	struct worker_settings settings = plain;
	struct node_info info;
	struct cube_error err;
	char host[NODE_API_SIZE];

	memset(host, 'h', sizeof(host) - 1);
	host[sizeof(host) - 1] = '\0';
	settings.host = host;
	ck_assert_int_eq(describe_worker(&settings, "/tmp", "process", &info, &err),
			 CUBE_ERR_INVALID);
}
END_TEST

START_TEST(labels_become_an_object_of_texts)
{
	labels_are("", "");
	labels_are("arch=arm64", "{\"arch\":\"arm64\"}");
	labels_are("a=1,b=,c==x", "{\"a\":\"1\",\"b\":\"\",\"c\":\"=x\"}");
	labels_are("zone=eu, rack = 12 ,\tnote=two words ",
		   "{\"note\":\"two words\",\"rack\":\"12\",\"zone\":\"eu\"}");
	labels_are("q=say \"hi\"\\", "{\"q\":\"say \\\"hi\\\"\\\\\"}");
}
END_TEST

START_TEST(labels_that_a_manager_would_refuse_are_refused_at_the_start)
{
	cleanup_free char *many = calloc(1, 1024);
	cleanup_free char *wide = calloc(1, NODE_STATS_MAX);
	size_t used = 0;

	labels_are_refused("arch", "'arch'");
	labels_are_refused("a=1,", "''");
	labels_are_refused("=1", "KEY=VALUE");
	labels_are_refused(" =1", "KEY=VALUE");
	labels_are_refused("a=1,b=2,a=3", "'a' is there twice");
	labels_are_refused("a=1, a =3", "'a' is there twice");
	labels_are_refused("a=\xff", "UTF-8");
	ck_assert_ptr_nonnull(many);
	ck_assert_ptr_nonnull(wide);
	for (int i = 0; i <= NODE_LABELS_MAX; i++)
		used += (size_t)snprintf(many + used, 1024 - used, "%sk%d=v", i > 0 ? "," : "",
					 i);
	labels_are_refused(many, "at most 64");
	(void)snprintf(wide, NODE_STATS_MAX, "a=%0*d", (int)(NODE_STATS_MAX / 8), 1);
	labels_are_refused(wide, "longer than");
}
END_TEST

/* The longest that is taken, of what JSON writes longest. */
START_TEST(labels_within_the_limit_always_fit)
{
	struct worker_settings settings = plain;
	char text[NODE_STATS_MAX / 8 + 1];
	struct node_info info;

	memset(text, '\x01', sizeof(text) - 1);
	text[0] = 'a';
	text[1] = '=';
	text[sizeof(text) - 1] = '\0';
	settings.labels = text;
	info = described(&settings);
	ck_assert_ptr_nonnull(info.labels);
	node_info_release(&info);
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("describe");
	TCase *tests = tcase_create("describe");

	tcase_add_test(tests, what_is_not_given_is_the_machines_less_a_reserve);
	tcase_add_test(tests, a_machine_has_the_names_that_images_have);
	tcase_add_test(tests, a_reserve_that_leaves_nothing_is_refused);
	tcase_add_test(tests, a_machine_keeps_the_larger_of_five_percent_and_128_mib);
	tcase_add_test(tests, what_is_given_is_said);
	tcase_add_test(tests, an_address_that_does_not_fit_is_refused_not_cut);
	tcase_add_test(tests, labels_become_an_object_of_texts);
	tcase_add_test(tests, labels_that_a_manager_would_refuse_are_refused_at_the_start);
	tcase_add_test(tests, labels_within_the_limit_always_fit);
	suite_add_tcase(suite, tests);
	return suite;
}

CHECK_MAIN(suite)
