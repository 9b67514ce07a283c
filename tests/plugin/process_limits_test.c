/* tests/plugin/process_limits_test.c - process.so: what holds a container (cgroups of either
 * version, none at all), host ports, and many containers at once.
 *
 * Where this machine lets no cgroups be made, the tests of real limits check that the runtime
 * says so. Version 2's limits are checked on a copy of its files, so that they are tested on
 * machines of version 1 too. */
#include "process_fixture.h"

#include <sys/socket.h>

#define MIB (1024LL * 1024)

/* A file of the container's cgroup, wherever its hierarchy is; "" if there is none. */
static const char *
cgroup_file(const char *v1_hierarchy, const char *v1_file, const char *v2_file)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/cube/%s." TASK ".1/%s",
		       v1_hierarchy, identity, v1_file);
	if (access(path, F_OK) != 0)
		(void)snprintf(path, sizeof(path), "/sys/fs/cgroup/cube/%s." TASK ".1/%s",
			       identity, v2_file);
	return read_file(path);
}

static const char *const hierarchies[] = {"memory/", "cpu/", "pids/", "unified/", ""};
#define HIERARCHIES (sizeof(hierarchies) / sizeof(*hierarchies))

static bool
has_cgroups(void)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < HIERARCHIES; i++) {
		(void)snprintf(path, sizeof(path), "/sys/fs/cgroup/%scube/%s." TASK ".1",
			       hierarchies[i], identity);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

START_TEST(a_program_over_its_memory_is_killed_and_said_to_be)
{
	if ((enforced() & CUBE_ENFORCES_MEMORY) == 0)
		return;
	script("exec tail /dev/zero");
	task.spec.memory_bytes = 24 * MIB;
	run_to_end();
	ck_assert_uint_eq(out.oom_killed, 1);
	ck_assert_int_eq(out.exit_code, 128 + SIGKILL);
	fixture_contains(out.reason, "out of memory");
	ck_assert(!has_cgroups());
}
END_TEST

START_TEST(a_program_within_its_memory_is_left_alone)
{
	script("exec head -c 4000000 /dev/zero | tail -c 100 > /dev/null");
	task.spec.memory_bytes = 64 * MIB;
	run_to_end();
	ck_assert_uint_eq(out.oom_killed, 0);
	ck_assert_int_eq(out.exit_code, 0);
}
END_TEST

START_TEST(limits_are_set_where_the_kernel_reads_them)
{
	uint32_t bits = enforced();

	script("echo > up; sleep 60");
	task.spec.mcpu = 250;
	task.spec.memory_bytes = 64 * MIB;
	must(run_task(&task));
	if ((bits & CUBE_ENFORCES_CPU) != 0)
		ck_assert_int_eq(
			strtol(cgroup_file("cpu", "cpu.cfs_quota_us", "cpu.max"), NULL, 10),
			25000);
	if ((bits & CUBE_ENFORCES_MEMORY) != 0)
		ck_assert_int_eq(
			strtoll(cgroup_file("memory", "memory.limit_in_bytes", "memory.max"),
				NULL, 10),
			64 * MIB);
	if (bits != 0)
		ck_assert(has_cgroups());
	must(send_signal(TASK ".1", SIGKILL));
	wait_exited(TASK ".1");
	ck_assert_uint_eq(out.oom_killed, 0);
	ck_assert(!has_cgroups());
}
END_TEST

START_TEST(the_quota_of_a_sliver_of_cpu_is_the_least_the_kernel_takes)
{
	if ((enforced() & CUBE_ENFORCES_CPU) == 0)
		return;
	script("sleep 60");
	task.spec.mcpu = 1;
	must(run_task(&task));
	ck_assert_int_eq(strtol(cgroup_file("cpu", "cpu.cfs_quota_us", "cpu.max"), NULL, 10),
			 1000);
}
END_TEST

START_TEST(the_supervisor_is_outside_of_the_limits_of_its_container)
{
	char path[64];
	char name[128];

	script("sleep 60");
	task.spec.memory_bytes = 64 * MIB;
	must(run_task(&task));
	(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)supervisor_of(TASK ".1"));
	(void)snprintf(name, sizeof(name), "%s." TASK, identity);
	ck_assert_ptr_null(strstr(read_file(path), name));
}
END_TEST

START_TEST(a_failed_exec_leaves_no_cgroup)
{
	task_init(&task, TASK, NULL);
	task.spec.image = "/nonexistent";
	task.spec.memory_bytes = 64 * MIB;
	task.spec.mcpu = 100;
	ck_assert_int_eq(run_task(&task), CUBE_ERR_INVALID);
	ck_assert(!has_cgroups());
}
END_TEST

