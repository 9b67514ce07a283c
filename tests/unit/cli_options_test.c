/* tests/unit/cli_options_test.c - command lines and the environment against a table. */
#include "check_main.h"
#include "common/options.h"

#include <stdlib.h>
#include <string.h>

static const struct cli_option table[] = {
	{.name = "port",
	 .letter = 'p',
	 .arg = "PORT",
	 .env = "CLI_TEST_PORT",
	 .fallback = "80"},
	{.name = "env", .letter = 'e', .arg = "K=V", .env = "CLI_TEST_ENV", .repeats = true},
	{.name = "wait", .letter = 'w', .arg = "running|done", .optional = "done"},
	{.name = "all", .letter = 'a', .env = "CLI_TEST_ALL", .help = "all of them"},
	{.name = "time", .arg = "TIME", .env = "CLI_TEST_TIME"},
	{.name = NULL},
};

static const struct cli_program program = {
	.name = "test", .summary = "tests", .operands = "WORD...", .options = table};
static const struct cli_program runs = {
	.name = "runs", .operands = "IMAGE ARG...", .operands_end = true, .options = table};
static const struct cli_program bare = {.name = "bare", .options = table};

static struct cli_values *values;
static struct cube_error err;

static void
setup(void)
{
	unsetenv("CLI_TEST_PORT");
	unsetenv("CLI_TEST_ENV");
	unsetenv("CLI_TEST_ALL");
	unsetenv("CLI_TEST_TIME");
	values = NULL;
}

static void
teardown(void)
{
	cli_values_free(values);
}

