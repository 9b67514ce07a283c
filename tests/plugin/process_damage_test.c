/* tests/plugin/process_damage_test.c - process.so when its files say what they should not:
 * damaged, forged, half made, or lost with the power. */
#include "process_fixture.h"

static const char *const damages[] = {
	"",
	"{",
	"null",
	"[]",
	"{\"Format\":2}",
	"{\"Pid\":\"x\",\"ExitCode\":-1,\"Format\":1,\"Attempt\":\"1\"}",
	"{\"Pid\":1,\"ExitCode\":256,\"Format\":1,\"Attempt\":0}",
	"{\"Pid\":99999999999,\"ExitCode\":1e99,\"Format\":1,\"Attempt\":1,\"Task\":\"other\"}",
	"\x01\xff\xfe",
};

START_TEST(a_damaged_outcome_is_an_end_with_the_damage_as_reason)
{
	char path[PATH_MAX];

	script("exit 0");
	run_to_end();
	write_file(state_path(path, "containers/" TASK ".1/outcome.json"), damages[_i]);
	must(inspect(TASK ".1"));
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_EXITED);
	ck_assert_int_eq(out.exit_code, 255);
	fixture_contains(out.reason, "outcome.json");
	must(remove_it(TASK ".1"));
}
END_TEST

START_TEST(a_damaged_spec_hides_no_container)
{
	char path[PATH_MAX];
	struct names *names;

	script("exit 0");
	run_to_end();
	write_file(state_path(path, "containers/" TASK ".1/spec.json"), damages[_i]);
	reopen(NULL);
	names = list_all();
	ck_assert_uint_eq(names->count, 1);
	ck_assert_str_eq(names->items[0].task_id, TASK);
	ck_assert_uint_eq(names->items[0].state, CUBE_CONTAINER_EXITED);
	ck_assert_str_eq(names->items[0].cluster, "");
	fixture_contains(names->items[0].reason, "spec.json");
	must(remove_it(TASK ".1"));
}
END_TEST

START_TEST(a_damaged_start_file_signals_nobody)
{
	char path[PATH_MAX];

	script("sleep 60");
	must(run_task(&task));
	write_file(state_path(path, "containers/" TASK ".1/started.json"), damages[_i]);
	must(inspect(TASK ".1"));
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_RUNNING);
	ck_assert_int_eq(send_signal(TASK ".1", SIGTERM), CUBE_ERR_UNAVAILABLE);
	must(inspect(TASK ".1"));
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_RUNNING);
	if (enforced() != 0) {
		must(send_signal(TASK ".1", SIGKILL)); /* the cgroup knows */
		wait_exited(TASK ".1");
	} else {
		ck_assert_int_eq(kill(supervisor_of(TASK ".1"), SIGKILL), 0);
	}
}
END_TEST

static pid_t
stranger(void)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)setsid();
		pause();
		_exit(0);
	}
	return pid;
}

static void
end_stranger(pid_t pid)
{
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0); /* it lives */
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(a_process_number_that_was_given_to_another_is_not_signalled)
{
	char path[PATH_MAX];
	char text[128];
	pid_t pid = stranger();

	script("sleep 60");
	must(run_task(&task));
	(void)snprintf(text, sizeof(text), "{\"Pid\":%d,\"StartTicks\":1,\"StartedMs\":1}",
		       (int)pid);
	write_file(state_path(path, "containers/" TASK ".1/started.json"), text);
	must(send_signal(TASK ".1", SIGTERM));
	pause_ms(30);
	end_stranger(pid);
	ck_assert_int_eq(kill(supervisor_of(TASK ".1"), SIGKILL), 0);
	wait_exited(TASK ".1");
}
END_TEST

START_TEST(a_cgroup_of_others_is_not_killed)
{
	static const char *const paths[] = {
		"/sys/fs/cgroup/unified/stranger",
		"/sys/fs/cgroup/unified/../unified/stranger",
		"/tmp",
		"",
	};
	char path[PATH_MAX];
	char text[1024];

	script("exit 0");
	run_to_end();
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		(void)snprintf(text, sizeof(text),
			       "{\"Format\":1,\"Task\":\"" TASK "\",\"Attempt\":1,"
			       "\"Boot\":\"\",\"Cluster\":\"\",\"Ports\":[],\"Cgroups\":[{"
			       "\"Kind\":\"u\","
			       "\"Path\":\"%s\"}]}",
			       paths[i]);
		write_file(state_path(path, "containers/" TASK ".1/spec.json"), text);
		must(inspect(TASK ".1"));
		fixture_contains(out.reason, "is not its cgroup");
	}
}
END_TEST

