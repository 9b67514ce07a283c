/* tests/unit/json_write_test.c - what is written, and that it reads back. */
#include "base/json.h"

#include "base/random.h"
#include "check_main.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

static struct buf out;
static struct json_writer *writer;

static void
start(void)
{
	buf_init(&out, 1000000);
	writer = json_writer_new(&out, false);
	ck_assert_ptr_nonnull(writer);
}

static void
finish(void)
{
	json_writer_free(writer);
	buf_release(&out);
}

/* The next value goes into an empty buffer. */
static void
restart(void)
{
	finish();
	start();
}

START_TEST(values_of_each_kind_are_written)
{
	json_begin_object(writer);
	json_put_text(writer, "text", "x\"y\\z\n\x01/");
	json_put_text(writer, "none", NULL);
	json_put_int(writer, "least", INT64_MIN);
	json_put_int(writer, "int", 7);
	json_put_uint(writer, "most", UINT64_MAX);
	json_put_real(writer, "real", 0.5);
	json_put_bool(writer, "yes", true);
	json_put_bool(writer, "no", false);
	json_key(writer, "list");
	json_begin_array(writer);
	json_null(writer);
	json_begin_object(writer);
	json_end_object(writer);
	json_begin_array(writer);
	json_end_array(writer);
	json_end_array(writer);
	json_key(writer, "raw");
	json_raw(writer, "{\"a\":[1,2]}", 11);
	json_put_int(writer, "last", 0);
	json_end_object(writer);
	ck_assert(!out.failed);
	ck_assert_str_eq(buf_text(&out),
			 "{\"text\":\"x\\\"y\\\\z\\n\\u0001/\",\"none\":null,"
			 "\"least\":-9223372036854775808,\"int\":7,"
			 "\"most\":18446744073709551615,\"real\":0.5,\"yes\":true,\"no\":false,"
			 "\"list\":[null,{},[]],\"raw\":{\"a\":[1,2]},\"last\":0}");
}
END_TEST

START_TEST(pretty_text_is_indented_by_two)
{
	json_writer_free(writer);
	writer = json_writer_new(&out, true);
	ck_assert_ptr_nonnull(writer);
	json_begin_object(writer);
	json_key(writer, "a");
	json_begin_array(writer);
	json_int(writer, 1);
	json_end_array(writer);
	json_end_object(writer);
	ck_assert_str_eq(buf_text(&out), "{\n  \"a\": [\n    1\n  ]\n}\n");
}
END_TEST

START_TEST(pretty_text_has_no_space_in_what_is_empty)
{
	json_writer_free(writer);
	writer = json_writer_new(&out, true);
	ck_assert_ptr_nonnull(writer);
	json_begin_object(writer);
	json_key(writer, "a");
	json_begin_array(writer);
	json_end_array(writer);
	json_key(writer, "b");
	json_begin_object(writer);
	json_end_object(writer);
	json_put_text(writer, "c", "d");
	json_end_object(writer);
	ck_assert_str_eq(buf_text(&out), "{\n  \"a\": [],\n  \"b\": {},\n  \"c\": \"d\"\n}\n");
}
END_TEST

START_TEST(every_control_character_is_escaped)
{
	char text[0x20 + 1] = {0};
	struct cube_error err;
	struct json_doc doc;
	int i;

	for (i = 1; i <= 0x20; i++)
		text[i - 1] = (char)i;
	json_text(writer, text);
	ck_assert_str_eq(buf_text(&out),
			 "\"\\u0001\\u0002\\u0003\\u0004\\u0005\\u0006\\u0007\\b\\t\\n\\u000B"
			 "\\f\\r\\u000E\\u000F\\u0010\\u0011\\u0012\\u0013\\u0014\\u0015\\u0016"
			 "\\u0017\\u0018\\u0019\\u001A\\u001B\\u001C\\u001D\\u001E\\u001F \"");
	ck_assert_int_eq(json_parse(out.data, out.size, &doc, &err), 0);
	ck_assert_str_eq(doc.root->as.string.text, text);
	json_release(&doc);
}
END_TEST

START_TEST(a_text_that_fills_the_buffer_exactly_fits)
{
	buf_release(&out);
	buf_init(&out, sizeof("[\"four\",{\"k\":1}]") - 1);
	json_begin_array(writer);
	json_text(writer, "four");
	json_begin_object(writer);
	json_put_int(writer, "k", 1);
	json_end_object(writer);
	json_end_array(writer);
	ck_assert(!out.failed);
	ck_assert_str_eq(buf_text(&out), "[\"four\",{\"k\":1}]");
}
END_TEST

START_TEST(a_writer_goes_on_after_what_the_buffer_holds)
{
	buf_append_text(&out, "HTTP ");
	json_begin_array(writer);
	json_end_array(writer);
	ck_assert_str_eq(buf_text(&out), "HTTP []");
}
END_TEST

