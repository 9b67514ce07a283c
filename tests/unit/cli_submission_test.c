/* tests/unit/cli_submission_test.c - what `cube run` sends for a file, and for its options. */
#include "check_main.h"
#include "cube/command.h"
#include "cube/submission.h"

#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ID_A "21b23589-5d2d-4731-b5c9-a97e9832d021"
#define ID_B "6be4cb6b-61d1-40cb-bc7b-9cacefefa60c"
#define EVENT                                                               \
	"{\"ID\": \"" ID_B "\", \"State\": 2,\n \"Task\": {\"ID\": \"" ID_A \
	"\", \"Image\": \"x\"}}"

static char path[32];
static struct submission submission;
static struct json_doc doc;
static struct cube_error err;

static void
setup(void)
{
	int fd;

	(void)snprintf(path, sizeof(path), "/tmp/cli-test.XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	memset(&submission, 0, sizeof(submission));
	memset(&doc, 0, sizeof(doc));
}

static void
teardown(void)
{
	json_release(&doc);
	submission_release(&submission);
	(void)unlink(path);
}

static int
from_file(const char *text, bool fresh)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	(void)fputs(text, file);
	(void)fclose(file);
	return submission_from_file(path, fresh, &submission, &err);
}

/* The root of the body. */
static const struct json_value *
body(void)
{
	const struct buf *text = &submission.body;

	ck_assert_int_eq(json_parse(text->data, text->size, &doc, &err), 0);
	return doc.root;
}

static const char *
text_of(const struct json_value *object, const char *key)
{
	const struct json_value *value = json_get(object, key);

	return value != NULL && value->type == JSON_STRING ? value->as.string.text : "(none)";
}

START_TEST(events_with_ids_go_out_byte_for_byte)
{
	ck_assert_int_eq(from_file(EVENT "\n", false), 0);
	ck_assert_str_eq(buf_text(&submission.body), EVENT "\n");
	ck_assert(submission.verbatim);
	ck_assert(submission.given[0]);
	ck_assert_str_eq(submission.ids[0], ID_A);
	ck_assert_uint_eq(submission.count, 1);
}
END_TEST

START_TEST(new_gives_every_task_another_id_and_keeps_the_rest)
{
	const struct json_value *task;

	ck_assert_int_eq(from_file(EVENT, true), 0);
	task = json_get(body(), "Task");
	ck_assert_str_ne(submission.ids[0], ID_A);
	ck_assert_str_eq(text_of(task, "ID"), submission.ids[0]);
	ck_assert_str_eq(text_of(task, "Image"), "x");
	ck_assert_str_eq(text_of(doc.root, "ID"), ID_B);
	ck_assert(!submission.given[0]);
	ck_assert(!submission.verbatim);
}
END_TEST

START_TEST(a_bare_task_is_wrapped_and_gets_an_id)
{
	const struct json_value *root;
	const struct json_value *task;

	ck_assert_int_eq(
		from_file("{\"Image\": \"x\", \"Cmd\": [\"a\", \"b\"], \"State\": 1}", false),
		0);
	root = body();
	task = json_get(root, "Task");
	ck_assert_int_eq(json_get(root, "State")->as.number.integer, 2);
	ck_assert_str_eq(text_of(task, "ID"), submission.ids[0]);
	ck_assert_uint_eq(strlen(submission.ids[0]), 36);
	ck_assert_uint_eq(json_get(task, "Cmd")->count, 2);
	ck_assert_ptr_nonnull(json_get(task, "State"));
	ck_assert(!submission.given[0]);
}
END_TEST

START_TEST(a_task_s_own_id_is_kept_in_lower_case_and_the_zero_id_is_none)
{
	ck_assert_int_eq(from_file("[{\"ID\": \"21B23589-5D2D-4731-B5C9-A97E9832D021\"},"
				   " {\"ID\": \"00000000-0000-0000-0000-000000000000\"},"
				   " {\"ID\": \"\"}]",
				   false),
			 0);
	ck_assert_uint_eq(submission.count, 3);
	ck_assert_str_eq(submission.ids[0], ID_A);
	ck_assert(submission.given[0]);
	ck_assert(!submission.given[1]);
	ck_assert(!submission.given[2]);
	ck_assert_str_ne(submission.ids[1], submission.ids[2]);
	ck_assert_uint_eq(body()->count, 3);
}
END_TEST

