/* shell/fleet_book.c - see fleet_book.h.
 *
 * The book's worker refuses members that it does not know, so a Task is sent with the
 * book's own; what it has none for (arguments, environment) is sent only if the task has
 * it, and refused there rather than left out in silence: the end of that task, of no other. Its
 * answers carry no revisions: the brain takes them for what they are, a list. Runs on the http
 * client's thread.
 */
#include "shell/fleet_book.h"

#include "base/clock.h"

#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATS_LIMIT_BYTES ((size_t)1 << 20)
#define EVENT_LIMIT_BYTES ((size_t)4 << 20)

static const char *const json_fields[] = {"Content-Type: application/json", NULL};
static const char *const no_fields[] = {NULL};

/* ---- hello: GET /stats ---- */

static void
capacity_read(const struct json_doc *doc, struct node_info *info)
{
	const struct json_value *memory = json_get(doc->root, "MemStats");
	const struct json_value *disk = json_get(doc->root, "DiskStats");
	struct cube_error err;
	int64_t memory_kib = 0;
	int64_t disk_bytes = 0;

	/* What is missing or odd is not known, which limits nothing. */
	(void)json_read_int(doc, json_get(memory, "mem_total"), 0, INT64_MAX / 1024,
			    &memory_kib, &err);
	(void)json_read_int(doc, json_get(disk, "all"), 0, INT64_MAX, &disk_bytes, &err);
	info->memory_bytes = memory_kib * 1024;
	info->disk_bytes = disk_bytes;
}

static void
stats_done(struct http_call *call)
{
	struct fleet_call *exchange = (struct fleet_call *)(void *)call;
	struct node_info *info = &exchange->answer->info;
	cleanup_json struct json_doc doc = {0};
	struct cube_error err;

	if (call->error.code != 0) {
		fleet_call_fault(exchange, call->error.code, call->error.message);
		return;
	}
	if (call->status != 200 ||
	    json_parse(buf_text(&call->response), call->response.size, &doc, &err) != 0 ||
	    json_get(doc.root, "TaskCount") == NULL) {
		fleet_call_fault(
			exchange, CUBE_ERR_INVALID,
			"what answers there is no worker, neither cube's nor the book's");
		return;
	}
	capacity_read(&doc, info);
	memcpy(info->api, exchange->effect->api, sizeof(info->api));
	info->runtime_ready = true;
	info->cpu_busy = NAN;
	if (call->response.size < NODE_STATS_MAX)
		info->stats = node_text_new(call->response.data, call->response.size);
	exchange->answer->book = true;
	exchange->answer->status = 200;
	fleet_call_answer(exchange);
}

void
fleet_book_hello(struct fleet_call *exchange)
{
	struct http_call *call = &exchange->call;

	(void)snprintf(call->url, sizeof(call->url), "%s/stats", exchange->effect->api);
	call->fields = no_fields;
	call->limit_bytes = STATS_LIMIT_BYTES;
	call->done = stats_done;
	http_client_call(exchange->client, call);
}

/* ---- orders: a TaskEvent or a DELETE each ---- */

static void
put_ports(struct json_writer *writer, const struct task_spec *spec, bool bindings)
{
	json_key(writer, bindings ? "PortBindings" : "ExposedPorts");
	json_begin_object(writer);
	for (uint32_t i = 0; i < spec->port_count; i++) {
		const struct task_port *port = &spec->ports[i];
		char key[16];
		char host[8];

		(void)snprintf(key, sizeof(key), "%u/%s", port->container_port,
			       port->protocol == IPPROTO_UDP ? "udp" : "tcp");
		(void)snprintf(host, sizeof(host), "%u", port->host_port);
		if (bindings && port->host_port == 0)
			continue;
		json_key(writer, key);
		if (bindings) {
			json_text(writer, host);
		} else {
			json_begin_object(writer);
			json_end_object(writer);
		}
	}
	json_end_object(writer);
}

static void
put_list(struct json_writer *writer, const char *name, const char *const *items)
{
	if (items == NULL)
		return;
	json_key(writer, name);
	json_begin_array(writer);
	for (; *items != NULL; items++)
		json_text(writer, *items);
	json_end_array(writer);
}

