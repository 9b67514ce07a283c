/* base/buf.c - the growing run of bytes of base/buf.h.
 *
 * Owns the bytes of each buffer until buf_take. Capacity doubles, up to the limit
 * and one byte more for the NUL; a failed buffer keeps what it had, so that a
 * message about the failure can still quote it. One thread at a time.
 */
#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST_BYTES 64

void
buf_init(struct buf *buf, size_t limit_bytes)
{
	*buf = (struct buf)BUF_INIT(limit_bytes);
}

void
buf_release(struct buf *buf)
{
	free(buf->data);
	buf_init(buf, buf->limit);
}

void
buf_reset(struct buf *buf)
{
	buf->size = 0;
	buf->failed = false;
	if (buf->data != NULL)
		buf->data[0] = '\0';
}

char *
buf_reserve(struct buf *buf, size_t size)
{
	size_t need;
	size_t capacity;
	char *grown;

	if (buf->failed)
		return NULL;
	if (size > buf->limit - buf->size || buf->size + size == SIZE_MAX) {
		buf->failed = true;
		return NULL;
	}
	need = buf->size + size + 1;
	if (need <= buf->capacity)
		return buf->data + buf->size;
	capacity = buf->capacity < SIZE_MAX / 2 ? buf->capacity * 2 : need;
	if (capacity < BUF_FIRST_BYTES)
		capacity = BUF_FIRST_BYTES;
	/* No more than the limit, which is at least what is needed. */
	if (buf->limit < SIZE_MAX && capacity > buf->limit + 1)
		capacity = buf->limit + 1;
	if (capacity < need)
		capacity = need;
	grown = realloc(buf->data, capacity);
	if (grown == NULL) {
		buf->failed = true;
		return NULL;
	}
	grown[buf->size] = '\0';
	buf->data = grown;
	buf->capacity = capacity;
	return buf->data + buf->size;
}

void
buf_append(struct buf *buf, const void *bytes, size_t size)
{
	char *room;

	if (size == 0)
		return;
	room = buf_reserve(buf, size);
	if (room == NULL)
		return;
	memcpy(room, bytes, size);
	room[size] = '\0';
	buf->size += size;
}

void
buf_append_text(struct buf *buf, const char *text)
{
	buf_append(buf, text, strlen(text));
}

void
buf_printf(struct buf *buf, const char *fmt, ...)
{
	char *at = buf->data != NULL ? buf->data + buf->size : NULL;
	size_t room = at != NULL ? buf->capacity - buf->size : 0;
	char *larger = NULL;
	va_list args;
	int written;

	if (buf->failed)
		return;
	va_start(args, fmt);
	written = vsnprintf(at, room, fmt, args);
	va_end(args);
	if (written >= 0 && (size_t)written >= room)
		larger = buf_reserve(buf, (size_t)written);
	if (larger != NULL) {
		at = larger;
		va_start(args, fmt);
		written = vsnprintf(at, (size_t)written + 1, fmt, args);
		va_end(args);
	}
	if (written < 0)
		buf->failed = true;
	if (!buf->failed)
		buf->size += (size_t)written;
	else if (at != NULL)
		*at = '\0'; /* what did not fit is not there */
}

void
buf_consume(struct buf *buf, size_t size)
{
	if (size >= buf->size) {
		buf->size = 0;
		if (buf->data != NULL)
			buf->data[0] = '\0';
		return;
	}
	memmove(buf->data, buf->data + size, buf->size - size);
	buf->size -= size;
	buf->data[buf->size] = '\0';
}

const char *
buf_text(const struct buf *buf)
{
	if (buf->data == NULL)
		return "";
	/* Whoever wrote in place through buf_reserve has left the NUL to us. */
	buf->data[buf->size] = '\0';
	return buf->data;
}

char *
buf_take(struct buf *buf, size_t *size)
{
	char *taken;

	if (buf->failed)
		return NULL;
	/* Exactly as much as there is: what is taken may be kept for long. */
	taken = realloc(buf->data, buf->size + 1);
	if (taken == NULL && buf->data == NULL)
		return NULL;
	if (taken == NULL)
		taken = buf->data;
	taken[buf->size] = '\0';
	if (size != NULL)
		*size = buf->size;
	buf_init(buf, buf->limit);
	return taken;
}
