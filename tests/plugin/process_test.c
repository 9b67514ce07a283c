/* tests/plugin/process_test.c - process.so: the life of a container, what its program
 * finds around it, and what is refused. */
#include "process_fixture.h"

START_TEST(the_exit_code_of_a_program_is_kept)
{
	script("exit 3");
	must(run_task(&task));
	ck_assert_str_eq(out.handle, TASK ".1");
	ck_assert_str_eq(out.task_id, TASK);
	ck_assert_str_eq(out.cluster, CLUSTER);
	ck_assert_uint_eq(out.attempt, 1);
	ck_assert_int_gt(out.started_ms, 0);
	wait_exited(TASK ".1");
	ck_assert_int_eq(out.exit_code, 3);
	ck_assert_uint_eq(out.oom_killed, 0);
	ck_assert_int_ge(out.finished_ms, out.started_ms);
	ck_assert_str_eq(out.reason, "");
}
END_TEST

START_TEST(a_killed_program_has_128_and_the_signal)
{
	script("kill -SEGV $$");
	run_to_end();
	ck_assert_int_eq(out.exit_code, 128 + SIGSEGV);
	fixture_contains(out.reason, "killed by signal 11");
}
END_TEST

START_TEST(run_again_returns_the_running_one)
{
	int64_t started_ms;

	script("echo one >> count; sleep 60");
	must(run_task(&task));
	started_ms = out.started_ms;
	(void)wait_file(TASK ".1", "count");
	must(run_task(&task));
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_RUNNING);
	ck_assert_int_eq(out.started_ms, started_ms);
	pause_ms(50);
	ck_assert_str_eq(wait_file(TASK ".1", "count"), "one\n");
}
END_TEST

START_TEST(run_again_returns_the_exited_one_as_it_is)
{
	script("echo one >> count; exit 5");
	run_to_end();
	must(run_task(&task));
	ck_assert_uint_eq(out.state, CUBE_CONTAINER_EXITED);
	ck_assert_int_eq(out.exit_code, 5);
	ck_assert_str_eq(wait_file(TASK ".1", "count"), "one\n");
}
END_TEST

START_TEST(attempts_of_a_task_are_containers_of_their_own)
{
	script("exit 1");
	run_to_end();
	task.spec.attempt = 2;
	run_to_end();
	ck_assert_str_eq(out.handle, TASK ".2");
	ck_assert_uint_eq(list_all()->count, 2);
}
END_TEST

START_TEST(an_entrypoint_replaces_the_image_and_arguments_follow)
{
	static const char *const args[] = {"two", "three", NULL};

	task_init(&task, TASK, args);
	task.spec.image = "/nonexistent";
	task.entrypoint[0] = "/bin/sh";
	task.entrypoint[1] = "-c";
	task.entrypoint[2] = "printf '%s\\n' \"$0 $*\" > said";
	task.entrypoint[3] = "one";
	task.spec.entrypoint = task.entrypoint;
	run_to_end();
	ck_assert_str_eq(wait_file(TASK ".1", "said"), "one two three\n");
}
END_TEST

START_TEST(a_bare_name_is_looked_up_in_the_path_of_the_task)
{
	char path[PATH_MAX];
	char env[PATH_MAX + 8];

	(void)snprintf(path, sizeof(path), "%s/hello", folder);
	write_file(path, "#!/bin/sh\nexit 42\n");
	ck_assert_int_eq(chmod(path, 0755), 0);
	(void)snprintf(env, sizeof(env), "PATH=/nonexistent:%s", folder);
	task_init(&task, TASK, NULL);
	task.spec.image = "hello";
	task.env[0] = env;
	run_to_end();
	ck_assert_int_eq(out.exit_code, 42);
}
END_TEST

