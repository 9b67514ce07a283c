/* http/reply.h - the answer of a handler, in one write.
 *
 * Each handler replies once; a second reply is a bug. A client that has gone is no
 * error: nothing is told. Used by the handler's thread alone.
 */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include "base/buf.h"
#include "http/request.h"

#define HTTP_JSON       "application/json"
#define HTTP_JSON_LINES "application/x-ndjson"
#define HTTP_TEXT       "text/plain; charset=utf-8"

struct http_field {
	const char *name; /* NULL ends the array */
	const char *value;
};

/* type may be NULL without a body; fields may be NULL. Status 204: no body. */
void http_reply(struct http_request *request, int status, const char *type,
		const struct http_field *fields, const void *body, size_t size);
/* The buffer as JSON; a buffer that failed is answered with 500. */
void http_reply_json(struct http_request *request, int status, const struct http_field *fields,
		     const struct buf *body);
/* {"HTTPStatusCode": status, "Message": "..."} */
__attribute__((format(printf, 3, 4))) void
http_reply_error(struct http_request *request, int status, const char *fmt, ...);
void http_reply_error_fields(struct http_request *request, int status,
			     const struct http_field *fields, const char *message);

/* The status that an error of ours has: INVALID 400, NOT_FOUND 404, CONFLICT 409,
 * UNAVAILABLE and NO_MEMORY 503, TIMEOUT 504, UNSUPPORTED 501, else 500. */
int http_status_of(int code);

/* The error body alone. */
void http_error_body(struct buf *out, int status, const char *message);

#endif
