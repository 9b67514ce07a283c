/* shell/join.c - one POST /nodes for each effect of the brain; see the header.
 *
 * When and how often is the brain's decision; here is only the exchange. What the manager
 * answers is a stranger's text: bounded, parsed leniently, and never needed for more than
 * a message and the cluster's id.
 */
#include "shell/join.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOIN_TIMEOUT_MS  10000
#define JOIN_LIMIT_BYTES (64u << 10)

struct join_call {
	struct http_call call; /* first */
	struct loop *loop;
};

static void
answer_read(struct worker_message *message, const struct buf *response)
{
	cleanup_json struct json_doc doc = {0};
	struct cube_error err;
	const char *cluster = "";
	const char *text = "";

	if (json_parse(buf_text(response), response->size, &doc, &err) < 0)
		return;
	if (json_read_text(&doc, json_get(doc.root, "Cluster"), &cluster, &err) == 0)
		(void)id_parse(cluster, message->cluster);
	if (json_read_text(&doc, json_get(doc.root, "Message"), &text, &err) == 0)
		(void)snprintf(message->reason, sizeof(message->reason), "%s", text);
}

static void
join_done(struct http_call *call)
{
	struct join_call *join = (struct join_call *)(void *)call;
	struct worker_message *message = worker_message_new(WORKER_JOINED);

	if (message == NULL)
		abort(); /* the brain would wait for this answer for ever */
	message->error = call->error;
	message->status = call->status;
	if (call->error.code < 0)
		(void)snprintf(message->reason, sizeof(message->reason), "%s",
			       call->error.message);
	else
		answer_read(message, &call->response);
	loop_post_answer(join->loop, &message->message);
	call->free(call);
}

static struct join_call *
join_call_new(struct loop *loop, const char *manager, const struct worker_effect *effect)
{
	static const char *const fields[] = {"Content-Type: application/json",
					     "Cube-Protocol: 1", NULL};
	struct join_call *join =
		(struct join_call *)(void *)http_call_new(sizeof(struct join_call));
	struct buf body = BUF_INIT(1u << 20);
	struct json_writer *writer = json_writer_new(&body, false);

	if (writer != NULL) {
		node_info_encode(writer, &effect->info);
		json_writer_free(writer);
	}
	if (join == NULL || writer == NULL || body.failed) {
		buf_release(&body);
		http_call_free(join == NULL ? NULL : &join->call);
		return NULL;
	}
	join->loop = loop;
	join->call.method = "POST";
	(void)snprintf(join->call.url, sizeof(join->call.url), "%s/nodes", manager);
	join->call.body = buf_take(&body, &join->call.body_size);
	join->call.fields = fields;
	join->call.timeout_ms = JOIN_TIMEOUT_MS;
	join->call.limit_bytes = JOIN_LIMIT_BYTES;
	join->call.done = join_done;
	return join;
}

void
join_send(struct http_client *client, struct loop *loop, const char *manager,
	  struct worker_effect *effect)
{
	struct join_call *join = join_call_new(loop, manager, effect);

	if (join != NULL) {
		http_client_call(client, &join->call);
	} else {
		struct worker_message *message = worker_message_new(WORKER_JOINED);

		if (message == NULL)
			abort();
		(void)cube_fail(&message->error, CUBE_ERR_UNAVAILABLE, 0, "out of memory");
		(void)snprintf(message->reason, sizeof(message->reason), "out of memory");
		loop_post_answer(loop, &message->message);
	}
	worker_effect_free(&effect->item);
}
