/* tests/unit/http_client_test.c - both clients against our server and against peers that
 * misbehave: none there, one that never answers, one that talks nonsense.
 */
#include "http/client.h"

#include "base/clock.h"
#include "http/body.h"
#include "http/fetch.h"
#include "http/reply.h"
#include "http/server.h"
#include "http/stream.h"

#include "check_main.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct http_server *server;
static struct http_client *client;

/* ---- the server ---- */

static void
on_echo(void *ctx, struct http_request *request)
{
	cleanup_buf struct buf body = BUF_INIT(1000);
	const char *given = http_header(request, "X-Given");
	const struct http_field fields[] = {
		{"X-Back", given != NULL ? given : "none"},
		{"X-Method", http_method(request)},
		{NULL, NULL},
	};

	(void)ctx;
	if (http_body_or_reply(request, &body))
		http_reply(request, 200, HTTP_TEXT, fields, body.data, body.size);
}

static void
on_long(void *ctx, struct http_request *request)
{
	static char much[100000];

	(void)ctx;
	memset(much, 'm', sizeof(much));
	http_reply(request, 200, HTTP_TEXT, NULL, much, sizeof(much));
}

static void
on_refuse(void *ctx, struct http_request *request)
{
	(void)ctx;
	http_reply_error(request, 409, "the reason");
}

static void
on_away(void *ctx, struct http_request *request)
{
	const struct http_field fields[] = {{"Location", "/echo"}, {NULL, NULL}};

	(void)ctx;
	http_reply(request, 302, HTTP_TEXT, fields, "", 0);
}

static void
on_pieces(void *ctx, struct http_request *request)
{
	struct http_stream *stream;
	struct cube_error err;

	(void)ctx;
	if (http_stream_begin(request, NULL, 200, HTTP_TEXT, NULL, &stream, &err) != 0) {
		http_reply_error(request, 503, "%s", err.message);
		return;
	}
	for (int i = 0; i < 10; i++)
		(void)http_stream_write(stream, "0123456789", 10);
	http_stream_end(stream, true);
}

static void
on_broken(void *ctx, struct http_request *request)
{
	struct http_stream *stream;
	struct cube_error err;

	(void)ctx;
	if (http_stream_begin(request, NULL, 200, HTTP_TEXT, NULL, &stream, &err) != 0) {
		http_reply_error(request, 503, "%s", err.message);
		return;
	}
	(void)http_stream_write(stream, "half", 4);
	http_stream_end(stream, false);
}

static const struct http_route routes[] = {
	{"GET", "/echo", on_echo},     {"PUT", "/echo", on_echo}, {"GET", "/long", on_long},
	{"GET", "/refuse", on_refuse}, {"GET", "/away", on_away}, {"GET", "/pieces", on_pieces},
	{"GET", "/broken", on_broken}, {NULL, NULL, NULL},
};

/* ---- calls and their outcome ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int done_count;
static int freed_count;

struct seen {
	int code;
	int status;
	char body[64];
	size_t size;
	char back[32];
	char method[16];
};

struct test_call {
	struct http_call call;
	struct seen *seen;
};

static void
count(int *counter)
{
	(void)pthread_mutex_lock(&lock);
	(*counter)++;
	(void)pthread_cond_broadcast(&changed);
	(void)pthread_mutex_unlock(&lock);
}

static void
call_free(struct http_call *call)
{
	http_call_release(call);
	free(call);
	count(&freed_count);
}

static void
call_done(struct http_call *call)
{
	struct test_call *test = (struct test_call *)call;
	struct seen *seen = test->seen;

	seen->code = call->error.code;
	seen->status = call->status;
	seen->size = call->response.size;
	(void)snprintf(seen->body, sizeof(seen->body), "%s", buf_text(&call->response));
	(void)http_call_field(call, "x-back", seen->back, sizeof(seen->back));
	(void)http_call_field(call, "X-Method", seen->method, sizeof(seen->method));
	call->free(call);
	count(&done_count);
}

static void
wait_for(const int *counter, int value)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	(void)pthread_mutex_lock(&lock);
	while (*counter < value)
		ck_assert_int_eq(pthread_cond_timedwait(&changed, &lock, &until), 0);
	(void)pthread_mutex_unlock(&lock);
}

static struct test_call *
call_to(const char *base, const char *path, struct seen *seen)
{
	struct test_call *test = (struct test_call *)http_call_new(sizeof(*test));

	ck_assert_ptr_nonnull(test);
	memset(seen, 0, sizeof(*seen));
	test->seen = seen;
	test->call.done = call_done;
	test->call.free = call_free;
	(void)snprintf(test->call.url, sizeof(test->call.url), "%s%s", base, path);
	return test;
}

static const char *
base_url(void)
{
	static char url[64];

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u", http_server_port(server));
	return url;
}

/* A socket that listens; whoever connects is accepted by the kernel and never served. */
static int
mute_peer(char url[64])
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(fd, 64), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	(void)snprintf(url, 64, "http://127.0.0.1:%u", ntohs(at.sin_port));
	return fd;
}

