/* tests/unit/json_parse_test.c - what is read, what is refused, and what it costs. */
#include "base/json.h"
#include "check_main.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* Parses from memory of exactly that size, so that ASan sees a read past it. */
static int
parse(const char *text, struct json_doc *doc, struct cube_error *err)
{
	static char *copy;
	size_t size = strlen(text);

	free(copy);
	copy = malloc(size > 0 ? size : 1);
	ck_assert_ptr_nonnull(copy);
	memcpy(copy, text, size);
	return json_parse(copy, size, doc, err);
}

static void
must_parse(const char *text, struct json_doc *doc)
{
	struct cube_error err = {0};
	int rc = parse(text, doc, &err);

	ck_assert_msg(rc == 0, "%s", err.message);
}

struct refusal {
	const char *text;
	const char *message;
};

static const struct refusal refusals[] = {
	{"", "line 1, column 1: the text ends too early"},
	{" \n ", "line 2, column 2: the text ends too early"},
	{"{", "line 1, column 2: the text ends too early"},
	{"[1,", "line 1, column 4: the text ends too early"},
	{"{\"a\":", "line 1, column 6: the text ends too early"},
	{"\"abc", "line 1, column 5: the text ends too early"},
	{"\"abc\\", "line 1, column 6: the text ends too early"},
	{"\"abc\\u00", "line 1, column 9: the text ends too early"},
	{"[1,]", "line 1, column 4: a value should be here"},
	{"[,1]", "line 1, column 2: a value should be here"},
	{"]", "line 1, column 1: a value should be here"},
	{"{\"a\":}", "line 1, column 6: a value should be here"},
	{"{\"a\":1,}", "line 1, column 8: a key in quotes should be here"},
	{"{,}", "line 1, column 2: a key in quotes should be here"},
	{"{1:2}", "line 1, column 2: a key in quotes should be here"},
	{"{a:2}", "line 1, column 2: this character has no meaning in JSON"},
	{"{\n \"a\" 1}", "line 2, column 6: a colon should be between key and value"},
	{"{\"a\":1 \"b\":2}", "line 1, column 8: a comma or } should follow the value"},
	{"{\"a\":1]", "line 1, column 7: a comma or } should follow the value"},
	{"[1 2]", "line 1, column 4: a comma or ] should follow the value"},
	{"[1}", "line 1, column 3: a comma or ] should follow the value"},
	{"[1]]", "line 1, column 4: only one value was expected, here is more"},
	{"{} {}", "line 1, column 4: only one value was expected, here is more"},
	{"1 2", "line 1, column 3: only one value was expected, here is more"},
	{"01", "line 1, column 2: only one value was expected, here is more"},
	{"nul", "line 1, column 4: the text ends too early"},
	{"[tru]", "line 1, column 2: a word that is not true, false or null"},
	{"[True]", "line 1, column 2: this character has no meaning in JSON"},
	{"['a']", "line 1, column 2: this character has no meaning in JSON"},
	{"[+1]", "line 1, column 2: this character has no meaning in JSON"},
	{"[.5]", "line 1, column 2: this character has no meaning in JSON"},
	{"NaN", "line 1, column 1: this character has no meaning in JSON"},
	{"[1.]", "line 1, column 4: a digit should follow the decimal point"},
	{"[1.e1]", "line 1, column 4: a digit should follow the decimal point"},
	{"[1e]", "line 1, column 4: a digit should follow the exponent"},
	{"[-]", "line 1, column 3: a digit should follow the minus sign"},
	{"-", "line 1, column 2: the text ends too early"},
	{"[1e999]", "line 1, column 2: this number is out of range"},
	{"-1e999", "line 1, column 1: this number is out of range"},
	{"[\n\n  \"a\tb\"]", "line 3, column 5: a control character inside a string"},
	{"\"a\\qb\"",
	 "line 1, column 4: an unknown escape: \\ stands before one of \"\\/bfnrtu"},
	{"\"\\u12g4\"", "line 1, column 6: four hexadecimal digits should follow \\u"},
	{"\"\\ud800\"", "line 1, column 2: half of a surrogate pair"},
	{"\"\\ud800x\"", "line 1, column 2: half of a surrogate pair"},
	{"\"\\ud800\\u0041\"", "line 1, column 2: half of a surrogate pair"},
	{"\"\\ud800\\ud800\"", "line 1, column 2: half of a surrogate pair"},
	{"\"\\ud83d\\n\\ude00\"", "line 1, column 2: half of a surrogate pair"},
	{"\"ab\\uDC00\"", "line 1, column 4: half of a surrogate pair"},
	{"{\"\\ud800\":1}", "line 1, column 3: half of a surrogate pair"},
	{"\"a\\u0000\"", "line 1, column 3: a string cannot hold the NUL character"},
	{"{\"a\\u0000\":1}", "line 1, column 4: a string cannot hold the NUL character"},
	{"\"\xff\"", "line 1, column 2: this byte is no UTF-8"},
	{"\"\xc3\xa9\xc0\x80\"", "line 1, column 3: this byte is no UTF-8"},
	{"[1] \xed\xa0\x80", "line 1, column 5: this byte is no UTF-8"},
	{"\xef\xbb\xbf[1]", "line 1, column 1: this character has no meaning in JSON"},
	{"[1,\v2]", "line 1, column 4: this character is no space in JSON"},
	{"[\f]", "line 1, column 2: this character is no space in JSON"},
	{"{\"a\"\v:1}", "line 1, column 5: this character is no space in JSON"},
	{"{\v\"a\":1}", "line 1, column 2: this character is no space in JSON"},
	{"1\v", "line 1, column 2: this character is no space in JSON"},
	{"[1 /* one */]", "line 1, column 4: JSON has no comments"},
	{"{\"a\":1,\"b\":2,\"a\":3}", "line 1, column 18: the key \"a\" is there twice"},
	{"{\"a\":1,\"\\u0061\":3}", "line 1, column 17: the key \"a\" is there twice"},
	{"{\"\":1,\"\":1}", "line 1, column 10: the key \"\" is there twice"},
	{"[{\"a\\nb\":1,\n\"a\\nb\":2}]", "line 2, column 8: the key \"a?b\" is there twice"},
	{"{\"0123456789012345678901234567890123456789012345678\":1,"
	 "\n\"0123456789012345678901234567890123456789012345678\":1}",
	 "line 2, column 53: the key \"01234567890123456789012345678901234567890123...\" is "
	 "there twice"},
};

