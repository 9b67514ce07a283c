/* cube logs - prints what a task has printed. */
#include "api.h"
#include "base/timestamp.h"
#include "command.h"
#include "find.h"
#include "follow.h"
#include "wait.h"

#include <string.h>

static const struct cli_option options[] = {
	{.name = "follow", .letter = 'f', .help = "go on until the task has ended"},
	{.name = "tail", .letter = 'n', .arg = "LINES", .help = "only the last so many lines"},
	{.name = "since",
	 .arg = "TIME",
	 .help = "only what is newer: an RFC 3339 time, or Unix seconds"},
	{.name = "stream", .arg = "NAME", .help = "stdout or stderr alone"},
	{.name = "attempt", .arg = "N", .help = "of this attempt; default: the newest"},
	OPTION_MANAGER,
	OPTION_HELP,
	{.name = NULL},
};

static const struct cli_program program = {
	.name = "cube logs",
	.summary = "print what a task has printed",
	.operands = "TASK",
	.options = options,
	.notes =
		"TASK is a name, an id, or the unique beginning of an id. With -f it waits for "
		"a task that has not started and goes on over restarts. To a file or a pipe "
		"the "
		"output goes as it is; to a terminal without control characters other than "
		"colours.",
};

static int
run(const struct cli_values *values, struct cube_error *err)
{
	struct follow what = {.follow = cli_flag(values, "follow"),
			      .tail = cli_text(values, "tail"),
			      .since = cli_text(values, "since"),
			      .stream = cli_text(values, "stream"),
			      .attempt = cli_text(values, "attempt"),
			      .deadline_ms = WAIT_FOREVER};
	size_t count;
	const char *const *tasks = cli_operands(values, &count);
	char id[ID_SIZE];
	int64_t number = 1;
	int64_t since_ms;
	struct api api = {0};
	int rc = api_init(&api, values, err);

	if (rc == 0)
		rc = cli_number(values, "tail", 0, 1000000, &number, err);
	if (rc == 0)
		rc = cli_number(values, "attempt", 1, UINT32_MAX, &number, err);
	if (rc < 0)
		return rc;
	if (count != 1)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "give one task, by its name or id");
	if (what.stream != NULL && strcmp(what.stream, "stdout") != 0 &&
	    strcmp(what.stream, "stderr") != 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "--stream wants stdout or stderr, not '%.40s'", what.stream);
	if (what.since != NULL && what.since[strspn(what.since, "0123456789")] != '\0' &&
	    timestamp_parse(what.since, &since_ms) < 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "--since wants an RFC 3339 time or Unix seconds, not '%.40s'",
				 what.since);
	rc = find_task(&api, tasks[0], id, err);
	if (rc == 0)
		rc = follow_task(&api, id, &what, err);
	return rc;
}

const struct command command_logs = {.word = "logs", .program = &program, .run = run};
