/* cube why - why a task waits, node by node, and what would help; of one that is placed what
 * its scheduler thinks of where it is. */
#include "api.h"
#include "command.h"
#include "find.h"
#include "why_print.h"

#include <stdio.h>

static const struct cli_option options[] = {
	{.name = "output",
	 .letter = 'o',
	 .arg = "FORM",
	 .fallback = "table",
	 .help = "table for people, json for scripts, or name: the node it is on"},
	OPTION_MANAGER,
	OPTION_HELP,
	{.name = NULL},
};

static const struct cli_program program = {
	.name = "cube why",
	.summary = "show why a task waits, or is where it is",
	.operands = "TASK",
	.options = options,
	.notes = "For a task that waits every node is counted once, under the first thing that "
		 "it lacks, and it is said what would help: each such change has been tried, "
		 "and would be enough alone. For one that is placed: how the scheduler "
		 "would choose now, its own room given back; the lowest cost wins. TASK is a "
		 "name, an id, or the unique beginning of an id. `cube run --dry-run` asks the "
		 "same of a task that is not submitted.",
};

static int
run(const struct cli_values *values, struct cube_error *err)
{
	enum output_form form;
	size_t count;
	const char *const *tasks = cli_operands(values, &count);
	char path[API_PATH_SIZE];
	char id[ID_SIZE];
	struct api api = {0};
	struct answer answer;
	bool fits;
	int rc = output_form(values, &form, err);

	if (rc == 0 && count != 1)
		rc = cube_fail(err, CUBE_ERR_INVALID, 0,
			       "give one task, by its name or id (see cube status)");
	if (rc == 0)
		rc = api_init(&api, values, err);
	if (rc == 0)
		rc = find_task(&api, tasks[0], id, err);
	if (rc < 0)
		return rc;
	(void)snprintf(path, sizeof(path), "/tasks/%s/why", id);
	rc = api_call(&api, "GET", path, NULL, 0, &answer, err);
	if (rc < 0)
		return rc;
	rc = why_show(&answer.doc, form, &fits, err);
	answer_release(&answer);
	return rc;
}

const struct command command_why = {.word = "why", .program = &program, .run = run};
