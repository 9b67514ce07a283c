/* cube - the command line for people and scripts.
 *
 * The entry point: finds the subcommand, parses its options, runs it, and turns what went
 * wrong into one line and an exit code.
 */
#include "base/error.h"
#include "command.h"
#include "http/fetch.h"

#include <locale.h>
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
say(const struct command *command, const struct cube_error *err)
{
	(void)fflush(stdout);
	(void)fprintf(stderr, "cube %s: ", command->word);
	for (const char *at = err->message; *at != '\0'; at++)
		(void)fputc((unsigned char)*at < 0x20 ? ' ' : *at, stderr);
	(void)fputc('\n', stderr);
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
		(void)fprintf(stderr, "cube %s: standard output cannot be written\n",
			      command->word);
		return EXIT_FAILED;
	}
	return rc;
}

int
main(int argc, char **argv)
{
	const struct command *command;

	(void)setlocale(LC_CTYPE, "");
	(void)signal(SIGPIPE, SIG_DFL);
	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		command = argc > 2 ? find_command(argv[2]) : NULL;
		if (command != NULL)
			cli_help(command->program, stdout);
		else
			usage(stdout);
		return 0;
	}
	command = find_command(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
	if (command == NULL) {
		(void)fprintf(stderr, "cube: '%s' is not a command; there are:", argv[1]);
		for (size_t i = 0; commands[i] != NULL; i++)
			(void)fprintf(stderr, " %s", commands[i]->word);
		(void)fputc('\n', stderr);
		return EXIT_USAGE;
	}
	return run(command, argc - 1, argv + 1);
}
