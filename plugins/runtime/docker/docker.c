/* docker.c - docker.so: tasks as containers of a Docker Engine, or of Podman's socket.
 *
 * This file is the plugin's face: descriptor, options, open and close. http.c carries
 * bytes, engine.c agrees on a version and reads refusals, image.c with auth.c and
 * helper.c gets images, create.c writes and container.c reads what describes a container,
 * run.c does the calls of one, events.c and logs.c follow the two streams. What each
 * refusal of the engine means to the core stands at the head of run.c and image.c.
 */
#include "docker.h"

#include "base/cleanup.h"
#include "events.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <sys/un.h>

#define DEFAULT_SOCKET "/var/run/docker.sock"
#define UNIX_SCHEME    "unix://"
#define MAX_PARALLEL   8 /* a tenth more than four give; more only wait inside the engine */

enum option_index {
	OPTION_SOCKET,
	OPTION_PULL,
	OPTION_NETWORK,
	OPTION_CONFIG
};

static const struct cube_option options_table[] = {
	[OPTION_SOCKET] =
		{"socket", "",
		 "the engine's Unix socket (default: $DOCKER_HOST, else " DEFAULT_SOCKET ")"},
	[OPTION_PULL] = {"pull", "missing",
			 "when to pull a task's image: always, missing, never"},
	[OPTION_NETWORK] = {"network", "bridge",
			    "the tasks' network: bridge, host, none, or the name of one"},
	[OPTION_CONFIG] = {"config", "",
			   "Docker's file of registry credentials (default: "
			   "$DOCKER_CONFIG/config.json, else ~/.docker/config.json)"},
	{NULL, NULL, NULL},
};

/* A path, or unix:// and a path, to the path. */
static int
socket_path(const char *text, const char *source, const char **path, struct cube_error *err)
{
	struct sockaddr_un address;

	if (strncmp(text, UNIX_SCHEME, strlen(UNIX_SCHEME)) == 0)
		text += strlen(UNIX_SCHEME);
	if (text[0] != '/')
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "%s is \"%s\": only a Unix socket will do, as "
				 "unix:///var/run/docker.sock or its absolute path",
				 source, text);
	if (strlen(text) >= sizeof(address.sun_path))
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "%s: the path of a Unix socket has at most %zu bytes, not %zu",
				 source, sizeof(address.sun_path) - 1, strlen(text));
	*path = text;
	return 0;
}

static int
find_socket(const char *option, const char **path, struct cube_error *err)
{
	const char *host;

	if (option[0] != '\0')
		return socket_path(option, "socket", path, err);
	host = getenv("DOCKER_HOST");
	if (host != NULL && host[0] != '\0')
		return socket_path(host, "$DOCKER_HOST", path, err);
	*path = DEFAULT_SOCKET;
	return 0;
}

static int
parse_pull(const char *text, enum pull_policy *out, struct cube_error *err)
{
	static const char *const names[] = {
		[PULL_MISSING] = "missing", [PULL_ALWAYS] = "always", [PULL_NEVER] = "never"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			*out = (enum pull_policy)i;
			return 0;
		}
	}
	return cube_fail(err, CUBE_ERR_INVALID, 0,
			 "pull is \"%s\"; it can be always, missing or never", text);
}

/* container:ID is a network mode too, but ties a task to another. */
static int
check_network(const char *text, struct cube_error *err)
{
	bool ok = isalnum((unsigned char)text[0]) != 0;

	for (const char *p = text; *p != '\0' && ok; p++)
		ok = isalnum((unsigned char)*p) || strchr("_.-", *p) != NULL;
	if (ok)
		return 0;
	return cube_fail(err, CUBE_ERR_INVALID, 0,
			 "network is \"%s\"; it can be bridge, host, none or the name of a "
			 "network ([a-zA-Z0-9][a-zA-Z0-9_.-]*)",
			 text);
}

