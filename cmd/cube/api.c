/* cube/api.c - see the header. */
#include "api.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_LIMIT_BYTES (256u << 20)
#define CALL_TIMEOUT_MS    60000
#define PAGE_TASKS         1000
#define PORT_DEFAULT       ":5555"

int
api_init(struct api *api, const struct cli_values *values, struct cube_error *err)
{
	const char *given = cli_text(values, "manager");
	const char *host;
	int n = snprintf(api->url, sizeof(api->url), "%s%s",
			 strstr(given, "://") == NULL ? "http://" : "", given);

	while (n > 0 && (size_t)n < sizeof(api->url) && api->url[n - 1] == '/')
		api->url[--n] = '\0';
	host = api->url + strlen("http://");
	if (n < 0 || (size_t)n + sizeof(PORT_DEFAULT) > sizeof(api->url) ||
	    strncmp(api->url, "http://", strlen("http://")) != 0 || host[0] == '\0' ||
	    host[0] == ':' || strpbrk(host, " \t\r\n/?#@") != NULL)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "--manager wants HOST:PORT or http://HOST:PORT, not '%.100s'",
				 given);
	if (strchr(host, ':') == NULL)
		(void)snprintf(api->url + n, sizeof(api->url) - (size_t)n, "%s", PORT_DEFAULT);
	return 0;
}

void
api_fetch_init(const struct api *api, struct fetch *fetch, char *url, size_t url_size,
	       const char *path)
{
	static const char *const fields[] = {"Content-Type: application/json", NULL};

	memset(fetch, 0, sizeof(*fetch));
	(void)snprintf(url, url_size, "%s%s", api->url, path);
	fetch->url = url;
	fetch->fields = fields;
	fetch->limit_bytes = ANSWER_LIMIT_BYTES;
}

/* No HTTP answer came. */
static int
fail_silent(const struct api *api, const struct fetch *fetch, int rc, struct cube_error *err)
{
	size_t url_size = strlen(fetch->url);
	char reason[sizeof(err->message)];
	const char *at = reason;

	/* The reason begins with the address, which our own words have already. */
	(void)snprintf(reason, sizeof(reason), "%s", err->message);
	if (strncmp(at, fetch->url, url_size) == 0 && strncmp(at + url_size, ": ", 2) == 0)
		at += url_size + 2;
	if (strcmp(at, "nobody answers there") == 0)
		at = "";
	if (rc == CUBE_ERR_UNAVAILABLE || rc == CUBE_ERR_TIMEOUT)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0,
				 "no manager answers at %.80s%s%.60s; start cube-manager, or "
				 "name another with -m or $CUBE_MANAGER",
				 api->url, at[0] != '\0' ? ": " : "", at);
	return cube_fail(err, CUBE_ERR_INTERNAL, 0, "what answers at %.80s is no manager: %s",
			 api->url, at);
}

int
api_fail(const struct api *api, const struct fetch *fetch, int rc, struct cube_error *err)
{
	char message[sizeof(err->message)];
	char bare[32];

	if (rc < 0)
		return fail_silent(api, fetch, rc, err);
	rc = fetch->status == 404                           ? CUBE_ERR_NOT_FOUND
	     : fetch->status == 409                         ? CUBE_ERR_CONFLICT
	     : fetch->status >= 502 && fetch->status <= 504 ? CUBE_ERR_UNAVAILABLE
							    : CUBE_ERR_INTERNAL;
	fetch_error_message(fetch, message, sizeof(message));
	(void)snprintf(bare, sizeof(bare), "HTTP status %d", fetch->status);
	if (strcmp(message, bare) != 0)
		return cube_fail(err, rc, 0, "%s", message);
	/* A manager says what is wrong; this one has not. */
	return cube_fail(
		err, CUBE_ERR_INTERNAL, 0,
		"what answers at %.80s is no manager of cube's: HTTP status %d, and no "
		"message",
		api->url, fetch->status);
}

