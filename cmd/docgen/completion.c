/* docgen/completion.c - see the header. Build time; owns nothing. */
#include "completion.h"

void
completion_case(FILE *out, const struct cli_program *program, const char *alias)
{
	(void)fprintf(out, "\t'%s'", program->name);
	if (alias != NULL)
		(void)fprintf(out, " | 'cube %s'", alias);
	(void)fputs(")\n\t\t__cube_options=(", out);
	for (const struct cli_option *option = program->options; option->name != NULL;
	     option++) {
		const char *mark = option->arg == NULL        ? ""
				   : option->optional != NULL ? "?"
							      : "=";

		(void)fprintf(out, " '--%s%s%s'", option->name, mark,
			      option->arg != NULL ? option->arg : "");
		if (option->letter != 0)
			(void)fprintf(out, " '-%c%s%s'", option->letter, mark,
				      option->arg != NULL ? option->arg : "");
	}
	(void)fputs(" )\n\t\t;;\n", out);
}
