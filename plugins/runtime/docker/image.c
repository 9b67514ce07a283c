/* image.c - sees to it that a task's image is there: GET /images/NAME/json, and POST
 * /images/create (a pull) if it is not, or pull=always.
 *
 * A pull answers 200 before it knows whether it will succeed; what goes wrong later is a
 * line with "error" in the stream. After a good end the image is looked for once more, for
 * a stream that was cut short looks like one that ended. Errors: the engine's own words
 * with NOT_FOUND (it has no such image and cannot get it, for whatever reason: the attempt
 * has failed) or INVALID (the reference, the credentials); UNAVAILABLE when the engine
 * is not there, breaks off or its disk is full, and when the core gave up. [any]
 */
#include "image.h"

#include "auth.h"
#include "base/cleanup.h"
#include "docker.h"
#include "lines.h"

#include <ctype.h>
#include <string.h>

#define LINE_BYTES   ((size_t)64 * 1024)
#define STREAM_BYTES ((size_t)64 * 1024 * 1024) /* of a pull's progress */
#define LAYERS_MAX   256                        /* counted for the progress */
#define TICK_MS      250
#define NAME_BYTES   512

struct layer {
	char id[20];
	uint64_t done_bytes;
	uint64_t total_bytes;
};

struct fetch {
	struct docker *docker;
	const char *image;
	uint64_t deadline_ms;
	cube_progress *progress;
	void *ctx;
	uint64_t told_ms; /* when progress was last called */
	bool given_up;
	/* of a pull */
	struct lines lines;
	size_t stream_size;
	const char *garbage; /* why its stream cannot be right */
	char *failure;       /* the engine's words */
	size_t layer_count;
	struct layer layers[LAYERS_MAX];
	char what[64];
};

/* ---- references ---- */

int
image_check(const char *image, struct cube_error *err)
{
	size_t size = strlen(image);
	bool ok = isalnum((unsigned char)image[0]) != 0 && size <= NAME_BYTES;

	for (size_t i = 0; i < size && ok; i++) {
		unsigned char c = (unsigned char)image[i];

		ok = isalnum(c) || strchr("._/:@+-", c) != NULL;
		/* No empty or dotted parts of a path. */
		if (c == '/')
			ok = image[i + 1] != '/' && image[i + 1] != '.' && image[i + 1] != '\0';
	}
	if (ok)
		return 0;
	return cube_fail(err, CUBE_ERR_INVALID, 0,
			 "\"%.100s\" is no image's name; one looks like nginx:1.25 or "
			 "registry:5000/team/app@sha256:...",
			 image);
}

void
image_split(const char *image, size_t *name_size, const char **tag)
{
	const char *at = strchr(image, '@');
	const char *slash = strrchr(image, '/');
	const char *colon = strchr(slash == NULL ? image : slash, ':');

	if (at != NULL && colon != NULL && colon > at)
		colon = NULL;
	*name_size = colon != NULL ? (size_t)(colon - image)
		     : at != NULL  ? (size_t)(at - image)
				   : strlen(image);
	*tag = at != NULL ? at + 1 : colon != NULL ? colon + 1 : "latest";
}

/* ---- progress ---- */

static int
on_tick(void *ctx)
{
	struct fetch *fetch = ctx;
	const struct cube_host *host = fetch->docker->host;
	uint64_t now_ms = host->now_ms(host->ctx);
	uint64_t done_bytes = 0;
	uint64_t total_bytes = 0;

	if (now_ms - fetch->told_ms < TICK_MS)
		return fetch->given_up;
	fetch->told_ms = now_ms;
	for (size_t i = 0; i < fetch->layer_count; i++) {
		done_bytes += fetch->layers[i].done_bytes;
		total_bytes += fetch->layers[i].total_bytes;
	}
	if (fetch->progress(fetch->ctx, done_bytes, total_bytes, fetch->what) != 0)
		fetch->given_up = true;
	return fetch->given_up;
}

static int
ignore(void *ctx, const char *bytes, size_t size)
{
	(void)ctx;
	(void)bytes;
	(void)size;
	return 0;
}

static struct layer *
layer_of(struct fetch *fetch, const char *id)
{
	struct layer *layer;

	for (size_t i = 0; i < fetch->layer_count; i++)
		if (strcmp(fetch->layers[i].id, id) == 0)
			return &fetch->layers[i];
	if (fetch->layer_count == LAYERS_MAX || strlen(id) >= sizeof(layer->id))
		return NULL;
	layer = &fetch->layers[fetch->layer_count++];
	(void)snprintf(layer->id, sizeof(layer->id), "%s", id);
	return layer;
}

