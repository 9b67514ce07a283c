/* tests/plugin/process_fixture.h - what the tests of process.so have in common: an opened
 * plugin with a state folder of its own, one task, and the calls.
 *
 * Each test program includes it once; the state is that of one test. */
#ifndef PROCESS_FIXTURE_H
#define PROCESS_FIXTURE_H

#include "../unit/check_main.h"
#include "fixture.h"

#include "base/clock.h"

#include <cube/runtime.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define TASK     "0f8c7b1e-2a34-4c56-8d78-9a0b1c2d3e4f"
#define CLUSTER  "7a1b2c3d-4e5f-4a6b-8c7d-8e9fa0b1c2d3"
#define WAIT_MS  20000
#define PAIR_MAX 8

/* The real clock: these tests wait for real processes. */
static uint64_t
real_now_ms(void *ctx)
{
	(void)ctx;
	return clock_now().mono_ms;
}

static uint64_t
real_random(void *ctx)
{
	uint64_t value;

	(void)ctx;
	clock_random(&value, sizeof(value));
	return value;
}

static void
no_log(void *ctx, int level, const char *message)
{
	(void)ctx;
	(void)level;
	(void)message;
}

struct worker {
	struct plugin_host host;
	struct plugin *plugin;
	const char **options;
	const struct cube_runtime_ops *ops;
	void *self;
};

struct task {
	struct cube_task_spec spec;
	char id[CUBE_ID_SIZE];
	const char *entrypoint[8];
	const char *env[16];
	struct cube_port ports[8];
	struct cube_label labels[4];
};

static struct worker worker;
static struct task task;
static struct cube_container out;
static struct cube_error err;
static char folder[64]; /* the option dir */
static char identity[CUBE_ID_SIZE];

static inline void
pause_ms(long ms)
{
	struct timespec time = {ms / 1000, ms % 1000 * 1000000};

	(void)nanosleep(&time, NULL);
}

static inline uint64_t
in_ms(uint64_t ms)
{
	return real_now_ms(NULL) + ms;
}

/* pairs: KEY=VALUE ..., NULL; dir is added. */
static inline void
worker_open(struct worker *at, const char *const *pairs)
{
	const struct plugin_services services = {NULL, no_log, real_now_ms, real_random};
	char dir[sizeof(folder) + 8];
	const char *all[PAIR_MAX] = {dir};
	size_t count = 1;

	memset(at, 0, sizeof(*at));
	(void)snprintf(dir, sizeof(dir), "dir=%s", folder);
	for (; pairs != NULL && *pairs != NULL && count < PAIR_MAX; pairs++)
		all[count++] = *pairs;
	plugin_host_init(&at->host, identity, &services);
	at->plugin = fixture_load("plugins/runtime/process.so", CUBE_PLUGIN_RUNTIME);
	at->options = fixture_options(at->plugin, all, count);
	at->ops = at->plugin->info.ops.runtime;
	ck_assert_msg(at->ops->open(&at->host.host, at->options, &at->self, &err) == 0, "%s",
		      err.message);
}

static inline void
worker_close(struct worker *at)
{
	if (at->self != NULL)
		at->ops->close(at->self);
	free(at->options);
	plugin_unload(at->plugin);
	memset(at, 0, sizeof(*at));
}

static inline void
reopen(const char *const *pairs)
{
	worker_close(&worker);
	worker_open(&worker, pairs);
}

static inline void
task_init(struct task *at, const char *id, const char *const *args)
{
	memset(at, 0, sizeof(*at));
	(void)snprintf(at->id, sizeof(at->id), "%s", id);
	at->spec.struct_size = sizeof(at->spec);
	at->spec.attempt = 1;
	at->spec.task_id = at->id;
	at->spec.name = "test";
	at->spec.image = "/bin/sh";
	at->spec.args = args;
	at->spec.env = at->env;
	at->spec.ports = at->ports;
	at->spec.labels = at->labels;
	at->labels[0] = (struct cube_label){"cube.cluster", CLUSTER};
	at->labels[1] = (struct cube_label){"cube.task", at->id};
	at->spec.label_count = 2;
}

/* A task that is a shell script. The arguments live as long as the test. */
static inline void
script(const char *text)
{
	static const char *args[3];

	args[0] = "-c";
	args[1] = text;
	args[2] = NULL;
	task_init(&task, TASK, args);
}

