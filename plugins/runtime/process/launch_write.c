/* launch_write.c - what a supervisor is told: program, arguments, environment.
 *
 * The environment is clean: what the task gave, and, where it gave none of that name,
 * PATH, HOME (its working directory), CUBE_TASK_ID, CUBE_TASK_NAME, CUBE_ATTEMPT,
 * CUBE_WORKER and PORT_N, the host port of container port N. A program without a
 * slash is looked up in the task's PATH.
 */
#include "launch.h"

#include "base/cleanup.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_PATH  "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define ENV_BYTES_MAX (8u << 20) /* far over what the kernel takes */

/* NULL: the task gives no such variable. */
static const char *
task_env(const struct cube_task_spec *spec, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; spec->env != NULL && spec->env[i] != NULL; i++) {
		if (strncmp(spec->env[i], name, length) == 0 && spec->env[i][length] == '=')
			return spec->env[i] + length + 1;
	}
	return NULL;
}

static bool
is_executable(const char *path, int *reason)
{
	struct stat st;

	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	if (access(path, X_OK) == 0)
		return true;
	*reason = EACCES;
	return false;
}

static int
search_path(const char *name, const char *path, char **out, struct cube_error *err)
{
	int reason = ENOENT;

	for (const char *at = path; *at != '\0';) {
		size_t length = strcspn(at, ":");
		cleanup_free char *candidate = NULL;

		if (asprintf(&candidate, "%.*s/%s", (int)length, at, name) < 0) {
			candidate = NULL;
			return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "no memory for a path");
		}
		/* The working directory is new and empty: folders relative to it are too. */
		if (at[0] == '/' && is_executable(candidate, &reason)) {
			*out = TAKE(candidate);
			return 0;
		}
		at += length;
		at += *at == ':';
	}
	return cube_fail(err, CUBE_ERR_INVALID, reason, "exec %s: %s in PATH (%.100s)", name,
			 reason == EACCES ? "not executable" : "no such program", path);
}

int
launch_find_program(const struct cube_task_spec *spec, char **out, struct cube_error *err)
{
	bool replaced = spec->entrypoint != NULL && spec->entrypoint[0] != NULL;
	const char *name = replaced ? spec->entrypoint[0] : spec->image;
	const char *path = task_env(spec, "PATH");

	if (name[0] == '\0')
		return cube_fail(err, CUBE_ERR_INVALID, 0, "the name of the program is empty");
	if (strchr(name, '/') == NULL)
		return search_path(name, path == NULL ? DEFAULT_PATH : path, out, err);
	if (name[0] != '/')
		return cube_fail(
			err, CUBE_ERR_INVALID, 0,
			"exec %.100s: give an absolute path, or a name that is in PATH", name);
	*out = strdup(name);
	if (*out == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "no memory for a path");
	return 0;
}

static void
put_text(struct buf *out, const char *text)
{
	buf_append(out, text, strlen(text) + 1);
}

static void
put_number(struct buf *out, uint64_t number)
{
	buf_printf(out, "%llu", (unsigned long long)number);
	buf_append(out, "", 1);
}

struct environment {
	const struct cube_task_spec *spec;
	struct buf text;
	uint64_t count;
};

/* What the task has set itself stays as it is. */
static void
env_default(struct environment *env, const char *name, const char *value)
{
	if (task_env(env->spec, name) != NULL)
		return;
	buf_printf(&env->text, "%s=%s", name, value);
	buf_append(&env->text, "", 1);
	env->count++;
}

static void
env_ports(struct environment *env, const struct cube_port *ports)
{
	for (uint32_t i = 0; i < env->spec->port_count; i++) {
		bool doubled = false;
		char name[32];
		char value[16];

		for (uint32_t k = 0; k < i; k++)
			doubled |= ports[k].container_port == ports[i].container_port;
		/* The same port for tcp and udp: the second has its protocol in its name. */
		(void)snprintf(name, sizeof(name), "PORT_%u%s",
			       (unsigned)ports[i].container_port,
			       !doubled                           ? ""
			       : ports[i].protocol == IPPROTO_UDP ? "_UDP"
								  : "_TCP");
		(void)snprintf(value, sizeof(value), "%u", (unsigned)ports[i].host_port);
		env_default(env, name, value);
	}
}

