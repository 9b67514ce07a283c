/* base/log.h - one line an event: time, level, event, key=value ...
 *
 *     2026-03-01T12:00:00.000Z info task.placed task=... node=n1
 *
 * Values with anything but plain characters are quoted, control characters
 * escaped. Only core/shell and cmd write logs; a brain puts lines into its batch.
 * No secrets go in here: no environment of a task, no credentials, no tokens.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/buf.h"

enum log_level {
	LOG_LEVEL_ERROR = 0, /* the numbers of cube_host.log */
	LOG_LEVEL_WARNING = 1,
	LOG_LEVEL_INFO = 2,
	LOG_LEVEL_DEBUG = 3
};

struct log;

struct log *log_new(int fd, enum log_level level); /* fd stays the caller's; NULL: no memory */
void log_free(struct log *log);
void log_set_level(struct log *log, enum log_level level);

/* [any] Pairs of const char *key, *value (NULL value: left out), then NULL.
 * log may be NULL: nothing is written. */
__attribute__((sentinel)) void
log_event(struct log *log, enum log_level level, const char *event, ...);
/* [any] A line that log_format has made. */
void log_line(struct log *log, enum log_level level, const char *line);

/* "event key=value ...", no time, no level, no newline: what a brain puts into its
 * batch. Pure. */
__attribute__((sentinel)) void log_format(struct buf *out, const char *event, ...);
void log_format_va(struct buf *out, const char *event, va_list pairs); /* the same */

/* "error", "warning", "info", "debug" -> level; 0 or CUBE_ERR_INVALID. */
int log_level_parse(const char *text, enum log_level *level);

#endif
