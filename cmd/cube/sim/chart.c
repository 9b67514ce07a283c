/* cube/sim/chart.c - writes a script for gnuplot, with the data in it, and runs it.
 *
 * Owns the child, which it waits for, and the temporary files. With .csv the data alone are
 * the file. Main thread.
 */
#include "chart.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NO_GNUPLOT                                                                        \
	"--chart needs gnuplot, which is not installed: apt-get install gnuplot-nox, or " \
	"draw the figures of --chart FILE.csv with what you have"
#define SAID_SIZE 200

extern char **environ;

/* ---- gnuplot ---- */

/* Its exit code, or a negative error. in, out, said: descriptors. */
static int
run_gnuplot(char *const *arguments, int in, int out, int said, struct cube_error *err)
{
	posix_spawn_file_actions_t actions;
	pid_t child = 0;
	int status = 0;
	int failed = posix_spawn_file_actions_init(&actions);

	if (failed == 0) {
		failed = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
		if (failed == 0)
			failed = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
		if (failed == 0)
			failed =
				posix_spawn_file_actions_adddup2(&actions, said, STDERR_FILENO);
		if (failed == 0)
			failed = posix_spawnp(&child, arguments[0], &actions, NULL, arguments,
					      environ);
		(void)posix_spawn_file_actions_destroy(&actions);
	}
	if (failed == ENOENT)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, failed, NO_GNUPLOT);
	if (failed != 0)
		return cube_fail(err, CUBE_ERR_INTERNAL, failed,
				 "--chart: gnuplot cannot be started: %s", strerror(failed));
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return cube_fail(err, CUBE_ERR_INTERNAL, errno, "--chart: gnuplot: %s",
					 strerror(errno));
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* May a file be made where path is? */
static int
check_folder(const char *path, struct cube_error *err)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash != NULL ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	int rc = 0;

	if (folder == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	if (access(folder, W_OK) != 0)
		rc = cube_fail(err, CUBE_ERR_INVALID, errno, "--chart %s: %s", path,
			       strerror(errno));
	free(folder);
	return rc;
}

int
sim_chart_check(enum sim_chart_form form, const char *path, struct cube_error *err)
{
	char program[] = "gnuplot";
	char version[] = "--version";
	char *const arguments[] = {program, version, NULL};
	cleanup_close int nowhere = -1;
	int code;

	if (check_folder(path, err) != 0)
		return err->code;
	if (form == SIM_CHART_CSV)
		return 0;
	nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (nowhere < 0)
		return cube_fail(err, CUBE_ERR_INTERNAL, errno, "/dev/null: %s",
				 strerror(errno));
	code = run_gnuplot(arguments, nowhere, nowhere, nowhere, err);
	if (code > 0)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0, NO_GNUPLOT);
	return code;
}

/* ---- the script ---- */

/* In single quotes nothing is special to gnuplot but the quote itself. */
static void
put_quoted(FILE *out, const char *text)
{
	(void)fputc('\'', out);
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			(void)fputc('\'', out);
		(void)fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
	}
	(void)fputc('\'', out);
}

/* The unit of the time axis: what a person would take. */
static double
time_unit(const struct sim_report *report, const char **name)
{
	uint64_t longest = 0;

	for (size_t i = 0; i < report->count; i++) {
		const struct sim_measure *measure = &report->results[i].measure;

		if (measure->now_us - measure->began_us > longest)
			longest = measure->now_us - measure->began_us;
	}
	if (longest > 72 * SIM_HOUR_US) {
		*name = "days";
		return 24 * (double)SIM_HOUR_US;
	}
	if (longest > 3 * SIM_HOUR_US) {
		*name = "hours";
		return (double)SIM_HOUR_US;
	}
	if (longest > 180 * SIM_SECOND_US) {
		*name = "minutes";
		return 60 * (double)SIM_SECOND_US;
	}
	*name = "seconds";
	return (double)SIM_SECOND_US;
}

