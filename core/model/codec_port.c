/* model/codec_port.c - ExposedPorts, PortBindings and HostPorts of the wire.
 *
 * What a task exposes and what it binds becomes one sorted list, so that the same ports
 * give the same specification however they were written. Docker's spellings are taken
 * too: "80" for "80/tcp", and a binding as a list of one address and port. Pure. [any]
 */
#include "model/codec_port.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PORT_WANTED "a port and its protocol, such as \"80/tcp\" or \"53/udp\""
#define HOST_WANTED "a host port as a text, such as \"8080\", or \"\" for any free one"

void
port_format(uint16_t port, uint16_t protocol, char out[PORT_TEXT_SIZE])
{
	(void)snprintf(out, PORT_TEXT_SIZE, "%u/%s", (unsigned)port,
		       protocol == IPPROTO_UDP ? "udp" : "tcp");
}

/* Reads 0..65535, moves *at past it. */
static bool
number_take(const char **at, uint16_t *out)
{
	const char *start = *at;
	unsigned value = 0;

	for (; **at >= '0' && **at <= '9' && *at - start < 5; (*at)++)
		value = value * 10 + (unsigned)(**at - '0');
	if (*at == start || value > UINT16_MAX)
		return false;
	*out = (uint16_t)value;
	return true;
}

static bool
port_parse(const char *text, uint16_t *port, uint16_t *protocol)
{
	if (!number_take(&text, port) || *port == 0)
		return false;
	if (*text == '\0' || strcasecmp(text, "/tcp") == 0)
		*protocol = IPPROTO_TCP;
	else if (strcasecmp(text, "/udp") == 0)
		*protocol = IPPROTO_UDP;
	else
		return false;
	return true;
}

static int
fail_port(const struct json_doc *doc, const struct json_value *member, struct cube_error *err)
{
	return json_fail(doc, member, err, "the name must be " PORT_WANTED);
}

static int
fail_count(const struct json_doc *doc, const struct json_value *value, struct cube_error *err)
{
	return json_fail(doc, value, err, "a task can have at most %d ports", TASK_PORTS_MAX);
}

static struct task_port *
port_find(struct port_draft *draft, uint16_t port, uint16_t protocol)
{
	uint32_t i;

	for (i = 0; i < draft->count; i++) {
		if (draft->ports[i].container_port == port &&
		    draft->ports[i].protocol == protocol)
			return &draft->ports[i];
	}
	return NULL;
}

/* ---- host ports asked for ---- */

static int
host_port_read(const struct json_doc *doc, const struct json_value *value, uint16_t *out,
	       struct cube_error *err)
{
	const char *text;

	*out = 0;
	if (value == NULL || value->type == JSON_NULL)
		return 0;
	if (value->type != JSON_STRING)
		return fail_wanted(doc, value, err, HOST_WANTED);
	text = value->as.string.text;
	if (*text != '\0' && (!number_take(&text, out) || *text != '\0'))
		return fail_wanted(doc, value, err, HOST_WANTED);
	return 0;
}

/* Docker's form: [{"HostIp": "", "HostPort": "8080"}]. */
static int
binding_list_read(const struct json_doc *doc, const struct json_value *value, uint16_t *out,
		  struct cube_error *err)
{
	const struct json_value *binding = value->count > 0 ? value->as.first : NULL;
	const struct json_value *address = json_get(binding, "HostIp");
	const char *text = "";
	int rc;

	*out = 0;
	if (binding == NULL)
		return 0;
	if (value->count > 1)
		return json_fail(doc, value, err,
				 "a port can be bound to one host port, not to %u",
				 (unsigned)value->count);
	if (binding->type != JSON_OBJECT)
		return fail_wanted(doc, binding, err, "an object with HostPort");
	rc = json_read_text(doc, address, &text, err);
	if (rc < 0)
		return rc;
	if (*text != '\0' && strcmp(text, "0.0.0.0") != 0)
		return fail_wanted(doc, address, err,
				   "\"\" or \"0.0.0.0\": ports are bound on all addresses");
	return host_port_read(doc, json_get(binding, "HostPort"), out, err);
}

