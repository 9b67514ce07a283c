/* cube stop - stops tasks, and waits until they have stopped. */
#include "api.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "command.h"
#include "common/clean.h"
#include "find.h"
#include "wait.h"

#include <stdio.h>
#include <stdlib.h>

#define GRACE_S     10 /* of a task that says nothing else */
#define PATIENCE_MS 30000

static const struct cli_option options[] = {
	{.name = "no-wait", .help = "do not wait until it has stopped"},
	{.name = "timeout",
	 .arg = "SECONDS",
	 .help = "how long to wait; default: its grace and half a minute. The task is stopped "
		 "all the same"},
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
		"signal, the grace of its --stop-timeout, then the hard signal. The ids of the "
		"tasks that have stopped are printed; one that has ended already is no error.",
};

/* One of the tasks to stop. */
struct stopping {
	char id[ID_SIZE];
	bool asked; /* the manager has accepted it */
	bool gone;  /* it had ended, and is not on the list any more */
	uint64_t grace_ms;
};

static int
stop_one(const struct api *api, const char *text, struct stopping *out, struct cube_error *err)
{
	char path[API_PATH_SIZE];
	struct answer answer;
	int rc = find_task(api, text, out->id, err);

	if (rc == 0)
		rc = get_task(api, out->id, &answer, err);
	/* What the manager knows of one that has left the list shows when it is to stop. */
	out->gone = rc == CUBE_ERR_NOT_FOUND && id_parse(text, out->id) == 0;
	if (rc != 0 && !out->gone)
		return rc;
	if (!out->gone) {
		out->grace_ms =
			(uint64_t)member_int(answer.doc.root, "StopTimeout", GRACE_S) * 1000;
		answer_release(&answer);
	}
	(void)snprintf(path, sizeof(path), "/tasks/%s", out->id);
	rc = api_call(api, "DELETE", path, NULL, 0, &answer, err);
	if (rc != 0)
		return rc;
	answer_release(&answer);
	out->asked = true;
	return 0;
}

static int
wait_one(const struct api *api, const struct stopping *stopping, uint64_t timeout_ms,
	 uint64_t begin_ms, struct cube_error *err)
{
	uint64_t wait = timeout_ms != 0 ? timeout_ms : stopping->grace_ms + PATIENCE_MS;
	struct answer answer;
	int rc = wait_task(api, stopping->id, WAIT_DONE, begin_ms + wait, &answer, err);

	if (rc == CUBE_ERR_TIMEOUT)
		return cube_fail(err, rc, 0,
				 "task %s has not stopped after %.3g s; it will, see `cube "
				 "status %.8s`",
				 stopping->id, (double)wait / 1000, stopping->id);
	if (rc < 0)
		return rc;
	answer_release(&answer);
	return 0;
}

/* All are asked before any is waited for: their graces run side by side. */
static int
stop_all(const struct api *api, const char *const *tasks, size_t count,
	 struct stopping *stopping, bool waits, uint64_t timeout_ms)
{
	uint64_t begin_ms = clock_now().mono_ms;
	struct cube_error err;
	int failed = 0;

	for (size_t i = 0; i < count; i++) {
		if (stop_one(api, tasks[i], &stopping[i], &err) < 0) {
			complain("cube stop", "%s", err.message);
			failed = 1;
		}
	}
	for (size_t i = 0; i < count; i++) {
		if (!stopping[i].asked)
			continue;
		if (waits && !stopping[i].gone &&
		    wait_one(api, &stopping[i], timeout_ms, begin_ms, &err) < 0) {
			complain("cube stop", "%s", err.message);
			failed = 1;
		} else {
			(void)printf("%s\n", stopping[i].id);
		}
	}
	return failed;
}

static int
run(const struct cli_values *values, struct cube_error *err)
{
	uint64_t timeout_ms = 0;
	size_t count;
	const char *const *tasks = cli_operands(values, &count);
	cleanup_free struct stopping *stopping = NULL;
	struct api api = {0};
	int rc = api_init(&api, values, err);

	if (rc == 0)
		rc = cli_duration(values, "timeout", 1, WAIT_MAX_MS, &timeout_ms, err);
	if (rc != 0)
		return rc;
	if (count == 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "which task? give its name or id (see cube status)");
	stopping = calloc(count, sizeof(*stopping));
	if (stopping == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	return stop_all(&api, tasks, count, stopping, !cli_flag(values, "no-wait"), timeout_ms);
}

const struct command command_stop = {.word = "stop", .program = &program, .run = run};