static uint64_t
bytes_of(const struct json_value *detail, const char *key)
{
	const struct json_value *value = json_get(detail, key);

	if (value == NULL || value->type != JSON_NUMBER || !value->as.number.is_integer ||
	    value->as.number.integer < 0 || value->as.number.integer > INT64_C(1) << 48)
		return 0;
	return (uint64_t)value->as.number.integer;
}

static void
count_layer(struct fetch *fetch, const struct json_value *line, const char *status)
{
	const struct json_value *detail = json_get(line, "progressDetail");
	const char *id = engine_text(line, "id");
	struct layer *layer = id == NULL ? NULL : layer_of(fetch, id);

	if (layer == NULL)
		return;
	if (strcmp(status, "Downloading") == 0) {
		layer->done_bytes = bytes_of(detail, "current");
		layer->total_bytes = bytes_of(detail, "total");
	} else if (strcmp(status, "Download complete") == 0 ||
		   strcmp(status, "Pull complete") == 0) {
		layer->done_bytes = layer->total_bytes;
	}
}

/* ---- the stream of a pull ---- */

static int
on_line(void *ctx, const char *text, size_t size)
{
	struct fetch *fetch = ctx;
	cleanup_json struct json_doc doc = {0};
	struct cube_error err;
	const char *failure;
	const char *status;

	if (json_parse(text, size, &doc, &err) != 0) {
		fetch->garbage = "a line of it is no JSON";
		return 1;
	}
	failure = engine_text(doc.root, "error");
	if (failure == NULL)
		failure = engine_text(json_get(doc.root, "errorDetail"), "message");
	if (failure != NULL && fetch->failure == NULL) {
		fetch->failure = strdup(failure);
		if (fetch->failure == NULL) {
			fetch->garbage = "no memory for what it says";
			return 1;
		}
	}
	status = engine_text(doc.root, "status");
	if (status != NULL) {
		engine_cut(fetch->what, sizeof(fetch->what), status, strlen(status));
		count_layer(fetch, doc.root, status);
	}
	return 0;
}

static int
on_data(void *ctx, const char *bytes, size_t size)
{
	struct fetch *fetch = ctx;
	int rc;

	fetch->stream_size += size;
	if (fetch->stream_size > STREAM_BYTES) {
		fetch->garbage = "it has no end";
		return 1;
	}
	rc = lines_feed(&fetch->lines, bytes, size);
	if (rc < 0)
		fetch->garbage = "a line of it is too long";
	return rc;
}

/* Is it the engine's disk, rather than the image? */
static bool
is_full(const char *words)
{
	return strcasestr(words, "no space left on device") != NULL ||
	       strcasestr(words, "disk quota exceeded") != NULL;
}

static int
judge_pull(struct fetch *fetch, const struct http_reply *reply, struct cube_error *err)
{
	char words[sizeof(err->message)];
	char doing[100];
	int code;

	(void)snprintf(doing, sizeof(doing), "pull %.90s", fetch->image);
	if (fetch->given_up)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0, "the pull was given up");
	if (fetch->garbage != NULL)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0,
				 "the engine's account of the pull cannot be right: %s",
				 fetch->garbage);
	if (fetch->failure != NULL) {
		engine_cut(words, sizeof(words) - 8, fetch->failure, strlen(fetch->failure));
		code = is_full(words) ? CUBE_ERR_UNAVAILABLE : CUBE_ERR_NOT_FOUND;
		return cube_fail(err, code, 0, "%s: %s", doing, words);
	}
	if (reply->status == 200)
		return 0;
	engine_words(reply, words, sizeof(words));
	code = CUBE_ERR_NOT_FOUND;
	if (reply->status == 400)
		code = CUBE_ERR_INVALID;
	else if (is_full(words) || reply->status == 502 || reply->status == 503 ||
		 reply->body.size == 0 || reply->body.data[0] != '{')
		code = CUBE_ERR_UNAVAILABLE;
	return engine_refused(reply, code, err, "%s", doing);
}

static int
pull_with(struct fetch *fetch, const char *path, const char *header, struct cube_error *err)
{
	const struct http_stream stream = {
		.ctx = fetch, .data = on_data, .tick = on_tick, .tick_ms = TICK_MS};
	const struct http_request request = {.method = "POST",
					     .path = path,
					     .header = header,
					     .deadline_ms = fetch->deadline_ms,
					     .stream = &stream};
	const struct cube_host *host = fetch->docker->host;
	cleanup_reply struct http_reply reply = {0};
	int rc;

	rc = engine_call(fetch->docker->engine, NULL, &request, &reply, err);
	if (rc == 0 && !reply.stopped)
		(void)lines_end(&fetch->lines);
	if (rc == 0)
		return judge_pull(fetch, &reply, err);
	/* Broken off: a pull does no harm when it is repeated. */
	if (rc == CUBE_ERR_TIMEOUT && host->now_ms(host->ctx) < fetch->deadline_ms)
		err->code = rc = CUBE_ERR_UNAVAILABLE;
	return rc;
}