static int
binding_add(const struct json_doc *doc, const struct json_value *member,
	    struct port_draft *draft, struct cube_error *err)
{
	struct task_port port;
	struct task_port *known;
	int rc;

	if (!port_parse(member->key, &port.container_port, &port.protocol))
		return fail_port(doc, member, err);
	if (port_find(draft, port.container_port, port.protocol) != NULL)
		return json_fail(doc, member, err, "this port is bound twice");
	rc = member->type == JSON_ARRAY ? binding_list_read(doc, member, &port.host_port, err)
					: host_port_read(doc, member, &port.host_port, err);
	if (rc < 0)
		return rc;
	for (known = draft->ports; known < draft->ports + draft->count; known++) {
		if (port.host_port != 0 && known->host_port == port.host_port &&
		    known->protocol == port.protocol)
			return json_fail(
				doc, member, err, "host port %u is bound to port %u already",
				(unsigned)port.host_port, (unsigned)known->container_port);
	}
	if (draft->count == TASK_PORTS_MAX)
		return fail_count(doc, member->parent, err);
	draft->ports[draft->count++] = port;
	return 0;
}

static int
exposed_add(const struct json_doc *doc, const struct json_value *member,
	    struct port_draft *draft, struct cube_error *err)
{
	uint16_t port, protocol;

	if (!port_parse(member->key, &port, &protocol))
		return fail_port(doc, member, err);
	if (member->type != JSON_NULL && (member->type != JSON_OBJECT || member->count > 0))
		return fail_wanted(doc, member, err,
				   "{}: host ports are given in PortBindings");
	if (port_find(draft, port, protocol) != NULL)
		return 0;
	if (draft->count == TASK_PORTS_MAX)
		return fail_count(doc, member->parent, err);
	draft->ports[draft->count++] =
		(struct task_port){.container_port = port, .protocol = protocol};
	return 0;
}

static int
port_compare(const void *left, const void *right)
{
	const struct task_port *a = left;
	const struct task_port *b = right;

	if (a->container_port != b->container_port)
		return a->container_port < b->container_port ? -1 : 1;
	return (int)a->protocol - (int)b->protocol;
}

int
ports_read(const struct json_doc *doc, const struct json_value *exposed,
	   const struct json_value *bindings, struct port_draft *out, struct cube_error *err)
{
	const struct json_value *member;
	int rc;

	out->count = 0;
	if (bindings != NULL) {
		if (bindings->type != JSON_OBJECT)
			return fail_wanted(doc, bindings, err,
					   "an object such as {\"80/tcp\": \"8080\"}");
		for (member = bindings->as.first; member != NULL; member = member->next) {
			rc = binding_add(doc, member, out, err);
			if (rc < 0)
				return rc;
		}
	}
	if (exposed != NULL) {
		if (exposed->type != JSON_OBJECT)
			return fail_wanted(doc, exposed, err,
					   "an object such as {\"80/tcp\": {}}");
		for (member = exposed->as.first; member != NULL; member = member->next) {
			rc = exposed_add(doc, member, out, err);
			if (rc < 0)
				return rc;
		}
	}
	if (out->count > 1)
		qsort(out->ports, out->count, sizeof(out->ports[0]), port_compare);
	return 0;
}

void
ports_write(struct json_writer *writer, const struct port_draft *draft)
{
	char text[PORT_TEXT_SIZE];
	char host[PORT_TEXT_SIZE];
	bool bound = false;
	uint32_t i;

	if (draft->count == 0)
		return;
	json_key(writer, "ExposedPorts");
	json_begin_object(writer);
	for (i = 0; i < draft->count; i++) {
		port_format(draft->ports[i].container_port, draft->ports[i].protocol, text);
		json_key(writer, text);
		json_begin_object(writer);
		json_end_object(writer);
		bound = bound || draft->ports[i].host_port != 0;
	}
	json_end_object(writer);
	if (!bound)
		return;
	json_key(writer, "PortBindings");
	json_begin_object(writer);
	for (i = 0; i < draft->count; i++) {
		if (draft->ports[i].host_port == 0)
			continue;
		port_format(draft->ports[i].container_port, draft->ports[i].protocol, text);
		(void)snprintf(host, sizeof(host), "%u", (unsigned)draft->ports[i].host_port);
		json_put_text(writer, text, host);
	}
	json_end_object(writer);
}

