/* docker_run_test.c - docker.so's calls of one container, and of list: what is asked of the
 * engine, how its answers are read, and the class of every refusal. */
#include "docker_fixture.h"

#include <pthread.h>

/* ---- run ---- */

START_TEST(run_is_three_calls_on_one_connection)
{
	say_all_is_well();
	ck_assert_int_eq(run(), 0);
	ck_assert_str_eq(out.handle, ID);
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_RUNNING);
	ck_assert_str_eq(out.task_id, CLIENT_TASK);
	ck_assert_str_eq(out.cluster, CLIENT_CLUSTER);
	ck_assert_uint_eq(out.attempt, 1);
	ck_assert_int_eq(out.started_ms, INT64_C(1714979289500));
	ck_assert_int_eq(run(), 0);
	ck_assert_int_eq(daemon_count(daemon_, ""), 7); /* and one ping */
	ck_assert_int_eq(daemon_connections(daemon_), 1);
}
END_TEST

START_TEST(the_create_body_says_all_of_the_spec)
{
	static const char *const parts[] = {
		"/containers/create?name=web-33333333-1 ",
		"\"Image\":\"cube-test/busybox\"",
		"\"Cmd\":[\"sleep\",\"9\"]",
		"\"Env\":[\"A=b\"]",
		"\"cube.worker\":\"" CLIENT_WORKER "\"",
		"\"cube.task\":\"" CLIENT_TASK "\"",
		"\"cube.attempt\":\"1\"",
		"\"cube.cluster\":\"" CLIENT_CLUSTER "\"",
		"\"tier\":\"front \\\"end\\\"\"",
		"\"ExposedPorts\":{\"80/tcp\":{},\"53/udp\":{}}",
		"\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"8080\"},",
		"},{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"\"}]",
		"\"53/udp\":[{\"HostIp\":\"\",\"HostPort\":\"\"}]",
		"\"Memory\":67108864,\"MemorySwap\":67108864",
		"\"NanoCpus\":500000000",
		"\"RestartPolicy\":{\"Name\":\"no\"}",
		"\"SecurityOpt\":[\"no-new-privileges\"]",
		"\"NetworkMode\":\"bridge\"",
	};
	const char *env[] = {"A=b", NULL};
	char *request;

	say_all_is_well();
	task.spec.env = env;
	task.spec.mcpu = 500;
	task.spec.memory_bytes = 64 << 20;
	task.ports[0] = (struct cube_port){80, 8080, IPPROTO_TCP, 0, ""};
	task.ports[1] = (struct cube_port){53, 0, IPPROTO_UDP, 0, ""};
	task.ports[2] = (struct cube_port){80, 0, IPPROTO_TCP, 0, "127.0.0.1"};
	task.spec.port_count = 3;
	ck_assert_int_eq(run(), 0);
	request = daemon_request(daemon_, CREATE);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		ck_assert_msg(strstr(request, parts[i]) != NULL, "no %s in %s", parts[i],
			      request);
	ck_assert_ptr_null(strstr(request, "Entrypoint"));
	/* A key twice is a key whose meaning the engine picks. */
	ck_assert_ptr_null(strstr(strstr(request, "\"cube.task\"") + 1, "\"cube.task\""));
	free(request);
}
END_TEST

START_TEST(names_keep_what_the_engine_allows)
{
	char *request;

	say_all_is_well();
	task.spec.name = "_a b/c\xc3\xa9.d";
	ck_assert_int_eq(run(), 0);
	request = daemon_request(daemon_, CREATE);
	ck_assert_ptr_nonnull(strstr(request, "create?name=ca-b-c--.d-33333333-1 "));
	free(request);
}
END_TEST

