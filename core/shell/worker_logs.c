/* shell/worker_logs.c - GET /tasks/{id}/logs: what a task printed, straight from the runtime.
 *
 * The brain tells which container it is; the rest is between the runtime and the reader's
 * connection, on the handler's thread. The stream begins when the runtime first calls back,
 * so what goes wrong before that still has a status of its own. It ends properly when the
 * task has ended and all was written; when it is cut off before, the reader sees that.
 */
#include "shell/worker_api.h"

#include "http/stream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ASK_TIMEOUT_MS 10000
#define TAIL_MAX       1000000 /* lines */
#define SINCE_DIGITS   12      /* of Unix seconds: until the year 33,000 */

struct reader {
	struct http_request *request;
	struct http_stream *stream; /* NULL: no byte yet */
	char key[ID_SIZE];
	bool refused; /* the stream could not begin, and that was answered */
	bool cut;     /* the reader is gone, or the server ends */
};

static bool
reader_begin(struct reader *reader)
{
	struct cube_error err;

	if (reader->stream != NULL)
		return true;
	if (http_stream_begin(reader->request, reader->key, 200, HTTP_TEXT, NULL,
			      &reader->stream, &err) < 0) {
		http_reply_error(reader->request, http_status_of(err.code), "%s", err.message);
		reader->refused = true;
		return false;
	}
	return true;
}

/* cube_log_request.write */
static int
reader_write(void *ctx, int stream, const void *bytes, size_t size)
{
	struct reader *reader = ctx;

	(void)stream;
	if (!reader_begin(reader))
		return 1;
	reader->cut = !http_stream_write(reader->stream, bytes, size);
	return reader->cut ? 1 : 0;
}

/* since: RFC 3339, or Unix seconds. */
static int
read_since(struct http_request *request, int64_t *since_ms, struct cube_error *err)
{
	char text[TIMESTAMP_SIZE + 8];
	size_t digits;
	int rc = http_query(request, "since", text, sizeof(text), err);

	if (rc <= 0)
		return rc;
	digits = strspn(text, "0123456789");
	if (digits > 0 && digits <= SINCE_DIGITS && text[digits] == '\0') {
		*since_ms = strtoll(text, NULL, 10) * 1000;
		return 0;
	}
	if (timestamp_parse(text, since_ms) < 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "?since=%s: must be an RFC 3339 time or Unix seconds", text);
	return 0;
}

static int
read_query(struct http_request *request, struct cube_log_request *log, uint32_t *attempt,
	   struct cube_error *err)
{
	char stream[16];
	bool follow = false;
	uint64_t tail = 0;
	uint64_t number = 0;
	int rc;

	if ((rc = http_query_bool(request, "follow", &follow, err)) < 0 ||
	    (rc = http_query_number(request, "tail", 0, TAIL_MAX, &tail, err)) < 0 ||
	    (rc = http_query_number(request, "attempt", 1, UINT32_MAX, &number, err)) < 0 ||
	    (rc = read_since(request, &log->since_ms, err)) < 0 ||
	    (rc = http_query(request, "stream", stream, sizeof(stream), err)) < 0)
		return rc;
	if (rc == 0)
		log->streams = 3;
	else if (strcmp(stream, "stdout") == 0)
		log->streams = 1;
	else if (strcmp(stream, "stderr") == 0)
		log->streams = 2;
	else
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "?stream=%s: must be stdout or stderr", stream);
	log->follow = follow;
	log->tail_lines = (uint32_t)tail;
	*attempt = (uint32_t)number;
	return 0;
}

/* The runtime's handle of the task's container; false: answered. */
static bool
find_container(struct worker_api *api, struct http_request *request, const char *task_id,
	       uint32_t attempt, char handle[CUBE_HANDLE_SIZE])
{
	struct worker_message *message = worker_message_new(WORKER_GET);
	struct worker_effect *reply;
	bool found = false;

	if (message != NULL) {
		(void)memcpy(message->task_id, task_id, ID_SIZE);
		message->attempt = attempt;
	}
	reply = worker_ask(api, request, message, ASK_TIMEOUT_MS);
	if (reply == NULL)
		return false;
	assert(reply->status >= 400 || reply->task_count == 1);
	if (reply->status >= 400) {
		http_reply_error(request, reply->status, "%s", reply->message);
	} else if (reply->tasks[0].status.container_id[0] == '\0') {
		http_reply_error(request, 404,
				 "task %s has no output yet: it has not started%s%s", task_id,
				 reply->tasks[0].status.reason[0] != '\0' ? ": " : "",
				 reply->tasks[0].status.reason);
	} else {
		(void)memcpy(handle, reply->tasks[0].status.container_id, CUBE_HANDLE_SIZE);
		found = true;
	}
	worker_effect_free(&reply->item);
	return found;
}

void
worker_logs_handle(void *ctx, struct http_request *request)
{
	struct worker_api *api = ctx;
	struct reader reader = {.request = request};
	struct cube_log_request log = {
		.struct_size = sizeof(log), .ctx = &reader, .write = reader_write};
	char handle[CUBE_HANDLE_SIZE];
	uint32_t attempt = 0;
	struct cube_error err;
	int rc;

	if (id_parse(http_param(request, "id"), reader.key) < 0) {
		http_reply_error(request, 400, "'%.64s' is not a task's uuid",
				 http_param(request, "id"));
		return;
	}
	if (read_query(request, &log, &attempt, &err) < 0) {
		http_reply_error(request, 400, "%s", err.message);
		return;
	}
	if (!runtime_has_logs(api->runtime)) {
		http_reply_error(request, 501, "the runtime %s keeps no logs",
				 runtime_name(api->runtime));
		return;
	}
	if (!find_container(api, request, reader.key, attempt, handle))
		return;
	rc = executor_logs(api->executor, handle, &log, &err);
	if (reader.refused)
		return;
	if (rc < 0 && reader.stream == NULL) {
		http_reply_error(request, http_status_of(err.code), "%s", err.message);
		return;
	}
	if (rc == 0 && !reader_begin(&reader)) /* no output at all: an empty text */
		return;
	http_stream_end(reader.stream, rc == 0 && !reader.cut);
}
