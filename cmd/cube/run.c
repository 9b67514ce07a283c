/* cube run - submits tasks, and waits for them if asked.
 *
 * Prints the ids alone on standard output; what is for people goes to standard error.
 */
#include "api.h"
#include "await.h"
#include "command.h"
#include "common/clean.h"
#include "find.h"
#include "submission.h"
#include "why_print.h"

#include <stdio.h>
#include <string.h>

#define EXIT_TIMED_OUT 124
#define EXIT_OURS      125 /* with --wait: cube's own failure, or not placed */
#define TELL_MAX       64  /* tasks of a file that are asked about before */

static const struct cli_option options[] = {
	{.name = "file",
	 .letter = 'f',
	 .arg = "FILE",
	 .help = "run what FILE holds (- is standard input): a TaskEvent, a Task, or an array "
		 "of them"},
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
	{.name = "constraint",
	 .arg = "EXPR",
	 .repeats = true,
	 .help = "only on nodes where it holds: zone==eu, zone!=eu, zone in (a,b), "
		 "'rack<12', exists gpu, node.arch==arm64, 'node.memory>=16g'"},
	{.name = "max-per-node",
	 .arg = "[LABEL=]N",
	 .help = "at most N on a node, of its job, or of its name if it has none; with LABEL, "
		 "of those with the same value of that label"},
	{.name = "priority",
	 .arg = "N",
	 .help = "0 to 100: the higher, the sooner it is placed"},
	{.name = "restart",
	 .arg = "POLICY",
	 .help = "no, on-failure[:N], always, unless-stopped; default: on-failure, and give "
		 "up after 3 restarts. Ten minutes without an end, and counting begins anew"},
	{.name = "max-restarts",
	 .arg = "N",
	 .help = "give up after so many restarts, whatever the policy"},
	{.name = "health",
	 .arg = "PATH",
	 .help = "HTTP path that must answer 200, such as /health, on the lowest published "
		 "port; a task that does not is ended, and started again as --restart says"},
	{.name = "health-tcp",
	 .arg = "PORT",
	 .help = "instead: a port of the task that must take connections, such as 5432"},
	{.name = "health-port",
	 .arg = "PORT",
	 .help = "with --health: another port of the task"},
	{.name = "health-interval",
	 .arg = "SECONDS",
	 .help = "from check to check; default: 10"},
	{.name = "health-timeout",
	 .arg = "SECONDS",
	 .help = "how long a check may take; default: 2"},
	{.name = "health-retries",
	 .arg = "N",
	 .help = "so many failures in a row end the task; default: 3"},
	{.name = "health-start-period",
	 .arg = "SECONDS",
	 .help = "no checks before it has run that long; default: 0"},
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
	{.name = "logs", .help = "print its output until it ends; then as --wait"},
	{.name = "dry-run",
	 .arg = "why|print",
	 .optional = "why",
	 .help = "submit nothing: show where it would go, or why nowhere; or print what would "
		 "be sent"},
	{.name = "output",
	 .letter = 'o',
	 .arg = "FORM",
	 .fallback = "table",
	 .help = "with --dry-run: table, json, or name, the nodes alone"},
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
	.notes =
		"IMAGE is a container image, or for a worker with process.so a program; ARG... "
		"are its arguments. The ids of the tasks are printed, one a line. With a FILE "
		"whose tasks have ids, a second run says that they are there already, and "
		"--new runs them again under new ids. With --dry-run the manager says of each "
		"task, as the cluster is now and as if it came alone, where it would go or "
		"what each node lacks, as `cube why` does.\n\n"
		"Exit codes: 0 submitted, 1 refused or failed, 2 wrong usage. With --dry-run: "
		"0 "
		"if every task fits somewhere, else 1. With --wait or "
		"--logs: the task's own exit code (of several tasks the first that is not 0), "
		"124 when --timeout is over, 125 when cube itself failed or the task never "
		"ran.",
};

