/* docker_test.c - docker.so against an engine that is absent, old, foreign, silent or lying:
 * what the core is told, and that nothing else happens. */
#include "docker_fixture.h"

/* ---- options ---- */

START_TEST(other_sockets_than_unix_are_refused)
{
	struct client other;

	ck_assert_int_eq(client_open(&other, &err, "socket", "tcp://127.0.0.1:2375", NULL),
			 CUBE_ERR_INVALID);
	ck_assert_msg(says("tcp://127.0.0.1:2375") && says("unix:///"), "%s", err.message);
	ck_assert_int_eq(setenv("DOCKER_HOST", "ssh://host", 1), 0);
	ck_assert_int_eq(client_open(&other, &err, NULL), CUBE_ERR_INVALID);
	ck_assert_msg(says("DOCKER_HOST"), "%s", err.message);
	ck_assert_int_eq(unsetenv("DOCKER_HOST"), 0);
	ck_assert_int_eq(
		client_open(&other, &err, "socket",
			    "/a/path/that/is/far/longer/than/what/the/kernel/takes/as/the/"
			    "name/of/a/unix/socket/which/is/one/hundred/and/seven/bytes",
			    NULL),
		CUBE_ERR_INVALID);
	ck_assert_msg(says("107"), "%s", err.message);
}
END_TEST

START_TEST(the_socket_comes_from_docker_host)
{
	struct client other;
	char url[256];

	daemon_says(daemon_, "GET /info", 200, "{\"MemoryLimit\":true,\"CpuCfsQuota\":false}");
	(void)snprintf(url, sizeof(url), "unix://%s", daemon_socket(daemon_));
	ck_assert_int_eq(setenv("DOCKER_HOST", url, 1), 0);
	ck_assert_int_eq(client_open(&other, &err, NULL), 0);
	ck_assert_int_eq(unsetenv("DOCKER_HOST"), 0);
	uint32_t enforces = 0;
	ck_assert_int_eq(other.ops->probe(other.self, client_in(5000), &enforces, &err), 0);
	ck_assert_uint_eq(enforces, CUBE_ENFORCES_MEMORY);
	client_close(&other);
}
END_TEST

START_TEST(wrong_values_of_options_name_the_right_ones)
{
	struct client other;

	ck_assert_int_eq(client_open(&other, &err, "pull", "sometimes", NULL),
			 CUBE_ERR_INVALID);
	ck_assert_msg(says("sometimes") && says("always, missing or never"), "%s", err.message);
	ck_assert_int_eq(client_open(&other, &err, "network", "container:x", NULL),
			 CUBE_ERR_INVALID);
	ck_assert_msg(says("container:x"), "%s", err.message);
	ck_assert_int_eq(client_open(&other, &err, "config", "/nowhere/config.json", NULL),
			 CUBE_ERR_INVALID);
	ck_assert_msg(says("/nowhere/config.json"), "%s", err.message);
}
END_TEST

/* ---- versions ---- */

START_TEST(the_version_is_the_smaller_of_both)
{
	char *request;

	say_all_is_well();
	ck_assert_int_eq(inspect(), 0);
	request = daemon_request(daemon_, "GET /containers");
	ck_assert_int_eq(strncmp(request, "GET /v1.41/", 11), 0);
	free(request);
	daemon_down(daemon_);
	ck_assert_int_eq(inspect(), CUBE_ERR_UNAVAILABLE);
	daemon_up(daemon_, "1.52");
	ck_assert_int_eq(inspect(), 0);
	request = daemon_request(daemon_, "GET /containers");
	ck_assert_int_eq(strncmp(request, "GET /v1.44/", 11), 0);
	free(request);
}
END_TEST

START_TEST(an_engine_replaced_by_an_older_one_is_asked_again)
{
	int visited;

	daemon_says(daemon_, "GET /never", 200, "[]");
	ck_assert_int_eq(client.ops->remove(client.self, ID, client_in(5000), &err), 0);
	daemon_down(daemon_);
	/* Between two calls: nobody has noticed. */
	daemon_up(daemon_, "1.30");
	ck_assert_int_eq(client.ops->remove(client.self, ID, client_in(5000), &err), 0);
	ck_assert_int_eq(daemon_count(daemon_, "GET /_ping"), 2);
	ck_assert_int_eq(list(&visited), CUBE_ERR_INVALID); /* the fake's 404, not a 400 */
}
END_TEST

START_TEST(an_engine_older_than_any_we_know_is_refused)
{
	daemon_down(daemon_);
	daemon_up(daemon_, "1.12");
	ck_assert_int_eq(run(), CUBE_ERR_UNAVAILABLE);
	ck_assert_msg(says("1.12") && says("1.24"), "%s", err.message);
	ck_assert_int_eq(daemon_count(daemon_, CREATE), 0);
}
END_TEST

