/* create.c - writes the body of POST /containers/create (Docker Engine API 1.44,
 * ContainerCreate). Pure. [any]
 *
 * The engine never restarts a container by itself: that is the manager's decision.
 * Memory and swap get one limit together, so that a task cannot evade it by swapping.
 * The labels of ownership are written from what we know, whatever the task's labels say.
 */
#include "create.h"

#include "base/json.h"

#include <ctype.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>

#define ID8            8
#define NAME_PART      63
#define MCPU_MIN       10 /* the engine's least: 0.01 of a CPU */
#define NANO_PER_MCPU  1000000
#define PORT_TEXT_SIZE 16

bool
create_on_host(const struct docker *docker)
{
	return strcmp(docker->network, "host") == 0;
}

static bool
has_network(const struct docker *docker)
{
	return !create_on_host(docker) && strcmp(docker->network, "none") != 0;
}

void
create_name(const struct cube_task_spec *spec, char out[CREATE_NAME_SIZE])
{
	(void)snprintf(out, CREATE_NAME_SIZE, "%.*s-%.*s-%u", NAME_PART, spec->name, ID8,
		       spec->task_id, spec->attempt);
	if (!isalnum((unsigned char)out[0]))
		out[0] = 'c';
	for (char *p = out; *p != '\0'; p++)
		if ((unsigned char)*p >= 0x80 ||
		    (!isalnum((unsigned char)*p) && strchr("_.-", *p) == NULL))
			*p = '-';
}

static void
port_key(const struct cube_port *port, char out[PORT_TEXT_SIZE])
{
	(void)snprintf(out, PORT_TEXT_SIZE, "%u/%s", port->container_port,
		       port->protocol == IPPROTO_UDP ? "udp" : "tcp");
}

static bool
same_port(const struct cube_port *a, const struct cube_port *b)
{
	return a->container_port == b->container_port && a->protocol == b->protocol;
}

/* Is ports[i] the first of its container port? An object has each key once. */
static bool
is_first(const struct cube_task_spec *spec, uint32_t i)
{
	for (uint32_t k = 0; k < i; k++)
		if (same_port(&spec->ports[k], &spec->ports[i]))
			return false;
	return true;
}

static void
write_texts(struct json_writer *writer, const char *key, const char *const *texts)
{
	if (texts == NULL)
		return;
	json_key(writer, key);
	json_begin_array(writer);
	for (; *texts != NULL; texts++)
		json_text(writer, *texts);
	json_end_array(writer);
}

static bool
is_ours(const char *key)
{
	static const char *const ours[] = {"cube.worker", "cube.task", "cube.attempt",
					   "cube.name", CREATE_PORTS_LABEL};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strcmp(key, ours[i]) == 0)
			return true;
	return false;
}

static void
write_ports_label(struct json_writer *writer, const struct cube_task_spec *spec)
{
	char text[CUBE_PORTS_MAX * PORT_TEXT_SIZE];
	char key[PORT_TEXT_SIZE];
	size_t used = 0;

	for (uint32_t i = 0; i < spec->port_count && used + PORT_TEXT_SIZE < sizeof(text);
	     i++) {
		if (!is_first(spec, i))
			continue;
		port_key(&spec->ports[i], key);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
					 used == 0 ? "" : " ", key);
	}
	if (used > 0)
		json_put_text(writer, CREATE_PORTS_LABEL, text);
}

static void
write_labels(const struct docker *docker, const struct cube_task_spec *spec,
	     struct json_writer *writer)
{
	char attempt[16];

	(void)snprintf(attempt, sizeof(attempt), "%u", spec->attempt);
	json_key(writer, "Labels");
	json_begin_object(writer);
	json_put_text(writer, "cube.worker", docker->host->identity);
	json_put_text(writer, "cube.task", spec->task_id);
	json_put_text(writer, "cube.attempt", attempt);
	json_put_text(writer, "cube.name", spec->name);
	if (create_on_host(docker))
		write_ports_label(writer, spec);
	for (uint32_t i = 0; i < spec->label_count; i++)
		if (!is_ours(spec->labels[i].key))
			json_put_text(writer, spec->labels[i].key, spec->labels[i].value);
	json_end_object(writer);
}

