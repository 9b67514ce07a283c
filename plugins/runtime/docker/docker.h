/* docker.h - what the files of this plugin share: one instance of it.
 *
 * Read-only after open but for the engine, which guards itself, and events, which
 * belongs to [loop].
 */
#ifndef DOCKER_DOCKER_H
#define DOCKER_DOCKER_H

#include "engine.h"

#include <cube/runtime.h>

enum pull_policy {
	PULL_MISSING,
	PULL_ALWAYS,
	PULL_NEVER
};

struct events;

struct docker {
	const struct cube_host *host;
	struct engine *engine;
	enum pull_policy pull;
	char *network;         /* bridge, host, none, or the name of one */
	char *config;          /* path of Docker's config.json; NULL: there is no home */
	struct events *events; /* between start and stop */
};

/* run.c: the calls of struct cube_runtime_ops with the same names. */
int run_run(void *self, const struct cube_task_spec *spec, uint64_t deadline_ms,
	    struct cube_container *out, struct cube_error *err);
int run_signal(void *self, const char *handle, int signo, uint64_t deadline_ms,
	       struct cube_error *err);
int run_remove(void *self, const char *handle, uint64_t deadline_ms, struct cube_error *err);
int run_inspect(void *self, const char *handle, uint64_t deadline_ms,
		struct cube_container *out, struct cube_error *err);
int run_list(void *self, uint64_t deadline_ms,
	     int (*visit)(void *ctx, const struct cube_container *c), void *ctx,
	     struct cube_error *err);

/* image.c */
int image_prepare(void *self, const struct cube_task_spec *spec, uint64_t deadline_ms,
		  cube_progress *progress, void *ctx, struct cube_error *err);

/* logs.c */
int logs_walk(void *self, const char *handle, const struct cube_log_request *request,
	      struct cube_error *err);

#endif
