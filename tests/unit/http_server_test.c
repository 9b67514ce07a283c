/* tests/unit/http_server_test.c - the server as strangers use it: paths, queries, streams, many
 * clients at once, the end. */
#include "http_server_rig.h"

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
	tcase_add_test(tc, a_connection_serves_many_requests);
	tcase_add_test(tc, too_many_header_fields_are_refused);
	tcase_add_test(tc, what_civetweb_refuses_has_our_error_body_too);
	tcase_add_test(tc, unknown_paths_and_methods_are_404_and_405_with_allow);
	tcase_add_test(tc, queries_are_decoded_and_checked);
	tcase_add_test(tc, a_handler_that_does_not_answer_gives_500);
	tcase_add_test(tc, head_has_the_header_and_no_body);
	tcase_add_test(tc, a_stream_is_chunked_or_ends_with_the_connection);
	tcase_add_test(tc, a_fifth_stream_of_one_key_is_503);
	tcase_add_test(tc, more_clients_than_threads_are_all_served);
	tcase_add_test(tc, stop_lets_a_handler_finish_and_cuts_idle_connections);
	tcase_add_test(tc, a_port_that_is_taken_is_told);
	suite_add_tcase(s, tc);
	return s;
}

CHECK_MAIN(suite)
