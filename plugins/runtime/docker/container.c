/* container.c - reads the engine's JSON about containers. Pure; trusts nothing: a member
 * that is missing, of another type or out of range is taken as not there. [any]
 */
#include "container.h"

#include "base/timestamp.h"
#include "create.h"

#include <ctype.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static void
copy_text(char *out, size_t size, const char *text)
{
	if (text != NULL && strlen(text) < size)
		(void)snprintf(out, size, "%s", text);
}

bool
container_handle_ok(const char *handle)
{
	size_t size = strlen(handle);

	if (size >= CUBE_HANDLE_SIZE || !isalnum((unsigned char)handle[0]))
		return false;
	for (size_t i = 0; i < size; i++)
		if (!isalnum((unsigned char)handle[i]) && strchr("_.-", handle[i]) == NULL)
			return false;
	return true;
}

const char *
container_label(const struct json_value *inspected, const char *key)
{
	return engine_text(json_get(json_get(inspected, "Config"), "Labels"), key);
}

/* Docker's words, and Podman's own. */
static enum cube_container_state
state_of(const char *status)
{
	static const char *const running[] = {"running", "paused", "restarting", "stopping"};
	static const char *const created[] = {"created", "configured", "initialized"};

	for (size_t i = 0; i < sizeof(running) / sizeof(running[0]); i++)
		if (strcmp(status, running[i]) == 0)
			return CUBE_CONTAINER_RUNNING;
	for (size_t i = 0; i < sizeof(created) / sizeof(created[0]); i++)
		if (strcmp(status, created[i]) == 0)
			return CUBE_CONTAINER_CREATED;
	return CUBE_CONTAINER_EXITED; /* exited, dead, removing, stopped */
}

static bool
is_going(const char *status)
{
	return strcmp(status, "removing") == 0 || strcmp(status, "dead") == 0;
}

/* The engine's way to say that it never was. */
static bool
is_no_time(const char *text)
{
	return text != NULL && strncmp(text, "0001-01-01T", 11) == 0;
}

static void
read_owner(const struct json_value *labels, struct cube_container *out)
{
	const char *attempt = engine_text(labels, "cube.attempt");
	unsigned long number;
	char *end;

	copy_text(out->task_id, sizeof(out->task_id), engine_text(labels, "cube.task"));
	copy_text(out->cluster, sizeof(out->cluster), engine_text(labels, "cube.cluster"));
	if (attempt == NULL || !isdigit((unsigned char)attempt[0]))
		return;
	number = strtoul(attempt, &end, 10);
	if (*end == '\0' && number <= UINT32_MAX)
		out->attempt = (uint32_t)number;
}

static int
read_handle(const struct json_value *object, struct cube_container *out, struct cube_error *err)
{
	const char *id = engine_text(object, "Id");

	if (id == NULL || !container_handle_ok(id))
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0,
				 "the engine describes a container without an id");
	copy_text(out->handle, sizeof(out->handle), id);
	return 0;
}

/* ---- ports ---- */

/* "80", at most 65535; 0: it is none. */
static uint16_t
read_port(const char *text, const char *until)
{
	unsigned long number;
	char *end;

	if (text == NULL || !isdigit((unsigned char)text[0]))
		return 0;
	number = strtoul(text, &end, 10);
	if (strncmp(end, until, strlen(until)) != 0 || number > UINT16_MAX)
		return 0;
	return (uint16_t)number;
}

/* "80/tcp" */
static bool
read_port_key(const char *text, struct cube_port *port)
{
	const char *slash = strchr(text, '/');

	memset(port, 0, sizeof(*port));
	port->container_port = read_port(text, "/");
	if (slash == NULL || port->container_port == 0)
		return false;
	if (strncmp(slash, "/tcp", 4) == 0)
		port->protocol = IPPROTO_TCP;
	else if (strncmp(slash, "/udp", 4) == 0)
		port->protocol = IPPROTO_UDP;
	return port->protocol != 0;
}

static void
add_port(struct cube_container *out, const struct cube_port *port)
{
	/* One on all IPv4 and one on all IPv6 addresses are one to the core. */
	for (uint32_t i = 0; i < out->port_count; i++)
		if (out->ports[i].container_port == port->container_port &&
		    out->ports[i].protocol == port->protocol &&
		    out->ports[i].host_port == port->host_port &&
		    strcmp(out->ports[i].host_ip, port->host_ip) == 0)
			return;
	if (out->port_count < CUBE_PORTS_MAX)
		out->ports[out->port_count++] = *port;
}

