/* common/plugin_help.h - the options of a chosen plugin, for the end of --help. */
#ifndef COMMON_PLUGIN_HELP_H
#define COMMON_PLUGIN_HELP_H

#include <cube/plugin.h>

#include <stdio.h>

/* Prints the option table of the plugin that flag chooses, or why it cannot be shown:
 * never fails, for --help always works. */
void plugin_help(const char *name, enum cube_plugin_kind kind, const char *flag,
		 const char *plugin_dir, FILE *out);

#endif
