/* cube/table.c - see the header. */
#include "table.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

#define JSON_LIMIT_BYTES (256u << 20)

int
output_form(const struct cli_values *values, enum output_form *out, struct cube_error *err)
{
	static const char *const names[] = {"table", "json", "name"};
	const char *given = cli_text(values, "output");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(given, names[i]) == 0) {
			*out = (enum output_form)i;
			return 0;
		}
	}
	return cube_fail(err, CUBE_ERR_INVALID, 0,
			 "--output wants table, json or name, not '%s'", given);
}

/* ---- tables ---- */

static void
cell_add(struct table *table, const char *text)
{
	if (table->filled == table->capacity) {
		size_t capacity = table->capacity == 0 ? 256 : table->capacity * 2;
		char **cells = realloc(table->cells, capacity * sizeof(*cells));

		if (cells == NULL) {
			table->failed = true;
			return;
		}
		table->cells = cells;
		table->capacity = capacity;
	}
	table->cells[table->filled] = strdup(text);
	if (table->cells[table->filled] == NULL)
		table->failed = true;
	else
		table->filled++;
}

void
table_init(struct table *table, const char *const *heads)
{
	memset(table, 0, sizeof(*table));
	while (heads[table->columns] != NULL && table->columns < TABLE_COLUMNS_MAX)
		table->columns++;
	table_add(table, heads);
}

void
table_init_bare(struct table *table, size_t columns)
{
	memset(table, 0, sizeof(*table));
	table->columns = columns < TABLE_COLUMNS_MAX ? columns : TABLE_COLUMNS_MAX;
}

void
table_add(struct table *table, const char *const *cells)
{
	for (size_t i = 0; i < table->columns && !table->failed; i++)
		cell_add(table, cells[i]);
	if (!table->failed)
		table->rows++;
}

/* Characters, not bytes: UTF-8's continuation bytes do not count. */
static size_t
text_width(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void
row_print(const struct table *table, size_t row, const size_t *widths, FILE *out)
{
	size_t last = table->columns;

	while (last > 1 && table->cells[row * table->columns + last - 1][0] == '\0')
		last--;
	for (size_t i = 0; i < last; i++) {
		const char *text = table->cells[row * table->columns + i];

		text_print(out, text);
		if (i + 1 < last)
			(void)fprintf(out, "%*s", (int)(widths[i] - text_width(text) + 2), "");
	}
	(void)fputc('\n', out);
}

int
table_print(const struct table *table, FILE *out, struct cube_error *err)
{
	size_t widths[TABLE_COLUMNS_MAX] = {0};

	for (size_t i = 0; i < table->rows * table->columns; i++) {
		size_t width = text_width(table->cells[i]);

		if (width > widths[i % table->columns])
			widths[i % table->columns] = width;
	}
	for (size_t row = 0; row < table->rows; row++)
		row_print(table, row, widths, out);
	return table->failed ? cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory") : 0;
}

void
table_release(struct table *table)
{
	for (size_t i = 0; i < table->filled; i++)
		free(table->cells[i]);
	free(table->cells);
	memset(table, 0, sizeof(*table));
}

/* ---- the rest ---- */

void
text_shorten(const char *text, char *out, size_t size)
{
	static const char more[] = "...";
	size_t length = strlen(text);

	if (length < size) {
		(void)memcpy(out, text, length + 1);
		return;
	}
	length = size - sizeof(more);
	while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
		length--; /* no half of a character */
	(void)snprintf(out, size, "%.*s%s", (int)length, text, more);
}

void
detail_print(FILE *out, const char *key, const char *value)
{
	(void)fprintf(out, "%-13s", key);
	text_print(out, value);
	(void)fputc('\n', out);
}

int
json_print(FILE *out, const struct json_value *value, struct cube_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(JSON_LIMIT_BYTES);
	struct json_writer *writer = json_writer_new(&text, true);

	if (writer != NULL) {
		json_value_write(writer, value);
		json_writer_free(writer);
	}
	if (writer == NULL || text.failed)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	json_text_print(out, text.data, text.size);
	if (text.size == 0 || text.data[text.size - 1] != '\n')
		(void)fputc('\n', out);
	return 0;
}

void
age_format(const char *time, char *out, size_t size)
{
	int64_t then_ms = 0;
	int64_t seconds;

	if (timestamp_parse(time, &then_ms) < 0 || then_ms == 0) {
		(void)snprintf(out, size, "-");
		return;
	}
	seconds = (clock_now().wall_ms - then_ms) / 1000;
	if (seconds < 0)
		seconds = 0;
	if (seconds < 120)
		(void)snprintf(out, size, "%llds", (long long)seconds);
	else if (seconds < 7200)
		(void)snprintf(out, size, "%lldm", (long long)seconds / 60);
	else if (seconds < 172800)
		(void)snprintf(out, size, "%lldh", (long long)seconds / 3600);
	else
		(void)snprintf(out, size, "%lldd", (long long)seconds / 86400);
}
