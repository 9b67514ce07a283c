/* http/exchange.h - a request under way, as the files of this folder share it. Private
 * to core/http. Lives on the stack of the thread that serves it. */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include "http/guard.h"
#include "http/reply.h"
#include "http/server.h"

#include <civetweb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

#define HTTP_HEADER_LIMIT    "16384" /* bytes of a request's header, as civetweb wants it */
#define HTTP_STREAM_KEY_SIZE 64

struct http_server {
	struct mg_context *context;
	struct guard *guard;
	struct sockaddr_in address;
	uint16_t port;
	unsigned threads;
	size_t bodies_bytes;        /* at most so many of all bodies at once ... */
	atomic_size_t bodies_taken; /* ... and those that are held now */
	const struct http_route *routes;
	void *ctx;
	void (*log)(void *ctx, const char *message);
	pthread_mutex_t streams_lock;
	struct {
		char key[HTTP_STREAM_KEY_SIZE]; /* "": free */
	} streams[HTTP_STREAMS_MAX];
};

enum exchange_state {
	EXCHANGE_OPEN,    /* no answer yet */
	EXCHANGE_STREAM,  /* a stream is going out */
	EXCHANGE_ANSWERED /* done */
};

struct http_request {
	struct http_server *server;
	struct mg_connection *mg;
	const struct mg_request_info *info;
	struct connection *connection;
	struct route_match match;
	enum exchange_state state;
	int status;
	bool head;            /* HEAD: the body is left out */
	bool old;             /* HTTP/1.0: no chunks */
	bool chunked;         /* of the request's body */
	bool expects;         /* the client waits for 100 Continue */
	bool body_done;       /* nothing of the body is unread */
	uint64_t body_length; /* unless chunked */
	size_t body_taken;    /* of server->bodies_taken */
};

/* The framing of the request's body, checked before anything else. 0, or the status and
 * a message. */
int body_frame(struct http_request *request, struct cube_error *err);
/* The handler is through with the body. */
void body_give_back(struct http_request *request);
/* Reads and throws away what is left of the body, so that the answer is not lost in the
 * reset that unread data causes; bounded in time and size. */
void body_drain(struct http_request *request);

/* Whether the connection stays for another request; says so to civetweb. */
bool exchange_keeps(struct http_request *request);
/* Header of an answer. length < 0: chunked, or until the end for HTTP/1.0. */
void exchange_head(struct http_request *request, struct buf *out, int status, const char *type,
		   const struct http_field *fields, int64_t length, bool keep);
const char *http_status_text(int status);

/* Streams under way, counted by the server. 0 or UNAVAILABLE; key may be NULL. */
int server_stream_enter(struct http_server *server, const char *key, struct cube_error *err);
void server_stream_leave(struct http_server *server, const char *key);

#endif
