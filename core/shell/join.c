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
#define BODY_LIMIT_BYTES (1u << 20)
#define JOIN_LIMIT_BYTES (64u << 10) /* of the answer */

struct join_call {
	struct http_call call; /* first */
	struct loop *loop;
};

/* What the manager answered: its cluster, or why not. Something else may answer there: then
 * that is the error. */
static void
answer_read(struct worker_message *message, const struct http_call *call)
{
	cleanup_json struct json_doc doc = {0};
	struct cube_error err;
	const char *cluster = "";
	const char *text = "";

	if (json_parse(buf_text(&call->response), call->response.size, &doc, &err) == 0) {
		(void)json_read_text(&doc, json_get(doc.root, "Cluster"), &cluster, &err);
		(void)json_read_text(&doc, json_get(doc.root, "Message"), &text, &err);
	}
	if (call->status < 400 && id_parse(cluster, message->cluster) == 0)
		return;
	if (call->status >= 400 && text[0] != '\0')
		(void)snprintf(message->reason, sizeof(message->reason), "%s", text);
	else
		(void)cube_fail(&message->error, CUBE_ERR_INVALID, 0,
				"%s: what answers there, with status %d, is no cube-manager",
				call->url, call->status);
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
	if (call->error.code == 0)
		answer_read(message, call);
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
	cleanup_buf struct buf body = BUF_INIT(BODY_LIMIT_BYTES);
	struct json_writer *writer = json_writer_new(&body, false);

	if (writer != NULL) {
		node_info_encode(writer, &effect->info);
		json_writer_free(writer);
	}
	if (join != NULL && writer != NULL)
		join->call.body = buf_take(&body, &join->call.body_size);
	if (join == NULL || join->call.body == NULL) {
		http_call_free(join == NULL ? NULL : &join->call);
		return NULL;
	}
	join->loop = loop;
	join->call.method = "POST";
	(void)snprintf(join->call.url, sizeof(join->call.url), "%s/nodes", manager);
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
		loop_post_answer(loop, &message->message);
	}
	worker_effect_free(&effect->item);
}
