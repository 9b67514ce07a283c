/* docker_engine_test.c - docker.so on a real engine: limits, ports, networks, ends, output, and
 * what cannot run. */
#include "docker_engine.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* ---- output ---- */

static char output[3][4096];
static size_t sizes[3];

static int
on_write(void *ctx, int stream, const void *bytes, size_t size)
{
	(void)ctx;
	if (sizes[stream] + size < sizeof(output[0]))
		memcpy(output[stream] + sizes[stream], bytes, size);
	sizes[stream] += size;
	return 0;
}

static void
read_logs(const char *handle, uint32_t tail, uint32_t follow)
{
	const struct cube_log_request request = {.struct_size = sizeof(request),
						 .streams = 3,
						 .tail_lines = tail,
						 .follow = follow,
						 .write = on_write};

	memset(output, 0, sizeof(output));
	memset(sizes, 0, sizeof(sizes));
	ck_assert_msg(client.ops->logs(client.self, handle, &request, &err) == 0, "%s",
		      err.message);
}

/* ---- tests ---- */

START_TEST(the_engine_is_there_and_says_what_it_enforces)
{
	uint32_t enforces = 0;

	ck_assert_msg(client.ops->probe(client.self, client_in(CALL_MS), &enforces, &err) == 0,
		      "%s", err.message);
	ck_assert_uint_eq(enforces & ~(uint32_t)(CUBE_ENFORCES_CPU | CUBE_ENFORCES_MEMORY), 0);
	ck_assert_uint_ne(enforces & CUBE_ENFORCES_MEMORY, 0);
}
END_TEST

START_TEST(a_task_has_its_limits_environment_and_no_new_privileges)
{
	const char *env[] = {"GREETING=hello there", NULL};

	task.spec.env = env;
	task.spec.mcpu = 500;
	task.spec.memory_bytes = 64 << 20;
	run("cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max "
	    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu.max 2>/dev/null;"
	    "grep NoNewPrivs /proc/self/status; echo $GREETING; echo lost >&2; exit 3");
	ck_assert_str_eq(out.task_id, CLIENT_TASK);
	ck_assert_str_eq(out.cluster, CLIENT_CLUSTER);
	ck_assert_uint_eq(out.attempt, 1);
	read_logs(out.handle, 0, 1);
	await_end(out.handle);
	ck_assert_int_eq(out.exit_code, 3);
	ck_assert_int_gt(out.started_ms, 1600000000000);
	ck_assert_int_ge(out.finished_ms, out.started_ms);
	ck_assert_msg(strstr(output[1], "67108864\n") != NULL, "%s", output[1]);
	ck_assert_msg(strstr(output[1], "50000") != NULL, "%s", output[1]);
	ck_assert_msg(strstr(output[1], "NoNewPrivs:\t1\n") != NULL, "%s", output[1]);
	ck_assert_msg(strstr(output[1], "hello there\n") != NULL, "%s", output[1]);
	ck_assert_str_eq(output[2], "lost\n");
	read_logs(out.handle, 1, 0);
	ck_assert_uint_lt(strlen(output[1]), 20);
}
END_TEST

START_TEST(a_repeated_run_starts_nothing_twice)
{
	char handle[CUBE_HANDLE_SIZE];
	struct found found;

	run("trap 'exit 7' TERM; while :; do sleep 0.1; done");
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_RUNNING);
	memcpy(handle, out.handle, sizeof(handle));
	run("something else");
	ck_assert_str_eq(out.handle, handle);
	ck_assert_int_eq(list(&found), 1);
	ck_assert_uint_eq(found.last[0].state, CUBE_CONTAINER_RUNNING);
	ck_assert_str_eq(found.last[0].task_id, CLIENT_TASK);
	ck_assert_str_eq(found.last[0].cluster, CLIENT_CLUSTER);
	/* The shell may not have set its trap yet: ask until it hears. */
	do {
		ck_assert_int_eq(client.ops->signal(client.self, handle, SIGTERM,
						    client_in(CALL_MS), &err),
				 0);
		pause_briefly();
		inspect(handle);
	} while (out.state == CUBE_CONTAINER_RUNNING);
	ck_assert_int_eq(out.exit_code, 7);
	run("true");
	ck_assert_str_eq(out.handle, handle);
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_EXITED);
	ck_assert_int_eq(out.exit_code, 7);
}
END_TEST