static int
pull(struct fetch *fetch, struct cube_error *err)
{
	const struct helper_wait wait = {.host = fetch->docker->host,
					 .deadline_ms = fetch->deadline_ms,
					 .ctx = fetch,
					 .tick = on_tick};
	cleanup_buf struct buf header = BUF_INIT((size_t)128 * 1024);
	cleanup_buf struct buf path = BUF_INIT((size_t)8 * 1024);
	char name[NAME_BYTES + 1];
	char registry[NAME_BYTES];
	size_t name_size;
	const char *tag;
	int rc;

	rc = auth_registry(fetch->image, registry, sizeof(registry), err);
	if (rc == 0)
		rc = auth_header(fetch->docker->config, registry, &wait, &header, err);
	if (rc != 0)
		return rc;
	image_split(fetch->image, &name_size, &tag);
	(void)snprintf(name, sizeof(name), "%.*s", (int)name_size, fetch->image);
	buf_append_text(&path, "/images/create?fromImage=");
	http_escape(&path, name, "");
	buf_append_text(&path, "&tag=");
	http_escape(&path, tag, "");
	if (path.failed)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "no memory for a pull");
	rc = pull_with(fetch, buf_text(&path), header.size > 0 ? buf_text(&header) : NULL, err);
	if (header.data != NULL)
		explicit_bzero(header.data, header.capacity);
	return rc;
}

/* 0: it is there; NOT_FOUND with the engine's words. */
static int
look(struct fetch *fetch, struct cube_error *err)
{
	const struct http_stream stream = {
		.ctx = fetch, .data = ignore, .tick = on_tick, .tick_ms = TICK_MS};
	cleanup_buf struct buf path = BUF_INIT((size_t)4 * NAME_BYTES);
	struct http_request request = {
		.method = "GET", .deadline_ms = fetch->deadline_ms, .stream = &stream};
	cleanup_reply struct http_reply reply = {0};
	int rc;

	buf_append_text(&path, "/images/");
	http_escape(&path, fetch->image, "/:@");
	buf_append_text(&path, "/json");
	if (path.failed)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "no memory to look for an image");
	request.path = buf_text(&path);
	rc = engine_call(fetch->docker->engine, NULL, &request, &reply, err);
	if (rc != 0)
		return rc;
	if (reply.stopped)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0, "given up");
	if (reply.status == 200)
		return 0;
	if (reply.status == 404)
		return engine_refused(&reply, CUBE_ERR_NOT_FOUND, err, "image");
	return engine_refused(&reply,
			      reply.status == 400 ? CUBE_ERR_INVALID : CUBE_ERR_UNAVAILABLE,
			      err, "the engine does not say whether it has the image");
}

static int
fetch_image(struct fetch *fetch, struct cube_error *err)
{
	const enum pull_policy policy = fetch->docker->pull;
	int rc;

	if (policy != PULL_ALWAYS) {
		rc = look(fetch, err);
		if (rc != CUBE_ERR_NOT_FOUND)
			return rc;
		if (policy == PULL_NEVER)
			return cube_fail(err, CUBE_ERR_NOT_FOUND, 0,
					 "image %.150s is not on this machine, and this "
					 "worker pulls none (pull=never)",
					 fetch->image);
	}
	rc = pull(fetch, err);
	if (rc != 0)
		return rc;
	rc = look(fetch, err);
	if (rc == CUBE_ERR_NOT_FOUND)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0,
				 "the pull of %.150s ended without an error and without "
				 "the image",
				 fetch->image);
	return rc;
}

int
image_prepare(void *self, const struct cube_task_spec *spec, uint64_t deadline_ms,
	      cube_progress *progress, void *ctx, struct cube_error *err)
{
	struct fetch *fetch;
	int rc;

	rc = image_check(spec->image, err);
	if (rc != 0)
		return rc;
	fetch = calloc(1, sizeof(*fetch));
	if (fetch == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "no memory for a pull");
	fetch->docker = self;
	fetch->image = spec->image;
	fetch->deadline_ms = deadline_ms;
	fetch->progress = progress;
	fetch->ctx = ctx;
	fetch->told_ms = fetch->docker->host->now_ms(fetch->docker->host->ctx);
	buf_init(&fetch->lines.partial, LINE_BYTES);
	fetch->lines.ctx = fetch;
	fetch->lines.line = on_line;
	(void)snprintf(fetch->what, sizeof(fetch->what), "Preparing");
	rc = fetch_image(fetch, err);
	buf_release(&fetch->lines.partial);
	free(fetch->failure);
	free(fetch);
	return rc;
}