START_TEST(the_environment_holds_what_is_promised_and_no_more)
{
	const char *text;
	char wanted[128];

	ck_assert_int_eq(setenv("CUBE_TEST_SECRET", "s3cret", 1), 0);
	script("env -u PWD -u SHLVL -u _ > env; echo >> env");
	task.env[0] = "GREETING=hello world";
	task.env[1] = "CUBE_ATTEMPT=mine";
	task.ports[0] = (struct cube_port){80, 0, IPPROTO_TCP, 0, "127.0.0.1"};
	task.ports[1] = (struct cube_port){80, 0, IPPROTO_UDP, 0, ""};
	task.spec.port_count = 2;
	run_to_end();
	text = wait_file(TASK ".1", "env");
	fixture_contains(text, "\nPATH=");
	fixture_contains(text, "/work\n");
	fixture_contains(text, "CUBE_TASK_ID=" TASK "\n");
	fixture_contains(text, "CUBE_TASK_NAME=test\n");
	fixture_contains(text, "GREETING=hello world\n");
	fixture_contains(text, "CUBE_ATTEMPT=mine\n");
	ck_assert_ptr_null(strstr(text, "CUBE_ATTEMPT=1"));
	ck_assert_ptr_null(strstr(text, "s3cret"));
	ck_assert_uint_eq(out.port_count, 2);
	(void)snprintf(wanted, sizeof(wanted), "PORT_80=%u\n",
		       (unsigned)out.ports[0].host_port);
	fixture_contains(text, wanted);
	(void)snprintf(wanted, sizeof(wanted), "PORT_80_UDP=%u\n",
		       (unsigned)out.ports[1].host_port);
	fixture_contains(text, wanted);
}
END_TEST

START_TEST(a_program_starts_with_clean_signals_descriptors_and_session)
{
	const char *text;

	ck_assert(signal(SIGTERM, SIG_IGN) != SIG_ERR);
	script("ls /proc/self/fd | tr '\\n' ' ' > state; pwd >> state; echo $HOME >> state; "
	       "grep -E 'SigBlk|SigIgn|NoNewPrivs' /proc/self/status >> state; "
	       "cut -d' ' -f1,5,6 /proc/$$/stat >> state; wc -c >> state; umask >> state");
	run_to_end();
	ck_assert_int_eq(out.exit_code, 0);
	text = wait_file(TASK ".1", "state");
	ck_assert_msg(strncmp(text, "0 1 2 3 /", 9) == 0, "%s", text); /* 3 is ls's own */
	fixture_contains(text, "/work\n/tmp");
	fixture_contains(text, "SigBlk:\t0000000000000000\n");
	fixture_contains(text, "SigIgn:\t0000000000000000\n");
	fixture_contains(text, "NoNewPrivs:\t1\n");
	fixture_contains(text, "\n0\n0022\n"); /* standard input is empty */
	text = strstr(text, "NoNewPrivs:\t1\n") + strlen("NoNewPrivs:\t1\n");
	{
		int pid;
		int group;
		int session;

		ck_assert_int_eq(sscanf(text, "%d %d %d", &pid, &group, &session), 3);
		ck_assert_int_eq(pid, group);
		ck_assert_int_eq(pid, session);
	}
}
END_TEST

static void
refused(const char *image, const char *why)
{
	char path[PATH_MAX];
	struct stat st;

	task_init(&task, TASK, NULL);
	task.spec.image = image;
	ck_assert_int_eq(run_task(&task), CUBE_ERR_INVALID);
	fixture_contains(err.message, why);
	fixture_contains(err.message, image);
	ck_assert_uint_eq(list_all()->count, 0);
	ck_assert_int_ne(stat(state_path(path, "live/" TASK ".1"), &st), 0);
	ck_assert_int_eq(inspect(TASK ".1"), CUBE_ERR_NOT_FOUND);
}

START_TEST(what_cannot_be_executed_is_invalid_and_leaves_nothing)
{
	char path[PATH_MAX];

	refused("/nonexistent/program", "exec /nonexistent/program: No such file or directory");
	refused("no-such-program", "no such program in PATH");
	refused("nginx:1.25", "no such program in PATH");
	refused("./relative", "absolute path");
	refused("/etc", "Permission denied");
	refused("/etc/passwd", "Permission denied");
	(void)snprintf(path, sizeof(path), "%s/text", folder);
	write_file(path, "no program\n");
	ck_assert_int_eq(chmod(path, 0755), 0);
	refused(path, "Exec format error");
	write_file(path, "#!/nonexistent/interpreter\n");
	refused(path, "No such file or directory");
}
END_TEST

