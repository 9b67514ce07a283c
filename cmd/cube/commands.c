/* cube/commands.c - the table of subcommands: for main, the man page and the completion. */
#include "command.h"

const struct command *const commands[] = {
	&command_run,
	&command_stop,
	&command_status,
	&command_logs,
	&command_why,
	&command_events,
	&command_node,
	&command_plugin,
	&command_sim,
	&command_version,
	NULL,
};