static void
setup(void)
{
	const struct http_server_config config = {.routes = routes, .threads = 16};
	struct cube_error err;

	done_count = 0;
	freed_count = 0;
	ck_assert_int_eq(fetch_init(&err), 0);
	ck_assert_msg(http_server_start(&config, &server, &err) == 0, "%s", err.message);
	ck_assert_msg(http_client_new(100, &client, &err) == 0, "%s", err.message);
}

static void
teardown(void)
{
	http_client_free(client);
	ck_assert(http_server_stop(server, clock_now().mono_ms + 2000));
}

/* ---- the client ---- */

START_TEST(a_call_brings_back_status_body_and_fields)
{
	static const char *const fields[] = {"X-Given: gift", NULL};
	struct seen seen;
	struct test_call *test = call_to(base_url(), "/echo", &seen);

	test->call.method = "PUT";
	test->call.body = strdup("payload");
	test->call.body_size = 7;
	test->call.fields = fields;
	http_client_call(client, &test->call);
	wait_for(&done_count, 1);
	ck_assert_int_eq(seen.code, 0);
	ck_assert_int_eq(seen.status, 200);
	ck_assert_str_eq(seen.body, "payload");
	ck_assert_str_eq(seen.back, "gift");
	ck_assert_str_eq(seen.method, "PUT");
}
END_TEST

START_TEST(an_error_status_is_an_answer_and_a_redirect_is_not_followed)
{
	struct seen seen[2];

	http_client_call(client, &call_to(base_url(), "/refuse", &seen[0])->call);
	http_client_call(client, &call_to(base_url(), "/away", &seen[1])->call);
	wait_for(&done_count, 2);
	ck_assert_int_eq(seen[0].code, 0);
	ck_assert_int_eq(seen[0].status, 409);
	ck_assert_int_eq(seen[1].code, 0);
	ck_assert_int_eq(seen[1].status, 302);
}
END_TEST

START_TEST(an_answer_over_the_limit_is_refused)
{
	struct seen seen;
	struct test_call *test = call_to(base_url(), "/long", &seen);

	test->call.limit_bytes = 1000;
	http_client_call(client, &test->call);
	wait_for(&done_count, 1);
	ck_assert_int_eq(seen.code, CUBE_ERR_INVALID);
}
END_TEST

START_TEST(nobody_there_and_other_protocols_are_told)
{
	struct seen seen[3];

	http_client_call(client, &call_to("http://127.0.0.1:1", "/", &seen[0])->call);
	http_client_call(client, &call_to("file:///etc/passwd", "", &seen[1])->call);
	http_client_call(client, &call_to(base_url(), "/broken", &seen[2])->call);
	wait_for(&done_count, 3);
	ck_assert_int_eq(seen[0].code, CUBE_ERR_UNAVAILABLE);
	ck_assert_int_eq(seen[1].code, CUBE_ERR_INVALID);
	ck_assert_int_eq(seen[2].code, CUBE_ERR_UNAVAILABLE);
}
END_TEST