static const struct {
	const char *text, *message; /* behind "-f PATH: " */
} refusals[] = {
	{"", "empty: there is nothing to run"},
	{"[]", "the array is empty: there is nothing to run"},
	{"[{\"Image\": \"x\"}, 7]",
	 "[1] (line 1, column 18): must be a TaskEvent or a Task object"},
	{"\"x\"", "line 1, column 1: must be a TaskEvent or a Task object"},
	{"{\"Task\": 3}", "Task (line 1, column 10): must be a Task object"},
	{"{\n \"ID\": \"x\"}", "ID (line 2, column 8): 'x' is not a uuid"},
	{"{\"State\": 3, \"Task\": {\"ID\": \"" ID_A "\"}}",
	 "State (line 1, column 11): 3 asks for a stop, which is `cube stop`'s work; 2 runs "
	 "it"},
};

START_TEST(what_is_wrong_with_a_file_is_said_with_its_place)
{
	char want[256];

	(void)snprintf(want, sizeof(want), "-f %s: %s", path, refusals[_i].message);
	ck_assert_int_eq(from_file(refusals[_i].text, false), CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message, want);
}
END_TEST

START_TEST(a_file_that_is_not_there_or_no_json_is_refused)
{
	ck_assert_int_eq(submission_from_file("/nonexistent/f", false, &submission, &err),
			 CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message, "-f /nonexistent/f: No such file or directory");
	ck_assert_int_eq(submission_from_file("/tmp", false, &submission, &err),
			 CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message, "-f /tmp: Is a directory");
	ck_assert_int_eq(from_file("{\"Image\": ", false), CUBE_ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.message, ": line 1, column "));
}
END_TEST

/* ---- from options ---- */

/* words end with NULL. */
static int
from_options(const char *const *words)
{
	struct cli_values *values = NULL;
	int argc = 0;
	int rc;

	while (words[argc] != NULL)
		argc++;
	rc = cli_parse(command_run.program, argc, (char *const *)words, &values, &err);
	ck_assert_int_eq(rc, 0);
	rc = submission_from_options(values, &submission, &err);
	cli_values_free(values);
	return rc;
}

START_TEST(options_become_the_fields_of_a_task)
{
	const char *const words[] = {"run",
				     "--name=n",
				     "--cpus=0.5",
				     "--memory",
				     "64m",
				     "--disk=1g",
				     "-e",
				     "A=b=c",
				     "-e",
				     "CLI_TEST_E",
				     "-p",
				     "8080:80",
				     "-p",
				     "53/udp",
				     "--restart=no",
				     "-l",
				     "k=v",
				     "--job=j",
				     "--health=/ok",
				     "--priority=7",
				     "--constraint=zone==eu",
				     "--constraint",
				     "rack in (1, 2)",
				     "--max-per-node=k=2",
				     "--stop-timeout=3",
				     "--entrypoint=sh",
				     "image",
				     "-c",
				     "true",
				     NULL};
	const struct json_value *task;

	setenv("CLI_TEST_E", "from here", 1);
	ck_assert_int_eq(from_options(words), 0);
	task = json_get(body(), "Task");
	ck_assert_str_eq(text_of(task, "ID"), submission.ids[0]);
	ck_assert_str_eq(text_of(task, "Image"), "image");
	ck_assert_str_eq(text_of(task, "Name"), "n");
	ck_assert_double_eq(json_get(task, "Cpu")->as.number.real, 0.5);
	ck_assert_int_eq(json_get(task, "Memory")->as.number.integer, 64 << 20);
	ck_assert_int_eq(json_get(task, "Disk")->as.number.integer, 1 << 30);
	ck_assert_str_eq(json_get(task, "Env")->as.first->as.string.text, "A=b=c");
	ck_assert_str_eq(json_get(task, "Env")->as.first->next->as.string.text,
			 "CLI_TEST_E=from here");
	ck_assert_str_eq(text_of(json_get(task, "PortBindings"), "80/tcp"), "8080");
	ck_assert_str_eq(text_of(json_get(task, "PortBindings"), "53/udp"), "");
	ck_assert_str_eq(text_of(task, "RestartPolicy"), "no");
	ck_assert_str_eq(text_of(json_get(task, "Labels"), "k"), "v");
	ck_assert_str_eq(text_of(task, "Job"), "j");
	ck_assert_uint_eq(json_get(task, "Constraints")->count, 2);
	ck_assert_str_eq(json_get(task, "Constraints")->as.first->next->as.string.text,
			 "rack in (1, 2)");
	ck_assert_str_eq(text_of(json_get(task, "MaxPerNode"), "Label"), "k");
	ck_assert_int_eq(json_get(json_get(task, "MaxPerNode"), "Max")->as.number.integer, 2);
	ck_assert_int_eq(json_get(task, "Priority")->as.number.integer, 7);
	ck_assert_str_eq(text_of(task, "HealthCheck"), "/ok");
	ck_assert_int_eq(json_get(task, "Priority")->as.number.integer, 7);
	ck_assert_int_eq(json_get(task, "StopTimeout")->as.number.integer, 3);
	ck_assert_str_eq(json_get(task, "Entrypoint")->as.first->as.string.text, "sh");
	ck_assert_uint_eq(json_get(task, "Cmd")->count, 2);
}
END_TEST

