/* http/fetch.h - one request on the calling thread, with its answer as it comes.
 *
 * For what may last: the logs of a task, and for the command line, which has no other
 * threads. Plain http, no redirects, no proxy.
 */
#ifndef HTTP_FETCH_H
#define HTTP_FETCH_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct fetch {
	const char *method; /* NULL: GET, or POST with a body */
	const char *url;
	const void *body; /* NULL: none */
	size_t body_size;
	const char *const *fields;   /* "Name: value", NULL-ended; may be NULL */
	uint32_t connect_timeout_ms; /* 0: 5,000 */
	uint32_t timeout_ms;         /* the whole exchange; 0: no limit (a followed log) */
	uint32_t stall_timeout_ms;   /* no byte for so long ends it; 0: no limit */
	size_t limit_bytes;          /* of a gathered body; 0: 64 MiB */
	/* Once, when the status is known and before the first byte. Non-zero ends the fetch.
	 * May be NULL. */
	int (*head)(void *ctx, int status, const char *type);
	/* Each piece of the body of a 2xx answer; non-zero ends the fetch with
	 * CUBE_ERR_CONFLICT. NULL: the body is gathered in response, as one that is not 2xx
	 * always is. */
	int (*piece)(void *ctx, const void *bytes, size_t size);
	/* Asked about every second, also while nothing comes; non-zero ends it. May be NULL. */
	int (*stop)(void *ctx);
	void *ctx;
	/* the outcome */
	int status;
	struct buf response;
	struct buf head_text;
};

/* 0 once an HTTP answer has come whole, whatever its status; else UNAVAILABLE (no
 * connection, or it broke), TIMEOUT, INVALID (not HTTP, too long), CONFLICT (a callback
 * ended it). Releases nothing: call fetch_release after, also on failure. [any] */
int fetch_run(struct fetch *fetch, struct cube_error *err);
void fetch_release(struct fetch *fetch);
/* A header field of the answer; false: not there, or too long. */
bool fetch_field(const struct fetch *fetch, const char *name, char *out, size_t out_size);
/* The Message of an error body, else what the status means; always some text. */
void fetch_error_message(const struct fetch *fetch, char *out, size_t out_size);

/* curl's set-up; once, before any thread starts. */
int fetch_init(struct cube_error *err);

#endif
