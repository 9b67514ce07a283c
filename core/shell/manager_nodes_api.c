/* shell/manager_nodes_api.c - what concerns nodes: lists, one node, joining, removing,
 * cordon and drain.
 *
 * A worker that joins speaks Cube-Protocol and is read leniently, so that versions can differ;
 * everyone else is read strictly. The server's threads.
 */
#include "shell/manager_api.h"

#include "http/body.h"

#include <string.h>

#define JOIN_LIMIT_BYTES  ((size_t)256 << 10)
#define DRAIN_LIMIT_BYTES ((size_t)4 << 10)
#define NODES_LIMIT_BYTES ((size_t)1 << 30)

static void
reply_nodes(struct http_request *request, const struct manager_effect *reply, bool as_array)
{
	cleanup_buf struct buf body = BUF_INIT(NODES_LIMIT_BYTES);
	struct json_writer *writer = json_writer_new(&body, false);

	if (writer == NULL) {
		http_reply_error(request, 503, "out of memory");
		return;
	}
	if (as_array)
		json_begin_array(writer);
	for (size_t i = 0; i < reply->node_count; i++)
		node_view_encode(writer, &reply->nodes[i]);
	if (as_array)
		json_end_array(writer);
	json_writer_free(writer);
	http_reply_json(request, reply->status, NULL, &body);
}

void
manager_nodes_handle(void *ctx, struct http_request *request)
{
	struct manager_effect *reply =
		manager_ask_ok(ctx, request, manager_message_new(MANAGER_NODES), "");

	if (reply == NULL)
		return;
	reply_nodes(request, reply, true);
	manager_effect_free(&reply->item);
}

/* A message about the node of the path; NULL: answered. */
static struct manager_message *
message_for_node(struct http_request *request, enum manager_message_kind kind)
{
	const char *name = http_param(request, "name");
	struct manager_message *message;

	if (!name_is_valid(name)) {
		http_reply_error(request, 400, "\"%.64s\" is no name of a node", name);
		return NULL;
	}
	message = manager_message_new(kind);
	if (message == NULL)
		http_reply_error(request, 503, "out of memory");
	else
		memcpy(message->node, name, strlen(name) + 1);
	return message;
}

void
manager_node_handle(void *ctx, struct http_request *request)
{
	struct manager_message *message = message_for_node(request, MANAGER_NODE);
	struct manager_effect *reply =
		message != NULL ? manager_ask_ok(ctx, request, message, "") : NULL;

	if (reply == NULL)
		return;
	reply_nodes(request, reply, false);
	manager_effect_free(&reply->item);
}

void
manager_node_remove_handle(void *ctx, struct http_request *request)
{
	struct manager_message *message = message_for_node(request, MANAGER_NODE_REMOVE);
	struct manager_effect *reply =
		message != NULL ? manager_ask_ok(ctx, request, message, "") : NULL;

	if (reply == NULL)
		return;
	http_reply(request, 204, NULL, NULL, NULL, 0);
	manager_effect_free(&reply->item);
}

/* Posts message, if there is one, and answers with the node. */
static void
change_node(void *ctx, struct http_request *request, struct manager_message *message)
{
	struct manager_effect *reply =
		message != NULL
			? manager_ask_ok(ctx, request, message, "asking again does no harm")
			: NULL;

	if (reply == NULL)
		return;
	reply_nodes(request, reply, false);
	manager_effect_free(&reply->item);
}

void
manager_node_cordon_handle(void *ctx, struct http_request *request)
{
	change_node(ctx, request, message_for_node(request, MANAGER_NODE_CORDON));
}

void
manager_node_uncordon_handle(void *ctx, struct http_request *request)
{
	change_node(ctx, request, message_for_node(request, MANAGER_NODE_UNCORDON));
}

/* {} or {"Deadline": SECONDS}; nothing is as {}. */
static int
read_drain(const struct buf *body, struct manager_message *message, struct cube_error *err)
{
	cleanup_json struct json_doc doc = {0};
	const struct json_value *value;
	int64_t deadline_s = 0;

	if (body->size == 0)
		return 0;
	if (json_parse(buf_text(body), body->size, &doc, err) != 0)
		return err->code;
	if (doc.root->type != JSON_OBJECT)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "an object is wanted: {} or {\"Deadline\": SECONDS}");
	for (value = doc.root->as.first; value != NULL; value = value->next) {
		if (strcmp(value->key, "Deadline") != 0)
			return json_fail(&doc, value, err,
					 "a drain has no such field: Deadline alone is known");
	}
	value = json_get(doc.root, "Deadline");
	message->has_deadline = value != NULL && value->type != JSON_NULL;
	if (json_read_int(&doc, value, 0, INT32_MAX, &deadline_s, err) != 0)
		return err->code;
	message->deadline_s = (uint64_t)deadline_s;
	return 0;
}

void
manager_node_drain_handle(void *ctx, struct http_request *request)
{
	cleanup_buf struct buf body = BUF_INIT(DRAIN_LIMIT_BYTES);
	struct manager_message *message;
	struct cube_error err;

	if (!http_body_or_reply(request, &body))
		return;
	message = message_for_node(request, MANAGER_NODE_DRAIN);
	if (message != NULL && read_drain(&body, message, &err) != 0) {
		manager_message_free(message);
		http_reply_error(request, http_status_of(err.code), "%s", err.message);
		return;
	}
	change_node(ctx, request, message);
}

void
manager_join_handle(void *ctx, struct http_request *request)
{
	cleanup_buf struct buf body = BUF_INIT(JOIN_LIMIT_BYTES);
	cleanup_json struct json_doc doc = {0};
	enum codec_mode mode =
		http_header(request, "Cube-Protocol") != NULL ? CODEC_LENIENT : CODEC_STRICT;
	struct manager_message *message;
	struct manager_effect *reply;
	struct cube_error err;

	if (!http_body_or_reply(request, &body))
		return;
	if (json_parse(buf_text(&body), body.size, &doc, &err) != 0) {
		http_reply_error(request, http_status_of(err.code), "%s", err.message);
		return;
	}
	message = manager_message_new(MANAGER_JOIN);
	if (message != NULL &&
	    node_info_decode(&doc, doc.root, mode, &message->info, &err) != 0) {
		manager_message_free(message);
		http_reply_error(request, http_status_of(err.code), "%s", err.message);
		return;
	}
	reply = manager_ask_ok(ctx, request, message, "joining again does no harm");
	if (reply == NULL)
		return;
	/* The worker learns here which cluster it has joined. */
	if (reply->node_count > 0)
		memcpy(reply->nodes[0].info.cluster, reply->cluster, sizeof(reply->cluster));
	reply_nodes(request, reply, false);
	manager_effect_free(&reply->item);
}
