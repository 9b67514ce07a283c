/* docgen/completion.h - the tables of the shell's completion, from those of --help. */
#ifndef DOCGEN_COMPLETION_H
#define DOCGEN_COMPLETION_H

#include "common/options.h"

#include <stdio.h>

/* One case of a shell's "case" statement: the pattern, and an array of the options
 * "--name", "--name=ARG" or, where the value may be left out, "--name?ARG". */
void completion_case(FILE *out, const struct cli_program *program, const char *alias);

#endif
