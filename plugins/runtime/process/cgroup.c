/* cgroup.c - where this machine lets us make cgroups, and those of one container.
 *
 * Version 2 alone: one directory with cpu and memory, in /cube if we may make that
 * and else beside our own cgroup, as a service manager delegates it. Version 1: a
 * directory in the hierarchy of each limit that is asked for, and one that holds all
 * processes: in the version 2 tree beside them, if it has cgroup.kill, else in pids.
 * Linux, Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/.
 */
#include "cgroup.h"

#include "sweep.h"

#include <cube/runtime.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CPU_PERIOD_US    100000
#define CPU_QUOTA_MIN_US 1000 /* the least that the kernel takes */
#define DEFAULT_PARENT   "cube"
#define LEFT_END_MS      500 /* for what was killed to end */

/* 0 or an errno. */
static int
write_file(const char *folder, const char *file, const char *text)
{
	char path[CGROUP_PATH_SIZE + 64];
	int result = 0;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) < 0)
		result = errno;
	(void)close(fd);
	return result;
}

static bool
read_file(const char *path, char *text, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size;

	if (fd < 0)
		return false;
	size = read(fd, text, room - 1);
	(void)close(fd);
	if (size < 0)
		return false;
	text[size] = '\0';
	return true;
}

static bool
may_write(const char *folder, const char *file)
{
	char path[CGROUP_PATH_SIZE + 64];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, file);
	return access(path, W_OK) == 0;
}

static bool
join_path(char out[CGROUP_PATH_SIZE], const char *mount, const char *middle, const char *last)
{
	int length = snprintf(out, CGROUP_PATH_SIZE, "%s%s%s/%s", mount,
			      middle[0] == '\0' ? "" : "/", middle, last);

	return length > 0 && length < CGROUP_PATH_SIZE;
}

/* mkdir -p below mount; with controllers, passes them on at each level (those that
 * cannot be are seen when we look at what arrived). */
static bool
make_folders(const char *path, size_t mount_length, bool controllers)
{
	static const char *const wanted[] = {"+cpu", "+memory", "+pids"};
	char level[CGROUP_PATH_SIZE];

	for (size_t i = mount_length; path[i] != '\0'; i++) {
		size_t length = i + 1 + strcspn(path + i + 1, "/");

		if (path[i] != '/')
			continue;
		memcpy(level, path, length);
		level[i] = '\0';
		for (size_t w = 0; controllers && w < sizeof(wanted) / sizeof(*wanted); w++)
			(void)write_file(level, "cgroup.subtree_control", wanted[w]);
		level[i] = '/';
		level[length] = '\0';
		if (mkdir(level, 0755) != 0 && errno != EEXIST)
			return false;
	}
	for (size_t w = 0; controllers && w < sizeof(wanted) / sizeof(*wanted); w++)
		(void)write_file(path, "cgroup.subtree_control", wanted[w]);
	return true;
}

static bool
has_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	while (*text != '\0') {
		size_t size = strcspn(text, " \n");

		if (size == length && memcmp(text, word, length) == 0)
			return true;
		text += size;
		text += strspn(text, " \n");
	}
	return false;
}

/* The cgroup beside our own: what a service manager has delegated to us lies there. */
static bool
beside_own(char out[CGROUP_PATH_SIZE], const char *mount)
{
	char text[4096];
	char *own;
	char *end;

	if (!read_file("/proc/self/cgroup", text, sizeof(text)))
		return false;
	own = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	if (own == NULL)
		return false;
	own = strchr(own, '/');
	if (own == NULL)
		return false;
	end = own + strcspn(own, "\n");
	*end = '\0';
	end = strrchr(own, '/');
	if (end == own)
		return false; /* we are at the top, which was tried */
	*end = '\0';
	return join_path(out, mount, own + 1, DEFAULT_PARENT);
}

static void
detect_v2(struct cgroups *out, const char *parent)
{
	char text[1024];
	char path[CGROUP_PATH_SIZE + 64];

	if (!join_path(out->unified, out->mount, "",
		       parent[0] != '\0' ? parent : DEFAULT_PARENT) ||
	    !make_folders(out->unified, strlen(out->mount), true)) {
		if (parent[0] != '\0' || !beside_own(out->unified, out->mount) ||
		    !make_folders(out->unified, strlen(out->mount), true)) {
			out->unified[0] = '\0';
			return;
		}
	}
	out->is_v2 = true;
	(void)snprintf(path, sizeof(path), "%s/cgroup.subtree_control", out->unified);
	if (!read_file(path, text, sizeof(text)))
		return;
	if (has_word(text, "cpu"))
		out->enforces |= CUBE_ENFORCES_CPU;
	if (has_word(text, "memory"))
		out->enforces |= CUBE_ENFORCES_MEMORY;
}