START_TEST(a_container_goes_only_when_it_has_ended)
{
	char handle[CUBE_HANDLE_SIZE];
	struct found found;

	run("sleep 600");
	memcpy(handle, out.handle, sizeof(handle));
	ck_assert_int_eq(client.ops->remove(client.self, handle, client_in(CALL_MS), &err),
			 CUBE_ERR_CONFLICT);
	ck_assert_int_eq(
		client.ops->signal(client.self, handle, SIGKILL, client_in(CALL_MS), &err), 0);
	await_end(handle);
	ck_assert_int_eq(out.exit_code, 137);
	ck_assert_int_eq(
		client.ops->signal(client.self, handle, SIGKILL, client_in(CALL_MS), &err), 0);
	ck_assert_int_eq(client.ops->remove(client.self, handle, client_in(CALL_MS), &err), 0);
	ck_assert_int_eq(client.ops->remove(client.self, handle, client_in(CALL_MS), &err), 0);
	ck_assert_int_eq(
		client.ops->inspect(client.self, handle, client_in(CALL_MS), &out, &err),
		CUBE_ERR_NOT_FOUND);
	ck_assert_int_eq(
		client.ops->signal(client.self, handle, SIGTERM, client_in(CALL_MS), &err),
		CUBE_ERR_NOT_FOUND);
	ck_assert_int_eq(list(&found), 0);
}
END_TEST

/* What http says at a port of this machine; "" if nothing is there. */
static void
fetch(uint16_t port, char *text, size_t room)
{
	const struct sockaddr_in address = {.sin_family = AF_INET,
					    .sin_port = htons(port),
					    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	static const char request[] = "GET /passwd HTTP/1.0\r\n\r\n";
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	size_t size = 0;
	ssize_t got;

	ck_assert_int_ge(fd, 0);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	    send(fd, request, strlen(request), MSG_NOSIGNAL) > 0)
		while ((got = recv(fd, text + size, room - 1 - size, 0)) > 0)
			size += (size_t)got;
	text[size] = '\0';
	(void)close(fd);
}

START_TEST(a_published_port_answers_and_is_taken_once)
{
	uint64_t until = client_in(CALL_MS);
	char text[4096] = "";
	struct found found;
	uint16_t port;

	task.ports[0] = (struct cube_port){80, 0, IPPROTO_TCP, 0, ""};
	task.spec.port_count = 1;
	run("httpd -f -p 80 -h /etc");
	ck_assert_uint_ge(out.port_count, 1);
	ck_assert_uint_eq(out.ports[0].container_port, 80);
	ck_assert_uint_eq(out.ports[0].protocol, IPPROTO_TCP);
	port = out.ports[0].host_port;
	ck_assert_uint_ne(port, 0);
	while (strstr(text, "root:x:0:0") == NULL && client_now() < until) {
		pause_briefly();
		fetch(port, text, sizeof(text));
	}
	ck_assert_ptr_nonnull(strstr(text, "root:x:0:0"));
	/* Another attempt wants the same one. */
	task.ports[0].host_port = port;
	task.spec.attempt = 2;
	ck_assert_int_eq(run_on(&client, "sleep 600"), CUBE_ERR_CONFLICT);
	ck_assert_msg(says("allocated") || says("in use"), "%s", err.message);
	ck_assert_int_eq(list(&found), 1);
}
END_TEST