START_TEST(a_health_check_is_sent_in_full_where_more_is_said_of_it)
{
	const char *const http[] = {"run",
				    "--publish=80",
				    "--health=/ok",
				    "--health-port=443",
				    "--health-interval=30s",
				    "--health-timeout=5",
				    "--health-retries=4",
				    "--health-start-period=2m",
				    "image",
				    NULL};
	const struct json_value *task;
	const struct json_value *health;

	ck_assert_int_eq(from_options(http), 0);
	task = json_get(body(), "Task");
	ck_assert_ptr_null(json_get(task, "HealthCheck"));
	health = json_get(task, "Health");
	ck_assert_uint_eq(health->count, 6);
	ck_assert_str_eq(text_of(health, "Http"), "/ok");
	ck_assert_str_eq(text_of(health, "Port"), "443/tcp");
	ck_assert_int_eq(json_get(health, "Interval")->as.number.integer, 30);
	ck_assert_int_eq(json_get(health, "Timeout")->as.number.integer, 5);
	ck_assert_int_eq(json_get(health, "Threshold")->as.number.integer, 4);
	ck_assert_int_eq(json_get(health, "StartPeriod")->as.number.integer, 120);
}
END_TEST

START_TEST(a_port_to_connect_to_needs_no_path)
{
	const char *const words[] = {"run", "--publish=80", "--health-tcp",
				     "80",  "image",        NULL};
	const struct json_value *health;

	ck_assert_int_eq(from_options(words), 0);
	health = json_get(json_get(body(), "Task"), "Health");
	ck_assert_uint_eq(health->count, 1);
	ck_assert_str_eq(text_of(health, "Tcp"), "80/tcp");
}
END_TEST

static const struct {
	const char *options[2];
	const char *message;
} contradictions[] = {
	{{"--health=/", "--health-tcp=80"},
	 "give --health PATH or --health-tcp PORT, not both"},
	{{"--health-tcp=80", "--health-port=80"},
	 "--health-port goes with --health; --health-tcp names its own"},
	{{"--health-port=80", "--priority=1"},
	 "--health-port goes with --health PATH or --health-tcp PORT"},
	{{"--health-timeout=1", "--priority=1"},
	 "--health-timeout goes with --health PATH or --health-tcp PORT"},
	{{"--health-retries=1", "--priority=1"},
	 "--health-retries goes with --health PATH or --health-tcp PORT"},
	{{"--health=/", "--health-retries=0"},
	 "--health-retries 0: must be a number from 1 to 1000"},
	{{"--health=/", "--health-interval=500ms"},
	 "--health-interval 500ms: must be a time such as 30, 30s, 500ms, 5m or 1h, from 1s to "
	 "86400s"},
	{{"--health=/", "--health-interval=1500ms"},
	 "--health-interval 1500ms: must be whole seconds"},
};

START_TEST(a_health_check_that_contradicts_itself_is_refused)
{
	const char *const words[] = {"run", contradictions[_i].options[0],
				     contradictions[_i].options[1], "image", NULL};

	ck_assert_int_eq(from_options(words), CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message, contradictions[_i].message);
}
END_TEST

