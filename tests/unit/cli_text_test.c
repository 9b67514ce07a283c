/* tests/unit/cli_text_test.c - what the command line makes of people's amounts and ports, and
 * of strangers' text on its way to a terminal. */
#include "check_main.h"
#include "common/clean.h"
#include "common/units.h"
#include "cube/ports.h"
#include "cube/table.h"
#include "cube/wait.h"

#include <stdlib.h>
#include <string.h>

static struct cube_error err;

/* ---- room ---- */

START_TEST(text_that_is_too_long_shows_that_there_is_more)
{
	char out[8];

	text_shorten("", out, sizeof(out));
	ck_assert_str_eq(out, "");
	text_shorten("1234567", out, sizeof(out));
	ck_assert_str_eq(out, "1234567");
	text_shorten("12345678", out, sizeof(out));
	ck_assert_str_eq(out, "1234...");
	text_shorten("123\u00e9456", out, sizeof(out)); /* of two bytes */
	ck_assert_str_eq(out, "123...");
}
END_TEST

/* ---- amounts ---- */

struct amount {
	const char *text;
	int64_t value; /* -1: refused */
};

static const struct amount sizes[] = {
	{"4096", 4096},
	{"64m", 64ll << 20},
	{"64M", 64ll << 20},
	{"64MiB", 64ll << 20},
	{"64mb", 64ll << 20},
	{"1.5g", 3ll << 29},
	{"2t", 2ll << 40},
	{"512k", 512 << 10},
	{"0", 0},
	{"", -1},
	{"m", -1},
	{"-1", -1},
	{"1q", -1},
	{"1mm", -1},
	{"1 m", -1},
	{"1e30", -1},
	{"9999999999t", -1},
	{"nan", -1},
};

START_TEST(a_size_is_in_bytes_or_in_powers_of_1024)
{
	int64_t bytes = -1;
	int rc = units_bytes("--memory", sizes[_i].text, &bytes, &err);

	ck_assert_int_eq(rc, sizes[_i].value < 0 ? CUBE_ERR_INVALID : 0);
	ck_assert_int_eq(bytes, sizes[_i].value);
	if (rc < 0) {
		ck_assert_int_eq(strncmp(err.message, "--memory wants a size such as 64m", 33),
				 0);
	}
}
END_TEST

static const struct amount cores[] = {
	{"1", 1000}, {"0.5", 500}, {".25", 250}, {"0.001", 1}, {"4096", 4096000}, {"0", -1},
	{"", -1},    {"-1", -1},   {"1x", -1},   {"4097", -1}, {"inf", -1},
};

START_TEST(cores_are_in_thousandths)
{
	int64_t mcpu = -1;

	ck_assert_int_eq(units_mcpu("--cpus", cores[_i].text, &mcpu, &err),
			 cores[_i].value < 0 ? CUBE_ERR_INVALID : 0);
	ck_assert_int_eq(mcpu, cores[_i].value);
}
END_TEST

START_TEST(a_size_for_people_has_few_digits)
{
	static const struct {
		int64_t bytes;
		const char *text;
	} cases[] = {{0, "0B"},        {1023, "1023B"},     {1024, "1K"},
		     {1536, "1.5K"},   {3ll << 29, "1.5G"}, {200ll << 20, "200M"},
		     {INT64_MAX, "8E"}};
	char text[16];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		units_format_bytes(cases[i].bytes, text, sizeof(text));
		ck_assert_str_eq(text, cases[i].text);
	}
}
END_TEST

/* ---- ports ---- */

static const struct {
	const char *text, *container, *host; /* container NULL: refused */
} ports[] = {
	{"8080:80", "80/tcp", "8080"},
	{"80", "80/tcp", ""},
	{"53:53/udp", "53/udp", "53"},
	{"80/tcp", "80/tcp", ""},
	{"65535:1", "1/tcp", "65535"},
	{"0:80", NULL, NULL},
	{"80:0", NULL, NULL},
	{"65536:80", NULL, NULL},
	{"8080:80:90", NULL, NULL},
	{"8080:", NULL, NULL},
	{":80", NULL, NULL},
	{"80/sctp", NULL, NULL},
	{"80/", NULL, NULL},
	{"+80", NULL, NULL},
	{" 80", NULL, NULL},
	{"", NULL, NULL},
	{"99999999999999999999:80", NULL, NULL},
	{"http", NULL, NULL},
};

START_TEST(a_port_is_read_as_docker_writes_it)
{
	char container[PORT_CONTAINER_SIZE] = "";
	char host[PORT_HOST_SIZE] = "";
	int rc = port_parse(ports[_i].text, container, host, &err);

	if (ports[_i].container == NULL) {
		ck_assert_int_eq(rc, CUBE_ERR_INVALID);
		ck_assert_ptr_nonnull(strstr(err.message, "such as 8080:80, not '"));
		return;
	}
	ck_assert_int_eq(rc, 0);
	ck_assert_str_eq(container, ports[_i].container);
	ck_assert_str_eq(host, ports[_i].host);
}
END_TEST

/* ---- clean text ---- */

static char *printed;
static size_t printed_size;

static FILE *
memory_open(void)
{
	free(printed);
	printed = NULL;
	return open_memstream(&printed, &printed_size);
}

static const char *
memory_close(FILE *out)
{
	(void)fclose(out);
	return printed;
}