START_TEST(on_the_hosts_network_ports_are_what_they_are)
{
	struct client other;
	char *request;

	ck_assert_int_eq(client_open(&other, &err, "socket", daemon_socket(daemon_), "network",
				     "host", NULL),
			 0);
	daemon_says(daemon_, CREATE, 201, CREATED);
	daemon_says(daemon_, START, 204, "");
	daemon_says(daemon_, INSPECT, 200,
		    "{\"Id\":\"" ID
		    "\",\"State\":{\"Status\":\"running\"},\"Config\":{\"Labels\":{" OWNED
		    ",\"cube.docker.ports\":\"80/tcp 53/udp\"}}}");
	task.ports[0] = (struct cube_port){80, 0, IPPROTO_TCP, 0, ""};
	task.ports[1] = (struct cube_port){53, 53, IPPROTO_UDP, 0, ""};
	task.spec.port_count = 2;
	ck_assert_int_eq(other.ops->run(other.self, &task.spec, client_in(5000), &out, &err),
			 0);
	ck_assert_uint_eq(out.port_count, 2);
	ck_assert_uint_eq(out.ports[0].host_port, 80);
	ck_assert_uint_eq(out.ports[1].host_port, 53);
	ck_assert_uint_eq(out.ports[1].protocol, IPPROTO_UDP);
	request = daemon_request(daemon_, CREATE);
	ck_assert_ptr_nonnull(strstr(request, "\"NetworkMode\":\"host\""));
	ck_assert_ptr_nonnull(strstr(request, "\"cube.docker.ports\":\"80/tcp 53/udp\""));
	ck_assert_ptr_null(strstr(request, "PortBindings"));
	free(request);
	client_close(&other);
}
END_TEST

#define TAKEN                                                                                \
	"{\"message\":\"Conflict. The container name \\\"/web-33333333-1\\\" is already in " \
	"use\"}"
#define BY_NAME "GET /containers/web-33333333-1/json"

START_TEST(a_name_taken_by_this_attempt_is_adopted)
{
	daemon_says(daemon_, CREATE, 409, TAKEN);
	daemon_says(daemon_, BY_NAME, 200, STATE("\"Status\":\"created\""));
	daemon_says(daemon_, START, 204, "");
	daemon_says(daemon_, INSPECT, 200, RUNNING);
	ck_assert_int_eq(run(), 0);
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_RUNNING);
	ck_assert_int_eq(daemon_count(daemon_, START), 1);
	/* One that runs is not started; one that has ended never again. */
	daemon_says(daemon_, BY_NAME, 200, RUNNING);
	ck_assert_int_eq(run(), 0);
	daemon_says(daemon_, BY_NAME, 200, STATE("\"Status\":\"exited\",\"ExitCode\":3"));
	daemon_says(daemon_, INSPECT, 200, STATE("\"Status\":\"exited\",\"ExitCode\":3"));
	ck_assert_int_eq(run(), 0);
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_EXITED);
	ck_assert_int_eq(out.exit_code, 3);
	ck_assert_int_eq(daemon_count(daemon_, START), 1);
	ck_assert_int_eq(daemon_count(daemon_, CREATE), 3);
}
END_TEST

START_TEST(podmans_name_conflict_is_one_too)
{
	daemon_says(
		daemon_, CREATE, 500,
		"{\"cause\":\"that name is already in use\",\"message\":\"container create: "
		"creating container storage: the container name \\\"web-33333333-1\\\" is "
		"already in "
		"use by 0123\",\"response\":500}");
	daemon_says(daemon_, BY_NAME, 200, RUNNING);
	daemon_says(daemon_, INSPECT, 200, RUNNING);
	ck_assert_int_eq(run(), 0);
	ck_assert_str_eq(out.handle, ID);
}
END_TEST

START_TEST(a_name_taken_by_another_is_explained_once)
{
	daemon_says(daemon_, CREATE, 409, TAKEN);
	daemon_says(daemon_, BY_NAME, 200,
		    "{\"Id\":\"" ID
		    "\",\"State\":{\"Status\":\"running\"},\"Config\":{\"Labels\":{}}}");
	ck_assert_int_eq(run(), CUBE_ERR_INVALID);
	ck_assert_msg(says("web-33333333-1") && says("none of cube's"), "%s", err.message);
	daemon_says(daemon_, BY_NAME, 200,
		    "{\"Id\":\"" ID
		    "\",\"State\":{\"Status\":\"running\"},\"Config\":{\"Labels\":{" LABELS
		    ",\"cube.task\":\"" CLIENT_TASK "\",\"cube.attempt\":\"2\"}}}");
	ck_assert_int_eq(run(), CUBE_ERR_INVALID);
	ck_assert_msg(says("another worker's or task's"), "%s", err.message);
	ck_assert_int_eq(daemon_count(daemon_, CREATE), 2);
	ck_assert_int_eq(daemon_count(daemon_, START) + daemon_count(daemon_, "DELETE"), 0);
}
END_TEST

