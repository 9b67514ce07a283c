/* tests/unit/cli_units_test.c - sizes, cores and addresses as people write them. */
#include "common/address.h"
#include "common/units.h"

#include "check_main.h"

#include <string.h>

START_TEST(sizes_are_powers_of_1024_in_either_case)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} cases[] = {
		{"0", 0},           {"4096", 4096},           {"512b", 512},
		{"1k", 1024},       {"64m", 64 << 20},        {"64M", 64 << 20},
		{"64MB", 64 << 20}, {"64MiB", 64 << 20},      {"1.5g", INT64_C(3) << 29},
		{".5k", 512},       {"2t", INT64_C(2) << 40}, {"4194304t", INT64_C(1) << 62},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cube_error err;
		int64_t bytes = -1;

		ck_assert_msg(units_bytes("--memory", cases[i].text, &bytes, &err) == 0,
			      "%s: %s", cases[i].text, err.message);
		ck_assert_msg(bytes == cases[i].bytes, "%s: %lld", cases[i].text,
			      (long long)bytes);
	}
}
END_TEST

START_TEST(what_is_no_size_is_refused_with_an_example)
{
	static const char *const cases[] = {
		"",    "m",     "-1",
		"+1",  "1 m",   " 1",
		"1e3", "0x10",  "inf",
		"nan", "1.2.3", "64mm",
		"64x", "64bb",  "4194305t",
		".",   "1..5",  "99999999999999999999999999999999999999999",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cube_error err;
		int64_t bytes = -1;

		ck_assert_msg(units_bytes("--memory", cases[i], &bytes, &err) ==
				      CUBE_ERR_INVALID,
			      "'%s' is taken as %lld", cases[i], (long long)bytes);
		ck_assert_int_eq(bytes, -1);
		ck_assert_ptr_nonnull(strstr(err.message, "--memory"));
		ck_assert_ptr_nonnull(strstr(err.message, "64m"));
	}
}
END_TEST

START_TEST(cores_are_thousandths)
{
	static const struct {
		const char *text;
		int64_t mcpu;
	} cases[] = {{"1", 1000},  {"0.5", 500},      {".25", 250},
		     {"0.001", 1}, {"4096", 4096000}, {"1.9996", 2000}};
	static const char *const bad[] = {"",    "0",   "0.0001", "4097", "-1", "1x",
					  "1e1", "0x2", "nan",    "1,5",  " 1", "1 "};
	struct cube_error err;
	int64_t mcpu;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_msg(units_mcpu("--cpus", cases[i].text, &mcpu, &err) == 0, "%s",
			      cases[i].text);
		ck_assert_int_eq(mcpu, cases[i].mcpu);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		mcpu = -1;
		ck_assert_msg(units_mcpu("--cpus", bad[i], &mcpu, &err) == CUBE_ERR_INVALID,
			      "'%s'", bad[i]);
		ck_assert_int_eq(mcpu, -1);
	}
}
END_TEST

START_TEST(sizes_are_printed_in_five_places)
{
	static const struct {
		int64_t bytes;
		const char *text;
	} cases[] = {
		{0, "0B"},
		{1023, "1023B"},
		{1024, "1K"},
		{1536, "1.5K"},
		{1023 * 1024, "1023K"},
		{1024 * 1024 - 1, "1.0M"},
		{INT64_C(1536) << 20, "1.5G"},
		{INT64_C(150) << 30, "150G"},
		{INT64_MAX, "8E"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[16];

		units_format_bytes(cases[i].bytes, text, sizeof(text));
		ck_assert_str_eq(text, cases[i].text);
		ck_assert_uint_le(strlen(text), 5);
	}
}
END_TEST

START_TEST(addresses_are_taken_as_people_give_them)
{
	static const struct {
		const char *text;
		const char *address;
	} cases[] = {
		{"10.0.0.1:7000", "10.0.0.1:7000"},
		{"http://10.0.0.1:7000", "10.0.0.1:7000"},
		{"http://node-1.example:7000/", "node-1.example:7000"},
		{"manager", "manager:5555"},
		{"http://manager/", "manager:5555"},
		{"m:1", "m:1"},
		{"m:65535", "m:65535"},
		{"m:007000", NULL},
		{"m:0080", "m:80"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cube_error err;
		char address[64] = "";
		int rc = address_read("--manager", cases[i].text, 5555, address,
				      sizeof(address), &err);

		ck_assert_int_eq(rc, cases[i].address != NULL ? 0 : CUBE_ERR_INVALID);
		ck_assert_str_eq(address, cases[i].address != NULL ? cases[i].address : "");
	}
}
END_TEST

START_TEST(what_is_no_address_is_refused)
{
	static const char *const cases[] = {
		"",        ":80",   "http://", "https://a:1", "a:0",
		"a:65536", "a:-1",  "a:+1",    "a: 1",        "a:",
		"a:1x",    "a:1/x", "a/b",     "a b:1",       "[::1]:80",
		"a:1?x",   "u@a:1", "a\n:1",   "http://a//",  "a:99999999999999999999",
	};
	struct cube_error err;
	char address[64] = "";

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_msg(address_read("--manager", cases[i], 5555, address,
					   sizeof(address), &err) == CUBE_ERR_INVALID,
			      "'%s' is taken as '%s'", cases[i], address);
		ck_assert_ptr_nonnull(strstr(err.message, "--manager wants HOST:PORT"));
	}
	/* A port is wanted where there is none to fall back on. */
	ck_assert_int_eq(address_read("-x", "a", 0, address, sizeof(address), &err),
			 CUBE_ERR_INVALID);
	ck_assert_int_eq(address_read("-x", "a:1", 0, address, 7, &err), CUBE_ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.message, "more than 0 bytes"));
	ck_assert_str_eq(address, "");
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("units");
	TCase *tests = tcase_create("units");

	tcase_add_test(tests, sizes_are_powers_of_1024_in_either_case);
	tcase_add_test(tests, what_is_no_size_is_refused_with_an_example);
	tcase_add_test(tests, cores_are_thousandths);
	tcase_add_test(tests, sizes_are_printed_in_five_places);
	tcase_add_test(tests, addresses_are_taken_as_people_give_them);
	tcase_add_test(tests, what_is_no_address_is_refused);
	suite_add_tcase(suite, tests);
	return suite;
}

CHECK_MAIN(suite)
