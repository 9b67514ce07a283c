/* tests/plugin/process_crash_test.c - process.so when something dies: the worker, the
 * supervisor, the room on the disk; and the events that tell of ends. */
#include "process_fixture.h"

#include <sys/mount.h>

struct ears {
	pthread_mutex_t lock;
	pthread_cond_t heard;
	unsigned changed;
	unsigned resyncs;
	char last[CUBE_ID_SIZE];
};

static struct ears ears;
static struct cube_runtime_events events;

static void
on_changed(void *ctx, const char *task_id)
{
	struct ears *at = ctx;

	(void)pthread_mutex_lock(&at->lock);
	at->changed++;
	(void)snprintf(at->last, sizeof(at->last), "%s", task_id);
	(void)pthread_cond_signal(&at->heard);
	(void)pthread_mutex_unlock(&at->lock);
}

static void
on_resync(void *ctx)
{
	struct ears *at = ctx;

	(void)pthread_mutex_lock(&at->lock);
	at->resyncs++;
	(void)pthread_mutex_unlock(&at->lock);
}

static void
listen_for_events(void)
{
	(void)pthread_mutex_init(&ears.lock, NULL);
	(void)pthread_cond_init(&ears.heard, NULL);
	ears.changed = 0;
	events = (struct cube_runtime_events){sizeof(events), 0, &ears, on_changed, on_resync};
	must(worker.ops->start(worker.self, &events, &err));
}

/* Waits for the next event after the first so many. */
static void
wait_event(unsigned after)
{
	struct timespec until;
	char last[CUBE_ID_SIZE];

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_MS / 1000;
	(void)pthread_mutex_lock(&ears.lock);
	while (ears.changed <= after)
		ck_assert_int_eq(pthread_cond_timedwait(&ears.heard, &ears.lock, &until), 0);
	memcpy(last, ears.last, sizeof(last));
	(void)pthread_mutex_unlock(&ears.lock);
	ck_assert_str_eq(last, TASK);
}

static unsigned
events_heard(void)
{
	unsigned changed;

	(void)pthread_mutex_lock(&ears.lock);
	changed = ears.changed;
	(void)pthread_mutex_unlock(&ears.lock);
	return changed;
}

START_TEST(an_end_is_told_of_at_once)
{
	listen_for_events();
	script("sleep 0.5; exit 3");
	must(run_task(&task));
	ck_assert_uint_eq(events_heard(), 0);
	wait_event(0);
	must(inspect(TASK ".1")); /* no waiting: the event comes after the outcome */
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_EXITED);
	ck_assert_int_eq(out.exit_code, 3);
	ck_assert_int_le(clock_now().wall_ms - out.finished_ms, 500);
	worker.ops->stop(worker.self);
}
END_TEST

/* A worker that runs one task and is killed. */
static void
worker_that_dies(const char *text)
{
	int ready[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	worker_close(&worker);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		worker_open(&worker, NULL);
		script(text);
		must(run_task(&task));
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	(void)close(ready[0]);
	(void)close(ready[1]);
	worker_open(&worker, NULL);
}

START_TEST(a_container_outlives_its_worker_and_its_end_is_heard_by_the_next)
{
	struct names *names;
	char path[PATH_MAX];

	worker_that_dies("while ! [ -e go ]; do sleep 0.01; done; exit 7");
	listen_for_events();
	names = list_all();
	ck_assert_uint_eq(names->count, 1);
	ck_assert_uint_eq(names->items[0].state, CUBE_CONTAINER_RUNNING);
	ck_assert_str_eq(names->items[0].cluster, CLUSTER);
	script("exit 1");
	must(run_task(&task)); /* adopted: the same one */
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_RUNNING);
	write_file(state_path(path, "containers/" TASK ".1/work/go"), "");
	wait_event(0);
	must(inspect(TASK ".1"));
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_EXITED);
	ck_assert_int_eq(out.exit_code, 7);
	worker.ops->stop(worker.self);
}
END_TEST

/* The option for a supervisor that takes its time to begin. */
static void
slow_supervisor(char option[PATH_MAX + 16])
{
	char text[3 * PATH_MAX];
	char real[PATH_MAX];
	char slow[PATH_MAX];

	fixture_build_path("plugins/runtime/process-supervisor", real);
	(void)snprintf(slow, sizeof(slow), "%s/slow", folder);
	(void)snprintf(text, sizeof(text),
		       "#!/bin/sh\n: > %s/begun\nsleep 0.3\nexec %s \"$@\"\n", folder, real);
	write_file(slow, text);
	ck_assert_int_eq(chmod(slow, 0700), 0);
	(void)snprintf(option, PATH_MAX + 16, "supervisor=%s", slow);
}

