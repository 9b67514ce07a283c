/* tests/unit/codec_error_test.c - what is wrong with a request, where, and what would be
 * right: the messages of the codec, word by word. */
#include "check_main.h"
#include "codec_help.h"

#include <stdio.h>

/* The message of a request that must fail; out holds it. */
static void
message_of(const char *quoted, const char *fallback_id, char out[256])
{
	struct parsed parsed = parsed_new(quoted);
	struct task_request request;
	struct cube_error err;
	int rc;

	memset(&request, 0x5a, sizeof(request));
	rc = task_request_decode(&parsed.doc, parsed.doc.root, CODEC_STRICT, fallback_id,
				 &request, &err);
	ck_assert_msg(rc == CUBE_ERR_INVALID, "accepted: %s", quoted);
	ck_assert_int_eq(err.code, CUBE_ERR_INVALID);
	/* Nothing was touched. */
	ck_assert_int_eq(request.event_id[0], 0x5a);
	(void)snprintf(out, 256, "%s", err.message);
	parsed_free(&parsed);
}

/* A member of a Task, and what the message must hold. */
static const struct {
	const char *member;
	const char *wanted;
} refused[] = {
	{"'Memory': '64m'", "Task.Memory (line 1, column 47): must be a whole number of bytes "
			    "from 0 to 4611686018427387904, not '64m'"},
	{"'Memory': 1.5", "Task.Memory (line 1, column 47): must be a whole number of bytes"},
	{"'Memory': -1", "not -1"},
	{"'Memory': 4611686018427387905", "not 4611686018427387905"},
	{"'Disk': true",
	 "must be a whole number of bytes from 0 to 4611686018427387904, not true"},
	{"'Cpu': '0.5'",
	 "Task.Cpu (line 1, column 44): must be a number of cores from 0 to 4096, "
	 "not '0.5'"},
	{"'Cpu': -0.5", "not -0.5"},
	{"'Cpu': 4096.5", "must be a number of cores from 0 to 4096, not 4096.5"},
	{"'Cpu': 0.0001", "at least 0.001 cores"},
	{"'memory': 1",
	 "Task.memory (line 1, column 47): unknown field of a Task; did you mean "
	 "'Memory'?"},
	{"'Enviroment': []", "Task.Enviroment (line 1, column 51): unknown field of a Task"},
	{"'RestartPolcy': ''", "did you mean 'RestartPolicy'?"},
	{"'Xyz': 1", "unknown field of a Task"},
	{"'Name': '-x'", "Task.Name (line 1, column 45): must be 1 to 63 of"},
	{"'Name': 7", "not 7"},
	{"'ID': 'x'", "Task.ID (line 1, column 43): must be a uuid (8-4-4-4-12 hexadecimal "
		      "digits), not 'x'"},
	{"'Image': ''", "a Task needs an Image"},
	{"'Image': 5", "Task.Image (line 1, column 32): must be a text, not 5"},
	{"'Image': 'a\\u0007b'", "must have no control characters"},
	{"'ExposedPorts': ['80/tcp']", "an object such as {'80/tcp': {}}, not an array"},
	{"'ExposedPorts': {'80/sctp': {}}", "the name must be a port and its protocol"},
	{"'ExposedPorts': {'0/tcp': {}}", "the name must be a port and its protocol"},
	{"'ExposedPorts': {'65536/tcp': {}}", "the name must be a port and its protocol"},
	{"'ExposedPorts': {'8000-8010/tcp': {}}", "the name must be a port and its protocol"},
	{"'ExposedPorts': {'80/tcp': '8080'}",
	 "must be {}: host ports are given in PortBindings"},
	{"'PortBindings': {'80/tcp': 8080}",
	 "must be a host port as a text, such as '8080', or "
	 "'' for any free one, not 8080"},
	{"'PortBindings': {'80/tcp': '65536'}", "not '65536'"},
	{"'PortBindings': {'80/tcp': '80a'}", "not '80a'"},
	{"'PortBindings': {'80': '1', '80/tcp': '2'}", "this port is bound twice"},
	{"'PortBindings': {'80': '1', '81': '1'}", "host port 1 is bound to port 80 already"},
	{"'PortBindings': {'80': [{'HostIp': '127.0.0.1'}]}",
	 "ports are bound on all addresses"},
	{"'PortBindings': {'80': [{}, {}]}", "a port can be bound to one host port, not to 2"},
	{"'RestartPolicy': 'on-failure:0'", "on-failure:N"},
	{"'RestartPolicy': 'on-failure:1000001'", "not 'on-failure:1000001'"},
	{"'RestartPolicy': 'On-Failure'", "not 'On-Failure'"},
	{"'HealthCheck': 'health'", "must be '' (none) or a path without spaces, such as "
				    "'/health', not 'health'"},
	{"'HealthCheck': '/a b'", "a path without spaces"},
	{"'HealthCheck': '/a\\r\\nHost: b'", "a path without spaces"},
	{"'Cmd': 'sleep 60'",
	 "must be an array of texts, such as ['sleep', '60'], not 'sleep 60'"},
	{"'Cmd': ['a', 1]", "Task.Cmd[1] (line 1, column 50): must be a text"},
	{"'Env': {'A': '1'}", "must be an array such as ['NAME=value'], not an object"},
	{"'Env': ['A=1', 'hunter2']", "Task.Env[1] (line 1, column 52): must be NAME=value"},
	{"'Env': ['=1']", "must be NAME=value, with a name"},
	{"'Labels': ['a']", "must be an object of texts"},
	{"'Labels': {'a': 1}", "Task.Labels.a (line 1, column 53): must be a text, not 1"},
	{"'Labels': {'': 'x'}", "a label"},
	{"'Labels': {'cube.task': 'x'}", "labels that begin with 'cube.' are"},
	{"'Job': 'a b'", "Task.Job"},
	{"'Priority': 101", "from 0 to 100, not 101"},
	{"'StopTimeout': 3601", "must be a whole number of seconds from 0 to 3600, not 3601"},
	{"'Constraints': 'zone==eu'", "must be an array of texts, such as"},
	{"'Constraints': [7]", "Task.Constraints[0] (line 1, column 53): must be a text"},
	{"'Constraints': ['zone==eu', 'zone=>eu']",
	 "Task.Constraints[1] (line 1, column 65): 'zone=>eu', character 6: an operator is "
	 "wanted"},
	{"'Health': {'Http': '/'}", "needs a TCP port to ask"},
	{"'MaxPerNode': -1", "Task.MaxPerNode (line 1, column 51): must be"},
	{"'MaxPerNode': 'one'", "must be a number, or an object such as"},
	{"'MaxPerNode': {'Label': 'tier', 'Max': 1}",
	 "Task.MaxPerNode.Label (line 1, column 61): must be one of the"},
	{"'Labels': {'tier': 'web'}, 'MaxPerNode': {'Lable': 'tier', 'Max': 1}",
	 "did you mean 'Label'?"},
	{"'OnNodeLost': 'stop'", "must be 'reschedule' or 'wait'"},
};

