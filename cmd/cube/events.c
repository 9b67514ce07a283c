/* cube events - what has happened to tasks and nodes, and what happens.
 *
 * Reads GET /events line by line. A stream that breaks is taken up again behind the last
 * entry that came whole, so over a restart of the manager none is missed and none comes
 * twice.
 */
#include "api.h"
#include "base/clock.h"
#include "command.h"
#include "find.h"
#include "model/task.h"
#include "table.h"
#include "wait.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS 200
#define STALL_MS 20000 /* the manager gives a sign of life every five seconds */
#define LINE_MAX ((size_t)256 << 10)

static const struct cli_option options[] = {
	{.name = "follow", .letter = 'f', .help = "go on with what happens, until interrupted"},
	{.name = "since",
	 .arg = "REVISION",
	 .help = "only what is behind this number; default: 0, all that is kept; with -f "
		 "what happens from now on"},
	{.name = "node", .arg = "NAME", .help = "only what concerns this node"},
	OPTION_OUTPUT,
	OPTION_MANAGER,
	OPTION_HELP,
	{.name = NULL},
};

static const struct cli_program program = {
	.name = "cube events",
	.summary = "show what has happened, and what happens",
	.operands = "[TASK]",
	.options = options,
	.notes = "TASK is a name, an id, or the unique beginning of an id. A line is a state "
		 "that a task has entered, or a stop that was requested, or what became of a "
		 "node; BY says who brought it about: a user, a worker's report, the "
		 "scheduler, or the manager by itself. As json it is an object a line, with "
		 "its Revision: --since goes on from there.",
};

struct stream {
	const struct api *api;
	struct fetch fetch; /* the one under way */
	bool follow;
	char since[24]; /* "": from now on */
	const char *task;
	const char *node;
	enum output_form form;
	bool headed;       /* the table's head is printed */
	uint64_t heard_ms; /* mono; 0: never */
	struct buf line;
	int failed; /* what ended it from our side; err has the words */
	struct cube_error err;
};

/* ---- one line ---- */

static void
column(const char *text, int width)
{
	size_t size = strlen(text);

	text_print(stdout, text);
	(void)printf("%*s", size < (size_t)width ? width - (int)size + 2 : 2, "");
}

static void
print_row(const struct json_value *entry)
{
	const char *reason = member_text(entry, "Reason", "");
	int64_t state = member_int(entry, "State", -1);
	const char *known = state >= 0 && state < TASK_STATES
				    ? task_state_name((enum task_state)state)
				    : "?";
	char id[9];

	(void)snprintf(id, sizeof(id), "%.8s", member_text(entry, "Task", "-"));
	column(member_text(entry, "Time", ""), 24);
	column(id, 8);
	column(member_text(entry, "Name", "-"), 16);
	column(member_text(entry, "Status", known), 11);
	column(member_text(entry, "Node", ""), 10);
	if (reason[0] != '\0')
		column(member_text(entry, "By", ""), 9);
	text_print(stdout, reason[0] != '\0' ? reason : member_text(entry, "By", ""));
	(void)fputc('\n', stdout);
}

static void
print_head(struct stream *stream)
{
	if (stream->headed || stream->form != OUTPUT_TABLE)
		return;
	stream->headed = true;
	(void)printf("%-26s%-10s%-18s%-13s%-12s%-11s%s\n", "TIME", "TASK", "NAME", "STATE",
		     "NODE", "BY", "REASON");
}

/* 0, or what stream->err says. */
static int
line_take(struct stream *stream)
{
	struct buf *line = &stream->line;
	cleanup_json struct json_doc doc = {0};
	struct cube_error err;
	int64_t revision;

	if (line->size == 0)
		return 0; /* a sign of life */
	if (line->failed || json_parse(line->data, line->size, &doc, &err) != 0 ||
	    (revision = member_int(doc.root, "Revision", 0)) <= 0)
		return cube_fail(
			&stream->err, CUBE_ERR_INTERNAL, 0,
			"what answers at %.80s is no manager: a line of GET /events is "
			"no entry",
			stream->api->url);
	if (stream->form == OUTPUT_JSON) {
		json_text_print(stdout, line->data, line->size);
		(void)fputc('\n', stdout);
	} else if (stream->form == OUTPUT_NAME) {
		text_print(stdout,
			   member_text(doc.root, "Task", member_text(doc.root, "Node", "")));
		(void)fputc('\n', stdout);
	} else {
		print_row(doc.root);
	}
	(void)snprintf(stream->since, sizeof(stream->since), "%" PRId64, revision);
	return 0;
}

/* ---- the stream ---- */

