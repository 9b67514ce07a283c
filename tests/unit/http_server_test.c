/* tests/unit/http_server_test.c - the server as strangers use it: over raw sockets.
 *
 * Each test starts a server on a free port. Time limits are generous, because the point is
 * that something happens at all, and the machine may be busy.
 */
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

static void
on_echo(void *ctx, struct http_request *request)
{
	cleanup_buf struct buf body = BUF_INIT(BODY_LIMIT);

	(void)ctx;
	if (http_body_or_reply(request, &body))
		http_reply(request, 200, HTTP_TEXT, NULL, body.data, body.size);
}

static void
on_large(void *ctx, struct http_request *request)
{
	cleanup_buf struct buf body = BUF_INIT((size_t)20 << 20);

	(void)ctx;
	if (http_body_or_reply(request, &body))
		http_reply(request, 200, HTTP_TEXT, NULL, body.data, body.size);
}

static void
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

static void
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

static void
wait_released(void)
{
	pthread_mutex_lock(&wait_lock);
	while (atomic_load(&released) == 0)
		pthread_cond_wait(&wait_over, &wait_lock);
	pthread_mutex_unlock(&wait_lock);
}

static void
release(void)
{
	pthread_mutex_lock(&wait_lock);
	atomic_store(&released, 1);
	pthread_cond_broadcast(&wait_over);
	pthread_mutex_unlock(&wait_lock);
}

static void
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

static void
on_wait(void *ctx, struct http_request *request)
{
	(void)ctx;
	wait_released();
	http_reply(request, 200, HTTP_TEXT, NULL, "done", 4);
}

static atomic_int kept; /* handlers that hold a body and wait */

static void
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

static void
on_silent(void *ctx, struct http_request *request)
{
	(void)ctx;
	(void)request;
}

static void
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

static int
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

static void
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
static size_t
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

static void
ask(const char *text, char *out, size_t out_size)
{
	int fd = dial();

	say(fd, text, strlen(text));
	(void)hear(fd, out, out_size, 10000);
	close(fd);
}

static void
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

static void
setup(void)
{
	const struct http_server_config config = {
		.routes = routes, .threads = THREADS, .bodies_bytes = BODIES_LIMIT};
	struct cube_error err;

	atomic_store(&released, 0);
	ck_assert_msg(http_server_start(&config, &server, &err) == 0, "%s", err.message);
	ck_assert_uint_ne(http_server_port(server), 0);
}

static void
teardown(void)
{
	release();
	ck_assert(http_server_stop(server, clock_now().mono_ms + 2000));
}

/* ---- tests ---- */

START_TEST(a_body_is_read_whole_and_answered)
{
	expect("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: "
	       "close\r\n\r\n"
	       "hello",
	       200, "\r\n\r\nhello");
	expect("POST /echo/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
	       "Connection: close\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
	       200, "\r\n\r\nhello");
	expect("GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200,
	       "Content-Length: 0\r\n");
	expect("DELETE /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 204,
	       "Connection: close");
}
END_TEST

START_TEST(a_connection_serves_many_requests)
{
	static const char one[] =
		"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi";
	int fd = dial();
	char answer[1024];

	for (int i = 0; i < 3; i++) {
		size_t used;

		say(fd, one, sizeof(one) - 1);
		used = hear(fd, answer, sizeof(answer), 300);
		ck_assert_uint_gt(used, 0);
		ck_assert_ptr_nonnull(strstr(answer, "Connection: keep-alive\r\n"));
		ck_assert_str_eq(answer + used - 2, "hi");
	}
	close(fd);
}
END_TEST

START_TEST(a_body_over_the_limit_is_413_and_names_the_limit)
{
	char text[2048];
	char *at = text;

	expect("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n", 413, "1000");
	expect("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999999999\r\n\r\n",
	       413, "1000");
	at += snprintf(at, 200,
		       "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked"
		       "\r\n\r\n3e9\r\n");
	memset(at, 'a', 1001);
	memcpy(at + 1001, "\r\n0\r\n\r\n", 8);
	expect(text, 413, "1000");
}
END_TEST