START_TEST(an_engine_newer_than_any_we_speak_is_refused)
{
	daemon_down(daemon_);
	daemon_up(daemon_, "1.70");
	daemon_floor(daemon_, "1.60");
	ck_assert_int_eq(run(), CUBE_ERR_UNAVAILABLE);
	ck_assert_msg(says("no version in common") && says("1.60"), "%s", err.message);
	ck_assert_int_le(daemon_count(daemon_, CREATE), 2);
}
END_TEST

START_TEST(what_is_no_engine_is_told_so)
{
	daemon_down(daemon_);
	daemon_up(daemon_, "");
	ck_assert_int_eq(probe(), CUBE_ERR_UNAVAILABLE);
	ck_assert_msg(says("no Docker Engine"), "%s", err.message);
}
END_TEST

START_TEST(an_absent_socket_is_unavailable_and_named)
{
	int visited;

	daemon_down(daemon_);
	ck_assert_int_eq(probe(), CUBE_ERR_UNAVAILABLE);
	ck_assert_msg(says(daemon_socket(daemon_)) && says("No such file"), "%s", err.message);
	ck_assert_int_eq(run(), CUBE_ERR_UNAVAILABLE);
	ck_assert_int_eq(inspect(), CUBE_ERR_UNAVAILABLE);
	ck_assert_int_eq(list(&visited), CUBE_ERR_UNAVAILABLE);
	ck_assert_int_eq(client.ops->signal(client.self, ID, 15, client_in(1000), &err),
			 CUBE_ERR_UNAVAILABLE);
	ck_assert_int_eq(client.ops->remove(client.self, ID, client_in(1000), &err),
			 CUBE_ERR_UNAVAILABLE);
	daemon_up(daemon_, "1.41");
}
END_TEST

/* ---- lies ---- */

#define HTTP(length) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n\r\n"

static const struct {
	const char *bytes;
	enum daemon_then then;
} lies[] = {
	{"\x16\x03\x01 what is this\n", DAEMON_CLOSE},
	{"", DAEMON_CLOSE},
	{"HTTP/1.1 200 OK\r\nContent-Le", DAEMON_CLOSE},
	{HTTP("500") "{\"Id\":\"0123", DAEMON_CLOSE},
	{HTTP("12") "{\"Id\":\"0123\"", DAEMON_KEEP},
	{HTTP("2") "[]", DAEMON_KEEP},
	{HTTP("11") "{\"Id\":null} ", DAEMON_KEEP},
	{HTTP("13") "{\"Id\":\"a\xff\xfe\"}\n", DAEMON_KEEP},
	{HTTP("20") "{\"Id\":\"../../../x\"}  ", DAEMON_KEEP},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"Id\"\r\nzz\r\n",
	 DAEMON_CLOSE},
};

START_TEST(lies_about_a_read_change_nothing)
{
	int visited;

	daemon_does(daemon_, INSPECT, 0, lies[_i].bytes, strlen(lies[_i].bytes), lies[_i].then);
	ck_assert_msg(inspect() == CUBE_ERR_UNAVAILABLE, "%s: %s", lies[_i].bytes, err.message);
	ck_assert_uint_eq(out.state, 0);
	if (_i != 5) {
		daemon_does(daemon_, "GET /containers/json", 0, lies[_i].bytes,
			    strlen(lies[_i].bytes), lies[_i].then);
		ck_assert_msg(list(&visited) == CUBE_ERR_UNAVAILABLE, "%s: %s", lies[_i].bytes,
			      err.message);
		ck_assert_int_eq(visited, 0);
	}
	/* and when it has come to its senses */
	say_all_is_well();
	ck_assert_int_eq(run(), 0);
}
END_TEST

START_TEST(lies_about_a_change_leave_it_open)
{
	say_all_is_well();
	daemon_does(daemon_, CREATE, 0, lies[_i].bytes, strlen(lies[_i].bytes), lies[_i].then);
	ck_assert_msg(run() == CUBE_ERR_TIMEOUT, "%s: %d %s", lies[_i].bytes, err.code,
		      err.message);
	ck_assert_int_eq(daemon_count(daemon_, START), 0);
}
END_TEST

START_TEST(a_start_that_is_cut_off_is_left_open)
{
	say_all_is_well();
	daemon_does(daemon_, START, 0, "", 0, DAEMON_CLOSE);
	ck_assert_int_eq(run(), CUBE_ERR_TIMEOUT);
	say_all_is_well();
	daemon_does(daemon_, INSPECT, 0, "", 0, DAEMON_CLOSE);
	ck_assert_int_eq(run(), CUBE_ERR_TIMEOUT);
	ck_assert_int_eq(daemon_count(daemon_, "DELETE"), 0);
}
END_TEST

