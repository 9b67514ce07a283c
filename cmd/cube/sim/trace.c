/* cube/sim/trace.c - reads a recorded workload and believes none of it.
 *
 * Each field is checked for its kind and its range, and each refusal names file, line, column
 * and what would be right. Numbers are read in whole units, so that the same file is the same
 * workload everywhere. Owns the file. Main thread.
 */
#include "trace.h"

#include "common/units.h"
#include "csv.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MCPU_MAX  4096000
#define COPY_SIZE 16384

enum column {
	ARRIVAL,
	DURATION,
	CPU,
	MEMORY,
	DISK,
	PRIORITY,
	JOB,
	CONSTRAINTS
};
#define COLUMNS  8
#define REQUIRED 4 /* the first ones */

static const char *const names[COLUMNS] = {"arrival", "duration", "cpu", "memory",
					   "disk",    "priority", "job", "constraints"};

struct sim_trace {
	FILE *file;
	char *name;
	uint64_t size; /* of the file */
	struct csv csv;
	int32_t place[COLUMNS]; /* which field it is; -1: none */
	uint32_t fields;        /* of the first line */
	uint64_t last_us;
};

/* ---- the first line ---- */

#define BYTE_ORDER_MARK "\xef\xbb\xbf" /* spreadsheets begin a file with it; nobody sees it */

static int
read_name(struct sim_trace *trace, uint32_t field, struct cube_error *err)
{
	const char *text = trace->csv.fields[field];
	int i = 0;

	if (field == 0 && strncmp(text, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
		text += strlen(BYTE_ORDER_MARK);
	while (i < COLUMNS && strcmp(names[i], text) != 0)
		i++;
	if (i == COLUMNS)
		return csv_fail(&trace->csv, field, err,
				"'%.40s' is no column: the first line names them, of arrival, "
				"duration, cpu, memory, disk, priority, job, constraints",
				text);
	if (trace->place[i] >= 0)
		return csv_fail(&trace->csv, field, err, "the column %s stands there twice",
				names[i]);
	trace->place[i] = (int32_t)field;
	return 0;
}

static int
read_header(struct sim_trace *trace, struct cube_error *err)
{
	int rc = csv_next(&trace->csv, err);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "%s is empty: its first line names the columns, as in "
				 "arrival,duration,cpu,memory",
				 trace->name);
	for (int i = 0; i < COLUMNS; i++)
		trace->place[i] = -1;
	trace->fields = trace->csv.count;
	for (uint32_t i = 0; i < trace->csv.count; i++) {
		if (read_name(trace, i, err) != 0)
			return err->code;
	}
	for (int i = 0; i < REQUIRED; i++) {
		if (trace->place[i] < 0)
			return csv_fail(&trace->csv, 0, err,
					"the column %s is missing: arrival, duration, cpu and "
					"memory must be there",
					names[i]);
	}
	return 0;
}

/* ---- open and close ---- */

int
sim_trace_rewind(struct sim_trace *trace, struct cube_error *err)
{
	csv_release(&trace->csv);
	trace->last_us = 0;
	if (fseeko(trace->file, 0, SEEK_SET) != 0)
		return cube_fail(err, CUBE_ERR_INVALID, errno, "%s: %s", trace->name,
				 strerror(errno));
	if (csv_init(&trace->csv, trace->file, trace->name, err) != 0)
		return err->code;
	return read_header(trace, err);
}

void
sim_trace_free(struct sim_trace *trace)
{
	if (trace == NULL)
		return;
	csv_release(&trace->csv);
	if (trace->file != NULL)
		(void)fclose(trace->file);
	free(trace->name);
	free(trace);
}

int
sim_trace_read(FILE *file, const char *name, struct sim_trace **out, struct cube_error *err)
{
	struct sim_trace *trace = calloc(1, sizeof(*trace));
	struct stat stat;

	if (trace == NULL || (trace->name = strdup(name)) == NULL) {
		free(trace);
		(void)fclose(file);
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	}
	trace->file = file;
	if (sim_trace_rewind(trace, err) != 0) {
		sim_trace_free(trace);
		return err->code;
	}
	if (fstat(fileno(file), &stat) == 0 && stat.st_size > 0)
		trace->size = (uint64_t)stat.st_size;
	*out = trace;
	return 0;
}

/* 0, or -1 and errno says why. */
static int
copy_to(FILE *file)
{
	char bytes[COPY_SIZE];
	size_t got;

	while ((got = fread(bytes, 1, sizeof(bytes), stdin)) > 0) {
		if (fwrite(bytes, 1, got, file) != got)
			return -1;
	}
	return ferror(stdin) || fflush(file) != 0 ? -1 : 0;
}

/* Standard input, as a file that can be read again for the next scheduler. */
static FILE *
copy_input(struct cube_error *err)
{
	FILE *file = tmpfile();

	if (file == NULL || copy_to(file) != 0) {
		(void)cube_fail(err, CUBE_ERR_INTERNAL, errno,
				"--trace -: cannot be copied to a temporary file: %s",
				strerror(errno));
		if (file != NULL)
			(void)fclose(file);
		return NULL;
	}
	return file;
}

int
sim_trace_open(const char *path, struct sim_trace **out, struct cube_error *err)
{
	struct stat stat;
	FILE *file;

	if (strcmp(path, "-") == 0) {
		file = copy_input(err);
		return file != NULL ? sim_trace_read(file, "standard input", out, err)
				    : err->code;
	}
	file = fopen(path, "re");
	if (file == NULL)
		return cube_fail(err, CUBE_ERR_INVALID, errno, "--trace %s: %s", path,
				 strerror(errno));
	if (fstat(fileno(file), &stat) == 0 && !S_ISREG(stat.st_mode)) {
		(void)fclose(file);
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "--trace %s: wants a file, or - for standard input", path);
	}
	return sim_trace_read(file, path, out, err);
}