static void
write_exposed(const struct cube_task_spec *spec, struct json_writer *writer)
{
	char key[PORT_TEXT_SIZE];

	json_key(writer, "ExposedPorts");
	json_begin_object(writer);
	for (uint32_t i = 0; i < spec->port_count; i++) {
		if (!is_first(spec, i))
			continue;
		port_key(&spec->ports[i], key);
		json_key(writer, key);
		json_begin_object(writer);
		json_end_object(writer);
	}
	json_end_object(writer);
}

static void
write_bindings(const struct cube_task_spec *spec, struct json_writer *writer)
{
	char text[PORT_TEXT_SIZE];

	json_key(writer, "PortBindings");
	json_begin_object(writer);
	for (uint32_t i = 0; i < spec->port_count; i++) {
		if (!is_first(spec, i))
			continue;
		port_key(&spec->ports[i], text);
		json_key(writer, text);
		json_begin_array(writer);
		for (uint32_t k = i; k < spec->port_count; k++) {
			const struct cube_port *port = &spec->ports[k];

			if (!same_port(port, &spec->ports[i]))
				continue;
			text[0] = '\0'; /* the engine picks */
			if (port->host_port != 0)
				(void)snprintf(text, sizeof(text), "%u", port->host_port);
			json_begin_object(writer);
			json_put_text(writer, "HostIp", port->host_ip);
			json_put_text(writer, "HostPort", text);
			json_end_object(writer);
		}
		json_end_array(writer);
	}
	json_end_object(writer);
}

static void
write_host(const struct docker *docker, const struct cube_task_spec *spec,
	   struct json_writer *writer)
{
	json_key(writer, "HostConfig");
	json_begin_object(writer);
	json_put_text(writer, "NetworkMode", docker->network);
	json_key(writer, "RestartPolicy");
	json_begin_object(writer);
	json_put_text(writer, "Name", "no");
	json_end_object(writer);
	json_key(writer, "SecurityOpt");
	json_begin_array(writer);
	json_text(writer, "no-new-privileges");
	json_end_array(writer);
	if (spec->memory_bytes > 0) {
		json_put_int(writer, "Memory", spec->memory_bytes);
		json_put_int(writer, "MemorySwap", spec->memory_bytes);
	}
	if (spec->mcpu > 0) {
		int64_t mcpu = spec->mcpu < MCPU_MIN ? MCPU_MIN : spec->mcpu;

		/* Far more than any machine has: the engine says so better than we. */
		if (mcpu > INT64_MAX / NANO_PER_MCPU)
			mcpu = INT64_MAX / NANO_PER_MCPU;
		json_put_int(writer, "NanoCpus", mcpu * NANO_PER_MCPU);
	}
	if (has_network(docker) && spec->port_count > 0)
		write_bindings(spec, writer);
	json_end_object(writer);
}

int
create_body(const struct docker *docker, const struct cube_task_spec *spec, struct buf *out,
	    struct cube_error *err)
{
	struct json_writer *writer = json_writer_new(out, false);

	if (writer == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "no memory for a container");
	json_begin_object(writer);
	json_put_text(writer, "Image", spec->image);
	write_texts(writer, "Entrypoint", spec->entrypoint);
	write_texts(writer, "Cmd", spec->args);
	write_texts(writer, "Env", spec->env);
	write_labels(docker, spec, writer);
	if (has_network(docker) && spec->port_count > 0)
		write_exposed(spec, writer);
	write_host(docker, spec, writer);
	json_end_object(writer);
	json_writer_free(writer);
	if (out->failed)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "the task's description is too large for the engine");
	return 0;
}