START_TEST(a_name_taken_by_nothing_to_be_seen_is_tried_a_few_times)
{
	static const char taken[] = "HTTP/1.1 409 C\r\nContent-Length: 2\r\n\r\n{}";

	/* Still at an earlier create, then done. */
	say_all_is_well();
	daemon_does(daemon_, CREATE, 2, taken, strlen(taken), DAEMON_KEEP);
	daemon_says(daemon_, BY_NAME, 404, "{\"message\":\"No such container\"}");
	ck_assert_msg(run() == 0, "%s", err.message);
	ck_assert_int_eq(daemon_count(daemon_, CREATE), 3);
	/* For ever. */
	daemon_says(daemon_, CREATE, 409, TAKEN);
	ck_assert_int_eq(client.ops->run(client.self, &task.spec, client_in(500), &out, &err),
			 CUBE_ERR_INVALID);
	ck_assert_msg(says("web-33333333-1") && says("no container by that name"), "%s",
		      err.message);
	ck_assert_int_le(daemon_count(daemon_, CREATE), 7);
}
END_TEST

/* What an engine that was killed in the middle of a start leaves. */
START_TEST(a_container_that_can_never_start_is_made_anew)
{
	static const char left[] = "HTTP/1.1 500 E\r\nContent-Length: 39\r\n\r\n"
				   "{\"message\":\"task 0123: already exists\"}";

	say_all_is_well();
	daemon_does(daemon_, START, 1, left, strlen(left), DAEMON_KEEP);
	ck_assert_msg(run() == 0, "%s", err.message);
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_RUNNING);
	ck_assert_int_eq(daemon_count(daemon_, CREATE), 2);
	ck_assert_int_eq(daemon_count(daemon_, DELETE), 1);
	/* For ever: it is the engine's fault, not the task's. */
	daemon_does(daemon_, START, 0, left, strlen(left), DAEMON_KEEP);
	ck_assert_int_eq(client.ops->run(client.self, &task.spec, client_in(500), &out, &err),
			 CUBE_ERR_UNAVAILABLE);
	ck_assert_msg(says("already exists"), "%s", err.message);
}
END_TEST

START_TEST(one_that_is_removed_before_it_ran_has_not_ended)
{
	daemon_says(daemon_, INSPECT, 200,
		    STATE("\"Status\":\"dead\",\"ExitCode\":128,\"Error\":\"already exists\","
			  "\"StartedAt\":\"0001-01-01T00:00:00Z\""));
	ck_assert_int_eq(inspect(), 0);
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_CREATED);
	daemon_says(daemon_, INSPECT, 200,
		    STATE("\"Status\":\"removing\",\"ExitCode\":3,"
			  "\"StartedAt\":\"2024-05-06T07:08:09.5Z\""));
	ck_assert_int_eq(inspect(), 0);
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_EXITED);
	ck_assert_int_eq(out.exit_code, 3);
}
END_TEST

struct refusal {
	int status;
	const char *message; /* JSON string, or with '<' in front: the raw body */
	int code;
	int kept; /* of a start: the container stays */
};

static void
refuse(const char *match, const struct refusal *refusal)
{
	char body[1024];

	if (refusal->message[0] == '<')
		(void)snprintf(body, sizeof(body), "%s", refusal->message);
	else
		(void)snprintf(body, sizeof(body), "{\"message\":\"%s\"}", refusal->message);
	daemon_says(daemon_, match, refusal->status, body);
}

