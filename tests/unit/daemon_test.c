/* tests/unit/daemon_test.c - the data directory, and how a daemon ends: each end is that of a
 * process of its own, sent real signals. */
#include "shell/daemon.h"

#include "base/clock.h"

#include "check_main.h"
#include "store_script.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- folders ---- */

static char folder[64];

static void
folder_begin(void)
{
	(void)snprintf(folder, sizeof(folder), "/tmp/cube-daemon-test.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void
folder_end(void)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	ck_assert_int_eq(system(command), 0);
}

static void
path_in(const char *name, char path[256])
{
	(void)snprintf(path, 256, "%s/%s", folder, name);
}

START_TEST(a_given_folder_is_made_with_all_above_it_for_the_owner_alone)
{
	static const char *const names[] = {"a/b/c", "d/", "e//f"};
	struct cube_error err;
	struct stat st;
	char path[256];
	char *made;

	for (size_t i = 0; i < 3; i++) {
		path_in(names[i], path);
		/* The second time it is there. */
		for (int times = 0; times < 2; times++) {
			made = NULL;
			ck_assert_int_eq(daemon_data_dir(path, "n1", &made, &err), 0);
			ck_assert_str_eq(made, path);
			free(made);
		}
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert(S_ISDIR(st.st_mode));
		ck_assert_uint_eq(st.st_mode & 0777, 0700);
	}
	path_in("a", path);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
}
END_TEST

START_TEST(a_file_in_the_way_is_named)
{
	struct cube_error err;
	char path[256];
	char *made = NULL;
	FILE *file;

	path_in("file", path);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	(void)fclose(file);
	ck_assert_int_eq(daemon_data_dir(path, "n1", &made, &err), CUBE_ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.message, path));
	ck_assert_ptr_nonnull(strstr(err.message, "not a folder"));
	path_in("file/below", path);
	ck_assert_int_eq(daemon_data_dir(path, "n1", &made, &err), CUBE_ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.message, path));
	ck_assert_ptr_null(made);
}
END_TEST

START_TEST(a_user_has_it_in_the_state_folder_of_his_home)
{
	struct cube_error err;
	char want[300];
	char *made = NULL;

	ck_assert_int_eq(chmod(folder, 0777), 0);
	if (geteuid() == 0 && seteuid(65534) != 0)
		ck_abort_msg("seteuid: %s", strerror(errno));
	path_in("state", want);
	(void)setenv("XDG_STATE_HOME", want, 1);
	ck_assert_int_eq(daemon_data_dir(NULL, "n1", &made, &err), 0);
	(void)snprintf(want, sizeof(want), "%s/state/cube/n1", folder);
	ck_assert_str_eq(made, want);
	free(made);
	(void)setenv("XDG_STATE_HOME", "relative/is/not/taken", 1);
	(void)setenv("HOME", folder, 1);
	ck_assert_int_eq(daemon_data_dir("", "n1", &made, &err), 0);
	(void)snprintf(want, sizeof(want), "%s/.local/state/cube/n1", folder);
	ck_assert_str_eq(made, want);
	free(made);
	(void)unsetenv("HOME");
	ck_assert_int_eq(daemon_data_dir(NULL, "n1", &made, &err), CUBE_ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.message, "--data-dir"));
	ck_assert_int_eq(seteuid(getuid()), 0);
}
END_TEST

/* ---- a daemon as a child ---- */

enum {
	ENDED_WELL = 42,
	ENDED_BADLY = 43,
	TOLD_WRONG = 44
};

struct behaviour {
	bool brain_fails;
	bool store_hangs; /* in the first commit */
	int stopping_ms;  /* stopping takes so long */
	bool hangs_after; /* the rest of the end does not return */
};

static const struct behaviour *behaviour;
static int told; /* pipe: 'R' once it runs, 'S' when stopping was called */

static void
tell(char what)
{
	if (write(told, &what, 1) != 1)
		_exit(TOLD_WRONG);
}

static void
wait_ms(int ms)
{
	const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	(void)nanosleep(&time, NULL);
}

static int
brain_start(void *brain, struct step *step, struct cube_error *err)
{
	(void)brain;
	if (behaviour->brain_fails)
		return cube_fail(err, CUBE_ERR_INTERNAL, 0, "the brain fails");
	return step_write(step, "start", strdup("1"), 1);
}

