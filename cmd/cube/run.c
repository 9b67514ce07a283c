/* cube run - submits tasks, and waits for them if asked.
 *
 * Prints the ids alone on standard output; what is for people goes to standard error.
 */
#include "api.h"
#include "base/clock.h"
#include "command.h"
#include "find.h"
#include "follow.h"
#include "submission.h"
#include "wait.h"

#include <stdio.h>
#include <string.h>

#define EXIT_TIMED_OUT 124
#define EXIT_OURS      125 /* with --wait: cube's own failure, or not placed */

static const struct cli_option options[] = {
	{.name = "file",
	 .letter = 'f',
	 .arg = "FILE",
	 .help = "run what FILE holds (- is standard input): a TaskEvent, a Task, or an array "
		 "of "
		 "either"},
	{.name = "new", .help = "with -f: give every task a new id"},
	{.name = "name", .arg = "NAME", .help = "the task's name; default: from image and id"},
	{.name = "cpus",
	 .arg = "CORES",
	 .help = "cores to reserve and to limit it to, such as 0.5"},
	{.name = "memory",
	 .arg = "SIZE",
	 .help = "memory to reserve and to limit it to: 64m, 1g"},
	{.name = "disk", .arg = "SIZE", .help = "disk to reserve"},
	{.name = "env",
	 .letter = 'e',
	 .arg = "NAME=VALUE",
	 .repeats = true,
	 .help = "environment; NAME alone takes the value from here"},
	{.name = "publish",
	 .letter = 'p',
	 .arg = "[HOST:]PORT",
	 .repeats = true,
	 .help = "publish a port: 8080:80, 53:53/udp, or 80 for any free port of the node"},
	{.name = "entrypoint",
	 .arg = "WORD",
	 .repeats = true,
	 .help = "replaces the image's entrypoint; once for each word"},
	{.name = "label",
	 .letter = 'l',
	 .arg = "KEY=VALUE",
	 .repeats = true,
	 .help = "a label"},
	{.name = "job", .arg = "JOB", .help = "the job that this task belongs to"},
	{.name = "priority",
	 .arg = "N",
	 .help = "0 to 100: the higher, the sooner it is placed"},
	{.name = "restart",
	 .arg = "POLICY",
	 .help = "no, on-failure[:N], always, unless-stopped; recorded with the task: this "
		 "version does not restart tasks yet"},
	{.name = "health",
	 .arg = "PATH",
	 .help = "HTTP path of its health check; recorded with the task: this version does not "
		 "run checks yet"},
	{.name = "stop-timeout",
	 .arg = "SECONDS",
	 .help = "from the polite signal to the hard one; default: 10"},
	{.name = "wait",
	 .arg = "running|done",
	 .optional = "done",
	 .help = "wait until it runs, or has ended; then exit with its exit code"},
	{.name = "timeout",
	 .arg = "SECONDS",
	 .help = "with --wait or --logs: give up, exit 124"},
	{.name = "logs", .help = "print its output until it ends"},
	OPTION_MANAGER,
	OPTION_HELP,
	{.name = NULL},
};

static const struct cli_program program = {
	.name = "cube run",
	.summary = "run a task",
	.operands = "[IMAGE [ARG...]]",
	.operands_end = true,
	.options = options,
	.notes = "IMAGE is a container image, or for a worker with process.so a program; "
		 "ARG... are "
		 "its arguments. With a FILE whose tasks have ids, a second run says that they "
		 "are "
		 "there already; --new runs them again under new ids.\n\n"
		 "Exit codes: 0 submitted, 1 refused or failed, 2 wrong usage; with --wait the "
		 "task's "
		 "own exit code, 124 when --timeout is over, 125 when cube itself failed.",
};

static int
check_usage(const struct cli_values *values, struct cube_error *err)
{
	const char *wait = cli_text(values, "wait");
	size_t operands;
	bool file = cli_given(values, "file");

	(void)cli_operands(values, &operands);
	if (!file && operands == 0)
		return cube_fail(
			err, CUBE_ERR_INVALID, 0,
			"what shall run? give an IMAGE, or -f FILE (see cube run --help)");
	if (file && operands > 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "give an IMAGE or -f FILE, not both");
	if (cli_flag(values, "new") && !file)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "--new goes with -f");
	if (wait != NULL && strcmp(wait, "running") != 0 && strcmp(wait, "done") != 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "--wait wants running or done, not '%.40s'", wait);
	for (const struct cli_option *option = options; file && option->name != NULL;
	     option++) {
		static const char *const with_file[] = {"file", "new",  "wait",   "timeout",
							"logs", "help", "manager"};
		bool fits = false;

		for (size_t i = 0; i < sizeof(with_file) / sizeof(with_file[0]); i++)
			fits = fits || strcmp(option->name, with_file[i]) == 0;
		if (!fits && cli_given(values, option->name))
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "--%s does not go with -f: the file says it",
					 option->name);
	}
	return 0;
}

