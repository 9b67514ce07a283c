/* process.c - run tasks as plain processes of this machine; no daemon.
 *
 * The plugin's descriptor and the operations that need no file of their own. A
 * container is a folder and a supervisor (process.h); each operation looks at the
 * folder, so it makes no difference whether this process started the container or
 * one before it did. Threads: any, see process.h for what the lock guards.
 */
#include "process.h"

#include "record.h"
#include "signal.h"
#include "tree.h"
#include "watch.h"

#include "base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_PARALLEL 4

bool
process_is_late(const struct process *self, uint64_t deadline_ms)
{
	return self->host->now_ms(self->host->ctx) >= deadline_ms;
}

/* ---- the state folder ---- */

/* mkdir -p. Others may pass through (a container's user works below), not read. */
static int
make_path(char *path, struct cube_error *err)
{
	for (char *at = path + 1; *at != '\0'; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		if (mkdir(path, 0711) != 0 && errno != EEXIST) {
			(void)cube_fail(err, CUBE_ERR_UNAVAILABLE, errno, "make folder %s: %s",
					path, strerror(errno));
			*at = '/';
			return CUBE_ERR_UNAVAILABLE;
		}
		*at = '/';
	}
	return 0;
}

static int
open_folder(const struct process *self, const char *name, int *out, struct cube_error *err)
{
	cleanup_free char *path = NULL;
	int fd;

	if (asprintf(&path, "%s/%s/", self->root, name) < 0) {
		path = NULL;
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "no memory for a path");
	}
	if (strlen(path) + 2UL * NAME_SIZE >= PATH_MAX)
		return cube_fail(err, CUBE_ERR_INVALID, ENAMETOOLONG,
				 "option dir: the path is longer than %d bytes",
				 PATH_MAX - 2 * NAME_SIZE);
	if (make_path(path, err) != 0)
		return err->code;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || faccessat(fd, ".", W_OK, 0) != 0) {
		(void)cube_fail(err, CUBE_ERR_UNAVAILABLE, errno, "open folder %s: %s", path,
				strerror(errno));
		if (fd >= 0)
			(void)close(fd);
		return err->code;
	}
	*out = fd;
	return 0;
}

/* Calls visit for each name in the folder that does not start with a dot, or with
 * hidden for those that do, until it fails. */
static int
each_name(int folder_fd, bool hidden, int (*visit)(void *ctx, const char *name), void *ctx,
	  struct cube_error *err)
{
	int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int rc = 0;

	if (dir == NULL) {
		(void)cube_fail(err, CUBE_ERR_UNAVAILABLE, errno, "read the state folder: %s",
				strerror(errno));
		if (fd >= 0)
			(void)close(fd);
		return err->code;
	}
	while (rc == 0 && (errno = 0, entry = readdir(dir)) != NULL) {
		bool is_hidden = entry->d_name[0] == '.';

		if (is_hidden == hidden && strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			rc = visit(ctx, entry->d_name);
	}
	if (rc == 0 && errno != 0)
		rc = cube_fail(err, CUBE_ERR_UNAVAILABLE, errno, "read the state folder: %s",
			       strerror(errno));
	(void)closedir(dir);
	return rc;
}

struct scan {
	struct process *self;
	struct cube_error *err;
};

/* What a crash left half made or half removed. It is only in the way. */
static int
sweep_hidden(void *ctx, const char *name)
{
	struct scan *scan = ctx;
	struct cube_error ignored;

	if (strncmp(name, MAKING_PREFIX, strlen(MAKING_PREFIX)) == 0 ||
	    strncmp(name, GONE_PREFIX, strlen(GONE_PREFIX)) == 0)
		(void)tree_remove(scan->self->containers_fd, name, scan->self->host, UINT64_MAX,
				  &ignored);
	return 0;
}

/* A lock file that a crash left before its container was there. */
static int
sweep_live(void *ctx, const char *name)
{
	struct scan *scan = ctx;
	struct cube_error ignored;
	bool locked = true;

	if (faccessat(scan->self->containers_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0 &&
	    errno == ENOENT && record_is_locked(scan->self, name, &locked, &ignored) == 0 &&
	    !locked)
		(void)unlinkat(scan->self->live_fd, name, 0);
	return 0;
}

static int
count_ports(void *ctx, const char *name)
{
	struct scan *scan = ctx;
	struct handle handle;
	struct record record;

	if (handle_parse(name, &handle, scan->err) != 0)
		return 0;
	switch (record_load(scan->self, &handle, UINT64_MAX, &record, scan->err)) {
	case 0:
		ports_claim(&scan->self->ports, record.container.ports,
			    record.container.port_count);
		return 0;
	case CUBE_ERR_NOT_FOUND:
		return 0;
	default:
		return scan->err->code;
	}
}

/* ---- getting ready ---- */

static int
read_user(struct process *self, struct cube_error *err)
{
	const char *user = self->settings.user;
	char *end = NULL;
	unsigned long uid;
	unsigned long gid;
	char text[4096];
	struct passwd entry;
	struct passwd *found = NULL;

	self->has_user = false;
	if (user[0] == '\0')
		return 0;
	errno = 0;
	uid = strtoul(user, &end, 10);
	gid = uid;
	if (end != user && *end == ':')
		gid = strtoul(end + 1, &end, 10);
	if (user[0] >= '0' && user[0] <= '9' && *end == '\0' && errno == 0 &&
	    uid < UINT32_MAX && gid < UINT32_MAX) {
		self->uid = (uid_t)uid;
		self->gid = (gid_t)gid;
		self->has_user = true;
		return 0;
	}
	if (getpwnam_r(user, &entry, text, sizeof(text), &found) != 0 || found == NULL)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "option user: this machine knows no user \"%s\"", user);
	self->uid = found->pw_uid;
	self->gid = found->pw_gid;
	self->has_user = true;
	return 0;
}

static void
read_boot_id(struct process *self)
{
	cleanup_close int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, self->boot_id, sizeof(self->boot_id) - 1);

