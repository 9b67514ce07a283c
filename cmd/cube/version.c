/* cube version - of this program, and of the manager if one answers. */
#include "api.h"
#include "command.h"
#include "common/clean.h"

#include <cube/plugin.h>
#include <stdio.h>

static const struct cli_option options[] = {
	OPTION_MANAGER,
	OPTION_HELP,
	{.name = NULL},
};

static const struct cli_program program = {
	.name = "cube version",
	.summary = "print the versions of cube and of the manager",
	.options = options,
};

static int
run(const struct cli_values *values, struct cube_error *err)
{
	struct answer answer;
	struct api api = {0};
	int rc = api_init(&api, values, err);

	if (rc < 0)
		return rc;
	(void)printf("cube " CUBE_VERSION ", plugin ABI %d.%d\n", CUBE_ABI_MAJOR,
		     CUBE_ABI_MINOR);
	rc = api_call(&api, "GET", "/version", NULL, 0, &answer, err);
	if (rc < 0) { /* our own version is told all the same */
		text_print(stdout, err->message);
		(void)fputc('\n', stdout);
		return 0;
	}
	(void)printf("manager ");
	text_print(stdout, member_text(answer.doc.root, "Version", "of unknown version"));
	(void)printf(" at %s\n", api.url);
	answer_release(&answer);
	return 0;
}

const struct command command_version = {.word = "version", .program = &program, .run = run};
