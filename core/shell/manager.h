/* shell/manager.h - cube-manager put together: plugins, store, brain, fleet, server.
 *
 * manager_run lives on the main thread from start to end.
 */
#ifndef SHELL_MANAGER_H
#define SHELL_MANAGER_H

#include "base/log.h"
#include "shell/store_load.h"

#include <stdint.h>

struct manager_settings {
	const char *scheduler; /* --scheduler */
	const char *const *scheduler_options;
	size_t scheduler_option_count;
	const char *store; /* --store */
	const char *const *store_options;
	size_t store_option_count;
	const char *plugin_dir; /* NULL: the usual places */
	const char *data_dir;   /* NULL: the usual place */
	const char *host;
	uint16_t port;       /* 0: any free one */
	const char *workers; /* "host:port,host:port"; NULL: none listed */
	uint32_t node_timeout_ms;
	uint32_t events_max;
	uint32_t keep_tasks;   /* --keep-tasks, as in manager/manager.h */
	uint32_t keep_tasks_s; /* --keep-tasks-for */
};

/* From start to end. 0 after a signal; else what went wrong, for one line on stderr:
 * INVALID if it did not get ready, whatever kept it from that, and only then. */
int
manager_run(const struct manager_settings *settings, struct log *log, struct cube_error *err);

#endif
