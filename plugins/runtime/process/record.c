/* record.c - write and remove what the folder of a container says.
 *
 * A folder is made under a hidden name and renamed when its spec is in it, so one
 * that can be seen is whole. It is removed by a rename to another hidden name, after
 * which it counts as gone; what a crash leaves hidden is swept up at the next start.
 */
#include "record.h"

#include "tree.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define SPEC_WRITE_MAX (4u << 20)

int
record_is_locked(const struct process *self, const char *handle, bool *locked,
		 struct cube_error *err)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	cleanup_close int fd =
		openat(self->live_fd, handle, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0 && errno == ENOENT) {
		*locked = false;
		return 0;
	}
	if (fd < 0 || fcntl(fd, F_OFD_GETLK, &lock) != 0)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, errno, "look at the lock of %s: %s",
				 handle, strerror(errno));
	*locked = lock.l_type != F_UNLCK;
	return 0;
}

void
record_cgroup_name(const struct process *self, const char *handle, char out[NAME_SIZE])
{
	(void)snprintf(out, NAME_SIZE, "%s.%s", self->host->identity, handle);
}

void
record_copy(const struct record *record, struct cube_container *out)
{
	uint32_t size = out->struct_size;

	memset(out, 0, size);
	memcpy(out, &record->container,
	       size < sizeof(record->container) ? size : sizeof(record->container));
	out->struct_size = size;
}

static int
write_new(int folder_fd, const char *name, const struct buf *text, bool durable,
	  struct cube_error *err)
{
	cleanup_close int fd = openat(
		folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	size_t done = 0;

	while (fd >= 0 && done < text->size) {
		ssize_t size = write(fd, text->data + done, text->size - done);

		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			break;
		done += (size_t)size;
	}
	if (fd < 0 || done < text->size || (durable && fsync(fd) != 0))
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, errno, "write %s: %s", name,
				 strerror(errno));
	return 0;
}

static void
put_ports(struct json_writer *writer, const struct cube_port *ports, uint32_t count)
{
	json_key(writer, "Ports");
	json_begin_array(writer);
	for (uint32_t i = 0; i < count; i++) {
		json_begin_object(writer);
		json_put_int(writer, "Container", ports[i].container_port);
		json_put_int(writer, "Host", ports[i].host_port);
		json_put_text(writer, "Protocol",
			      ports[i].protocol == IPPROTO_UDP ? "udp" : "tcp");
		json_put_text(writer, "Ip", ports[i].host_ip);
		json_end_object(writer);
	}
	json_end_array(writer);
}

static void
put_cgroups(struct json_writer *writer, const struct cgroup_dirs *cgroups)
{
	json_key(writer, "Cgroups");
	json_begin_array(writer);
	for (uint32_t i = 0; i < cgroups->count; i++) {
		char kind[2] = {cgroups->dirs[i].kind, '\0'};

		json_begin_object(writer);
		json_put_text(writer, "Kind", kind);
		json_put_text(writer, "Path", cgroups->dirs[i].path);
		json_end_object(writer);
	}
	json_end_array(writer);
}

/* A list, since a key may be there twice: the task's own, and cube's after it. */
static void
put_labels(struct json_writer *writer, const struct cube_task_spec *spec)
{
	json_key(writer, "Labels");
	json_begin_array(writer);
	for (uint32_t i = 0; i < spec->label_count; i++) {
		json_begin_object(writer);
		json_put_text(writer, "Key", spec->labels[i].key);
		json_put_text(writer, "Value", spec->labels[i].value);
		json_end_object(writer);
	}
	json_end_array(writer);
}

static const char *
cluster_of(const struct cube_task_spec *spec)
{
	const char *cluster = "";

	for (uint32_t i = 0; i < spec->label_count; i++) {
		if (strcmp(spec->labels[i].key, "cube.cluster") == 0)
			cluster = spec->labels[i].value;
	}
	return cluster;
}

int
record_write_spec(const struct process *self, int folder_fd, const struct cube_task_spec *spec,
		  const struct cube_port *ports, const struct cgroup_dirs *cgroups,
		  struct cube_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(SPEC_WRITE_MAX);
	struct json_writer *writer = json_writer_new(&text, false);

	if (writer == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "no memory to write " SPEC_FILE);
	json_begin_object(writer);
	json_put_int(writer, "Format", 1);
	json_put_text(writer, "Task", spec->task_id);
	json_put_uint(writer, "Attempt", spec->attempt);
	json_put_text(writer, "Boot", self->boot_id);
	json_put_text(writer, "Name", spec->name);
	json_put_text(writer, "Image", spec->image);
	json_put_text(writer, "Cluster", cluster_of(spec));
	json_put_int(writer, "CreatedMs", clock_now().wall_ms);
	json_put_int(writer, "MilliCpu", spec->mcpu);
	json_put_int(writer, "MemoryBytes", spec->memory_bytes);
	put_ports(writer, ports, spec->port_count);
	put_cgroups(writer, cgroups);
	put_labels(writer, spec);
	json_end_object(writer);
	json_writer_free(writer);
	if (text.failed)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "the task's labels are larger than %u bytes", SPEC_WRITE_MAX);
	return write_new(folder_fd, SPEC_FILE, &text, false, err);
}

int
record_write_outcome(int folder_fd, const char *reason, int64_t finished_ms,
		     struct cube_error *err)
{
	static const char name[] = OUTCOME_FILE NEW_SUFFIX;
	cleanup_buf struct buf text = BUF_INIT(STATE_SIZE_MAX);
	struct json_writer *writer = json_writer_new(&text, false);

	if (writer == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "no memory to write %s", name);
	json_begin_object(writer);
	json_put_int(writer, "ExitCode", EXIT_CODE_UNKNOWN);
	json_put_bool(writer, "OOMKilled", false);
	json_put_int(writer, "FinishedMs", finished_ms);
	json_put_text(writer, "Reason", reason);
	json_end_object(writer);
	json_writer_free(writer);
	if (text.failed)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "no memory to write %s", name);
	if (write_new(folder_fd, name, &text, true, err) != 0)
		return err->code;
	if (renameat(folder_fd, name, folder_fd, OUTCOME_FILE) != 0)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, errno, "rename %s: %s", name,
				 strerror(errno));
	return 0;
}

int
record_remove(struct process *self, const struct record *record, uint64_t deadline_ms,
	      struct cube_error *err)
{
	const char *handle = record->handle.text;
	char hidden[NAME_SIZE];

	if (cgroup_remove(&record->cgroups, err) != 0) {
		(void)cgroup_clear(&record->cgroups, self->host, deadline_ms);
		if (cgroup_remove(&record->cgroups, err) != 0)
			return err->code;
	}
	(void)snprintf(hidden, sizeof(hidden), GONE_PREFIX "%s", handle);
	if (tree_remove(self->containers_fd, hidden, self->host, deadline_ms, err) != 0)
		return err->code;
	if (renameat(self->containers_fd, handle, self->containers_fd, hidden) != 0) {
		if (errno == ENOENT)
			return 0;
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, errno, "remove %s: %s", handle,
				 strerror(errno));
	}
	(void)unlinkat(self->live_fd, handle, 0);
	(void)pthread_mutex_lock(&self->lock);
	ports_give_back(&self->ports, record->container.ports, record->container.port_count);
	(void)pthread_mutex_unlock(&self->lock);
	return tree_remove(self->containers_fd, hidden, self->host, deadline_ms, err);
}