/* The options that go with -f; the others say what the file says. */
static bool
goes_with_file(const char *name)
{
	static const char *const with[] = {"file",    "new",  "dry-run", "output", "wait",
					   "timeout", "logs", "help",    "manager"};

	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
		if (strcmp(name, with[i]) == 0)
			return true;
	}
	return false;
}

static int
check_source(const struct cli_values *values, struct cube_error *err)
{
	bool file = cli_given(values, "file");
	size_t operands;

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
	for (const struct cli_option *option = options; file && option->name != NULL;
	     option++) {
		if (!goes_with_file(option->name) && cli_given(values, option->name))
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "--%s does not go with -f: the file says it",
					 option->name);
	}
	return 0;
}

static int
check_dry_run(const struct cli_values *values, enum output_form *form, struct cube_error *err)
{
	const char *dry = cli_text(values, "dry-run");

	if (dry != NULL && strcmp(dry, "why") != 0 && strcmp(dry, "print") != 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "--dry-run wants why or print, not '%.40s'", dry);
	if (cli_given(values, "output") && (dry == NULL || strcmp(dry, "why") != 0))
		return cube_fail(err, CUBE_ERR_INVALID, 0, "--output goes with --dry-run=why");
	return output_form(values, form, err);
}

static int
check_waiting(const struct cli_values *values, struct await *plan, struct cube_error *err)
{
	const char *wait = cli_text(values, "wait");
	bool running = wait != NULL && strcmp(wait, "running") == 0;

	plan->logs = cli_flag(values, "logs");
	plan->waits = wait != NULL || plan->logs;
	plan->what = running ? WAIT_RUNNING : WAIT_DONE;
	plan->deadline_ms = WAIT_FOREVER;
	if (wait != NULL && !running && strcmp(wait, "done") != 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "--wait wants running or done, not '%.40s'", wait);
	if (running && plan->logs)
		return cube_fail(
			err, CUBE_ERR_INVALID, 0,
			"--logs waits for the end: it does not go with --wait=running");
	if (cli_given(values, "timeout") && !plan->waits)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "--timeout goes with --wait or --logs");
	if (plan->waits && cli_given(values, "dry-run"))
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "--dry-run submits nothing that could be waited for");
	return cli_duration(values, "timeout", 1, WAIT_MAX_MS, &plan->timeout_ms, err);
}

/* Says of tasks whose ids came from the file which of them are there already. */
static void
tell_known(const struct api *api, const struct submission *submission)
{
	for (size_t i = 0; i < submission->count && i < TELL_MAX; i++) {
		struct answer answer;
		struct cube_error ignored;

		if (!submission->given[i] ||
		    get_task(api, submission->ids[i], &answer, &ignored) < 0)
			continue;
		complain("cube run",
			 "task %s is there already and is %s; --new runs it under a new id",
			 submission->ids[i], state_word(answer.doc.root));
		answer_release(&answer);
	}
}

/* The same for those past TELL_MAX, by the manager's answer: one that has been placed was
 * not submitted just now. */
static void
tell_rest(const struct submission *submission, const struct json_value *tasks)
{
	size_t known = 0;
	size_t i = 0;

	if (tasks == NULL || tasks->type != JSON_ARRAY)
		return;
	for (const struct json_value *at = tasks->as.first; at != NULL; at = at->next, i++) {
		if (i >= TELL_MAX && i < submission->count && submission->given[i] &&
		    (member_int(at, "Attempt", 0) > 0 || member_bool(at, "Final")))
			known++;
	}
	if (known > 0)
		complain("cube run", "%zu more of these tasks are there already", known);
}

/* Notes which tasks have ended and left the list: the manager's answer to them is all that
 * there is. */
static void
note_gone(struct submission *submission, const struct json_value *root)
{
	const struct json_value *task =
		root != NULL && root->type == JSON_ARRAY ? root->as.first : root;

	for (size_t i = 0; i < submission->count && task != NULL; i++, task = task->next) {
		if (!member_bool(task, "Final") || member_int(task, "Sequence", 0) != 0)
			continue;
		submission->gone[i] = wait_exit_code(task);
		if (i < TELL_MAX)
			complain("cube run",
				 "task %s is not new: it ended (%s) and was removed from the "
				 "list of tasks; --new runs it under a new id",
				 submission->ids[i], state_word(task));
	}
}

