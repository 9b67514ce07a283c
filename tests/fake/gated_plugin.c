/* tests/fake/gated_plugin.c - the process runtime behind gates: a call waits for as long as
 * the gate of its name is shut, deadline or not.
 *
 * A gate is a file: GATES/run shuts run, and so on for probe, list, inspect, signal, remove;
 * GATES/run-TEXT shuts it for tasks whose name, and GATES/signal-TEXT for containers whose
 * handle, contains TEXT. All else is the real plugin's, which is loaded from the option real.
 */
#include <cube/runtime.h>

#include <dirent.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS_MAX 32

static struct {
	void *library;
	const struct cube_runtime_ops *ops;
	char gates[1024];
	const char *options[OPTIONS_MAX];
} real;

/* A gate of that call that is shut for that name. */
static bool
is_shut(const char *call, const char *name)
{
	DIR *folder = opendir(real.gates);
	size_t length = strlen(call);
	struct dirent *entry;
	bool shut = false;

	if (folder == NULL)
		return false;
	while (!shut && (entry = readdir(folder)) != NULL) {
		const char *rest = entry->d_name + length;

		if (strncmp(entry->d_name, call, length) != 0)
			continue;
		shut = *rest == '\0' || (*rest == '-' && strstr(name, rest + 1) != NULL);
	}
	(void)closedir(folder);
	return shut;
}

static void
pass(const char *call, const char *name)
{
	while (is_shut(call, name))
		(void)usleep(20000);
}

static int
gated_open(const struct cube_host *host, const char *const *options, void **self,
	   struct cube_error *err)
{
	const struct cube_plugin *plugin;

	(void)snprintf(real.gates, sizeof(real.gates), "%s", options[1]);
	real.library = dlopen(options[2], RTLD_NOW | RTLD_LOCAL);
	plugin = real.library == NULL ? NULL : dlsym(real.library, "cube_plugin");
	if (plugin == NULL)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "no plugin %s", options[2]);
	real.ops = plugin->ops.runtime;
	for (size_t i = 0; plugin->options[i].key != NULL && i < OPTIONS_MAX - 1; i++)
		real.options[i] = strcmp(plugin->options[i].key, "dir") == 0
					  ? options[0]
					  : plugin->options[i].default_value;
	return real.ops->open(host, real.options, self, err);
}

static void
gated_close(void *self)
{
	real.ops->close(self);
}

static int
gated_start(void *self, const struct cube_runtime_events *events, struct cube_error *err)
{
	return real.ops->start(self, events, err);
}

static void
gated_stop(void *self)
{
	real.ops->stop(self);
}

static int
gated_probe(void *self, uint64_t deadline_ms, uint32_t *enforces, struct cube_error *err)
{
	pass("probe", "");
	return real.ops->probe(self, deadline_ms, enforces, err);
}

static int
gated_run(void *self, const struct cube_task_spec *spec, uint64_t deadline_ms,
	  struct cube_container *out, struct cube_error *err)
{
	pass("run", spec->name);
	return real.ops->run(self, spec, deadline_ms, out, err);
}

static int
gated_signal(void *self, const char *handle, int signo, uint64_t deadline_ms,
	     struct cube_error *err)
{
	pass("signal", handle);
	return real.ops->signal(self, handle, signo, deadline_ms, err);
}

static int
gated_remove(void *self, const char *handle, uint64_t deadline_ms, struct cube_error *err)
{
	pass("remove", handle);
	return real.ops->remove(self, handle, deadline_ms, err);
}

static int
gated_inspect(void *self, const char *handle, uint64_t deadline_ms, struct cube_container *out,
	      struct cube_error *err)
{
	pass("inspect", handle);
	return real.ops->inspect(self, handle, deadline_ms, out, err);
}

static int
gated_list(void *self, uint64_t deadline_ms,
	   int (*visit)(void *ctx, const struct cube_container *container), void *ctx,
	   struct cube_error *err)
{
	pass("list", "");
	return real.ops->list(self, deadline_ms, visit, ctx, err);
}

static int
gated_logs(void *self, const char *handle, const struct cube_log_request *request,
	   struct cube_error *err)
{
	return real.ops->logs(self, handle, request, err);
}

static const struct cube_option gated_options[] = {
	{"dir", NULL, "the real plugin's"},
	{"gates", NULL, "folder of the gates"},
	{"real", NULL, "the real plugin's file"},
	{NULL, NULL, NULL},
};

static const struct cube_runtime_ops gated_ops = {
	.struct_size = sizeof(gated_ops),
	.max_parallel = 4,
	.open = gated_open,
	.close = gated_close,
	.start = gated_start,
	.stop = gated_stop,
	.probe = gated_probe,
	.run = gated_run,
	.signal = gated_signal,
	.remove = gated_remove,
	.inspect = gated_inspect,
	.list = gated_list,
	.logs = gated_logs,
};

const struct cube_plugin cube_plugin = {
	CUBE_PLUGIN_HEADER(CUBE_PLUGIN_RUNTIME),
	.name = "gated",
	.version = "1",
	.summary = "the process runtime, with gates that can be shut",
	.options = gated_options,
	.ops.runtime = &gated_ops,
};
