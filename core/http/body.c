/* http/body.c - frames, reads and, if need be, throws away the body of a request.
 *
 * The framing is checked for every request before its handler runs, because two readings
 * of where a body ends are how requests are smuggled. While it reads, the guard holds the
 * deadline. Used by the handler's thread.
 */
#include "http/body.h"

#include "http/exchange.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PIECE_BYTES      ((size_t)64 * 1024)
#define BODY_SMALL_BYTES ((size_t)64 * 1024)
#define DRAIN_BYTES      ((uint64_t)32 * 1024 * 1024)
#define DRAIN_MS         2000
#define DRAIN_SCARCE_MS  300
#define CIVETWEB_HEADERS 64 /* it drops what comes after so many, unseen */

static int
length_parse(struct http_request *request, const char *text, struct cube_error *err)
{
	size_t digits = strspn(text, "0123456789");
	char *end;

	if (digits == 0 || digits > 18 || text[digits + strspn(text + digits, " \t")] != '\0') {
		(void)cube_fail(err, CUBE_ERR_INVALID, 0,
				"Content-Length: must be a number of bytes");
		return 400;
	}
	request->body_length = strtoull(text, &end, 10);
	return 0;
}

static int
expect_parse(struct http_request *request, const char *text, struct cube_error *err)
{
	if (strcasecmp(text, "100-continue") != 0) {
		(void)cube_fail(err, CUBE_ERR_INVALID, 0, "Expect: only 100-continue is known");
		return 417;
	}
	request->expects = !request->old;
	return 0;
}

int
body_frame(struct http_request *request, struct cube_error *err)
{
	const struct mg_request_info *info = request->info;
	unsigned lengths = 0;
	unsigned encodings = 0;
	int status = 0;

	if (info->num_headers >= CIVETWEB_HEADERS) {
		(void)cube_fail(err, CUBE_ERR_INVALID, 0, "too many header fields: at most %d",
				CIVETWEB_HEADERS - 1);
		return 400;
	}
	for (int i = 0; i < info->num_headers && status == 0; i++) {
		const struct mg_header *field = &info->http_headers[i];

		if (strcasecmp(field->name, "Content-Length") == 0) {
			lengths++;
			status = length_parse(request, field->value, err);
		} else if (strcasecmp(field->name, "Transfer-Encoding") == 0) {
			encodings++;
			request->chunked = true;
			if (strcasecmp(field->value, "chunked") != 0) {
				(void)cube_fail(err, CUBE_ERR_INVALID, 0,
						"Transfer-Encoding: only chunked is known");
				status = 400;
			}
		} else if (strcasecmp(field->name, "Expect") == 0) {
			status = expect_parse(request, field->value, err);
		}
	}
	if (status != 0)
		return status;
	if (lengths > 1 || encodings > 1 || (lengths > 0 && encodings > 0)) {
		(void)cube_fail(err, CUBE_ERR_INVALID, 0,
				"a body has one Content-Length or one Transfer-Encoding: "
				"here are %u and %u",
				lengths, encodings);
		return 400;
	}
	request->body_done = !request->chunked && request->body_length == 0;
	return 0;
}

static void
expect_answer(struct http_request *request)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (request->expects)
		(void)mg_write(request->mg, go_on, sizeof(go_on) - 1);
	request->expects = false;
}

static int
too_large(const struct buf *out, struct cube_error *err)
{
	(void)cube_fail(err, CUBE_ERR_INVALID, 0, "the body is over the limit of %zu bytes",
			out->limit);
	return 413;
}

/* What is made of a body takes many times its size, so that as many large ones as there are
 * threads would be more than the machine has. Small ones are not counted. */
static bool
body_take(struct http_request *request, size_t size)
{
	struct http_server *server = request->server;
	size_t more = size > BODY_SMALL_BYTES ? size - request->body_taken : 0;

	if (more == 0)
		return true;
	request->body_taken += more;
	return atomic_fetch_add(&server->bodies_taken, more) + more <= server->bodies_bytes;
}

void
body_give_back(struct http_request *request)
{
	(void)atomic_fetch_sub(&request->server->bodies_taken, request->body_taken);
	request->body_taken = 0;
}

/* Under the guard. Returns 0 once the whole body is in out. */
static int
body_read(struct http_request *request, struct buf *out, struct cube_error *err)
{
	while (request->chunked || out->size < request->body_length) {
		size_t want = PIECE_BYTES;
		char *room;
		int got;

		if (!request->chunked && request->body_length - out->size < want)
			want = (size_t)(request->body_length - out->size);
		/* One byte past the limit is asked for, to see that it is there. */
		if (request->chunked && out->limit - out->size < want)
			want = out->limit - out->size;
		if (want == 0) {
			char past;

			got = mg_read(request->mg, &past, 1);
			if (got > 0)
				return too_large(out, err);
			break;
		}
		room = buf_reserve(out, want);
		if (room == NULL) {
			(void)cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
			return 503;
		}
		got = mg_read(request->mg, room, want);
		if (got < 0 || (got == 0 && !request->chunked)) {
			(void)cube_fail(err, CUBE_ERR_INVALID, 0,
					"the body is cut short or badly chunked");
			return 400;
		}
		if (got == 0)
			break;
		out->size += (size_t)got;
		if (!body_take(request, out->size)) {
			(void)cube_fail(err, CUBE_ERR_UNAVAILABLE, 0,
					"too many large requests at once: try again");
			return 503;
		}
	}
	request->body_done = true;
	return 0;
}

int
http_body(struct http_request *request, struct buf *out, struct cube_error *err)
{
	int status;

	if (request->body_done)
		return 0;
	if (!request->chunked && request->body_length > out->limit)
		return too_large(out, err);
	expect_answer(request);
	guard_arm(request->connection, GUARD_READ, HTTP_BODY_TIMEOUT_MS);
	status = body_read(request, out, err);
	if (guard_disarm(request->connection) && status != 0) {
		(void)cube_fail(err, CUBE_ERR_TIMEOUT, 0,
				"the body did not arrive in time: within %d s, or %d s while "
				"many others wait",
				HTTP_BODY_TIMEOUT_MS / 1000, HTTP_SCARCE_TIMEOUT_MS / 1000);
		status = 408;
	}
	if (status == 0 && out->size > 0)
		out->data[out->size] = '\0';
	return status;
}

bool
http_body_or_reply(struct http_request *request, struct buf *out)
{
	struct cube_error err;
	int status = http_body(request, out, &err);

	if (status != 0)
		http_reply_error(request, status, "%s", err.message);
	return status == 0;
}

void
body_drain(struct http_request *request)
{
	char *piece;
	uint64_t left = DRAIN_BYTES;

	/* One that waits for 100 Continue has sent nothing yet. */
	if (request->body_done || request->expects)
		return;
	piece = malloc(PIECE_BYTES);
	if (piece == NULL)
		return;
	guard_arm(request->connection, GUARD_READ,
		  guard_scarce(request->server->guard) ? DRAIN_SCARCE_MS : DRAIN_MS);
	while (left > 0) {
		int got = mg_read(request->mg, piece, PIECE_BYTES);

		if (got <= 0)
			break;
		left -= (uint64_t)got < left ? (uint64_t)got : left;
	}
	(void)guard_disarm(request->connection);
	free(piece);
}