START_TEST(a_bad_spec_is_invalid)
{
	script("exit 0");
	task.env[0] = "NOVALUE";
	ck_assert_int_eq(run_task(&task), CUBE_ERR_INVALID);
	fixture_contains(err.message, "Env[0]");
	script("exit 0");
	task.spec.task_id = "../../escape";
	ck_assert_int_eq(run_task(&task), CUBE_ERR_INVALID);
	script("exit 0");
	task.spec.attempt = 0;
	ck_assert_int_eq(run_task(&task), CUBE_ERR_INVALID);
	script("exit 0");
	task.spec.port_count = CUBE_PORTS_MAX + 1;
	ck_assert_int_eq(run_task(&task), CUBE_ERR_INVALID);
	script("exit 0");
	task.spec.port_count = 1;
	ck_assert_int_eq(run_task(&task), CUBE_ERR_INVALID); /* container port 0 */
	ck_assert_uint_eq(list_all()->count, 0);
}
END_TEST

START_TEST(a_signal_reaches_the_whole_group)
{
	script("trap 'wait; exit 9' USR1; "
	       "(trap 'echo child > child; exit 0' USR1; echo > up; while :; do sleep 0.01; "
	       "done) & "
	       "wait");
	must(run_task(&task));
	(void)wait_file(TASK ".1", "up");
	must(send_signal(TASK ".1", SIGUSR1));
	wait_exited(TASK ".1");
	ck_assert_int_eq(out.exit_code, 9);
	ck_assert_str_eq(wait_file(TASK ".1", "child"), "child\n");
}
END_TEST

START_TEST(a_kill_ends_a_daemonised_grandchild)
{
	pid_t daemon;

	script("setsid sh -c 'echo $$ > pid; exec sleep 60' & echo > up; sleep 60");
	must(run_task(&task));
	daemon = (pid_t)strtol(wait_file(TASK ".1", "pid"), NULL, 10);
	ck_assert(is_alive(daemon));
	must(send_signal(TASK ".1", SIGKILL));
	wait_exited(TASK ".1");
	ck_assert_int_eq(out.exit_code, 128 + SIGKILL);
	ck_assert(!is_alive(daemon)); /* exited means: all of it */
}
END_TEST

START_TEST(what_the_first_process_leaves_is_killed)
{
	pid_t daemon;

	script("setsid sh -c 'trap \"\" TERM HUP; echo $$ > pid; exec sleep 60' >&- 2>&- & "
	       "while ! [ -s pid ]; do sleep 0.01; done; exit 4");
	run_to_end();
	daemon = (pid_t)strtol(wait_file(TASK ".1", "pid"), NULL, 10);
	ck_assert_int_eq(out.exit_code, 4);
	ck_assert_str_eq(out.reason, "");
	ck_assert(!is_alive(daemon));
}
END_TEST

START_TEST(signals_to_what_has_ended_or_never_was)
{
	script("exit 0");
	run_to_end();
	must(send_signal(TASK ".1", SIGTERM));
	ck_assert_int_eq(send_signal(TASK ".9", SIGTERM), CUBE_ERR_NOT_FOUND);
	ck_assert_int_eq(send_signal(TASK ".1", 0), CUBE_ERR_INVALID);
	ck_assert_int_eq(send_signal(TASK ".1", 1000), CUBE_ERR_INVALID);
}
END_TEST

START_TEST(handles_of_others_are_refused)
{
	static const char *const bad[] = {
		"",        "..",       "../x.1",   "a/b.1", TASK,       TASK ".",
		TASK ".0", TASK ".01", TASK ".-1", ".1",    TASK ".1x", TASK ".4294967296",
		"x\n.1",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ck_assert_msg(inspect(bad[i]) == CUBE_ERR_INVALID, "%s", bad[i]);
		ck_assert_msg(remove_it(bad[i]) == CUBE_ERR_INVALID, "%s", bad[i]);
		ck_assert_msg(send_signal(bad[i], SIGKILL) == CUBE_ERR_INVALID, "%s", bad[i]);
	}
}
END_TEST

START_TEST(remove_forgets_an_exited_container_only)
{
	char path[PATH_MAX];
	struct stat st;

	script("sleep 60");
	must(run_task(&task));
	ck_assert_int_eq(remove_it(TASK ".1"), CUBE_ERR_CONFLICT);
	must(send_signal(TASK ".1", SIGTERM));
	wait_exited(TASK ".1");
	ck_assert_int_eq(out.exit_code, 128 + SIGTERM);
	must(remove_it(TASK ".1"));
	must(remove_it(TASK ".1"));
	ck_assert_int_eq(inspect(TASK ".1"), CUBE_ERR_NOT_FOUND);
	ck_assert_int_ne(stat(state_path(path, "containers/" TASK ".1"), &st), 0);
	ck_assert_int_ne(stat(state_path(path, "live/" TASK ".1"), &st), 0);
}
END_TEST