static void
put_task(struct json_writer *writer, const struct order *order)
{
	const struct task_spec *spec = order->spec;

	json_begin_object(writer);
	json_put_text(writer, "ID", order->task_id);
	json_put_text(writer, "Name", spec->name);
	json_put_int(writer, "State", TASK_SCHEDULED);
	json_put_text(writer, "Image", spec->image);
	json_put_real(writer, "Cpu", (double)spec->mcpu / 1000);
	json_put_int(writer, "Memory", spec->memory_bytes);
	json_put_int(writer, "Disk", spec->disk_bytes);
	put_ports(writer, spec, false);
	put_ports(writer, spec, true);
	json_put_text(writer, "RestartPolicy", "");
	json_put_text(writer, "HealthCheck", spec->health_check);
	json_put_int(writer, "RestartCount", (int64_t)order->attempt - 1);
	put_list(writer, "Entrypoint", spec->entrypoint);
	put_list(writer, "Cmd", spec->args);
	put_list(writer, "Env", spec->env);
	json_end_object(writer);
}

static bool
event_prepare(struct http_call *call)
{
	const struct fleet_call *exchange = (const struct fleet_call *)(const void *)call;
	const struct order *order = &exchange->effect->orders.items[exchange->next];
	cleanup_buf struct buf body = BUF_INIT(EVENT_LIMIT_BYTES);
	struct json_writer *writer = json_writer_new(&body, false);
	char now[TIMESTAMP_SIZE];
	char id[ID_SIZE];
	uint8_t bytes[16];

	if (writer == NULL)
		return false;
	clock_random(bytes, sizeof(bytes));
	id_from_random(bytes, id);
	timestamp_format(clock_now().wall_ms, now);
	json_begin_object(writer);
	json_put_text(writer, "ID", id);
	json_put_int(writer, "State", TASK_WANTED_RUN);
	json_put_text(writer, "Timestamp", now);
	json_key(writer, "Task");
	put_task(writer, order);
	json_end_object(writer);
	json_writer_free(writer);
	call->body = buf_take(&body, &call->body_size);
	return call->body != NULL;
}

/* A stop of what is gone already has what it wants. */
static bool
is_done(const struct order *order, int status)
{
	if (order->wanted == TASK_WANTED_STOP)
		return status == 204 || status == 200 || status == 404;
	return status == 201 || status == 200;
}

/* This task it will never take, however often it is sent. 404 and 405 speak of the address,
 * 408 and 429 of the time. */
static bool
is_refused(const struct order *order, int status)
{
	return order->wanted == TASK_WANTED_RUN && status >= 400 && status < 500 &&
	       status != 404 && status != 405 && status != 408 && status != 429;
}

/* What becomes of a task that is refused is reported as the worker itself would report
 * its end. */
static bool
report_refused(struct fleet_call *exchange, const struct order *order)
{
	struct manager_message *answer = exchange->answer;
	struct reports *reports = &answer->reports;
	struct report *report;

	if (reports->items == NULL)
		reports->items =
			calloc(exchange->effect->orders.count, sizeof(*reports->items));
	if (reports->items == NULL)
		return false;
	fleet_call_reason(exchange);
	report = &reports->items[reports->count++];
	memcpy(report->task_id, order->task_id, sizeof(report->task_id));
	report->status.state = TASK_FAILED;
	report->status.wanted = TASK_WANTED_RUN;
	report->status.attempt = order->attempt;
	report->status.finish_ms = clock_now().wall_ms;
	task_reason(&report->status, "the worker refuses it: %s", answer->reason);
	answer->reason[0] = '\0';
	return true;
}

static void
order_done(struct http_call *call)
{
	struct fleet_call *exchange = (struct fleet_call *)(void *)call;
	const struct order *order = &exchange->effect->orders.items[exchange->next];

	if (call->error.code != 0) {
		fleet_call_fault(exchange, call->error.code, call->error.message);
		return;
	}
	if (!is_done(order, call->status) &&
	    !(is_refused(order, call->status) && report_refused(exchange, order))) {
		exchange->answer->status = call->status;
		fleet_call_reason(exchange);
		fleet_call_answer(exchange);
		return;
	}
	exchange = fleet_call_next(exchange);
	exchange->next++;
	fleet_book_orders(exchange);
}

void
fleet_book_orders(struct fleet_call *exchange)
{
	const struct orders *orders = &exchange->effect->orders;
	struct http_call *call = &exchange->call;
	const struct order *order;

	if (exchange->next == orders->count) {
		exchange->answer->status = 200;
		fleet_call_answer(exchange);
		return;
	}
	order = &orders->items[exchange->next];
	call->done = order_done;
	if (order->wanted == TASK_WANTED_STOP) {
		call->method = "DELETE";
		call->fields = no_fields;
		(void)snprintf(call->url, sizeof(call->url), "%s/tasks/%s",
			       exchange->effect->api, order->task_id);
	} else {
		call->method = "POST";
		call->fields = json_fields;
		call->prepare = event_prepare;
		(void)snprintf(call->url, sizeof(call->url), "%s/tasks", exchange->effect->api);
	}
	http_client_call(exchange->client, call);
}