	self->boot_id[size < 0 ? 0 : size] = '\0';
	self->boot_id[strcspn(self->boot_id, "\n")] = '\0';
}

/* A person who wonders why a limit does not hold finds this in the worker's log. */
static void
tell_limits(const struct process *self)
{
	uint32_t missing = ~self->cgroups.enforces;
	char text[256];

	if ((missing & (CUBE_ENFORCES_CPU | CUBE_ENFORCES_MEMORY)) == 0)
		return;
	(void)snprintf(text, sizeof(text), "no limits of%s%s: cgroups below %s %s",
		       (missing & CUBE_ENFORCES_CPU) != 0 ? " cpu" : "",
		       (missing & CUBE_ENFORCES_MEMORY) != 0 ? " memory" : "",
		       self->cgroups.mount,
		       strcmp(self->settings.cgroup, "none") == 0
			       ? "are turned off"
			       : "cannot be made or lack a controller");
	self->host->log(self->host->ctx, 1, text);
}

static void
get_unready(struct process *self)
{
	if (self->containers_fd >= 0)
		(void)close(self->containers_fd);
	if (self->live_fd >= 0)
		(void)close(self->live_fd);
	self->containers_fd = -1;
	self->live_fd = -1;
	ports_release(&self->ports);
	self->ready = false;
}

static int
get_ready(struct process *self, struct cube_error *err)
{
	struct scan scan = {self, err};

	read_boot_id(self);
	if (read_user(self, err) != 0 ||
	    open_folder(self, "containers", &self->containers_fd, err) != 0 ||
	    open_folder(self, "live", &self->live_fd, err) != 0 ||
	    cgroups_detect(&self->cgroups, self->settings.cgroup_mount, self->settings.cgroup,
			   err) != 0 ||
	    ports_init(&self->ports, self->settings.port_first, self->settings.port_last,
		       self->host->random(self->host->ctx), err) != 0 ||
	    each_name(self->containers_fd, true, sweep_hidden, &scan, err) != 0 ||
	    each_name(self->live_fd, false, sweep_live, &scan, err) != 0 ||
	    each_name(self->containers_fd, false, count_ports, &scan, err) != 0) {
		get_unready(self);
		return err->code;
	}
	self->ready = true;
	tell_limits(self);
	return 0;
}

int
process_ready(struct process *self, struct cube_error *err)
{
	int rc = 0;

	(void)pthread_mutex_lock(&self->lock);
	if (!self->ready)
		rc = get_ready(self, err);
	(void)pthread_mutex_unlock(&self->lock);
	return rc;
}

/* ---- operations ---- */

static void
process_close(void *at)
{
	struct process *self = at;

	watcher_stop(self->watcher);
	get_unready(self);
	settings_release(&self->settings);
	free(self->root);
	(void)pthread_mutex_destroy(&self->lock);
	(void)self->host->realloc(self->host->ctx, self, 0);
}

static int
process_open(const struct cube_host *host, const char *const *options, void **out,
	     struct cube_error *err)
{
	struct process *self = host->realloc(host->ctx, NULL, sizeof(*self));

	if (self == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "no memory for the runtime");
	memset(self, 0, sizeof(*self));
	self->host = host;
	self->containers_fd = -1;
	self->live_fd = -1;
	(void)pthread_mutex_init(&self->lock, NULL);
	if (settings_read(options, host->identity, &self->settings, err) != 0) {
		process_close(self);
		return err->code;
	}
	if (asprintf(&self->root, "%s/%s", self->settings.folder, host->identity) < 0) {
		self->root = NULL;
		process_close(self);
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "no memory for a path");
	}
	*out = self;
	return 0;
}

