/* docker_stream_test.c - docker.so's two streams: events that come in pieces, break off and
 * come back, and logs whose frames fall anywhere. */
#include "docker_fixture.h"

#include <pthread.h>
#include <time.h>

#define EVENTS "GET /events"
#define LOGS   "GET /containers/" ID "/logs"
#define STREAM "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"

/* ---- events ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t heard = PTHREAD_COND_INITIALIZER;
static int changes;
static int resyncs;
static char last_task[64];

static void
on_changed(void *ctx, const char *task_id)
{
	(void)ctx;
	(void)pthread_mutex_lock(&lock);
	changes++;
	(void)snprintf(last_task, sizeof(last_task), "%s", task_id);
	(void)pthread_cond_broadcast(&heard);
	(void)pthread_mutex_unlock(&lock);
}

static void
on_resync(void *ctx)
{
	(void)ctx;
	(void)pthread_mutex_lock(&lock);
	resyncs++;
	(void)pthread_cond_broadcast(&heard);
	(void)pthread_mutex_unlock(&lock);
}

/* Until *count is want, for 5 s; then what it is. */
static int
wait_for(const int *count, int want)
{
	struct timespec until;
	int is;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 5;
	(void)pthread_mutex_lock(&lock);
	while (*count < want && pthread_cond_timedwait(&heard, &lock, &until) == 0)
		;
	is = *count;
	(void)pthread_mutex_unlock(&lock);
	return is;
}

static const struct cube_runtime_events listener = {
	.struct_size = sizeof(listener), .changed = on_changed, .resync = on_resync};

static void
start(void)
{
	changes = resyncs = 0;
	last_task[0] = '\0';
	ck_assert_int_eq(client.ops->start(client.self, &listener, &err), 0);
}

static void
stop(void)
{
	uint64_t begun = client_now();

	client.ops->stop(client.self);
	ck_assert_uint_lt(client_now() - begun, 500);
}

static void
event(const char *action, const char *task_id)
{
	char text[512];

	(void)snprintf(text, sizeof(text),
		       "{\"Type\":\"container\",\"Action\":\"%s\",\"Actor\":{\"ID\":\"" ID
		       "\",\"Attributes\":{\"cube.task\":\"%s\",\"image\":\"x\"}}}\n",
		       action, task_id);
	daemon_sends(daemon_, EVENTS, text, strlen(text));
}

START_TEST(events_say_which_task_to_look_at)
{
	char *request;

	daemon_does(daemon_, EVENTS, 0, STREAM, strlen(STREAM), DAEMON_HANG);
	start();
	ck_assert_int_eq(wait_for(&resyncs, 1), 1); /* it has begun: look at all */
	event("die", "task-1");
	ck_assert_int_eq(wait_for(&changes, 1), 1);
	ck_assert_str_eq(last_task, "task-1");
	event("exec_create: sh", "task-2");
	event("health_status: healthy", "task-2");
	event("died", "task-3"); /* Podman's */
	ck_assert_int_eq(wait_for(&changes, 2), 2);
	ck_assert_str_eq(last_task, "task-3");
	request = daemon_request(daemon_, EVENTS);
	ck_assert_ptr_nonnull(strstr(request, "cube.worker%3D" CLIENT_WORKER));
	ck_assert_ptr_nonnull(strstr(request, "%22container%22"));
	free(request);
	stop();
	ck_assert_int_eq(resyncs, 1);
}
END_TEST

START_TEST(events_may_come_in_pieces_and_two_at_once)
{
	static const char two[] =
		"{\"Action\":\"start\",\"Actor\":{\"Attributes\":{\"cube.task\":\"a\"}}}\r\n"
		"{\"Action\":\"oom\",\"Actor\":{\"Attributes\":{\"cube.task\":\"b\"}}}\n{\"Act";
	static const char rest[] =
		"ion\":\"destroy\",\"Actor\":{\"Attributes\":{\"cube.task\":\"c\"}}}\n";

	daemon_does(daemon_, EVENTS, 0, STREAM, strlen(STREAM), DAEMON_HANG);
	start();
	daemon_sends(daemon_, EVENTS, two, strlen(two));
	ck_assert_int_eq(wait_for(&changes, 2), 2);
	for (size_t i = 0; i < strlen(rest); i++)
		daemon_sends(daemon_, EVENTS, rest + i, 1);
	ck_assert_int_eq(wait_for(&changes, 3), 3);
	ck_assert_str_eq(last_task, "c");
	stop();
}
END_TEST

