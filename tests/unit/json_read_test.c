/* tests/unit/json_read_test.c - finding values, reading them, and saying what is wrong. */
#include "base/json.h"

#include "base/utf8.h"
#include "check_main.h"

#include <string.h>

static struct json_doc doc;

static void
parse(const char *text)
{
	struct cube_error err = {0};

	json_release(&doc);
	ck_assert_msg(json_parse(text, strlen(text), &doc, &err) == 0, "%s", err.message);
}

static void
release(void)
{
	json_release(&doc);
}

START_TEST(a_member_is_found_by_its_key)
{
	parse("{\"a\":1,\"b\":{\"c\":2}}");
	ck_assert_int_eq(json_get(doc.root, "a")->as.number.integer, 1);
	ck_assert_int_eq(json_get(json_get(doc.root, "b"), "c")->as.number.integer, 2);
	ck_assert_ptr_null(json_get(doc.root, "c"));
	ck_assert_ptr_null(json_get(doc.root, "A"));
	ck_assert_ptr_null(json_get(json_get(doc.root, "a"), "c"));
	ck_assert_ptr_null(json_get(NULL, "a"));
	parse("[1]");
	ck_assert_ptr_null(json_get(doc.root, "a"));
}
END_TEST

START_TEST(a_complaint_names_path_line_and_column)
{
	const struct json_value *value;
	struct cube_error err;

	parse("{\n \"Task\": {\n  \"Env\": [\"a\", \"b\",\n   7]}}");
	value = json_get(json_get(doc.root, "Task"), "Env")->as.first->next->next;
	ck_assert_int_eq(json_fail(&doc, value, &err, "must be %s", "text"), CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message, "Task.Env[2] (line 4, column 4): must be text");
	ck_assert_int_eq(err.code, CUBE_ERR_INVALID);
	(void)json_fail(&doc, doc.root, &err, "x");
	ck_assert_str_eq(err.message, "line 1, column 1: x");
	(void)json_fail(&doc, NULL, &err, "x");
	ck_assert_str_eq(err.message, "line 1, column 1: x");
	parse("[{\"ID\": 1}]");
	(void)json_fail(&doc, json_get(doc.root->as.first, "ID"), &err, "x");
	ck_assert_str_eq(err.message, "[0].ID (line 1, column 9): x");
}
END_TEST

START_TEST(a_column_counts_characters)
{
	struct cube_error err;

	parse("[\"\xc3\xa9\xe2\x82\xac\", 1]");
	(void)json_fail(&doc, doc.root->as.first->next, &err, "x");
	ck_assert_str_eq(err.message, "[1] (line 1, column 8): x");
}
END_TEST

START_TEST(a_long_path_keeps_its_front_and_its_last_step)
{
	const struct json_value *value;
	struct buf buf = BUF_INIT(100000);
	struct cube_error err;
	int i;

	for (i = 0; i < 30; i++)
		buf_printf(&buf, "{\"a-rather-long-key-%02d\":", i);
	buf_append_text(&buf, "1");
	for (i = 0; i < 30; i++)
		buf_append_text(&buf, "}");
	parse(buf_text(&buf));
	for (value = doc.root; value->type == JSON_OBJECT;)
		value = value->as.first;
	(void)json_fail(&doc, value, &err, "the message");
	ck_assert_str_eq(err.message, "a-rather-long-key-00.a-rather-long-key-01."
				      "a-rather-long-key-02....a-rather-long-key-29 "
				      "(line 1, column 721): the message");
	json_release(&doc);
	buf_release(&buf);
}
END_TEST

START_TEST(keys_of_strangers_are_cut_and_cleaned_in_messages)
{
	struct cube_error err;

	parse("{\"\\u001b[31m\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
	      "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
	      "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\":1}");
	(void)json_fail(&doc, doc.root->as.first, &err, "x");
	ck_assert(strncmp(err.message, "?[31m\xc3\xa9", 7) == 0);
	ck_assert_ptr_nonnull(strstr(err.message, "\xc3\xa9... (line 1, column"));
	ck_assert_uint_eq(utf8_valid_prefix(err.message, strlen(err.message)),
			  strlen(err.message));
}
END_TEST

START_TEST(a_message_too_long_ends_in_a_whole_character)
{
	struct cube_error err;
	char text[401];
	int i;

	for (i = 0; i < 400; i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	text[400] = '\0';
	parse("[1]");
	for (i = 0; i < 2; i++) {
		(void)json_fail(&doc, doc.root, &err, "%s%s", i == 0 ? "" : "x", text);
		ck_assert_uint_eq(utf8_valid_prefix(err.message, strlen(err.message)),
				  strlen(err.message));
		ck_assert_uint_gt(strlen(err.message), 240);
	}
}
END_TEST

START_TEST(absent_and_null_leave_what_was_there)
{
	const struct json_value *values[2];
	struct cube_error err;
	const char *text = "before";
	int64_t integer = 5;
	double real = 0.5;
	bool boolean = true;
	int i;

	parse("{\"a\":null}");
	values[0] = json_get(doc.root, "a");
	values[1] = json_get(doc.root, "b");
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(json_read_text(&doc, values[i], &text, &err), 0);
		ck_assert_int_eq(json_read_int(&doc, values[i], 0, 1, &integer, &err), 0);
		ck_assert_int_eq(json_read_real(&doc, values[i], 0, 1, &real, &err), 0);
		ck_assert_int_eq(json_read_bool(&doc, values[i], &boolean, &err), 0);
	}
	ck_assert_str_eq(text, "before");
	ck_assert_int_eq(integer, 5);
	ck_assert(real == 0.5);
	ck_assert(boolean);
}
END_TEST

