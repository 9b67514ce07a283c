/* model/codec_health.c - health checks: {"Http": "/path", "Port": "80/tcp"} or {"Tcp":
 * "80/tcp"}, with Interval, Timeout, Threshold, StartPeriod; or the book's short form, a path
 * alone.
 *
 * A check goes to the host port of one of the task's own TCP ports, the lowest unless another
 * is named, so a check that could never reach anything is refused when it is submitted.
 * Pure, owns nothing. [any]
 */
#include "model/codec_health.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#define INTERVAL_DEFAULT_S 10
#define TIMEOUT_DEFAULT_S  2
#define THRESHOLD_DEFAULT  3
#define DAY_S              86400
#define NO_PORT            "needs a TCP port to ask: name it in ExposedPorts, such as {\"80/tcp\": {}}"

/* The object before its meaning is checked. */
struct health_draft {
	struct task_health health;
	const char *http;
	const char *tcp;
	const char *port;
};

#define AT(member)        offsetof(struct health_draft, member)
#define IN_HEALTH(member) offsetof(struct health_draft, health.member)

static const struct field health_fields[] = {
	{"Http", read_text, AT(http), 0, 0, NULL},
	{"Tcp", read_text, AT(tcp), 0, 0, NULL},
	{"Port", read_text, AT(port), 0, 0, NULL},
	{"Interval", read_u32, IN_HEALTH(interval_s), 1, DAY_S, "seconds"},
	{"Timeout", read_u32, IN_HEALTH(timeout_s), 1, 3600, "seconds"},
	{"Threshold", read_u32, IN_HEALTH(threshold), 1, 1000, NULL},
	{"StartPeriod", read_u32, IN_HEALTH(start_period_s), 0, DAY_S, "seconds"},
};

static const struct field_table health_table = FIELD_TABLE("a Health", health_fields);

static bool
is_path(const char *text)
{
	const char *at;

	if (*text != '/')
		return false;
	for (at = text; *at != '\0'; at++) {
		if ((unsigned char)*at <= ' ' || *at == 0x7f)
			return false;
	}
	return true;
}

/* The lowest TCP port, or the one of this text ("80/tcp"); 0: none such. */
static uint16_t
find_port(const struct port_draft *ports, const char *text)
{
	uint32_t i;

	for (i = 0; i < ports->count; i++) {
		char one[PORT_TEXT_SIZE];

		if (ports->ports[i].protocol != IPPROTO_TCP)
			continue;
		port_format(ports->ports[i].container_port, IPPROTO_TCP, one);
		if (text == NULL || strcmp(one, text) == 0)
			return ports->ports[i].container_port;
	}
	return 0;
}

static int
check_long(const struct json_doc *doc, const struct json_value *object,
	   const struct port_draft *ports, struct health_draft *draft, struct cube_error *err)
{
	struct task_health *health = &draft->health;
	const char *wanted;

	if ((draft->http == NULL) == (draft->tcp == NULL))
		return json_fail(doc, object, err,
				 "must have one of Http (a path) and Tcp (a port)");
	if (draft->http != NULL && !is_path(draft->http))
		return fail_wanted(doc, json_get(object, "Http"), err,
				   "a path without spaces, such as \"/health\"");
	if (draft->tcp != NULL && draft->port != NULL)
		return json_fail(doc, json_get(object, "Port"), err,
				 "goes with Http; with Tcp the port is its value");
	health->kind = draft->http != NULL ? HEALTH_HTTP : HEALTH_TCP;
	health->path = draft->http != NULL ? draft->http : "";
	wanted = draft->tcp != NULL ? draft->tcp : draft->port;
	health->port = find_port(ports, wanted);
	if (health->port == 0 && wanted == NULL)
		return json_fail(doc, object, err, "%s", NO_PORT);
	if (health->port == 0)
		return fail_wanted(doc, json_get(object, draft->tcp != NULL ? "Tcp" : "Port"),
				   err,
				   "a TCP port of this task, named in ExposedPorts such as "
				   "{\"80/tcp\": {}}");
	return 0;
}

static int
read_short(const struct json_doc *doc, const struct json_value *task, enum codec_mode mode,
	   const struct port_draft *ports, const char *path, struct task_health *out,
	   struct cube_error *err)
{
	if (!is_path(path))
		return fail_wanted(doc, json_get(task, "HealthCheck"), err,
				   "\"\" (none) or a path without spaces, such as \"/health\"");
	out->port = find_port(ports, NULL);
	if (out->port != 0) {
		out->kind = HEALTH_HTTP;
		out->path = path;
	} else if (mode == CODEC_STRICT) {
		return json_fail(doc, json_get(task, "HealthCheck"), err, "%s", NO_PORT);
	}
	return 0;
}

int
health_read(const struct json_doc *doc, const struct json_value *task, enum codec_mode mode,
	    const struct port_draft *ports, const char *health_check, struct task_health *out,
	    struct cube_error *err)
{
	const struct json_value *object = json_get(task, "Health");
	struct health_draft draft = {.health = {.path = "",
						.interval_s = INTERVAL_DEFAULT_S,
						.timeout_s = TIMEOUT_DEFAULT_S,
						.threshold = THRESHOLD_DEFAULT}};
	int rc;

	*out = draft.health;
	if (object == NULL || object->type == JSON_NULL ||
	    (object->type == JSON_OBJECT && object->count == 0))
		return *health_check == '\0'
			       ? 0
			       : read_short(doc, task, mode, ports, health_check, out, err);
	if (*health_check != '\0')
		return json_fail(doc, object, err,
				 "and HealthCheck are two forms of one thing");
	rc = fields_read(doc, object, mode, &health_table, &draft, err);
	if (rc == 0)
		rc = check_long(doc, object, ports, &draft, err);
	if (rc == 0)
		*out = draft.health;
	return rc;
}

void
health_write(struct json_writer *writer, const struct task_health *health)
{
	char port[PORT_TEXT_SIZE];

	port_format(health->port, IPPROTO_TCP, port);
	json_begin_object(writer);
	if (health->kind == HEALTH_HTTP) {
		json_put_text(writer, "Http", health->path);
		json_put_text(writer, "Port", port);
	} else {
		json_put_text(writer, "Tcp", port);
	}
	if (health->interval_s != INTERVAL_DEFAULT_S)
		json_put_uint(writer, "Interval", health->interval_s);
	if (health->timeout_s != TIMEOUT_DEFAULT_S)
		json_put_uint(writer, "Timeout", health->timeout_s);
	if (health->threshold != THRESHOLD_DEFAULT)
		json_put_uint(writer, "Threshold", health->threshold);
	if (health->start_period_s != 0)
		json_put_uint(writer, "StartPeriod", health->start_period_s);
	json_end_object(writer);
}