START_TEST(an_event_that_cannot_be_read_means_look_at_all)
{
	daemon_does(daemon_, EVENTS, 0, STREAM, strlen(STREAM), DAEMON_HANG);
	start();
	daemon_sends(daemon_, EVENTS, "what is this\n", 13);
	ck_assert_int_eq(wait_for(&resyncs, 2), 2);
	daemon_sends(daemon_, EVENTS, "{\"Action\":\"die\"}\n", 17);
	ck_assert_int_eq(wait_for(&resyncs, 3), 3);
	event("die", "after");
	ck_assert_int_eq(wait_for(&changes, 1), 1);
	stop();
}
END_TEST

START_TEST(a_stream_that_breaks_off_is_told_and_taken_up_again)
{
	daemon_does(daemon_, EVENTS, 0, STREAM, strlen(STREAM), DAEMON_HANG);
	start();
	daemon_sends(daemon_, EVENTS, "\n", 1);
	ck_assert_int_eq(wait_for(&resyncs, 1), 1);
	daemon_drop(daemon_);
	ck_assert_int_eq(wait_for(&resyncs, 3), 3); /* gone, and back */
	event("die", "later");
	ck_assert_int_eq(wait_for(&changes, 1), 1);
	/* The whole engine goes, and another comes. */
	daemon_down(daemon_);
	ck_assert_int_eq(wait_for(&resyncs, 4), 4);
	daemon_up(daemon_, "1.30");
	ck_assert_int_eq(wait_for(&resyncs, 5), 5);
	event("die", "last");
	ck_assert_int_eq(wait_for(&changes, 2), 2);
	stop();
}
END_TEST

START_TEST(an_engine_that_comes_later_is_found)
{
	daemon_does(daemon_, EVENTS, 0, STREAM, strlen(STREAM), DAEMON_HANG);
	daemon_down(daemon_);
	start();
	ck_assert_int_eq(wait_for(&resyncs, 1), 1); /* nothing is heard */
	daemon_up(daemon_, "1.41");
	ck_assert_int_eq(wait_for(&resyncs, 2), 2);
	event("die", "x");
	ck_assert_int_eq(wait_for(&changes, 1), 1);
	stop();
}
END_TEST

START_TEST(listening_ends_whatever_the_engine_does)
{
	daemon_does(daemon_, "GET /_ping", 0, "", 0, DAEMON_HANG);
	start();
	daemon_sends(daemon_, "GET /_ping", "", 0);
	stop();
	daemon_down(daemon_);
	start();
	stop();
	daemon_up(daemon_, "1.41");
	daemon_does(daemon_, "GET /_ping", 0, "nonsense\n", 9, DAEMON_CLOSE);
	start();
	ck_assert_int_eq(wait_for(&resyncs, 1), 1);
	stop();
}
END_TEST

/* ---- logs ---- */

static char written[3][4096];
static size_t sizes[3];
static int idle_calls;
static int end_after; /* write ends the walk at this call; 0: never */
static int write_calls;

static int
on_write(void *ctx, int stream, const void *bytes, size_t size)
{
	(void)ctx;
	ck_assert_int_ge(stream, 1);
	ck_assert_int_le(stream, 2);
	idle_calls += size == 0;
	if (sizes[stream] + size < sizeof(written[0]))
		memcpy(written[stream] + sizes[stream], bytes, size);
	sizes[stream] += size;
	return ++write_calls == end_after;
}

static int
walk(uint32_t follow)
{
	struct cube_log_request request = {.struct_size = sizeof(request),
					   .streams = 3,
					   .tail_lines = 5,
					   .follow = follow,
					   .since_ms = 1500,
					   .write = on_write};

	memset(written, 0, sizeof(written));
	memset(sizes, 0, sizeof(sizes));
	idle_calls = write_calls = 0;
	return client.ops->logs(client.self, ID, &request, &err);
}

/* "out\n" on 1, "err!\n" on 2, nothing on 1, "x" on 1 */
#define FRAMES      "\1\0\0\0\0\0\0\4out\n\2\0\0\0\0\0\0\5err!\n\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\1x"
#define FRAMES_SIZE (sizeof(FRAMES) - 1)

