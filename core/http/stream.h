/* http/stream.h - an answer of unknown length, sent in pieces (chunked).
 *
 * A stream holds a thread for as long as it lasts, so there are at most HTTP_STREAMS_MAX
 * in all and HTTP_STREAMS_A_KEY for one key (a task's id). A reader that does
 * not read for HTTP_WRITE_TIMEOUT_MS is cut off. Used by the handler's thread alone.
 */
#ifndef HTTP_STREAM_H
#define HTTP_STREAM_H

#include "http/reply.h"

struct http_stream;

/* The key of streams that count in all, but not against each other. */
#define HTTP_STREAM_SHARED "*"

/* key NULL: counted by nobody, for answers that end by themselves (long lists). CUBE_ERR_
 * UNAVAILABLE above a limit (answer 503 with the message); on failure nothing was sent. */
int http_stream_begin(struct http_request *request, const char *key, int status,
		      const char *type, const struct http_field *fields,
		      struct http_stream **out, struct cube_error *err);
/* False: the reader is gone, or the server ends; the caller ends its stream. size 0: only
 * asks whether the reader is still there. */
bool http_stream_write(struct http_stream *stream, const void *bytes, size_t size);
/* Ends it properly if whole, else cuts the connection so that the reader sees that
 * something is missing. Frees it. NULL is fine. */
void http_stream_end(struct http_stream *stream, bool whole);

#endif
