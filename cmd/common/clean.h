/* common/clean.h - text of strangers on its way to a terminal.
 *
 * Names, reasons and messages come from tasks, nodes and whoever answers as the manager:
 * what could drive a terminal is shown as '?'. A task's output goes through untouched to a
 * file or a pipe; to a terminal only lines, tabs and colours pass. Main thread.
 */
#ifndef COMMON_CLEAN_H
#define COMMON_CLEAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Prints text with '?' for control characters and for bytes that are no UTF-8. */
void text_print(FILE *out, const char *text);
/* JSON that was written by base/json: the control characters that JSON lets pass, as
 * escapes of the same meaning. */
void json_text_print(FILE *out, const char *json, size_t size);

/* "WHO: message" on standard error: one line, cleaned. */
__attribute__((format(printf, 2, 3))) void complain(const char *who, const char *fmt, ...);

/* Of a task's output, between its pieces. Zero at the start. */
struct cleaner {
	char held[32]; /* an escape sequence, or a character, that is not whole yet */
	size_t size;
};

/* False: out cannot be written. */
bool cleaner_print(struct cleaner *cleaner, const char *bytes, size_t size, FILE *out);

#endif