START_TEST(remove_takes_any_tree_and_follows_no_link)
{
	char kept[PATH_MAX];
	char env[PATH_MAX + 8];

	(void)snprintf(kept, sizeof(kept), "%s/kept", folder);
	ck_assert_int_eq(mkdir(kept, 0755), 0);
	(void)snprintf(env, sizeof(env), "KEPT=%s", kept);
	strncat(kept, "/file", sizeof(kept) - strlen(kept) - 1);
	write_file(kept, "here\n");
	script("ln -s $KEPT link; mkdir -p a/b c moved-0 moved-1; touch moved-2; "
	       "ln -s $KEPT a/b/link; chmod 000 a/b; "
	       "i=0; while [ $i -lt 1500 ]; do mkdir deep-folder; cd deep-folder; i=$((i+1)); "
	       "done; "
	       "touch file");
	task.env[0] = env;
	run_to_end();
	ck_assert_msg(out.exit_code == 0, "exit code %d: %s", (int)out.exit_code, out.reason);
	must(remove_it(TASK ".1"));
	ck_assert_str_eq(read_file(kept), "here\n");
	ck_assert_uint_eq(list_all()->count, 0);
}
END_TEST

START_TEST(the_list_has_the_containers_of_this_worker_alone)
{
	char mine[sizeof(identity)];
	struct names *names;

	script("exit 6");
	run_to_end();
	task.spec.attempt = 2;
	task.spec.args = (const char *const[]){"-c", "sleep 60", NULL};
	must(run_task(&task));
	names = list_all();
	ck_assert_uint_eq(names->count, 2);
	for (size_t i = 0; i < 2; i++) {
		ck_assert_str_eq(names->items[i].task_id, TASK);
		ck_assert_str_eq(names->items[i].cluster, CLUSTER);
		ck_assert_uint_eq(names->items[i].state, names->items[i].attempt == 1
								 ? CUBE_CONTAINER_EXITED
								 : CUBE_CONTAINER_RUNNING);
	}
	memcpy(mine, identity, sizeof(mine));
	(void)snprintf(identity, sizeof(identity), "another-worker");
	reopen(NULL);
	ck_assert_uint_eq(list_all()->count, 0);
	memcpy(identity, mine, sizeof(identity));
	reopen(NULL);
	ck_assert_uint_eq(list_all()->count, 2);
}
END_TEST

static int
stop_at_first(void *ctx, const struct cube_container *container)
{
	(void)container;
	++*(int *)ctx;
	return 1;
}

START_TEST(a_visitor_can_end_the_list_and_a_deadline_ends_it)
{
	int visited = 0;

	script("exit 0");
	run_to_end();
	task.spec.attempt = 2;
	run_to_end();
	must(worker.ops->list(worker.self, in_ms(5000), stop_at_first, &visited, &err));
	ck_assert_int_eq(visited, 1);
	ck_assert_int_eq(worker.ops->list(worker.self, 0, stop_at_first, &visited, &err),
			 CUBE_ERR_TIMEOUT);
	ck_assert_int_eq(visited, 1);
}
END_TEST

START_TEST(a_smaller_struct_of_the_caller_is_respected)
{
	struct {
		struct cube_container container;
		char after[64];
	} small;

	script("exit 0");
	run_to_end();
	memset(&small, 0x5a, sizeof(small));
	small.container.struct_size = offsetof(struct cube_container, ports);
	must(worker.ops->inspect(worker.self, TASK ".1", in_ms(5000), &small.container, &err));
	ck_assert_str_eq(small.container.handle, TASK ".1");
	ck_assert_uint_eq(small.container.struct_size, offsetof(struct cube_container, ports));
	ck_assert_uint_eq(small.container.ports[0].host_port, 0x5a5a);
	ck_assert_int_eq(small.after[0], 0x5a);
}
END_TEST

