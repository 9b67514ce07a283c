/* shell/worker.h - cube-worker put together: plugins, store, brain, server, executor.
 *
 * worker_run lives on the main thread from start to end.
 */
#ifndef SHELL_WORKER_H
#define SHELL_WORKER_H

#include "base/log.h"
#include "shell/store_load.h"

struct worker_settings {
	const char *runtime; /* --runtime */
	const char *const *runtime_options;
	size_t runtime_option_count;
	const char *store; /* --store */
	const char *const *store_options;
	size_t store_option_count;
	const char *plugin_dir; /* NULL: the usual places */
	const char *data_dir;   /* NULL: the usual place */
	const char *name;
	const char *host;
	uint16_t port;
	const char *advertise; /* HOST:PORT where the manager finds us; NULL: host and port */
	const char *manager;   /* http://host:port; NULL: none to join */
	const char *labels;    /* "K=V,K=V"; NULL: none */
	int64_t mcpu;          /* capacity; 0: the machine's, as for the next two */
	int64_t memory_bytes;
	int64_t disk_bytes;
	/* Of the machine for itself, where the capacity is not given. */
	bool reserve_given; /* else the larger of 5 % and 128 MiB */
	int64_t reserve_bytes;
	int64_t reserve_mcpu;
	uint32_t keep_ended;       /* ended attempts that stay for their logs, in all */
	uint32_t keep_attempts;    /* and of one task */
	uint32_t keep_ended_for_s; /* and no longer than that; 0: however old */
	uint32_t orphan_grace_s;
};

/* From start to end. 0 after a signal; else what went wrong, for one line on stderr:
 * INVALID if it did not get ready, whatever kept it from that, and only then. */
int worker_run(const struct worker_settings *settings, struct log *log, struct cube_error *err);

#endif
