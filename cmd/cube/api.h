/* cube/api.h - asks the manager and reads its answers.
 *
 * One blocking exchange at a time, on the main thread. What the manager says is a
 * stranger's text: bounded and checked here, and cleaned before it is printed (table.h).
 */
#ifndef CUBE_API_H
#define CUBE_API_H

#include "base/json.h"
#include "common/options.h"
#include "http/fetch.h"

#include <stdint.h>

#define API_URL_SIZE  256
#define API_PATH_SIZE 1024

struct api {
	char url[API_URL_SIZE]; /* http://host:port, no slash at its end */
};

struct answer {
	struct fetch fetch;
	struct json_doc doc; /* root NULL: no JSON */
};

/* From --manager or $CUBE_MANAGER. INVALID if it is no address. */
int api_init(struct api *api, const struct cli_values *values, struct cube_error *err);

/* 0 on a 2xx answer. Else the manager's own words; NOT_FOUND on 404, CONFLICT on 409,
 * UNAVAILABLE on 502 to 504 or when no manager answers, TIMEOUT, else INTERNAL: INVALID is left
 * to what was wrong with the command. Release answer only on 0. */
int api_call(const struct api *api, const char *method, const char *path, const void *body,
	     size_t size, struct answer *answer, struct cube_error *err);
void answer_release(struct answer *answer);

/* Fills in url, fields and the time to connect; the rest is the caller's. */
void api_fetch_init(const struct api *api, struct fetch *fetch, char *url, size_t url_size,
		    const char *path);
/* What a fetch that failed, or was not answered with 2xx, means for a person. */
int api_fail(const struct api *api, const struct fetch *fetch, int rc, struct cube_error *err);

/* Adds key=value, percent-encoded, with & before it unless query is empty; value NULL adds
 * nothing. INVALID if it does not fit. */
int api_query_add(char *query, size_t size, const char *key, const char *value,
		  struct cube_error *err);

/* Each task of GET /tasks?QUERY, page by page, in the order of submission; query may be
 * "". A visit that returns non-zero ends the walk with that. */
int api_tasks(const struct api *api, const char *query,
	      int (*visit)(void *ctx, const struct json_value *task), void *ctx,
	      struct cube_error *err);

/* Members of an object; a default for what is absent or of another type. */
const char *member_text(const struct json_value *object, const char *key, const char *absent);
int64_t member_int(const struct json_value *object, const char *key, int64_t absent);
double member_real(const struct json_value *object, const char *key, double absent);
bool member_bool(const struct json_value *object, const char *key);

#endif