START_TEST(what_was_not_said_is_not_sent)
{
	const char *const words[] = {"run", "image", NULL};

	ck_assert_int_eq(from_options(words), 0);
	ck_assert_uint_eq(json_get(body(), "Task")->count, 2); /* ID and Image */
}
END_TEST

static const struct {
	const char *option, *message;
} bad_options[] = {
	{"--env=CLI_TEST_NOT_SET",
	 "--env CLI_TEST_NOT_SET: there is no such variable here; give "
	 "NAME=VALUE"},
	{"--env==x", "--env wants NAME=VALUE, not '=x'"},
	{"--label=x", "--label wants KEY=VALUE, not 'x'"},
	{"--label==x", "--label wants KEY=VALUE, not '=x'"},
	{"--memory=x", "--memory wants a size such as 64m or 1.5g, not 'x'"},
	{"--disk=-1", "--disk wants a size such as 64m or 1.5g, not '-1'"},
	{"--cpus=0", "--cpus wants cores from 0.001 to 4096, such as 0.5, not '0'"},
	{"--priority=101", "--priority 101: must be a number from 0 to 100"},
	{"--constraint=zone", "--constraint: \"zone\", character 5: an operator is wanted: ==, "
			      "!=, <, <=, >, >=, in (A,B), notin (A,B), exists or !exists"},
	{"--max-per-node=0", "--max-per-node wants N from 1 to 1000000, or LABEL=N, not '0'"},
	{"--max-per-node==1", "--max-per-node wants N from 1 to 1000000, or LABEL=N, not '=1'"},
	{"--max-per-node=tier",
	 "--max-per-node wants N from 1 to 1000000, or LABEL=N, not 'tier'"},
	{"--stop-timeout=x", "--stop-timeout x: must be a number from 0 to 3600"},
	{"--publish=x",
	 "--publish wants [HOST:]CONTAINER[/tcp|/udp] with ports from 1 to 65535, "
	 "such as 8080:80, not 'x'"},
};

START_TEST(a_bad_value_is_refused_with_what_would_be_right)
{
	const char *const words[] = {"run", bad_options[_i].option, "image", NULL};

	unsetenv("CLI_TEST_NOT_SET");
	ck_assert_int_eq(from_options(words), CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message, bad_options[_i].message);
}
END_TEST

START_TEST(what_can_stand_once_is_refused_twice)
{
	const char *const ports[] = {"run", "-p80", "-p", "8080:80", "image", NULL};
	const char *const labels[] = {"run", "-la=1", "-lab=1", "-la=2", "image", NULL};

	ck_assert_int_eq(from_options(ports), CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message, "--publish 8080:80: port 80/tcp is published already");
	submission_release(&submission);
	ck_assert_int_eq(from_options(labels), CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message, "--label a is given twice");
}
END_TEST

#define LOOP(tests, name, table) \
	tcase_add_loop_test(tests, name, 0, (int)(sizeof(table) / sizeof((table)[0])))

static Suite *
suite_make(void)
{
	Suite *suite = suite_create("cli_submission");
	TCase *tests = tcase_create("submission");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, events_with_ids_go_out_byte_for_byte);
	tcase_add_test(tests, new_gives_every_task_another_id_and_keeps_the_rest);
	tcase_add_test(tests, a_bare_task_is_wrapped_and_gets_an_id);
	tcase_add_test(tests, a_task_s_own_id_is_kept_in_lower_case_and_the_zero_id_is_none);
	LOOP(tests, what_is_wrong_with_a_file_is_said_with_its_place, refusals);
	tcase_add_test(tests, a_file_that_is_not_there_or_no_json_is_refused);
	tcase_add_test(tests, options_become_the_fields_of_a_task);
	tcase_add_test(tests, a_health_check_is_sent_in_full_where_more_is_said_of_it);
	tcase_add_test(tests, a_port_to_connect_to_needs_no_path);
	tcase_add_loop_test(tests, a_health_check_that_contradicts_itself_is_refused, 0,
			    sizeof(contradictions) / sizeof(contradictions[0]));
	tcase_add_test(tests, what_was_not_said_is_not_sent);
	LOOP(tests, a_bad_value_is_refused_with_what_would_be_right, bad_options);
	tcase_add_test(tests, what_can_stand_once_is_refused_twice);
	suite_add_tcase(suite, tests);
	return suite;
}

CHECK_MAIN(suite_make)
