/* engine.c - agrees on a version with the engine and makes the calls.
 *
 * Docker: GET /_ping without a version answers with the header Api-Version, the newest
 * the engine speaks; above that it answers every call with 400. We speak up to 1.44,
 * which every engine since 25 does, and is the oldest that Docker 29 still takes. The
 * version lives under the lock; a failed connection clears it. Errors come as
 * {"message": "..."}, sometimes as plain text.
 */
#include "engine.h"

#include "base/cleanup.h"
#include "base/utf8.h"
#include "clip.h"

#include <ctype.h>
#include <cube/runtime.h>
#include <pthread.h>
#include <string.h>

#define OUR_MAJOR     1
#define OUR_MINOR     44
#define OLDEST_MINOR  24
#define VERSION_ERROR "client version" /* how a refusal of our version begins */
#define INFO_BYTES    ((size_t)1024 * 1024)
#define PATH_BYTES    ((size_t)8 * 1024)
#define WORDS_BYTES   1024 /* of an error that is looked at */

struct engine {
	const struct cube_host *host;
	struct http *http;
	pthread_mutex_t lock;
	unsigned minor; /* agreed on, 0: not yet; this and the next two under lock */
	bool enforces_known;
	uint32_t enforces;
};

struct engine *
engine_new(const struct cube_host *host, const char *socket)
{
	struct engine *engine = calloc(1, sizeof(*engine));

	if (engine == NULL)
		return NULL;
	engine->host = host;
	engine->http = http_new(host, socket);
	if (engine->http == NULL || pthread_mutex_init(&engine->lock, NULL) != 0) {
		http_free(engine->http);
		free(engine);
		return NULL;
	}
	return engine;
}

void
engine_free(struct engine *engine)
{
	if (engine == NULL)
		return;
	http_free(engine->http);
	(void)pthread_mutex_destroy(&engine->lock);
	free(engine);
}

struct http_conn *
engine_take(struct engine *engine, struct cube_error *err)
{
	return http_take(engine->http, err);
}

void
engine_give(struct engine *engine, struct http_conn *conn)
{
	http_give(engine->http, conn);
}

/* ---- words ---- */

void
engine_cut(char *out, size_t size, const char *text, size_t text_size)
{
	static const char dots[] = " ... ";
	size_t room = size - 1;
	size_t head;
	size_t tail;

	text_size = utf8_valid_prefix(text, text_size);
	if (text_size <= room) {
		memcpy(out, text, text_size);
		out[text_size] = '\0';
		return;
	}
	head = room / 3;
	tail = text_size - (room - head - strlen(dots));
	/* Never within a character. */
	while (head > 0 && ((unsigned char)text[head] & 0xc0) == 0x80)
		head--;
	while (tail < text_size && ((unsigned char)text[tail] & 0xc0) == 0x80)
		tail++;
	(void)snprintf(out, size, "%.*s%s%.*s", (int)head, text, dots, (int)(text_size - tail),
		       text + tail);
}

const char *
engine_text(const struct json_value *object, const char *key)
{
	const struct json_value *value = json_get(object, key);

	return value != NULL && value->type == JSON_STRING ? value->as.string.text : NULL;
}

void
engine_words(const struct http_reply *reply, char *out, size_t size)
{
	cleanup_json struct json_doc doc = {0};
	const char *text = buf_text(&reply->body);
	size_t text_size = strlen(text);
	struct cube_error ignored;
	const char *message;

	if (json_parse(reply->body.data, reply->body.size, &doc, &ignored) == 0) {
		message = engine_text(doc.root, "message");
		text = message != NULL ? message : "";
		text_size = strlen(text);
	}
	while (text_size > 0 && isspace((unsigned char)text[text_size - 1]))
		text_size--;
	engine_cut(out, size, text, text_size);
	if (out[0] == '\0')
		(void)snprintf(out, size, "HTTP status %ld and no reason", reply->status);
	for (; *out != '\0'; out++)
		if ((unsigned char)*out < ' ' || *out == 0x7f)
			*out = ' ';
}

int
engine_refused(const struct http_reply *reply, int code, struct cube_error *err,
	       const char *fmt, ...)
{
	char what[sizeof(err->message)];
	size_t what_size;
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	engine_cut(err->message, sizeof(err->message) / 2, what, strlen(what));
	what_size = strlen(err->message);
	(void)snprintf(err->message + what_size, sizeof(err->message) - what_size, ": ");
	what_size += 2;
	engine_words(reply, err->message + what_size, sizeof(err->message) - what_size);
	err->code = code;
	err->sys_errno = 0;
	return code;
}