static int
dial_and_post(const char *path, size_t size)
{
	char head[128];
	char *body = malloc(size);
	int fd = dial();

	ck_assert_ptr_nonnull(body);
	memset(body, 'x', size);
	(void)snprintf(head, sizeof(head),
		       "POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
		       "Content-Length: %zu\r\n\r\n",
		       path, size);
	say(fd, head, strlen(head));
	say(fd, body, size);
	free(body);
	return fd;
}

static void
expect_answer(int fd, const char *begin, const char *part)
{
	char answer[8192];

	(void)hear(fd, answer, sizeof(answer), 10000);
	close(fd);
	ck_assert_msg(strncmp(answer, begin, strlen(begin)) == 0, "%s", answer);
	ck_assert_msg(strstr(answer, part) != NULL, "%s", answer);
}

START_TEST(large_bodies_at_once_are_bounded_and_small_ones_go_on)
{
	int large = dial_and_post("/keep", BODIES_LIMIT - 1000);
	int small;

	while (atomic_load(&kept) < 1)
		(void)poll(NULL, 0, 1);
	expect_answer(dial_and_post("/keep", 200000), "HTTP/1.1 503 ",
		      "too many large requests");
	expect("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: "
	       "close\r\n\r\nhello",
	       200, "hello");
	small = dial_and_post("/keep", 60000);
	while (atomic_load(&kept) < 2)
		(void)poll(NULL, 0, 1);
	release();
	expect_answer(large, "HTTP/1.1 200 ", "kept");
	expect_answer(small, "HTTP/1.1 200 ", "kept");
	/* What was held has been given back, what was refused too. */
	expect_answer(dial_and_post("/keep", BODIES_LIMIT - 1000), "HTTP/1.1 200 ", "kept");
}
END_TEST

START_TEST(a_body_of_exactly_the_limit_is_taken)
{
	char text[2048];
	char *at = text;

	at += snprintf(at, 200,
		       "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked"
		       "\r\nConnection: close\r\n\r\n3e8\r\n");
	memset(at, 'a', 1000);
	memcpy(at + 1000, "\r\n0\r\n\r\n", 8);
	expect(text, 200, "Content-Length: 1000\r\n");
}
END_TEST