START_TEST(bytes_that_are_no_utf8_are_replaced)
{
	json_begin_object(writer);
	json_put_text(writer, "k\xff", "a\xff\xc3\xa9\xc3");
	json_end_object(writer);
	ck_assert(!out.failed);
	ck_assert_str_eq(buf_text(&out),
			 "{\"k\xef\xbf\xbd\":\"a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\"}");
}
END_TEST

START_TEST(a_buffer_too_small_fails_and_stays_failed)
{
	buf_release(&out);
	buf_init(&out, 10);
	json_begin_array(writer);
	json_text(writer, "far longer than ten bytes");
	json_int(writer, 1);
	json_end_array(writer);
	ck_assert(out.failed);
	ck_assert_uint_le(out.size, 10);
}
END_TEST

START_TEST(brackets_deeper_than_the_writer_counts_fail_the_buffer)
{
	int i;

	for (i = 0; i < 64; i++)
		json_begin_array(writer);
	ck_assert(!out.failed);
	json_begin_array(writer);
	ck_assert(out.failed);
}
END_TEST

START_TEST(calls_out_of_place_fail_the_buffer)
{
	json_begin_object(writer);
	json_int(writer, 1); /* where a key belongs */
	ck_assert(out.failed);
	restart();
	json_int(writer, 1);
	ck_assert(!out.failed);
	json_int(writer, 2); /* a second value */
	ck_assert(out.failed);
	restart();
	json_begin_array(writer);
	json_key(writer, "no key belongs here");
	ck_assert(out.failed);
	restart();
	json_begin_object(writer);
	json_key(writer, "a");
	json_key(writer, "b");
	ck_assert(out.failed);
	restart();
	json_begin_object(writer);
	json_key(writer, "a");
	json_end_object(writer); /* its value is missing */
	ck_assert(out.failed);
	restart();
	json_begin_array(writer);
	json_end_object(writer);
	ck_assert(out.failed);
	restart();
	json_end_array(writer);
	ck_assert(out.failed);
}
END_TEST

struct real {
	double value;
	const char *text;
};

static const struct real reals[] = {
	{0, "0"},
	{1, "1"},
	{-3, "-3"},
	{0.1, "0.1"},
	{-0.25, "-0.25"},
	{1e21, "1e+21"},
	{123456.789, "123456.789"},
	{0.30000000000000004, "0.30000000000000004"},
	{1.0 / 3, "0.3333333333333333"},
	{9007199254740992.0, "9007199254740992"},
	{5e-324, "5e-324"},
	{DBL_MAX, "1.7976931348623157e+308"},
	{DBL_MIN, "2.2250738585072014e-308"},
	{INFINITY, "null"},
	{-INFINITY, "null"},
	{NAN, "null"},
};

START_TEST(a_real_is_as_short_as_it_reads_back)
{
	json_real(writer, reals[_i].value);
	ck_assert_str_eq(buf_text(&out), reals[_i].text);
}
END_TEST

START_TEST(any_real_reads_back_the_same)
{
	struct random random;
	struct cube_error err;
	int i;

	random_seed(&random, 5);
	for (i = 0; i < 5000; i++) {
		uint64_t bits = random_next(&random);
		struct json_doc doc;
		double value, back;

		memcpy(&value, &bits, sizeof(value));
		if (i % 2 == 0) /* and those that people use */
			value = (double)(int64_t)(bits % 2000000) / 1000 - 1000;
		if (!isfinite(value))
			continue;
		restart();
		json_real(writer, value);
		ck_assert_int_eq(json_parse(out.data, out.size, &doc, &err), 0);
		back = doc.root->as.number.real;
		json_release(&doc);
		ck_assert_msg(memcmp(&back, &value, sizeof(back)) == 0, "%s", buf_text(&out));
	}
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("json_write");
	TCase *tc = tcase_create("json_write");

	tcase_add_checked_fixture(tc, start, finish);
	tcase_add_test(tc, values_of_each_kind_are_written);
	tcase_add_test(tc, pretty_text_is_indented_by_two);
	tcase_add_test(tc, pretty_text_has_no_space_in_what_is_empty);
	tcase_add_test(tc, every_control_character_is_escaped);
	tcase_add_test(tc, a_text_that_fills_the_buffer_exactly_fits);
	tcase_add_test(tc, brackets_deeper_than_the_writer_counts_fail_the_buffer);
	tcase_add_test(tc, a_writer_goes_on_after_what_the_buffer_holds);
	tcase_add_test(tc, bytes_that_are_no_utf8_are_replaced);
	tcase_add_test(tc, a_buffer_too_small_fails_and_stays_failed);
	tcase_add_test(tc, calls_out_of_place_fail_the_buffer);
	tcase_add_loop_test(tc, a_real_is_as_short_as_it_reads_back, 0, COUNT_OF(reals));
	tcase_add_test(tc, any_real_reads_back_the_same);
	suite_add_tcase(s, tc);
	return s;
}

CHECK_MAIN(suite)
