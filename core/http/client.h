/* http/client.h - many requests at once on one thread of its own (curl multi).
 *
 * Keeps a connection open to each peer. A peer that accepts and never answers costs its
 * own call's deadline and nothing else. Plain http, no redirects, no proxy, no Expect.
 */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct http_client;

/* A request. Made by http_call_new, filled in, handed to http_client_call. Extend it by
 * making it the first member of the caller's struct: see free. */
struct http_call {
	const char *method; /* static text */
	char url[256];
	char *body; /* malloced, owned by the call; NULL: none */
	size_t body_size;
	const char *const
		*fields; /* "Name: value", NULL-ended; borrowed, static; may be NULL */
	uint32_t connect_timeout_ms;
	uint32_t timeout_ms; /* the whole exchange */
	size_t limit_bytes;  /* of the response's body; more is CUBE_ERR_INVALID */
	uint64_t tag;        /* for http_client_cancel */
	const char *target;  /* what is asked for, sent as it is; borrowed; NULL: url says it */
	bool alone;          /* on a connection of its own, which is closed afterwards */
	/* alone: nothing is sent. It goes well if the connection was taken and the peer has
	 * not closed it after settle_ms: a proxy may take what its own service refuses. */
	bool connect_only;
	uint32_t settle_ms;
	/* [client thread] Before the call starts: makes the body, so that its maker need not.
	 * False: out of memory. May be NULL. */
	bool (*prepare)(struct http_call *call);
	/* [client thread] Takes the call: reads what is below and frees it. Must not
	 * block. Not called for a cancelled call, which is freed with free. */
	void (*done)(struct http_call *call);
	void (*free)(
		struct http_call *call); /* frees all of it: http_call_release, then itself */
	/* the outcome */
	struct cube_error error; /* code 0: an HTTP answer came; UNAVAILABLE: no connection,
				  * or it broke; TIMEOUT: it is too late; INVALID: too long or
				  * not HTTP; NO_MEMORY: not sent, or its turn did not come */
	int status;
	bool cut; /* with INVALID: the answer was too long, and response has its beginning */
	struct buf response;
	struct buf head; /* the response's header fields, for http_call_field */
	/* private to the client */
	void *handle;
	struct http_call *next, *previous;
	struct http_call *later;
	uint64_t since_ms;
	int open_errno; /* why it got no socket */
};

/* One with the defaults (5 s to connect, 30 s, 1 MiB); size at least sizeof(struct
 * http_call), the rest zero. NULL: no memory. */
struct http_call *http_call_new(size_t size);
void http_call_release(struct http_call *call); /* its contents */
void http_call_free(struct http_call *call);    /* a plain one, whole; NULL is fine */
/* The value of a header field of the answer into out; false: not there, or too long. */
bool
http_call_field(const struct http_call *call, const char *name, char *out, size_t out_size);

/* connections: how many are kept open while idle. */
int http_client_new(size_t connections, struct http_client **out, struct cube_error *err);
/* One with so many calls under way at once at most; the others wait for their turn, wait_ms
 * at the longest. That time is not of their own. No idle connections are kept. */
int http_client_new_limited(size_t most, uint32_t wait_ms, struct http_client **out,
			    struct cube_error *err);
/* Gives up what is under way, without done; joins the thread. NULL is fine. */
void http_client_free(struct http_client *client);

/* [any] Takes the call. Never fails: what cannot be sent is done with an error. */
void http_client_call(struct http_client *client, struct http_call *call);
/* [any] Calls with this tag that were made before are given up, without done, soon. */
void http_client_cancel(struct http_client *client, uint64_t tag);

#endif
