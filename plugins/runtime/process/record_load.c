/* record_load.c - read what the folder of a container says.
 *
 * Three files and a lock tell the state: with an outcome it has exited; else, with a
 * live supervisor, it runs (or is about to); else, if it was ever started, its
 * supervisor was lost (killed, or the machine lost power), and we end it; else it
 * was created and no more. Only the outcome is forced to the disk, so after a loss of
 * power files may be missing or empty: what is of an earlier start of the machine, or
 * damaged, may have run, and is never taken for one that has not. The outcome is looked for
 * again after the lock was found free, since the supervisor writes it before it lets go.
 */
#include "record.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define SPEC_SIZE_MAX (8u << 20)
#define CLEAR_WAIT_MS 1000

struct file {
	struct buf text;
	struct json_doc doc;
	bool parsed;
};

static void
file_cleanup_at(struct file *file)
{
	if (file->parsed)
		json_release(&file->doc);
	buf_release(&file->text);
}
#define cleanup_file __attribute__((cleanup(file_cleanup_at)))

/* NOT_FOUND: there is none. INTERNAL or INVALID: it is damaged. Else: could not look. */
static int
file_read(int folder_fd, const char *name, size_t size_max, struct file *out,
	  struct cube_error *err)
{
	cleanup_close int fd = openat(
		folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	char *room;

	buf_init(&out->text, size_max);
	if (fd < 0)
		return cube_fail(err,
				 errno == ENOENT  ? CUBE_ERR_NOT_FOUND
				 : errno == ELOOP ? CUBE_ERR_INTERNAL
						  : CUBE_ERR_UNAVAILABLE,
				 errno, "%s: %s", name, strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > (off_t)size_max)
		return cube_fail(err, CUBE_ERR_INTERNAL, 0,
				 "%s is no file of at most %zu bytes", name, size_max);
	room = buf_reserve(&out->text, (size_t)st.st_size);
	if (st.st_size > 0 && room == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "no memory to read %s", name);
	while (out->text.size < (size_t)st.st_size) {
		ssize_t size = read(fd, out->text.data + out->text.size,
				    (size_t)st.st_size - out->text.size);

		if (size < 0 && errno == EINTR)
			continue;
		if (size <= 0)
			break;
		out->text.size += (size_t)size;
	}
	if (json_parse(out->text.data == NULL ? "" : out->text.data, out->text.size, &out->doc,
		       err) != 0)
		return error_wrap(err, "%s", name);
	out->parsed = true;
	return 0;
}

/* The text of a key, into a fixed array; it must fit. */
static int
read_text(const struct json_doc *doc, const struct json_value *object, const char *key,
	  char *out, size_t room, struct cube_error *err)
{
	const char *text = "";
	int rc = json_read_text(doc, json_get(object, key), &text, err);

	if (rc != 0)
		return rc;
	if (strlen(text) >= room)
		return cube_fail(err, CUBE_ERR_INTERNAL, 0, "%s is too long", key);
	memcpy(out, text, strlen(text) + 1);
	return 0;
}

static int
read_int(const struct json_doc *doc, const struct json_value *object, const char *key,
	 int64_t min, int64_t max, int64_t *out, struct cube_error *err)
{
	const struct json_value *value = json_get(object, key);

	if (value == NULL)
		return cube_fail(err, CUBE_ERR_INTERNAL, 0, "%s is missing", key);
	*out = min;
	return json_read_int(doc, value, min, max, out, err);
}

static int
read_port(const struct json_doc *doc, const struct json_value *value, struct cube_port *out,
	  struct cube_error *err)
{
	char protocol[8] = "";
	int64_t container = 0;
	int64_t host = 0;

