/* tests/unit/options_test.c - KEY=VALUE pairs against a plugin's table. */
#include "check_main.h"
#include "plugin/options.h"

#include <string.h>

static const struct cube_option table[] = {
	{"path", NULL, "the file"},
	{"mode", "slow", "slow or fast"},
	{NULL, NULL, NULL},
};

static int
resolve(const char *const *pairs, size_t count, const char ***values, struct cube_error *err)
{
	*values = NULL;
	return options_resolve("sqlite", "--store-opt", table, pairs, count, values, err);
}

START_TEST(values_stand_in_the_order_of_the_table_with_defaults_filled_in)
{
	char pair[] = "path=/a=b";
	const char *pairs[] = {pair};
	const char **values;
	struct cube_error err;

	ck_assert_int_eq(resolve(pairs, 1, &values, &err), 0);
	pair[5] = '!'; /* the values are copies */
	ck_assert_str_eq(values[0], "/a=b");
	ck_assert_str_eq(values[1], "slow");
	ck_assert_ptr_null(values[2]);
	free(values);
}
END_TEST

START_TEST(the_last_of_a_key_counts_and_a_value_may_be_empty)
{
	const char *pairs[] = {"path=x", "mode=fast", "mode=", "path=y"};
	const char **values;
	struct cube_error err;

	ck_assert_int_eq(resolve(pairs, 4, &values, &err), 0);
	ck_assert_str_eq(values[0], "y");
	ck_assert_str_eq(values[1], "");
	free(values);
}
END_TEST

START_TEST(an_unknown_key_is_refused_with_those_that_exist)
{
	const char *pairs[] = {"path=x", "pat=y"};
	const char **values;
	struct cube_error err;

	ck_assert_int_eq(resolve(pairs, 2, &values, &err), CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message, "--store-opt pat=y: sqlite has no option \"pat\"; "
				      "it has: path, mode");
	ck_assert_ptr_null(values);
	ck_assert_int_eq(
		options_resolve("memory", "--store-opt", NULL, pairs, 1, &values, &err),
		CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message, "--store-opt path=x: memory has no option \"path\"; "
				      "it takes none");
}
END_TEST

START_TEST(a_pair_without_a_key_or_an_equals_sign_is_refused)
{
	const char *bad[] = {"path", "=x", ""};

	for (size_t i = 0; i < 3; i++) {
		const char **values;
		struct cube_error err;

		ck_assert_int_eq(resolve(&bad[i], 1, &values, &err), CUBE_ERR_INVALID);
		ck_assert_ptr_nonnull(strstr(err.message, "wants KEY=VALUE"));
	}
}
END_TEST

START_TEST(a_required_option_that_is_missing_is_named)
{
	const char *pairs[] = {"mode=fast"};
	const char **values;
	struct cube_error err;

	ck_assert_int_eq(resolve(pairs, 1, &values, &err), CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message, "sqlite needs --store-opt path=VALUE (the file)");
}
END_TEST

START_TEST(a_plugin_without_a_table_gets_an_empty_array)
{
	const char **values = NULL;
	struct cube_error err;

	ck_assert_int_eq(options_resolve("memory", "--store-opt", NULL, NULL, 0, &values, &err),
			 0);
	ck_assert_ptr_nonnull(values);
	ck_assert_ptr_null(values[0]);
	free(values);
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("options");
	TCase *tcase = tcase_create("options");

	tcase_add_test(tcase, values_stand_in_the_order_of_the_table_with_defaults_filled_in);
	tcase_add_test(tcase, the_last_of_a_key_counts_and_a_value_may_be_empty);
	tcase_add_test(tcase, an_unknown_key_is_refused_with_those_that_exist);
	tcase_add_test(tcase, a_pair_without_a_key_or_an_equals_sign_is_refused);
	tcase_add_test(tcase, a_required_option_that_is_missing_is_named);
	tcase_add_test(tcase, a_plugin_without_a_table_gets_an_empty_array);
	suite_add_tcase(made, tcase);
	return made;
}

CHECK_MAIN(suite)
