/* cube - the command line for people and scripts.
 *
 * The entry point: finds the subcommand, parses its options, runs it, and turns what went
 * wrong into one line and an exit code.
 */
#include "base/error.h"
#include "command.h"
#include "common/clean.h"
#include "http/fetch.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define EXIT_FAILED 1
#define EXIT_USAGE  2

static void
usage(FILE *out)
{
	(void)fprintf(out, "usage: cube COMMAND [OPTION...] [ARGUMENT...]\n\n");
	for (size_t i = 0; commands[i] != NULL; i++)
		(void)fprintf(out, "  %-9s %s%s%s%s\n", commands[i]->word,
			      commands[i]->program->summary,
			      commands[i]->alias != NULL ? " (also: " : "",
			      commands[i]->alias != NULL ? commands[i]->alias : "",
			      commands[i]->alias != NULL ? ")" : "");
	(void)fprintf(out, "\n`cube COMMAND --help` explains a command.\n");
}

static const struct command *
find_command(const char *word)
{
	for (size_t i = 0; commands[i] != NULL; i++) {
		if (strcmp(word, commands[i]->word) == 0 ||
		    (commands[i]->alias != NULL && strcmp(word, commands[i]->alias) == 0))
			return commands[i];
	}
	return NULL;
}

static int
no_command(const char *word)
{
	char list[256] = "";
	size_t used = 0;

	for (size_t i = 0; commands[i] != NULL; i++) {
		int n = snprintf(list + used, sizeof(list) - used, " %s", commands[i]->word);

		if (n < 0 || (size_t)n >= sizeof(list) - used)
			break;
		used += (size_t)n;
	}
	if (word[0] == '-')
		complain("cube", "%.60s: options come after the command; there are:%s", word,
			 list);
	else
		complain("cube", "'%.60s' is not a command; there are:%s", word, list);
	return EXIT_USAGE;
}

static int
say(const struct command *command, const struct cube_error *err)
{
	complain(command->program->name, "%s", err->message);
	return err->code == CUBE_ERR_INVALID ? EXIT_USAGE : EXIT_FAILED;
}

static int
run(const struct command *command, int argc, char **argv)
{
	struct cli_values *values = NULL;
	struct cube_error err = {0};
	int rc = cli_parse(command->program, argc, argv, &values, &err);

	if (rc < 0)
		return say(command, &err);
	if (cli_flag(values, "help")) {
		cli_help(command->program, stdout);
	} else {
		rc = fetch_init(&err);
		if (rc == 0)
			rc = command->run(values, &err);
	}
	cli_values_free(values);
	if (rc < 0) {
		err.code = rc;
		return say(command, &err);
	}
	if (fflush(stdout) != 0) {
		complain(command->program->name, "standard output cannot be written");
		return EXIT_FAILED;
	}
	return rc;
}

/* `cube help [COMMAND]` and `cube --help`. */
static int
help(const char *word)
{
	const struct command *command = word != NULL ? find_command(word) : NULL;

	if (word != NULL && command == NULL)
		return no_command(word);
	if (command != NULL)
		cli_help(command->program, stdout);
	else
		usage(stdout);
	return fflush(stdout) == 0 ? 0 : EXIT_FAILED;
}

int
main(int argc, char **argv)
{
	const struct command *command;

	(void)signal(SIGPIPE, SIG_DFL);
	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0)
		return help(argv[2]);
	if (strcmp(argv[1], "--version") == 0) {
		cli_version("cube", stdout);
		return fflush(stdout) == 0 ? 0 : EXIT_FAILED;
	}
	command = find_command(argv[1]);
	return command != NULL ? run(command, argc - 1, argv + 1) : no_command(argv[1]);
}