/* words: one line, split at blanks. */
static int
parse(const struct cli_program *what, const char *words)
{
	static char line[256];
	static char *argv[32];
	char *rest = line;
	int argc = 0;

	(void)snprintf(line, sizeof(line), "%s", words);
	for (char *word = strsep(&rest, " "); word != NULL; word = strsep(&rest, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	cli_values_free(values);
	values = NULL;
	return cli_parse(what, argc, argv, &values, &err);
}

START_TEST(a_value_stands_behind_an_equals_sign_or_as_the_next_word)
{
	static const char *const lines[] = {"test --port=8080", "test --port 8080",
					    "test -p 8080", "test -p8080",
					    "test --port=1 --port=8080"};
	int64_t port = 0;

	ck_assert_int_eq(parse(&program, lines[_i]), 0);
	ck_assert_str_eq(cli_text(values, "port"), "8080");
	ck_assert(cli_given(values, "port"));
	ck_assert_int_eq(cli_number(values, "port", 1, 65535, &port, &err), 0);
	ck_assert_int_eq(port, 8080);
}
END_TEST

START_TEST(the_line_counts_more_than_the_environment_and_that_more_than_the_default)
{
	ck_assert_int_eq(parse(&program, "test"), 0);
	ck_assert_str_eq(cli_text(values, "port"), "80");
	ck_assert(!cli_given(values, "port"));
	setenv("CLI_TEST_PORT", "90", 1);
	ck_assert_int_eq(parse(&program, "test"), 0);
	ck_assert_str_eq(cli_text(values, "port"), "90");
	ck_assert(cli_given(values, "port"));
	ck_assert_int_eq(parse(&program, "test -p 70"), 0);
	ck_assert_str_eq(cli_text(values, "port"), "70");
	setenv("CLI_TEST_PORT", "", 1);
	ck_assert_int_eq(parse(&program, "test"), 0);
	ck_assert_str_eq(cli_text(values, "port"), "80");
}
END_TEST

START_TEST(a_repeated_option_keeps_all_and_the_environment_lists_them_with_blanks)
{
	const char *const *list;
	size_t count;

	ck_assert_int_eq(parse(&program, "test -e a=1 --env=b=2 -ec=3"), 0);
	list = cli_list(values, "env", &count);
	ck_assert_uint_eq(count, 3);
	ck_assert_str_eq(list[0], "a=1");
	ck_assert_str_eq(list[1], "b=2");
	ck_assert_str_eq(list[2], "c=3");
	ck_assert_ptr_null(list[3]);
	setenv("CLI_TEST_ENV", "  x=1   y=2 ", 1);
	ck_assert_int_eq(parse(&program, "test"), 0);
	list = cli_list(values, "env", &count);
	ck_assert_uint_eq(count, 2);
	ck_assert_str_eq(list[0], "x=1");
	ck_assert_str_eq(list[1], "y=2");
	ck_assert_int_eq(parse(&program, "test -e z=3"), 0);
	list = cli_list(values, "env", &count);
	ck_assert_uint_eq(count, 1);
	ck_assert_str_eq(list[0], "z=3");
}
END_TEST

START_TEST(an_optional_value_never_takes_the_next_word)
{
	size_t count;

	ck_assert_int_eq(parse(&program, "test --wait nginx"), 0);
	ck_assert_str_eq(cli_text(values, "wait"), "done");
	ck_assert_str_eq(cli_operands(values, &count)[0], "nginx");
	ck_assert_int_eq(parse(&program, "test --wait=running -w"), 0);
	ck_assert_str_eq(cli_text(values, "wait"), "done");
	ck_assert_int_eq(parse(&program, "test --wait=running"), 0);
	ck_assert_str_eq(cli_text(values, "wait"), "running");
	ck_assert_int_eq(parse(&program, "test"), 0);
	ck_assert_ptr_null(cli_text(values, "wait"));
}
END_TEST

START_TEST(switches_may_stand_together_and_be_turned_off_by_the_environment)
{
	ck_assert_int_eq(parse(&program, "test -aw"), 0);
	ck_assert(cli_flag(values, "all"));
	ck_assert(cli_given(values, "wait"));
	setenv("CLI_TEST_ALL", "1", 1);
	ck_assert_int_eq(parse(&program, "test"), 0);
	ck_assert(cli_flag(values, "all"));
	setenv("CLI_TEST_ALL", "no", 1);
	ck_assert_int_eq(parse(&program, "test"), 0);
	ck_assert(!cli_flag(values, "all"));
}
END_TEST

START_TEST(two_dashes_end_the_options_and_one_is_an_operand)
{
	size_t count;
	const char *const *words;

	ck_assert_int_eq(parse(&program, "test x -a - -- -p --all"), 0);
	words = cli_operands(values, &count);
	ck_assert_uint_eq(count, 4);
	ck_assert_str_eq(words[1], "-");
	ck_assert_str_eq(words[2], "-p");
	ck_assert(cli_flag(values, "all"));
}
END_TEST

START_TEST(behind_an_image_all_is_its_own)
{
	size_t count;
	const char *const *words;

	ck_assert_int_eq(parse(&runs, "runs -p 1 busybox -p 2 --frob"), 0);
	words = cli_operands(values, &count);
	ck_assert_uint_eq(count, 4);
	ck_assert_str_eq(words[3], "--frob");
	ck_assert_str_eq(cli_text(values, "port"), "1");
}
END_TEST

struct refusal {
	const struct cli_program *program;
	const char *line, *message;
};

static const struct refusal refusals[] = {
	{&program, "test --prot=1", "unknown option --prot: see test --help"},
	{&program, "test --por=1", "unknown option --por: see test --help"},
	{&program, "test -x", "unknown option -x: see test --help"},
	{&program, "test -ax", "unknown option -x: see test --help"},
	{&program, "test --port", "--port needs a value: PORT"},
	{&program, "test -p", "-p needs a value: PORT"},
	{&program, "test --all=yes", "--all takes no value"},
	{&bare, "bare word", "unexpected argument word: see bare --help"},
};

START_TEST(a_line_that_does_not_fit_is_refused_in_words)
{
	ck_assert_int_eq(parse(refusals[_i].program, refusals[_i].line), CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message, refusals[_i].message);
	ck_assert_ptr_null(values);
}
END_TEST

START_TEST(a_number_is_whole_and_in_its_range)
{
	static const char *const bad[] = {"0", "65536", "1x",
					  "x", "1.5",   "99999999999999999999"};
	char line[64];
	int64_t port = 7;

	(void)snprintf(line, sizeof(line), "test --port=%s", bad[_i]);
	ck_assert_int_eq(parse(&program, line), 0);
	ck_assert_int_eq(cli_number(values, "port", 1, 65535, &port, &err), CUBE_ERR_INVALID);
	(void)snprintf(line, sizeof(line), "--port %s: must be a number from 1 to 65535",
		       bad[_i]);
	ck_assert_str_eq(err.message, line);
	ck_assert_int_eq(port, 7);
}
END_TEST

START_TEST(what_came_from_the_environment_is_named_so)
{
	int64_t port = 7;
	uint64_t ms = 7;

	setenv("CLI_TEST_PORT", "many", 1);
	setenv("CLI_TEST_TIME", "long", 1);
	ck_assert_int_eq(parse(&program, "test"), 0);
	ck_assert_int_eq(cli_number(values, "port", 1, 9, &port, &err), CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message, "$CLI_TEST_PORT many: must be a number from 1 to 9");
	ck_assert_int_eq(cli_duration(values, "time", 0, 1000, &ms, &err), CUBE_ERR_INVALID);
	ck_assert_int_eq(strncmp(err.message, "$CLI_TEST_TIME long: ", 21), 0);
}
END_TEST

struct duration {
	const char *text;
	uint64_t ms; /* UINT64_MAX: refused */
};

static const struct duration durations[] = {
	{"30", 30000},      {"30s", 30000},      {"500ms", 500},      {"5m", 300000},
	{"1h", 3600000},    {"1.5s", 1500},      {"0", UINT64_MAX},   {"2h", UINT64_MAX},
	{"-1", UINT64_MAX}, {"nan", UINT64_MAX}, {"inf", UINT64_MAX}, {"", UINT64_MAX},
	{"5d", UINT64_MAX}, {"s", UINT64_MAX},
};

START_TEST(a_duration_is_in_seconds_or_says_its_unit)
{
	char line[64];
	uint64_t ms = 7;
	bool fits = durations[_i].ms != UINT64_MAX;

	(void)snprintf(line, sizeof(line), "test --time=%s", durations[_i].text);
	ck_assert_int_eq(parse(&program, line), 0);
	ck_assert_int_eq(cli_duration(values, "time", 1, 3600000, &ms, &err),
			 fits ? 0 : CUBE_ERR_INVALID);
	ck_assert_uint_eq(ms, fits ? durations[_i].ms : 7);
}
END_TEST

START_TEST(help_wraps_at_80_columns_and_tells_defaults_and_variables)
{
	static const struct cli_option long_table[] = {
		{.name = "a-very-long-option-name",
		 .arg = "VALUE",
		 .fallback = "9",
		 .env = "CLI_X",
		 .help = "one two three four five six seven eight nine ten eleven twelve "
			 "thirteen fourteen"},
		{.name = "wait", .letter = 'w', .arg = "X|Y", .optional = "X", .help = "wait"},
		{.name = NULL},
	};
	const struct cli_program what = {
		.name = "prog",
		.summary = "does",
		.operands = "[A]",
		.options = long_table,
		.notes = "First words that are long enough to have to be wrapped somewhere "
			 "before the edge of it.\n\nSecond paragraph."};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	cli_help(&what, out);
	(void)fclose(out);
	for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
		ck_assert_uint_le(strcspn(line, "\n"), 80);
	ck_assert_ptr_nonnull(strstr(text, "prog - does\n\nUsage: prog [OPTION...] [A]\n"));
	ck_assert_ptr_nonnull(strstr(text, "      --a-very-long-option-name VALUE\n"
					   "                          one two"));
	ck_assert_ptr_nonnull(strstr(text, "fourteen [9]\n"));
	ck_assert_ptr_nonnull(strstr(text, "$CLI_X\n"));
	ck_assert_ptr_nonnull(strstr(text, "  -w, --wait[=X|Y]        wait\n"));
	ck_assert_ptr_nonnull(strstr(text, "\n\nSecond paragraph.\n"));
	free(text);
}
END_TEST

static Suite *
suite_make(void)
{
	Suite *suite = suite_create("cli_options");
	TCase *tests = tcase_create("options");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, a_value_stands_behind_an_equals_sign_or_as_the_next_word, 0,
			    5);
	tcase_add_test(
		tests,
		the_line_counts_more_than_the_environment_and_that_more_than_the_default);
	tcase_add_test(tests,
		       a_repeated_option_keeps_all_and_the_environment_lists_them_with_blanks);
	tcase_add_test(tests, an_optional_value_never_takes_the_next_word);
	tcase_add_test(tests, switches_may_stand_together_and_be_turned_off_by_the_environment);
	tcase_add_test(tests, two_dashes_end_the_options_and_one_is_an_operand);
	tcase_add_test(tests, behind_an_image_all_is_its_own);
	tcase_add_loop_test(tests, a_line_that_does_not_fit_is_refused_in_words, 0,
			    (int)(sizeof(refusals) / sizeof(refusals[0])));
	tcase_add_loop_test(tests, a_number_is_whole_and_in_its_range, 0, 6);
	tcase_add_test(tests, what_came_from_the_environment_is_named_so);
	tcase_add_loop_test(tests, a_duration_is_in_seconds_or_says_its_unit, 0,
			    (int)(sizeof(durations) / sizeof(durations[0])));
	tcase_add_test(tests, help_wraps_at_80_columns_and_tells_defaults_and_variables);
	suite_add_tcase(suite, tests);
	return suite;
}

CHECK_MAIN(suite_make)
