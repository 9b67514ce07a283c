/* records.h - read the records of one output file (names.h), one after another.
 *
 * What is no record, in a file that someone has damaged, is passed on as it is: output
 * is for people to look at. Owned by one thread.
 */
#ifndef PROCESS_RECORDS_H
#define PROCESS_RECORDS_H

#include "names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct output_record {
	int64_t wall_ms;  /* 0: not known */
	int stream;       /* 1 stdout, 2 stderr */
	bool ends_line;   /* then text ends with the newline */
	const char *text; /* in the reader, until the next call */
	size_t size;
};

struct records {
	int fd; /* the caller's; read from its position on */
	size_t start;
	size_t end;
	char bytes[4 * RECORD_TEXT_MAX];
};

/* fd: an open file, or -1: there are none. Forgets a record cut short. */
void records_begin(struct records *records, int fd);
/* false: there are no more for now; whole ones that are appended are found later. */
bool records_next(struct records *records, struct output_record *out);

#endif