START_TEST(values_of_the_right_type_are_read)
{
	const struct json_value *value;
	struct cube_error err;
	const char *text = NULL;
	int64_t integer = 0;
	double real = 0;
	bool boolean = false;

	parse("[\"t\", -3, 2.5, true, 3]");
	value = doc.root->as.first;
	ck_assert_int_eq(json_read_text(&doc, value, &text, &err), 0);
	ck_assert_str_eq(text, "t");
	value = value->next;
	ck_assert_int_eq(json_read_int(&doc, value, -3, -3, &integer, &err), 0);
	ck_assert_int_eq(integer, -3);
	value = value->next;
	ck_assert_int_eq(json_read_real(&doc, value, 2.5, 2.5, &real, &err), 0);
	ck_assert(real == 2.5);
	value = value->next;
	ck_assert_int_eq(json_read_bool(&doc, value, &boolean, &err), 0);
	ck_assert(boolean);
	value = value->next;
	ck_assert_int_eq(json_read_real(&doc, value, 0, 9, &real, &err), 0);
	ck_assert(real == 3);
}
END_TEST

START_TEST(values_of_another_type_or_range_are_refused_and_change_nothing)
{
	const struct json_value *text_value, *number, *object;
	struct cube_error err;
	const char *text = "before";
	int64_t integer = 5;
	double real = 0.5;
	bool boolean = true;

	parse("[\"t\", 2.5, {}]");
	text_value = doc.root->as.first;
	number = text_value->next;
	object = number->next;
	ck_assert_int_eq(json_read_text(&doc, number, &text, &err), CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message,
			 "[1] (line 1, column 7): must be a string, this is a number");
	ck_assert_int_eq(json_read_int(&doc, number, 0, 9, &integer, &err), CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message,
			 "[1] (line 1, column 7): must be a whole number from 0 to 9");
	ck_assert_int_eq(json_read_int(&doc, text_value, 0, 9, &integer, &err),
			 CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message,
			 "[0] (line 1, column 2): must be a whole number, this is a string");
	ck_assert_int_eq(json_read_real(&doc, number, 0, 2, &real, &err), CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message, "[1] (line 1, column 7): must be a number from 0 to 2");
	ck_assert_int_eq(json_read_real(&doc, number, 3, 9, &real, &err), CUBE_ERR_INVALID);
	ck_assert_int_eq(json_read_real(&doc, object, 0, 9, &real, &err), CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message,
			 "[2] (line 1, column 12): must be a number, this is an object");
	ck_assert_int_eq(json_read_bool(&doc, doc.root, &boolean, &err), CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message,
			 "line 1, column 1: must be true or false, this is an array");
	ck_assert_str_eq(text, "before");
	ck_assert_int_eq(integer, 5);
	ck_assert(real == 0.5);
	ck_assert(boolean);
}
END_TEST

START_TEST(a_whole_number_is_read_at_both_ends_of_its_range)
{
	struct cube_error err;
	int64_t integer = 5;

	parse("[-9223372036854775808, 9223372036854775807, 9223372036854775808]");
	ck_assert_int_eq(
		json_read_int(&doc, doc.root->as.first, INT64_MIN, INT64_MAX, &integer, &err),
		0);
	ck_assert_int_eq(integer, INT64_MIN);
	ck_assert_int_eq(json_read_int(&doc, doc.root->as.first->next, INT64_MIN, INT64_MAX,
				       &integer, &err),
			 0);
	ck_assert_int_eq(integer, INT64_MAX);
	ck_assert_int_eq(json_read_int(&doc, doc.root->as.first->next->next, INT64_MIN,
				       INT64_MAX, &integer, &err),
			 CUBE_ERR_INVALID);
	ck_assert_int_eq(integer, INT64_MAX);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("json_read");
	TCase *tc = tcase_create("json_read");

	tcase_add_checked_fixture(tc, NULL, release);
	tcase_add_test(tc, a_member_is_found_by_its_key);
	tcase_add_test(tc, a_complaint_names_path_line_and_column);
	tcase_add_test(tc, a_column_counts_characters);
	tcase_add_test(tc, a_long_path_keeps_its_front_and_its_last_step);
	tcase_add_test(tc, keys_of_strangers_are_cut_and_cleaned_in_messages);
	tcase_add_test(tc, a_message_too_long_ends_in_a_whole_character);
	tcase_add_test(tc, absent_and_null_leave_what_was_there);
	tcase_add_test(tc, values_of_the_right_type_are_read);
	tcase_add_test(tc, values_of_another_type_or_range_are_refused_and_change_nothing);
	tcase_add_test(tc, a_whole_number_is_read_at_both_ends_of_its_range);
	suite_add_tcase(s, tc);
	return s;
}

CHECK_MAIN(suite)