/* Takes " (line 1, column 9)" out of a message: it is of a text that the user never saw. */
static void
forget_place(struct cube_error *err)
{
	char *at = strstr(err->message, " (line ");
	const char *end = at != NULL ? strchr(at, ')') : NULL;

	if (end != NULL)
		(void)memmove(at, end + 1, strlen(end + 1) + 1);
}

static int
submit(const struct api *api, struct submission *submission, struct cube_error *err)
{
	struct answer answer;
	int rc;

	tell_known(api, submission);
	rc = api_call(api, "POST", "/tasks", submission->body.data, submission->body.size,
		      &answer, err);
	if (rc < 0) {
		if (!submission->verbatim)
			forget_place(err);
		return rc;
	}
	tell_rest(submission, answer.doc.root);
	note_gone(submission, answer.doc.root);
	answer_release(&answer);
	for (size_t i = 0; i < submission->count; i++)
		(void)printf("%s\n", submission->ids[i]);
	return fflush(stdout) == 0 ? 0
				   : cube_fail(err, CUBE_ERR_INTERNAL, 0,
					       "standard output cannot be written");
}

static int
submission_make(const struct cli_values *values, struct submission *submission,
		struct cube_error *err)
{
	const char *file = cli_text(values, "file");

	return file != NULL
		       ? submission_from_file(file, cli_flag(values, "new"), submission, err)
		       : submission_from_options(values, submission, err);
}

static int
print_body(const struct submission *submission)
{
	const struct buf *body = &submission->body;

	(void)fwrite(body->data, 1, body->size, stdout);
	if (body->size == 0 || body->data[body->size - 1] != '\n')
		(void)fputc('\n', stdout);
	return 0;
}

/* What would become of it. 0, or 1 if a task of it fits nowhere. */
static int
dry_run(const struct api *api, const struct submission *submission, enum output_form form,
	struct cube_error *err)
{
	struct answer answer;
	bool fit = true;
	int rc = api_call(api, "POST", "/tasks/why", submission->body.data,
			  submission->body.size, &answer, err);

	if (rc < 0) {
		if (!submission->verbatim)
			forget_place(err);
		return rc;
	}
	rc = why_show(&answer.doc, form, &fit, err);
	answer_release(&answer);
	return rc == 0 && !fit ? 1 : rc;
}

static int
carry_out(const struct cli_values *values, struct await *plan, const struct api *api,
	  enum output_form form, struct cube_error *err)
{
	const char *dry = cli_text(values, "dry-run");
	struct submission submission = {0};
	int rc = submission_make(values, &submission, err);

	if (rc == 0 && dry != NULL && strcmp(dry, "print") == 0)
		rc = print_body(&submission);
	else if (rc == 0 && dry != NULL)
		rc = dry_run(api, &submission, form, err);
	else if (rc == 0)
		rc = submit(api, &submission, err);
	if (rc == 0 && plan->waits)
		rc = await_tasks(api, &submission, plan, err);
	submission_release(&submission);
	return rc;
}

static int
run(const struct cli_values *values, struct cube_error *err)
{
	enum output_form form = OUTPUT_TABLE;
	struct await plan = {0};
	struct api api = {0};
	int rc = check_source(values, err);

	if (rc == 0)
		rc = check_dry_run(values, &form, err);
	if (rc == 0)
		rc = check_waiting(values, &plan, err);
	if (rc == 0)
		rc = api_init(&api, values, err);
	if (rc < 0)
		return rc;
	rc = carry_out(values, &plan, &api, form, err);
	/* Mistakes in the options are usage also then: nothing has been submitted. */
	if (rc >= 0 || !plan.waits || (rc == CUBE_ERR_INVALID && !cli_given(values, "file")))
		return rc;
	complain("cube run", "%s", err->message);
	return rc == CUBE_ERR_TIMEOUT ? EXIT_TIMED_OUT : EXIT_OURS;
}

const struct command command_run = {.word = "run", .program = &program, .run = run};
