/* shell/worker_api.c - the handlers of the worker's API; see the header.
 *
 * Two kinds of peers ask: our manager, which sends Cube-Protocol and is read leniently so
 * that versions can differ, and everyone else (the book's manager, people), read strictly.
 */
#include "shell/worker_api.h"

#include "base/clock.h"
#include "http/body.h"
#include "http/reply.h"
#include "shell/reply_slot.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DESIRED_LIMIT_BYTES (64u << 20)
#define TASK_LIMIT_BYTES    (1u << 20)
#define LIST_LIMIT_BYTES    (256u << 20)
#define NODE_LIMIT_BYTES    (1u << 20)
#define ASK_TIMEOUT_MS      10000
#define POLL_WAIT_MAX_MS    60000

struct worker_effect *
worker_ask(struct worker_api *api, struct http_request *request, struct worker_message *message,
	   uint32_t timeout_ms)
{
	struct reply_slot *slot = reply_slot_new();
	struct outbox_item *answer;

	if (message == NULL || slot == NULL) {
		reply_slot_free(slot);
		if (message != NULL)
			worker_message_free(message);
		http_reply_error(request, 503, "out of memory");
		return NULL;
	}
	message->token = slot;
	if (loop_post(api->loop, &message->message) < 0) {
		worker_message_free(message);
		reply_slot_free(slot);
		http_reply_error(request, 503,
				 "too many requests wait, or the worker is ending");
		return NULL;
	}
	answer = reply_slot_wait(slot, clock_now().mono_ms + timeout_ms);
	if (answer == NULL) {
		http_reply_error(
			request, 503,
			"no answer within %u s: the outcome is unknown, repeat the request",
			(unsigned)(timeout_ms / 1000));
		return NULL;
	}
	return (struct worker_effect *)(void *)answer;
}

/* Asks, and answers by itself when the brain refuses. NULL: answered. */
static struct worker_effect *
ask_or_refuse(struct worker_api *api, struct http_request *request,
	      struct worker_message *message, uint32_t timeout_ms)
{
	struct worker_effect *reply = worker_ask(api, request, message, timeout_ms);

	if (reply != NULL && reply->status >= 400) {
		http_reply_error(request, reply->status, "%s", reply->message);
		worker_effect_free(&reply->item);
		return NULL;
	}
	return reply;
}

static enum codec_mode
mode_of(const struct http_request *request)
{
	return http_header(request, "Cube-Protocol") != NULL ? CODEC_LENIENT : CODEC_STRICT;
}

/* The id of the path into message, or the message freed and 400 answered: NULL. */
static struct worker_message *
message_for_task(struct http_request *request, enum worker_message_kind kind)
{
	struct worker_message *message = worker_message_new(kind);

	if (message == NULL) {
		http_reply_error(request, 503, "out of memory");
		return NULL;
	}
	if (id_parse(http_param(request, "id"), message->task_id) < 0) {
		http_reply_error(request, 400, "'%.64s' is not a task's uuid",
				 http_param(request, "id"));
		worker_message_free(message);
		return NULL;
	}
	return message;
}

/* ---- replies ---- */

static void
reply_task(struct http_request *request, const struct worker_effect *reply)
{
	cleanup_buf struct buf body = BUF_INIT(LIST_LIMIT_BYTES);
	struct json_writer *writer = json_writer_new(&body, false);

	if (writer == NULL) {
		http_reply_error(request, 503, "out of memory");
		return;
	}
	if (reply->task_count > 0)
		task_encode(writer, &reply->tasks[0]);
	json_writer_free(writer);
	http_reply_json(request, reply->status, NULL, &body);
}

/* whole: with what was asked for; else what has become of it alone. */
static void
reply_tasks(struct http_request *request, const struct http_field *fields,
	    const struct worker_effect *reply, bool whole)
{
	cleanup_buf struct buf body = BUF_INIT(LIST_LIMIT_BYTES);
	struct json_writer *writer = json_writer_new(&body, false);

	if (writer == NULL) {
		http_reply_error(request, 503, "out of memory");
		return;
	}
	json_begin_array(writer);
	for (size_t i = 0; i < reply->task_count; i++) {
		if (whole)
			task_encode(writer, &reply->tasks[i]);
		else
			report_encode(writer, &reply->tasks[i]);
	}
	json_end_array(writer);
	json_writer_free(writer);
	http_reply_json(request, 200, fields, &body);
}

/* ---- the manager's side ---- */

static void
handle_desired(void *ctx, struct http_request *request)
{
	struct worker_api *api = ctx;
	cleanup_buf struct buf body = BUF_INIT(DESIRED_LIMIT_BYTES);
	cleanup_json struct json_doc doc = {0};
	struct worker_message *message;
	struct worker_effect *reply;
	struct cube_error err;

	if (!http_body_or_reply(request, &body))
		return;
	if (json_parse(buf_text(&body), body.size, &doc, &err) < 0) {
		http_reply_error(request, http_status_of(err.code), "%s", err.message);
		return;
	}
	message = worker_message_new(WORKER_DESIRED);
	if (message != NULL && orders_decode(&doc, &message->orders, &err) < 0) {
		worker_message_free(message);
		http_reply_error(request, http_status_of(err.code), "%s", err.message);
		return;
	}
	reply = ask_or_refuse(api, request, message, ASK_TIMEOUT_MS);
	if (reply == NULL)
		return;
	http_reply(request, reply->status, HTTP_JSON, NULL, "{}", 2);
	worker_effect_free(&reply->item);
}

