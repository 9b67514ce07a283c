/* cube stop - stops tasks, and waits until they have stopped. */
#include "api.h"
#include "base/clock.h"
#include "command.h"
#include "find.h"
#include "wait.h"

#include <stdio.h>

static const struct cli_option options[] = {
	{.name = "no-wait", .help = "do not wait until it has stopped"},
	{.name = "timeout",
	 .arg = "SECONDS",
	 .fallback = "60",
	 .help = "give up waiting; the task is stopped all the same"},
	OPTION_MANAGER,
	OPTION_HELP,
	{.name = NULL},
};

static const struct cli_program program = {
	.name = "cube stop",
	.summary = "stop tasks",
	.operands = "TASK...",
	.options = options,
	.notes =
		"TASK is a name, an id, or the unique beginning of an id. A task gets the "
		"polite "
		"signal, its --stop-timeout of grace, then the hard one. A task that has ended "
		"already is no error.",
};

static int
stop_one(const struct api *api, const char *text, bool waits, uint64_t deadline_ms,
	 struct cube_error *err)
{
	char path[API_PATH_SIZE];
	char id[ID_SIZE];
	struct answer answer;
	int rc = find_task(api, text, id, err);

	if (rc < 0)
		return rc;
	(void)snprintf(path, sizeof(path), "/tasks/%s", id);
	rc = api_call(api, "DELETE", path, NULL, 0, &answer, err);
	if (rc < 0)
		return rc;
	answer_release(&answer);
	if (waits) {
		rc = wait_task(api, id, WAIT_DONE, deadline_ms, &answer, err);
		if (rc < 0)
			return rc;
		answer_release(&answer);
	}
	(void)printf("%s\n", id);
	return 0;
}

static int
run(const struct cli_values *values, struct cube_error *err)
{
	uint64_t timeout_ms = 0;
	uint64_t deadline_ms;
	size_t count;
	const char *const *tasks = cli_operands(values, &count);
	struct api api;
	int failed = 0;
	int rc = api_init(&api, values, err);

	if (rc == 0)
		rc = cli_duration(values, "timeout", 1, 366ull * 86400 * 1000, &timeout_ms,
				  err);
	if (rc < 0)
		return rc;
	if (count == 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "which task? give its name or id (see cube status)");
	deadline_ms = clock_now().mono_ms + timeout_ms;
	for (size_t i = 0; i < count; i++) {
		rc = stop_one(&api, tasks[i], !cli_flag(values, "no-wait"), deadline_ms, err);
		if (rc < 0 && i + 1 == count)
			return rc == CUBE_ERR_INVALID ? CUBE_ERR_INTERNAL : rc;
		if (rc < 0) { /* the others are stopped all the same */
			(void)fprintf(stderr, "cube stop: %s\n", err->message);
			failed = 1;
		}
	}
	return failed;
}

const struct command command_stop = {.word = "stop", .program = &program, .run = run};