/* malloced; NULL without errno: there is no place to look. */
static char *
find_config(const char *option)
{
	const char *folder = getenv("DOCKER_CONFIG");
	const char *home = getenv("HOME");
	char *path = NULL;
	int length = 0;

	errno = 0;
	if (option[0] != '\0')
		return strdup(option);
	if (folder != NULL && folder[0] != '\0')
		length = asprintf(&path, "%s/config.json", folder);
	else if (home != NULL && home[0] != '\0')
		length = asprintf(&path, "%s/.docker/config.json", home);
	if (length >= 0)
		return path;
	errno = ENOMEM;
	return NULL;
}

static int
check_config(const char *option, struct cube_error *err)
{
	if (option[0] == '\0' || access(option, R_OK) == 0)
		return 0;
	return cube_fail(err, CUBE_ERR_INVALID, errno, "config is %s, which cannot be read: %s",
			 option, strerror(errno));
}

static void
docker_free(struct docker *docker)
{
	if (docker == NULL)
		return;
	engine_free(docker->engine);
	free(docker->network);
	free(docker->config);
	free(docker);
}

static int
docker_open(const struct cube_host *host, const char *const *options, void **self,
	    struct cube_error *err)
{
	struct docker *docker;
	enum pull_policy pull = PULL_MISSING;
	const char *socket = NULL;

	if (find_socket(options[OPTION_SOCKET], &socket, err) != 0 ||
	    parse_pull(options[OPTION_PULL], &pull, err) != 0 ||
	    check_network(options[OPTION_NETWORK], err) != 0 ||
	    check_config(options[OPTION_CONFIG], err) != 0)
		return err->code;
	/* Counted: where the program has done it already, this only counts up. */
	if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "libcurl cannot be set up");
	docker = calloc(1, sizeof(*docker));
	if (docker != NULL) {
		docker->host = host;
		docker->pull = pull;
		docker->network = strdup(options[OPTION_NETWORK]);
		docker->engine = engine_new(host, socket);
		docker->config = find_config(options[OPTION_CONFIG]);
	}
	if (docker == NULL || docker->network == NULL || docker->engine == NULL ||
	    (docker->config == NULL && errno != 0)) {
		docker_free(docker);
		curl_global_cleanup();
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "no memory for the runtime");
	}
	*self = docker;
	return 0;
}

static void
docker_close(void *self)
{
	docker_free(self);
	curl_global_cleanup();
}

static int
docker_start(void *self, const struct cube_runtime_events *listener, struct cube_error *err)
{
	struct docker *docker = self;

	return events_start(docker->host, docker->engine, listener, &docker->events, err);
}

static void
docker_stop(void *self)
{
	struct docker *docker = self;

	events_stop(docker->events);
	docker->events = NULL;
}

static int
docker_probe(void *self, uint64_t deadline_ms, uint32_t *enforces, struct cube_error *err)
{
	struct docker *docker = self;
	int rc = engine_ping(docker->engine, deadline_ms, err);

	if (rc != 0)
		return rc;
	return engine_enforces(docker->engine, deadline_ms, enforces, err);
}

static const struct cube_runtime_ops docker_ops = {
	.struct_size = sizeof(docker_ops),
	.max_parallel = MAX_PARALLEL,
	.open = docker_open,
	.close = docker_close,
	.start = docker_start,
	.stop = docker_stop,
	.probe = docker_probe,
	.prepare = image_prepare,
	.run = run_run,
	.signal = run_signal,
	.remove = run_remove,
	.inspect = run_inspect,
	.list = run_list,
	.logs = logs_walk,
};

CUBE_EXPORT const struct cube_plugin cube_plugin = {
	CUBE_PLUGIN_HEADER(CUBE_PLUGIN_RUNTIME),
	.name = "docker",
	.version = CUBE_VERSION,
	.summary = "containers of a Docker Engine, or of Podman's compatible socket",
	.options = options_table,
	.ops.runtime = &docker_ops,
};