bool
engine_is_ill(const struct http_reply *reply)
{
	static const char *const signs[] = {
		"no space left on device", "disk quota exceeded", "too many open files",
		"transport is closing",    "context canceled",    "context deadline exceeded",
		"error while dialing",     "containerd.sock",     ": unavailable",
		"ttrpc: closed",
	};
	char words[WORDS_BYTES];

	if (reply->status == 502 || reply->status == 503)
		return true;
	if (reply->status != 500)
		return false;
	/* Docker's refusals are JSON; anything else is not Docker's. */
	if (reply->body.size == 0 || reply->body.data[0] != '{')
		return true;
	engine_words(reply, words, sizeof(words));
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (strcasestr(words, signs[i]) != NULL)
			return true;
	return false;
}

int
engine_parse(struct http_reply *reply, const char *what, int code, struct json_doc *doc,
	     struct cube_error *err)
{
	struct buf *body = &reply->body;
	int rc;

	if (body->size > JSON_STRING_MAX)
		body->size = clip_strings(body->data, body->size, JSON_STRING_MAX);
	rc = json_parse(body->data, body->size, doc, err);
	if (rc == 0 || rc == CUBE_ERR_NO_MEMORY)
		return rc;
	err->code = code;
	return error_wrap(err, "the engine's answer to %s is no JSON", what);
}

/* ---- version ---- */

static void
forget(struct engine *engine)
{
	(void)pthread_mutex_lock(&engine->lock);
	engine->minor = 0;
	engine->enforces_known = false;
	(void)pthread_mutex_unlock(&engine->lock);
}

static unsigned
known_minor(struct engine *engine)
{
	unsigned minor;

	(void)pthread_mutex_lock(&engine->lock);
	minor = engine->minor;
	(void)pthread_mutex_unlock(&engine->lock);
	return minor;
}

/* "1.41" */
static int
parse_version(const char *text, unsigned *major, unsigned *minor)
{
	char *end;
	unsigned long first;
	unsigned long second;

	if (!isdigit((unsigned char)text[0]))
		return -1;
	first = strtoul(text, &end, 10);
	if (*end != '.' || !isdigit((unsigned char)end[1]))
		return -1;
	second = strtoul(end + 1, &end, 10);
	if (*end != '\0' || first > 1000 || second > 100000)
		return -1;
	*major = (unsigned)first;
	*minor = (unsigned)second;
	return 0;
}

static int
no_data(void *ctx, const char *bytes, size_t size)
{
	(void)ctx;
	(void)bytes;
	(void)size;
	return 0;
}

static int
agree(struct engine *engine, const struct http_reply *reply, struct cube_error *err)
{
	unsigned major;
	unsigned minor;

	if (reply->status != 200)
		return engine_refused(reply, CUBE_ERR_UNAVAILABLE, err,
				      "the engine is not well");
	if (parse_version(reply->api_version, &major, &minor) != 0)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0,
				 "what listens at the socket is no Docker Engine: its answer "
				 "to /_ping names no Api-Version");
	if (major < OUR_MAJOR || (major == OUR_MAJOR && minor < OLDEST_MINOR))
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0,
				 "the engine speaks Docker API %s; cube needs %d.%d or newer: "
				 "upgrade the engine",
				 reply->api_version, OUR_MAJOR, OLDEST_MINOR);
	if (major > OUR_MAJOR || minor > OUR_MINOR)
		minor = OUR_MINOR;
	(void)pthread_mutex_lock(&engine->lock);
	engine->minor = minor;
	(void)pthread_mutex_unlock(&engine->lock);
	return 0;
}

/* Pings on behalf of the request like, with its deadline, and its tick so that it can be
 * ended as well. 0 and not stopped: the version is known. */
static int
negotiate(struct engine *engine, struct http_conn *conn, const struct http_request *like,
	  struct http_reply *reply, struct cube_error *err)
{
	struct http_request request = {
		.method = "GET", .path = "/_ping", .deadline_ms = like->deadline_ms};
	struct http_stream stream;
	int rc;

	if (like->stream != NULL) {
		stream = *like->stream;
		stream.begin = NULL;
		stream.data = no_data;
		request.stream = &stream;
	}
	rc = http_perform(conn, &request, reply, err);
	if (rc == 0 && !reply->stopped)
		rc = agree(engine, reply, err);
	/* What was to be changed was not sent. */
	if (rc == CUBE_ERR_TIMEOUT && strcmp(like->method, "GET") != 0)
		err->code = rc = CUBE_ERR_UNAVAILABLE;
	return rc;
}

