/* tests/unit/prober_test.c - checks of health over real sockets, of services that are well,
 * unwell, silent, gone, or talk nonsense. */
#include "prober_rig.h"

#define MANY 2000

START_TEST(a_service_that_answers_200_is_well)
{
	struct service service = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"};
	struct got got = checked(&service, HTTP("/a/../b?c=d%20e"), 5000);

	ck_assert_int_eq(got.code, 0);
	ck_assert_int_eq(got.status, 200);
	ck_assert_has(service.request, "GET /a/../b?c=d%20e HTTP/1.1\r\n");
	ck_assert_has(service.request, "Host: 127.0.0.1:");
	ck_assert_has(service.request, "Connection: close\r\n");
}
END_TEST

START_TEST(the_status_of_the_first_answer_counts)
{
	struct service bad = {.answer = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"};
	struct service away = {.answer =
				       "HTTP/1.1 302 Away\r\nLocation: http://127.0.0.1:1/\r\n"
				       "Content-Length: 0\r\n\r\n"};
	struct service old = {.answer = "HTTP/1.0 200 OK\r\n\r\nuntil it closes"};
	struct got got = checked(&bad, HTTP("/"), 5000);

	ck_assert_int_eq(got.code, 0);
	ck_assert_int_eq(got.status, 500);
	got = checked(&away, HTTP("/"), 5000);
	ck_assert_int_eq(got.code, 0);
	ck_assert_int_eq(got.status, 302);
	got = checked(&old, HTTP("/"), 5000);
	ck_assert_int_eq(got.code, 0);
	ck_assert_int_eq(got.status, 200);
}
END_TEST

START_TEST(a_long_body_is_cut_and_is_no_error)
{
	struct service told = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n",
			       .padding = 8388608};
	struct service untold = {.answer = "HTTP/1.1 503 Busy\r\n\r\n", .padding = 8388608};
	struct got got = checked(&told, HTTP("/"), 20000);

	ck_assert_int_eq(got.code, 0);
	ck_assert_int_eq(got.status, 200);
	got = checked(&untold, HTTP("/"), 20000);
	ck_assert_int_eq(got.code, 0);
	ck_assert_int_eq(got.status, 503);
}
END_TEST

START_TEST(a_path_may_be_long)
{
	struct service service = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
	char path[800];
	char health[900];
	struct got got;

	memset(path, 'p', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	(void)snprintf(health, sizeof(health), "'HealthCheck':'%s'", path);
	got = checked(&service, health, 5000);
	ck_assert_int_eq(got.status, 200);
	ck_assert_has(service.request, path);
}
END_TEST

START_TEST(an_address_of_version_six_is_reached)
{
	struct service service = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
				  .six = true};
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
	bool there = fd >= 0 && bind(fd, (struct sockaddr *)&loopback, sizeof(loopback)) == 0;

	if (fd >= 0)
		(void)close(fd);
	if (!there)
		return; /* this machine has none */
	ck_assert_int_eq(checked(&service, HTTP("/"), 5000).status, 200);
}
END_TEST

START_TEST(nobody_there_is_a_refused_connection)
{
	struct service gone = {.answer = NULL};
	struct got got;

	service_bind(&gone); /* and does not listen */
	prober_take(prober, check_of(HTTP("/"), "127.0.0.1", gone.port, 5000));
	got = await(1);
	ck_assert_int_eq(got.code, CUBE_ERR_UNAVAILABLE);
	ck_assert_str_eq(got.words, "connection refused");
	prober_take(prober, check_of(TCP, "127.0.0.1", gone.port, 5000));
	got = await(2);
	ck_assert_int_eq(got.code, CUBE_ERR_UNAVAILABLE);
	ck_assert_str_eq(got.words, "connection refused");
	(void)close(gone.fd);
}
END_TEST

START_TEST(a_service_that_never_answers_is_timed_out)
{
	struct service silent = {.answer = NULL, .holds = true};
	struct service slow = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
			       .holds = true};
	uint64_t begun_ms = clock_now().mono_ms;
	struct got got = checked(&silent, HTTP("/"), 300);
	uint64_t took_ms = clock_now().mono_ms - begun_ms;

	ck_assert_int_eq(got.code, CUBE_ERR_TIMEOUT);
	ck_assert_uint_ge(took_ms, 290);
	ck_assert_uint_lt(took_ms, 10000);
	got = checked(&slow, HTTP("/"), 300);
	ck_assert_int_eq(got.code, CUBE_ERR_TIMEOUT);
}
END_TEST

START_TEST(nonsense_and_silence_are_not_answers)
{
	struct service nonsense = {.answer = "what is this\r\n\r\n"};
	struct service nothing = {.answer = ""};
	struct service half = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"};
	struct got got = checked(&nonsense, HTTP("/"), 5000);

	ck_assert_int_eq(got.code, CUBE_ERR_INVALID);
	ck_assert_str_eq(got.words, "what answers is not HTTP");
	got = checked(&nothing, HTTP("/"), 5000);
	ck_assert_int_eq(got.code, CUBE_ERR_UNAVAILABLE);
	ck_assert(got.words[0] != '\0');
	got = checked(&half, HTTP("/"), 5000);
	ck_assert_int_eq(got.code, CUBE_ERR_UNAVAILABLE);
	ck_assert(got.words[0] != '\0');
}
END_TEST

START_TEST(a_connection_that_is_taken_and_kept_is_well)
{
	struct service silent = {.answer = NULL, .holds = true};
	struct service greets = {.answer = "220 hello\r\n", .at_once = true};

	ck_assert_int_eq(checked(&silent, TCP, 5000).code, 0);
	/* It closes, but not without a word. */
	ck_assert_int_eq(checked(&greets, TCP, 5000).code, 0);
}
END_TEST

