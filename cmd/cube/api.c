/* cube/api.c - see the header. */
#include "api.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_LIMIT_BYTES (256u << 20)
#define CALL_TIMEOUT_MS    60000
#define PAGE_TASKS         1000

int
api_init(struct api *api, const struct cli_values *values, struct cube_error *err)
{
	const char *given = cli_text(values, "manager");
	int n = snprintf(api->url, sizeof(api->url), "%s%s",
			 strstr(given, "://") == NULL ? "http://" : "", given);

	if (n < 0 || (size_t)n >= sizeof(api->url) || strncmp(api->url, "http://", 7) != 0 ||
	    api->url[7] == '\0' || strpbrk(api->url, " \t\r\n?#") != NULL)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "--manager wants HOST:PORT or http://HOST:PORT, not '%.100s'",
				 given);
	while (api->url[n - 1] == '/')
		api->url[--n] = '\0';
	if (strchr(api->url + 7, ':') == NULL && (size_t)n + 6 < sizeof(api->url))
		(void)snprintf(api->url + n, sizeof(api->url) - (size_t)n, ":5555");
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

int
api_fail(const struct api *api, const struct fetch *fetch, int rc, struct cube_error *err)
{
	char message[sizeof(err->message)];
	char reason[sizeof(err->message)];

	if (rc == CUBE_ERR_UNAVAILABLE || rc == CUBE_ERR_TIMEOUT) {
		(void)snprintf(reason, sizeof(reason), "%s", err->message);
		return cube_fail(
			err, rc, 0,
			"no manager answers at %s: %.120s; start cube-manager, or name it "
			"with -m or $CUBE_MANAGER",
			api->url, reason);
	}
	if (rc < 0) {
		(void)snprintf(reason, sizeof(reason), "%s", err->message);
		return cube_fail(err, CUBE_ERR_INTERNAL, 0,
				 "what answers at %s is no manager: %s", api->url, reason);
	}
	fetch_error_message(fetch, message, sizeof(message));
	rc = fetch->status == 404   ? CUBE_ERR_NOT_FOUND
	     : fetch->status == 409 ? CUBE_ERR_CONFLICT
	     : fetch->status == 503 ? CUBE_ERR_UNAVAILABLE
				    : CUBE_ERR_INTERNAL;
	return cube_fail(err, rc, 0, "%s", message);
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
	fetch->url = NULL; /* it ends with this function */
	if (rc < 0 || fetch->status < 200 || fetch->status > 299) {
		rc = api_fail(api, fetch, rc, err);
		fetch_release(fetch);
		return rc;
	}
	if (fetch->response.size > 0 &&
	    json_parse(buf_text(&fetch->response), fetch->response.size, &answer->doc, err) <
		    0) {
		fetch_release(fetch);
		return cube_fail(err, CUBE_ERR_INTERNAL, 0,
				 "what answers at %s is no manager: %s %s is not JSON",
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

/* One page; *after moves to its last task, *count is how many there were. */
static int
page_visit(const struct api *api, const char *query, uint64_t *after, size_t *count,
	   int (*visit)(void *ctx, const struct json_value *task), void *ctx,
	   struct cube_error *err)
{
	char path[API_PATH_SIZE];
	struct answer answer;
	const struct json_value *task;
	int rc;

	(void)snprintf(path, sizeof(path), "/tasks?limit=%d&after=%" PRIu64 "%s%s", PAGE_TASKS,
		       *after, query[0] == '\0' ? "" : "&", query);
	rc = api_call(api, "GET", path, NULL, 0, &answer, err);
	if (rc < 0)
		return rc;
	*count = 0;
	if (answer.doc.root == NULL || answer.doc.root->type != JSON_ARRAY) {
		answer_release(&answer);
		return cube_fail(err, CUBE_ERR_INTERNAL, 0,
				 "what answers at %s is no manager: GET /tasks is no array",
				 api->url);
	}
	for (task = answer.doc.root->as.first; rc == 0 && task != NULL; task = task->next) {
		*after = (uint64_t)member_int(task, "Sequence", INT64_MAX);
		(*count)++;
		rc = visit(ctx, task);
	}
	answer_release(&answer);
	return rc;
}

int
api_tasks(const struct api *api, const char *query,
	  int (*visit)(void *ctx, const struct json_value *task), void *ctx,
	  struct cube_error *err)
{
	uint64_t after = 0;
	size_t count = PAGE_TASKS;
	int rc = 0;

	while (rc == 0 && count == PAGE_TASKS)
		rc = page_visit(api, query, &after, &count, visit, ctx, err);
	return rc;
}

/* ---- members ------------------------------------------------------------------------- */

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
