/* http/reply.c - makes the head of an answer and sends it, with its body, in one write.
 *
 * A reply in two writes costs 40 ms with Nagle's algorithm and a packet more without, so
 * head and body are put together up to ONE_WRITE_BYTES. Larger bodies follow their
 * head, under the guard: a reader that does not read is cut off. Used by the handler's
 * thread.
 */
#include "http/reply.h"

#include "base/json.h"
#include "http/exchange.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HEAD_LIMIT_BYTES    ((size_t)8 * 1024)
#define ONE_WRITE_BYTES     ((size_t)32 * 1024)
#define ERROR_MESSAGE_BYTES 1024

static const struct {
	int status;
	const char *text;
} status_texts[] = {
	{200, "OK"},
	{201, "Created"},
	{202, "Accepted"},
	{204, "No Content"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{408, "Request Timeout"},
	{409, "Conflict"},
	{410, "Gone"},
	{413, "Content Too Large"},
	{417, "Expectation Failed"},
	{422, "Unprocessable Content"},
	{429, "Too Many Requests"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{502, "Bad Gateway"},
	{503, "Service Unavailable"},
	{504, "Gateway Timeout"},
};

const char *
http_status_text(int status)
{
	for (size_t i = 0; i < sizeof(status_texts) / sizeof(status_texts[0]); i++) {
		if (status_texts[i].status == status)
			return status_texts[i].text;
	}
	return "Unknown";
}

int
http_status_of(int code)
{
	switch (code) {
	case CUBE_ERR_INVALID:
		return 400;
	case CUBE_ERR_NOT_FOUND:
		return 404;
	case CUBE_ERR_CONFLICT:
		return 409;
	case CUBE_ERR_UNAVAILABLE:
	case CUBE_ERR_NO_MEMORY:
		return 503;
	case CUBE_ERR_TIMEOUT:
		return 504;
	case CUBE_ERR_UNSUPPORTED:
		return 501;
	default:
		return 500;
	}
}

void
http_error_body(struct buf *out, int status, const char *message)
{
	struct json_writer *writer = json_writer_new(out, false);

	if (writer == NULL) {
		buf_printf(out, "{\"HTTPStatusCode\":%d,\"Message\":\"out of memory\"}",
			   status);
		return;
	}
	json_begin_object(writer);
	json_put_int(writer, "HTTPStatusCode", status);
	json_put_text(writer, "Message", message);
	json_end_object(writer);
	json_writer_free(writer);
}

/* As civetweb decides it, or it would wait for what the client was told not to send. */
static bool
client_keeps(const struct http_request *request)
{
	const char *wish = mg_get_header(request->mg, "Connection");

	if (wish != NULL)
		return strcasestr(wish, "keep-alive") != NULL;
	return !request->old;
}

bool
exchange_keeps(struct http_request *request)
{
	bool keep = request->body_done && client_keeps(request) &&
		    !guard_stopping(request->server->guard) &&
		    !guard_scarce(request->server->guard);

	if (!keep)
		mg_disable_connection_keep_alive(request->mg);
	return keep;
}

void
exchange_head(struct http_request *request, struct buf *out, int status, const char *type,
	      const struct http_field *fields, int64_t length, bool keep)
{
	buf_printf(out, "HTTP/1.1 %d %s\r\nCube-Protocol: 1\r\n", status,
		   http_status_text(status));
	if (type != NULL)
		buf_printf(out, "Content-Type: %s\r\nX-Content-Type-Options: nosniff\r\n",
			   type);
	for (; fields != NULL && fields->name != NULL; fields++)
		buf_printf(out, "%s: %s\r\n", fields->name, fields->value);
	if (length >= 0 && status != 204)
		buf_printf(out, "Content-Length: %" PRId64 "\r\n", length);
	else if (length < 0 && !request->old)
		buf_append_text(out, "Transfer-Encoding: chunked\r\n");
	buf_printf(out, "Connection: %s\r\n\r\n", keep ? "keep-alive" : "close");
}

static void
send_all(struct http_request *request, const void *bytes, size_t size)
{
	bool long_write = size > ONE_WRITE_BYTES;
	int sent;

	if (long_write)
		guard_arm(request->connection, GUARD_WRITE, HTTP_WRITE_TIMEOUT_MS);
	sent = mg_write(request->mg, bytes, size);
	if (long_write)
		(void)guard_disarm(request->connection);
	if (sent < 0 || (size_t)sent != size)
		mg_disable_connection_keep_alive(request->mg);
}

void
http_reply(struct http_request *request, int status, const char *type,
	   const struct http_field *fields, const void *body, size_t size)
{
	cleanup_buf struct buf head = BUF_INIT(HEAD_LIMIT_BYTES + ONE_WRITE_BYTES);
	bool together = size <= ONE_WRITE_BYTES / 2;
	bool keep = exchange_keeps(request);

	assert(request->state == EXCHANGE_OPEN);
	request->state = EXCHANGE_ANSWERED;
	request->status = status;
	exchange_head(request, &head, status, type, fields, (int64_t)size, keep);
	if (request->head || status == 204)
		size = 0;
	if (together)
		buf_append(&head, body, size);
	if (head.failed) {
		mg_disable_connection_keep_alive(request->mg);
		return; /* out of memory for an answer: the connection is closed without */
	}
	send_all(request, head.data, head.size);
	if (!together && size > 0)
		send_all(request, body, size);
	if (!keep)
		body_drain(request);
}

void
http_reply_json(struct http_request *request, int status, const struct http_field *fields,
		const struct buf *body)
{
	if (body->failed) {
		http_reply_error(request, 500, "the answer does not fit into memory");
		return;
	}
	http_reply(request, status, HTTP_JSON, fields, body->data, body->size);
}

void
http_reply_error_fields(struct http_request *request, int status,
			const struct http_field *fields, const char *message)
{
	cleanup_buf struct buf body = BUF_INIT((size_t)8 * ERROR_MESSAGE_BYTES);

	http_error_body(&body, status, message);
	http_reply(request, status, HTTP_JSON, fields, body.data, body.size);
}

void
http_reply_error(struct http_request *request, int status, const char *fmt, ...)
{
	char message[ERROR_MESSAGE_BYTES];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	http_reply_error_fields(request, status, NULL, message);
}