START_TEST(what_a_refused_create_means)
{
	static const struct refusal refusals[] = {
		{404, "No such image: nosuch:1", CUBE_ERR_NOT_FOUND, 0},
		{400, "Range of CPUs is from 0.01 to 2.00", CUBE_ERR_INVALID, 0},
		{500, "container create: unable to find network", CUBE_ERR_INVALID, 0},
		{500, "mkdir /var/lib/docker/x: no space left on device", CUBE_ERR_UNAVAILABLE,
		 0},
		{500, "<html>a proxy's</html>", CUBE_ERR_UNAVAILABLE, 0},
		{503, "the engine is stopping", CUBE_ERR_UNAVAILABLE, 0},
	};

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		refuse(CREATE, &refusals[i]);
		ck_assert_msg(run() == refusals[i].code, "%s: %d", refusals[i].message,
			      err.code);
		ck_assert_msg(says(refusals[i].message), "%s", err.message);
	}
	ck_assert_int_eq(daemon_count(daemon_, START), 0);
}
END_TEST

START_TEST(what_a_refused_start_means)
{
	static const struct refusal refusals[] = {
		{400,
		 "OCI runtime create failed: exec: x: executable file not found in $PATH: "
		 "unknown",
		 CUBE_ERR_INVALID, 0},
		{500, "runc: runc create failed: exec: x: permission denied", CUBE_ERR_INVALID,
		 0},
		{404, "network nonet not found", CUBE_ERR_INVALID, 0},
		{404, "No such container: x", CUBE_ERR_NOT_FOUND, 0},
		{500, "Bind for 0.0.0.0:80 failed: port is already allocated",
		 CUBE_ERR_CONFLICT, 0},
		{500, "listen tcp4 0.0.0.0:80: bind: address already in use", CUBE_ERR_CONFLICT,
		 0},
		{500, "connection error: desc = transport is closing: unavailable",
		 CUBE_ERR_TIMEOUT, 1},
		{502, "bad gateway", CUBE_ERR_TIMEOUT, 1},
		{200, "what is this", CUBE_ERR_TIMEOUT, 1},
	};
	int removed = 0;

	say_all_is_well();
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		refuse(START, &refusals[i]);
		ck_assert_msg(run() == refusals[i].code, "%s: %d", refusals[i].message,
			      err.code);
		if (refusals[i].status != 200)
			ck_assert_msg(says(refusals[i].message), "%s", err.message);
		removed += !refusals[i].kept;
		ck_assert_int_eq(daemon_count(daemon_, DELETE), removed);
	}
}
END_TEST

START_TEST(long_words_of_the_engine_keep_their_end)
{
	char message[900];
	struct refusal refusal = {400, message, CUBE_ERR_INVALID, 0};

	memset(message, 'x', sizeof(message));
	memcpy(message, "OCI failed", 10);
	memcpy(message + sizeof(message) - 20, "no such file at all", 20);
	refuse(CREATE, &refusal);
	ck_assert_int_eq(run(), CUBE_ERR_INVALID);
	ck_assert_msg(says("OCI failed") && says(" ... ") && says("no such file at all"), "%s",
		      err.message);
}
END_TEST

/* ---- inspect, list ---- */

START_TEST(states_are_read_as_they_are)
{
	static const struct {
		const char *status;
		enum cube_container_state state;
	} states[] = {
		{"created", CUBE_CONTAINER_CREATED},    {"configured", CUBE_CONTAINER_CREATED},
		{"running", CUBE_CONTAINER_RUNNING},    {"paused", CUBE_CONTAINER_RUNNING},
		{"restarting", CUBE_CONTAINER_RUNNING}, {"exited", CUBE_CONTAINER_EXITED},
		{"dead", CUBE_CONTAINER_EXITED},        {"removing", CUBE_CONTAINER_EXITED},
	};
	char body[1024];

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		(void)snprintf(body, sizeof(body), STATE("\"Status\":\"%s\""),
			       states[i].status);
		daemon_says(daemon_, INSPECT, 200, body);
		ck_assert_int_eq(inspect(), 0);
		ck_assert_msg(out.state == states[i].state, "%s", states[i].status);
	}
}
END_TEST

