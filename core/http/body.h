/* http/body.h - the whole body of a request, read with a deadline and a limit of its own. */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include "base/buf.h"
#include "base/error.h"
#include "http/request.h"

/* Reads the body into out, whose limit is the body's. 0, or the HTTP status to answer with
 * and a message in *err: 400 (framing: two lengths, a length and a transfer encoding, a
 * length that is no number, cut short), 408 (too slow), 413 (the limit is in the message), 503
 * (too many large ones at once). No body: 0 and an empty out. At most once a request. */
int http_body(struct http_request *request, struct buf *out, struct cube_error *err);

/* The same, and answers by itself when it fails: false, and the handler returns. */
bool http_body_or_reply(struct http_request *request, struct buf *out);

#endif