/* As docker's proxy does when nobody listens in the container. */
START_TEST(a_connection_that_is_closed_at_once_was_not_taken)
{
	struct service closes = {.answer = "", .at_once = true};
	struct got got = checked(&closes, TCP, 5000);

	ck_assert_int_eq(got.code, CUBE_ERR_UNAVAILABLE);
	ck_assert_str_eq(got.words, "the connection was closed at once");
}
END_TEST

START_TEST(thousands_at_once_cost_one_thread_and_no_sockets_afterwards)
{
	struct service web = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
	struct service tcp = {.answer = "hello", .at_once = true};
	size_t threads;
	size_t files;

	service_start(&web);
	service_start(&tcp);
	threads = entries("/proc/self/task");
	files = entries("/proc/self/fd");
	for (unsigned i = 0; i < MANY; i++) {
		bool even = i % 2 == 0;

		prober_take(prober, check_of(even ? HTTP("/") : TCP, "127.0.0.1",
					     even ? web.port : tcp.port, 20000));
	}
	ck_assert_uint_eq(entries("/proc/self/task"), threads);
	(void)await(MANY);
	ck_assert_uint_eq(entries("/proc/self/task"), threads);
	ck_assert_uint_eq(count_of(0, 200), MANY / 2);
	ck_assert_uint_eq(count_of(0, 0), MANY / 2);
	ck_assert_uint_le(entries("/proc/self/fd"), files + 2);
	service_end(&web);
	service_end(&tcp);
}
END_TEST

START_TEST(the_wait_for_a_turn_is_not_the_services_failure)
{
	struct service silent = {.answer = NULL, .holds = true};
	struct service well = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
	const struct rlimit few = {.rlim_cur = 256, .rlim_max = 1 << 16};
	struct rlimit before;
	struct cube_error err;
	uint64_t begun_ms;

	prober_free(prober);
	(void)getrlimit(RLIMIT_NOFILE, &before);
	ck_assert_int_eq(
		setrlimit(RLIMIT_NOFILE, &(struct rlimit){few.rlim_cur, before.rlim_max}), 0);
	ck_assert_int_eq(prober_new(loop, &prober, &err), 0); /* 64 at once */
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	service_start(&silent);
	service_start(&well);
	begun_ms = clock_now().mono_ms;
	for (unsigned i = 0; i < 160; i++)
		prober_take(prober, check_of(HTTP("/"), "127.0.0.1", silent.port, 1000));
	/* It comes when two rounds of those have timed out: longer than it may take itself. */
	prober_take(prober, check_of(HTTP("/"), "127.0.0.1", well.port, 1000));
	(void)await(161);
	ck_assert_uint_ge(clock_now().mono_ms - begun_ms, 1900);
	ck_assert_uint_eq(count_of(0, 200), 1);
	ck_assert_uint_eq(count_of(CUBE_ERR_TIMEOUT, 0), 160);
	service_end(&silent);
	service_end(&well);
}
END_TEST

START_TEST(want_of_our_own_files_tells_nothing)
{
	struct service well = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
	struct rlimit before;
	struct got got;

	service_start(&well);
	(void)getrlimit(RLIMIT_NOFILE, &before);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &(struct rlimit){3, before.rlim_max}), 0);
	prober_take(prober, check_of(HTTP("/"), "127.0.0.1", well.port, 5000));
	got = await(1);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_int_eq(got.code, CUBE_ERR_NO_MEMORY);
	service_end(&well);
}
END_TEST

START_TEST(its_end_waits_for_nothing)
{
	struct service silent = {.answer = NULL, .holds = true};
	uint64_t begun_ms;

	service_start(&silent);
	for (unsigned i = 0; i < 1200; i++)
		prober_take(prober, check_of(i % 2 == 0 ? HTTP("/") : TCP, "127.0.0.1",
					     silent.port, 3600000));
	while (atomic_load(&silent.taken) < 10)
		(void)sched_yield();
	begun_ms = clock_now().mono_ms;
	prober_free(prober);
	prober = NULL;
	ck_assert_uint_lt(clock_now().mono_ms - begun_ms, 3000);
	service_end(&silent);
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("prober");
	TCase *tcase = tcase_create("prober");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, a_service_that_answers_200_is_well);
	tcase_add_test(tcase, the_status_of_the_first_answer_counts);
	tcase_add_test(tcase, a_long_body_is_cut_and_is_no_error);
	tcase_add_test(tcase, a_path_may_be_long);
	tcase_add_test(tcase, an_address_of_version_six_is_reached);
	tcase_add_test(tcase, nobody_there_is_a_refused_connection);
	tcase_add_test(tcase, a_service_that_never_answers_is_timed_out);
	tcase_add_test(tcase, nonsense_and_silence_are_not_answers);
	tcase_add_test(tcase, a_connection_that_is_taken_and_kept_is_well);
	tcase_add_test(tcase, a_connection_that_is_closed_at_once_was_not_taken);
	tcase_add_test(tcase, thousands_at_once_cost_one_thread_and_no_sockets_afterwards);
	tcase_add_test(tcase, the_wait_for_a_turn_is_not_the_services_failure);
	tcase_add_test(tcase, want_of_our_own_files_tells_nothing);
	tcase_add_test(tcase, its_end_waits_for_nothing);
	suite_add_tcase(made, tcase);
	return made;
}

CHECK_MAIN(suite)