/* Where it begins, known from here on: if it breaks before its first line, too. */
static int
on_head(void *ctx, int status, const char *type)
{
	struct stream *stream = ctx;
	char revision[24];

	(void)type;
	if (status != 200)
		return 0;
	stream->heard_ms = clock_now().mono_ms;
	if (fetch_field(&stream->fetch, "Cube-Revision", revision, sizeof(revision)) &&
	    revision[0] != '\0' && revision[strspn(revision, "0123456789")] == '\0')
		memcpy(stream->since, revision, sizeof(revision));
	print_head(stream);
	return 0;
}

static int
on_piece(void *ctx, const void *bytes, size_t size)
{
	struct stream *stream = ctx;
	const char *at = bytes;

	stream->heard_ms = clock_now().mono_ms;
	while (size > 0 && stream->failed == 0) {
		const char *end = memchr(at, '\n', size);
		size_t some = end != NULL ? (size_t)(end - at) : size;

		buf_append(&stream->line, at, some);
		if (end != NULL) {
			stream->failed = line_take(stream);
			buf_reset(&stream->line);
			some++;
		}
		at += some;
		size -= some;
	}
	if (fflush(stdout) != 0 && stream->failed == 0)
		stream->failed = cube_fail(&stream->err, CUBE_ERR_INTERNAL, 0,
					   "standard output cannot be written");
	return stream->failed;
}

static int
events_path(const struct stream *stream, char path[API_PATH_SIZE], struct cube_error *err)
{
	char query[API_PATH_SIZE / 2] = "";
	const char *const pairs[][2] = {
		{"follow", stream->follow ? NULL : "0"},
		{"since", stream->since[0] != '\0' ? stream->since : NULL},
		{"task", stream->task},
		{"node", stream->node},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		int rc = api_query_add(query, sizeof(query), pairs[i][0], pairs[i][1], err);

		if (rc < 0)
			return rc;
	}
	(void)snprintf(path, API_PATH_SIZE, "/events%s%s", query[0] == '\0' ? "" : "?", query);
	return 0;
}

/* One connection. 0: it came to its end. */
static int
stream_once(struct stream *stream, struct cube_error *err)
{
	char path[API_PATH_SIZE];
	char url[API_URL_SIZE + API_PATH_SIZE];
	struct fetch *fetch = &stream->fetch;
	int rc = events_path(stream, path, err);

	if (rc < 0)
		return rc;
	api_fetch_init(stream->api, fetch, url, sizeof(url), path);
	fetch->stall_timeout_ms = STALL_MS;
	fetch->head = on_head;
	fetch->piece = on_piece;
	fetch->ctx = stream;
	buf_reset(&stream->line); /* what did not come whole comes again */
	rc = fetch_run(fetch, err);
	if (stream->failed != 0)
		rc = stream->failed;
	else if (rc < 0 || fetch->status < 200 || fetch->status > 299)
		rc = api_fail(stream->api, fetch, rc, err);
	fetch_release(fetch);
	return rc;
}

static int
stream_all(struct stream *stream, struct cube_error *err)
{
	for (;;) {
		int rc = stream_once(stream, err);

		if (stream->failed != 0)
			*err = stream->err;
		if (rc == 0 && !stream->follow)
			return 0;
		/* A manager that is away comes back; one that was never there need not. */
		if (rc < 0 && (rc != CUBE_ERR_UNAVAILABLE || stream->heard_ms == 0 ||
			       clock_now().mono_ms - stream->heard_ms > WAIT_DEAF_MS))
			return rc;
		wait_ms(RETRY_MS);
	}
}

static int
run(const struct cli_values *values, struct cube_error *err)
{
	struct stream stream = {.follow = cli_flag(values, "follow"),
				.node = cli_text(values, "node")};
	size_t count;
	const char *const *tasks = cli_operands(values, &count);
	struct api api = {0};
	char id[ID_SIZE];
	int64_t since = -1;
	int rc = output_form(values, &stream.form, err);

	if (rc == 0)
		rc = api_init(&api, values, err);
	if (rc == 0)
		rc = cli_number(values, "since", 0, INT64_MAX, &since, err);
	if (rc < 0)
		return rc;
	if (count > 1)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "give one task, or none for all");
	if (count == 1) {
		rc = find_task(&api, tasks[0], id, err);
		stream.task = id;
	}
	if (rc < 0)
		return rc;
	if (since < 0 && !stream.follow)
		since = 0;
	if (since >= 0)
		(void)snprintf(stream.since, sizeof(stream.since), "%" PRId64, since);
	stream.api = &api;
	buf_init(&stream.line, LINE_MAX);
	rc = stream_all(&stream, err);
	buf_release(&stream.line);
	return rc;
}

const struct command command_events = {.word = "events", .program = &program, .run = run};