/* A worker that is killed while its supervisor has been started and has not begun. */
static void
worker_that_dies_early(const char *text)
{
	char option[PATH_MAX + 16];
	uint64_t until = in_ms(WAIT_MS);
	char path[PATH_MAX];
	pid_t pid;

	slow_supervisor(option);
	worker_close(&worker);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		worker_open(&worker, (const char *const[]){option, NULL});
		script(text);
		(void)run_task(&task);
		_exit(0);
	}
	(void)snprintf(path, sizeof(path), "%s/begun", folder);
	while (access(path, F_OK) != 0) {
		ck_assert_uint_lt(real_now_ms(NULL), until);
		pause_ms(1);
	}
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	worker_open(&worker, NULL);
}

START_TEST(a_container_that_a_dead_worker_was_starting_runs_once_and_is_not_killed)
{
	uint64_t until = in_ms(WAIT_MS);
	struct names *names;
	char path[PATH_MAX];

	worker_that_dies_early(
		"echo x >> runs; while ! [ -e go ]; do sleep 0.01; done; exit 5");
	names = list_all();
	ck_assert_uint_eq(names->count, 1);
	ck_assert_uint_eq(names->items[0].state, CUBE_CONTAINER_CREATED);
	script("echo x >> runs; exit 1");
	/* It may run: that is to be looked at again, not started over. */
	while (run_task(&task) != 0) {
		ck_assert_int_eq(err.code, CUBE_ERR_TIMEOUT);
		ck_assert_uint_lt(real_now_ms(NULL), until);
		pause_ms(10);
	}
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_RUNNING);
	write_file(state_path(path, "containers/" TASK ".1/work/go"), "");
	wait_exited(TASK ".1");
	ck_assert_int_eq(out.exit_code, 5);
	ck_assert_str_eq(read_file(state_path(path, "containers/" TASK ".1/work/runs")), "x\n");
}
END_TEST

START_TEST(a_lock_file_without_its_container_is_swept_up)
{
	char path[PATH_MAX];

	(void)enforced(); /* the folders are made */
	write_file(state_path(path, "live/" TASK ".1"), "");
	reopen(NULL);
	(void)enforced();
	ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(an_end_while_there_is_no_worker_is_known_to_the_next)
{
	uint64_t until = in_ms(WAIT_MS);
	char path[PATH_MAX];

	worker_that_dies("exit 9");
	worker_close(&worker);
	state_path(path, "containers/" TASK ".1/outcome.json");
	while (access(path, F_OK) != 0) {
		ck_assert_uint_lt(real_now_ms(NULL), until);
		pause_ms(2);
	}
	worker_open(&worker, NULL);
	must(inspect(TASK ".1"));
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_EXITED);
	ck_assert_int_eq(out.exit_code, 9);
}
END_TEST

START_TEST(an_adopted_container_can_be_stopped)
{
	worker_that_dies("sleep 60");
	must(send_signal(TASK ".1", SIGTERM));
	wait_exited(TASK ".1");
	ck_assert_int_eq(out.exit_code, 128 + SIGTERM);
}
END_TEST

START_TEST(a_container_whose_supervisor_was_killed_has_ended_and_all_of_it)
{
	pid_t supervisor;
	pid_t first;
	pid_t daemon;

	listen_for_events();
	script("setsid sh -c 'echo $$ > daemon; exec sleep 60' & echo $$ > first; sleep 60");
	must(run_task(&task));
	daemon = (pid_t)strtol(wait_file(TASK ".1", "daemon"), NULL, 10);
	first = (pid_t)strtol(wait_file(TASK ".1", "first"), NULL, 10);
	supervisor = supervisor_of(TASK ".1");
	ck_assert_int_gt(supervisor, 1);
	ck_assert_int_eq(kill(supervisor, SIGKILL), 0);
	wait_event(0);
	must(inspect(TASK ".1")); /* no waiting: the event comes when it is so */
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_EXITED);
	ck_assert_int_eq(out.exit_code, 255);
	ck_assert_str_eq(out.reason, "its supervisor died; outcome unknown");
	ck_assert_int_gt(out.finished_ms, 0);
	wait_gone(first);
	if (enforced() != 0)
		wait_gone(daemon);
	else
		(void)kill(daemon, SIGKILL);
	must(run_task(&task)); /* never started twice */
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_EXITED);
	ck_assert_int_eq(out.exit_code, 255);
	worker.ops->stop(worker.self);
}
END_TEST

START_TEST(the_supervisor_is_deaf_to_what_ends_a_daemon)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGPIPE};
	pid_t supervisor;

	script("sleep 60");
	must(run_task(&task));
	supervisor = supervisor_of(TASK ".1");
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		ck_assert_int_eq(kill(supervisor, signals[i]), 0);
	pause_ms(50);
	must(inspect(TASK ".1"));
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_RUNNING);
}
END_TEST

/* ---- a full disk ---- */

static bool
enter_small_disk(void)
{
	if (mount("tmpfs", folder, "tmpfs", 0, "size=256k") != 0)
		return false;
	reopen(NULL);
	return true;
}

