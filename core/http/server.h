/* http/server.h - an HTTP/1.1 server over civetweb: many small threads, one handler each.
 *
 * A connection holds a thread for as long as it lives, so the server gives threads back:
 * keep-alive is short and given up when threads run low, and a guard (guard.h) bounds
 * every read of a body and every long write. Every response carries Cube-Protocol: 1, and
 * every error, those of civetweb itself too, the JSON error body of API.md.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "base/error.h"
#include "http/route.h"

#include <stdint.h>

#define HTTP_THREADS_DEFAULT   112                /* an idle one costs some 15 KiB */
#define HTTP_BODIES_BYTES      ((size_t)64 << 20) /* of all bodies that are held at once */
#define HTTP_STREAMS_MAX       64
#define HTTP_STREAMS_A_KEY     4
#define HTTP_HEADER_TIMEOUT_MS 10000 /* for a request's header to arrive */
#define HTTP_BODY_TIMEOUT_MS   30000 /* for its body */
#define HTTP_SCARCE_TIMEOUT_MS 3000  /* for its body while threads are scarce */
#define HTTP_WRITE_TIMEOUT_MS  30000 /* for a reply to be taken */
#define HTTP_KEEP_ALIVE_MS     3000

struct http_server;

struct http_server_config {
	const char *host;                /* IPv4 address or name; NULL: 127.0.0.1 */
	uint16_t port;                   /* 0: any free one */
	unsigned threads;                /* 0: HTTP_THREADS_DEFAULT */
	size_t bodies_bytes;             /* 0: HTTP_BODIES_BYTES */
	const struct http_route *routes; /* borrowed until stop */
	void *ctx;                       /* handed to each handler */
	/* A line of civetweb's own about what went wrong; any thread; may be NULL. */
	void (*log)(void *ctx, const char *message);
};

/* Bound and listening when it returns. UNAVAILABLE: the port is taken, or no threads;
 * INVALID: the host is not an address of this machine. */
int http_server_start(const struct http_server_config *config, struct http_server **out,
		      struct cube_error *err);
uint16_t http_server_port(const struct http_server *server);

/* Takes no more requests, lets handlers under way finish until deadline_ms (mono), then cuts
 * their connections. True if all ended by deadline_ms + 500 and the server is freed; else it
 * is left as it is, for the process to end with. */
bool http_server_stop(struct http_server *server, uint64_t deadline_ms);

/* True once stop has begun: long handlers (streams, polls) look and end. [any] */
bool http_server_stopping(const struct http_server *server);

#endif
