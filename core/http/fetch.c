/* http/fetch.c - one request on the calling thread, curl easy.
 *
 * Owns its curl handle for the time of fetch_run; what came back is the struct's until
 * fetch_release. curl's progress callback, about once a second, asks whether to stop.
 * [any]
 */
#include "http/fetch.h"

#include "base/json.h"
#include "http/curl_common.h"
#include "http/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_DEFAULT_BYTES ((size_t)64 * 1024 * 1024)
#define HEAD_LIMIT_BYTES    ((size_t)16 * 1024)
#define CONNECT_TIMEOUT_MS  5000
#define MESSAGE_LIMIT_BYTES ((size_t)64 * 1024)

struct run {
	struct fetch *fetch;
	CURL *easy;
	bool announced; /* head was called */
	bool ended;     /* by a callback */
};

static bool
announce(struct run *run)
{
	struct fetch *fetch = run->fetch;
	char type[128] = "";
	long status = 0;

	if (run->announced)
		return true;
	run->announced = true;
	(void)curl_easy_getinfo(run->easy, CURLINFO_RESPONSE_CODE, &status);
	fetch->status = (int)status;
	(void)fetch_field(fetch, "Content-Type", type, sizeof(type));
	if (fetch->head != NULL && fetch->head(fetch->ctx, fetch->status, type) != 0)
		run->ended = true;
	return !run->ended;
}

static size_t
on_body(char *bytes, size_t one, size_t size, void *arg)
{
	struct run *run = arg;
	struct fetch *fetch = run->fetch;

	(void)one;
	if (!announce(run))
		return 0;
	if (fetch->piece != NULL && fetch->status >= 200 && fetch->status <= 299) {
		run->ended = fetch->piece(fetch->ctx, bytes, size) != 0;
		return run->ended ? 0 : size;
	}
	buf_append(&fetch->response, bytes, size);
	return fetch->response.failed ? 0 : size;
}

static size_t
on_head(char *bytes, size_t one, size_t size, void *arg)
{
	struct run *run = arg;

	(void)one;
	curl_common_head(&run->fetch->head_text, bytes, size);
	/* The empty line that ends the header: a log that is followed may stay silent. */
	if (size <= 2) {
		long status = 0;

		(void)curl_easy_getinfo(run->easy, CURLINFO_RESPONSE_CODE, &status);
		if (status >= 200 && !announce(run))
			return 0;
	}
	return size;
}

static int
on_progress(void *arg, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
	struct run *run = arg;

	(void)total;
	(void)now;
	(void)up_total;
	(void)up_now;
	if (run->fetch->stop != NULL && run->fetch->stop(run->fetch->ctx) != 0)
		run->ended = true;
	return run->ended ? 1 : 0;
}

static bool
easy_set(struct run *run, const struct curl_slist *fields)
{
	const struct fetch *fetch = run->fetch;
	CURL *easy = run->easy;
	uint32_t connect_ms =
		fetch->connect_timeout_ms != 0 ? fetch->connect_timeout_ms : CONNECT_TIMEOUT_MS;
	CURLcode bad = curl_common_set(easy);

#define SET(option, value)   \
	if (bad == CURLE_OK) \
	bad = curl_easy_setopt(easy, option, value)
	SET(CURLOPT_URL, fetch->url);
	SET(CURLOPT_HTTPHEADER, fields);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
	SET(CURLOPT_TIMEOUT_MS, (long)fetch->timeout_ms);
	if (fetch->stall_timeout_ms != 0) {
		SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
		SET(CURLOPT_LOW_SPEED_TIME, (long)(fetch->stall_timeout_ms / 1000 + 1));
	}
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, run);
	SET(CURLOPT_HEADERFUNCTION, on_head);
	SET(CURLOPT_HEADERDATA, run);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, run);
	SET(CURLOPT_NOPROGRESS, 0L);
	if (fetch->body != NULL) {
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)fetch->body_size);
		SET(CURLOPT_POSTFIELDS, fetch->body);
	}
	if (fetch->method != NULL)
		SET(CURLOPT_CUSTOMREQUEST, fetch->method);
#undef SET
	return bad == CURLE_OK;
}

static int
outcome(struct run *run, CURLcode result, struct cube_error *err)
{
	struct fetch *fetch = run->fetch;

	if (run->ended)
		return cube_fail(err, CUBE_ERR_CONFLICT, 0, "%s: ended", fetch->url);
	if (result != CURLE_OK)
		return curl_common_error(result, fetch->response.failed, fetch->response.limit,
					 fetch->url, err);
	(void)announce(run);
	if (run->ended)
		return cube_fail(err, CUBE_ERR_CONFLICT, 0, "%s: ended", fetch->url);
	return 0;
}

int
fetch_run(struct fetch *fetch, struct cube_error *err)
{
	struct run run = {.fetch = fetch, .easy = curl_easy_init()};
	struct curl_slist *fields = NULL;
	bool ok = run.easy != NULL && curl_common_slist(&fields, "Expect:");
	int failed;

	fetch->status = 0;
	buf_init(&fetch->response,
		 fetch->limit_bytes != 0 ? fetch->limit_bytes : LIMIT_DEFAULT_BYTES);
	buf_init(&fetch->head_text, HEAD_LIMIT_BYTES);
	for (size_t i = 0; ok && fetch->fields != NULL && fetch->fields[i] != NULL; i++)
		ok = curl_common_slist(&fields, fetch->fields[i]);
	if (ok && easy_set(&run, fields))
		failed = outcome(&run, curl_easy_perform(run.easy), err);
	else
		failed = cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "%s: out of memory", fetch->url);
	curl_slist_free_all(fields);
	if (run.easy != NULL)
		curl_easy_cleanup(run.easy);
	return failed;
}

void
fetch_release(struct fetch *fetch)
{
	buf_release(&fetch->response);
	buf_release(&fetch->head_text);
}

bool
fetch_field(const struct fetch *fetch, const char *name, char *out, size_t out_size)
{
	return curl_common_field(&fetch->head_text, name, out, out_size);
}

void
fetch_error_message(const struct fetch *fetch, char *out, size_t out_size)
{
	struct json_doc doc;
	struct cube_error err;
	const char *message = NULL;

	if (fetch->response.size > 0 && fetch->response.size <= MESSAGE_LIMIT_BYTES &&
	    json_parse(fetch->response.data, fetch->response.size, &doc, &err) == 0) {
		if (json_read_text(&doc, json_get(doc.root, "Message"), &message, &err) == 0 &&
		    message != NULL) {
			(void)snprintf(out, out_size, "%s", message);
			json_release(&doc);
			return;
		}
		json_release(&doc);
	}
	(void)snprintf(out, out_size, "HTTP status %d", fetch->status);
}

int
fetch_init(struct cube_error *err)
{
	if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK)
		return cube_fail(err, CUBE_ERR_INTERNAL, 0, "libcurl does not start");
	return 0;
}
