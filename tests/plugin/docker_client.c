/* docker_client.c - loads and opens docker.so for the tests beside it. */
#include "docker_client.h"

#include <dlfcn.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t
client_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t
client_in(uint64_t ms)
{
	return client_now() + ms;
}

static uint64_t
now_ms(void *ctx)
{
	(void)ctx;
	return client_now();
}

static void
quiet(void *ctx, int level, const char *message)
{
	(void)ctx;
	(void)level;
	(void)message;
}

static uint64_t
no_chance(void *ctx)
{
	(void)ctx;
	return 4;
}

static void *
plain_realloc(void *ctx, void *p, size_t size)
{
	(void)ctx;
	if (size == 0) {
		free(p);
		return NULL;
	}
	return realloc(p, size);
}

/* BUILD/tests/plugin/X_test -> BUILD/plugins/runtime/docker.so */
static void
load(struct client *client)
{
	char path[4096];
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 64);

	if (size < 0)
		abort();
	path[size] = '\0';
	for (int i = 0; i < 3; i++)
		*strrchr(path, '/') = '\0';
	memcpy(path + strlen(path), "/plugins/runtime/docker.so",
	       sizeof("/plugins/runtime/docker.so"));
	client->dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (client->dl == NULL) {
		(void)fprintf(stderr, "%s\n", dlerror());
		abort();
	}
	client->plugin = dlsym(client->dl, "cube_plugin");
	if (client->plugin == NULL)
		abort();
	client->ops = client->plugin->ops.runtime;
}

static void
set_option(struct client *client, const char *key, const char *value)
{
	const struct cube_option *table = client->plugin->options;
	size_t i = 0;

	while (table[i].key != NULL && strcmp(table[i].key, key) != 0)
		i++;
	if (table[i].key == NULL) {
		(void)fprintf(stderr, "docker.so has no option %s\n", key);
		abort();
	}
	client->options[i] = value;
}

int
client_open(struct client *client, struct cube_error *err, ...)
{
	const char *key;
	va_list args;
	int rc;

	memset(client, 0, sizeof(*client));
	load(client);
	client->host = (struct cube_host){
		.struct_size = sizeof(client->host),
		.abi_minor = CUBE_ABI_MINOR,
		.identity = CLIENT_WORKER,
		.log = quiet,
		.now_ms = now_ms,
		.random = no_chance,
		.realloc = plain_realloc,
	};
	for (size_t i = 0; client->plugin->options[i].key != NULL; i++)
		client->options[i] = client->plugin->options[i].default_value;
	va_start(args, err);
	while ((key = va_arg(args, const char *)) != NULL)
		set_option(client, key, va_arg(args, const char *));
	va_end(args);
	rc = client->ops->open(&client->host, client->options, &client->self, err);
	if (rc != 0)
		(void)dlclose(client->dl);
	return rc;
}

void
client_close(struct client *client)
{
	client->ops->close(client->self);
	(void)dlclose(client->dl);
}

void
client_task(struct client_task *task, const char *const *args)
{
	size_t i = 0;

	memset(task, 0, sizeof(*task));
	for (; args != NULL && args[i] != NULL && i + 1 < 8; i++)
		task->args[i] = args[i];
	task->labels[0] = (struct cube_label){"cube.cluster", CLIENT_CLUSTER};
	task->labels[1] = (struct cube_label){"cube.worker", CLIENT_WORKER};
	task->labels[2] = (struct cube_label){"cube.task", CLIENT_TASK};
	task->labels[3] = (struct cube_label){"cube.attempt", "1"};
	task->labels[4] = (struct cube_label){"cube.name", "web"};
	task->labels[5] = (struct cube_label){"tier", "front \"end\""};
	task->spec = (struct cube_task_spec){
		.struct_size = sizeof(task->spec),
		.attempt = 1,
		.label_count = 6,
		.task_id = CLIENT_TASK,
		.name = "web",
		.image = CLIENT_IMAGE,
		.args = i == 0 ? NULL : task->args,
		.ports = task->ports,
		.labels = task->labels,
	};
}