START_TEST(a_wrong_member_is_named_with_its_place_and_what_would_be_right)
{
	char text[256], message[256];

	(void)snprintf(text, sizeof(text), "{'State': 2, 'Task': {%s%s}}",
		       strncmp(refused[_i].member, "'Image'", 7) == 0 ? "" : "'Image': 'x',\n",
		       refused[_i].member);
	/* On one line, so that the columns are those of the table. */
	if (strchr(text, '\n') != NULL)
		*strchr(text, '\n') = ' ';
	message_of(text, ID_1, message);
	ck_assert_has(message, refused[_i].wanted);
}
END_TEST

static const struct {
	const char *event;
	const char *wanted;
} events[] = {
	{"[]", "must be an object: a TaskEvent, not an array"},
	{"'x'", "must be an object: a TaskEvent, not 'x'"},
	{"{}", "a TaskEvent needs State: 2 (run) or 3 (stop)"},
	{"{'State': 2}", "a TaskEvent needs a Task"},
	{"{'State': 2, 'Task': null}", "a TaskEvent needs a Task"},
	{"{'State': 1, 'Task': {}}",
	 "State (line 1, column 11): must be 2 (run) or 3 (stop), not 1"},
	{"{'State': '2', 'Task': {}}", "must be 2 (run) or 3 (stop), not '2'"},
	{"{'State': 2.5, 'Task': {}}", "must be 2 (run) or 3 (stop), not 2.5"},
	{"{'State': 2, 'Task': []}", "Task (line 1, column 22): must be an object: a Task"},
	{"{'State': 2, 'Task': {}}", "Task (line 1, column 22): a Task needs an Image"},
	{"{'State': 2, 'Task': {'Image': 'x'}}", "a Task needs an ID here"},
	{"{'State': 3, 'Task': {'Image': 'x'}}", "a stop needs the ID of the task"},
	{"{'State': 3, 'Task': {'ID': 'web'}}", "Task.ID (line 1, column 29): must be a uuid"},
	{"{'ID': '1', 'State': 2, 'Task': {}}", "ID (line 1, column 8): must be a uuid"},
	{"{'state': 2, 'Task': {}}", "unknown field of a TaskEvent; did you mean 'State'?"},
	{"{'State': 2, 'Timestamp': 'now', 'Task': {}}", "must be a time as in RFC 3339"},
	{"{'Image': 'x'}", "Image (line 1, column 11): unknown field of a TaskEvent"},
};

