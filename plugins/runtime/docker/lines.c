/* lines.c - cuts a stream into lines. Pure; owned by the thread that reads the stream. */
#include "lines.h"

#include <string.h>

int
lines_end(struct lines *lines)
{
	struct buf *partial = &lines->partial;
	int rc = 0;

	while (partial->size > 0 && partial->data[partial->size - 1] == '\r')
		partial->size--;
	if (partial->size > 0)
		rc = lines->line(lines->ctx, partial->data, partial->size);
	buf_reset(partial);
	return rc;
}

int
lines_feed(struct lines *lines, const char *bytes, size_t size)
{
	while (size > 0) {
		const char *end = memchr(bytes, '\n', size);
		size_t part = end == NULL ? size : (size_t)(end - bytes);
		int rc;

		buf_append(&lines->partial, bytes, part);
		if (lines->partial.failed)
			return -1;
		if (end == NULL)
			return 0;
		rc = lines_end(lines);
		if (rc != 0)
			return rc;
		bytes += part + 1;
		size -= part + 1;
	}
	return 0;
}
