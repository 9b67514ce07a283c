/* cube/command.h - a subcommand: its options as data, and what it does.
 *
 * One file a subcommand; the table of all is in main.c. A command returns its exit code,
 * or a negative enum cube_err with *err filled in: main prints it as one line. INVALID is
 * a mistake in how it was called and exits 2, all else 1.
 */
#ifndef CUBE_COMMAND_H
#define CUBE_COMMAND_H

#include "common/options.h"

struct command {
	const char *word;  /* "run" */
	const char *alias; /* "ps" for status; NULL: none */
	const struct cli_program *program;
	int (*run)(const struct cli_values *values, struct cube_error *err);
};

/* All of them, NULL-ended (commands.c). */
extern const struct command *const commands[];

extern const struct command command_run;
extern const struct command command_stop;
extern const struct command command_status;
extern const struct command command_logs;
extern const struct command command_why;
extern const struct command command_events;
extern const struct command command_node;
extern const struct command command_plugin;
extern const struct command command_sim;
extern const struct command command_version;

/* Options that most commands have. */
#define OPTION_MANAGER                                                                       \
	{                                                                                    \
		.name = "manager", .letter = 'm', .arg = "HOST:PORT", .env = "CUBE_MANAGER", \
		.fallback = "localhost:5555", .help = "the manager to ask"                   \
	}
#define OPTION_OUTPUT                                                                         \
	{                                                                                     \
		.name = "output", .letter = 'o', .arg = "FORM", .fallback = "table",          \
		.help = "table for people, json for scripts, or name: the ids or names alone" \
	}
#define OPTION_HELP                                                 \
	{                                                           \
		.name = "help", .letter = 'h', .help = "print this" \
	}

#endif
