/* shell/manager_api.c - the table of routes, submits, and what concerns one task.
 *
 * A body is read whole, checked whole and turned into one message, so a submit is all or
 * nothing. What people send is read strictly: an unknown member is an error that names it.
 * Owns nothing beyond a request. The server's threads.
 */
#include "shell/manager_api.h"

#include "base/clock.h"
#include "http/body.h"
#include "shell/reply_slot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TASK_LIMIT_BYTES  ((size_t)1 << 20)
#define ARRAY_LIMIT_BYTES ((size_t)16 << 20)
#define ARRAY_LIMIT_TASKS 10000
#define REPLY_LIMIT_BYTES ((size_t)256 << 20)
#define HEALTH_MS         2000

/* ---- asking the brain ---- */

/* 0 and the reply in *out; UNAVAILABLE, NO_MEMORY, or TIMEOUT. Takes message. */
static int
ask(struct manager_api *api, struct manager_message *message, uint32_t timeout_ms,
    struct manager_effect **out)
{
	struct reply_slot *slot = message != NULL ? reply_slot_new() : NULL;

	*out = NULL;
	if (slot == NULL) {
		manager_message_free(message);
		return CUBE_ERR_NO_MEMORY;
	}
	message->token = slot;
	if (loop_post(api->loop, &message->message) != 0) {
		manager_message_free(message);
		reply_slot_free(slot);
		return CUBE_ERR_UNAVAILABLE;
	}
	*out = (struct manager_effect *)(void *)reply_slot_wait(slot, clock_now().mono_ms +
									      timeout_ms);
	return *out != NULL ? 0 : CUBE_ERR_TIMEOUT;
}

static struct manager_effect *
ask_or_reply(struct manager_api *api, struct http_request *request,
	     struct manager_message *message, uint32_t timeout_ms, const char *unknown)
{
	struct manager_effect *reply;

	switch (ask(api, message, timeout_ms, &reply)) {
	case 0:
		break;
	case CUBE_ERR_NO_MEMORY:
		http_reply_error(request, 503, "out of memory");
		break;
	case CUBE_ERR_UNAVAILABLE:
		http_reply_error(request, 503,
				 "too many requests wait, or the manager is ending: try again");
		break;
	default:
		http_reply_error(request, 503, "no answer within %u s%s%s%s",
				 (unsigned)(timeout_ms / 1000),
				 loop_store_fails(api->loop) ? ": the store fails" : "",
				 unknown[0] != '\0' ? "; " : "", unknown);
		break;
	}
	return reply;
}

static uint32_t
ask_ms(const struct manager_api *api)
{
	return api->ask_ms != 0 ? api->ask_ms : MANAGER_ASK_MS;
}

struct manager_effect *
manager_ask_quietly(struct manager_api *api, struct manager_message *message)
{
	struct manager_effect *reply;

	(void)ask(api, message, ask_ms(api), &reply);
	return reply;
}

struct manager_effect *
manager_ask(struct manager_api *api, struct http_request *request,
	    struct manager_message *message, const char *unknown)
{
	return ask_or_reply(api, request, message, ask_ms(api), unknown);
}

struct manager_effect *
manager_ask_ok(struct manager_api *api, struct http_request *request,
	       struct manager_message *message, const char *unknown)
{
	struct manager_effect *reply = manager_ask(api, request, message, unknown);

	if (reply != NULL && reply->status >= 400) {
		http_reply_error(request, reply->status, "%s", reply->message);
		manager_effect_free(&reply->item);
		return NULL;
	}
	return reply;
}

struct manager_message *
manager_message_for_task(struct http_request *request, enum manager_message_kind kind)
{
	struct manager_message *message = manager_message_new(kind);

	if (message == NULL) {
		http_reply_error(request, 503, "out of memory");
		return NULL;
	}
	if (id_parse(http_param(request, "id"), message->task_id) != 0) {
		http_reply_error(request, 400, "%.64s is no uuid of a task",
				 http_param(request, "id"));
		manager_message_free(message);
		return NULL;
	}
	return message;
}

/* ---- submits ---- */

static int
request_read(const struct json_doc *doc, const struct json_value *value,
	     struct task_request *out, struct cube_error *err)
{
	char fallback[ID_SIZE];
	uint8_t bytes[16];

