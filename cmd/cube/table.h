/* cube/table.h - output for people: columns, details, ages; and JSON for scripts.
 *
 * Every text goes through clean.h: texts of tasks and nodes come from strangers.
 */
#ifndef CUBE_TABLE_H
#define CUBE_TABLE_H

#include "base/json.h"
#include "common/clean.h"
#include "common/options.h"

#include <stdio.h>

enum output_form {
	OUTPUT_TABLE,
	OUTPUT_JSON,
	OUTPUT_NAME
};

/* -o; INVALID if it is none of the three. */
int output_form(const struct cli_values *values, enum output_form *out, struct cube_error *err);

#define TABLE_COLUMNS_MAX 10

struct table {
	size_t columns;
	size_t rows;     /* the head, if there is one, is the first */
	size_t filled;   /* cells */
	size_t capacity; /* in cells */
	char **cells;
	bool failed; /* memory was short */
};

void table_init(struct table *table, const char *const *heads); /* NULL-ended */
void table_init_bare(struct table *table, size_t columns);      /* without a head */
/* A row of as many texts as there are columns; copied. */
void table_add(struct table *table, const char *const *cells);
/* Prints it, each column as wide as its widest cell. NO_MEMORY if a row was lost. */
int table_print(const struct table *table, FILE *out, struct cube_error *err);
void table_release(struct table *table);

/* text in out; of one that is too long the beginning and "...". */
void text_shorten(const char *text, char *out, size_t size);

/* "Key:     value" */
void detail_print(FILE *out, const char *key, const char *value);

/* A value as indented JSON and a newline. */
int json_print(FILE *out, const struct json_value *value, struct cube_error *err);

/* "4s", "12m", "3h", "5d" since an RFC 3339 time; "-" for the zero time. */
void age_format(const char *time, char *out, size_t size);

#endif
