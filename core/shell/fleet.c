/* shell/fleet.c - see fleet.h.
 *
 * Owns an effect from fleet_send on, inside its call. Orders are encoded and answers decoded
 * on the http client's thread, so that the brain's only hands over pointers. What a worker
 * answers is a stranger's text: bounded and checked; what does not fit is a fault of that
 * exchange.
 */
#include "shell/fleet.h"

#include "shell/fleet_book.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 5000
#define HELLO_LIMIT_BYTES  ((size_t)1 << 20)
#define ANSWER_LIMIT_BYTES ((size_t)64 << 10)
#define POLL_LIMIT_BYTES   ((size_t)256 << 20)
#define ORDERS_LIMIT_BYTES ((size_t)1 << 30)

static const char *const plain_fields[] = {"Cube-Protocol: 1", NULL};
static const char *const json_fields[] = {"Cube-Protocol: 1", "Content-Type: application/json",
					  NULL};

/* ---- an exchange ---- */

static void
exchange_free(struct http_call *call)
{
	struct fleet_call *exchange = (struct fleet_call *)(void *)call;

	if (exchange->effect != NULL)
		manager_effect_free(&exchange->effect->item);
	manager_message_free(exchange->answer);
	http_call_release(call);
	free(exchange);
}

static enum manager_message_kind
answer_kind(enum manager_effect_kind kind)
{
	switch (kind) {
	case MANAGER_EFFECT_HELLO:
		return MANAGER_HELLO_DONE;
	case MANAGER_EFFECT_ORDERS:
		return MANAGER_ORDERS_DONE;
	case MANAGER_EFFECT_POLL:
	case MANAGER_EFFECT_REPLY:
	case MANAGER_EFFECT_FORGET:
	default:
		return MANAGER_POLL_DONE;
	}
}

struct fleet_call *
fleet_call_new(struct http_client *client, struct loop *loop, struct manager_effect *effect,
	       struct manager_message *answer)
{
	struct fleet_call *exchange =
		(struct fleet_call *)(void *)http_call_new(sizeof(*exchange));

	if (answer == NULL)
		answer = manager_message_new(answer_kind(effect->kind));
	if (exchange == NULL || answer == NULL)
		abort();
	exchange->client = client;
	exchange->loop = loop;
	exchange->effect = effect;
	exchange->answer = answer;
	answer->contact = effect->contact;
	answer->book = effect->book;
	answer->orders_sequence = effect->orders.sequence;
	exchange->call.tag = effect->contact;
	exchange->call.fields = plain_fields;
	exchange->call.timeout_ms = effect->timeout_ms;
	exchange->call.connect_timeout_ms = effect->timeout_ms < CONNECT_TIMEOUT_MS
						    ? effect->timeout_ms
						    : CONNECT_TIMEOUT_MS;
	exchange->call.limit_bytes = ANSWER_LIMIT_BYTES;
	exchange->call.free = exchange_free;
	return exchange;
}

void
fleet_call_answer(struct fleet_call *exchange)
{
	struct manager_message *answer = exchange->answer;

	exchange->answer = NULL;
	loop_post_answer(exchange->loop, &answer->message);
	exchange_free(&exchange->call);
}

void
fleet_call_fault(struct fleet_call *exchange, int fault, const char *reason)
{
	exchange->answer->fault = fault;
	exchange->answer->status = 0;
	(void)snprintf(exchange->answer->reason, sizeof(exchange->answer->reason), "%s",
		       reason);
	fleet_call_answer(exchange);
}

void
fleet_call_reason(struct fleet_call *exchange)
{
	struct manager_message *answer = exchange->answer;
	cleanup_json struct json_doc doc = {0};
	struct cube_error err;
	const char *text = NULL;

	/* The book's messages end with a newline. */
	if (exchange->call.response.size > 0 &&
	    json_parse(exchange->call.response.data, exchange->call.response.size, &doc,
		       &err) == 0 &&
	    json_read_text(&doc, json_get(doc.root, "Message"), &text, &err) == 0 &&
	    text != NULL)
		(void)snprintf(answer->reason, sizeof(answer->reason), "%.*s",
			       (int)strcspn(text, "\r\n"), text);
	else
		(void)snprintf(answer->reason, sizeof(answer->reason),
			       "%.200s answers with status %d", exchange->call.url,
			       exchange->call.status);
}

