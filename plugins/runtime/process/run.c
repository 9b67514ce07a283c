/* run.c - create a container and start it; or find that it is there already.
 *
 * What is made, in order: host ports, cgroups, a folder under a hidden name with the
 * spec in it, its real name, the supervisor. A failure before the program executes
 * takes all of that back. A failure of this process at any point leaves what record.c
 * and process_ready know how to sweep up, or a container that the next run adopts.
 */
#include "launch.h"
#include "record.h"
#include "tree.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LAUNCH_BYTES_MAX (16u << 20)

static int
check_ports(const struct cube_task_spec *spec, struct cube_error *err)
{
	if (spec->port_count > CUBE_PORTS_MAX)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "%u ports, at most %d are possible",
				 (unsigned)spec->port_count, CUBE_PORTS_MAX);
	for (uint32_t i = 0; i < spec->port_count; i++) {
		const struct cube_port *port = &spec->ports[i];

		if (port->container_port == 0 ||
		    (port->protocol != IPPROTO_TCP && port->protocol != IPPROTO_UDP) ||
		    memchr(port->host_ip, '\0', sizeof(port->host_ip)) == NULL)
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "port %u is not a port of tcp or udp",
					 (unsigned)port->container_port);
	}
	return 0;
}

static int
check_spec(const struct cube_task_spec *spec, struct cube_error *err)
{
	if (!CUBE_HAS(struct cube_task_spec, spec, disk_bytes) || spec->name == NULL ||
	    spec->image == NULL || spec->image[0] == '\0')
		return cube_fail(err, CUBE_ERR_INVALID, 0, "the task has no name or no image");
	if (spec->mcpu < 0 || spec->memory_bytes < 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "the task asks for less than no cpu or memory");
	for (uint32_t i = 0; i < spec->label_count; i++) {
		if (spec->labels[i].key == NULL || spec->labels[i].value == NULL)
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "label %u has no key or value", (unsigned)i);
		if (strcmp(spec->labels[i].key, "cube.cluster") == 0 &&
		    strlen(spec->labels[i].value) >= CUBE_ID_SIZE)
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "label cube.cluster is longer than %d bytes",
					 CUBE_ID_SIZE - 1);
	}
	return check_ports(spec, err);
}

/* Writes the folder's content; the folder is new and has its hidden name. */
static int
fill_folder(const struct process *self, int folder_fd, const struct cube_task_spec *spec,
	    const struct cube_port *ports, const struct cgroup_dirs *cgroups,
	    struct cube_error *err)
{
	if (mkdirat(folder_fd, WORK_FOLDER, 0755) != 0 ||
	    (self->has_user &&
	     fchownat(folder_fd, WORK_FOLDER, self->uid, self->gid, AT_SYMLINK_NOFOLLOW) != 0))
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, errno, "make working directory: %s",
				 strerror(errno));
	return record_write_spec(self, folder_fd, spec, ports, cgroups, err);
}

static int
make_folder(const struct process *self, const struct handle *handle,
	    const struct cube_task_spec *spec, const struct cube_port *ports,
	    const struct cgroup_dirs *cgroups, struct cube_error *err)
{
	cleanup_close int fd = -1;
	struct cube_error ignored;
	char hidden[NAME_SIZE];
	int rc;

	(void)snprintf(hidden, sizeof(hidden), MAKING_PREFIX "%s", handle->text);
	if (mkdirat(self->containers_fd, hidden, 0711) != 0 && errno == EEXIST) {
		if (tree_remove(self->containers_fd, hidden, self->host, UINT64_MAX, err) != 0)
			return err->code;
		(void)mkdirat(self->containers_fd, hidden, 0711);
	}
	fd = openat(self->containers_fd, hidden,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, errno, "make folder %s/%s: %s",
				 self->root, hidden, strerror(errno));
	rc = fill_folder(self, fd, spec, ports, cgroups, err);
	if (rc == 0 &&
	    renameat(self->containers_fd, hidden, self->containers_fd, handle->text) != 0)
		rc = cube_fail(err, CUBE_ERR_UNAVAILABLE, errno, "make folder %s/%s: %s",
			       self->root, handle->text, strerror(errno));
	if (rc != 0)
		(void)tree_remove(self->containers_fd, hidden, self->host, UINT64_MAX,
				  &ignored);
	return rc;
}

static void
give_back(struct process *self, const struct cube_task_spec *spec,
	  const struct cube_port *ports, const struct cgroup_dirs *cgroups)
{
	struct cube_error ignored;

	(void)cgroup_remove(cgroups, &ignored);
	(void)pthread_mutex_lock(&self->lock);
	ports_give_back(&self->ports, ports, spec->port_count);
	(void)pthread_mutex_unlock(&self->lock);
}