	clock_random(bytes, sizeof(bytes));
	id_from_random(bytes, fallback);
	return task_request_decode(doc, value, CODEC_STRICT, fallback, out, err);
}

/* 0, or the status to answer with. */
static int
submit_read(const struct json_doc *doc, struct manager_message *message, struct cube_error *err)
{
	const struct json_value *value = doc->root;
	bool many = value->type == JSON_ARRAY;
	size_t count = many ? value->count : 1;

	if (count > ARRAY_LIMIT_TASKS) {
		(void)cube_fail(err, CUBE_ERR_INVALID, 0,
				"the array has %zu tasks: at most %d in one request", count,
				ARRAY_LIMIT_TASKS);
		return 413;
	}
	message->requests = calloc(count + 1, sizeof(*message->requests));
	if (message->requests == NULL) {
		(void)cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
		return 503;
	}
	if (many)
		value = value->as.first;
	for (; message->request_count < count; value = value->next) {
		int failed = request_read(doc, value,
					  &message->requests[message->request_count], err);

		if (failed != 0)
			return http_status_of(failed);
		message->request_count++;
	}
	return 0;
}

static void
reply_tasks(struct http_request *request, const struct manager_effect *reply, bool as_array)
{
	cleanup_buf struct buf body = BUF_INIT(REPLY_LIMIT_BYTES);
	struct json_writer *writer = json_writer_new(&body, false);

	if (writer == NULL) {
		http_reply_error(request, 503, "out of memory");
		return;
	}
	if (as_array)
		json_begin_array(writer);
	for (size_t i = 0; i < reply->task_count; i++)
		task_encode(writer, &reply->tasks[i]);
	if (as_array)
		json_end_array(writer);
	json_writer_free(writer);
	http_reply_json(request, reply->status, NULL, &body);
}

/* What the client repeats if it hears nothing: the ID may be one that we made. */
static void
unknown_text(const struct manager_message *message, bool many, char out[160])
{
	if (many)
		(void)snprintf(out, 160,
			       "whether the tasks were taken is not known: repeat the request, "
			       "with the same IDs, to know");
	else
		(void)snprintf(out, 160,
			       "whether the task was taken is not known: repeat the request "
			       "with ID %s to know",
			       message->requests[0].task_id);
}

/* Told before it is parsed: one task may be much smaller than an array. */
static bool
begins_array(const struct buf *body)
{
	const char *text = buf_text(body);

	return text[strspn(text, " \t\r\n")] == '[';
}

struct manager_message *
manager_requests_read(struct http_request *request, enum manager_message_kind kind, bool *many)
{
	cleanup_buf struct buf body = BUF_INIT(ARRAY_LIMIT_BYTES);
	cleanup_json struct json_doc doc = {0};
	struct manager_message *message;
	struct cube_error err;
	int status;

	if (!http_body_or_reply(request, &body))
		return NULL;
	if (body.size > TASK_LIMIT_BYTES && !begins_array(&body)) {
		http_reply_error(request, 413, "one task is over the limit of %zu bytes",
				 TASK_LIMIT_BYTES);
		return NULL;
	}
	if (json_parse(buf_text(&body), body.size, &doc, &err) != 0) {
		http_reply_error(request, http_status_of(err.code), "%s", err.message);
		return NULL;
	}
	*many = doc.root->type == JSON_ARRAY;
	message = manager_message_new(kind);
	if (message == NULL) {
		http_reply_error(request, 503, "out of memory");
		return NULL;
	}
	status = submit_read(&doc, message, &err);
	if (status != 0) {
		manager_message_free(message);
		http_reply_error(request, status, "%s", err.message);
		return NULL;
	}
	return message;
}

static void
handle_submit(void *ctx, struct http_request *request)
{
	struct manager_api *api = ctx;
	bool many = false;
	struct manager_message *message = manager_requests_read(request, MANAGER_SUBMIT, &many);
	struct manager_effect *reply;
	char unknown[160] = "";

	if (message == NULL)
		return;
	if (message->request_count == 0) {
		manager_message_free(message);
		http_reply(request, 201, HTTP_JSON, NULL, "[]", 2);
		return;
	}
	unknown_text(message, many, unknown);
	reply = manager_ask_ok(api, request, message, unknown);
	if (reply == NULL)
		return;
	reply_tasks(request, reply, many);
	manager_effect_free(&reply->item);
}