	if (read_int(doc, value, "Container", 1, UINT16_MAX, &container, err) != 0 ||
	    read_int(doc, value, "Host", 1, UINT16_MAX, &host, err) != 0 ||
	    read_text(doc, value, "Protocol", protocol, sizeof(protocol), err) != 0 ||
	    read_text(doc, value, "Ip", out->host_ip, sizeof(out->host_ip), err) != 0)
		return err->code;
	out->container_port = (uint16_t)container;
	out->host_port = (uint16_t)host;
	out->protocol = strcmp(protocol, "udp") == 0 ? IPPROTO_UDP : IPPROTO_TCP;
	return 0;
}

static int
read_ports(const struct json_doc *doc, struct cube_container *out, struct cube_error *err)
{
	const struct json_value *list = json_get(doc->root, "Ports");
	uint32_t count = 0;

	if (list == NULL || list->type != JSON_ARRAY || list->count > CUBE_PORTS_MAX)
		return cube_fail(err, CUBE_ERR_INTERNAL, 0, "Ports is no list of at most %d",
				 CUBE_PORTS_MAX);
	for (const struct json_value *at = list->as.first; at != NULL; at = at->next) {
		if (read_port(doc, at, &out->ports[count], err) != 0)
			return err->code;
		count++;
	}
	out->port_count = count;
	return 0;
}

/* A path that we would not have made is not ours to kill in: such a list is damage. */
static int
read_cgroups(const struct process *self, const struct json_doc *doc, struct record *out,
	     struct cube_error *err)
{
	const struct json_value *list = json_get(doc->root, "Cgroups");
	char name[NAME_SIZE];
	uint32_t count = 0;