/* The folder below one version 1 hierarchy, or "" if it cannot be used. */
static void
detect_v1(struct cgroups *out, const char *hierarchy, const char *parent, const char *needed,
	  char path[CGROUP_PATH_SIZE])
{
	if (!join_path(path, out->mount, hierarchy, "") || access(path, F_OK) != 0 ||
	    !join_path(path, out->mount, hierarchy,
		       parent[0] != '\0' ? parent : DEFAULT_PARENT) ||
	    !make_folders(path, strlen(out->mount) + 1 + strlen(hierarchy), false) ||
	    !may_write(path, needed))
		path[0] = '\0';
}

static bool
parent_is_sound(const char *parent)
{
	size_t length = strlen(parent);

	return length < CGROUP_PATH_SIZE / 2 && strstr(parent, "..") == NULL &&
	       strstr(parent, "//") == NULL && (length == 0 || parent[length - 1] != '/');
}

int
cgroups_detect(struct cgroups *out, const char *mount, const char *parent,
	       struct cube_error *err)
{
	char path[CGROUP_PATH_SIZE];

	memset(out, 0, sizeof(*out));
	if (strlen(mount) >= sizeof(out->mount) || mount[0] != '/')
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "option cgroup_mount: \"%s\" is not an absolute path of at "
				 "most %zu bytes",
				 mount, sizeof(out->mount) - 1);
	(void)snprintf(out->mount, sizeof(out->mount), "%s", mount);
	if (strcmp(parent, "none") == 0)
		return 0;
	parent += parent[0] == '/';
	if (!parent_is_sound(parent))
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "option cgroup: \"%s\" is not a path below %s", parent, mount);
	(void)join_path(path, mount, "", "cgroup.controllers");
	if (access(path, F_OK) == 0) {
		detect_v2(out, parent);
		return 0;
	}
	detect_v1(out, "memory", parent, "memory.limit_in_bytes", out->memory);
	detect_v1(out, "cpu", parent, "cpu.cfs_quota_us", out->cpu);
	detect_v1(out, "pids", parent, "tasks", out->pids);
	detect_v1(out, "unified", parent, "cgroup.kill", out->unified);
	if (out->memory[0] != '\0')
		out->enforces |= CUBE_ENFORCES_MEMORY;
	if (out->cpu[0] != '\0')
		out->enforces |= CUBE_ENFORCES_CPU;
	return 0;
}

/* Waits until the process has ended, at most that long. */
static void
wait_for(pid_t pid, int timeout_ms)
{
	struct pollfd ended = {.events = POLLIN};

	ended.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (ended.fd < 0)
		return; /* it has */
	(void)poll(&ended, 1, timeout_ms);
	(void)close(ended.fd);
}

/* Left by a start that was cut short: not taken over, for it may have the limits of then, and
 * where cgroup.kill was written once, Linux 6.18 kills what is cloned into it from then on.
 * 0 or an errno; EBUSY: its processes have not ended yet. */
static int
make_anew(const char *path)
{
	pid_t left;

	sweep_kill(path);
	left = sweep_any(path);
	if (left != 0)
		wait_for(left, LEFT_END_MS);
	if (rmdir(path) != 0 && errno != ENOENT)
		return errno == EBUSY ? EBUSY : 0;
	return mkdir(path, 0755) == 0 ? 0 : errno;
}

/* 0 or an errno. */
static int
add_dir(struct cgroup_dirs *out, char kind, const char *parent, const char *name)
{
	struct cgroup_dir *dir = &out->dirs[out->count];
	int length = snprintf(dir->path, sizeof(dir->path), "%s/%s", parent, name);
	int result;

	if (length < 0 || (size_t)length >= sizeof(dir->path))
		return ENAMETOOLONG;
	result = mkdir(dir->path, 0755) == 0 ? 0 : errno;
	if (result == EEXIST)
		result = make_anew(dir->path);
	if (result != 0)
		return result;
	dir->kind = kind;
	out->count++;
	return 0;
}

static int
make_dirs(const struct cgroups *cgroups, const char *name, bool cpu, bool memory,
	  struct cgroup_dirs *out)
{
	int result = 0;

	out->count = 0;
	if (cgroups->unified[0] != '\0')
		result = add_dir(out, CGROUP_UNIFIED, cgroups->unified, name);
	else if (cgroups->pids[0] != '\0')
		result = add_dir(out, CGROUP_PIDS, cgroups->pids, name);
	/* Without either, one of these must hold the processes, limited or not. */
	if (result == 0 && cgroups->memory[0] != '\0' && (memory || out->count == 0))
		result = add_dir(out, CGROUP_MEMORY, cgroups->memory, name);
	if (result == 0 && cgroups->cpu[0] != '\0' && (cpu || out->count == 0))
		result = add_dir(out, CGROUP_CPU, cgroups->cpu, name);
	return result;
}

