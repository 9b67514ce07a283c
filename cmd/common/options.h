/* common/options.h - the options of a program as a table of data.
 *
 * The same table parses the command line and the environment, prints --help, and feeds
 * the man pages and the completion. A value comes from the command line, else from the
 * environment, else from the table's default. --name=value, --name value, -x value and
 * -xvalue are understood; "--" ends the options. Used by the main thread, at start.
 */
#ifndef COMMON_OPTIONS_H
#define COMMON_OPTIONS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct cli_option {
	const char *name;     /* long name without the dashes; NULL ends the table */
	const char *arg;      /* what --help calls the value: "PORT"; NULL: a switch */
	const char *optional; /* what --name alone means; NULL: it needs a value */
	const char *env;      /* environment variable; NULL: none */
	const char *fallback; /* the default; NULL: none */
	const char *help;     /* without a full stop; --help wraps it */
	char letter;          /* of the short form; 0: none */
	bool repeats;         /* may be given many times; from env: separated by spaces */
};

/* A program or a subcommand. */
struct cli_program {
	const char *name;     /* "cube-manager", "cube run" */
	const char *summary;  /* one line */
	const char *operands; /* for the usage line: "[IMAGE [ARG...]]"; NULL: takes none */
	bool operands_end;    /* the first operand ends the options (for IMAGE ARG...) */
	const struct cli_option *options;
	const char *notes; /* paragraphs after the options; NULL: none */
};

struct cli_values;

/* INVALID with one line for a person: an unknown option, a value missing or not wanted, an
 * operand that is not taken. argv[0] is skipped. Texts are borrowed from argv and the
 * environment. */
int cli_parse(const struct cli_program *program, int argc, char *const *argv,
	      struct cli_values **out, struct cube_error *err);
void cli_values_free(struct cli_values *values);

/* The last one given, else the environment's, else the default; NULL: none. Asking for an
 * option that is not in the table is a bug. */
const char *cli_text(const struct cli_values *values, const char *name);
bool cli_flag(const struct cli_values *values, const char *name); /* a switch: was it given? */
/* True if it came from the command line or the environment. */
bool cli_given(const struct cli_values *values, const char *name);
/* All of a repeated option; NULL-ended. */
const char *const *cli_list(const struct cli_values *values, const char *name, size_t *count);
/* INVALID names the option, the value and the range. An option without a value: *out is
 * untouched. */
int cli_number(const struct cli_values *values, const char *name, int64_t min, int64_t max,
	       int64_t *out, struct cube_error *err);
/* Seconds, or with ms, s, m, h behind it, into milliseconds. As cli_number. */
int cli_duration(const struct cli_values *values, const char *name, uint64_t min_ms,
		 uint64_t max_ms, uint64_t *out_ms, struct cube_error *err);
/* What was left over; NULL-ended. */
const char *const *cli_operands(const struct cli_values *values, size_t *count);

void cli_help(const struct cli_program *program, FILE *out);
void cli_version(const char *name, FILE *out); /* "cube-manager 0.1.0" */

#endif