struct fleet_call *
fleet_call_next(struct fleet_call *exchange)
{
	struct fleet_call *next = fleet_call_new(exchange->client, exchange->loop,
						 exchange->effect, exchange->answer);

	next->next = exchange->next;
	exchange->effect = NULL;
	exchange->answer = NULL;
	exchange_free(&exchange->call);
	return next;
}

static bool
speaks_cube(const struct fleet_call *exchange)
{
	char protocol[16];

	return http_call_field(&exchange->call, "Cube-Protocol", protocol, sizeof(protocol));
}

/* True if there is an HTTP answer of a worker of ours; else it has been answered. */
static bool
came_back(struct fleet_call *exchange)
{
	const struct cube_error *error = &exchange->call.error;

	if (error->code != 0) {
		fleet_call_fault(exchange, error->code, error->message);
		return false;
	}
	if (!speaks_cube(exchange)) {
		fleet_call_fault(exchange, CUBE_ERR_INVALID,
				 "what answers there is no cube-worker any more");
		return false;
	}
	exchange->answer->status = exchange->call.status;
	if (exchange->call.status == 200)
		return true;
	fleet_call_reason(exchange);
	fleet_call_answer(exchange);
	return false;
}

/* ---- hello ---- */

static void
hello_done(struct http_call *call)
{
	struct fleet_call *exchange = (struct fleet_call *)(void *)call;
	cleanup_json struct json_doc doc = {0};
	struct cube_error err;

	if (call->error.code == 0 && !speaks_cube(exchange)) {
		fleet_book_hello(fleet_call_next(exchange));
		return;
	}
	exchange->answer->book = false;
	if (!came_back(exchange))
		return;
	if (json_parse(buf_text(&call->response), call->response.size, &doc, &err) != 0 ||
	    node_info_decode(&doc, doc.root, CODEC_LENIENT, &exchange->answer->info, &err) !=
		    0) {
		fleet_call_fault(exchange, err.code, err.message);
		return;
	}
	fleet_call_answer(exchange);
}

static void
hello_send(struct fleet_call *exchange)
{
	(void)snprintf(exchange->call.url, sizeof(exchange->call.url), "%s/node",
		       exchange->effect->api);
	exchange->call.limit_bytes = HELLO_LIMIT_BYTES;
	exchange->call.done = hello_done;
	http_client_call(exchange->client, &exchange->call);
}

/* ---- orders ---- */

static bool
orders_prepare(struct http_call *call)
{
	const struct fleet_call *exchange = (const struct fleet_call *)(const void *)call;
	cleanup_buf struct buf body = BUF_INIT(ORDERS_LIMIT_BYTES);
	struct json_writer *writer = json_writer_new(&body, false);

	if (writer == NULL)
		return false;
	orders_encode(writer, &exchange->effect->orders);
	json_writer_free(writer);
	call->body = buf_take(&body, &call->body_size);
	return call->body != NULL;
}

static void
orders_done(struct http_call *call)
{
	struct fleet_call *exchange = (struct fleet_call *)(void *)call;

	if (came_back(exchange))
		fleet_call_answer(exchange);
}

static void
orders_send(struct fleet_call *exchange)
{
	if (exchange->effect->book) {
		fleet_book_orders(exchange);
		return;
	}
	(void)snprintf(exchange->call.url, sizeof(exchange->call.url), "%s/desired",
		       exchange->effect->api);
	exchange->call.method = "PUT";
	exchange->call.fields = json_fields;
	exchange->call.prepare = orders_prepare;
	exchange->call.done = orders_done;
	http_client_call(exchange->client, &exchange->call);
}

/* ---- poll ---- */

static int
number_field(const struct http_call *call, const char *name, uint64_t *out,
	     struct cube_error *err)
{
	char text[32];
	char *end;

	if (!http_call_field(call, name, text, sizeof(text)) || text[0] < '0' || text[0] > '9')
		return cube_fail(err, CUBE_ERR_INVALID, 0, "the answer has no %s", name);
	*out = strtoull(text, &end, 10);
	return *end == '\0'
		       ? 0
		       : cube_fail(err, CUBE_ERR_INVALID, 0, "%s: %s is no number", name, text);
}