START_TEST(bodies_framed_twice_or_badly_are_refused)
{
	expect("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
	       "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	       400, "Transfer-Encoding");
	expect("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: "
	       "6\r\n\r\n"
	       "hello",
	       400, "Content-Length");
	expect("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\ncontent-length: "
	       "5\r\n\r\n"
	       "hello",
	       400, "Content-Length");
	expect("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5x\r\n\r\nhello", 400,
	       "Content-Length");
	expect("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\nhello", 400,
	       "Content-Length");
	expect("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nhello", 400,
	       "Content-Length");
	expect("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\nhello", 400,
	       "Content-Length");
	expect("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 400, "");
	expect("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n", 400,
	       "Transfer-Encoding");
	expect("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
	       "chunked\r\n\r\nzz\r\nhello",
	       400, "chunked");
	expect("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
	       "FFFFFFFFFFFFFFFF\r\nhello",
	       400, "");
}
END_TEST

START_TEST(a_body_cut_short_is_400)
{
	static const char text[] =
		"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nhello";
	char answer[2048];
	int fd = dial();

	say(fd, text, sizeof(text) - 1);
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	(void)hear(fd, answer, sizeof(answer), 10000);
	ck_assert_msg(strncmp(answer, "HTTP/1.1 400 ", 13) == 0, "%s", answer);
	ck_assert_ptr_nonnull(strstr(answer, "cut short"));
	close(fd);
}
END_TEST

START_TEST(too_many_header_fields_are_refused)
{
	char text[8192];
	size_t used = (size_t)snprintf(text, sizeof(text), "GET /echo HTTP/1.1\r\n");

	for (int i = 0; i < 70; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "X-%d: y\r\n", i);
	(void)snprintf(text + used, sizeof(text) - used, "Content-Length: 4\r\n\r\n");
	expect(text, 400, "header fields");
}
END_TEST

START_TEST(what_civetweb_refuses_has_our_error_body_too)
{
	char text[40000];
	size_t used;

	expect("NONSENSE\r\n\r\n", 400, "");
	expect("BREW /echo HTTP/1.1\r\n\r\n", 400, "");
	expect("GET /echo HTTP/9.9\r\n\r\n", 400, "");
	expect("GET echo HTTP/1.1\r\n\r\n", 400, "");
	expect("GET * HTTP/1.1\r\n\r\n", 400, "");
	expect("GET http://example.com/echo HTTP/1.1\r\nHost: x\r\n\r\n", 400, "");
	expect("GET /echo HTTP/1.1\r\nBad Header\r\n\r\n", 400, "");
	expect("\x16\x03\x01\x02", 400, "");
	used = (size_t)snprintf(text, sizeof(text), "GET /echo HTTP/1.1\r\nX: ");
	memset(text + used, 'a', 20000);
	memcpy(text + used + 20000, "\r\n\r\n", 5);
	expect(text, 400, "");
}
END_TEST

START_TEST(unknown_paths_and_methods_are_404_and_405_with_allow)
{
	expect("GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404, "");
	expect("GET /../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404, "");
	expect("PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 405,
	       "Allow: POST, GET\r\n");
	expect("OPTIONS /echo HTTP/1.1\r\nHost: x\r\nOrigin: http://evil\r\n"
	       "Access-Control-Request-Method: POST\r\nConnection: close\r\n\r\n",
	       405, "Allow: POST, GET\r\n");
	expect("GET /query/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400, "");
}
END_TEST

START_TEST(queries_are_decoded_and_checked)
{
	expect("GET /query/a%20b?name=x+y%26&limit=9&follow HTTP/1.1\r\nConnection: "
	       "close\r\n\r\n",
	       422, "a b|x y&|9|1");
	expect("GET /query/a?names=1&follow=0 HTTP/1.1\r\nConnection: close\r\n\r\n", 422,
	       "a||7|0");
	expect("GET /query/a?limit=0 HTTP/1.1\r\nConnection: close\r\n\r\n", 400, "limit");
	expect("GET /query/a?limit=9x HTTP/1.1\r\nConnection: close\r\n\r\n", 400, "limit");
	expect("GET /query/a?limit= HTTP/1.1\r\nConnection: close\r\n\r\n", 400, "limit");
	expect("GET /query/a?name=%f HTTP/1.1\r\nConnection: close\r\n\r\n", 400, "name");
	expect("GET /query/a?name=01234567890123456 HTTP/1.1\r\nConnection: close\r\n\r\n", 400,
	       "name");
	expect("GET /query/a?follow=maybe HTTP/1.1\r\nConnection: close\r\n\r\n", 400,
	       "follow");
}
END_TEST

START_TEST(a_handler_that_does_not_answer_gives_500)
{
	expect("GET /silent HTTP/1.1\r\nConnection: close\r\n\r\n", 500, "not answered");
}
END_TEST

START_TEST(head_has_the_header_and_no_body)
{
	char answer[1024];

	ask("HEAD /query/a HTTP/1.1\r\nConnection: close\r\n\r\n", answer, sizeof(answer));
	ck_assert_int_eq(strncmp(answer, "HTTP/1.1 422 ", 13), 0);
	ck_assert_str_eq(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
}
END_TEST

START_TEST(a_stream_is_chunked_or_ends_with_the_connection)
{
	char answer[1024];

	expect("GET /stream HTTP/1.1\r\nConnection: close\r\n\r\n", 200,
	       "\r\n\r\n4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n");
	ask("GET /stream HTTP/1.0\r\n\r\n", answer, sizeof(answer));
	ck_assert_ptr_null(strstr(answer, "chunked"));
	ck_assert_str_eq(strstr(answer, "\r\n\r\n"), "\r\n\r\none two");
}
END_TEST

START_TEST(a_fifth_stream_of_one_key_is_503)
{
	static const char get[] = "GET /held HTTP/1.1\r\n\r\n";
	int held[HTTP_STREAMS_A_KEY];
	char head[256];

	for (int i = 0; i < HTTP_STREAMS_A_KEY; i++) {
		struct pollfd at;

		held[i] = dial();
		say(held[i], get, sizeof(get) - 1);
		at = (struct pollfd){.fd = held[i], .events = POLLIN};
		ck_assert_int_eq(poll(&at, 1, 10000), 1);
	}
	expect("GET /held HTTP/1.1\r\nConnection: close\r\n\r\n", 503, "limit");
	release();
	for (int i = 0; i < HTTP_STREAMS_A_KEY; i++) {
		(void)hear(held[i], head, sizeof(head), 1000);
		ck_assert_ptr_nonnull(strstr(head, "0\r\n\r\n"));
		close(held[i]);
	}
	expect("GET /held HTTP/1.1\r\nConnection: close\r\n\r\n", 200, "");
}
END_TEST

START_TEST(curl_is_told_to_continue)
{
	static const char head[] = "POST /echo HTTP/1.1\r\nContent-Length: 5\r\n"
				   "Expect: 100-continue\r\nConnection: close\r\n\r\n";
	char answer[1024];
	int fd = dial();

	say(fd, head, sizeof(head) - 1);
	(void)hear(fd, answer, 26, 10000);
	ck_assert_str_eq(answer, "HTTP/1.1 100 Continue\r\n\r\n");
	say(fd, "hello", 5);
	(void)hear(fd, answer, sizeof(answer), 10000);
	ck_assert_ptr_nonnull(strstr(answer, "\r\n\r\nhello"));
	close(fd);
}
END_TEST

START_TEST(a_refusal_reaches_a_client_that_is_still_sending)
{
	static char junk[1 << 20];
	static const char head[] = "POST /echo HTTP/1.1\r\nContent-Length: 16777216\r\n\r\n";
	char answer[1024];
	int fd = dial();

	memset(junk, 'j', sizeof(junk));
	say(fd, head, sizeof(head) - 1);
	for (int i = 0; i < 16; i++)
		say(fd, junk, sizeof(junk));
	(void)hear(fd, answer, sizeof(answer), 10000);
	ck_assert_msg(strncmp(answer, "HTTP/1.1 413 ", 13) == 0, "%s", answer);
	close(fd);
}
END_TEST

START_TEST(a_large_body_comes_back_whole)
{
	const size_t size = (size_t)5 << 20;
	char *sent = malloc(size + 100);
	char *got = malloc(size + 1000);
	size_t used;
	size_t heard;
	int fd = dial();

	ck_assert(sent != NULL && got != NULL);
	used = (size_t)snprintf(sent, 100,
				"POST /large HTTP/1.1\r\nContent-Length: %zu\r\n"
				"Connection: close\r\n\r\n",
				size);
	for (size_t i = 0; i < size; i++)
		sent[used + i] = (char)('a' + i % 23);
	say(fd, sent, used + size);
	heard = hear(fd, got, size + 1000, 10000);
	ck_assert_uint_gt(heard, size);
	ck_assert_int_eq(memcmp(got + heard - size, sent + used, size), 0);
	close(fd);
	free(sent);
	free(got);
}
END_TEST

START_TEST(a_dripped_body_is_cut_off_when_threads_are_scarce)
{
	static const char head[] = "POST /echo HTTP/1.1\r\nContent-Length: 500\r\n\r\n";
	int drips[THREADS];
	char answer[1024];
	uint64_t begun = clock_now().mono_ms;

	for (int i = 0; i < THREADS; i++) {
		drips[i] = dial();
		say(drips[i], head, sizeof(head) - 1);
	}
	/* All threads are held by bodies that do not come; this one waits its turn. */
	expect("GET /echo HTTP/1.1\r\nConnection: close\r\n\r\n", 200, "");
	ck_assert_uint_lt(clock_now().mono_ms - begun, HTTP_SCARCE_TIMEOUT_MS + 3000);
	(void)hear(drips[0], answer, sizeof(answer), 10000);
	ck_assert_msg(strncmp(answer, "HTTP/1.1 408 ", 13) == 0, "%s", answer);
	for (int i = 0; i < THREADS; i++)
		close(drips[i]);
}
END_TEST

START_TEST(more_clients_than_threads_are_all_served)
{
	static const char get[] = "GET /echo HTTP/1.1\r\n\r\n";
	int fds[5 * THREADS];
	char answer[1024];

	for (int i = 0; i < 5 * THREADS; i++)
		fds[i] = dial();
	for (int i = 0; i < 5 * THREADS; i++)
		say(fds[i], get, sizeof(get) - 1);
	/* None of them closes: the server gives its threads back by itself. */
	for (int i = 5 * THREADS - 1; i >= 0; i--) {
		struct pollfd at = {.fd = fds[i], .events = POLLIN};

		ck_assert_int_eq(poll(&at, 1, 20000), 1);
		ck_assert_int_gt(recv(fds[i], answer, sizeof(answer), 0), 0);
	}
	for (int i = 0; i < 5 * THREADS; i++)
		close(fds[i]);
}
END_TEST

static void *
stop_later(void *arg)
{
	uint64_t *took = arg;
	uint64_t begun = clock_now().mono_ms;

	ck_assert(http_server_stop(server, begun + 2000));
	*took = clock_now().mono_ms - begun;
	return NULL;
}

START_TEST(stop_lets_a_handler_finish_and_cuts_idle_connections)
{
	static const char get[] = "GET /wait HTTP/1.1\r\n\r\n";
	char answer[1024];
	int idle = dial();
	int fd = dial();
	pthread_t thread;
	uint64_t took = 0;
	struct timespec pause = {.tv_nsec = 200000000};

	say(fd, get, sizeof(get) - 1);
	(void)nanosleep(&pause, NULL);
	ck_assert_int_eq(pthread_create(&thread, NULL, stop_later, &took), 0);
	(void)nanosleep(&pause, NULL);
	release();
	(void)hear(fd, answer, sizeof(answer), 5000);
	ck_assert_ptr_nonnull(strstr(answer, "\r\n\r\ndone"));
	(void)pthread_join(thread, NULL);
	ck_assert_uint_lt(took, 1500);
	close(fd);
	close(idle);
	setup(); /* for the teardown */
}
END_TEST

START_TEST(a_port_that_is_taken_is_told)
{
	const struct http_server_config config = {
		.routes = routes, .threads = 2, .port = http_server_port(server)};
	const struct http_server_config nowhere = {
		.routes = routes, .threads = 2, .host = "192.0.2.1", .port = 4242};
	struct http_server *other;
	struct cube_error err;

	ck_assert_int_eq(http_server_start(&config, &other, &err), CUBE_ERR_UNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(err.message, "taken"));
	ck_assert_int_eq(http_server_start(&nowhere, &other, &err), CUBE_ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.message, "192.0.2.1:4242"));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("http_server");
	TCase *tc = tcase_create("http_server");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_body_is_read_whole_and_answered);
	tcase_add_test(tc, a_connection_serves_many_requests);
	tcase_add_test(tc, a_body_over_the_limit_is_413_and_names_the_limit);
	tcase_add_test(tc, large_bodies_at_once_are_bounded_and_small_ones_go_on);
	tcase_add_test(tc, a_body_of_exactly_the_limit_is_taken);
	tcase_add_test(tc, bodies_framed_twice_or_badly_are_refused);
	tcase_add_test(tc, a_body_cut_short_is_400);
	tcase_add_test(tc, too_many_header_fields_are_refused);
	tcase_add_test(tc, what_civetweb_refuses_has_our_error_body_too);
	tcase_add_test(tc, unknown_paths_and_methods_are_404_and_405_with_allow);
	tcase_add_test(tc, queries_are_decoded_and_checked);
	tcase_add_test(tc, a_handler_that_does_not_answer_gives_500);
	tcase_add_test(tc, head_has_the_header_and_no_body);
	tcase_add_test(tc, a_stream_is_chunked_or_ends_with_the_connection);
	tcase_add_test(tc, a_fifth_stream_of_one_key_is_503);
	tcase_add_test(tc, curl_is_told_to_continue);
	tcase_add_test(tc, a_refusal_reaches_a_client_that_is_still_sending);
	tcase_add_test(tc, a_large_body_comes_back_whole);
	tcase_add_test(tc, a_dripped_body_is_cut_off_when_threads_are_scarce);
	tcase_add_test(tc, more_clients_than_threads_are_all_served);
	tcase_add_test(tc, stop_lets_a_handler_finish_and_cuts_idle_connections);
	tcase_add_test(tc, a_port_that_is_taken_is_told);
	suite_add_tcase(s, tc);
	return s;
}

CHECK_MAIN(suite)