/* ---- a line ---- */

/* What stands in a column; "" if the file has none of it. */
static const char *
text_of(const struct sim_trace *trace, enum column column)
{
	return trace->place[column] >= 0 ? trace->csv.fields[trace->place[column]] : "";
}

__attribute__((format(printf, 4, 5))) static int
refuse(const struct sim_trace *trace, enum column column, struct cube_error *err,
       const char *fmt, ...)
{
	char message[200];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	return csv_fail(&trace->csv, (uint32_t)trace->place[column], err, "%s: %s",
			names[column], message);
}

/* Digits with at most one point, as whole units of 10^-places; further places are cut off.
 * -1: it is no such number, or above max. */
static int
read_decimal(const char *text, int places, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;
	int left = -1; /* places still to come, once the point was there */
	bool digits = false;

	for (; *text != '\0'; text++) {
		if (*text == '.' && left < 0 && places > 0) {
			left = places;
			continue;
		}
		if (!isdigit((unsigned char)*text))
			return -1;
		digits = true;
		if (left == 0)
			continue;
		if (value > max)
			return -1;
		value = value * 10 + (uint64_t)(*text - '0');
		left -= left > 0;
	}
	for (left = left < 0 ? places : left; left > 0 && value <= max; left--)
		value *= 10;
	if (!digits || value > max)
		return -1;
	*out = value;
	return 0;
}

static int
read_times(struct sim_trace *trace, struct sim_arrival *out, struct cube_error *err)
{
	const char *text = text_of(trace, ARRIVAL);

	if (read_decimal(text, 6, SIM_TIME_MAX_US, &out->at_us) != 0)
		return refuse(trace, ARRIVAL, err,
			      "wants seconds from the start such as 12.5, not '%.40s'", text);
	if (out->at_us < trace->last_us)
		return refuse(trace, ARRIVAL, err,
			      "%s is earlier than the line before, at %" PRIu64 ".%06" PRIu64
			      ": sort the file by arrival",
			      text, trace->last_us / SIM_SECOND_US,
			      trace->last_us % SIM_SECOND_US);
	trace->last_us = out->at_us;
	text = text_of(trace, DURATION);
	if (text[0] == '\0')
		out->duration_us = SIM_FOREVER;
	else if (read_decimal(text, 6, SIM_TIME_MAX_US, &out->duration_us) != 0)
		return refuse(trace, DURATION, err,
			      "wants seconds such as 3600, or nothing for a task that does not "
			      "end, not '%.40s'",
			      text);
	return 0;
}

static int
read_size(const struct sim_trace *trace, enum column column, int64_t *out,
	  struct cube_error *err)
{
	const char *text = text_of(trace, column);
	struct cube_error own;

	*out = 0;
	if (text[0] == '\0')
		return 0;
	if (units_bytes(names[column], text, out, &own) != 0)
		return refuse(trace, column, err,
			      "wants a size such as 64m or 1.5g, not '%.40s'", text);
	return 0;
}

static int
read_amounts(const struct sim_trace *trace, struct sim_arrival *out, struct cube_error *err)
{
	const char *text = text_of(trace, CPU);
	uint64_t value = 0;

	if (text[0] != '\0' && read_decimal(text, 3, MCPU_MAX, &value) != 0)
		return refuse(trace, CPU, err,
			      "wants cores from 0 to 4096, such as 0.5, not '%.40s'", text);
	out->mcpu = (int64_t)value;
	text = text_of(trace, PRIORITY);
	value = 0;
	if (text[0] != '\0' && read_decimal(text, 0, 100, &value) != 0)
		return refuse(trace, PRIORITY, err, "wants a number from 0 to 100, not '%.40s'",
			      text);
	out->priority = (uint32_t)value;
	if (read_size(trace, MEMORY, &out->memory_bytes, err) != 0)
		return err->code;
	return read_size(trace, DISK, &out->disk_bytes, err);
}

int
sim_trace_next(struct sim_trace *trace, struct sim_arrival *out, struct cube_error *err)
{
	int rc = csv_next(&trace->csv, err);

	if (rc != 1)
		return rc;
	if (trace->csv.count != trace->fields)
		return csv_fail(&trace->csv, trace->csv.count - 1, err,
				"there are %u fields, and %u columns in the first line",
				trace->csv.count, trace->fields);
	if (read_times(trace, out, err) != 0 || read_amounts(trace, out, err) != 0)
		return err->code;
	out->job = text_of(trace, JOB);
	if (strlen(out->job) >= SIM_JOB_SIZE)
		return refuse(trace, JOB, err, "a job's name has at most %d bytes",
			      SIM_JOB_SIZE - 1);
	out->constraints = text_of(trace, CONSTRAINTS);
	return 1;
}

double
sim_trace_done(const struct sim_trace *trace)
{
	return trace->size > 0 ? (double)trace->csv.consumed / (double)trace->size : 0;
}

int
sim_trace_refuse(const struct sim_trace *trace, const struct cube_error *why,
		 struct cube_error *err)
{
	return refuse(trace, CONSTRAINTS, err, "%s", why->message);
}
