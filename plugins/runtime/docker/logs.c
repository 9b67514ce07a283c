/* logs.c - a container's output: GET /containers/ID/logs, split into its two streams.
 *
 * Without a terminal the engine sends frames: 8 bytes of header (stream 1 or 2, three
 * zeros, the size in network order), then so many bytes (Docker Engine API 1.44,
 * ContainerAttach, "Stream format"). A frame may arrive in any number of pieces, and
 * is handed on as it comes. The caller's thread does it all; the caller ends it from
 * within write, which is called at least twice a second.
 */
#include "docker.h"

#include "base/cleanup.h"
#include "container.h"

#include <string.h>

#define TICK_MS     500
#define HEADER_SIZE 8
#define SYSTEM_ERR  3 /* the engine's own complaint within the stream */

struct walk {
	const struct cube_host *host;
	const struct cube_log_request *request;
	uint64_t written_ms; /* when write was last called */
	bool ended;          /* by write */
	bool garbage;
	unsigned char header[HEADER_SIZE];
	size_t header_size; /* bytes of it that are here */
	uint32_t left;      /* bytes of the frame's body to come */
	struct buf complaint;
};

static int
hand_on(struct walk *walk, int stream, const char *bytes, size_t size)
{
	walk->written_ms = walk->host->now_ms(walk->host->ctx);
	if (walk->request->write(walk->request->ctx, stream, bytes, size) != 0)
		walk->ended = true;
	return walk->ended;
}

static int
on_tick(void *ctx)
{
	struct walk *walk = ctx;

	if (walk->host->now_ms(walk->host->ctx) - walk->written_ms < TICK_MS)
		return 0;
	return hand_on(walk, 1, "", 0);
}

static int
read_header(struct walk *walk)
{
	const unsigned char *header = walk->header;

	if (header[0] > SYSTEM_ERR || header[1] != 0 || header[2] != 0 || header[3] != 0) {
		walk->garbage = true;
		return 1;
	}
	walk->left = (uint32_t)header[4] << 24 | (uint32_t)header[5] << 16 |
		     (uint32_t)header[6] << 8 | header[7];
	return 0;
}

static int
on_data(void *ctx, const char *bytes, size_t size)
{
	struct walk *walk = ctx;

	while (size > 0) {
		size_t part;

		if (walk->left == 0) {
			walk->header[walk->header_size++] = (unsigned char)*bytes++;
			size--;
			if (walk->header_size < HEADER_SIZE)
				continue;
			walk->header_size = 0;
			if (read_header(walk) != 0)
				return 1;
			continue;
		}
		part = size < walk->left ? size : walk->left;
		if (walk->header[0] == SYSTEM_ERR)
			buf_append(&walk->complaint, bytes, part);
		else if (hand_on(walk, walk->header[0] == 2 ? 2 : 1, bytes, part) != 0)
			return 1;
		walk->left -= (uint32_t)part;
		bytes += part;
		size -= part;
	}
	return 0;
}

static int
make_path(const char *handle, const struct cube_log_request *request, struct buf *path)
{
	buf_printf(path, "/containers/%s/logs?stdout=%u&stderr=%u&follow=%u", handle,
		   request->streams & 1, request->streams >> 1 & 1, request->follow != 0);
	if (request->tail_lines > 0)
		buf_printf(path, "&tail=%u", request->tail_lines);
	if (request->since_ms > 0)
		buf_printf(path, "&since=%lld.%03d000000",
			   (long long)(request->since_ms / 1000),
			   (int)(request->since_ms % 1000));
	return path->failed ? -1 : 0;
}

static int
judge(const struct walk *walk, const struct http_reply *reply, struct cube_error *err)
{
	char words[128];

	if (walk->ended)
		return 0;
	if (walk->garbage)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0,
				 "the engine's log stream has a frame that is none");
	if (reply->status == 404)
		return engine_refused(reply, CUBE_ERR_NOT_FOUND, err, "logs");
	if (reply->status != 200)
		return engine_refused(
			reply, reply->status >= 500 ? CUBE_ERR_UNAVAILABLE : CUBE_ERR_INVALID,
			err, "logs");
	if (walk->complaint.size > 0) {
		engine_cut(words, sizeof(words), walk->complaint.data, walk->complaint.size);
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0, "logs: %s", words);
	}
	if (walk->left > 0 || walk->header_size > 0)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0,
				 "the engine's log stream broke off");
	return 0;
}

int
logs_walk(void *self, const char *handle, const struct cube_log_request *request,
	  struct cube_error *err)
{
	struct docker *docker = self;
	struct walk walk = {.host = docker->host,
			    .request = request,
			    .written_ms = docker->host->now_ms(docker->host->ctx),
			    .complaint = BUF_INIT(4096)};
	const struct http_stream stream = {
		.ctx = &walk, .data = on_data, .tick = on_tick, .tick_ms = TICK_MS};
	cleanup_buf struct buf path = BUF_INIT(512);
	struct http_request call = {
		.method = "GET", .deadline_ms = HTTP_NO_DEADLINE, .stream = &stream};
	cleanup_reply struct http_reply reply = {0};
	int rc;

	if (!container_handle_ok(handle))
		return cube_fail(err, CUBE_ERR_INVALID, 0, "\"%.80s\" is no container's id",
				 handle);
	if (make_path(handle, request, &path) != 0)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "no memory for logs");
	call.path = buf_text(&path);
	rc = engine_call(docker->engine, NULL, &call, &reply, err);
	if (rc == 0)
		rc = judge(&walk, &reply, err);
	buf_release(&walk.complaint);
	return rc;
}
