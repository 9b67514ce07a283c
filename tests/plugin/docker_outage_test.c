/* docker_outage_test.c - docker.so while a real engine tells of ends, restarts, and is stopped
 * in the middle of a call. The last two need an engine that is theirs. */
#include "docker_engine.h"

#include <pthread.h>

/* ---- events ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t heard = PTHREAD_COND_INITIALIZER;
static int resyncs;
static int changes;

static void
on_changed(void *ctx, const char *task_id)
{
	(void)ctx;
	(void)pthread_mutex_lock(&lock);
	changes += strcmp(task_id, CLIENT_TASK) == 0;
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

static int
read_now(const int *count)
{
	int is;

	(void)pthread_mutex_lock(&lock);
	is = *count;
	(void)pthread_mutex_unlock(&lock);
	return is;
}

/* Waits up to 20 s until *count is more than before. */
static bool
grows(const int *count, int before)
{
	struct timespec until;
	bool more;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	(void)pthread_mutex_lock(&lock);
	while (*count <= before && pthread_cond_timedwait(&heard, &lock, &until) == 0)
		;
	more = *count > before;
	(void)pthread_mutex_unlock(&lock);
	return more;
}

static const struct cube_runtime_events listener = {
	.struct_size = sizeof(listener), .changed = on_changed, .resync = on_resync};

START_TEST(an_end_is_heard)
{
	char handle[CUBE_HANDLE_SIZE];
	int before;

	ck_assert_int_eq(client.ops->start(client.self, &listener, &err), 0);
	ck_assert(grows(&resyncs, 0));
	run("sleep 600");
	memcpy(handle, out.handle, sizeof(handle));
	ck_assert(grows(&changes, 0)); /* it has started */
	before = read_now(&changes);
	ck_assert_int_eq(
		client.ops->signal(client.self, handle, SIGKILL, client_in(CALL_MS), &err), 0);
	ck_assert(grows(&changes, before));
	inspect(handle);
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_EXITED);
	client.ops->stop(client.self);
}
END_TEST

START_TEST(an_engine_that_restarts_is_found_again)
{
	char handle[CUBE_HANDLE_SIZE];
	int before;

	if (!is_own)
		return; /* it is not ours to stop */
	ck_assert_int_eq(client.ops->start(client.self, &listener, &err), 0);
	ck_assert(grows(&resyncs, 0));
	run("sleep 600");
	memcpy(handle, out.handle, sizeof(handle));
	before = read_now(&resyncs);
	ck_assert_int_eq(dockerd("stop-engine"), 0);
	ck_assert(grows(&resyncs, before));
	ck_assert_int_eq(
		client.ops->inspect(client.self, handle, client_in(CALL_MS), &out, &err),
		CUBE_ERR_UNAVAILABLE);
	before = read_now(&resyncs);
	ck_assert_int_eq(dockerd("restart"), 0);
	ck_assert(grows(&resyncs, before));
	await_end(handle); /* an engine takes its containers with it */
	client.ops->stop(client.self);
}
END_TEST

START_TEST(an_engine_that_is_stopped_in_the_middle_loses_nothing)
{
	char path[64];
	struct found found;
	long pid = 0;
	FILE *file;
	int rc;

	if (!is_own)
		return;
	(void)snprintf(path, sizeof(path), "%s/engine", folder);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%ld", &pid), 1);
	(void)fclose(file);
	ck_assert_int_eq(list(&found), 0); /* the version is agreed on */
	ck_assert_int_eq(kill((pid_t)pid, SIGSTOP), 0);
	task.args[0] = "sleep";
	task.args[1] = "600";
	task.spec.args = task.args;
	out.struct_size = sizeof(out);
	rc = client.ops->run(client.self, &task.spec, client_in(1000), &out, &err);
	ck_assert_int_eq(kill((pid_t)pid, SIGCONT), 0);
	ck_assert_int_eq(rc, CUBE_ERR_TIMEOUT);
	/* It may have got the create or not: one container is what comes of it. */
	ck_assert_msg(
		client.ops->run(client.self, &task.spec, client_in(CALL_MS), &out, &err) == 0,
		"%s", err.message);
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_RUNNING);
	ck_assert_int_eq(list(&found), 1);
}
END_TEST

static Suite *
suite(void)
{
	Suite *whole = suite_create("docker_outage");
	TCase *tests = tcase_create("all");

	tcase_add_unchecked_fixture(tests, find_engine, leave_engine);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, an_end_is_heard);
	tcase_add_test(tests, an_engine_that_restarts_is_found_again);
	tcase_add_test(tests, an_engine_that_is_stopped_in_the_middle_loses_nothing);
	suite_add_tcase(whole, tests);
	return whole;
}

CHECK_MAIN(suite)