static inline void
set_up(void)
{
	(void)snprintf(folder, sizeof(folder), "/tmp/cube-process-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chmod(folder, 0755), 0);
	/* Tests of several builds may run at once: their cgroups must not meet. */
	(void)snprintf(identity, sizeof(identity), "6f1c2a52-58d4-4b5e-9f0f-%06x%06x",
		       (unsigned)getpid() & 0xffffff, (unsigned)real_random(NULL) & 0xffffff);
	memset(&err, 0, sizeof(err));
	memset(&out, 0, sizeof(out));
	out.struct_size = sizeof(out);
	worker_open(&worker, NULL);
}

static inline int
inspect(const char *handle)
{
	return worker.ops->inspect(worker.self, handle, in_ms(5000), &out, &err);
}

static inline int
run_task(struct task *at)
{
	return worker.ops->run(worker.self, &at->spec, in_ms(10000), &out, &err);
}

static inline void
must(int rc)
{
	ck_assert_msg(rc == 0, "%d: %s", rc, err.message);
}

static inline int
send_signal(const char *handle, int signo)
{
	return worker.ops->signal(worker.self, handle, signo, in_ms(5000), &err);
}

static inline int
remove_it(const char *handle)
{
	return worker.ops->remove(worker.self, handle, in_ms(10000), &err);
}

/* Leaves the exited container in out. */
static inline void
wait_exited(const char *handle)
{
	uint64_t until = in_ms(WAIT_MS);

	for (;;) {
		must(inspect(handle));
		if (out.state == CUBE_CONTAINER_EXITED)
			return;
		ck_assert_msg(real_now_ms(NULL) < until, "%s does not end", handle);
		pause_ms(2);
	}
}

static inline void
run_to_end(void)
{
	char handle[CUBE_HANDLE_SIZE];

	must(run_task(&task));
	memcpy(handle, out.handle, sizeof(handle));
	wait_exited(handle);
}

struct names {
	size_t count;
	struct cube_container items[512];
};

static inline int
collect(void *ctx, const struct cube_container *container)
{
	struct names *names = ctx;

	ck_assert_uint_eq(container->struct_size, sizeof(*container));
	if (names->count < sizeof(names->items) / sizeof(*names->items))
		names->items[names->count] = *container;
	names->count++;
	return 0;
}

static inline struct names *
list_all(void)
{
	static struct names names;

	names.count = 0;
	must(worker.ops->list(worker.self, in_ms(10000), collect, &names, &err));
	return &names;
}

__attribute__((format(printf, 2, 3))) static inline char *
state_path(char path[PATH_MAX], const char *fmt, ...)
{
	int length = snprintf(path, PATH_MAX, "%s/%s/", folder, identity);
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(path + length, PATH_MAX - (size_t)length, fmt, args);
	va_end(args);
	return path;
}

static inline void
write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

/* The file's first bytes; "" if there is none. */
static inline const char *
read_file(const char *path)
{
	static char text[65536];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		(void)close(fd);
	text[size > 0 ? size : 0] = '\0';
	return text;
}

/* Waits for a file of the container's working directory to have content. */
static inline const char *
wait_file(const char *handle, const char *name)
{
	char path[PATH_MAX];
	uint64_t until = in_ms(WAIT_MS);

	state_path(path, "containers/%s/work/%s", handle, name);
	while (strchr(read_file(path), '\n') == NULL) {
		ck_assert_msg(real_now_ms(NULL) < until, "no file %s", path);
		pause_ms(2);
	}
	return read_file(path);
}

static inline bool
is_alive(pid_t pid)
{
	char path[64];
	const char *stat;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	stat = read_file(path);
	return stat[0] != '\0' && strstr(stat, ") Z ") == NULL;
}

static inline void
wait_gone(pid_t pid)
{
	uint64_t until = in_ms(WAIT_MS);

	ck_assert_int_gt(pid, 1);
	while (is_alive(pid)) {
		ck_assert_msg(real_now_ms(NULL) < until, "process %d lives on", (int)pid);
		pause_ms(2);
	}
}

/* True if the process has a file of this worker's own folder open. */
static inline bool
is_ours(const char *pid)
{
	char own[PATH_MAX];
	size_t length = strlen(state_path(own, "%s", ""));
	char path[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *fds;

	(void)snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	fds = opendir(path);
	while (fds != NULL && !found && (entry = readdir(fds)) != NULL) {
		char link[PATH_MAX] = "";

		if (readlinkat(dirfd(fds), entry->d_name, link, sizeof(link) - 1) > 0)
			found = strncmp(link, own, length) == 0;
	}
	if (fds != NULL)
		(void)closedir(fds);
	return found;
}

/* The process whose command line is "process-supervisor HANDLE". Test programs that run
 * beside this one have handles of the same text: theirs is not to be found. */
static inline pid_t
supervisor_of(const char *handle)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	ck_assert_ptr_nonnull(proc);
	while (found == 0 && (entry = readdir(proc)) != NULL) {
		char path[PATH_MAX];
		char text[256];
		int fd;
		ssize_t size;

		(void)snprintf(path, sizeof(path), "/proc/%s/cmdline", entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
		if (fd >= 0)
			(void)close(fd);
		if (size <= 0)
			continue;
		text[size] = '\0';
		if (strcmp(text, "process-supervisor") == 0 &&
		    strcmp(text + sizeof("process-supervisor"), handle) == 0 &&
		    is_ours(entry->d_name))
			found = (pid_t)strtol(entry->d_name, NULL, 10);
	}
	(void)closedir(proc);
	ck_assert_msg(found > 1, "%s has no supervisor", handle); /* kill(0) is everybody */
	return found;
}

/* The outcome is there a moment before the supervisor lets go of its lock. */
static inline void
wait_unlocked(const char *handle)
{
	uint64_t until = in_ms(WAIT_MS);
	char path[PATH_MAX];
	int fd = open(state_path(path, "live/%s", handle), O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	for (;;) {
		struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

		ck_assert_int_eq(fcntl(fd, F_OFD_GETLK, &lock), 0);
		if (lock.l_type == F_UNLCK)
			break;
		ck_assert_msg(real_now_ms(NULL) < until, "the supervisor lives on");
		pause_ms(2);
	}
	(void)close(fd);
}

static inline uint32_t
enforced(void)
{
	uint32_t bits = 0;

	must(worker.ops->probe(worker.self, in_ms(5000), &bits, &err));
	return bits;
}

/* Ends and removes all that is left, and the folder. */
static inline void
tear_down(void)
{
	char command[PATH_MAX + 16];
	struct names *names = list_all();

	for (size_t i = 0; i < names->count; i++) {
		(void)send_signal(names->items[i].handle, SIGKILL);
		wait_exited(names->items[i].handle);
		must(remove_it(names->items[i].handle));
	}
	worker_close(&worker);
	(void)snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

#endif
