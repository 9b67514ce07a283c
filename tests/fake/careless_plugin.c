/* tests/fake/careless_plugin.c - a runtime that runs nothing and pretends to, with one
 * container for all; it breaks its contract in the way that its option mode= names, and is
 * sound where it is not told otherwise. */
#include <cube/runtime.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HANDLE "the-one"

struct careless {
	const struct cube_host *host;
	const char *mode;
	const struct cube_runtime_events *events;
};

/* Outlives those who run it, as a container does. state 0: there is none. */
static struct cube_container the_one;
static unsigned number;

static int
is(const struct careless *careless, const char *mode)
{
	return strcmp(careless->mode, mode) == 0;
}

static int
careless_open(const struct cube_host *host, const char *const *options, void **self,
	      struct cube_error *err)
{
	struct careless *made = host->realloc(host->ctx, NULL, sizeof(*made));

	if (made == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	*made = (struct careless){.host = host, .mode = options[0]};
	*self = made;
	return 0;
}

static void
careless_close(void *self)
{
	struct careless *careless = self;

	if (is(careless, "ends-tasks"))
		the_one.state = 0;
	(void)careless->host->realloc(careless->host->ctx, careless, 0);
}

static void *
tell_late(void *arg)
{
	const struct cube_runtime_events *events = arg;
	const struct timespec pause = {.tv_nsec = 50000000};

	(void)nanosleep(&pause, NULL);
	events->resync(events->ctx);
	return NULL;
}

static int
careless_start(void *self, const struct cube_runtime_events *events, struct cube_error *err)
{
	struct careless *careless = self;

	(void)err;
	careless->events = events;
	return 0;
}

static void
careless_stop(void *self)
{
	struct careless *careless = self;
	pthread_t thread;

	if (is(careless, "tells-late") &&
	    pthread_create(&thread, NULL, tell_late, (void *)(uintptr_t)careless->events) == 0)
		(void)pthread_detach(thread);
}

static int
careless_probe(void *self, uint64_t deadline_ms, uint32_t *enforces, struct cube_error *err)
{
	const struct careless *careless = self;
	const struct timespec pause = {.tv_sec = 3, .tv_nsec = 200000000};

	(void)deadline_ms;
	if (is(careless, "late"))
		(void)nanosleep(&pause, NULL);
	if (is(careless, "not-there"))
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0, "nobody answers");
	*enforces = is(careless, "enforces-all") ? UINT32_MAX : 0;
	return 0;
}

static int
careless_run(void *self, const struct cube_task_spec *spec, uint64_t deadline_ms,
	     struct cube_container *out, struct cube_error *err)
{
	const struct careless *careless = self;
	int bad = strstr(spec->image, "invalid") != NULL;

	(void)deadline_ms;
	if (bad && is(careless, "bad-image-later"))
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0, "try again");
	if (bad && !is(careless, "runs-anything") && !is(careless, "leaves"))
		return cube_fail(err, CUBE_ERR_NOT_FOUND, 0, "no image %s", spec->image);
	if (the_one.state == 0 || is(careless, "runs-twice") ||
	    (the_one.state == CUBE_CONTAINER_EXITED && is(careless, "starts-again"))) {
		the_one = (struct cube_container){.struct_size = sizeof(the_one),
						  .state = CUBE_CONTAINER_RUNNING,
						  .attempt = spec->attempt,
						  .started_ms = 1,
						  .handle = HANDLE};
		(void)snprintf(the_one.task_id, sizeof(the_one.task_id), "%s", spec->task_id);
		for (uint32_t i = 0; i < spec->label_count; i++) {
			if (strcmp(spec->labels[i].key, "cube.cluster") == 0)
				(void)snprintf(the_one.cluster, sizeof(the_one.cluster), "%s",
					       spec->labels[i].value);
		}
		if (is(careless, "runs-twice"))
			(void)snprintf(the_one.handle, sizeof(the_one.handle), "number-%u",
				       ++number);
	}
	if (bad && is(careless, "leaves"))
		return cube_fail(err, CUBE_ERR_NOT_FOUND, 0, "no image %s", spec->image);
	*out = the_one;
	return 0;
}

static int
is_there(const struct careless *careless, const char *handle)
{
	return is(careless, "knows-all") ||
	       (the_one.state != 0 && strcmp(handle, the_one.handle) == 0);
}

static int
careless_signal(void *self, const char *handle, int signo, uint64_t deadline_ms,
		struct cube_error *err)
{
	const struct careless *careless = self;

	(void)deadline_ms;
	if (!is_there(careless, handle))
		return cube_fail(err, CUBE_ERR_NOT_FOUND, 0, "no container %s", handle);
	if (signo == SIGKILL) {
		the_one.state = CUBE_CONTAINER_EXITED;
		the_one.exit_code = 128 + SIGKILL;
		the_one.finished_ms = is(careless, "never-finished") ? 0 : 2;
	}
	return 0;
}

static int
careless_remove(void *self, const char *handle, uint64_t deadline_ms, struct cube_error *err)
{
	const struct careless *careless = self;

	(void)deadline_ms;
	if (!is_there(careless, handle))
		return is(careless, "remove-strict") ? cube_fail(err, CUBE_ERR_NOT_FOUND, 0,
								 "no container %s", handle)
						     : 0;
	if (the_one.state == CUBE_CONTAINER_RUNNING && !is(careless, "removes-running"))
		return cube_fail(err, CUBE_ERR_CONFLICT, 0, "%s runs", handle);
	if (!is(careless, "removes-not"))
		the_one.state = 0;
	return 0;
}

static int
careless_inspect(void *self, const char *handle, uint64_t deadline_ms,
		 struct cube_container *out, struct cube_error *err)
{
	const struct careless *careless = self;

	(void)deadline_ms;
	if (!is_there(careless, handle))
		return cube_fail(err,
				 is(careless, "absent-invalid") ? CUBE_ERR_INTERNAL
								: CUBE_ERR_NOT_FOUND,
				 0, "no container %s", handle);
	*out = the_one;
	if (the_one.state == 0) {
		out->state = CUBE_CONTAINER_RUNNING;
		(void)snprintf(out->handle, sizeof(out->handle), "%s", handle);
	}
	return 0;
}

static int
careless_list(void *self, uint64_t deadline_ms,
	      int (*visit)(void *ctx, const struct cube_container *c), void *ctx,
	      struct cube_error *err)
{
	const struct careless *careless = self;
	struct cube_container other = {.struct_size = sizeof(other),
				       .state = CUBE_CONTAINER_RUNNING,
				       .handle = "of-another"};

	(void)deadline_ms;
	(void)err;
	if (the_one.state != 0 && !is(careless, "lists-nothing"))
		(void)visit(ctx, &the_one);
	if (is(careless, "lists-others"))
		(void)visit(ctx, &other);
	return 0;
}

static const struct cube_option careless_options[] = {
	{"mode", "sound", "which promise to break"},
	{NULL, NULL, NULL},
};

static const struct cube_runtime_ops careless_ops = {
	.struct_size = sizeof(careless_ops),
	.max_parallel = 4,
	.open = careless_open,
	.close = careless_close,
	.start = careless_start,
	.stop = careless_stop,
	.probe = careless_probe,
	.run = careless_run,
	.signal = careless_signal,
	.remove = careless_remove,
	.inspect = careless_inspect,
	.list = careless_list,
};

const struct cube_plugin cube_plugin = {
	CUBE_PLUGIN_HEADER(CUBE_PLUGIN_RUNTIME),
	.name = "careless",
	.version = "1",
	.summary = "pretends to run a task",
	.options = careless_options,
	.ops.runtime = &careless_ops,
};