START_TEST(what_is_no_json_is_refused_with_its_place)
{
	struct cube_error err = {0};
	struct json_doc doc = {0};

	ck_assert_int_eq(parse(refusals[_i].text, &doc, &err), CUBE_ERR_INVALID);
	ck_assert_int_eq(err.code, CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message, refusals[_i].message);
	ck_assert_ptr_null(doc.arena);
}
END_TEST

START_TEST(a_nul_byte_in_the_text_is_refused)
{
	struct cube_error err = {0};
	struct json_doc doc;

	ck_assert_int_eq(json_parse("[1]\0", 4, &doc, &err), CUBE_ERR_INVALID);
	ck_assert_int_eq(json_parse("\"a\0b\"", 5, &doc, &err), CUBE_ERR_INVALID);
	ck_assert_int_eq(json_parse("[\0001]", 4, &doc, &err), CUBE_ERR_INVALID);
}
END_TEST

struct number {
	const char *text;
	bool is_integer;
	int64_t integer;
	double real;
};

static const struct number numbers[] = {
	{"0", true, 0, 0},
	{"-0", true, 0, 0},
	{"7", true, 7, 7},
	{"-7", true, -7, -7},
	{"9223372036854775807", true, INT64_MAX, 9223372036854775807.0},
	{"-9223372036854775808", true, INT64_MIN, -9223372036854775808.0},
	{"9223372036854775808", false, 0, 9223372036854775808.0},
	{"-9223372036854775809", false, 0, -9223372036854775808.0},
	{"18446744073709551616", false, 0, 18446744073709551616.0},
	{"9007199254740993", true, INT64_C(9007199254740993), 9007199254740992.0},
	{"0.1", false, 0, 0.1},
	{"-0.5", false, 0, -0.5},
	{"2.50", false, 0, 2.5},
	{"3.0", true, 3, 3},
	{"1e3", true, 1000, 1000},
	{"1E+3", true, 1000, 1000},
	{"15e-1", false, 0, 1.5},
	{"1e300", false, 0, 1e300},
	{"0.1000000000000000055511151231257827", false, 0, 0.1},
	{"123456789012345678901234567890", false, 0, 123456789012345678901234567890.0},
	{"0.30000000000000004", false, 0, 0.30000000000000004},
	{"1.7976931348623157e308", false, 0, DBL_MAX},
	{"5e-324", false, 0, 5e-324},
	{"1e-999", true, 0, 0},
	{"0.00000000000000000000000000000001", false, 0, 1e-32},
};