static bool
refuses_version(const struct http_reply *reply)
{
	char words[WORDS_BYTES];

	if (reply->status != 400)
		return false;
	engine_words(reply, words, sizeof(words));
	return strncmp(words, VERSION_ERROR, strlen(VERSION_ERROR)) == 0;
}

/* ---- calls ---- */

static int
call_on(struct engine *engine, struct http_conn *conn, const struct http_request *request,
	struct http_reply *reply, struct cube_error *err)
{
	struct http_request versioned = *request;
	cleanup_buf struct buf path = BUF_INIT(PATH_BYTES);
	int rc;

	for (int attempt = 0;; attempt++) {
		if (known_minor(engine) == 0) {
			rc = negotiate(engine, conn, request, reply, err);
			if (rc != 0 || reply->stopped)
				return rc;
			buf_release(&reply->body);
		}
		buf_reset(&path);
		buf_printf(&path, "/v%d.%u%s", OUR_MAJOR, known_minor(engine), request->path);
		if (path.failed)
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "too long a path for the engine: %.60s...",
					 request->path);
		versioned.path = buf_text(&path);
		rc = http_perform(conn, &versioned, reply, err);
		if (rc != 0) {
			forget(engine);
			return rc;
		}
		if (reply->stopped || !refuses_version(reply))
			return 0;
		/* Another engine than the one we agreed with; it did nothing. */
		forget(engine);
		if (attempt > 0)
			return engine_refused(reply, CUBE_ERR_UNAVAILABLE, err,
					      "no version in common with the engine");
		buf_release(&reply->body);
	}
}

int
engine_call(struct engine *engine, struct http_conn *conn, const struct http_request *request,
	    struct http_reply *reply, struct cube_error *err)
{
	struct http_conn *own = NULL;
	int rc;

	memset(reply, 0, sizeof(*reply));
	if (conn == NULL) {
		conn = own = http_take(engine->http, err);
		if (conn == NULL)
			return err->code;
	}
	rc = call_on(engine, conn, request, reply, err);
	if (own != NULL)
		http_give(engine->http, own);
	return rc;
}

int
engine_ping(struct engine *engine, uint64_t deadline_ms, struct cube_error *err)
{
	const struct http_request like = {.method = "GET", .deadline_ms = deadline_ms};
	cleanup_reply struct http_reply reply = {0};
	struct http_conn *conn = http_take(engine->http, err);
	int rc;

	if (conn == NULL)
		return err->code;
	rc = negotiate(engine, conn, &like, &reply, err);
	if (rc != 0)
		forget(engine);
	http_give(engine->http, conn);
	return rc;
}

static bool
is_true(const struct json_value *object, const char *key)
{
	const struct json_value *value = json_get(object, key);

	return value != NULL && value->type == JSON_BOOL && value->as.boolean;
}

int
engine_enforces(struct engine *engine, uint64_t deadline_ms, uint32_t *enforces,
		struct cube_error *err)
{
	const struct http_request request = {.method = "GET",
					     .path = "/info",
					     .deadline_ms = deadline_ms,
					     .limit_bytes = INFO_BYTES};
	cleanup_reply struct http_reply reply = {0};
	cleanup_json struct json_doc doc = {0};
	uint32_t found = 0;
	bool known;
	int rc;

	(void)pthread_mutex_lock(&engine->lock);
	known = engine->enforces_known;
	if (known)
		*enforces = engine->enforces;
	(void)pthread_mutex_unlock(&engine->lock);
	if (known)
		return 0;
	rc = engine_call(engine, NULL, &request, &reply, err);
	if (rc != 0)
		return rc;
	if (reply.status != 200)
		return engine_refused(&reply, CUBE_ERR_UNAVAILABLE, err,
				      "the engine does not describe itself");
	rc = engine_parse(&reply, "/info", CUBE_ERR_UNAVAILABLE, &doc, err);
	if (rc != 0)
		return rc;
	if (is_true(doc.root, "CpuCfsQuota"))
		found |= CUBE_ENFORCES_CPU;
	if (is_true(doc.root, "MemoryLimit"))
		found |= CUBE_ENFORCES_MEMORY;
	(void)pthread_mutex_lock(&engine->lock);
	engine->enforces_known = true;
	engine->enforces = found;
	(void)pthread_mutex_unlock(&engine->lock);
	*enforces = found;
	return 0;
}