/* ?wait=SECONDS, with a fraction. 0, or INVALID. */
static int
read_wait(struct http_request *request, uint32_t *wait_ms, struct cube_error *err)
{
	char text[32];
	char *end = NULL;
	double seconds = -1;
	int rc = http_query(request, "wait", text, sizeof(text), err);

	if (rc <= 0)
		return rc;
	if (text[strspn(text, "0123456789.")] == '\0') /* no hexadecimal, no exponent */
		seconds = strtod(text, &end);
	if (end == NULL || end == text || *end != '\0' ||
	    seconds > (double)POLL_WAIT_MAX_MS / 1000)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "?wait=%s: must be seconds from 0 to %d", text,
				 POLL_WAIT_MAX_MS / 1000);
	*wait_ms = (uint32_t)lround(seconds * 1000);
	return 0;
}

/* ?stamp=N, the Cube-Stamp of an earlier answer. 0, or INVALID. */
static int
read_stamp(struct http_request *request, uint64_t *stamp, struct cube_error *err)
{
	char text[32];
	int rc = http_query(request, "stamp", text, sizeof(text), err);

	if (rc <= 0)
		return rc;
	/* 19 digits: more than any clock shows, and no overflow. */
	if (text[0] == '\0' || strlen(text) > 19 || text[strspn(text, "0123456789")] != '\0')
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "?stamp=%s: must be the number of a Cube-Stamp", text);
	*stamp = strtoull(text, NULL, 10);
	return 0;
}

/* What a poll asks for. */
struct poll_query {
	struct revision since;
	uint32_t wait_ms;
	uint64_t stamp;
};

/* ?since=EPOCH-SEQUENCE&wait=SECONDS&stamp=N. 1: a poll, 0: none of them is there, or
 * INVALID. */
static int
read_poll(struct http_request *request, struct poll_query *query, struct cube_error *err)
{
	char text[REVISION_SIZE];
	int rc = read_wait(request, &query->wait_ms, err);
	int polls;

	if (rc == 0)
		rc = read_stamp(request, &query->stamp, err);
	polls = rc < 0 ? rc : http_query(request, "since", text, sizeof(text), err);
	if (polls < 0)
		return polls;
	if (polls == 0)
		return query->wait_ms == 0 && query->stamp == 0
			       ? 0
			       : cube_fail(err, CUBE_ERR_INVALID, 0,
					   "?wait= and ?stamp= are a poll's: they want "
					   "?since=EPOCH-SEQUENCE beside them");
	if (revision_parse(text, &query->since) < 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "?since=%s: must be EPOCH-SEQUENCE, as in Cube-Revision",
				 text);
	return 1;
}

/* How new the list is, and the orders and the description of the node at that time. */
static void
list_reply(struct http_request *request, const struct worker_effect *reply, bool whole)
{
	char revision[REVISION_SIZE];
	char desired[REVISION_SIZE];
	char node[24];
	char stamp[24];
	struct http_field fields[] = {
		{"Cube-Revision", revision}, {"Cube-Full", reply->full ? "1" : "0"},
		{"Cube-Desired", desired},   {"Cube-Node", node},
		{"Cube-Stamp", stamp},       {NULL, NULL}};

	revision_format(reply->revision, revision);
	(void)snprintf(desired, sizeof(desired), "%" PRIu64 "-%" PRIu64, reply->generation,
		       reply->sequence);
	(void)snprintf(node, sizeof(node), "%" PRIu64, reply->node_revision);
	(void)snprintf(stamp, sizeof(stamp), "%" PRIu64, reply->stamp);
	if (reply->stamp == 0)
		fields[4].name = NULL; /* no poll */
	reply_tasks(request, fields, reply, whole);
}

static void
handle_list(void *ctx, struct http_request *request)
{
	struct worker_api *api = ctx;
	struct poll_query query = {0};
	struct worker_message *message;
	struct worker_effect *reply;
	struct cube_error err;
	int polls = read_poll(request, &query, &err);

	if (polls < 0) {
		http_reply_error(request, http_status_of(err.code), "%s", err.message);
		return;
	}
	message = worker_message_new(polls > 0 ? WORKER_POLL : WORKER_LIST);
	if (message != NULL) {
		message->since = query.since;
		message->wait_ms = query.wait_ms;
		message->stamp = query.stamp;
	}
	reply = ask_or_refuse(api, request, message, ASK_TIMEOUT_MS + query.wait_ms);
	if (reply == NULL)
		return;
	list_reply(request, reply, polls == 0);
	worker_effect_free(&reply->item);
}

