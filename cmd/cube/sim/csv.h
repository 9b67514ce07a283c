/* cube/sim/csv.h - records of a CSV file, one a line, in bounded memory.
 *
 * Fields are separated by commas; one that begins with a double quote ends at the next single
 * one, and two of them inside stand for one (RFC 4180, without line ends in a field). Lines
 * end in LF or CRLF. Main thread.
 */
#ifndef CUBE_SIM_CSV_H
#define CUBE_SIM_CSV_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CSV_LINE_MAX   ((size_t)64 << 10)
#define CSV_FIELDS_MAX 32

struct csv {
	FILE *file;       /* borrowed */
	const char *name; /* of it, for errors; borrowed */
	char *bytes;
	size_t start; /* of what is not taken yet */
	size_t end;
	uint64_t consumed; /* bytes of the file taken */
	uint64_t line;     /* of the record, from 1 */
	uint32_t count;    /* fields */
	char *fields[CSV_FIELDS_MAX];
	uint32_t columns[CSV_FIELDS_MAX]; /* where each began, from 1 */
};

int csv_init(struct csv *csv, FILE *file, const char *name, struct cube_error *err);
void csv_release(struct csv *csv);
/* 1: a record is in fields, valid until the next call; 0: the end; else INVALID with file,
 * line and column. Empty lines and lines that begin with # are passed over. */
int csv_next(struct csv *csv, struct cube_error *err);
/* INVALID with file, line and the column of a field. */
__attribute__((format(printf, 4, 5))) int
csv_fail(const struct csv *csv, uint32_t field, struct cube_error *err, const char *fmt, ...);

#endif