int
api_call(const struct api *api, const char *method, const char *path, const void *body,
	 size_t size, struct answer *answer, struct cube_error *err)
{
	char url[API_URL_SIZE + API_PATH_SIZE];
	struct fetch *fetch = &answer->fetch;
	int rc;

	memset(answer, 0, sizeof(*answer));
	api_fetch_init(api, fetch, url, sizeof(url), path);
	fetch->method = method;
	fetch->body = body;
	fetch->body_size = size;
	fetch->timeout_ms = CALL_TIMEOUT_MS;
	rc = fetch_run(fetch, err);
	if (rc < 0 || fetch->status < 200 || fetch->status > 299) {
		rc = api_fail(api, fetch, rc, err);
		fetch_release(fetch);
		return rc;
	}
	fetch->url = NULL; /* it ends with this function */
	if (fetch->response.size > 0 &&
	    json_parse(buf_text(&fetch->response), fetch->response.size, &answer->doc, err) <
		    0) {
		fetch_release(fetch);
		return cube_fail(err, CUBE_ERR_INTERNAL, 0,
				 "what answers at %.80s is no manager: the answer to %s %.60s "
				 "is not JSON",
				 api->url, method, path);
	}
	return 0;
}

void
answer_release(struct answer *answer)
{
	json_release(&answer->doc);
	fetch_release(&answer->fetch);
}

int
api_query_add(char *query, size_t size, const char *key, const char *value,
	      struct cube_error *err)
{
	size_t used = strlen(query);
	int n;

	if (value == NULL)
		return 0;
	n = snprintf(query + used, size - used, "%s%s=", used == 0 ? "" : "&", key);
	for (const char *at = value; n >= 0 && (size_t)n < size - used && *at != '\0'; at++) {
		bool plain = isalnum((unsigned char)*at) || strchr("-._~:", *at) != NULL;

		used += (size_t)n;
		n = plain ? snprintf(query + used, size - used, "%c", *at)
			  : snprintf(query + used, size - used, "%%%02X", (unsigned char)*at);
	}
	if (n < 0 || (size_t)n >= size - used)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "'%.40s...' is too long for a %s",
				 value, key);
	return 0;
}

/* One page. *after moves to its last task; *more: there may be others behind it. */
static int
page_visit(const struct api *api, const char *query, int64_t *after, bool *more,
	   int (*visit)(void *ctx, const struct json_value *task), void *ctx,
	   struct cube_error *err)
{
	char path[API_PATH_SIZE];
	struct answer answer;
	const struct json_value *task;
	int64_t last = *after;
	int rc;

	(void)snprintf(path, sizeof(path), "/tasks?limit=%d&after=%" PRId64 "%s%s", PAGE_TASKS,
		       *after, query[0] == '\0' ? "" : "&", query);
	rc = api_call(api, "GET", path, NULL, 0, &answer, err);
	if (rc < 0)
		return rc;
	if (answer.doc.root == NULL || answer.doc.root->type != JSON_ARRAY) {
		answer_release(&answer);
		return cube_fail(err, CUBE_ERR_INTERNAL, 0,
				 "what answers at %.80s is no manager: GET /tasks is no array",
				 api->url);
	}
	for (task = answer.doc.root->as.first; rc == 0 && task != NULL; task = task->next) {
		last = member_int(task, "Sequence", 0);
		rc = visit(ctx, task);
	}
	/* A manager without sequences, as the book's, has sent all; and none may send us
	 * round for ever. */
	*more = answer.doc.root->count == PAGE_TASKS && last > *after;
	*after = last;
	answer_release(&answer);
	return rc;
}

int
api_tasks(const struct api *api, const char *query,
	  int (*visit)(void *ctx, const struct json_value *task), void *ctx,
	  struct cube_error *err)
{
	int64_t after = 0;
	bool more = true;
	int rc = 0;

	while (rc == 0 && more)
		rc = page_visit(api, query, &after, &more, visit, ctx, err);
	return rc;
}

/* ---- members ---- */

const char *
member_text(const struct json_value *object, const char *key, const char *absent)
{
	const struct json_value *value = json_get(object, key);

	return value != NULL && value->type == JSON_STRING ? value->as.string.text : absent;
}

int64_t
member_int(const struct json_value *object, const char *key, int64_t absent)
{
	const struct json_value *value = json_get(object, key);

	return value != NULL && value->type == JSON_NUMBER && value->as.number.is_integer
		       ? value->as.number.integer
		       : absent;
}

double
member_real(const struct json_value *object, const char *key, double absent)
{
	const struct json_value *value = json_get(object, key);

	return value != NULL && value->type == JSON_NUMBER ? value->as.number.real : absent;
}

bool
member_bool(const struct json_value *object, const char *key)
{
	const struct json_value *value = json_get(object, key);

	return value != NULL && value->type == JSON_BOOL && value->as.boolean;
}
