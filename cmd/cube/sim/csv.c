/* cube/sim/csv.c - takes a CSV file apart, a line at a time, in a buffer of fixed size.
 *
 * A line longer than the buffer's limit, a NUL byte, a quote that is not closed or has text
 * behind it, and too many fields are refused with line and column. Fields are unquoted where
 * they lie. Owns the buffer. Main thread.
 */
#include "csv.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_SIZE (4 * CSV_LINE_MAX)

int
csv_init(struct csv *csv, FILE *file, const char *name, struct cube_error *err)
{
	memset(csv, 0, sizeof(*csv));
	csv->file = file;
	csv->name = name;
	csv->bytes = malloc(BUFFER_SIZE + 1);
	return csv->bytes != NULL ? 0 : cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
}

void
csv_release(struct csv *csv)
{
	free(csv->bytes);
	memset(csv, 0, sizeof(*csv));
}

__attribute__((format(printf, 4, 5))) static int
fail_at(const struct csv *csv, size_t column, struct cube_error *err, const char *fmt, ...)
{
	char message[256];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	return cube_fail(err, CUBE_ERR_INVALID, 0, "%s, line %" PRIu64 ", column %zu: %s",
			 csv->name, csv->line, column, message);
}

int
csv_fail(const struct csv *csv, uint32_t field, struct cube_error *err, const char *fmt, ...)
{
	char message[256];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	return fail_at(csv, field < csv->count ? csv->columns[field] : 1, err, "%s", message);
}

/* More of the file behind what is left. 0: there is none. */
static int
fill(struct csv *csv, struct cube_error *err)
{
	size_t got;

	memmove(csv->bytes, csv->bytes + csv->start, csv->end - csv->start);
	csv->end -= csv->start;
	csv->start = 0;
	got = fread(csv->bytes + csv->end, 1, BUFFER_SIZE - csv->end, csv->file);
	csv->end += got;
	if (got == 0 && ferror(csv->file))
		return cube_fail(err, CUBE_ERR_INVALID, errno, "%s: cannot be read: %s",
				 csv->name, strerror(errno));
	return got > 0;
}

/* 1: a line, ended by a NUL, is at *line; 0: there is no more. */
static int
next_line(struct csv *csv, char **line, struct cube_error *err)
{
	char *stop;
	size_t size;
	int more = 1;

	for (;;) {
		size = csv->end - csv->start;
		stop = memchr(csv->bytes + csv->start, '\n', size);
		if (stop != NULL || size > CSV_LINE_MAX || more == 0)
			break;
		more = fill(csv, err);
		if (more < 0)
			return more;
	}
	if (size == 0)
		return 0;
	csv->line++;
	if (stop != NULL)
		size = (size_t)(stop - (csv->bytes + csv->start));
	if (size > CSV_LINE_MAX)
		return fail_at(csv, CSV_LINE_MAX + 1, err, "a line has at most %zu bytes",
			       CSV_LINE_MAX);
	*line = csv->bytes + csv->start;
	csv->start += size + (stop != NULL);
	csv->consumed += size + (stop != NULL);
	(*line)[size] = '\0';
	if (strlen(*line) != size)
		return fail_at(csv, strlen(*line) + 1, err,
			       "there is a NUL byte: this is no text");
	if (size > 0 && (*line)[size - 1] == '\r')
		(*line)[size - 1] = '\0';
	return 1;
}

/* *at: at the quote; in the end at what follows the closing one. */
static int
unquote(const struct csv *csv, const char *line, char **at, struct cube_error *err)
{
	const char *start = *at;
	const char *from = start + 1;
	char *to = *at;

	for (; *from != '\0'; from++) {
		if (*from == '"' && from[1] != '"') {
			size_t after = (size_t)(from + 1 - line);

			if (from[1] != '\0' && from[1] != ',')
				return fail_at(csv, after + 1, err,
					       "a comma or the end of the line follows a "
					       "closing quote; a quote inside is doubled");
			*at += after - (size_t)(start - line);
			*to = '\0';
			return 0;
		}
		from += *from == '"';
		*to++ = *from;
	}
	return fail_at(csv, (size_t)(start - line) + 1, err,
		       "the quote is not closed on this line");
}

static int
split(struct csv *csv, char *line, struct cube_error *err)
{
	char *at = line;
	char end;

	csv->count = 0;
	do {
		if (csv->count == CSV_FIELDS_MAX)
			return fail_at(csv, (size_t)(at - line) + 1, err,
				       "a line has at most %d fields", CSV_FIELDS_MAX);
		csv->columns[csv->count] = (uint32_t)(at - line) + 1;
		csv->fields[csv->count++] = at;
		if (*at == '"') {
			if (unquote(csv, line, &at, err) != 0)
				return err->code;
		} else {
			at += strcspn(at, ",");
		}
		end = *at;
		*at++ = '\0';
	} while (end == ',');
	return 1;
}

int
csv_next(struct csv *csv, struct cube_error *err)
{
	char *line = NULL;
	int rc;

	do {
		rc = next_line(csv, &line, err);
		assert(rc != 1 || line != NULL);
	} while (rc == 1 && (line[0] == '\0' || line[0] == '#'));
	return rc == 1 ? split(csv, line, err) : rc;
}