/* The node as it is now, with a fresh sample of the machine; NULL: answered. */
static struct worker_effect *
describe_node(struct worker_api *api, struct http_request *request)
{
	struct worker_effect *reply =
		ask_or_refuse(api, request, worker_message_new(WORKER_NODE), ASK_TIMEOUT_MS);

	if (reply == NULL)
		return NULL;
	reply->info.stats =
		sampler_stats(api->sampler, reply->live_tasks, &reply->info.cpu_busy);
	if (reply->info.stats == NULL) {
		http_reply_error(request, 503, "out of memory");
		worker_effect_free(&reply->item);
		return NULL;
	}
	return reply;
}

static void
handle_node(void *ctx, struct http_request *request)
{
	cleanup_buf struct buf body = BUF_INIT(NODE_LIMIT_BYTES);
	struct worker_effect *reply = describe_node(ctx, request);
	struct json_writer *writer;

	if (reply == NULL)
		return;
	writer = json_writer_new(&body, false);
	if (writer == NULL) {
		body.failed = true;
	} else {
		node_info_encode(writer, &reply->info);
		json_writer_free(writer);
	}
	http_reply_json(request, 200, NULL, &body);
	worker_effect_free(&reply->item);
}

static void
handle_stats(void *ctx, struct http_request *request)
{
	struct worker_effect *reply = describe_node(ctx, request);

	if (reply == NULL)
		return;
	http_reply(request, 200, HTTP_JSON, NULL, reply->info.stats->text,
		   reply->info.stats->size);
	worker_effect_free(&reply->item);
}

/* ---- the book's manager, and people ---- */

static void
handle_post(void *ctx, struct http_request *request)
{
	struct worker_api *api = ctx;
	cleanup_buf struct buf body = BUF_INIT(TASK_LIMIT_BYTES);
	cleanup_json struct json_doc doc = {0};
	struct worker_message *message;
	struct worker_effect *reply;
	char fallback[ID_SIZE];
	uint8_t bytes[16];
	struct cube_error err;

	if (!http_body_or_reply(request, &body))
		return;
	if (json_parse(buf_text(&body), body.size, &doc, &err) < 0) {
		http_reply_error(request, http_status_of(err.code), "%s", err.message);
		return;
	}
	clock_random(bytes, sizeof(bytes));
	id_from_random(bytes, fallback);
	message = worker_message_new(WORKER_RUN);
	if (message != NULL && task_request_decode(&doc, doc.root, mode_of(request), fallback,
						   &message->request, &err) < 0) {
		worker_message_free(message);
		http_reply_error(request, http_status_of(err.code), "%s", err.message);
		return;
	}
	reply = ask_or_refuse(api, request, message, ASK_TIMEOUT_MS);
	if (reply == NULL)
		return;
	reply_task(request, reply);
	worker_effect_free(&reply->item);
}

static void
handle_get(void *ctx, struct http_request *request)
{
	struct worker_message *message = message_for_task(request, WORKER_GET);
	struct worker_effect *reply =
		message == NULL ? NULL : ask_or_refuse(ctx, request, message, ASK_TIMEOUT_MS);

	if (reply == NULL)
		return;
	reply_task(request, reply);
	worker_effect_free(&reply->item);
}

static void
handle_delete(void *ctx, struct http_request *request)
{
	struct worker_message *message = message_for_task(request, WORKER_STOP);
	struct worker_effect *reply =
		message == NULL ? NULL : ask_or_refuse(ctx, request, message, ASK_TIMEOUT_MS);

	if (reply == NULL)
		return;
	http_reply(request, 204, NULL, NULL, NULL, 0);
	worker_effect_free(&reply->item);
}

/* ---- the rest ---- */

/* Well as long as the brain answers and orders can be journalled; whether the runtime is
 * ready is the node's matter. */
static void
handle_healthz(void *ctx, struct http_request *request)
{
	struct worker_api *api = ctx;
	struct worker_effect *reply;

	if (loop_store_fails(api->loop)) {
		http_reply_error(request, 503,
				 "the journal fails, so no orders are taken: the log says why");
		return;
	}
	reply = ask_or_refuse(api, request, worker_message_new(WORKER_NODE), ASK_TIMEOUT_MS);
	if (reply == NULL)
		return;
	http_reply(request, 200, HTTP_TEXT, NULL, "ok\n", 3);
	worker_effect_free(&reply->item);
}

static void
handle_version(void *ctx, struct http_request *request)
{
	static const char body[] =
		"{\"Program\":\"cube-worker\",\"Version\":\"" CUBE_VERSION "\"}";

	(void)ctx;
	http_reply(request, 200, HTTP_JSON, NULL, body, sizeof(body) - 1);
}

const struct http_route worker_routes[] = {
	{"PUT", "/desired", handle_desired},
	{"GET", "/tasks", handle_list},
	{"POST", "/tasks", handle_post},
	{"GET", "/tasks/{id}", handle_get},
	{"DELETE", "/tasks/{id}", handle_delete},
	{"GET", "/tasks/{id}/logs", worker_logs_handle},
	{"GET", "/stats", handle_stats},
	{"GET", "/node", handle_node},
	{"GET", "/healthz", handle_healthz},
	{"GET", "/version", handle_version},
	{NULL, NULL, NULL},
};
