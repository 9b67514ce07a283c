/* shell/manager_logs.c - GET /tasks/{id}/logs: fetched from the worker itself.
 *
 * The brain tells the task's node and the node's address; the rest is between the worker and
 * the reader, on the handler's thread, and neither the brain nor the fleet's thread sees a
 * byte of it. The worker's own errors go on to the reader as they are.
 */
#include "shell/manager_api.h"

#include "http/fetch.h"
#include "http/server.h"
#include "http/stream.h"

#include <stdio.h>
#include <string.h>

#define URL_SIZE         1024
#define STALL_TIMEOUT_MS 30000

struct proxy {
	struct http_request *request;
	struct http_stream *stream; /* NULL: not begun */
	bool answered;              /* it could not begin, and that was answered */
	char task_id[ID_SIZE];
	char node[NAME_SIZE];
};

/* Where the task is or was; false: answered. */
static bool
find_node(struct manager_api *api, struct proxy *proxy)
{
	struct manager_message *message = manager_message_for_task(proxy->request, MANAGER_GET);
	struct manager_effect *reply;
	bool found;

	if (message == NULL)
		return false;
	memcpy(proxy->task_id, message->task_id, sizeof(proxy->task_id));
	reply = manager_ask_ok(api, proxy->request, message, "");
	if (reply == NULL)
		return false;
	found = reply->task_count > 0 && reply->tasks[0].status.node[0] != '\0';
	if (found)
		memcpy(proxy->node, reply->tasks[0].status.node, sizeof(proxy->node));
	else
		http_reply_error(
			proxy->request, 404, "task %s has no output yet: it is on no node%s%s",
			proxy->task_id, reply->tasks[0].status.reason[0] != '\0' ? ": " : "",
			reply->tasks[0].status.reason);
	manager_effect_free(&reply->item);
	return found;
}

/* False: answered. */
static bool
find_url(struct manager_api *api, const struct proxy *proxy, char url[URL_SIZE])
{
	struct manager_message *message = manager_message_new(MANAGER_NODE);
	struct manager_effect *reply;
	const char *query = http_query_string(proxy->request);
	int size;

	if (message != NULL)
		memcpy(message->node, proxy->node, sizeof(message->node));
	reply = manager_ask_ok(api, proxy->request, message, "");
	if (reply == NULL)
		return false;
	size = snprintf(url, URL_SIZE, "%s/tasks/%s/logs%s%s", reply->nodes[0].info.api,
			proxy->task_id, query[0] != '\0' ? "?" : "", query);
	manager_effect_free(&reply->item);
	if (size < 0 || size >= URL_SIZE) {
		http_reply_error(proxy->request, 400, "the query is too long");
		return false;
	}
	return true;
}

static int
on_head(void *ctx, int status, const char *type)
{
	struct proxy *proxy = ctx;
	struct cube_error err;

	if (status != 200)
		return 0;
	if (http_stream_begin(proxy->request, proxy->task_id, 200,
			      type[0] != '\0' ? type : HTTP_TEXT, NULL, &proxy->stream,
			      &err) == 0)
		return 0;
	http_reply_error(proxy->request, http_status_of(err.code), "%s", err.message);
	proxy->answered = true;
	return 1;
}

static int
on_piece(void *ctx, const void *bytes, size_t size)
{
	const struct proxy *proxy = ctx;

	return proxy->stream != NULL && http_stream_write(proxy->stream, bytes, size) ? 0 : 1;
}

/* Whether the reader has gone, or we end. */
static int
on_stop(void *ctx)
{
	const struct proxy *proxy = ctx;

	if (http_server_stopping(http_request_server(proxy->request)))
		return 1;
	return proxy->stream != NULL && !http_stream_write(proxy->stream, NULL, 0);
}

static void
finish(struct proxy *proxy, const struct fetch *fetch, int failed, const struct cube_error *err)
{
	char message[256];

	if (proxy->stream != NULL) {
		http_stream_end(proxy->stream, failed == 0);
	} else if (proxy->answered) {
		return;
	} else if (failed == CUBE_ERR_CONFLICT) {
		http_reply_error(proxy->request, 503, "the manager is ending");
	} else if (failed != 0) {
		http_reply_error(proxy->request, failed == CUBE_ERR_TIMEOUT ? 504 : 502,
				 "node %s: %s", proxy->node, err->message);
	} else {
		fetch_error_message(fetch, message, sizeof(message));
		http_reply_error(proxy->request, fetch->status >= 400 ? fetch->status : 502,
				 "%s", message);
	}
}

void
manager_logs_handle(void *ctx, struct http_request *request)
{
	static const char *const fields[] = {"Cube-Protocol: 1", NULL};
	struct proxy proxy = {.request = request};
	char url[URL_SIZE];
	struct fetch fetch = {.url = url,
			      .fields = fields,
			      .limit_bytes = (size_t)64 << 10,
			      .head = on_head,
			      .piece = on_piece,
			      .stop = on_stop,
			      .ctx = &proxy};
	struct cube_error err;
	bool follow = false;

	if (http_query_bool(request, "follow", &follow, &err) < 0) {
		http_reply_error(request, 400, "%s", err.message);
		return;
	}
	/* What is followed may be silent for days. */
	if (!follow)
		fetch.stall_timeout_ms = STALL_TIMEOUT_MS;
	if (!find_node(ctx, &proxy) || !find_url(ctx, &proxy, url))
		return;
	finish(&proxy, &fetch, fetch_run(&fetch, &err), &err);
	fetch_release(&fetch);
}
