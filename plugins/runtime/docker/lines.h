/* lines.h - a stream of JSON objects, one a line, cut into lines of a bounded length. */
#ifndef DOCKER_LINES_H
#define DOCKER_LINES_H

#include "base/buf.h"

struct lines {
	struct buf partial; /* BUF_INIT(longest line) */
	void *ctx;
	int (*line)(void *ctx, const char *text, size_t size); /* not empty; no newline */
};

/* 0; what a line returned if it is not 0; -1 for a line that is too long. */
int lines_feed(struct lines *lines, const char *bytes, size_t size);
int lines_end(struct lines *lines); /* the stream has ended: what is left is a line too */

#endif