static void
put_in_cgroup(const char *cgroup, const char *file, const char *text)
{
	char path[PATH_MAX + 16];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", cgroup, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return; /* a hierarchy without it */
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	ck_assert_int_eq(close(fd), 0);
}

/* As a crash leaves it that came after an earlier start was cleared: killed, and full. */
START_TEST(a_cgroup_left_by_a_start_that_was_cut_short_is_made_anew)
{
	char paths[HIERARCHIES][PATH_MAX];

	for (size_t i = 0; i < HIERARCHIES; i++) {
		(void)snprintf(paths[i], sizeof(paths[i]),
			       "/sys/fs/cgroup/%scube/%s." TASK ".1", hierarchies[i], identity);
		if (mkdir(paths[i], 0755) != 0)
			continue; /* no such hierarchy, or not ours to write */
		put_in_cgroup(paths[i], "cgroup.kill", "1");
		put_in_cgroup(paths[i], "pids.max", "0");
	}
	script("sh -c 'exit 7' & wait $!; exit $?");
	run_to_end();
	ck_assert_int_eq(out.exit_code, 7);
	for (size_t i = 0; i < HIERARCHIES; i++)
		(void)rmdir(paths[i]); /* of hierarchies that this task did not need */
	ck_assert(!has_cgroups());
}
END_TEST

START_TEST(without_cgroups_the_limits_are_off_and_all_is_killed_still)
{
	pid_t daemon;

	reopen((const char *const[]){"cgroup=none", NULL});
	ck_assert_uint_eq(enforced(), 0);
	script("setsid sh -c 'setsid sh -c \"echo \\$\\$ > pid; exec sleep 60\" & sleep 60' & "
	       "sleep 60");
	task.spec.memory_bytes = 64 * MIB;
	must(run_task(&task));
	daemon = (pid_t)strtol(wait_file(TASK ".1", "pid"), NULL, 10);
	ck_assert(!has_cgroups());
	must(send_signal(TASK ".1", SIGKILL));
	wait_exited(TASK ".1");
	ck_assert(!is_alive(daemon));
}
END_TEST

/* Version 1 as it is without a version 2 tree beside it: nothing to write a kill to. */
START_TEST(without_cgroup_kill_the_processes_are_killed_one_by_one)
{
	char mount[128];
	char option[160];
	char name[160];
	pid_t daemon;

	if (access("/sys/fs/cgroup/pids/cgroup.procs", W_OK) != 0)
		return;
	(void)snprintf(mount, sizeof(mount), "%s/mount", folder);
	ck_assert_int_eq(mkdir(mount, 0755), 0);
	(void)snprintf(name, sizeof(name), "%s/pids", mount);
	ck_assert_int_eq(symlink("/sys/fs/cgroup/pids", name), 0);
	(void)snprintf(option, sizeof(option), "cgroup_mount=%s", mount);
	reopen((const char *const[]){option, NULL});
	ck_assert_uint_eq(enforced(), 0);
	script("for i in 1 2 3 4 5 6 7 8; do setsid sh -c 'trap \"\" TERM; while :; do sh -c "
	       "\"sleep 0.01\" & sleep 0.005; done' & done; "
	       "setsid sh -c 'echo $$ > pid; exec sleep 60' & sleep 60");
	must(run_task(&task));
	daemon = (pid_t)strtol(wait_file(TASK ".1", "pid"), NULL, 10);
	ck_assert(has_cgroups());
	must(send_signal(TASK ".1", SIGKILL));
	wait_exited(TASK ".1");
	ck_assert(!is_alive(daemon));
	ck_assert(!has_cgroups());
	ck_assert_str_eq(out.reason, "killed by signal 9 (Killed)");
}
END_TEST

static void
make_file(const char *at, const char *name, const char *text)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", at, name);
	write_file(path, text);
}