/* ---- host ports in use ---- */

static bool
same_port(const struct cube_port *a, const struct cube_port *b)
{
	return a->container_port == b->container_port && a->protocol == b->protocol;
}

/* All bindings of the port of ports[first]; nothing if an earlier one has written them. */
static void
bindings_write(struct json_writer *writer, const struct port_list *list, uint32_t first)
{
	const struct cube_port *port = &list->ports[first];
	char text[PORT_TEXT_SIZE];
	uint32_t i;

	for (i = 0; i < first; i++) {
		if (same_port(&list->ports[i], port))
			return;
	}
	port_format(port->container_port, port->protocol, text);
	json_key(writer, text);
	json_begin_array(writer);
	for (i = first; i < list->count; i++) {
		const struct cube_port *other = &list->ports[i];

		if (!same_port(other, port))
			continue;
		(void)snprintf(text, sizeof(text), "%u", (unsigned)other->host_port);
		json_begin_object(writer);
		json_put_text(writer, "HostIp",
			      other->host_ip[0] != '\0' ? other->host_ip : "0.0.0.0");
		json_put_text(writer, "HostPort", text);
		json_end_object(writer);
	}
	json_end_array(writer);
}

void
host_ports_write(struct json_writer *writer, const struct port_list *list)
{
	uint32_t i;

	if (list == NULL || list->count == 0) {
		json_null(writer);
		return;
	}
	json_begin_object(writer);
	for (i = 0; i < list->count; i++)
		bindings_write(writer, list, i);
	json_end_object(writer);
}

static int
host_binding_read(const struct json_doc *doc, const struct json_value *value,
		  struct cube_port *out, struct cube_error *err)
{
	const char *address = "";
	int rc;

	if (value->type != JSON_OBJECT)
		return fail_wanted(doc, value, err, "an object with HostIp and HostPort");
	rc = json_read_text(doc, json_get(value, "HostIp"), &address, err);
	if (rc == 0)
		rc = host_port_read(doc, json_get(value, "HostPort"), &out->host_port, err);
	if (rc < 0)
		return rc;
	if (strlen(address) >= sizeof(out->host_ip))
		return json_fail(doc, value, err, "HostIp is too long for an address");
	/* All addresses, which is "" among ourselves. */
	if (strcmp(address, "0.0.0.0") == 0)
		address = "";
	memcpy(out->host_ip, address, strlen(address) + 1);
	return 0;
}

/* Docker says null for a port that is exposed and bound nowhere. */
static int
host_port_list_read(const struct json_doc *doc, const struct json_value *member,
		    struct cube_port *ports, uint32_t *count, struct cube_error *err)
{
	struct cube_port port = {0};
	const struct json_value *binding;

	if (!port_parse(member->key, &port.container_port, &port.protocol))
		return fail_port(doc, member, err);
	if (member->type == JSON_NULL)
		return 0;
	if (member->type != JSON_ARRAY)
		return fail_wanted(doc, member, err, "an array of host addresses and ports");
	for (binding = member->as.first; binding != NULL; binding = binding->next) {
		int rc = host_binding_read(doc, binding, &port, err);

		if (rc < 0)
			return rc;
		if (*count == TASK_PORTS_MAX)
			return fail_count(doc, member->parent, err);
		ports[(*count)++] = port;
	}
	return 0;
}

int
read_host_ports(const struct reading *in, const struct json_value *value, void *at,
		struct cube_error *err)
{
	struct cube_port ports[TASK_PORTS_MAX];
	struct port_list *list = NULL;
	const struct json_value *member;
	uint32_t count = 0;

	if (value->type != JSON_OBJECT)
		return fail_wanted(in->doc, value, err, "an object of lists of host ports");
	for (member = value->as.first; member != NULL; member = member->next) {
		int rc = host_port_list_read(in->doc, member, ports, &count, err);

		if (rc < 0)
			return rc;
	}
	if (count > 0) {
		list = port_list_new(ports, count);
		if (list == NULL)
			return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	}
	port_list_put(*(struct port_list **)at);
	*(struct port_list **)at = list;
	return 0;
}