START_TEST(on_the_hosts_network_a_port_is_the_machines)
{
	uint64_t until = client_in(CALL_MS);
	char text[4096] = "";
	struct client other;

	open_with(&other, "host");
	task.ports[0] = (struct cube_port){18642, 0, IPPROTO_TCP, 0, ""};
	task.spec.port_count = 1;
	ck_assert_msg(run_on(&other, "httpd -f -p 127.0.0.1:18642 -h /etc") == 0, "%s",
		      err.message);
	inspect(out.handle);
	ck_assert_uint_eq(out.port_count, 1);
	ck_assert_uint_eq(out.ports[0].host_port, 18642);
	while (strstr(text, "root:x:0:0") == NULL && client_now() < until) {
		pause_briefly();
		fetch(18642, text, sizeof(text));
	}
	ck_assert_ptr_nonnull(strstr(text, "root:x:0:0"));
	client_close(&other);
	/* and with none there is but the loopback */
	task.spec.attempt = 2;
	open_with(&other, "none");
	ck_assert_msg(run_on(&other, "ls /sys/class/net") == 0, "%s", err.message);
	read_logs(out.handle, 0, 1);
	ck_assert_str_eq(output[1], "lo\n");
	client_close(&other);
}
END_TEST

START_TEST(what_cannot_run_leaves_nothing_and_says_why)
{
	struct found found;
	struct client other;

	task.args[0] = "no-such-program";
	task.spec.args = task.args;
	out.struct_size = sizeof(out);
	ck_assert_int_eq(
		client.ops->run(client.self, &task.spec, client_in(CALL_MS), &out, &err),
		CUBE_ERR_INVALID);
	ck_assert_msg(says("no-such-program") && says("not found"), "%s", err.message);
	task.spec.image = "cube-test/absent:1";
	ck_assert_int_eq(run_on(&client, "true"), CUBE_ERR_NOT_FOUND);
	ck_assert_msg(says("cube-test/absent:1"), "%s", err.message);
	task.spec.image = CLIENT_IMAGE;
	open_with(&other, "cube-test-no-such-network");
	ck_assert_int_eq(run_on(&other, "true"), CUBE_ERR_INVALID);
	ck_assert_msg(says("cube-test-no-such-network"), "%s", err.message);
	client_close(&other);
	ck_assert_int_eq(list(&found), 0);
}
END_TEST

static int
go_on(void *ctx, uint64_t done_bytes, uint64_t total_bytes, const char *what)
{
	(void)ctx;
	(void)done_bytes;
	(void)total_bytes;
	(void)what;
	return 0;
}

START_TEST(an_image_is_found_or_its_registry_named)
{
	ck_assert_msg(client.ops->prepare(client.self, &task.spec, client_in(CALL_MS), go_on,
					  NULL, &err) == 0,
		      "%s", err.message);
	task.spec.image = "127.0.0.1:1/cube-test/absent:1";
	ck_assert_int_eq(client.ops->prepare(client.self, &task.spec, client_in(CALL_MS), go_on,
					     NULL, &err),
			 CUBE_ERR_NOT_FOUND);
	ck_assert_msg(says("127.0.0.1:1") && says("connection refused"), "%s", err.message);
}
END_TEST

START_TEST(too_much_memory_is_told_from_other_ends)
{
	task.spec.memory_bytes = 16 << 20;
	/* The engine itself misses it at times, when the end overtakes the news. */
	for (task.spec.attempt = 1; task.spec.attempt <= 8; task.spec.attempt++) {
		run("tail /dev/zero");
		await_end(out.handle);
		ck_assert_int_eq(out.exit_code, 137);
		if (out.oom_killed)
			break;
	}
	ck_assert_uint_eq(out.oom_killed, 1);
}
END_TEST

static Suite *
suite(void)
{
	Suite *whole = suite_create("docker_engine");
	TCase *tests = tcase_create("all");

	tcase_add_unchecked_fixture(tests, find_engine, leave_engine);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, the_engine_is_there_and_says_what_it_enforces);
	tcase_add_test(tests, a_task_has_its_limits_environment_and_no_new_privileges);
	tcase_add_test(tests, a_repeated_run_starts_nothing_twice);
	tcase_add_test(tests, a_container_goes_only_when_it_has_ended);
	tcase_add_test(tests, a_published_port_answers_and_is_taken_once);
	tcase_add_test(tests, on_the_hosts_network_a_port_is_the_machines);
	tcase_add_test(tests, what_cannot_run_leaves_nothing_and_says_why);
	tcase_add_test(tests, an_image_is_found_or_its_registry_named);
	tcase_add_test(tests, too_much_memory_is_told_from_other_ends);
	suite_add_tcase(whole, tests);
	return whole;
}

CHECK_MAIN(suite)