static int
limit_memory(const struct cgroup_dir *dir, int64_t bytes)
{
	char text[32];
	int result;

	(void)snprintf(text, sizeof(text), "%lld", (long long)bytes);
	if (dir->kind == CGROUP_UNIFIED) {
		result = write_file(dir->path, "memory.max", text);
		if (result == 0)
			(void)write_file(dir->path, "memory.swap.max", "0");
		return result;
	}
	result = write_file(dir->path, "memory.limit_in_bytes", text);
	if (result == 0) /* memory and swap; absent where swap is not accounted */
		(void)write_file(dir->path, "memory.memsw.limit_in_bytes", text);
	return result;
}

static int
limit_cpu(const struct cgroup_dir *dir, int64_t mcpu)
{
	int64_t quota_us = mcpu >= INT64_MAX / CPU_PERIOD_US ? INT64_MAX / CPU_PERIOD_US
							     : mcpu * (CPU_PERIOD_US / 1000);
	char text[64];

	if (quota_us < CPU_QUOTA_MIN_US)
		quota_us = CPU_QUOTA_MIN_US;
	if (dir->kind == CGROUP_UNIFIED) {
		(void)snprintf(text, sizeof(text), "%lld %d", (long long)quota_us,
			       CPU_PERIOD_US);
		return write_file(dir->path, "cpu.max", text);
	}
	(void)snprintf(text, sizeof(text), "%lld", (long long)quota_us);
	return write_file(dir->path, "cpu.cfs_quota_us", text);
}

static int
set_limits(const struct cgroups *cgroups, const struct cgroup_dirs *dirs, int64_t mcpu,
	   int64_t memory_bytes)
{
	int result = 0;

	for (uint32_t i = 0; i < dirs->count && result == 0; i++) {
		const struct cgroup_dir *dir = &dirs->dirs[i];
		bool all = cgroups->is_v2;

		if (memory_bytes > 0 && (cgroups->enforces & CUBE_ENFORCES_MEMORY) != 0 &&
		    (all || dir->kind == CGROUP_MEMORY))
			result = limit_memory(dir, memory_bytes);
		if (result == 0 && mcpu > 0 && (cgroups->enforces & CUBE_ENFORCES_CPU) != 0 &&
		    (all || dir->kind == CGROUP_CPU))
			result = limit_cpu(dir, mcpu);
	}
	return result;
}

int
cgroup_create(const struct cgroups *cgroups, const char *name, int64_t mcpu,
	      int64_t memory_bytes, struct cgroup_dirs *out, struct cube_error *err)
{
	struct cgroup_dirs made;
	struct cube_error ignored;
	int result = make_dirs(cgroups, name, mcpu > 0, memory_bytes > 0, &made);

	if (result != 0) {
		(void)cgroup_remove(&made, &ignored);
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, result, "make cgroup %s: %s", name,
				 strerror(result));
	}
	result = set_limits(cgroups, &made, mcpu, memory_bytes);
	if (result != 0) {
		(void)cgroup_remove(&made, &ignored);
		return cube_fail(
			err,
			result == EINVAL || result == ERANGE ? CUBE_ERR_INVALID
							     : CUBE_ERR_UNAVAILABLE,
			result,
			"limit the cgroup to %lld thousandths of a core and %lld bytes "
			"of memory: %s",
			(long long)mcpu, (long long)memory_bytes, strerror(result));
	}
	*out = made;
	return 0;
}

bool
cgroup_dir_is_ours(const struct cgroups *cgroups, const struct cgroup_dir *dir,
		   const char *name)
{
	size_t mount = strlen(cgroups->mount);
	const char *last = strrchr(dir->path, '/');

	return mount > 0 && strncmp(dir->path, cgroups->mount, mount) == 0 &&
	       dir->path[mount] == '/' && strstr(dir->path, "/../") == NULL && last != NULL &&
	       strcmp(last + 1, name) == 0 && dir->kind != '\0' &&
	       strchr("upmc", dir->kind) != NULL;
}

bool
cgroup_clear(const struct cgroup_dirs *dirs, const struct cube_host *host, uint64_t deadline_ms)
{
	for (uint32_t i = 0; i < dirs->count; i++) {
		const char *path = dirs->dirs[i].path;
		pid_t pid = sweep_any(path);

		while (pid != 0) {
			uint64_t now_ms = host->now_ms(host->ctx);

			if (now_ms >= deadline_ms)
				return false;
			sweep_kill(path);
			wait_for(pid, deadline_ms - now_ms > INT_MAX
					      ? INT_MAX
					      : (int)(deadline_ms - now_ms));
			pid = sweep_any(path);
		}
	}
	return true;
}

int
cgroup_remove(const struct cgroup_dirs *dirs, struct cube_error *err)
{
	for (uint32_t i = 0; i < dirs->count; i++) {
		if (sweep_remove(dirs->dirs[i].path) != 0)
			return cube_fail(err, CUBE_ERR_UNAVAILABLE, errno,
					 "remove cgroup %s: %s", dirs->dirs[i].path,
					 strerror(errno));
	}
	return 0;
}