START_TEST(version_2_is_given_its_limits_in_one_cgroup)
{
	char mount[128];
	char group[256];
	char option[288];
	char path[PATH_MAX];

	(void)snprintf(mount, sizeof(mount), "%s/v2", folder);
	ck_assert_int_eq(mkdir(mount, 0755), 0);
	make_file(mount, "cgroup.controllers", "cpu memory pids\n");
	(void)snprintf(group, sizeof(group), "%s/cube", mount);
	ck_assert_int_eq(mkdir(group, 0755), 0);
	/* A file keeps what is written over it; the kernel would not. */
	make_file(group, "cgroup.subtree_control", "         cpu memory pids\n");
	(void)snprintf(group, sizeof(group), "%s/cube/%s." TASK ".1", mount, identity);
	ck_assert_int_eq(mkdir(group, 0755), 0);
	make_file(group, "memory.max", "");
	make_file(group, "memory.swap.max", "max");
	make_file(group, "cpu.max", "");
	make_file(group, "cgroup.procs", "");
	(void)snprintf(option, sizeof(option), "cgroup_mount=%s", mount);
	reopen((const char *const[]){option, NULL});
	ck_assert_uint_eq(enforced(), CUBE_ENFORCES_CPU | CUBE_ENFORCES_MEMORY);
	script("sleep 60");
	task.spec.mcpu = 1500;
	task.spec.memory_bytes = 64 * MIB;
	must(run_task(&task));
	(void)snprintf(path, sizeof(path), "%s/memory.max", group);
	ck_assert_str_eq(read_file(path), "67108864");
	(void)snprintf(path, sizeof(path), "%s/memory.swap.max", group);
	ck_assert_int_eq(read_file(path)[0], '0');
	(void)snprintf(path, sizeof(path), "%s/cpu.max", group);
	ck_assert_str_eq(read_file(path), "150000 100000");
	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	ck_assert_str_eq(read_file(path), "0"); /* the writer */
	make_file(group, "memory.events", "low 0\noom 1\noom_kill 2\n");
	must(send_signal(TASK ".1", SIGKILL));
	wait_exited(TASK ".1");
	ck_assert_uint_eq(out.oom_killed, 1);
	(void)snprintf(option, sizeof(option), "rm -rf %s", group);
	ck_assert_int_eq(system(option), 0);
}
END_TEST

/* ---- ports ---- */

static void
want_port(uint32_t index, uint16_t host_port, uint16_t protocol)
{
	task.ports[index] = (struct cube_port){
		.container_port = (uint16_t)(80 + index),
		.host_port = host_port,
		.protocol = protocol,
	};
	task.spec.port_count = index + 1;
}

static int
listen_on(uint16_t port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	return fd;
}

static uint16_t
port_of(int fd)
{
	struct sockaddr_in address;
	socklen_t size = sizeof(address);

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	return ntohs(address.sin_port);
}

/* Tests of several builds may run at once. */
static uint16_t
ports_of_this_test(char option[32], unsigned count)
{
	unsigned first = 20000 + (unsigned)getpid() * 8 % 9000;

	(void)snprintf(option, 32, "ports=%u-%u", first, first + count - 1);
	return (uint16_t)first;
}

START_TEST(free_ports_come_from_the_range_and_never_twice)
{
	bool seen[4] = {false};
	char range[32];
	uint16_t first = ports_of_this_test(range, 4);

	reopen((const char *const[]){range, NULL});
	for (uint32_t attempt = 1; attempt <= 4; attempt++) {
		script("sleep 60");
		task.spec.attempt = attempt;
		want_port(0, 0, attempt % 2 == 0 ? IPPROTO_UDP : IPPROTO_TCP);
		must(run_task(&task));
		ck_assert_uint_eq(out.port_count, 1);
		ck_assert_uint_eq(out.ports[0].container_port, 80);
		ck_assert_uint_ge(out.ports[0].host_port, first);
		ck_assert_uint_lt(out.ports[0].host_port, first + 4u);
		ck_assert(!seen[out.ports[0].host_port - first]);
		seen[out.ports[0].host_port - first] = true;
	}
	/* A worker that starts anew counts them again. */
	reopen((const char *const[]){range, NULL});
	script("sleep 60");
	task.spec.attempt = 5;
	want_port(0, 0, IPPROTO_TCP);
	ck_assert_int_eq(run_task(&task), CUBE_ERR_CONFLICT);
	fixture_contains(err.message, "no host port from");
	must(send_signal(TASK ".2", SIGKILL));
	wait_exited(TASK ".2");
	must(remove_it(TASK ".2"));
	must(run_task(&task));
}
END_TEST

START_TEST(a_port_that_another_holds_is_a_conflict)
{
	int fd = listen_on(0);
	char says[64];

	script("sleep 60");
	want_port(0, port_of(fd), IPPROTO_TCP);
	ck_assert_int_eq(run_task(&task), CUBE_ERR_CONFLICT);
	(void)snprintf(says, sizeof(says), "host port %u/tcp", (unsigned)port_of(fd));
	fixture_contains(err.message, says);
	ck_assert_uint_eq(list_all()->count, 0);
	ck_assert_int_eq(close(fd), 0);
	must(run_task(&task));
	ck_assert_uint_eq(out.ports[0].host_port, task.ports[0].host_port);
}
END_TEST

