/* plugin/runtime.c - what a container runtime is to the core.
 *
 * Owns the plugin's self and nothing else, so its functions may run on as many threads as
 * the plugin allows. Answers for the optional functions, and checks every container that
 * comes back: what passes here goes into the journal and onto the wire as it is. [any]
 * unless cube/runtime.h says [loop].
 */
#include "plugin/runtime.h"

#include "base/utf8.h"
#include "plugin/outcome.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct runtime {
	struct cube_runtime_ops ops;
	void *self;
	char *name;
};

/* One list under way. */
struct listing {
	const char *runtime;
	int (*visit)(void *ctx, const struct cube_container *container);
	void *ctx;
	bool ended; /* the visitor has seen enough */
	int result; /* of a check */
	struct cube_error *err;
};

static const char *
missing_function(const struct cube_runtime_ops *ops)
{
	if (ops->open == NULL)
		return "open";
	if (ops->close == NULL)
		return "close";
	if (ops->start == NULL && ops->stop != NULL)
		return "start (beside stop)";
	if (ops->start != NULL && ops->stop == NULL)
		return "stop (beside start)";
	if (ops->probe == NULL)
		return "probe";
	if (ops->run == NULL)
		return "run";
	if (ops->signal == NULL)
		return "signal";
	if (ops->remove == NULL)
		return "remove";
	if (ops->inspect == NULL)
		return "inspect";
	if (ops->list == NULL)
		return "list";
	return NULL;
}

int
runtime_ops_read(const struct cube_runtime_ops *theirs, struct cube_runtime_ops *ops,
		 struct cube_error *err)
{
	const size_t least = offsetof(struct cube_runtime_ops, logs) + sizeof(ops->logs);
	const char *missing;

	if (outcome_copy("struct cube_runtime_ops", theirs, ops, sizeof(*ops), least, err) != 0)
		return err->code;
	missing = missing_function(ops);
	if (missing != NULL)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "the required function %s of a runtime is missing", missing);
	return 0;
}

int
runtime_open(const char *name, const struct cube_runtime_ops *ops, const struct cube_host *host,
	     const char *const *options, struct runtime **out, struct cube_error *err)
{
	struct runtime *runtime = calloc(1, sizeof(*runtime));

	if (runtime == NULL || (runtime->name = strdup(name)) == NULL) {
		free(runtime);
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "%s: out of memory", name);
	}
	if (runtime_ops_read(ops, &runtime->ops, err) == 0) {
		outcome_expect(err);
		if (outcome_of(name, "open",
			       runtime->ops.open(host, options, &runtime->self, err),
			       err) == 0) {
			*out = runtime;
			return 0;
		}
	}
	free(runtime->name);
	free(runtime);
	return err->code;
}

void
runtime_close(struct runtime *runtime)
{
	if (runtime == NULL)
		return;
	runtime->ops.close(runtime->self);
	free(runtime->name);
	free(runtime);
}

const char *
runtime_name(const struct runtime *runtime)
{
	return runtime->name;
}

uint32_t
runtime_max_parallel(const struct runtime *runtime)
{
	return runtime->ops.max_parallel > 0 ? runtime->ops.max_parallel : 1;
}

bool
runtime_has_events(const struct runtime *runtime)
{
	return runtime->ops.start != NULL;
}

bool
runtime_has_logs(const struct runtime *runtime)
{
	return runtime->ops.logs != NULL;
}

int
runtime_start(struct runtime *runtime, const struct cube_runtime_events *events,
	      struct cube_error *err)
{
	if (runtime->ops.start == NULL)
		return 0;
	outcome_expect(err);
	return outcome_of(runtime->name, "start",
			  runtime->ops.start(runtime->self, events, err), err);
}

void
runtime_stop(struct runtime *runtime)
{
	if (runtime->ops.stop != NULL)
		runtime->ops.stop(runtime->self);
}

int
runtime_probe(struct runtime *runtime, uint64_t deadline_ms, uint32_t *enforces,
	      struct cube_error *err)
{
	uint32_t held = 0;
	int result;

	outcome_expect(err);
	result = runtime->ops.probe(runtime->self, deadline_ms, &held, err);
	if (outcome_of(runtime->name, "probe", result, err) != 0)
		return err->code;
	*enforces = held;
	return 0;
}

int
runtime_prepare(struct runtime *runtime, const struct cube_task_spec *spec,
		uint64_t deadline_ms, cube_progress *progress, void *ctx,
		struct cube_error *err)
{
	if (runtime->ops.prepare == NULL)
		return 0;
	outcome_expect(err);
	return outcome_of(
		runtime->name, "prepare",
		runtime->ops.prepare(runtime->self, spec, deadline_ms, progress, ctx, err),
		err);
}

/* Ends within its array, and is UTF-8. */
static bool
is_text(const char *text, size_t array_size)
{
	const char *end = memchr(text, '\0', array_size);

	return end != NULL &&
	       utf8_valid_prefix(text, (size_t)(end - text)) == (size_t)(end - text);
}

/* The engine's words are passed on, not believed: bytes that are no UTF-8 are cut off. */
static void
mend_reason(struct cube_container *container)
{
	size_t size = strnlen(container->reason, sizeof(container->reason) - 1);

	container->reason[utf8_valid_prefix(container->reason, size)] = '\0';
}