static int
put_environment(const struct process *self, const struct cube_task_spec *spec, const char *home,
		const struct cube_port *ports, struct buf *out, struct cube_error *err)
{
	struct environment env = {.spec = spec, .text = BUF_INIT(ENV_BYTES_MAX)};
	char attempt[16];

	(void)snprintf(attempt, sizeof(attempt), "%u", (unsigned)spec->attempt);
	env_default(&env, "PATH", DEFAULT_PATH);
	env_default(&env, "HOME", home);
	env_default(&env, "CUBE_TASK_ID", spec->task_id);
	env_default(&env, "CUBE_TASK_NAME", spec->name);
	env_default(&env, "CUBE_ATTEMPT", attempt);
	env_default(&env, "CUBE_WORKER", self->host->identity);
	env_ports(&env, ports);
	for (size_t i = 0; spec->env != NULL && spec->env[i] != NULL; i++) {
		if (strchr(spec->env[i], '=') == NULL || spec->env[i][0] == '=') {
			buf_release(&env.text);
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "Env[%zu] is not of the form NAME=value", i);
		}
		put_text(&env.text, spec->env[i]);
		env.count++;
	}
	put_number(out, env.count);
	buf_append(out, env.text.data, env.text.size);
	if (env.text.failed)
		out->failed = true;
	buf_release(&env.text);
	return 0;
}

static void
put_arguments(const struct cube_task_spec *spec, struct buf *out)
{
	bool replaced = spec->entrypoint != NULL && spec->entrypoint[0] != NULL;
	uint64_t count = replaced ? 0 : 1;

	for (size_t i = 0; replaced && spec->entrypoint[i] != NULL; i++)
		count++;
	for (size_t i = 0; spec->args != NULL && spec->args[i] != NULL; i++)
		count++;
	put_number(out, count);
	if (!replaced)
		put_text(out, spec->image);
	for (size_t i = 0; replaced && spec->entrypoint[i] != NULL; i++)
		put_text(out, spec->entrypoint[i]);
	for (size_t i = 0; spec->args != NULL && spec->args[i] != NULL; i++)
		put_text(out, spec->args[i]);
}

int
launch_write(const struct process *self, const struct cube_task_spec *spec,
	     const struct handle *handle, const char *program, const struct cube_port *ports,
	     const struct cgroup_dirs *cgroups, struct buf *out, struct cube_error *err)
{
	cleanup_free char *home = NULL;

	if (asprintf(&home, "%s/containers/%s/" WORK_FOLDER, self->root, handle->text) < 0) {
		home = NULL;
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "no memory for a path");
	}
	put_text(out, LAUNCH_MAGIC);
	buf_printf(out, "%s/containers/%s", self->root, handle->text);
	buf_append(out, "", 1);
	put_number(out, self->settings.log_bytes);
	put_number(out, self->has_user ? 1 : 0);
	put_number(out, self->uid);
	put_number(out, self->gid);
	put_text(out, program);
	put_number(out, cgroups->count);
	for (uint32_t i = 0; i < cgroups->count; i++) {
		char kind[2] = {cgroups->dirs[i].kind, '\0'};

		put_text(out, kind);
		put_text(out, cgroups->dirs[i].path);
	}
	put_arguments(spec, out);
	if (put_environment(self, spec, home, ports, out, err) != 0)
		return err->code;
	if (out->failed)
		return cube_fail(err, CUBE_ERR_INVALID, E2BIG,
				 "arguments and environment are larger than %u bytes",
				 ENV_BYTES_MAX);
	return 0;
}
