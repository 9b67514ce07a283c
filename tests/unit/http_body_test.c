/* tests/unit/http_body_test.c - bodies that strangers send: how large, how framed, how slow. */
#include "http_server_rig.h"

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

static Suite *
suite(void)
{
	Suite *s = suite_create("http_body");
	TCase *tc = tcase_create("http_server");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_body_is_read_whole_and_answered);
	tcase_add_test(tc, a_body_over_the_limit_is_413_and_names_the_limit);
	tcase_add_test(tc, large_bodies_at_once_are_bounded_and_small_ones_go_on);
	tcase_add_test(tc, a_body_of_exactly_the_limit_is_taken);
	tcase_add_test(tc, bodies_framed_twice_or_badly_are_refused);
	tcase_add_test(tc, a_body_cut_short_is_400);
	tcase_add_test(tc, curl_is_told_to_continue);
	tcase_add_test(tc, a_refusal_reaches_a_client_that_is_still_sending);
	tcase_add_test(tc, a_large_body_comes_back_whole);
	tcase_add_test(tc, a_dripped_body_is_cut_off_when_threads_are_scarce);
	suite_add_tcase(s, tc);
	return s;
}

CHECK_MAIN(suite)