/* "GENERATION-SEQUENCE", both decimal. */
static int
desired_field(const struct http_call *call, struct reports *reports, struct cube_error *err)
{
	char text[48];
	char *end;

	if (!http_call_field(call, "Cube-Desired", text, sizeof(text)) || text[0] < '0' ||
	    text[0] > '9')
		return cube_fail(err, CUBE_ERR_INVALID, 0, "the answer has no Cube-Desired");
	reports->generation = strtoull(text, &end, 10);
	if (*end != '-' || end[1] < '0' || end[1] > '9')
		return cube_fail(err, CUBE_ERR_INVALID, 0, "Cube-Desired: %s", text);
	reports->sequence = strtoull(end + 1, &end, 10);
	return *end == '\0' ? 0 : cube_fail(err, CUBE_ERR_INVALID, 0, "Cube-Desired: %s", text);
}

/* A worker of an older version has none: 0. */
static int
stamp_field(const struct http_call *call, struct reports *reports, struct cube_error *err)
{
	char text[32];

	reports->stamp = 0;
	if (!http_call_field(call, "Cube-Stamp", text, sizeof(text)))
		return 0;
	return number_field(call, "Cube-Stamp", &reports->stamp, err);
}

static int
poll_fields(const struct http_call *call, struct reports *reports, struct cube_error *err)
{
	char text[REVISION_SIZE];
	uint64_t full = 0;
	int failed;

	if (!http_call_field(call, "Cube-Revision", text, sizeof(text)) ||
	    revision_parse(text, &reports->revision) != 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "the answer has no Cube-Revision");
	failed = number_field(call, "Cube-Full", &full, err);
	if (failed == 0)
		failed = number_field(call, "Cube-Node", &reports->node_revision, err);
	if (failed == 0)
		failed = desired_field(call, reports, err);
	if (failed == 0)
		failed = stamp_field(call, reports, err);
	reports->full = full != 0;
	return failed;
}

static int
poll_read(struct fleet_call *exchange, struct cube_error *err)
{
	struct http_call *call = &exchange->call;
	struct reports *reports = &exchange->answer->reports;
	cleanup_json struct json_doc doc = {0};
	int failed = json_parse(buf_text(&call->response), call->response.size, &doc, err);

	if (failed == 0)
		failed = reports_decode(&doc, reports, err);
	if (failed == 0 && !exchange->effect->book)
		failed = poll_fields(call, reports, err);
	return failed;
}

static void
poll_done(struct http_call *call)
{
	struct fleet_call *exchange = (struct fleet_call *)(void *)call;
	struct cube_error err;

	if (!exchange->effect->book) {
		if (!came_back(exchange))
			return;
	} else if (call->error.code != 0) {
		fleet_call_fault(exchange, call->error.code, call->error.message);
		return;
	} else if (call->status != 200) {
		exchange->answer->status = call->status;
		fleet_call_reason(exchange);
		fleet_call_answer(exchange);
		return;
	}
	if (poll_read(exchange, &err) != 0) {
		fleet_call_fault(exchange, err.code, err.message);
		return;
	}
	exchange->answer->status = 200;
	fleet_call_answer(exchange);
}

static void
poll_send(struct fleet_call *exchange)
{
	const struct manager_effect *effect = exchange->effect;
	char since[REVISION_SIZE];
	char stamp[40] = "";

	revision_format(effect->since, since);
	if (effect->stamp != 0)
		(void)snprintf(stamp, sizeof(stamp), "&stamp=%" PRIu64, effect->stamp);
	if (effect->book)
		(void)snprintf(exchange->call.url, sizeof(exchange->call.url), "%s/tasks",
			       effect->api);
	else
		(void)snprintf(exchange->call.url, sizeof(exchange->call.url),
			       "%s/tasks?since=%s&wait=%" PRIu32 ".%03" PRIu32 "%s",
			       effect->api, since, effect->wait_ms / 1000,
			       effect->wait_ms % 1000, stamp);
	exchange->call.limit_bytes = POLL_LIMIT_BYTES;
	exchange->call.done = poll_done;
	http_client_call(exchange->client, &exchange->call);
}

void
fleet_send(struct http_client *client, struct loop *loop, struct manager_effect *effect)
{
	switch (effect->kind) {
	case MANAGER_EFFECT_HELLO:
		hello_send(fleet_call_new(client, loop, effect, NULL));
		break;
	case MANAGER_EFFECT_ORDERS:
		orders_send(fleet_call_new(client, loop, effect, NULL));
		break;
	case MANAGER_EFFECT_POLL:
		poll_send(fleet_call_new(client, loop, effect, NULL));
		break;
	case MANAGER_EFFECT_FORGET:
		http_client_cancel(client, effect->contact);
		manager_effect_free(&effect->item);
		break;
	case MANAGER_EFFECT_REPLY:
	default:
		manager_effect_free(&effect->item);
		break;
	}
}