/* ---- one task ---- */

static void
handle_get(void *ctx, struct http_request *request)
{
	struct manager_message *message = manager_message_for_task(request, MANAGER_GET);
	struct manager_effect *reply =
		message != NULL ? manager_ask_ok(ctx, request, message, "") : NULL;

	if (reply == NULL)
		return;
	reply_tasks(request, reply, false);
	manager_effect_free(&reply->item);
}

static void
handle_delete(void *ctx, struct http_request *request)
{
	struct manager_message *message = manager_message_for_task(request, MANAGER_STOP);
	struct manager_effect *reply =
		message != NULL ? manager_ask_ok(ctx, request, message,
						 "whether the stop was taken is not known: "
						 "repeating it does no harm")
				: NULL;

	if (reply == NULL)
		return;
	http_reply(request, 204, NULL, NULL, NULL, 0);
	manager_effect_free(&reply->item);
}

static void
handle_history(void *ctx, struct http_request *request)
{
	struct manager_message *message = manager_message_for_task(request, MANAGER_HISTORY);
	struct manager_effect *reply =
		message != NULL ? manager_ask_ok(ctx, request, message, "") : NULL;
	cleanup_buf struct buf body = BUF_INIT(REPLY_LIMIT_BYTES);
	struct json_writer *writer;

	if (reply == NULL)
		return;
	writer = json_writer_new(&body, false);
	if (writer == NULL) {
		body.failed = true;
	} else {
		json_begin_array(writer);
		for (size_t i = 0; i < reply->history_count; i++)
			history_encode(writer, &reply->history[i]);
		json_end_array(writer);
		json_writer_free(writer);
	}
	http_reply_json(request, 200, NULL, &body);
	manager_effect_free(&reply->item);
}

/* ---- the manager itself ---- */

/* Well if the brain answers, and changes can be stored. The question is the cheapest: a
 * node that no name can name. */
static void
handle_healthz(void *ctx, struct http_request *request)
{
	struct manager_api *api = ctx;
	struct manager_effect *reply;

	if (loop_store_fails(api->loop)) {
		http_reply_error(
			request, 503,
			"the store fails, so nothing can be changed: the log says why");
		return;
	}
	reply = ask_or_reply(api, request, manager_message_new(MANAGER_NODE), HEALTH_MS, "");
	if (reply == NULL)
		return;
	http_reply(request, 200, HTTP_TEXT, NULL, "ok\n", 3);
	manager_effect_free(&reply->item);
}

static void
handle_version(void *ctx, struct http_request *request)
{
	static const char body[] =
		"{\"Program\":\"cube-manager\",\"Version\":\"" CUBE_VERSION "\"}";

	(void)ctx;
	http_reply(request, 200, HTTP_JSON, NULL, body, sizeof(body) - 1);
}

const struct http_route manager_routes[] = {
	{"POST", "/tasks", handle_submit},
	{"GET", "/tasks", manager_list_handle},
	{"GET", "/tasks/{id}", handle_get},
	{"DELETE", "/tasks/{id}", handle_delete},
	{"GET", "/tasks/{id}/history", handle_history},
	{"GET", "/tasks/{id}/why", manager_why_handle},
	{"POST", "/tasks/why", manager_why_new_handle},
	{"GET", "/tasks/{id}/logs", manager_logs_handle},
	{"GET", "/events", manager_events_handle},
	{"GET", "/nodes", manager_nodes_handle},
	{"POST", "/nodes", manager_join_handle},
	{"GET", "/nodes/{name}", manager_node_handle},
	{"DELETE", "/nodes/{name}", manager_node_remove_handle},
	{"POST", "/nodes/{name}/cordon", manager_node_cordon_handle},
	{"POST", "/nodes/{name}/uncordon", manager_node_uncordon_handle},
	{"POST", "/nodes/{name}/drain", manager_node_drain_handle},
	{"GET", "/healthz", handle_healthz},
	{"GET", "/version", handle_version},
	{NULL, NULL, NULL},
};