START_TEST(files_that_are_no_files_are_damage)
{
	char path[PATH_MAX];

	script("exit 0");
	run_to_end();
	state_path(path, "containers/" TASK ".1/outcome.json");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0); /* reading it must not wait */
	must(inspect(TASK ".1"));
	ck_assert_int_eq(out.exit_code, 255);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	must(inspect(TASK ".1"));
	ck_assert_int_eq(out.exit_code, 255);
	ck_assert_int_eq(unlink(path), 0);
	write_file(path, "");
	ck_assert_int_eq(truncate(path, 1 << 30), 0);
	must(inspect(TASK ".1"));
	ck_assert_int_eq(out.exit_code, 255);
	fixture_contains(out.reason, "4096 bytes");
}
END_TEST

START_TEST(what_a_crash_left_half_made_is_swept_up)
{
	char path[PATH_MAX];

	script("exit 0");
	run_to_end();
	ck_assert_int_eq(mkdir(state_path(path, "containers/.new-" TASK ".2"), 0700), 0);
	ck_assert_int_eq(mkdir(state_path(path, "containers/.new-" TASK ".2/work"), 0700), 0);
	ck_assert_int_eq(mkdir(state_path(path, "containers/.gone-" TASK ".3"), 0700), 0);
	write_file(state_path(path, "containers/.gone-" TASK ".3/log"), "x");
	write_file(state_path(path, "containers/notes.txt"), "not ours");
	reopen(NULL);
	ck_assert_uint_eq(list_all()->count, 1);
	ck_assert_int_ne(access(state_path(path, "containers/.new-" TASK ".2"), F_OK), 0);
	ck_assert_int_ne(access(state_path(path, "containers/.gone-" TASK ".3"), F_OK), 0);
	ck_assert_int_eq(access(state_path(path, "containers/notes.txt"), F_OK), 0);
}
END_TEST

START_TEST(one_that_was_made_but_not_started_is_started_by_run)
{
	char path[PATH_MAX];

	script("exit 4");
	run_to_end();
	wait_unlocked(TASK ".1");
	ck_assert_int_eq(unlink(state_path(path, "containers/" TASK ".1/started.json")), 0);
	ck_assert_int_eq(unlink(state_path(path, "containers/" TASK ".1/outcome.json")), 0);
	must(inspect(TASK ".1"));
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_CREATED);
	ck_assert_int_eq(out.started_ms, 0);
	run_to_end();
	ck_assert_int_eq(out.exit_code, 4);
}
END_TEST

START_TEST(what_may_have_run_before_a_loss_of_power_is_not_run_again)
{
	char path[PATH_MAX];
	char text[4096];
	char *boot;

	script("exit 4");
	run_to_end();
	wait_unlocked(TASK ".1");
	ck_assert_int_eq(unlink(state_path(path, "containers/" TASK ".1/started.json")), 0);
	ck_assert_int_eq(unlink(state_path(path, "containers/" TASK ".1/outcome.json")), 0);
	state_path(path, "containers/" TASK ".1/spec.json");
	(void)snprintf(text, sizeof(text), "%.4000s", read_file(path));
	write_file(path, ""); /* the file's blocks never reached the disk */
	must(run_task(&task));
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_EXITED);
	ck_assert_int_eq(out.exit_code, 255);
	fixture_contains(out.reason, "damaged: spec.json");
	boot = strstr(text, "\"Boot\":\"");
	ck_assert_ptr_nonnull(boot);
	boot[strlen("\"Boot\":\"")] ^= 1;
	write_file(path, text);
	must(run_task(&task));
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_EXITED);
	ck_assert_int_eq(out.exit_code, 255);
	fixture_contains(out.reason, "restarted");
	must(remove_it(TASK ".1"));
}
END_TEST

static Suite *
suite(void)
{
	const int damage_count = sizeof(damages) / sizeof(*damages);
	Suite *suite = suite_create("process damage");
	TCase *damage = tcase_create("damage");

	tcase_set_timeout(damage, 120);
	tcase_add_checked_fixture(damage, set_up, tear_down);
	tcase_add_loop_test(damage, a_damaged_outcome_is_an_end_with_the_damage_as_reason, 0,
			    damage_count);
	tcase_add_loop_test(damage, a_damaged_spec_hides_no_container, 0, damage_count);
	tcase_add_loop_test(damage, a_damaged_start_file_signals_nobody, 0, damage_count);
	tcase_add_test(damage, a_process_number_that_was_given_to_another_is_not_signalled);
	tcase_add_test(damage, a_cgroup_of_others_is_not_killed);
	tcase_add_test(damage, files_that_are_no_files_are_damage);
	tcase_add_test(damage, what_a_crash_left_half_made_is_swept_up);
	tcase_add_test(damage, one_that_was_made_but_not_started_is_started_by_run);
	tcase_add_test(damage, what_may_have_run_before_a_loss_of_power_is_not_run_again);
	suite_add_tcase(suite, damage);
	return suite;
}

CHECK_MAIN(suite)