START_TEST(options_that_make_no_sense_are_refused)
{
	static const struct {
		const char *pair;
		const char *says;
	} bad[] = {
		{"dir=relative", "absolute"},
		{"log_bytes=1k", "log_bytes"},
		{"log_bytes=10", "65536"},
		{"ports=0-10", "20000-29999"},
		{"ports=30000-20000", "20000-29999"},
		{"ports=1-65536", "20000-29999"},
		{"ports=http", "20000-29999"},
		{"supervisor=/nonexistent", "supervisor"},
		{"cgroup=../up", "cgroup"},
		{"cgroup_mount=relative", "cgroup_mount"},
		{"user=no-such-user-here", "user"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		const char **options =
			fixture_options(worker.plugin, (const char *const[]){bad[i].pair}, 1);
		void *self = NULL;
		uint32_t bits;
		int rc = worker.ops->open(&worker.host.host, options, &self, &err);

		if (rc == 0) { /* what takes a look at the machine is seen at the first call */
			rc = worker.ops->probe(self, in_ms(5000), &bits, &err);
			worker.ops->close(self);
		}
		ck_assert_msg(rc == CUBE_ERR_INVALID, "%s: %d", bad[i].pair, rc);
		fixture_contains(err.message, bad[i].says);
		free(options);
	}
}
END_TEST

START_TEST(a_missing_supervisor_is_unavailable)
{
	char copy[PATH_MAX];
	char option[PATH_MAX + 16];
	uint32_t bits;

	(void)snprintf(copy, sizeof(copy), "%s/supervisor", folder);
	(void)snprintf(option, sizeof(option), "supervisor=%s", copy);
	write_file(copy, "");
	reopen((const char *const[]){option, NULL});
	ck_assert_int_eq(worker.ops->probe(worker.self, in_ms(5000), &bits, &err),
			 CUBE_ERR_UNAVAILABLE);
	fixture_contains(err.message, copy);
	script("exit 0");
	ck_assert_int_eq(run_task(&task), CUBE_ERR_UNAVAILABLE);
	ck_assert_uint_eq(list_all()->count, 0);
}
END_TEST

START_TEST(a_program_can_run_as_another_user)
{
	char numbers[64];

	if (geteuid() != 0)
		return;
	reopen((const char *const[]){"user=65534:65533", NULL});
	script("id -u > id; id -g >> id; id -G >> id; echo end >> id");
	run_to_end();
	ck_assert_int_eq(out.exit_code, 0);
	(void)snprintf(numbers, sizeof(numbers), "%s", "65534\n65533\n65533\nend\n");
	ck_assert_str_eq(wait_file(TASK ".1", "id"), numbers);
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("process");
	TCase *life = tcase_create("life");

	tcase_set_timeout(life, 120);
	tcase_add_checked_fixture(life, set_up, tear_down);
	tcase_add_test(life, the_exit_code_of_a_program_is_kept);
	tcase_add_test(life, a_killed_program_has_128_and_the_signal);
	tcase_add_test(life, run_again_returns_the_running_one);
	tcase_add_test(life, run_again_returns_the_exited_one_as_it_is);
	tcase_add_test(life, attempts_of_a_task_are_containers_of_their_own);
	tcase_add_test(life, an_entrypoint_replaces_the_image_and_arguments_follow);
	tcase_add_test(life, a_bare_name_is_looked_up_in_the_path_of_the_task);
	tcase_add_test(life, the_environment_holds_what_is_promised_and_no_more);
	tcase_add_test(life, a_program_starts_with_clean_signals_descriptors_and_session);
	tcase_add_test(life, what_cannot_be_executed_is_invalid_and_leaves_nothing);
	tcase_add_test(life, a_bad_spec_is_invalid);
	tcase_add_test(life, a_signal_reaches_the_whole_group);
	tcase_add_test(life, a_kill_ends_a_daemonised_grandchild);
	tcase_add_test(life, what_the_first_process_leaves_is_killed);
	tcase_add_test(life, signals_to_what_has_ended_or_never_was);
	tcase_add_test(life, handles_of_others_are_refused);
	tcase_add_test(life, remove_forgets_an_exited_container_only);
	tcase_add_test(life, remove_takes_any_tree_and_follows_no_link);
	tcase_add_test(life, the_list_has_the_containers_of_this_worker_alone);
	tcase_add_test(life, a_visitor_can_end_the_list_and_a_deadline_ends_it);
	tcase_add_test(life, a_smaller_struct_of_the_caller_is_respected);
	tcase_add_test(life, options_that_make_no_sense_are_refused);
	tcase_add_test(life, a_missing_supervisor_is_unavailable);
	tcase_add_test(life, a_program_can_run_as_another_user);
	suite_add_tcase(suite, life);
	return suite;
}

CHECK_MAIN(suite)