START_TEST(a_wrong_event_says_what_is_missing)
{
	char message[256];

	message_of(events[_i].event, NULL, message);
	ck_assert_has(message, events[_i].wanted);
}
END_TEST

START_TEST(a_secret_of_the_environment_is_never_quoted)
{
	char message[256];

	message_of("{'State': 2, 'Task': {'Image': 'x', 'Env': ['hunter2']}}", ID_1, message);
	ck_assert_lacks(message, "hunter2");
}
END_TEST

START_TEST(a_strangers_text_is_quoted_short_and_without_control_characters)
{
	char message[256];

	message_of("{'State': 2, 'Task': {'Image': 'x', 'Memory': '\\u001b[2J\\n1234567890"
		   "1234567890123456789012345678901234567890'}}",
		   ID_1, message);
	ck_assert_has(message, "not '?[2J?");
	ck_assert_has(message, "...'");
	ck_assert_ptr_null(strchr(message, '\x1b'));
	ck_assert_ptr_null(strchr(message, '\n'));
}
END_TEST

/* An array or object of count members as part of a Task. */
static char *
many(const char *key, char open, char close, const char *item, int count)
{
	struct buf text = BUF_INIT(1 << 20);
	int i;

	buf_printf(&text, "{'State': 2, 'Task': {'Image': 'x', '%s': %c", key, open);
	for (i = 0; i < count; i++) {
		if (i > 0)
			buf_append_text(&text, ",");
		/* Each item is made different by its number. */
		if (strcmp(item, "env") == 0)
			buf_printf(&text, "'A%d=1'", i);
		else if (strcmp(item, "label") == 0)
			buf_printf(&text, "'l%d':'1'", i);
		else
			buf_printf(&text, "'%d/tcp':{}", i + 1);
	}
	buf_printf(&text, "%c}}", close);
	return buf_take(&text, NULL);
}

static const struct {
	const char *key;
	char open, close;
	const char *item;
	int most;
	const char *wanted;
} limits[] = {
	{"Env", '[', ']', "env", 1000, "Task.Env (line 1, column 44): must have at most 1000"},
	{"Cmd", '[', ']', "env", 1000, "must have at most 1000 entries, not 1001"},
	{"Labels", '{', '}', "label", 1000, "must have at most 1000 labels, not 1001"},
	{"ExposedPorts", '{', '}', "port", 64, "a task can have at most 64 ports"},
};

START_TEST(a_list_may_be_as_long_as_its_limit_and_no_longer)
{
	char *fits = many(limits[_i].key, limits[_i].open, limits[_i].close, limits[_i].item,
			  limits[_i].most);
	char *over = many(limits[_i].key, limits[_i].open, limits[_i].close, limits[_i].item,
			  limits[_i].most + 1);
	struct parsed parsed = parsed_new(fits);
	struct task_request request;
	struct cube_error err;
	char message[256];

	ck_assert_int_eq(task_request_decode(&parsed.doc, parsed.doc.root, CODEC_STRICT, ID_1,
					     &request, &err),
			 0);
	task_request_release(&request);
	parsed_free(&parsed);
	message_of(over, ID_1, message);
	ck_assert_has(message, limits[_i].wanted);
	free(fits);
	free(over);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static Suite *
suite(void)
{
	Suite *s = suite_create("codec errors");
	TCase *t = tcase_create("messages");

	tcase_add_loop_test(t, a_wrong_member_is_named_with_its_place_and_what_would_be_right,
			    0, COUNT(refused));
	tcase_add_loop_test(t, a_wrong_event_says_what_is_missing, 0, COUNT(events));
	tcase_add_test(t, a_secret_of_the_environment_is_never_quoted);
	tcase_add_test(t, a_strangers_text_is_quoted_short_and_without_control_characters);
	tcase_add_loop_test(t, a_list_may_be_as_long_as_its_limit_and_no_longer, 0,
			    COUNT(limits));
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