START_TEST(a_redirect_is_not_followed)
{
	static const char moved[] =
		"HTTP/1.1 302 Found\r\nLocation: http://docker/elsewhere\r\n"
		"Content-Length: 0\r\n\r\n";

	daemon_does(daemon_, INSPECT, 0, moved, strlen(moved), DAEMON_KEEP);
	ck_assert_int_eq(inspect(), CUBE_ERR_UNAVAILABLE);
	ck_assert_int_eq(daemon_count(daemon_, "GET /elsewhere"), 0);
}
END_TEST

START_TEST(silence_ends_at_the_deadline)
{
	uint64_t begun = client_now();

	say_all_is_well();
	ck_assert_int_eq(inspect(), 0);
	daemon_does(daemon_, INSPECT, 0, "", 0, DAEMON_HANG);
	ck_assert_int_eq(client.ops->inspect(client.self, ID, client_in(200), &out, &err),
			 CUBE_ERR_TIMEOUT);
	daemon_does(daemon_, CREATE, 0, "HTTP/1.1 201 C", 14, DAEMON_HANG);
	ck_assert_int_eq(client.ops->run(client.self, &task.spec, client_in(200), &out, &err),
			 CUBE_ERR_TIMEOUT);
	/* Before the create was sent, nothing was done. */
	daemon_does(daemon_, "GET /_ping", 0, "", 0, DAEMON_HANG);
	ck_assert_int_eq(client.ops->run(client.self, &task.spec, client_in(200), &out, &err),
			 CUBE_ERR_UNAVAILABLE);
	ck_assert_int_eq(daemon_count(daemon_, CREATE), 1);
	ck_assert_uint_lt(client_now() - begun, 3000);
}
END_TEST

START_TEST(answers_without_an_end_are_cut)
{
	size_t size = 9 << 20;
	char *bytes = malloc(size);

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, ' ', size);
	memcpy(bytes, "HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n", 46);
	daemon_does(daemon_, INSPECT, 0, bytes, size, DAEMON_CLOSE);
	ck_assert_int_eq(inspect(), CUBE_ERR_UNAVAILABLE);
	ck_assert_msg(says("too large"), "%s", err.message);
	memset(bytes, 'h', size);
	memcpy(bytes, "HTTP/1.1 200 OK\r\nX: ", 20);
	for (size_t i = 1000; i + 4 < size; i += 1000)
		memcpy(bytes + i, "\r\nX:", 4);
	daemon_does(daemon_, INSPECT, 0, bytes, size, DAEMON_CLOSE);
	ck_assert_int_eq(inspect(), CUBE_ERR_UNAVAILABLE);
	free(bytes);
}
END_TEST

START_TEST(names_cannot_reach_another_path)
{
	static const char *const handles[] = {"../images/x", "a/b", "", "a?force=1", ".."};
	static const char *const images[] = {
		"../containers/x", "a/../b", "a b", "/x", "a?b", "x/.."};

	for (size_t i = 0; i < sizeof(handles) / sizeof(handles[0]); i++) {
		ck_assert_int_eq(client.ops->inspect(client.self, handles[i], client_in(5000),
						     &out, &err),
				 CUBE_ERR_INVALID);
		ck_assert_int_eq(
			client.ops->remove(client.self, handles[i], client_in(5000), &err),
			CUBE_ERR_INVALID);
		ck_assert_int_eq(
			client.ops->signal(client.self, handles[i], 9, client_in(5000), &err),
			CUBE_ERR_INVALID);
	}
	for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
		task.spec.image = images[i];
		ck_assert_int_eq(run(), CUBE_ERR_INVALID);
	}
	ck_assert_int_eq(daemon_count(daemon_, ""), 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *whole = suite_create("docker");
	TCase *tests = tcase_create("all");
	const int lie_count = (int)(sizeof(lies) / sizeof(lies[0]));

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, other_sockets_than_unix_are_refused);
	tcase_add_test(tests, the_socket_comes_from_docker_host);
	tcase_add_test(tests, wrong_values_of_options_name_the_right_ones);
	tcase_add_test(tests, the_version_is_the_smaller_of_both);
	tcase_add_test(tests, an_engine_replaced_by_an_older_one_is_asked_again);
	tcase_add_test(tests, an_engine_older_than_any_we_know_is_refused);
	tcase_add_test(tests, an_engine_newer_than_any_we_speak_is_refused);
	tcase_add_test(tests, what_is_no_engine_is_told_so);
	tcase_add_test(tests, an_absent_socket_is_unavailable_and_named);
	tcase_add_loop_test(tests, lies_about_a_read_change_nothing, 0, lie_count);
	tcase_add_loop_test(tests, lies_about_a_change_leave_it_open, 0, lie_count);
	tcase_add_test(tests, a_start_that_is_cut_off_is_left_open);
	tcase_add_test(tests, a_redirect_is_not_followed);
	tcase_add_test(tests, silence_ends_at_the_deadline);
	tcase_add_test(tests, answers_without_an_end_are_cut);
	tcase_add_test(tests, names_cannot_reach_another_path);
	suite_add_tcase(whole, tests);
	return whole;
}

CHECK_MAIN(suite)