START_TEST(what_failed_once_fails_the_same_way_again)
{
	/* A label of 64 characters: no name, so nobody is asked for it. */
	static const char nowhere[] =
		"http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaa:1";
	struct seen seen[2];
	int round;

	for (round = 1; round <= 4; round++) {
		http_client_call(client, &call_to(nowhere, "/", &seen[0])->call);
		http_client_call(client, &call_to("http://127.0.0.1:1", "/", &seen[1])->call);
		wait_for(&done_count, 2 * round);
		ck_assert_int_eq(seen[0].code, CUBE_ERR_UNAVAILABLE);
		ck_assert_int_eq(seen[1].code, CUBE_ERR_UNAVAILABLE);
	}
}
END_TEST

START_TEST(a_peer_that_never_answers_holds_up_nothing_else)
{
	struct seen mute_seen[20];
	struct seen seen;
	char url[64];
	int fd = mute_peer(url);
	uint64_t begun = clock_now().mono_ms;

	for (int i = 0; i < 20; i++) {
		struct test_call *test = call_to(url, "/tasks", &mute_seen[i]);

		test->call.timeout_ms = 1500;
		http_client_call(client, &test->call);
	}
	for (int i = 1; i <= 50; i++) {
		http_client_call(client, &call_to(base_url(), "/echo", &seen)->call);
		wait_for(&done_count, i);
		ck_assert_int_eq(seen.status, 200);
	}
	ck_assert_uint_lt(clock_now().mono_ms - begun, 1400);
	wait_for(&done_count, 70);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(mute_seen[i].code, CUBE_ERR_TIMEOUT);
	close(fd);
}
END_TEST

START_TEST(a_cancelled_call_is_freed_and_never_done)
{
	struct seen seen[2];
	char url[64];
	int fd = mute_peer(url);
	struct test_call *first = call_to(url, "/", &seen[0]);
	struct test_call *second = call_to(url, "/", &seen[1]);

	first->call.tag = 7;
	second->call.tag = 8;
	second->call.timeout_ms = 500;
	http_client_call(client, &first->call);
	http_client_call(client, &second->call);
	http_client_cancel(client, 7);
	wait_for(&freed_count, 1);
	ck_assert_int_eq(done_count, 0);
	wait_for(&done_count, 1);
	ck_assert_int_eq(seen[1].code, CUBE_ERR_TIMEOUT);
	ck_assert_int_eq(seen[0].code, 0);
	ck_assert_int_eq(freed_count, 2);
	close(fd);
}
END_TEST

START_TEST(an_end_frees_what_is_under_way)
{
	struct seen seen[10];
	struct cube_error err;
	char url[64];
	int fd = mute_peer(url);

	for (int i = 0; i < 10; i++)
		http_client_call(client, &call_to(url, "/", &seen[i])->call);
	http_client_free(client);
	ck_assert_int_eq(freed_count, 10);
	ck_assert_int_eq(done_count, 0);
	ck_assert_int_eq(http_client_new(10, &client, &err), 0);
	close(fd);
}
END_TEST

START_TEST(many_calls_at_once_all_come_back)
{
	static struct seen seen[500];

	for (int i = 0; i < 500; i++)
		http_client_call(client, &call_to(base_url(), "/echo", &seen[i])->call);
	wait_for(&done_count, 500);
	for (int i = 0; i < 500; i++)
		ck_assert_int_eq(seen[i].status, 200);
}
END_TEST

/* ---- fetch ---- */

struct gathered {
	struct buf text;
	int heads;
	int end_after;
	int pieces;
};

static int
gather_head(void *ctx, int status, const char *type)
{
	struct gathered *gathered = ctx;

	ck_assert_int_eq(status, 200);
	ck_assert_str_eq(type, HTTP_TEXT);
	gathered->heads++;
	return 0;
}

static int
gather_piece(void *ctx, const void *bytes, size_t size)
{
	struct gathered *gathered = ctx;

	ck_assert_int_eq(gathered->heads, 1);
	buf_append(&gathered->text, bytes, size);
	return gathered->end_after != 0 && ++gathered->pieces >= gathered->end_after;
}

static struct fetch
fetch_of(const char *path, char url[128])
{
	(void)snprintf(url, 128, "%s%s", base_url(), path);
	return (struct fetch){.url = url, .timeout_ms = 10000};
}

