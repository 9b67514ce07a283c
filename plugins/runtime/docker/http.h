/* http.h - HTTP/1.1 over the engine's Unix socket, through libcurl.
 *
 * A connection belongs to one thread at a time; http_take hands out an idle one, which
 * is still connected if the engine kept it so, and http_give puts it back. Everything
 * that comes back is bounded, every exchange has a deadline on the host's clock, and no
 * proxy, redirect or other protocol can be talked into. Of Docker it knows one header.
 */
#ifndef DOCKER_HTTP_H
#define DOCKER_HTTP_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>

#define HTTP_NO_DEADLINE UINT64_MAX

struct http;
struct http_conn;

/* For an answer that is read as it comes. The functions get ctx; one that returns
 * non-zero ends the exchange, and the reply says stopped. */
struct http_stream {
	void *ctx;
	int (*begin)(void *ctx); /* a 2xx has begun; may be NULL */
	int (*data)(void *ctx, const char *bytes, size_t size); /* of a 2xx */
	int (*tick)(void *ctx); /* at least every tick_ms, and after http_wake */
	uint32_t tick_ms;
};

struct http_request {
	const char *method; /* GET changes nothing, the others may */
	const char *path;   /* escaped, from its first slash on */
	const char *body;   /* JSON; NULL: none */
	size_t body_size;
	const char *header;               /* one more header line; NULL: none */
	uint64_t deadline_ms;             /* host's clock, or HTTP_NO_DEADLINE */
	size_t limit_bytes;               /* of a collected body; 0: 64 KiB */
	const struct http_stream *stream; /* NULL: the body is collected */
};

struct http_reply {
	long status;
	bool stopped;         /* by a function of the stream */
	char api_version[16]; /* of the header Api-Version; "": there was none */
	struct buf body;      /* collected; of a stream only if not 2xx */
};

static inline void
http_reply_cleanup_at(struct http_reply *reply)
{
	buf_release(&reply->body);
}
#define cleanup_reply __attribute__((cleanup(http_reply_cleanup_at)))

/* socket is copied. NULL: no memory. */
struct http *http_new(const struct cube_host *host, const char *socket);
void http_free(struct http *http); /* all connections are back */

/* [any] Both. */
struct http_conn *http_take(struct http *http, struct cube_error *err); /* NULL: failed */
void http_give(struct http *http, struct http_conn *conn);

/* 0 with the whole answer, whatever its status, or stopped. Else: UNAVAILABLE, nothing
 * was done (no connection; a read that came to no good end); TIMEOUT, the deadline
 * passed, or the answer to something that changes got lost; NO_MEMORY. The reply is
 * zeroed first and is the caller's to release in any case. */
int http_perform(struct http_conn *conn, const struct http_request *request,
		 struct http_reply *reply, struct cube_error *err);

/* [any] The tick of the exchange under way on this connection, or of the next one, is
 * called at once; http_wait returns. */
void http_wake(struct http_conn *conn);

/* Waits for so long, or until http_wake. */
void http_wait(struct http_conn *conn, uint32_t wait_ms);

/* text, percent-encoded but for unreserved characters and those in keep. */
void http_escape(struct buf *out, const char *text, const char *keep);

#endif