START_TEST(an_end_is_read_whole)
{
	daemon_says(
		daemon_, INSPECT, 200,
		"{\"Id\":\"" ID
		"\",\"State\":{\"Status\":\"exited\",\"ExitCode\":137,\"OOMKilled\":true,"
		"\"Error\":\"it broke\",\"StartedAt\":\"2024-05-06T07:08:09Z\",\"FinishedAt\":"
		"\"2024-05-06T09:08:10.123456789+02:00\"},\"NetworkSettings\":{\"Ports\":{\"80/"
		"tcp\":["
		"{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"32768\"},{\"HostIp\":\"::\","
		"\"HostPort\":\"32768\"}],"
		"\"443/tcp\":null,\"x\":[{\"HostPort\":\"1\"}],\"53/"
		"udp\":[{\"HostIp\":\"127.0.0.1\","
		"\"HostPort\":\"53\"},{\"HostPort\":\"70000\"}]}},\"Config\":{\"Labels\":"
		"{" OWNED "}}}");
	ck_assert_int_eq(inspect(), 0);
	ck_assert_int_eq(out.exit_code, 137);
	ck_assert_uint_eq(out.oom_killed, 1);
	ck_assert_str_eq(out.reason, "it broke");
	ck_assert_int_eq(out.finished_ms - out.started_ms, 1123);
	ck_assert_uint_eq(out.port_count, 2);
	ck_assert_uint_eq(out.ports[0].container_port, 80);
	ck_assert_uint_eq(out.ports[0].host_port, 32768);
	ck_assert_str_eq(out.ports[0].host_ip, "");
	ck_assert_str_eq(out.ports[1].host_ip, "127.0.0.1");
	/* What is not known of an end is no success. */
	daemon_says(daemon_, INSPECT, 200, STATE("\"Status\":\"exited\",\"ExitCode\":\"0\""));
	ck_assert_int_eq(inspect(), 0);
	ck_assert_int_eq(out.exit_code, 255);
	daemon_says(daemon_, INSPECT, 404, "{\"message\":\"No such container\"}");
	ck_assert_int_eq(inspect(), CUBE_ERR_NOT_FOUND);
}
END_TEST

START_TEST(lists_are_whole_or_refused)
{
	int visited;
	char *request;

	daemon_says(daemon_, "GET /containers/json", 200,
		    "[{\"Id\":\"aa\",\"State\":\"running\",\"Labels\":{" OWNED "}},"
		    "{\"Id\":\"bb\",\"State\":\"exited\",\"Labels\":{}}]");
	ck_assert_int_eq(list(&visited), 0);
	ck_assert_int_eq(visited, 2);
	request = daemon_request(daemon_, "GET /containers/json");
	ck_assert_ptr_nonnull(strstr(request, "all=1"));
	ck_assert_ptr_nonnull(strstr(request, "cube.worker%3D" CLIENT_WORKER));
	free(request);
	daemon_says(daemon_, "GET /containers/json", 200,
		    "[{\"Id\":\"aa\",\"State\":\"running\"},{\"State\":\"exited\"}]");
	ck_assert_int_eq(list(&visited), CUBE_ERR_UNAVAILABLE);
	ck_assert_int_eq(visited, 0);
	daemon_says(daemon_, "GET /containers/json", 200, "{}");
	ck_assert_int_eq(list(&visited), CUBE_ERR_UNAVAILABLE);
}
END_TEST

START_TEST(a_label_longer_than_we_read_hides_nothing)
{
	static const char front[] =
		"[{\"Id\":\"" ID "\",\"State\":\"running\",\"Labels\":{\"long\":\"";
	static const char back[] = "\\\"\",\"cube.task\":\"" CLIENT_TASK "\"}}]";
	size_t long_size = 300000;
	char *body = malloc(long_size + sizeof(front) + sizeof(back));
	int visited;

	ck_assert_ptr_nonnull(body);
	memcpy(body, front, sizeof(front));
	memset(body + strlen(front), '\\', long_size);
	memcpy(body + strlen(front) + long_size, back, sizeof(back));
	daemon_says(daemon_, "GET /containers/json", 200, body);
	ck_assert_msg(list(&visited) == 0, "%s", err.message);
	ck_assert_int_eq(visited, 1);
	/* A string without an end stays one. */
	body[strlen(front) + long_size] = '\0';
	daemon_says(daemon_, "GET /containers/json", 200, body);
	ck_assert_int_eq(list(&visited), CUBE_ERR_UNAVAILABLE);
	free(body);
}
END_TEST

