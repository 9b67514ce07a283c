/* tests/unit/timestamp_test.c - Unix milliseconds to RFC 3339 and back; the clocks. */
#include "base/timestamp.h"

#include "base/clock.h"
#include "base/random.h"
#include "check_main.h"

#include <cube/plugin.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct pair {
	const char *text;
	int64_t wall_ms;
};

static const struct pair printed[] = {
	{"0001-01-01T00:00:00Z", 0},
	{"1970-01-01T00:00:00.001Z", 1},
	{"1969-12-31T23:59:59.999Z", -1},
	{"2026-03-01T12:00:00.000Z", INT64_C(1772366400000)},
	{"2000-02-29T23:59:59.999Z", INT64_C(951868799999)},
	{"1900-03-01T00:00:00.000Z", INT64_C(-2203891200000)},
	{"9999-12-31T23:59:59.999Z", INT64_C(253402300799999)},
	{"9999-12-31T23:59:59.999Z", INT64_MAX},
	{"0001-01-01T00:00:00Z", INT64_MIN},
	{"0001-01-01T00:00:00.001Z", INT64_C(-62135596799999)},
};

START_TEST(a_moment_is_printed_as_rfc_3339)
{
	char text[TIMESTAMP_SIZE];

	timestamp_format(printed[_i].wall_ms, text);
	ck_assert_str_eq(text, printed[_i].text);
}
END_TEST

static const struct pair readable[] = {
	{"0001-01-01T00:00:00Z", 0},
	{"0001-01-01T00:00:00.000000000Z", 0},
	{"0001-01-01T01:00:00+01:00", 0},
	{"1970-01-01T00:00:00Z", 0},
	{"1970-01-01T00:00:01Z", 1000},
	{"1970-01-01T00:00:00.1Z", 100},
	{"1970-01-01T00:00:00.12Z", 120},
	{"1970-01-01T00:00:00.123456789Z", 123},
	{"1970-01-01T00:00:00.999999999Z", 999},
	{"1969-12-31T23:59:59.5Z", -500},
	{"1970-01-01t01:00:00z", 3600000},
	{"1970-01-01T01:30:00+01:30", 0},
	{"1969-12-31T16:00:01-08:00", 1000},
	{"1970-01-01T00:00:01-00:00", 1000},
	{"2016-12-31T23:59:60Z", INT64_C(1483228800000)},
	{"2024-02-29T00:00:00Z", INT64_C(1709164800000)},
	{"9999-12-31T23:59:59.999Z", INT64_C(253402300799999)},
};

START_TEST(any_rfc_3339_time_is_read)
{
	int64_t wall_ms = 77;

	ck_assert_int_eq(timestamp_parse(readable[_i].text, &wall_ms), 0);
	ck_assert_int_eq(wall_ms, readable[_i].wall_ms);
}
END_TEST

static const char *const refused[] = {
	"",
	"1970",
	"1970-01-01",
	"1970-01-01T00:00:00",
	"1970-01-01 00:00:00Z",
	"1970-13-01T00:00:00Z",
	"1970-00-01T00:00:00Z",
	"1970-01-00T00:00:00Z",
	"1970-01-32T00:00:00Z",
	"1970-02-29T00:00:00Z",
	"1900-02-29T00:00:00Z",
	"1970-04-31T00:00:00Z",
	"1970-01-01T24:00:00Z",
	"1970-01-01T00:60:00Z",
	"1970-01-01T00:00:61Z",
	"1970-01-01T00:00:00.Z",
	"1970-01-01T00:00:00.1234567890Z",
	"1970-01-01T00:00:00,5Z",
	"1970-01-01T00:00:00+0100",
	"1970-01-01T00:00:00+24:00",
	"1970-01-01T00:00:00+01:60",
	"1970-01-01T00:00:00ZZ",
	" 1970-01-01T00:00:00Z",
	"1970-1-01T00:00:00Z",
	"+970-01-01T00:00:00Z",
	"1970-01-01T00:00:00+",
	"1970-01-01T0:00:00Z",
	"now",
};

START_TEST(anything_else_is_refused_and_changes_nothing)
{
	int64_t wall_ms = 77;

	ck_assert_int_eq(timestamp_parse(refused[_i], &wall_ms), CUBE_ERR_INVALID);
	ck_assert_int_eq(wall_ms, 77);
}
END_TEST

START_TEST(printing_agrees_with_the_c_library_and_reads_back)
{
	const int64_t first = INT64_C(-62135596799999);
	const int64_t last = INT64_C(253402300799999);
	struct random random;
	int i;

	random_seed(&random, 3);
	for (i = 0; i < 20000; i++) {
		int64_t wall_ms =
			first + (int64_t)random_below(&random, (uint64_t)(last - first) + 1);
		int64_t ms = (wall_ms % 1000 + 1000) % 1000;
		time_t seconds = (wall_ms - ms) / 1000;
		char text[TIMESTAMP_SIZE], expected[96];
		int64_t back = 0;
		struct tm tm;

		ck_assert_ptr_nonnull(gmtime_r(&seconds, &tm));
		(void)snprintf(expected, sizeof(expected),
			       "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
			       tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
			       (int)ms);
		timestamp_format(wall_ms, text);
		ck_assert_str_eq(text, expected);
		ck_assert_int_eq(timestamp_parse(text, &back), 0);
		ck_assert_int_eq(back, wall_ms);
	}
}
END_TEST

START_TEST(the_clock_goes_forward_and_knows_the_year)
{
	struct now first = clock_now();
	struct now second = clock_now();

	ck_assert_uint_ge(second.mono_ms, first.mono_ms);
	ck_assert_uint_gt(first.mono_ms, 0);
	ck_assert_int_ge(first.wall_ms / 1000 + 5, (int64_t)time(NULL));
	ck_assert_int_le(first.wall_ms / 1000 - 5, (int64_t)time(NULL));
}
END_TEST

START_TEST(random_bytes_fill_all_of_their_room_and_differ)
{
	unsigned char first[256] = {0}, second[256] = {0};
	unsigned int zeros = 0;
	size_t i;

	clock_random(first, sizeof(first));
	clock_random(second, sizeof(second));
	ck_assert_mem_ne(first, second, sizeof(first));
	for (i = 192; i < 256; i++)
		zeros += first[i] == 0 ? 1 : 0;
	ck_assert_uint_lt(zeros, 16);
}
END_TEST

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

static Suite *
suite(void)
{
	Suite *s = suite_create("timestamp");
	TCase *tc = tcase_create("timestamp");

	tcase_add_loop_test(tc, a_moment_is_printed_as_rfc_3339, 0, COUNT_OF(printed));
	tcase_add_loop_test(tc, any_rfc_3339_time_is_read, 0, COUNT_OF(readable));
	tcase_add_loop_test(tc, anything_else_is_refused_and_changes_nothing, 0,
			    COUNT_OF(refused));
	tcase_add_test(tc, printing_agrees_with_the_c_library_and_reads_back);
	tcase_add_test(tc, the_clock_goes_forward_and_knows_the_year);
	tcase_add_test(tc, random_bytes_fill_all_of_their_room_and_differ);
	suite_add_tcase(s, tc);
	return s;
}

CHECK_MAIN(suite)