/* Says of tasks whose ids came from the file which of them are there already. */
static void
tell_known(const struct api *api, const struct submission *submission)
{
	static const char *const states[] = {"pending", "scheduled", "running", "completed",
					     "failed"};

	for (size_t i = 0; i < submission->count; i++) {
		struct answer answer;
		struct cube_error ignored;
		int64_t state;

		if (!submission->given[i] ||
		    get_task(api, submission->ids[i], &answer, &ignored) < 0)
			continue;
		state = member_int(answer.doc.root, "State", -1);
		(void)fprintf(
			stderr,
			"cube run: task %s is there already and is %s; --new runs it under a "
			"new id\n",
			submission->ids[i],
			state >= 0 && state <= 4 ? states[state] : "in an unknown state");
		answer_release(&answer);
	}
}

static int
submit(const struct api *api, const struct cli_values *values, struct submission *submission,
       struct cube_error *err)
{
	const char *file = cli_text(values, "file");
	struct answer answer;
	int rc;

	if (file != NULL)
		rc = submission_from_file(file, cli_flag(values, "new"), submission, err);
	else
		rc = submission_from_options(values, submission, err);
	if (rc < 0)
		return rc;
	tell_known(api, submission);
	rc = api_call(api, "POST", "/tasks", submission->body.data, submission->body.size,
		      &answer, err);
	if (rc < 0)
		return rc;
	answer_release(&answer);
	for (size_t i = 0; i < submission->count; i++)
		(void)printf("%s\n", submission->ids[i]);
	return fflush(stdout) == 0 ? 0
				   : cube_fail(err, CUBE_ERR_INTERNAL, 0,
					       "standard output cannot be written");
}

/* Waits for one task; its exit code. */
static int
wait_one(const struct api *api, const char *id, enum wait_for what, bool logs,
	 uint64_t deadline_ms, struct cube_error *err)
{
	const struct follow follow = {.follow = true, .deadline_ms = deadline_ms};
	struct answer answer;
	int code = 0;
	int rc = logs ? follow_task(api, id, &follow, err) : 0;

	/* A task that never started has no output: its end says why. */
	if (rc == CUBE_ERR_NOT_FOUND)
		rc = 0;
	if (rc == 0)
		rc = wait_task(api, id, what, deadline_ms, &answer, err);
	if (rc < 0)
		return rc;
	if (what == WAIT_DONE || member_bool(answer.doc.root, "Final")) {
		code = wait_exit_code(answer.doc.root);
		if (code != 0)
			(void)fprintf(stderr, "cube run: task %.8s failed: %s\n", id,
				      member_text(answer.doc.root, "Reason", ""));
	}
	answer_release(&answer);
	return code;
}

/* Waits for all; the first exit code that is not 0. */
static int
wait_all(const struct api *api, const struct cli_values *values,
	 const struct submission *submission, struct cube_error *err)
{
	const char *wait = cli_text(values, "wait");
	enum wait_for what =
		wait != NULL && strcmp(wait, "running") == 0 ? WAIT_RUNNING : WAIT_DONE;
	uint64_t timeout_ms = WAIT_FOREVER;
	uint64_t deadline_ms = WAIT_FOREVER;
	int code = 0;
	int rc = cli_duration(values, "timeout", 1, 366ull * 86400 * 1000, &timeout_ms, err);

	if (rc < 0)
		return rc;
	if (timeout_ms != WAIT_FOREVER)
		deadline_ms = clock_now().mono_ms + timeout_ms;
	for (size_t i = 0; i < submission->count; i++) {
		rc = wait_one(api, submission->ids[i], what, cli_flag(values, "logs"),
			      deadline_ms, err);
		if (rc < 0)
			return rc;
		if (code == 0)
			code = rc;
	}
	return code;
}

/* With --wait, 124 and 125 tell cube's own failures from the task's exit code. */
static int
wait_failed(int rc, const struct cube_error *err)
{
	if (rc >= 0)
		return rc;
	(void)fflush(stdout);
	(void)fprintf(stderr, "cube run: %s\n", err->message);
	return rc == CUBE_ERR_TIMEOUT ? EXIT_TIMED_OUT : EXIT_OURS;
}

static int
run(const struct cli_values *values, struct cube_error *err)
{
	bool waits = cli_given(values, "wait") || cli_flag(values, "logs");
	uint64_t timeout_ms;
	struct submission submission = {0};
	struct api api;
	int rc = check_usage(values, err);

	if (rc == 0)
		rc = cli_duration(values, "timeout", 1, 366ull * 86400 * 1000, &timeout_ms,
				  err);
	if (rc == 0)
		rc = api_init(&api, values, err);
	if (rc < 0)
		return rc;
	rc = submit(&api, values, &submission, err);
	if (rc == 0 && waits)
		rc = wait_failed(wait_all(&api, values, &submission, err), err);
	else if (rc < 0 && rc != CUBE_ERR_INVALID && waits)
		rc = wait_failed(rc, err);
	submission_release(&submission);
	return rc;
}

const struct command command_run = {.word = "run", .program = &program, .run = run};