static void
logs_say(const char *bytes, size_t size, enum daemon_then then)
{
	char text[1024];

	memcpy(text, STREAM, strlen(STREAM));
	memcpy(text + strlen(STREAM), bytes, size);
	daemon_does(daemon_, LOGS, 0, text, strlen(STREAM) + size, then);
}

START_TEST(frames_are_split_into_their_streams)
{
	char *request;

	logs_say(FRAMES, FRAMES_SIZE, DAEMON_CLOSE);
	ck_assert_msg(walk(0) == 0, "%s", err.message);
	ck_assert_str_eq(written[1], "out\nx");
	ck_assert_str_eq(written[2], "err!\n");
	request = daemon_request(daemon_, LOGS);
	ck_assert_ptr_nonnull(
		strstr(request, "/logs?stdout=1&stderr=1&follow=0&tail=5&since=1.500000000 "));
	free(request);
}
END_TEST

static void *
drip(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < FRAMES_SIZE; i++)
		daemon_sends(daemon_, LOGS, &FRAMES[i], 1);
	daemon_drop(daemon_);
	return NULL;
}

START_TEST(frames_may_come_a_byte_at_a_time)
{
	pthread_t thread;

	logs_say("", 0, DAEMON_HANG);
	ck_assert_int_eq(pthread_create(&thread, NULL, drip, NULL), 0);
	ck_assert_msg(walk(1) == 0, "%s", err.message);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_str_eq(written[1], "out\nx");
	ck_assert_str_eq(written[2], "err!\n");
}
END_TEST

START_TEST(a_silent_stream_is_asked_and_ended_by_write)
{
	uint64_t begun = client_now();

	logs_say("", 0, DAEMON_HANG);
	end_after = 2;
	ck_assert_int_eq(walk(1), 0);
	ck_assert_int_eq(idle_calls, 2);
	ck_assert_uint_lt(client_now() - begun, 2000);
	/* also when the engine does not even begin to answer */
	daemon_does(daemon_, LOGS, 0, "", 0, DAEMON_HANG);
	ck_assert_int_eq(walk(1), 0);
	/* and amid what it has to say */
	logs_say(FRAMES, FRAMES_SIZE, DAEMON_HANG);
	ck_assert_int_eq(walk(1), 0);
	ck_assert_int_eq(write_calls, 2);
	ck_assert_int_eq(idle_calls, 0);
	end_after = 0;
}
END_TEST

START_TEST(what_is_no_log_is_told)
{
	daemon_says(daemon_, LOGS, 404, "{\"message\":\"No such container\"}");
	ck_assert_int_eq(walk(0), CUBE_ERR_NOT_FOUND);
	logs_say("plain text of a terminal\n", 25, DAEMON_CLOSE);
	ck_assert_int_eq(walk(0), CUBE_ERR_UNAVAILABLE);
	ck_assert_msg(says("frame"), "%s", err.message);
	logs_say(FRAMES, FRAMES_SIZE - 20, DAEMON_CLOSE);
	ck_assert_int_eq(walk(0), CUBE_ERR_UNAVAILABLE);
	ck_assert_msg(says("broke off"), "%s", err.message);
	logs_say("\3\0\0\0\0\0\0\7no disk", 15, DAEMON_CLOSE);
	ck_assert_int_eq(walk(0), CUBE_ERR_UNAVAILABLE);
	ck_assert_msg(says("no disk"), "%s", err.message);
}
END_TEST

static Suite *
suite(void)
{
	Suite *whole = suite_create("docker_stream");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, events_say_which_task_to_look_at);
	tcase_add_test(tests, events_may_come_in_pieces_and_two_at_once);
	tcase_add_test(tests, an_event_that_cannot_be_read_means_look_at_all);
	tcase_add_test(tests, a_stream_that_breaks_off_is_told_and_taken_up_again);
	tcase_add_test(tests, an_engine_that_comes_later_is_found);
	tcase_add_test(tests, listening_ends_whatever_the_engine_does);
	tcase_add_test(tests, frames_are_split_into_their_streams);
	tcase_add_test(tests, frames_may_come_a_byte_at_a_time);
	tcase_add_test(tests, a_silent_stream_is_asked_and_ended_by_write);
	tcase_add_test(tests, what_is_no_log_is_told);
	suite_add_tcase(whole, tests);
	return whole;
}

CHECK_MAIN(suite)
