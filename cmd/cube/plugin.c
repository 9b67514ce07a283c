/* cube plugin - says what a plugin's file is, without calling any of its functions. */
#include "command.h"
#include "plugin/load.h"

#include <stdio.h>
#include <string.h>

#define TEXT_LIMIT_BYTES (256u << 10)

static const struct cli_option options[] = {
	{.name = "plugin-dir", .arg = "DIR", .help = "look for a bare name here first"},
	OPTION_HELP,
	{.name = NULL},
};

static const struct cli_program program = {
	.name = "cube plugin",
	.summary = "show what a plugin is",
	.operands = "info FILE.so",
	.options = options,
	.notes = "Prints a plugin's kind, name, version, ABI and options. FILE.so with a slash "
		 "in "
		 "it is a path; a bare name is looked up as the daemons do it.",
};

static int
run(const struct cli_values *values, struct cube_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(TEXT_LIMIT_BYTES);
	struct plugin *plugin;
	size_t count;
	const char *const *words = cli_operands(values, &count);
	int rc;

	if (count != 2 || strcmp(words[0], "info") != 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "wants info and one plugin: cube plugin info roundrobin.so");
	rc = plugin_load(words[1], (enum cube_plugin_kind)0, NULL,
			 cli_text(values, "plugin-dir"), &plugin, err);
	if (rc < 0)
		return rc == CUBE_ERR_INVALID ? CUBE_ERR_INTERNAL : rc;
	plugin_describe(plugin, &text);
	(void)fputs(buf_text(&text), stdout);
	plugin_unload(plugin);
	return 0;
}

const struct command command_plugin = {.word = "plugin", .program = &program, .run = run};