	record_cgroup_name(self, out->handle.text, name);
	if (list == NULL || list->type != JSON_ARRAY || list->count > CGROUP_DIRS_MAX)
		return cube_fail(err, CUBE_ERR_INTERNAL, 0, "Cgroups is no list of at most %d",
				 CGROUP_DIRS_MAX);
	for (const struct json_value *at = list->as.first; at != NULL; at = at->next) {
		struct cgroup_dir *dir = &out->cgroups.dirs[count];
		char kind[2] = "";

		if (read_text(doc, at, "Kind", kind, sizeof(kind), err) != 0 ||
		    read_text(doc, at, "Path", dir->path, sizeof(dir->path), err) != 0)
			return err->code;
		dir->kind = kind[0];
		if (!cgroup_dir_is_ours(&self->cgroups, dir, name))
			return cube_fail(err, CUBE_ERR_INTERNAL, 0,
					 "Cgroups has \"%.100s\", which is not its cgroup",
					 dir->path);
		count++;
	}
	out->cgroups.count = count;
	return 0;
}

static int
read_spec(const struct process *self, int folder_fd, struct record *out, struct cube_error *err)
{
	cleanup_file struct file file = {0};
	char task_id[CUBE_ID_SIZE] = "";
	char boot_id[sizeof(self->boot_id)] = "";
	int64_t attempt = 0;
	int64_t format = 0;
	int rc = file_read(folder_fd, SPEC_FILE, SPEC_SIZE_MAX, &file, err);

	if (rc != 0)
		return rc;
	if (read_int(&file.doc, file.doc.root, "Format", 1, 1, &format, err) != 0 ||
	    read_int(&file.doc, file.doc.root, "Attempt", 1, UINT32_MAX, &attempt, err) != 0 ||
	    read_text(&file.doc, file.doc.root, "Task", task_id, sizeof(task_id), err) != 0 ||
	    read_text(&file.doc, file.doc.root, "Cluster", out->container.cluster,
		      sizeof(out->container.cluster), err) != 0 ||
	    read_text(&file.doc, file.doc.root, "Boot", boot_id, sizeof(boot_id), err) != 0 ||
	    read_ports(&file.doc, &out->container, err) != 0 ||
	    read_cgroups(self, &file.doc, out, err) != 0)
		return error_wrap(err, SPEC_FILE);
	if (strcmp(task_id, out->handle.task_id) != 0 || attempt != out->handle.attempt)
		return cube_fail(err, CUBE_ERR_INTERNAL, 0,
				 SPEC_FILE " is of task %s, attempt %u", task_id,
				 (unsigned)attempt);
	out->earlier_boot = strcmp(boot_id, self->boot_id) != 0;
	return 0;
}

static int
read_started(int folder_fd, struct record *out, struct cube_error *err)
{
	cleanup_file struct file file = {0};
	int64_t pid = 0;
	int64_t ticks = 0;
	int64_t started_ms = 0;
	int rc = file_read(folder_fd, STARTED_FILE, STATE_SIZE_MAX, &file, err);

	if (rc != 0)
		return rc;
	if (read_int(&file.doc, file.doc.root, "Pid", 2, INT32_MAX, &pid, err) != 0 ||
	    read_int(&file.doc, file.doc.root, "StartTicks", 0, INT64_MAX, &ticks, err) != 0 ||
	    read_int(&file.doc, file.doc.root, "StartedMs", 0, INT64_MAX, &started_ms, err) !=
		    0)
		return error_wrap(err, STARTED_FILE);
	out->pid = (pid_t)pid;
	out->start_ticks = (uint64_t)ticks;
	out->container.started_ms = started_ms;
	out->has_started = true;
	return 0;
}

static int
read_outcome(int folder_fd, struct record *out, struct cube_error *err)
{
	cleanup_file struct file file = {0};
	int64_t exit_code = 0;
	int64_t finished_ms = 0;
	bool oom_killed = false;
	int rc = file_read(folder_fd, OUTCOME_FILE, STATE_SIZE_MAX, &file, err);

	if (rc != 0)
		return rc;
	if (read_int(&file.doc, file.doc.root, "ExitCode", 0, 255, &exit_code, err) != 0 ||
	    read_int(&file.doc, file.doc.root, "FinishedMs", 0, INT64_MAX, &finished_ms, err) !=
		    0 ||
	    json_read_bool(&file.doc, json_get(file.doc.root, "OOMKilled"), &oom_killed, err) !=
		    0 ||
	    read_text(&file.doc, file.doc.root, "Reason", out->container.reason,
		      sizeof(out->container.reason), err) != 0)
		return error_wrap(err, OUTCOME_FILE);
	out->container.exit_code = (int32_t)exit_code;
	out->container.oom_killed = oom_killed ? 1 : 0;
	out->container.finished_ms = finished_ms;
	out->has_outcome = true;
	return 0;
}

static void
set_reason(struct cube_container *container, const char *what, const char *why)
{
	char text[sizeof(container->reason)];
	size_t size;

	(void)snprintf(text, sizeof(text), "%s%s", what, why);
	size = utf8_valid_prefix(text, strlen(text));
	memcpy(container->reason, text, size);
	container->reason[size] = '\0';
}

/* Its supervisor was lost. The lock is taken, so that of two who find this only one
 * acts; the first process was to die with its supervisor (supervisor_child.c), the
 * rest is in the cgroup. */
static void
end_lost(struct process *self, int folder_fd, uint64_t deadline_ms, struct record *out)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	cleanup_close int fd =
		openat(self->live_fd, out->handle.text,
		       O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	uint64_t until_ms = self->host->now_ms(self->host->ctx) + CLEAR_WAIT_MS;
	struct cube_error ignored;

	if (until_ms > deadline_ms)
		until_ms = deadline_ms;
	if (fd < 0 || fcntl(fd, F_OFD_SETLK, &lock) != 0 ||
	    !cgroup_clear(&out->cgroups, self->host, until_ms)) {
		out->container.state = CUBE_CONTAINER_RUNNING;
		set_reason(&out->container, "its supervisor was lost; its processes do not end",
			   "");
		return;
	}
	out->container.state = CUBE_CONTAINER_EXITED;
	out->container.exit_code = EXIT_CODE_UNKNOWN;
	out->container.finished_ms = clock_now().wall_ms;
	set_reason(&out->container, "its supervisor died; outcome unknown", "");
	/* If the disk cannot take it, the next look finds the same again. */
	out->has_outcome = record_write_outcome(folder_fd, out->container.reason,
						out->container.finished_ms, &ignored) == 0;
}

static void
set_unknown(struct record *out)
{
	out->container.state = CUBE_CONTAINER_EXITED;
	out->container.exit_code = EXIT_CODE_UNKNOWN;
	if (out->earlier_boot)
		set_reason(&out->container, "the machine was restarted; outcome unknown", "");
}

static bool
is_damage(int rc)
{
	return rc == CUBE_ERR_INTERNAL || rc == CUBE_ERR_INVALID;
}

static int
find_state(struct process *self, int folder_fd, bool spec_is_sound, uint64_t deadline_ms,
	   struct record *out, struct cube_error *err)
{
	int outcome = read_outcome(folder_fd, out, err);
	int started;

