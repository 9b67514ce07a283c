/* base/log.c - writes the lines of base/log.h.
 *
 * Owns one line's buffer, behind a mutex, so that each line goes out whole, in one
 * write where the kernel takes it so. A log that cannot be written (full disk, closed
 * pipe) drops its line: nobody below waits for it or fails because of it. The file
 * descriptor is the caller's. [any]
 */
#include "base/log.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <cube/plugin.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_LIMIT_BYTES  16384
#define VALUE_LIMIT_BYTES 2048 /* of one value, before escaping */

struct log {
	int fd;
	atomic_int level;
	pthread_mutex_t lock;
	struct buf line; /* under lock */
};

static const char *const level_names[] = {"error", "warning", "info", "debug"};

struct log *
log_new(int fd, enum log_level level)
{
	struct log *log = calloc(1, sizeof(*log));

	if (log == NULL)
		return NULL;
	if (pthread_mutex_init(&log->lock, NULL) != 0) {
		free(log);
		return NULL;
	}
	log->fd = fd;
	atomic_init(&log->level, (int)level);
	buf_init(&log->line, LINE_LIMIT_BYTES);
	return log;
}

void
log_free(struct log *log)
{
	if (log == NULL)
		return;
	buf_release(&log->line);
	(void)pthread_mutex_destroy(&log->lock);
	free(log);
}

void
log_set_level(struct log *log, enum log_level level)
{
	atomic_store_explicit(&log->level, (int)level, memory_order_relaxed);
}

int
log_level_parse(const char *text, enum log_level *level)
{
	int i;

	for (i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*level = (enum log_level)i;
			return 0;
		}
	}
	return CUBE_ERR_INVALID;
}

static bool
is_plain(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("-_./:@+,%~#*()[]", c) != NULL);
}

/* One character that cannot stand as it is. */
static void
put_escaped(struct buf *out, unsigned char c)
{
	if (c == '"' || c == '\\')
		buf_printf(out, "\\%c", c);
	else if (c == '\n')
		buf_append(out, "\\n", 2);
	else if (c == '\t')
		buf_append(out, "\\t", 2);
	else
		buf_printf(out, "\\x%02x", c);
}

/* How many bytes here can stand as they are. What cannot: bytes that are no UTF-8, and
 * what a terminal might take as a command or breaks the line or the quotes. The C1
 * controls are two bytes, c2 80 to c2 9f. */
static size_t
harmless_prefix(const unsigned char *at, size_t size)
{
	size_t valid = utf8_valid_prefix((const char *)at, size);
	size_t i;

	for (i = 0; i < valid; i++) {
		if (at[i] < 0x20 || at[i] == 0x7f || at[i] == '"' || at[i] == '\\')
			break;
		if (at[i] == 0xc2 && at[i + 1] < 0xa0)
			break;
	}
	return i;
}

static void
put_quoted(struct buf *out, const char *value, size_t size)
{
	const unsigned char *at = (const unsigned char *)value;

	buf_append(out, "\"", 1);
	while (size > 0) {
		size_t harmless = harmless_prefix(at, size);

		buf_append(out, at, harmless);
		at += harmless;
		size -= harmless;
		if (size > 0) {
			bool is_c1 = size > 1 && at[0] == 0xc2 && (at[1] & 0xe0) == 0x80;

			put_escaped(out, *at++);
			size--;
			if (is_c1) {
				put_escaped(out, *at++);
				size--;
			}
		}
	}
	buf_append(out, "\"", 1);
}

static void
put_value(struct buf *out, const char *value)
{
	size_t size = strnlen(value, VALUE_LIMIT_BYTES + 1);
	bool cut = size > VALUE_LIMIT_BYTES;
	size_t i;

	if (cut) {
		size = utf8_valid_prefix(value, VALUE_LIMIT_BYTES);
		/* Between two characters, if it is text at all. */
		if (VALUE_LIMIT_BYTES - size > 3)
			size = VALUE_LIMIT_BYTES;
	}
	for (i = 0; i < size && is_plain((unsigned char)value[i]); i++)
		;
	if (size > 0 && i == size)
		buf_append(out, value, size);
	else
		put_quoted(out, value, size);
	if (cut)
		buf_append_text(out, "...");
}

static void
put_pairs(struct buf *out, const char *event, va_list pairs)
{
	const char *key;

	buf_append_text(out, event);
	while ((key = va_arg(pairs, const char *)) != NULL) {
		const char *value = va_arg(pairs, const char *);

		if (value == NULL)
			continue;
		buf_append(out, " ", 1);
		buf_append_text(out, key);
		buf_append(out, "=", 1);
		put_value(out, value);
	}
}

void
log_format(struct buf *out, const char *event, ...)
{
	va_list pairs;

	va_start(pairs, event);
	put_pairs(out, event, pairs);
	va_end(pairs);
}

void
log_format_va(struct buf *out, const char *event, va_list pairs)
{
	put_pairs(out, event, pairs);
}

/* Under lock: an empty line with its time and level. */
static void
line_begin(struct log *log, enum log_level level)
{
	char time[TIMESTAMP_SIZE];

	timestamp_format(clock_now().wall_ms, time);
	buf_reset(&log->line);
	buf_append_text(&log->line, time);
	buf_append(&log->line, " ", 1);
	buf_append_text(&log->line, level_names[level]);
	buf_append(&log->line, " ", 1);
}

/* Under lock. A line that did not fit, or found no memory, ends where it ended. */
static void
line_write(struct log *log)
{
	struct buf *line = &log->line;
	const char *at;
	size_t left;

	line->failed = false;
	buf_append(line, "\n", 1);
	if (line->failed && line->size > 0) {
		/* No room even for that: it takes the last byte's. */
		line->data[line->size - 1] = '\n';
	}
	at = buf_text(line);
	left = line->size;
	while (left > 0) {
		ssize_t written = write(log->fd, at, left);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			break;
		at += written;
		left -= (size_t)written;
	}
}

static bool
is_wanted(struct log *log, enum log_level level)
{
	return log != NULL &&
	       (int)level <= atomic_load_explicit(&log->level, memory_order_relaxed);
}

void
log_event(struct log *log, enum log_level level, const char *event, ...)
{
	va_list pairs;

	if (!is_wanted(log, level) || pthread_mutex_lock(&log->lock) != 0)
		return;
	line_begin(log, level);
	va_start(pairs, event);
	put_pairs(&log->line, event, pairs);
	va_end(pairs);
	line_write(log);
	(void)pthread_mutex_unlock(&log->lock);
}

void
log_line(struct log *log, enum log_level level, const char *line)
{
	if (!is_wanted(log, level) || pthread_mutex_lock(&log->lock) != 0)
		return;
	line_begin(log, level);
	buf_append_text(&log->line, line);
	line_write(log);
	(void)pthread_mutex_unlock(&log->lock);
}
