/* plugin/runtime.h - what a container runtime is to the core: the ops table with the
 * optional functions answered for, and every container that comes back checked.
 *
 * [any] unless cube/runtime.h says [loop]; keeping to "never two calls for one task" and
 * to max_parallel is the executor's work.
 */
#ifndef PLUGIN_RUNTIME_H
#define PLUGIN_RUNTIME_H

#include "plugin/host.h"
#include "plugin/load.h"

#include <cube/runtime.h>

#include <stdbool.h>

/* A copy of the plugin's table as large as this core knows, NULL where the plugin's is
 * shorter. INVALID: shorter than ABI 1.0's, or a required function is missing. */
int runtime_ops_read(const struct cube_runtime_ops *theirs, struct cube_runtime_ops *ops,
		     struct cube_error *err);

struct runtime;

int
runtime_open(const char *name, const struct cube_runtime_ops *ops, const struct cube_host *host,
	     const char *const *options, struct runtime **out, struct cube_error *err);
void runtime_close(struct runtime *runtime);
const char *runtime_name(const struct runtime *runtime);
uint32_t runtime_max_parallel(const struct runtime *runtime); /* at least 1 */
bool runtime_has_events(const struct runtime *runtime);
bool runtime_has_logs(const struct runtime *runtime);

int runtime_start(struct runtime *runtime, const struct cube_runtime_events *events,
		  struct cube_error *err); /* nothing to start: 0 */
void runtime_stop(struct runtime *runtime);

int runtime_probe(struct runtime *runtime, uint64_t deadline_ms, uint32_t *enforces,
		  struct cube_error *err);
/* A runtime without prepare has nothing to prepare: 0 at once. */
int runtime_prepare(struct runtime *runtime, const struct cube_task_spec *spec,
		    uint64_t deadline_ms, cube_progress *progress, void *ctx,
		    struct cube_error *err);
/* A container that comes back is checked: texts end within their arrays and are UTF-8,
 * state and ports in range, task and attempt those asked for; else INTERNAL. */
int runtime_run(struct runtime *runtime, const struct cube_task_spec *spec,
		uint64_t deadline_ms, struct cube_container *out, struct cube_error *err);
int runtime_signal(struct runtime *runtime, const char *handle, int signo, uint64_t deadline_ms,
		   struct cube_error *err);
int runtime_remove(struct runtime *runtime, const char *handle, uint64_t deadline_ms,
		   struct cube_error *err);
int runtime_inspect(struct runtime *runtime, const char *handle, uint64_t deadline_ms,
		    struct cube_container *out, struct cube_error *err);
int runtime_list(struct runtime *runtime, uint64_t deadline_ms,
		 int (*visit)(void *ctx, const struct cube_container *container), void *ctx,
		 struct cube_error *err);
/* UNSUPPORTED if the runtime keeps no logs. */
int runtime_logs(struct runtime *runtime, const char *handle,
		 const struct cube_log_request *request, struct cube_error *err);

#endif