	if (outcome == CUBE_ERR_NOT_FOUND) {
		if (record_is_locked(self, out->handle.text, &out->supervised, err) != 0)
			return err->code;
		if (!out->supervised)
			outcome = read_outcome(folder_fd, out, err);
	}
	if (is_damage(outcome)) {
		out->container.exit_code = EXIT_CODE_UNKNOWN;
		set_reason(&out->container,
			   "outcome unknown, its file is damaged: ", err->message);
		out->has_outcome = true;
	} else if (outcome != 0 && outcome != CUBE_ERR_NOT_FOUND) {
		return outcome;
	}
	started = read_started(folder_fd, out, err);
	if (started != 0 && started != CUBE_ERR_NOT_FOUND && !is_damage(started))
		return started;
	if (out->has_outcome)
		out->container.state = CUBE_CONTAINER_EXITED;
	else if (out->supervised)
		out->container.state = started == CUBE_ERR_NOT_FOUND ? CUBE_CONTAINER_CREATED
								     : CUBE_CONTAINER_RUNNING;
	else if (started != CUBE_ERR_NOT_FOUND)
		end_lost(self, folder_fd, deadline_ms, out);
	else if (out->earlier_boot || !spec_is_sound)
		set_unknown(out);
	else
		out->container.state = CUBE_CONTAINER_CREATED;
	return 0;
}

static int
load(struct process *self, int folder_fd, uint64_t deadline_ms, struct record *out,
     struct cube_error *err)
{
	struct cube_error damage;
	int spec = read_spec(self, folder_fd, out, &damage);

	if (spec != 0) {
		if (!is_damage(spec) && spec != CUBE_ERR_NOT_FOUND) {
			*err = damage;
			return spec;
		}
		/* What was read before the damage is no better than it. */
		memset(out->container.cluster, 0, sizeof(out->container.cluster));
		out->container.port_count = 0;
		out->cgroups.count = 0;
	}
	if (find_state(self, folder_fd, spec == 0, deadline_ms, out, err) != 0)
		return err->code;
	if (spec != 0 && out->container.reason[0] == '\0')
		set_reason(&out->container, "damaged: ", damage.message);
	return 0;
}

int
record_load(struct process *self, const struct handle *handle, uint64_t deadline_ms,
	    struct record *out, struct cube_error *err)
{
	cleanup_close int folder_fd = openat(self->containers_fd, handle->text,
					     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (folder_fd < 0)
		return cube_fail(err,
				 errno == ENOENT ? CUBE_ERR_NOT_FOUND : CUBE_ERR_UNAVAILABLE,
				 errno, "container %s: %s", handle->text, strerror(errno));
	memset(out, 0, sizeof(*out));
	out->handle = *handle;
	out->container.struct_size = sizeof(out->container);
	out->container.attempt = handle->attempt;
	memcpy(out->container.task_id, handle->task_id, sizeof(out->container.task_id));
	memcpy(out->container.handle, handle->text, sizeof(handle->text));
	return load(self, folder_fd, deadline_ms, out, err);
}