START_TEST(a_listener_is_not_picked_as_free)
{
	char range[32];
	uint16_t first = ports_of_this_test(range, 2);
	int fd = listen_on(first);

	reopen((const char *const[]){range, NULL});
	script("sleep 60");
	want_port(0, 0, IPPROTO_TCP);
	must(run_task(&task));
	ck_assert_uint_eq(out.ports[0].host_port, first + 1u);
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(an_address_that_is_none_is_invalid)
{
	script("sleep 60");
	want_port(0, 0, IPPROTO_TCP);
	(void)snprintf(task.ports[0].host_ip, sizeof(task.ports[0].host_ip), "localhost");
	ck_assert_int_eq(run_task(&task), CUBE_ERR_INVALID);
	(void)snprintf(task.ports[0].host_ip, sizeof(task.ports[0].host_ip), "192.0.2.1");
	ck_assert_int_eq(run_task(&task), CUBE_ERR_INVALID);
}
END_TEST

/* ---- many ---- */

#define MANY    200
#define AT_ONCE 4

struct many {
	pthread_mutex_t lock;
	int next;
	int failed;
};

static void *
run_some(void *arg)
{
	static const char *const args[] = {"-c", "exit 7", NULL};
	struct many *many = arg;

	for (;;) {
		struct cube_container container = {.struct_size = sizeof(container)};
		struct cube_error error;
		struct task mine;
		char id[CUBE_ID_SIZE];
		int index;

		(void)pthread_mutex_lock(&many->lock);
		index = many->next++;
		(void)pthread_mutex_unlock(&many->lock);
		if (index >= MANY)
			return NULL;
		(void)snprintf(id, sizeof(id), "0f8c7b1e-2a34-4c56-8d78-%012d", index);
		task_init(&mine, id, args);
		if (worker.ops->run(worker.self, &mine.spec, in_ms(20000), &container,
				    &error) != 0) {
			(void)pthread_mutex_lock(&many->lock);
			many->failed++;
			(void)pthread_mutex_unlock(&many->lock);
		}
	}
}

static size_t
open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		count++;
	(void)closedir(dir);
	return count;
}

START_TEST(many_short_tasks_from_four_threads_all_end_well)
{
	struct many many = {.lock = PTHREAD_MUTEX_INITIALIZER};
	pthread_t threads[AT_ONCE];
	uint64_t began = real_now_ms(NULL);
	struct names *names;
	size_t descriptors;

	(void)enforced(); /* it is ready: its folders are open */
	descriptors = open_descriptors();
	for (int i = 0; i < AT_ONCE; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, run_some, &many), 0);
	for (int i = 0; i < AT_ONCE; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_int_eq(many.failed, 0);
	names = list_all();
	ck_assert_uint_eq(names->count, MANY);
	for (size_t i = 0; i < MANY; i++) {
		wait_exited(names->items[i].handle);
		ck_assert_int_eq(out.exit_code, 7);
	}
	/* Nothing to reap, nothing left open. */
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
	ck_assert_uint_eq(open_descriptors(), descriptors);
	ck_assert_uint_lt(real_now_ms(NULL) - began, 30000);
}
END_TEST

START_TEST(a_supervisor_is_small)
{
	char path[64];
	const char *rss;

	script("sleep 60");
	must(run_task(&task));
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)supervisor_of(TASK ".1"));
	rss = strstr(read_file(path), "VmRSS:");
	ck_assert_ptr_nonnull(rss);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	ck_assert_int_lt(strtol(rss + strlen("VmRSS:"), NULL, 10), 2048);
#endif
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("process limits");
	TCase *limits = tcase_create("limits");

	tcase_set_timeout(limits, 120);
	tcase_add_checked_fixture(limits, set_up, tear_down);
	tcase_add_test(limits, a_program_over_its_memory_is_killed_and_said_to_be);
	tcase_add_test(limits, a_program_within_its_memory_is_left_alone);
	tcase_add_test(limits, limits_are_set_where_the_kernel_reads_them);
	tcase_add_test(limits, the_quota_of_a_sliver_of_cpu_is_the_least_the_kernel_takes);
	tcase_add_test(limits, the_supervisor_is_outside_of_the_limits_of_its_container);
	tcase_add_test(limits, a_failed_exec_leaves_no_cgroup);
	tcase_add_test(limits, a_cgroup_left_by_a_start_that_was_cut_short_is_made_anew);
	tcase_add_test(limits, without_cgroups_the_limits_are_off_and_all_is_killed_still);
	tcase_add_test(limits, without_cgroup_kill_the_processes_are_killed_one_by_one);
	tcase_add_test(limits, version_2_is_given_its_limits_in_one_cgroup);
	tcase_add_test(limits, free_ports_come_from_the_range_and_never_twice);
	tcase_add_test(limits, a_port_that_another_holds_is_a_conflict);
	tcase_add_test(limits, a_listener_is_not_picked_as_free);
	tcase_add_test(limits, an_address_that_is_none_is_invalid);
	tcase_add_test(limits, many_short_tasks_from_four_threads_all_end_well);
	tcase_add_test(limits, a_supervisor_is_small);
	suite_add_tcase(suite, limits);
	return suite;
}

CHECK_MAIN(suite)
