/* tests/unit/http_server_rig.h - a server on a free port, its handlers, and a client that says
 * what it likes over a raw socket. Time limits are generous, because the point is that
 * something happens at all, and the machine may be busy. Each test program includes it once. */
#ifndef HTTP_SERVER_RIG_H
#define HTTP_SERVER_RIG_H

#include "http/body.h"
#include "http/reply.h"
#include "http/server.h"
#include "http/stream.h"

#include "base/clock.h"
#include "check_main.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BODY_LIMIT   1000
#define BODIES_LIMIT ((size_t)6 << 20)
#define THREADS      8

static struct http_server *server;
static atomic_int released; /* the handler of /wait goes on */
static pthread_mutex_t wait_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wait_over = PTHREAD_COND_INITIALIZER;

/* ---- handlers ---- */

static inline void
on_echo(void *ctx, struct http_request *request)
{
	cleanup_buf struct buf body = BUF_INIT(BODY_LIMIT);

	(void)ctx;
	if (http_body_or_reply(request, &body))
		http_reply(request, 200, HTTP_TEXT, NULL, body.data, body.size);
}

static inline void
on_large(void *ctx, struct http_request *request)
{
	cleanup_buf struct buf body = BUF_INIT((size_t)20 << 20);

	(void)ctx;
	if (http_body_or_reply(request, &body))
		http_reply(request, 200, HTTP_TEXT, NULL, body.data, body.size);
}

static inline void
on_query(void *ctx, struct http_request *request)
{
	struct cube_error err;
	char name[16];
	uint64_t limit = 7;
	bool follow = false;

	(void)ctx;
	if (http_query(request, "name", name, sizeof(name), &err) < 0 ||
	    http_query_number(request, "limit", 1, 1000, &limit, &err) < 0 ||
	    http_query_bool(request, "follow", &follow, &err) < 0) {
		http_reply_error(request, 400, "%s", err.message);
		return;
	}
	http_reply_error(request, 422, "%s|%s|%d|%d", http_param(request, "id"), name,
			 (int)limit, (int)follow);
}

static inline void
on_stream(void *ctx, struct http_request *request)
{
	struct http_stream *stream;
	struct cube_error err;

	(void)ctx;
	if (http_stream_begin(request, "s", 200, HTTP_TEXT, NULL, &stream, &err) != 0) {
		http_reply_error(request, http_status_of(err.code), "%s", err.message);
		return;
	}
	(void)http_stream_write(stream, "one ", 4);
	(void)http_stream_write(stream, "two", 3);
	http_stream_end(stream, true);
}

static inline void
wait_released(void)
{
	pthread_mutex_lock(&wait_lock);
	while (atomic_load(&released) == 0)
		pthread_cond_wait(&wait_over, &wait_lock);
	pthread_mutex_unlock(&wait_lock);
}

static inline void
release(void)
{
	pthread_mutex_lock(&wait_lock);
	atomic_store(&released, 1);
	pthread_cond_broadcast(&wait_over);
	pthread_mutex_unlock(&wait_lock);
}

static inline void
on_held_stream(void *ctx, struct http_request *request)
{
	struct http_stream *stream;
	struct cube_error err;

	(void)ctx;
	if (http_stream_begin(request, "held", 200, HTTP_TEXT, NULL, &stream, &err) != 0) {
		http_reply_error(request, http_status_of(err.code), "%s", err.message);
		return;
	}
	wait_released();
	http_stream_end(stream, true);
}

static inline void
on_wait(void *ctx, struct http_request *request)
{
	(void)ctx;
	wait_released();
	http_reply(request, 200, HTTP_TEXT, NULL, "done", 4);
}

static atomic_int kept; /* handlers that hold a body and wait */

static inline void
on_keep(void *ctx, struct http_request *request)
{
	cleanup_buf struct buf body = BUF_INIT(BODIES_LIMIT);

	(void)ctx;
	if (!http_body_or_reply(request, &body))
		return;
	(void)atomic_fetch_add(&kept, 1);
	wait_released();
	http_reply(request, 200, HTTP_TEXT, NULL, "kept", 4);
}

static inline void
on_silent(void *ctx, struct http_request *request)
{
	(void)ctx;
	(void)request;
}

static inline void
on_nothing(void *ctx, struct http_request *request)
{
	(void)ctx;
	http_reply(request, 204, NULL, NULL, NULL, 0);
}

static const struct http_route routes[] = {
	{"POST", "/echo", on_echo},
	{"GET", "/echo", on_echo},
	{"POST", "/large", on_large},
	{"GET", "/query/{id}", on_query},
	{"GET", "/stream", on_stream},
	{"GET", "/held", on_held_stream},
	{"GET", "/wait", on_wait},
	{"GET", "/silent", on_silent},
	{"DELETE", "/nothing", on_nothing},
	{"POST", "/keep", on_keep},
	{NULL, NULL, NULL},
};

/* ---- a raw client ---- */

static inline int
dial(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(http_server_port(server)),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static inline void
say(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t sent = send(fd, text, size, MSG_NOSIGNAL);

		if (sent <= 0)
			return; /* the server may have had enough */
		text += sent;
		size -= (size_t)sent;
	}
}

/* All that comes until the server closes, at most ms of silence. */
static inline size_t
hear(int fd, char *out, size_t out_size, int ms)
{
	size_t used = 0;

	while (used + 1 < out_size) {
		struct pollfd at = {.fd = fd, .events = POLLIN};
		ssize_t got;

		if (poll(&at, 1, ms) <= 0)
			break;
		got = recv(fd, out + used, out_size - 1 - used, 0);
		if (got <= 0)
			break;
		used += (size_t)got;
	}
	out[used] = '\0';
	return used;
}

static inline void
ask(const char *text, char *out, size_t out_size)
{
	int fd = dial();

	say(fd, text, strlen(text));
	(void)hear(fd, out, out_size, 10000);
	close(fd);
}

static inline void
expect(const char *text, int status, const char *part)
{
	char answer[8192];
	char want[32];

	ask(text, answer, sizeof(answer));
	(void)snprintf(want, sizeof(want), "HTTP/1.1 %d ", status);
	if (strncmp(answer, want, strlen(want)) != 0 || strstr(answer, part) == NULL)
		ck_abort_msg("asked: %.200s\nwant %d with %s\ngot: %s", text, status, part,
			     answer);
	ck_assert_ptr_nonnull(strstr(answer, "Cube-Protocol: 1\r\n"));
	if (status >= 400) {
		char code[40];

		(void)snprintf(code, sizeof(code), "{\"HTTPStatusCode\":%d,\"Message\":\"",
			       status);
		ck_assert_msg(strstr(answer, code) != NULL, "no error body: %s", answer);
	}
}

static inline void
setup(void)
{
	const struct http_server_config config = {
		.routes = routes, .threads = THREADS, .bodies_bytes = BODIES_LIMIT};
	struct cube_error err;

	atomic_store(&released, 0);
	ck_assert_msg(http_server_start(&config, &server, &err) == 0, "%s", err.message);
	ck_assert_uint_ne(http_server_port(server), 0);
}

static inline void
teardown(void)
{
	release();
	ck_assert(http_server_stop(server, clock_now().mono_ms + 2000));
}

#endif