/* time, cpu, memory, nodes in use, at least, waiting; one block a scheduler. */
static void
put_data(FILE *out, const struct sim_report *report, double unit)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct sim_series *series = &report->results[i].measure.series;

		(void)fprintf(out, "$data%zu << END_OF_DATA\n", i);
		for (size_t j = 0; j < series->count; j++) {
			if (series->points[j].us == 0)
				continue;
			(void)fprintf(out, "%.6g %.3f %.3f",
				      (double)(j * series->width_us) / unit,
				      (double)sim_series_level(series, j, LEVEL_CPU) / 1e4,
				      (double)sim_series_level(series, j, LEVEL_MEMORY) / 1e4);
			for (enum sim_level level = LEVEL_BUSY; level <= LEVEL_WAITING; level++)
				(void)fprintf(out, " %" PRIu64,
					      sim_series_level(series, j, level));
			(void)fputc('\n', out);
		}
		if (series->count == 0)
			(void)fputs("0 0 0 0 0 0\n", out);
		(void)fputs("END_OF_DATA\n", out);
	}
}

static void
put_plot(FILE *out, const struct sim_report *report, const char *title, int column)
{
	(void)fprintf(out, "set title '%s'\nplot", title);
	for (size_t i = 0; i < report->count; i++) {
		(void)fprintf(out, "%s $data%zu using 1:%d with lines lw 1.5 lt %zu title ",
			      i > 0 ? "," : "", i, column, i + 1);
		put_quoted(out, report->labels[i]);
	}
	if (column == 4) {
		(void)fputs(", $data0 using 1:5 with lines lw 1 dt 2 lc rgb '#808080' title "
			    "'at least (",
			    out);
		for (const char *c = report->labels[0]; *c != '\0'; c++)
			(void)fputc(*c == '\'' || (unsigned char)*c < ' ' ? '?' : *c, out);
		(void)fputs(")'", out);
	}
	(void)fputc('\n', out);
}

static void
put_script(FILE *out, const struct sim_report *report, enum sim_chart_form form)
{
	const char *unit_name;
	const double unit = time_unit(report, &unit_name);

	put_data(out, report, unit);
	(void)fputs(
		form == SIM_CHART_PNG
			? "set terminal pngcairo noenhanced size 1200,900\n"
			: "set terminal svg noenhanced size 1200,900 background rgb 'white'\n",
		out);
	(void)fprintf(out,
		      "set multiplot layout 2,2\nset grid\nset key top left\n"
		      "set xlabel '%s'\nset xrange [0:*]\nset yrange [0:100]\n"
		      "set ylabel '%% of the cluster'\n",
		      unit_name);
	put_plot(out, report, "cpu used", 2);
	put_plot(out, report, "memory used", 3);
	(void)fputs("set yrange [0:*]\nset ylabel 'nodes'\n", out);
	put_plot(out, report, "nodes in use", 4);
	(void)fputs("set ylabel 'tasks'\n", out);
	put_plot(out, report, "tasks that wait", 6);
	(void)fputs("unset multiplot\n", out);
}

/* ---- the file ---- */

static void
put_csv(FILE *out, const struct sim_report *report)
{
	(void)fputs("scheduler,seconds,cpu,memory,nodes,least_nodes,waiting\n", out);
	for (size_t i = 0; i < report->count; i++) {
		const struct sim_series *series = &report->results[i].measure.series;

		for (size_t j = 0; j < series->count; j++) {
			if (series->points[j].us == 0)
				continue;
			sim_report_field(out, report->labels[i]);
			(void)fprintf(out, ",%.6f,%.6f,%.6f",
				      (double)(j * series->width_us) / (double)SIM_SECOND_US,
				      (double)sim_series_level(series, j, LEVEL_CPU) / SIM_PPM,
				      (double)sim_series_level(series, j, LEVEL_MEMORY) /
					      SIM_PPM);
			for (enum sim_level level = LEVEL_BUSY; level <= LEVEL_WAITING; level++)
				(void)fprintf(out, ",%" PRIu64,
					      sim_series_level(series, j, level));
			(void)fputc('\n', out);
		}
	}
}