static int
check_ports(const char *runtime, const char *function, const struct cube_container *container,
	    struct cube_error *err)
{
	if (container->port_count > CUBE_PORTS_MAX)
		return outcome_broken(runtime, err, "%s gave %u ports, of at most %d", function,
				      container->port_count, CUBE_PORTS_MAX);
	for (uint32_t i = 0; i < container->port_count; i++) {
		const struct cube_port *port = &container->ports[i];

		if (port->container_port == 0 ||
		    (port->protocol != IPPROTO_TCP && port->protocol != IPPROTO_UDP) ||
		    !is_text(port->host_ip, sizeof(port->host_ip)))
			return outcome_broken(runtime, err, "%s gave port %u: %u, protocol %u",
					      function, i, port->container_port,
					      port->protocol);
	}
	return 0;
}

static int
check_container(const char *runtime, const char *function, struct cube_container *container,
		struct cube_error *err)
{
	if (!is_text(container->handle, sizeof(container->handle)) ||
	    container->handle[0] == '\0')
		return outcome_broken(runtime, err, "%s gave a container without a handle",
				      function);
	if (!is_text(container->task_id, sizeof(container->task_id)) ||
	    !is_text(container->cluster, sizeof(container->cluster)))
		return outcome_broken(runtime, err, "%s gave %.64s with ids that are no text",
				      function, container->handle);
	if (container->state < CUBE_CONTAINER_CREATED ||
	    container->state > CUBE_CONTAINER_EXITED)
		return outcome_broken(runtime, err, "%s gave %.64s in state %u", function,
				      container->handle, container->state);
	if (container->state == CUBE_CONTAINER_EXITED &&
	    (container->exit_code < 0 || container->exit_code > 255))
		return outcome_broken(runtime, err, "%s gave %.64s with exit code %d", function,
				      container->handle, container->exit_code);
	mend_reason(container);
	return check_ports(runtime, function, container, err);
}

int
runtime_run(struct runtime *runtime, const struct cube_task_spec *spec, uint64_t deadline_ms,
	    struct cube_container *out, struct cube_error *err)
{
	struct cube_container made = {.struct_size = sizeof(made)};
	int result;

	outcome_expect(err);
	result = runtime->ops.run(runtime->self, spec, deadline_ms, &made, err);
	if (outcome_of(runtime->name, "run", result, err) != 0 ||
	    check_container(runtime->name, "run", &made, err) != 0)
		return err->code;
	if (strcmp(made.task_id, spec->task_id) != 0 || made.attempt != spec->attempt)
		return outcome_broken(runtime->name, err,
				      "run of task %.40s attempt %u gave task %.40s attempt %u",
				      spec->task_id, spec->attempt, made.task_id, made.attempt);
	made.struct_size = sizeof(made);
	*out = made;
	return 0;
}

int
runtime_signal(struct runtime *runtime, const char *handle, int signo, uint64_t deadline_ms,
	       struct cube_error *err)
{
	outcome_expect(err);
	return outcome_of(runtime->name, "signal",
			  runtime->ops.signal(runtime->self, handle, signo, deadline_ms, err),
			  err);
}

int
runtime_remove(struct runtime *runtime, const char *handle, uint64_t deadline_ms,
	       struct cube_error *err)
{
	outcome_expect(err);
	return outcome_of(runtime->name, "remove",
			  runtime->ops.remove(runtime->self, handle, deadline_ms, err), err);
}

int
runtime_inspect(struct runtime *runtime, const char *handle, uint64_t deadline_ms,
		struct cube_container *out, struct cube_error *err)
{
	struct cube_container seen = {.struct_size = sizeof(seen)};
	int result;

	outcome_expect(err);
	result = runtime->ops.inspect(runtime->self, handle, deadline_ms, &seen, err);
	if (outcome_of(runtime->name, "inspect", result, err) != 0 ||
	    check_container(runtime->name, "inspect", &seen, err) != 0)
		return err->code;
	seen.struct_size = sizeof(seen);
	*out = seen;
	return 0;
}

static int
list_visit(void *ctx, const struct cube_container *theirs)
{
	const size_t least = offsetof(struct cube_container, ports) + sizeof(theirs->ports);
	struct listing *listing = ctx;
	struct cube_container container;

	/* A plugin that goes on after it was told to end. */
	if (listing->ended || listing->result != 0)
		return 1;
	listing->result = outcome_copy("a struct cube_container of list", theirs, &container,
				       sizeof(container), least, listing->err);
	if (listing->result != 0)
		listing->result = outcome_broken(listing->runtime, listing->err,
						 "list gave a container of %u bytes",
						 theirs->struct_size);
	else
		listing->result =
			check_container(listing->runtime, "list", &container, listing->err);
	if (listing->result != 0)
		return 1;
	container.struct_size = sizeof(container);
	listing->ended = listing->visit(listing->ctx, &container) != 0;
	return listing->ended ? 1 : 0;
}

int
runtime_list(struct runtime *runtime, uint64_t deadline_ms,
	     int (*visit)(void *ctx, const struct cube_container *container), void *ctx,
	     struct cube_error *err)
{
	struct cube_error list_err;
	struct listing listing = {
		.runtime = runtime->name,
		.visit = visit,
		.ctx = ctx,
		.err = err,
	};
	int result;

	outcome_expect(&list_err);
	result = runtime->ops.list(runtime->self, deadline_ms, list_visit, &listing, &list_err);
	if (listing.result != 0)
		return listing.result;
	if (outcome_of(runtime->name, "list", result, &list_err) != 0) {
		*err = list_err;
		return err->code;
	}
	return 0;
}

int
runtime_logs(struct runtime *runtime, const char *handle,
	     const struct cube_log_request *request, struct cube_error *err)
{
	if (runtime->ops.logs == NULL)
		return cube_fail(err, CUBE_ERR_UNSUPPORTED, 0, "the runtime %s keeps no logs",
				 runtime->name);
	outcome_expect(err);
	return outcome_of(runtime->name, "logs",
			  runtime->ops.logs(runtime->self, handle, request, err), err);
}
