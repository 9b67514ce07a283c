/* cube plugin - says what a plugin's file is, without calling any of its functions; or calls
 * them all and says what they do wrong (check/). */
#include "check/suite.h"
#include "command.h"
#include "plugin/load.h"

#include <stdio.h>
#include <string.h>

#define TEXT_LIMIT_BYTES (256u << 10)

static const struct cli_option options[] = {
	{.name = "plugin-dir", .arg = "DIR", .help = "look for a bare name here first"},
	{.name = "opt",
	 .arg = "KEY=VALUE",
	 .repeats = true,
	 .help = "check: an option of the plugin; path and dir point into a temporary folder "
		 "unless they are given"},
	{.name = "only",
	 .arg = "TEXT",
	 .help = "check: only those that have this in their name, as it is printed"},
	{.name = "run",
	 .arg = "IMAGE",
	 .help = "check: run a task of this image, with the ARGs, and remove it (runtimes)"},
	{.name = "timeout",
	 .arg = "TIME",
	 .fallback = "5s",
	 .help = "check: processor time that one check may take; by the clock it may be three "
		 "times as long"},
	{.name = "output",
	 .letter = 'o',
	 .arg = "table|json",
	 .fallback = "table",
	 .help = "check: lines for people, or JSON for scripts"},
	OPTION_HELP,
	{.name = NULL},
};

static const struct cli_program program = {
	.name = "cube plugin",
	.summary = "show what a plugin is, or check that it keeps its promises",
	.operands = "info|check FILE.so [ARG...]",
	.options = options,
	.notes =
		"`cube plugin info` prints a plugin's kind, name, version, ABI and options, "
		"without calling any of its functions. FILE.so with a slash in it is a path; a "
		"bare name is looked up as the daemons do it.\n\n"
		"`cube plugin check` calls them all, as a manager or worker would and worse, "
		"and "
		"holds what they do against the headers. Every check runs in a process of its "
		"own, so that a plugin which crashes, hangs, ends the process or writes "
		"outside "
		"of its arrays is named for it and the next check goes on. One line a check, "
		"ok, "
		"skipped or FAILED and why; the exit code is 1 if something failed.",
};

static const char *const of_check[] = {"opt", "only", "run", "timeout", "output"};

static int
info(const struct cli_values *values, const char *name, struct cube_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(TEXT_LIMIT_BYTES);
	struct plugin *plugin;
	int rc;

	for (size_t i = 0; i < sizeof(of_check) / sizeof(of_check[0]); i++) {
		if (cli_given(values, of_check[i]))
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "--%s goes with cube plugin check", of_check[i]);
	}
	rc = plugin_load(name, (enum cube_plugin_kind)0, NULL, cli_text(values, "plugin-dir"),
			 &plugin, err);
	if (rc < 0)
		return rc == CUBE_ERR_INVALID ? CUBE_ERR_INTERNAL : rc;
	plugin_describe(plugin, &text);
	(void)fputs(buf_text(&text), stdout);
	plugin_unload(plugin);
	return 0;
}

static int
check(const struct cli_values *values, const char *const *words, struct cube_error *err)
{
	const char *form = cli_text(values, "output");
	struct suite suite = {
		.name = words[0],
		.plugin_dir = cli_text(values, "plugin-dir"),
		.only = cli_text(values, "only"),
		.image = cli_text(values, "run"),
		.args = words + 1,
	};

	suite.json = strcmp(form, "json") == 0;
	if (!suite.json && strcmp(form, "table") != 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "-o wants table or json, not '%s'",
				 form);
	if (suite.image == NULL && words[1] != NULL)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "'%s': arguments are those of the task of --run", words[1]);
	suite.pairs = cli_list(values, "opt", &suite.pair_count);
	if (cli_duration(values, "timeout", 100, 600000, &suite.limit_ms, err) != 0)
		return err->code;
	return suite_run(&suite, err);
}

static int
run(const struct cli_values *values, struct cube_error *err)
{
	size_t count;
	const char *const *words = cli_operands(values, &count);

	if (count == 2 && strcmp(words[0], "info") == 0)
		return info(values, words[1], err);
	if (count >= 2 && strcmp(words[0], "check") == 0)
		return check(values, words + 1, err);
	return cube_fail(err, CUBE_ERR_INVALID, 0,
			 "wants info or check, and one plugin: cube plugin info epvm.so");
}

const struct command command_plugin = {.word = "plugin", .program = &program, .run = run};
