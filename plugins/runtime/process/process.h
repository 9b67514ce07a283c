/* process.h - what the files of the process runtime share.
 *
 * A container is a folder and, while it lives, a supervisor that holds a lock
 * (names.h). The folder is the truth: nothing that matters is kept in memory alone
 * but which host ports are given out, and that is counted again from the folders at
 * the first call. So any number of threads may work on different containers.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include "cgroup.h"
#include "names.h"
#include "ports.h"

#include "base/error.h"

#include <cube/runtime.h>

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#define HANDLE_SIZE 64
#define NAME_SIZE   160 /* of a file or cgroup that is named after a handle */

/* TASK.ATTEMPT, checked: safe as a file name. */
struct handle {
	uint32_t attempt;
	char task_id[CUBE_ID_SIZE];
	char text[HANDLE_SIZE];
};

int
handle_make(const char *task_id, uint32_t attempt, struct handle *out, struct cube_error *err);
int handle_parse(const char *text, struct handle *out, struct cube_error *err);

/* The options, read once at open. */
struct settings {
	char *folder;     /* of all workers' state; this one's is identity below it */
	char *supervisor; /* the program */
	uint64_t log_bytes;
	uint16_t port_first;
	uint16_t port_last;
	const char *cgroup; /* borrowed from the core, as the next two */
	const char *cgroup_mount;
	const char *user;
};

int settings_read(const char *const *options, const char *identity, struct settings *out,
		  struct cube_error *err);
void settings_release(struct settings *settings);
extern const struct cube_option settings_options[];

struct watcher;

struct process {
	const struct cube_host *host;
	struct settings settings;
	struct watcher *watcher; /* NULL while not started; [loop] */

	pthread_mutex_t lock; /* guards ready and ports; what ready says is set stays */
	bool ready;
	struct ports ports;

	char *root; /* settings.folder/identity */
	int containers_fd;
	int live_fd;
	struct cgroups cgroups;
	char boot_id[40]; /* of this start of the machine; "": not known */
	bool has_user;
	uid_t uid;
	gid_t gid;
};

/* Makes the folders, looks at the cgroups, counts the ports: at the first call, and
 * again at the next if it failed. Every operation begins with it. [any] */
int process_ready(struct process *self, struct cube_error *err);

bool process_is_late(const struct process *self, uint64_t deadline_ms);

int process_run(void *self, const struct cube_task_spec *spec, uint64_t deadline_ms,
		struct cube_container *out, struct cube_error *err);
int process_logs(void *self, const char *handle, const struct cube_log_request *request,
		 struct cube_error *err);

#endif