START_TEST(a_number_is_read_exactly)
{
	const struct number *number = &numbers[_i];
	struct json_doc doc;
	char wrapped[100];
	int inside;

	/* At the very end of the text, and not. */
	for (inside = 0; inside < 2; inside++) {
		const struct json_value *value;

		(void)snprintf(wrapped, sizeof(wrapped), inside ? " [%s , 1]" : "  %s",
			       number->text);
		must_parse(wrapped, &doc);
		value = inside ? doc.root->as.first : doc.root;
		ck_assert_int_eq(value->type, JSON_NUMBER);
		ck_assert_uint_eq(value->offset, 2);
		ck_assert_int_eq(value->as.number.is_integer, number->is_integer);
		if (number->is_integer)
			ck_assert_int_eq(value->as.number.integer, number->integer);
		ck_assert(value->as.number.real == number->real);
		json_release(&doc);
	}
}
END_TEST

START_TEST(a_number_of_too_many_digits_is_refused)
{
	static char text[5000];
	struct cube_error err;
	struct json_doc doc;

	memset(text, '1', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(parse(text, &doc, &err), CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message,
			 "line 1, column 1: this number is longer than 1024 characters");
}
END_TEST

struct string {
	const char *text;
	const char *read;
};

static const struct string strings[] = {
	{"\"\"", ""},
	{"\"plain\"", "plain"},
	{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
	{"\"\\u0041\\u00e9\\u20ac\"", "A\xc3\xa9\xe2\x82\xac"},
	{"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"},
	{"\"\\uDBFF\\uDFFF.\"", "\xf4\x8f\xbf\xbf."},
	{"\"caf\xc3\xa9 \x7f\"", "caf\xc3\xa9 \x7f"},
	{"\"\\\\u0000\"", "\\u0000"},
};

START_TEST(a_string_is_read_with_its_escapes)
{
	struct json_doc doc;

	must_parse(strings[_i].text, &doc);
	ck_assert_int_eq(doc.root->type, JSON_STRING);
	ck_assert_str_eq(doc.root->as.string.text, strings[_i].read);
	ck_assert_uint_eq(doc.root->as.string.size, strlen(strings[_i].read));
	json_release(&doc);
}
END_TEST

START_TEST(a_tree_has_the_shape_and_the_places_of_its_text)
{
	const char *text = "{ \"a\": [1, true, null, {}],\n  \"b\" : \"x\" , \"c\":false}";
	const struct json_value *a, *b, *c, *one;
	struct json_doc doc;

	must_parse(text, &doc);
	ck_assert_int_eq(doc.root->type, JSON_OBJECT);
	ck_assert_uint_eq(doc.root->count, 3);
	ck_assert_ptr_null(doc.root->parent);
	ck_assert_ptr_null(doc.root->next);
	ck_assert_ptr_null(doc.root->key);
	a = doc.root->as.first;
	b = a->next;
	c = b->next;
	ck_assert_ptr_null(c->next);
	ck_assert_str_eq(a->key, "a");
	ck_assert_str_eq(b->key, "b");
	ck_assert_str_eq(c->key, "c");
	ck_assert_ptr_eq(b->parent, doc.root);
	ck_assert_uint_eq(a->offset, (size_t)(strchr(text, '[') - text));
	ck_assert_uint_eq(b->offset, (size_t)(strstr(text, "\"x") - text));
	ck_assert_uint_eq(c->offset, (size_t)(strstr(text, "false") - text));
	ck_assert_int_eq(c->type, JSON_BOOL);
	ck_assert(!c->as.boolean);
	ck_assert_uint_eq(a->count, 4);
	one = a->as.first;
	ck_assert_ptr_null(one->key);
	ck_assert_ptr_eq(one->parent, a);
	ck_assert_int_eq(one->next->type, JSON_BOOL);
	ck_assert(one->next->as.boolean);
	ck_assert_int_eq(one->next->next->type, JSON_NULL);
	ck_assert_int_eq(one->next->next->next->type, JSON_OBJECT);
	ck_assert_uint_eq(one->next->next->next->count, 0);
	ck_assert_ptr_null(one->next->next->next->as.first);
	json_release(&doc);
	ck_assert_ptr_null(doc.root);
	json_release(&doc);
}
END_TEST

/* depth opening brackets, and as many closing ones. */
static char *
nested(size_t depth, const char *open, const char *shut)
{
	struct buf buf = BUF_INIT(1000000);
	size_t i;

	for (i = 0; i < depth; i++)
		buf_append_text(&buf, open);
	buf_append_text(&buf, "1");
	for (i = 0; i < depth; i++)
		buf_append_text(&buf, shut);
	return buf_take(&buf, NULL);
}

START_TEST(nesting_is_read_to_its_limit_and_no_deeper)
{
	char *fits = nested(JSON_DEPTH_MAX, "{\"a\":", "}");
	char *deep = nested(JSON_DEPTH_MAX + 1, "[", "]");
	char *huge = nested(100000, "[", "]");
	struct cube_error err;
	struct json_doc doc;

	must_parse(fits, &doc);
	json_release(&doc);
	ck_assert_int_eq(parse(deep, &doc, &err), CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message, "line 1, column 33: nested deeper than 32 levels");
	ck_assert_int_eq(parse(huge, &doc, &err), CUBE_ERR_INVALID);
	free(fits);
	free(deep);
	free(huge);
}
END_TEST

/* A string literal of size bytes once it is read; each of them written as unit. */
static char *
long_string(const char *unit, size_t size, const char *before, const char *after)
{
	struct buf buf = BUF_INIT(10000000);
	size_t i;

	buf_append_text(&buf, before);
	for (i = 0; i < size; i++)
		buf_append_text(&buf, unit);
	buf_append_text(&buf, after);
	return buf_take(&buf, NULL);
}

START_TEST(strings_are_read_to_their_limit_and_no_longer)
{
	static const char *const units[] = {"x", "\\u0078"};
	struct cube_error err;
	struct json_doc doc;
	int i;

	for (i = 0; i < 2; i++) {
		char *fits = long_string(units[i], JSON_STRING_MAX, " [\"", "\"]");
		char *over = long_string(units[i], JSON_STRING_MAX + 1, " [\"", "\"]");
		char *key = long_string(units[i], JSON_STRING_MAX + 1, " {\"", "\":1}");
		char *huge = long_string(units[i], 1000000, " [\"", "\"]");
		char *open = long_string(units[i], 1000000, " [\"", "");

		must_parse(fits, &doc);
		ck_assert_uint_eq(doc.root->as.first->as.string.size, JSON_STRING_MAX);
		json_release(&doc);
		ck_assert_int_eq(parse(over, &doc, &err), CUBE_ERR_INVALID);
		ck_assert_str_eq(err.message,
				 "line 1, column 3: this string is longer than 65536 bytes");
		ck_assert_int_eq(parse(key, &doc, &err), CUBE_ERR_INVALID);
		ck_assert_int_eq(parse(huge, &doc, &err), CUBE_ERR_INVALID);
		ck_assert_str_eq(err.message,
				 "line 1, column 3: this string is longer than 65536 bytes");
		ck_assert_int_eq(parse(open, &doc, &err), CUBE_ERR_INVALID);
		ck_assert_str_eq(err.message,
				 "line 1, column 3: this string is longer than 65536 bytes");
		free(fits);
		free(over);
		free(key);
		free(huge);
		free(open);
	}
}
END_TEST

/* An object of count keys; the last one is the same as key number same. */
static char *
many_keys(int count, int same)
{
	struct buf buf = BUF_INIT(10000000);
	int i;

	for (i = 0; i < count; i++)
		buf_printf(&buf, "%s\"key%d\":%d", i == 0 ? "{" : ",", i, i);
	if (same >= 0)
		buf_printf(&buf, ",\"key%d\":0", same);
	buf_append_text(&buf, "}");
	return buf_take(&buf, NULL);
}

START_TEST(a_key_that_comes_twice_is_found_among_any_number)
{
	static const int counts[] = {1, 2, 8, 62, 63, 64, 65, 66, 1000, 50000};
	size_t i;

	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		int places[] = {0, counts[i] / 2, counts[i] - 1};
		char *good = many_keys(counts[i], -1);
		struct cube_error err;
		struct json_doc doc;
		char expected[64];
		int j;

		must_parse(good, &doc);
		ck_assert_uint_eq(doc.root->count, (unsigned int)counts[i]);
		json_release(&doc);
		free(good);
		for (j = 0; j < 3; j++) {
			char *bad = many_keys(counts[i], places[j]);

			ck_assert_int_eq(parse(bad, &doc, &err), CUBE_ERR_INVALID);
			(void)snprintf(expected, sizeof(expected),
				       "column %zu: the key \"key%d\" is there twice",
				       strlen(bad) - 1, places[j]);
			ck_assert_msg(strstr(err.message, expected) != NULL, "%s", err.message);
			free(bad);
		}
	}
}
END_TEST

START_TEST(a_text_of_nothing_but_commas_cannot_cost_much_memory)
{
	char *dense = long_string("1,", 100000, "[", "1]");
	char *usual = long_string("\"FOO=bar\",", 100000, "[", "1]");
	struct cube_error err;
	struct json_doc doc;

	ck_assert_int_eq(parse(dense, &doc, &err), CUBE_ERR_INVALID);
	ck_assert_msg(strstr(err.message, "too many values for a text of 200003 bytes") != NULL,
		      "%s", err.message);
	must_parse(usual, &doc);
	ck_assert_uint_eq(doc.root->count, 100001);
	json_release(&doc);
	free(dense);
	free(usual);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("json_parse");
	TCase *tc = tcase_create("json_parse");

	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, what_is_no_json_is_refused_with_its_place, 0,
			    COUNT_OF(refusals));
	tcase_add_test(tc, a_nul_byte_in_the_text_is_refused);
	tcase_add_loop_test(tc, a_number_is_read_exactly, 0, COUNT_OF(numbers));
	tcase_add_test(tc, a_number_of_too_many_digits_is_refused);
	tcase_add_loop_test(tc, a_string_is_read_with_its_escapes, 0, COUNT_OF(strings));
	tcase_add_test(tc, a_tree_has_the_shape_and_the_places_of_its_text);
	tcase_add_test(tc, nesting_is_read_to_its_limit_and_no_deeper);
	tcase_add_test(tc, strings_are_read_to_their_limit_and_no_longer);
	tcase_add_test(tc, a_key_that_comes_twice_is_found_among_any_number);
	tcase_add_test(tc, a_text_of_nothing_but_commas_cannot_cost_much_memory);
	suite_add_tcase(s, tc);
	return s;
}

CHECK_MAIN(suite)
