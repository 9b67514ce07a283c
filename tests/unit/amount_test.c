/* tests/unit/amount_test.c - numbers with units, in and out. */
#include "base/amount.h"
#include "check_main.h"

#include <stdint.h>
#include <string.h>

START_TEST(a_number_ends_where_its_unit_begins)
{
	double number = -1;

	ck_assert_str_eq(amount_number("12.5m", &number), "m");
	ck_assert_double_eq(number, 12.5);
	ck_assert_str_eq(amount_number("7", &number), "");
	ck_assert_str_eq(amount_number(".5", &number), "");
	ck_assert_double_eq(number, 0.5);
	ck_assert_str_eq(amount_number("1.2.3", &number), ".3");
	ck_assert_str_eq(amount_number("1e3", &number), "e3");
	ck_assert_double_eq(number, 1);
	ck_assert_str_eq(amount_number("0x10", &number), "x10");
	ck_assert_ptr_null(amount_number("", &number));
	ck_assert_ptr_null(amount_number(".", &number));
	ck_assert_ptr_null(amount_number("-1", &number));
	ck_assert_ptr_null(amount_number(" 1", &number));
	ck_assert_ptr_null(amount_number("123456789012345678901234567890123", &number));
}
END_TEST

static const struct {
	const char *text;
	double bytes; /* negative: it is none */
} amounts[] = {
	{"0", 0},
	{"512", 512},
	{"512b", 512},
	{"1k", 1024},
	{"1KB", 1024},
	{"1KiB", 1024},
	{"1.5m", 1.5 * 1048576},
	{"2G", 2147483648.0},
	{"1t", 1099511627776.0},
	{"1x", -1},
	{"1kx", -1},
	{"1kib2", -1},
	{"k", -1},
	{"", -1},
	{"1 k", -1},
	{"1mi", -1},
};

START_TEST(units_are_powers_of_1024)
{
	double bytes = -1;
	int rc = amount_bytes(amounts[_i].text, &bytes);

	ck_assert_msg((rc == 0) == (amounts[_i].bytes >= 0), "%s", amounts[_i].text);
	ck_assert_double_eq(bytes, amounts[_i].bytes);
}
END_TEST

static const struct {
	int64_t bytes;
	const char *text;
} shown[] = {
	{0, "0 bytes"},
	{1023, "1023 bytes"},
	{1024, "1 KiB"},
	{1536, "1.5 KiB"},
	{INT64_C(512) << 20, "512 MiB"},
	{INT64_C(3) << 29, "1.5 GiB"},
	{INT64_C(5) << 40, "5 TiB"},
	{INT64_C(5) << 50, "5120 TiB"},
};

START_TEST(the_largest_unit_of_which_there_is_one_is_shown)
{
	struct buf out = BUF_INIT(64);

	amount_add_bytes(&out, shown[_i].bytes);
	ck_assert_str_eq(buf_text(&out), shown[_i].text);
	buf_release(&out);
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("amount");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, a_number_ends_where_its_unit_begins);
	tcase_add_loop_test(tcase, units_are_powers_of_1024, 0,
			    (int)(sizeof(amounts) / sizeof(amounts[0])));
	tcase_add_loop_test(tcase, the_largest_unit_of_which_there_is_one_is_shown, 0,
			    (int)(sizeof(shown) / sizeof(shown[0])));
	suite_add_tcase(made, tcase);
	return made;
}

CHECK_MAIN(suite)