static const struct {
	const char *text, *shown;
} texts[] = {
	{"plain", "plain"},
	{"\x1b[31mred\x1b[0m", "?[31mred?[0m"},
	{"a\nb\tc\rd\x7f", "a?b?c?d?"},
	{"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
	 "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"},
	{"csi \xc2\x9b"
	 "31m",
	 "csi ?31m"},
	{"raw \x9b"
	 "31m",
	 "raw ?31m"},
	{"cut \xe2\x82", "cut ??"},
	{"", ""},
};

START_TEST(nothing_of_a_text_can_drive_a_terminal)
{
	FILE *out = memory_open();

	text_print(out, texts[_i].text);
	ck_assert_str_eq(memory_close(out), texts[_i].shown);
}
END_TEST

START_TEST(json_keeps_its_meaning_and_shows_no_control_characters)
{
	static const char json[] = "{\"a\": \"\xc2\x9b \x7f \xc3\xbc\"}\n";
	FILE *out = memory_open();

	json_text_print(out, json, sizeof(json) - 1);
	ck_assert_str_eq(memory_close(out), "{\"a\": \"\\u009b \\u007f \xc3\xbc\"}\n");
}
END_TEST

START_TEST(output_to_a_terminal_keeps_lines_and_colours_however_it_is_cut)
{
	static const char in[] =
		"one\r\n\x1b[1;31mred\x1b[0m\ttab \x1b]0;title\x07 \x1b[2J"
		"\xc2\x9b \xe2\x82\xac \xff \x1b[9999999999999999999999999999999m\b.";
	static const char want[] = "one\r\n\x1b[1;31mred\x1b[0m\ttab ?]0;title? ?[2J"
				   "? \xe2\x82\xac ? ?[9999999999999999999999999999999m?.";

	for (size_t cut = 0; cut < sizeof(in); cut++) {
		struct cleaner cleaner = {{0}, 0};
		FILE *out = memory_open();

		ck_assert(cleaner_print(&cleaner, in, cut, out));
		ck_assert(cleaner_print(&cleaner, in + cut, sizeof(in) - 1 - cut, out));
		ck_assert_str_eq(memory_close(out), want);
	}
}
END_TEST

START_TEST(output_that_cannot_be_written_is_noticed)
{
	struct cleaner cleaner = {{0}, 0};
	FILE *full = fopen("/dev/full", "w");

	ck_assert_ptr_nonnull(full);
	ck_assert(!cleaner_print(&cleaner, "text\n", 5, full));
	(void)fclose(full);
}
END_TEST

/* ---- tables and ends ---- */

START_TEST(columns_are_as_wide_as_their_widest_cell_in_characters)
{
	static const char *const heads[] = {"NAME", "STATE", "REASON", NULL};
	struct table table;
	FILE *out = memory_open();

	table_init(&table, heads);
	table_add(&table, (const char *const[]){"gr\xc3\xbc\xc3\x9f", "Running", ""});
	table_add(&table, (const char *const[]){"x", "Failed", "no\nsuch"});
	ck_assert_int_eq(table_print(&table, out, &err), 0);
	table_release(&table);
	ck_assert_str_eq(memory_close(out), "NAME  STATE    REASON\n"
					    "gr\xc3\xbc\xc3\x9f  Running\n"
					    "x     Failed   no?such\n");
}
END_TEST

static const struct {
	const char *task;
	int code;
} ends[] = {
	{"{\"State\": 3, \"ExitCode\": 0}", 0},
	{"{\"State\": 3}", 0},
	{"{\"State\": 4, \"ExitCode\": 3}", 3},
	{"{\"State\": 3, \"ExitCode\": 143}", 143},
	{"{\"State\": 4}", 125},
	{"{\"State\": 4, \"ExitCode\": 0}", 125},
	{"{\"State\": 4, \"ExitCode\": 256}", 125},
	{"{\"State\": 4, \"ExitCode\": -1}", 125},
	{"{}", 125},
};

START_TEST(a_task_that_failed_never_counts_as_success)
{
	struct json_doc doc;

	ck_assert_int_eq(json_parse(ends[_i].task, strlen(ends[_i].task), &doc, &err), 0);
	ck_assert_int_eq(wait_exit_code(doc.root), ends[_i].code);
	json_release(&doc);
}
END_TEST

#define LOOP(tests, name, table) \
	tcase_add_loop_test(tests, name, 0, (int)(sizeof(table) / sizeof((table)[0])))

static Suite *
suite_make(void)
{
	Suite *suite = suite_create("cli_text");
	TCase *tests = tcase_create("text");

	LOOP(tests, a_size_is_in_bytes_or_in_powers_of_1024, sizes);
	LOOP(tests, cores_are_in_thousandths, cores);
	tcase_add_test(tests, text_that_is_too_long_shows_that_there_is_more);
	tcase_add_test(tests, a_size_for_people_has_few_digits);
	LOOP(tests, a_port_is_read_as_docker_writes_it, ports);
	LOOP(tests, nothing_of_a_text_can_drive_a_terminal, texts);
	tcase_add_test(tests, json_keeps_its_meaning_and_shows_no_control_characters);
	tcase_add_test(tests, output_to_a_terminal_keeps_lines_and_colours_however_it_is_cut);
	tcase_add_test(tests, output_that_cannot_be_written_is_noticed);
	tcase_add_test(tests, columns_are_as_wide_as_their_widest_cell_in_characters);
	LOOP(tests, a_task_that_failed_never_counts_as_success, ends);
	suite_add_tcase(suite, tests);
	return suite;
}

CHECK_MAIN(suite_make)