static int
create(struct process *self, const struct handle *handle, const struct cube_task_spec *spec,
       struct cube_port *ports, struct cgroup_dirs *cgroups, struct cube_error *err)
{
	char name[NAME_SIZE];
	int rc;

	if (spec->port_count > 0)
		memcpy(ports, spec->ports, spec->port_count * sizeof(*ports));
	(void)pthread_mutex_lock(&self->lock);
	rc = ports_pick(&self->ports, ports, spec->port_count, err);
	(void)pthread_mutex_unlock(&self->lock);
	if (rc != 0)
		return rc;
	record_cgroup_name(self, handle->text, name);
	cgroups->count = 0;
	rc = cgroup_create(&self->cgroups, name, spec->mcpu, spec->memory_bytes, cgroups, err);
	if (rc == 0)
		rc = make_folder(self, handle, spec, ports, cgroups, err);
	if (rc != 0)
		give_back(self, spec, ports, cgroups);
	return rc;
}

/* Held by this process from before the folder can be seen, and then by the supervisor too: a
 * container without a lock is one that nobody is starting. Above the supervisor's numbers. */
static int
take_lock(const struct process *self, const struct handle *handle, int *out,
	  struct cube_error *err)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	cleanup_close int fd =
		openat(self->live_fd, handle->text,
		       O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	int lifted = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, LOCK_FD + 1);

	if (lifted < 0 || fcntl(lifted, F_OFD_SETLK, &lock) != 0) {
		(void)cube_fail(err, CUBE_ERR_UNAVAILABLE, errno, "take the lock of %s: %s",
				handle->text, strerror(errno));
		if (lifted >= 0)
			(void)close(lifted);
		return err->code;
	}
	*out = lifted;
	return 0;
}

/* On failure nothing is left, except after TIMEOUT, when it may run. */
static int
create_and_start(struct process *self, const struct handle *handle,
		 const struct cube_task_spec *spec, uint64_t deadline_ms, struct record *record,
		 struct cube_error *err)
{
	cleanup_buf struct buf launch = BUF_INIT(LAUNCH_BYTES_MAX);
	cleanup_free char *program = NULL;
	cleanup_close int lock_fd = -1;
	struct cube_container *container = &record->container;
	int rc = launch_find_program(spec, &program, err);

	if (rc == 0)
		rc = take_lock(self, handle, &lock_fd, err);
	if (rc != 0)
		return rc;
	rc = create(self, handle, spec, container->ports, &record->cgroups, err);
	if (rc != 0) {
		(void)unlinkat(self->live_fd, handle->text, 0);
		return rc;
	}
	container->port_count = spec->port_count;
	record->handle = *handle;
	rc = launch_write(self, spec, handle, program, container->ports, &record->cgroups,
			  &launch, err);
	if (rc == 0)
		rc = launch_spawn(self, handle, program, &launch, lock_fd, deadline_ms,
				  &container->started_ms, err);
	if (rc != 0 && rc != CUBE_ERR_TIMEOUT) {
		struct cube_error ignored;

		(void)cgroup_clear(&record->cgroups, self->host, deadline_ms);
		(void)record_remove(self, record, UINT64_MAX, &ignored);
	}
	return rc;
}

/* It is there. One that was created and no more, by a run that was cut short, is
 * made anew; NOT_FOUND then tells the caller to. */
static int
adopt(struct process *self, const struct handle *handle, uint64_t deadline_ms,
      struct record *record, struct cube_error *err)
{
	if (record_load(self, handle, deadline_ms, record, err) != 0)
		return err->code;
	if (record->container.state != CUBE_CONTAINER_CREATED)
		return 0;
	if (record->supervised)
		return cube_fail(err, CUBE_ERR_TIMEOUT, 0,
				 "%s is being started by an earlier call", handle->text);
	if (record_remove(self, record, deadline_ms, err) != 0)
		return err->code;
	return cube_fail(err, CUBE_ERR_NOT_FOUND, 0, "%s was not started", handle->text);
}

int
process_run(void *at, const struct cube_task_spec *spec, uint64_t deadline_ms,
	    struct cube_container *out, struct cube_error *err)
{
	struct process *self = at;
	struct handle handle;
	struct record record;
	int rc;

	if (process_ready(self, err) != 0 || check_spec(spec, err) != 0 ||
	    handle_make(spec->task_id, spec->attempt, &handle, err) != 0)
		return err->code;
	rc = adopt(self, &handle, deadline_ms, &record, err);
	if (rc == CUBE_ERR_NOT_FOUND) {
		memset(&record, 0, sizeof(record));
		rc = create_and_start(self, &handle, spec, deadline_ms, &record, err);
		if (rc == 0) /* as the disk has it: it may even have ended */
			rc = record_load(self, &handle, deadline_ms, &record, err);
	}
	if (rc == 0)
		record_copy(&record, out);
	return rc;
}
