/* base/buf.h - a growing run of bytes with a maximum.
 *
 * Born with a limit and never larger. A failure sticks: appending to a failed
 * buffer does nothing, so a writer may append many times and look once, at
 * failed. The bytes are always followed by a NUL that does not count.
 * Owned by one thread at a time.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;  /* NULL while nothing was appended */
	size_t size; /* bytes in use, the NUL not counted */
	size_t capacity;
	size_t limit; /* size never exceeds it */
	bool failed;  /* over the limit, or out of memory */
};

#define BUF_INIT(limit_bytes)          \
	{                              \
		.limit = (limit_bytes) \
	}

void buf_init(struct buf *buf, size_t limit_bytes);
void buf_release(struct buf *buf); /* usable again, empty, same limit */
void buf_reset(struct buf *buf);   /* empty, keeps its memory, clears failed */

void buf_append(struct buf *buf, const void *bytes, size_t size);
void buf_append_text(struct buf *buf, const char *text);
__attribute__((format(printf, 2, 3))) void buf_printf(struct buf *buf, const char *fmt, ...);

/* Room for size more bytes to be written in place at data + size; the caller
 * then adds what it wrote to buf->size. NULL if it does not fit. */
char *buf_reserve(struct buf *buf, size_t size);

/* Forgets the first size bytes. */
void buf_consume(struct buf *buf, size_t size);

/* The text, NUL-terminated; "" if empty. Borrowed until the next change. */
const char *buf_text(const struct buf *buf);

/* Moves the bytes, NUL-terminated, to the caller, who frees them; NULL if the
 * buffer has failed or memory is short. The buffer is empty after. */
char *buf_take(struct buf *buf, size_t *size);

static inline void
buf_cleanup_at(struct buf *buf)
{
	buf_release(buf);
}
#define cleanup_buf __attribute__((cleanup(buf_cleanup_at)))

#endif