/* A supervisor that has written its outcome may take a moment to be gone. */
static void
leave_small_disk(void)
{
	uint64_t until = in_ms(WAIT_MS);

	worker_close(&worker);
	while (umount(folder) != 0) {
		ck_assert_int_eq(errno, EBUSY);
		ck_assert_uint_lt(real_now_ms(NULL), until);
		pause_ms(5);
	}
	worker_open(&worker, NULL);
}

static int
keep_note(void *ctx, int stream, const void *bytes, size_t size)
{
	if (stream == 2 && size < 256 && memmem(bytes, size, "were lost", 9) != NULL)
		*(bool *)ctx = true;
	return 0;
}

/* The output fills the disk, and dd what it leaves. */
static void
fill_disk(void)
{
	char command[256];
	uint64_t until = in_ms(WAIT_MS);

	(void)snprintf(command, sizeof(command),
		       "dd if=/dev/zero of=%s/fill oflag=append conv=notrunc bs=1k 2>/dev/null",
		       folder);
	(void)wait_file(TASK ".1", "up");
	for (int full = 0; full < 3; full++) {
		ck_assert_int_ne(system(command), 0);
		ck_assert_uint_lt(real_now_ms(NULL), until);
		pause_ms(20);
	}
}

static void
free_disk(void)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/fill", folder);
	ck_assert_int_eq(unlink(path), 0);
}

START_TEST(a_full_disk_loses_output_but_not_the_outcome)
{
	if (!enter_small_disk())
		return; /* not root */
	script("echo > up; yes | head -c 2000000; sleep 60");
	must(run_task(&task));
	fill_disk();
	must(send_signal(TASK ".1", SIGTERM));
	wait_exited(TASK ".1");
	ck_assert_int_eq(out.exit_code, 128 + SIGTERM);
	ck_assert_str_eq(out.reason, "killed by signal 15 (Terminated)");
	must(remove_it(TASK ".1"));
	leave_small_disk();
}
END_TEST

START_TEST(output_that_was_lost_is_said_to_be)
{
	bool noted = false;
	struct cube_log_request request = {
		.struct_size = sizeof(request),
		.streams = 3,
		.ctx = &noted,
		.write = keep_note,
	};

	if (!enter_small_disk())
		return; /* not root */
	script("echo > up; trap 'echo after; exit 11' USR1; yes | head -c 2000000; "
	       "while :; do sleep 0.01; done");
	must(run_task(&task));
	fill_disk();
	free_disk();
	must(send_signal(TASK ".1", SIGUSR1));
	wait_exited(TASK ".1");
	ck_assert_int_eq(out.exit_code, 11);
	must(worker.ops->logs(worker.self, TASK ".1", &request, &err));
	ck_assert(noted);
	must(remove_it(TASK ".1"));
	leave_small_disk();
}
END_TEST

START_TEST(no_room_for_a_container_is_unavailable_and_leaves_nothing)
{
	char command[PATH_MAX + 32];

	if (!enter_small_disk())
		return;   /* not root */
	(void)enforced(); /* the folders are made */
	(void)snprintf(command, sizeof(command), "dd if=/dev/zero of=%s/fill bs=4k 2>/dev/null",
		       folder);
	ck_assert_int_ne(system(command), 0);
	script("exit 0");
	ck_assert_int_eq(run_task(&task), CUBE_ERR_UNAVAILABLE);
	fixture_contains(err.message, "No space left");
	ck_assert_uint_eq(list_all()->count, 0);
	free_disk();
	run_to_end();
	must(remove_it(TASK ".1"));
	leave_small_disk();
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("process crash");
	TCase *crash = tcase_create("crash");

	tcase_set_timeout(crash, 120);
	tcase_add_checked_fixture(crash, set_up, tear_down);
	tcase_add_test(crash, an_end_is_told_of_at_once);
	tcase_add_test(crash, a_container_outlives_its_worker_and_its_end_is_heard_by_the_next);
	tcase_add_test(crash,
		       a_container_that_a_dead_worker_was_starting_runs_once_and_is_not_killed);
	tcase_add_test(crash, a_lock_file_without_its_container_is_swept_up);
	tcase_add_test(crash, an_end_while_there_is_no_worker_is_known_to_the_next);
	tcase_add_test(crash, an_adopted_container_can_be_stopped);
	tcase_add_test(crash, a_container_whose_supervisor_was_killed_has_ended_and_all_of_it);
	tcase_add_test(crash, the_supervisor_is_deaf_to_what_ends_a_daemon);
	tcase_add_test(crash, a_full_disk_loses_output_but_not_the_outcome);
	tcase_add_test(crash, output_that_was_lost_is_said_to_be);
	tcase_add_test(crash, no_room_for_a_container_is_unavailable_and_leaves_nothing);
	suite_add_tcase(suite, crash);
	return suite;
}

CHECK_MAIN(suite)
