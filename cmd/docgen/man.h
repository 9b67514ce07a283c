/* docgen/man.h - parts of a man page, in mdoc(7), from the tables that --help prints. */
#ifndef DOCGEN_MAN_H
#define DOCGEN_MAN_H

#include "common/options.h"
#include "plugin/load.h"

#include <stdio.h>

/* Sentences as lines of mdoc: wrapped, escaped, paragraphs at empty lines, `words` quoted. */
void man_text(FILE *out, const char *text);
/* A program's options as a list. */
void man_options(FILE *out, const struct cli_program *program);
/* Every subcommand of cube: usage, what it does, options, notes. */
void man_commands(FILE *out);
/* A plugin's summary and options. */
void man_plugin(FILE *out, const struct plugin *plugin);

#endif