static int
process_start(void *at, const struct cube_runtime_events *events, struct cube_error *err)
{
	struct process *self = at;

	if (process_ready(self, err) != 0)
		return err->code;
	return watcher_start(self, events, &self->watcher, err);
}

static void
process_stop(void *at)
{
	struct process *self = at;

	watcher_stop(self->watcher);
	self->watcher = NULL;
}

static int
process_probe(void *at, uint64_t deadline_ms, uint32_t *enforces, struct cube_error *err)
{
	struct process *self = at;

	(void)deadline_ms; /* nothing here waits */
	if (process_ready(self, err) != 0)
		return err->code;
	if (access(self->settings.supervisor, X_OK) != 0)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, errno,
				 "the supervisor program %s: %s (option supervisor)",
				 self->settings.supervisor, strerror(errno));
	*enforces = self->cgroups.enforces;
	return 0;
}

static int
load(struct process *self, const char *text, uint64_t deadline_ms, struct record *record,
     struct cube_error *err)
{
	struct handle handle;

	memset(record, 0, sizeof(*record));
	if (process_ready(self, err) != 0 || handle_parse(text, &handle, err) != 0)
		return err->code;
	return record_load(self, &handle, deadline_ms, record, err);
}

static int
process_signal(void *at, const char *handle, int signo, uint64_t deadline_ms,
	       struct cube_error *err)
{
	struct record record;

	if (signo < 1 || signo > SIGRTMAX)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "%d is no signal", signo);
	if (load(at, handle, deadline_ms, &record, err) != 0)
		return err->code;
	return signal_send(&record, signo, err);
}

static int
process_remove(void *at, const char *handle, uint64_t deadline_ms, struct cube_error *err)
{
	struct process *self = at;
	struct record record;
	char hidden[NAME_SIZE];
	int rc = load(self, handle, deadline_ms, &record, err);

	if (rc == CUBE_ERR_NOT_FOUND) { /* a removal that ran out of time goes on */
		(void)snprintf(hidden, sizeof(hidden), GONE_PREFIX "%s", handle);
		return tree_remove(self->containers_fd, hidden, self->host, deadline_ms, err);
	}
	if (rc != 0)
		return rc;
	if (record.container.state == CUBE_CONTAINER_RUNNING || record.supervised)
		return cube_fail(err, CUBE_ERR_CONFLICT, 0, "%s runs: stop it first", handle);
	return record_remove(self, &record, deadline_ms, err);
}

static int
process_inspect(void *at, const char *handle, uint64_t deadline_ms, struct cube_container *out,
		struct cube_error *err)
{
	struct record record;

	if (load(at, handle, deadline_ms, &record, err) != 0)
		return err->code;
	record_copy(&record, out);
	return 0;
}

struct listing {
	struct process *self;
	uint64_t deadline_ms;
	int (*visit)(void *ctx, const struct cube_container *container);
	void *ctx;
	struct cube_error *err;
	bool ended; /* by the visitor */
};

static int
list_one(void *ctx, const char *name)
{
	struct listing *listing = ctx;
	struct handle handle;
	struct record record;
	int rc;

	if (process_is_late(listing->self, listing->deadline_ms))
		return cube_fail(listing->err, CUBE_ERR_TIMEOUT, 0,
				 "there are more containers than the time allows to read");
	if (handle_parse(name, &handle, listing->err) != 0)
		return 0; /* not ours */
	rc = record_load(listing->self, &handle, listing->deadline_ms, &record, listing->err);
	if (rc == CUBE_ERR_NOT_FOUND) /* removed meanwhile */
		return 0;
	if (rc != 0)
		return rc;
	listing->ended = listing->visit(listing->ctx, &record.container) != 0;
	return listing->ended ? CUBE_ERR_CONFLICT : 0;
}

static int
process_list(void *at, uint64_t deadline_ms,
	     int (*visit)(void *ctx, const struct cube_container *container), void *ctx,
	     struct cube_error *err)
{
	struct listing listing = {at, deadline_ms, visit, ctx, err, false};
	int rc = process_ready(at, err);

	if (rc == 0)
		rc = each_name(listing.self->containers_fd, false, list_one, &listing, err);
	return listing.ended ? 0 : rc;
}

static const struct cube_runtime_ops ops = {
	.struct_size = sizeof(ops),
	.max_parallel = MAX_PARALLEL,
	.open = process_open,
	.close = process_close,
	.start = process_start,
	.stop = process_stop,
	.probe = process_probe,
	.run = process_run,
	.signal = process_signal,
	.remove = process_remove,
	.inspect = process_inspect,
	.list = process_list,
	.logs = process_logs,
};

CUBE_EXPORT const struct cube_plugin cube_plugin = {
	CUBE_PLUGIN_HEADER(CUBE_PLUGIN_RUNTIME),
	.name = "process",
	.version = CUBE_VERSION,
	.summary = "Programs of this machine, each in a cgroup and process group of its own",
	.options = settings_options,
	.ops.runtime = &ops,
};