static void *
inspect_often(void *arg)
{
	struct cube_error *first = arg;

	for (int i = 0; i < 25 && first->code == 0; i++) {
		struct cube_container found = {.struct_size = sizeof(found)};

		(void)client.ops->inspect(client.self, ID, client_in(20000), &found, first);
	}
	return NULL;
}

START_TEST(four_threads_share_four_connections)
{
	struct cube_error errors[4] = {{0}};
	pthread_t threads[4];

	daemon_says(daemon_, INSPECT, 200, RUNNING);
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, inspect_often, &errors[i]),
				 0);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		ck_assert_msg(errors[i].code == 0, "%s", errors[i].message);
	}
	ck_assert_int_eq(daemon_count(daemon_, INSPECT), 100);
	ck_assert_int_le(daemon_connections(daemon_), 4);
}
END_TEST

/* ---- signal, remove ---- */

START_TEST(what_refused_signals_and_removes_mean)
{
	static const struct refusal signals[] = {
		{204, "", 0, 0},
		{409, "Container x is not running", 0, 0},
		{500, "can only kill running containers. x is in state exited", 0, 0},
		{404, "No such container: x", CUBE_ERR_NOT_FOUND, 0},
		{500, "something else", CUBE_ERR_UNAVAILABLE, 0},
	};
	static const struct refusal removes[] = {
		{204, "", 0, 0},
		{404, "No such container: x", 0, 0},
		{409, "removal of container x is already in progress", 0, 0},
		{409, "You cannot remove a running container x", CUBE_ERR_CONFLICT, 0},
		{500, "running or paused containers cannot be removed without force",
		 CUBE_ERR_CONFLICT, 0},
		{500, "driver failed to remove root filesystem", CUBE_ERR_UNAVAILABLE, 0},
	};
	char *request;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		refuse("POST /containers/" ID "/kill", &signals[i]);
		ck_assert_msg(client.ops->signal(client.self, ID, 15, client_in(5000), &err) ==
				      signals[i].code,
			      "%s: %d", signals[i].message, err.code);
	}
	request = daemon_request(daemon_, "POST /containers/" ID "/kill");
	ck_assert_ptr_nonnull(strstr(request, "kill?signal=15 "));
	free(request);
	for (size_t i = 0; i < sizeof(removes) / sizeof(removes[0]); i++) {
		refuse(DELETE, &removes[i]);
		ck_assert_msg(client.ops->remove(client.self, ID, client_in(5000), &err) ==
				      removes[i].code,
			      "%s: %d", removes[i].message, err.code);
	}
	request = daemon_request(daemon_, DELETE);
	ck_assert_ptr_nonnull(strstr(request, "?v=1&force=0 "));
	free(request);
}
END_TEST

static Suite *
suite(void)
{
	Suite *whole = suite_create("docker_run");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, run_is_three_calls_on_one_connection);
	tcase_add_test(tests, the_create_body_says_all_of_the_spec);
	tcase_add_test(tests, names_keep_what_the_engine_allows);
	tcase_add_test(tests, on_the_hosts_network_ports_are_what_they_are);
	tcase_add_test(tests, a_name_taken_by_this_attempt_is_adopted);
	tcase_add_test(tests, podmans_name_conflict_is_one_too);
	tcase_add_test(tests, a_name_taken_by_another_is_explained_once);
	tcase_add_test(tests, a_name_taken_by_nothing_to_be_seen_is_tried_a_few_times);
	tcase_add_test(tests, a_container_that_can_never_start_is_made_anew);
	tcase_add_test(tests, one_that_is_removed_before_it_ran_has_not_ended);
	tcase_add_test(tests, what_a_refused_create_means);
	tcase_add_test(tests, what_a_refused_start_means);
	tcase_add_test(tests, long_words_of_the_engine_keep_their_end);
	tcase_add_test(tests, states_are_read_as_they_are);
	tcase_add_test(tests, an_end_is_read_whole);
	tcase_add_test(tests, lists_are_whole_or_refused);
	tcase_add_test(tests, a_label_longer_than_we_read_hides_nothing);
	tcase_add_test(tests, four_threads_share_four_connections);
	tcase_add_test(tests, what_refused_signals_and_removes_mean);
	suite_add_tcase(whole, tests);
	return whole;
}

CHECK_MAIN(suite)
