/* docgen - man pages and completion from the tables that --help prints. Build time only.
 *
 *     docgen PROGRAM TEMPLATE [PLUGIN.so...] >PAGE
 *
 * A template is prose with lines that stand for a table: @options@ and @notes@ (PROGRAM's),
 * @commands@ (those of cube), @plugins@ (the options of the plugins given), and for the
 * completion
 * @cases@ and @words@. @VERSION@ and @plugindir@ are replaced wherever they stand.
 */
#include "completion.h"
#include "cube-manager/options.h"
#include "cube-worker/options.h"
#include "cube/command.h"
#include "man.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_FAILED 1
#define EXIT_USAGE  2

struct job {
	const char *name;                  /* of the program */
	const struct cli_program *program; /* NULL: cube, which has commands instead */
	char *const *plugins;              /* NULL-ended paths */
	FILE *out;
};

/* ---- what lines of a template stand for ---- */

static int
put_options(const struct job *job)
{
	if (job->program == NULL) {
		(void)fprintf(stderr, "docgen: %s has no options of its own: use @commands@\n",
			      job->name);
		return EXIT_FAILED;
	}
	man_options(job->out, job->program);
	return 0;
}

static int
put_notes(const struct job *job)
{
	if (job->program != NULL && job->program->notes != NULL)
		man_text(job->out, job->program->notes);
	return 0;
}

static int
put_commands(const struct job *job)
{
	man_commands(job->out);
	return 0;
}

static int
put_plugins(const struct job *job)
{
	for (char *const *path = job->plugins; *path != NULL; path++) {
		struct plugin *plugin;
		struct cube_error err;

		if (plugin_load(*path, (enum cube_plugin_kind)0, NULL, NULL, &plugin, &err) <
		    0) {
			(void)fprintf(stderr, "docgen: %s\n", err.message);
			return EXIT_FAILED;
		}
		man_plugin(job->out, plugin);
		plugin_unload(plugin);
	}
	return 0;
}

static int
put_cases(const struct job *job)
{
	for (size_t i = 0; commands[i] != NULL; i++)
		completion_case(job->out, commands[i]->program, commands[i]->alias);
	completion_case(job->out, &manager_program, NULL);
	completion_case(job->out, &worker_program, NULL);
	return 0;
}

static int
put_words(const struct job *job)
{
	(void)fputs("__cube_commands=(help", job->out);
	for (size_t i = 0; commands[i] != NULL; i++)
		(void)fprintf(job->out, " %s%s%s", commands[i]->word,
			      commands[i]->alias != NULL ? " " : "",
			      commands[i]->alias != NULL ? commands[i]->alias : "");
	(void)fputs(")\n", job->out);
	return 0;
}

/* ---- the template ---- */

static void
put_line(FILE *out, const char *line)
{
	static const struct {
		const char *word, *value;
	} values[] = {{"@VERSION@", CUBE_VERSION}, {"@plugindir@", CUBE_PLUGIN_DIR}};

	while (*line != '\0') {
		size_t i = 0;

		while (i < 2 && strncmp(line, values[i].word, strlen(values[i].word)) != 0)
			i++;
		if (i < 2) {
			(void)fputs(values[i].value, out);
			line += strlen(values[i].word);
		} else {
			(void)fputc(*line++, out);
		}
	}
}

static int
put_any(const struct job *job, const char *line)
{
	static const struct {
		const char *line;
		int (*put)(const struct job *job);
	} parts[] = {
		{"@options@\n", put_options},   {"@notes@\n", put_notes},
		{"@commands@\n", put_commands}, {"@plugins@\n", put_plugins},
		{"@cases@\n", put_cases},       {"@words@\n", put_words},
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strcmp(line, parts[i].line) == 0)
			return parts[i].put(job);
	}
	put_line(job->out, line);
	return 0;
}

static int
fill_template(const struct job *job, const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	int failed = 0;

	if (file == NULL) {
		(void)fprintf(stderr, "docgen: %s: %s\n", path, strerror(errno));
		return EXIT_FAILED;
	}
	while (failed == 0 && getline(&line, &room, file) >= 0)
		failed = put_any(job, line);
	if (ferror(file) || fflush(job->out) != 0 || ferror(job->out)) {
		(void)fprintf(stderr, "docgen: %s cannot be read or written\n", path);
		failed = EXIT_FAILED;
	}
	free(line);
	(void)fclose(file);
	return failed;
}

int
main(int argc, char **argv)
{
	struct job job = {.out = stdout};

	if (argc < 3) {
		(void)fprintf(stderr, "usage: docgen PROGRAM TEMPLATE [PLUGIN.so...]\n");
		return EXIT_USAGE;
	}
	job.name = argv[1];
	job.plugins = argv + 3;
	if (strcmp(job.name, manager_program.name) == 0)
		job.program = &manager_program;
	else if (strcmp(job.name, worker_program.name) == 0)
		job.program = &worker_program;
	return fill_template(&job, argv[2]);
}