static int
brain_step(void *brain, struct message *message, struct step *step, struct cube_error *err)
{
	(void)brain;
	(void)step;
	(void)err;
	free(message);
	return 0;
}

static struct message *
brain_wake(void *brain)
{
	(void)brain;
	return NULL;
}

static void
brain_free(struct message *message)
{
	free(message);
}

static void
release(void *ctx, struct outbox_item *item)
{
	(void)ctx;
	item->free(item);
}

static void
stopping(void *ctx, uint64_t deadline_ms)
{
	uint64_t now_ms = clock_now().mono_ms;

	(void)ctx;
	if (deadline_ms < now_ms + 1000 || deadline_ms > now_ms + DAEMON_END_MS)
		_exit(TOLD_WRONG);
	tell('S');
	wait_ms(behaviour->stopping_ms);
}

static void
daemon_child(void)
{
	static const enum script_word hang[] = {SCRIPT_HANG};
	const struct loop_brain brain = {.start = brain_start,
					 .step = brain_step,
					 .wake = brain_wake,
					 .free_message = brain_free};
	struct cube_error err = {0};
	struct store *store;
	struct loop *loop;
	int rc;

	script_reset(hang, behaviour->store_hangs ? 1 : 0);
	daemon_block_signals();
	if (store_open("script", &script_ops, NULL, NULL, &store, &err) != 0 ||
	    loop_new(&brain, store, release, NULL, NULL, &loop, &err) != 0)
		_exit(TOLD_WRONG);
	tell('R');
	rc = daemon_run(loop, NULL, stopping, NULL, &err);
	if (rc < 0 && rc != err.code)
		_exit(TOLD_WRONG);
	while (behaviour->hangs_after)
		wait_ms(1000);
	_exit(rc == 0 ? ENDED_WELL : ENDED_BADLY);
}

static pid_t
daemon_start(const struct behaviour *of, int *hears)
{
	int ends[2];
	char what;
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	behaviour = of;
	told = ends[1];
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)close(ends[0]);
		(void)dup2(ends[1], STDERR_FILENO); /* what it says when it is forced */
		daemon_child();
	}
	(void)close(ends[1]);
	ck_assert_int_eq(read(ends[0], &what, 1), 1);
	ck_assert_int_eq(what, 'R');
	*hears = ends[0];
	return pid;
}

/* The exit code; *ms: how long that took. */
static int
daemon_end(pid_t pid, uint64_t *ms)
{
	uint64_t begin_ms = clock_now().mono_ms;
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	*ms = clock_now().mono_ms - begin_ms;
	ck_assert_msg(WIFEXITED(status), "status %d", status);
	return WEXITSTATUS(status);
}

static void
ends_by(int signo)
{
	const struct behaviour of = {0};
	uint64_t ms;
	int hears;
	char what = 0;
	pid_t pid = daemon_start(&of, &hears);

	ck_assert_int_eq(kill(pid, signo), 0);
	ck_assert_int_eq(daemon_end(pid, &ms), ENDED_WELL);
	ck_assert_uint_lt(ms, 1500);
	ck_assert_int_eq(read(hears, &what, 1), 1);
	ck_assert_int_eq(what, 'S');
	(void)close(hears);
}

START_TEST(sigterm_and_sigint_end_it_and_the_parts_are_told_until_when)
{
	ends_by(SIGTERM);
	ends_by(SIGINT);
}
END_TEST

START_TEST(sigusr1_from_outside_neither_ends_it_nor_makes_it_deaf)
{
	const struct behaviour of = {0};
	uint64_t ms;
	int hears;
	int status;
	pid_t pid = daemon_start(&of, &hears);

	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(kill(pid, SIGUSR1), 0);
		wait_ms(50);
	}
	ck_assert_int_eq(waitpid(pid, &status, WNOHANG), 0);
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	ck_assert_int_eq(daemon_end(pid, &ms), ENDED_WELL);
	(void)close(hears);
}
END_TEST