START_TEST(a_fetch_hands_on_each_piece)
{
	struct gathered gathered = {.text = BUF_INIT(1000)};
	struct cube_error err;
	char url[128];
	struct fetch fetch = fetch_of("/pieces", url);

	fetch.head = gather_head;
	fetch.piece = gather_piece;
	fetch.ctx = &gathered;
	ck_assert_int_eq(fetch_run(&fetch, &err), 0);
	ck_assert_int_eq(fetch.status, 200);
	ck_assert_uint_eq(gathered.text.size, 100);
	fetch_release(&fetch);
	gathered.heads = 0;
	gathered.end_after = 1;
	ck_assert_int_eq(fetch_run(&fetch, &err), CUBE_ERR_CONFLICT);
	fetch_release(&fetch);
	buf_release(&gathered.text);
}
END_TEST

START_TEST(a_fetch_gathers_an_error_and_its_message)
{
	struct gathered gathered = {.text = BUF_INIT(1000)};
	struct cube_error err;
	char url[128];
	char message[64];
	struct fetch fetch = fetch_of("/refuse", url);

	fetch.piece = gather_piece;
	fetch.ctx = &gathered;
	ck_assert_int_eq(fetch_run(&fetch, &err), 0);
	ck_assert_int_eq(fetch.status, 409);
	fetch_error_message(&fetch, message, sizeof(message));
	ck_assert_str_eq(message, "the reason");
	ck_assert_uint_eq(gathered.text.size, 0);
	fetch_release(&fetch);
}
END_TEST

START_TEST(a_fetch_tells_what_is_cut_short_and_what_is_not_there)
{
	struct cube_error err;
	char url[128];
	struct fetch fetch = fetch_of("/broken", url);

	ck_assert_int_eq(fetch_run(&fetch, &err), CUBE_ERR_UNAVAILABLE);
	fetch_release(&fetch);
	fetch.url = "http://127.0.0.1:1/";
	ck_assert_int_eq(fetch_run(&fetch, &err), CUBE_ERR_UNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(err.message, "127.0.0.1:1"));
	fetch_release(&fetch);
}
END_TEST

static int
stop_now(void *ctx)
{
	(void)ctx;
	return 1;
}

START_TEST(a_fetch_that_hears_nothing_can_be_stopped)
{
	struct cube_error err;
	char url[64];
	int fd = mute_peer(url);
	struct fetch fetch = {.url = url, .stop = stop_now};
	uint64_t begun = clock_now().mono_ms;

	ck_assert_int_eq(fetch_run(&fetch, &err), CUBE_ERR_CONFLICT);
	ck_assert_uint_lt(clock_now().mono_ms - begun, 5000);
	fetch_release(&fetch);
	fetch = (struct fetch){.url = url, .timeout_ms = 200};
	ck_assert_int_eq(fetch_run(&fetch, &err), CUBE_ERR_TIMEOUT);
	fetch_release(&fetch);
	close(fd);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("http_client");
	TCase *tc = tcase_create("http_client");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_call_brings_back_status_body_and_fields);
	tcase_add_test(tc, an_error_status_is_an_answer_and_a_redirect_is_not_followed);
	tcase_add_test(tc, an_answer_over_the_limit_is_refused);
	tcase_add_test(tc, nobody_there_and_other_protocols_are_told);
	tcase_add_test(tc, what_failed_once_fails_the_same_way_again);
	tcase_add_test(tc, a_peer_that_never_answers_holds_up_nothing_else);
	tcase_add_test(tc, a_cancelled_call_is_freed_and_never_done);
	tcase_add_test(tc, an_end_frees_what_is_under_way);
	tcase_add_test(tc, many_calls_at_once_all_come_back);
	tcase_add_test(tc, a_fetch_hands_on_each_piece);
	tcase_add_test(tc, a_fetch_gathers_an_error_and_its_message);
	tcase_add_test(tc, a_fetch_tells_what_is_cut_short_and_what_is_not_there);
	tcase_add_test(tc, a_fetch_that_hears_nothing_can_be_stopped);
	suite_add_tcase(s, tc);
	return s;
}

CHECK_MAIN(suite)