static void
read_bindings(const struct json_value *ports, struct cube_container *out)
{
	const struct json_value *key;
	const struct json_value *binding;
	struct cube_port port;
	const char *host_ip;

	if (ports == NULL || ports->type != JSON_OBJECT)
		return;
	for (key = ports->as.first; key != NULL; key = key->next) {
		if (key->type != JSON_ARRAY || !read_port_key(key->key, &port))
			continue;
		for (binding = key->as.first; binding != NULL; binding = binding->next) {
			port.host_port = read_port(engine_text(binding, "HostPort"), "");
			host_ip = engine_text(binding, "HostIp");
			port.host_ip[0] = '\0';
			if (host_ip != NULL && strcmp(host_ip, "0.0.0.0") != 0 &&
			    strcmp(host_ip, "::") != 0)
				copy_text(port.host_ip, sizeof(port.host_ip), host_ip);
			if (port.host_port != 0)
				add_port(out, &port);
		}
	}
}

/* The label of a container on the machine's own network: they are what they are. */
static void
read_host_ports(const char *text, struct cube_container *out)
{
	struct cube_port port;

	while (text != NULL && *text != '\0') {
		if (read_port_key(text, &port)) {
			port.host_port = port.container_port;
			add_port(out, &port);
		}
		text = strchr(text, ' ');
		if (text != NULL)
			text++;
	}
}

/* ---- whole containers ---- */

static int64_t
read_time(const struct json_value *state, const char *key)
{
	const char *text = engine_text(state, key);
	int64_t wall_ms;

	if (text == NULL || timestamp_parse(text, &wall_ms) != 0 || wall_ms < 0)
		return 0;
	return wall_ms;
}

static void
read_end(const struct json_value *state, struct cube_container *out)
{
	const struct json_value *oom = json_get(state, "OOMKilled");
	const struct json_value *code = json_get(state, "ExitCode");

	out->oom_killed = oom != NULL && oom->type == JSON_BOOL && oom->as.boolean;
	out->finished_ms = read_time(state, "FinishedAt");
	/* Podman has been seen to end a short one before its start. */
	if (out->finished_ms != 0 && out->finished_ms < out->started_ms)
		out->finished_ms = out->started_ms;
	if (code == NULL || code->type != JSON_NUMBER || !code->as.number.is_integer)
		out->exit_code = 255; /* nothing is known of it: no success */
	else
		out->exit_code = (int32_t)(code->as.number.integer & 255);
}

int
container_read(const struct json_value *inspected, struct cube_container *out,
	       struct cube_error *err)
{
	const struct json_value *state = json_get(inspected, "State");
	const char *status = engine_text(state, "Status");
	const uint32_t struct_size = out->struct_size;
	struct cube_container found;
	const char *error;
	int rc;

	memset(&found, 0, sizeof(found));
	rc = read_handle(inspected, &found, err);
	if (rc != 0)
		return rc;
	if (status == NULL)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0,
				 "the engine does not say in which state container %.12s is",
				 found.handle);
	found.struct_size = struct_size;
	found.state = state_of(status);
	read_owner(json_get(json_get(inspected, "Config"), "Labels"), &found);
	found.started_ms = read_time(state, "StartedAt");
	if (is_going(status) && is_no_time(engine_text(state, "StartedAt")))
		found.state = CUBE_CONTAINER_CREATED; /* it has no end of its own */
	if (found.state == CUBE_CONTAINER_EXITED)
		read_end(state, &found);
	error = engine_text(state, "Error");
	if (error != NULL)
		engine_cut(found.reason, sizeof(found.reason), error, strlen(error));
	read_bindings(json_get(json_get(inspected, "NetworkSettings"), "Ports"), &found);
	read_host_ports(container_label(inspected, CREATE_PORTS_LABEL), &found);
	memcpy(out, &found, struct_size < sizeof(found) ? struct_size : sizeof(found));
	return 0;
}

int
container_read_listed(const struct json_value *entry, struct cube_container *out,
		      struct cube_error *err)
{
	const char *state = engine_text(entry, "State");
	int rc;

	memset(out, 0, sizeof(*out));
	out->struct_size = sizeof(*out);
	rc = read_handle(entry, out, err);
	if (rc != 0)
		return rc;
	if (state == NULL)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0,
				 "the engine does not say in which state container %.12s is",
				 out->handle);
	out->state = state_of(state);
	read_owner(json_get(entry, "Labels"), out);
	return 0;
}