START_TEST(a_second_signal_changes_nothing)
{
	const struct behaviour of = {.stopping_ms = 300};
	uint64_t ms;
	int hears;
	char what;
	pid_t pid = daemon_start(&of, &hears);

	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	ck_assert_int_eq(read(hears, &what, 1), 1);
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	ck_assert_int_eq(kill(pid, SIGINT), 0);
	ck_assert_int_eq(daemon_end(pid, &ms), ENDED_WELL);
	ck_assert_uint_ge(ms, 200);
	ck_assert_int_eq(read(hears, &what, 1), 0); /* it is told once */
	(void)close(hears);
}
END_TEST

START_TEST(a_loop_that_fails_ends_it_without_a_signal)
{
	const struct behaviour of = {.brain_fails = true};
	uint64_t ms;
	int hears;
	char what;
	pid_t pid = daemon_start(&of, &hears);

	ck_assert_int_eq(daemon_end(pid, &ms), ENDED_BADLY);
	ck_assert_int_eq(read(hears, &what, 1), 0);
	(void)close(hears);
}
END_TEST

static void
is_ended_by_force(const struct behaviour *of, int code)
{
	char said[256] = {0};
	uint64_t ms;
	int hears;
	pid_t pid = daemon_start(of, &hears);

	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	ck_assert_int_eq(daemon_end(pid, &ms), code);
	ck_assert_uint_ge(ms, DAEMON_END_MS - 100);
	ck_assert_uint_lt(ms, DAEMON_END_MS + 1500);
	ck_assert_int_eq(read(hears, said, 1), 1); /* S */
	ck_assert_int_gt(read(hears, said, sizeof(said) - 1), 0);
	ck_assert_ptr_nonnull(strstr(said, "did not end in time"));
	(void)close(hears);
}

START_TEST(a_part_that_hangs_before_all_is_saved_ends_it_with_1)
{
	const struct behaviour of = {.stopping_ms = 60000};

	is_ended_by_force(&of, 1);
}
END_TEST

START_TEST(a_part_that_hangs_after_all_is_saved_ends_it_with_0)
{
	const struct behaviour of = {.hangs_after = true};

	is_ended_by_force(&of, 0);
}
END_TEST

START_TEST(a_failed_loop_and_a_part_that_hangs_end_it_with_1)
{
	const struct behaviour of = {.brain_fails = true, .hangs_after = true};
	uint64_t ms;
	int hears;
	pid_t pid = daemon_start(&of, &hears);

	ck_assert_int_eq(daemon_end(pid, &ms), 1);
	ck_assert_uint_lt(ms, DAEMON_END_MS + 1500);
	(void)close(hears);
}
END_TEST

START_TEST(a_store_that_hangs_is_left_within_the_time)
{
	const struct behaviour of = {.store_hangs = true};
	uint64_t ms;
	int hears;
	pid_t pid = daemon_start(&of, &hears);

	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	/* By itself, not by force: that would be 1. */
	ck_assert_int_eq(daemon_end(pid, &ms), ENDED_BADLY);
	ck_assert_uint_lt(ms, DAEMON_END_MS + 1500);
	(void)close(hears);
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("daemon");
	TCase *folders = tcase_create("folders");
	TCase *ends = tcase_create("ends");

	tcase_add_checked_fixture(folders, folder_begin, folder_end);
	tcase_add_test(folders, a_given_folder_is_made_with_all_above_it_for_the_owner_alone);
	tcase_add_test(folders, a_file_in_the_way_is_named);
	tcase_add_test(folders, a_user_has_it_in_the_state_folder_of_his_home);
	tcase_set_timeout(ends, 60);
	tcase_add_test(ends, sigterm_and_sigint_end_it_and_the_parts_are_told_until_when);
	tcase_add_test(ends, sigusr1_from_outside_neither_ends_it_nor_makes_it_deaf);
	tcase_add_test(ends, a_second_signal_changes_nothing);
	tcase_add_test(ends, a_loop_that_fails_ends_it_without_a_signal);
	tcase_add_test(ends, a_part_that_hangs_before_all_is_saved_ends_it_with_1);
	tcase_add_test(ends, a_part_that_hangs_after_all_is_saved_ends_it_with_0);
	tcase_add_test(ends, a_failed_loop_and_a_part_that_hangs_end_it_with_1);
	tcase_add_test(ends, a_store_that_hangs_is_left_within_the_time);
	suite_add_tcase(suite, folders);
	suite_add_tcase(suite, ends);
	return suite;
}

CHECK_MAIN(suite)
