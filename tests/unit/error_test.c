/* tests/unit/error_test.c - wrapping and naming errors. */
#include "base/error.h"

#include "base/utf8.h"
#include "check_main.h"

#include <string.h>

START_TEST(wrapping_puts_what_was_done_in_front)
{
	struct cube_error err;

	(void)cube_fail(&err, CUBE_ERR_NOT_FOUND, 2, "no such file");
	ck_assert_int_eq(error_wrap(&err, "open %s", "/x"), CUBE_ERR_NOT_FOUND);
	ck_assert_str_eq(err.message, "open /x: no such file");
	ck_assert_int_eq(err.code, CUBE_ERR_NOT_FOUND);
	ck_assert_int_eq(err.sys_errno, 2);
}
END_TEST

START_TEST(a_message_that_does_not_fit_keeps_its_front_and_whole_characters)
{
	struct cube_error err;
	char long_text[400];
	size_t i;

	/* Two bytes a character: an odd front makes the cut fall into one. */
	for (i = 0; i + 1 < sizeof(long_text); i += 2)
		memcpy(long_text + i, "\xc3\xa9", 2);
	long_text[sizeof(long_text) - 1] = '\0';
	long_text[sizeof(long_text) - 2] = '\0';
	for (i = 0; i < 4; i++) {
		(void)cube_fail(&err, CUBE_ERR_INTERNAL, 0, "%s", long_text);
		ck_assert_int_eq(error_wrap(&err, "%.*s", (int)i, "abcd"), CUBE_ERR_INTERNAL);
		ck_assert_uint_eq(utf8_valid_prefix(err.message, strlen(err.message)),
				  strlen(err.message));
		ck_assert_uint_ge(strlen(err.message), sizeof(err.message) - 3);
		ck_assert(strncmp(err.message, "abcd", i) == 0);
	}
}
END_TEST

START_TEST(a_front_that_fills_the_message_leaves_no_room_for_the_rest)
{
	struct cube_error err;
	char front[300];

	memset(front, 'f', sizeof(front));
	front[sizeof(front) - 1] = '\0';
	(void)cube_fail(&err, CUBE_ERR_INVALID, 0, "rest");
	ck_assert_int_eq(error_wrap(&err, "%s", front), CUBE_ERR_INVALID);
	ck_assert_uint_eq(strlen(err.message), sizeof(err.message) - 1);
	ck_assert_ptr_null(strchr(err.message, 'r'));
}
END_TEST

START_TEST(each_code_has_a_name_of_its_own)
{
	int a, b;

	for (a = CUBE_ERR_INTERNAL; a <= 0; a++) {
		ck_assert_str_ne(error_code_name(a), "unknown");
		for (b = CUBE_ERR_INTERNAL; b < a; b++)
			ck_assert_str_ne(error_code_name(a), error_code_name(b));
	}
	ck_assert_str_eq(error_code_name(CUBE_ERR_NOT_FOUND), "not-found");
	ck_assert_str_eq(error_code_name(-99), "unknown");
	ck_assert_str_eq(error_code_name(1), "unknown");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("error");
	TCase *tc = tcase_create("error");

	tcase_add_test(tc, wrapping_puts_what_was_done_in_front);
	tcase_add_test(tc, a_message_that_does_not_fit_keeps_its_front_and_whole_characters);
	tcase_add_test(tc, a_front_that_fills_the_message_leaves_no_room_for_the_rest);
	tcase_add_test(tc, each_code_has_a_name_of_its_own);
	suite_add_tcase(s, tc);
	return s;
}

CHECK_MAIN(suite)
