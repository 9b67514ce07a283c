/* tests/unit/decimal_test.c - decimal numbers of options: what is one, and what it is. */
#include "base/decimal.h"
#include "check_main.h"

#include <string.h>

START_TEST(a_number_is_the_nearest_to_what_was_written)
{
	static const struct {
		const char *text;
		double number;
	} cases[] = {
		{"0", 0},
		{"7", 7},
		{"007", 7},
		{"1.5", 1.5},
		{"0.1", 0.1},
		{"0.30", 0.3},
		{"1.53960071783900", 1.539600717839},
		{"999999999999999", 999999999999999.0},
		{"0.00000000000001", 1e-14},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double number = -1;

		ck_assert_msg(decimal_read(cases[i].text, &number), "%s", cases[i].text);
		ck_assert_msg(number == cases[i].number, "%s is %.17g", cases[i].text, number);
	}
}
END_TEST

START_TEST(what_is_no_plain_number_is_refused_and_changes_nothing)
{
	static const char *const texts[] = {
		"",    " 1",  "1 ",  "-1",  "+1",  ".5",       "5.", "1..2", "1.2.",
		"1e3", "0x1", "nan", "inf", "1,5", "\xd9\xa1", "1.", ".",    "1234567890123456",
		"one",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		double number = -1;

		ck_assert_msg(!decimal_read(texts[i], &number), "'%s'", texts[i]);
		ck_assert_double_eq(number, -1);
	}
}
END_TEST

START_TEST(an_option_is_held_to_its_bounds_and_the_message_says_them)
{
	struct cube_error err;
	double number = -1;

	ck_assert_int_eq(decimal_option("base", "2", 2, 100, &number, &err), 0);
	ck_assert_double_eq(number, 2);
	ck_assert_int_eq(decimal_option("base", "100", 2, 100, &number, &err), 0);
	ck_assert_double_eq(number, 100);
	ck_assert_int_eq(decimal_option("base", "1.99", 2, 100, &number, &err),
			 CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message, "base=1.99: wants a number from 2 to 100");
	ck_assert_int_eq(decimal_option("base", "100.1", 2, 100, &number, &err),
			 CUBE_ERR_INVALID);
	ck_assert_int_eq(decimal_option("base", "ten", 1.1, 1e6, &number, &err),
			 CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message, "base=ten: wants a number from 1.1 to 1000000");
	ck_assert_double_eq(number, 100);
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("decimal");
	TCase *tests = tcase_create("decimal");

	tcase_add_test(tests, a_number_is_the_nearest_to_what_was_written);
	tcase_add_test(tests, what_is_no_plain_number_is_refused_and_changes_nothing);
	tcase_add_test(tests, an_option_is_held_to_its_bounds_and_the_message_says_them);
	suite_add_tcase(made, tests);
	return made;
}

CHECK_MAIN(suite)
