/* http/stream.c - sends an answer in chunks.
 *
 * Small pieces are framed in one buffer and sent in one write. Each write is under the
 * guard, so a reader that stopped reading gives its thread back. Used by the handler's
 * thread.
 */
#include "http/stream.h"

#include "http/exchange.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define STREAM_BUFFER_BYTES ((size_t)32 * 1024)

struct http_stream {
	struct http_request *request;
	struct buf frame;
	char key[HTTP_STREAM_KEY_SIZE];
	bool counted;
	bool broken;
	int socket; /* borrowed; -1: not known */
};

static bool
stream_send(struct http_stream *stream, const void *bytes, size_t size)
{
	struct http_request *request = stream->request;
	bool late;
	int sent;

	guard_arm(request->connection, GUARD_WRITE, HTTP_WRITE_TIMEOUT_MS);
	sent = mg_write(request->mg, bytes, size);
	late = guard_disarm(request->connection);
	if (late || sent < 0 || (size_t)sent != size)
		stream->broken = true;
	return !stream->broken;
}

/* NULL: err says why. */
static struct http_stream *
stream_new(struct http_request *request, const char *key, struct cube_error *err)
{
	struct http_stream *stream = calloc(1, sizeof(*stream));

	if (stream == NULL) {
		(void)cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
		return NULL;
	}
	stream->request = request;
	stream->socket = -1;
	buf_init(&stream->frame, STREAM_BUFFER_BYTES);
	if (key == NULL)
		return stream;
	if (server_stream_enter(request->server, key, err) != 0) {
		free(stream);
		return NULL;
	}
	stream->counted = true;
	stream->socket = guard_socket(request->connection);
	memcpy(stream->key, key, strnlen(key, sizeof(stream->key) - 1));
	return stream;
}

int
http_stream_begin(struct http_request *request, const char *key, int status, const char *type,
		  const struct http_field *fields, struct http_stream **out,
		  struct cube_error *err)
{
	struct http_stream *stream;
	bool keep;

	assert(request->state == EXCHANGE_OPEN);
	stream = stream_new(request, key, err);
	if (stream == NULL)
		return err->code;
	keep = !request->old && exchange_keeps(request);
	if (!keep)
		mg_disable_connection_keep_alive(request->mg);
	request->state = EXCHANGE_STREAM;
	request->status = status;
	exchange_head(request, &stream->frame, status, type, fields, -1, keep);
	if (stream->frame.failed)
		stream->broken = true;
	else
		(void)stream_send(stream, stream->frame.data, stream->frame.size);
	*out = stream;
	return 0;
}

static bool
reader_is_there(const struct http_stream *stream)
{
	struct pollfd at = {.fd = stream->socket, .events = POLLRDHUP};

	return stream->socket < 0 || poll(&at, 1, 0) <= 0 ||
	       (at.revents & (POLLRDHUP | POLLHUP | POLLERR)) == 0;
}

bool
http_stream_write(struct http_stream *stream, const void *bytes, size_t size)
{
	struct http_request *request = stream->request;

	if (stream->broken || guard_stopping(request->server->guard))
		return false;
	if (size == 0 || request->head) {
		stream->broken = !reader_is_there(stream);
		return !stream->broken;
	}
	if (request->old)
		return stream_send(stream, bytes, size);
	buf_reset(&stream->frame);
	buf_printf(&stream->frame, "%zx\r\n", size);
	if (size <= STREAM_BUFFER_BYTES - 64) {
		buf_append(&stream->frame, bytes, size);
		buf_append_text(&stream->frame, "\r\n");
		if (stream->frame.failed)
			stream->broken = true;
		return !stream->broken &&
		       stream_send(stream, stream->frame.data, stream->frame.size);
	}
	return stream_send(stream, stream->frame.data, stream->frame.size) &&
	       stream_send(stream, bytes, size) && stream_send(stream, "\r\n", 2);
}

void
http_stream_end(struct http_stream *stream, bool whole)
{
	struct http_request *request;

	if (stream == NULL)
		return;
	request = stream->request;
	request->state = EXCHANGE_ANSWERED;
	if (whole && !stream->broken && !request->old && !request->head)
		(void)stream_send(stream, "0\r\n\r\n", 5);
	if (!whole || stream->broken)
		mg_disable_connection_keep_alive(request->mg);
	if (stream->counted)
		server_stream_leave(request->server, stream->key);
	buf_release(&stream->frame);
	free(stream);
}