/* What gnuplot has said, as one line. */
static void
read_said(FILE *said, char text[SAID_SIZE])
{
	size_t size;

	rewind(said);
	size = fread(text, 1, SAID_SIZE - 1, said);
	text[size] = '\0';
	for (size_t i = 0; i < size; i++) {
		if ((unsigned char)text[i] < ' ')
			text[i] = ' ';
	}
}

static int
draw(const struct sim_report *report, enum sim_chart_form form, int picture,
     struct cube_error *err)
{
	char program[] = "gnuplot";
	char defaults[] = "-d";
	char input[] = "-";
	char *const arguments[] = {program, defaults, input, NULL};
	char text[SAID_SIZE];
	FILE *script = tmpfile();
	FILE *said = tmpfile();
	int code;

	if (script == NULL || said == NULL) {
		code = cube_fail(err, CUBE_ERR_INTERNAL, errno,
				 "--chart: no temporary file: %s", strerror(errno));
	} else {
		put_script(script, report, form);
		if (fflush(script) != 0 || fseeko(script, 0, SEEK_SET) != 0)
			code = cube_fail(err, CUBE_ERR_INTERNAL, errno,
					 "--chart: a temporary file cannot be written: %s",
					 strerror(errno));
		else
			code = run_gnuplot(arguments, fileno(script), picture, fileno(said),
					   err);
		if (code > 0) {
			read_said(said, text);
			code = cube_fail(err, CUBE_ERR_INTERNAL, 0,
					 "--chart: gnuplot failed (exit %d): %s", code, text);
		}
	}
	if (script != NULL)
		(void)fclose(script);
	if (said != NULL)
		(void)fclose(said);
	return code;
}

static int
draw_csv(const struct sim_report *report, int file, struct cube_error *err)
{
	const int own = dup(file);
	FILE *out = own >= 0 ? fdopen(own, "w") : NULL;

	if (out == NULL) {
		if (own >= 0)
			(void)close(own);
		return cube_fail(err, CUBE_ERR_INTERNAL, errno, "--chart: %s", strerror(errno));
	}
	put_csv(out, report);
	return fclose(out) == 0 ? 0
				: cube_fail(err, CUBE_ERR_INTERNAL, errno,
					    "--chart: cannot be written: %s", strerror(errno));
}

/* Into part, a name that is made unique, which then becomes path. */
static int
draw_part(const struct sim_report *report, enum sim_chart_form form, char *part,
	  const char *path, struct cube_error *err)
{
	const mode_t mask = umask(0);
	cleanup_close int file = -1;
	int rc;

	(void)umask(mask);
	file = mkostemp(part, O_CLOEXEC);
	if (file < 0)
		return cube_fail(err, CUBE_ERR_INVALID, errno, "--chart %s: %s", path,
				 strerror(errno));
	rc = form == SIM_CHART_CSV ? draw_csv(report, file, err)
				   : draw(report, form, file, err);
	if (rc == 0 && (fchmod(file, 0666 & ~mask) != 0 || rename(part, path) != 0))
		rc = cube_fail(err, CUBE_ERR_INVALID, errno, "--chart %s: %s", path,
			       strerror(errno));
	if (rc != 0)
		(void)unlink(part);
	return rc;
}

int
sim_chart_draw(const struct sim_report *report, enum sim_chart_form form, const char *path,
	       struct cube_error *err)
{
	const size_t size = strlen(path) + sizeof(".XXXXXX");
	char *part = malloc(size);
	int rc;

	if (part == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	(void)snprintf(part, size, "%s.XXXXXX", path);
	rc = draw_part(report, form, part, path, err);
	free(part);
	return rc;
}
