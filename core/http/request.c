/* http/request.c - reads what civetweb has parsed of a request.
 *
 * Owns nothing. Used by the handler's thread.
 */
#include "http/request.h"

#include "http/exchange.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *
http_method(const struct http_request *request)
{
	return request->info->request_method;
}

const char *
http_path(const struct http_request *request)
{
	return request->info->local_uri_raw;
}

const char *
http_query_string(const struct http_request *request)
{
	return request->info->query_string != NULL ? request->info->query_string : "";
}

struct http_server *
http_request_server(const struct http_request *request)
{
	return request->server;
}

const char *
http_param(const struct http_request *request, const char *name)
{
	const char *value = route_param(&request->match, name);

	assert(value != NULL);
	return value;
}

const char *
http_header(const struct http_request *request, const char *name)
{
	return mg_get_header(request->mg, name);
}

/* The raw value of name in the query; NULL: not there. has_value: there was an '='. */
static const char *
query_find(const struct http_request *request, const char *name, size_t *size, bool *has_value)
{
	const char *at = request->info->query_string;
	size_t name_size = strlen(name);

	while (at != NULL && *at != '\0') {
		size_t pair = strcspn(at, "&");
		size_t key = strcspn(at, "=&");

		if (key == name_size && memcmp(at, name, key) == 0) {
			*has_value = key < pair;
			*size = *has_value ? pair - key - 1 : 0;
			return *has_value ? at + key + 1 : at + key;
		}
		at += pair;
		if (*at == '&')
			at++;
	}
	return NULL;
}

int
http_query(const struct http_request *request, const char *name, char *out, size_t out_size,
	   struct cube_error *err)
{
	size_t size;
	bool has_value;
	const char *value = query_find(request, name, &size, &has_value);

	assert(out_size > 0);
	if (value == NULL) {
		out[0] = '\0';
		return 0;
	}
	if (!route_decode(value, size, true, out, out_size)) {
		out[0] = '\0';
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "?%s=: must be percent-encoded UTF-8 of at most %zu bytes",
				 name, out_size - 1);
	}
	return 1;
}

int
http_query_number(const struct http_request *request, const char *name, uint64_t min,
		  uint64_t max, uint64_t *out, struct cube_error *err)
{
	char text[32];
	char *end;
	uint64_t value;
	int found = http_query(request, name, text, sizeof(text), err);

	if (found <= 0)
		return found;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < min ||
	    value > max)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "?%s=%s: must be a number from %" PRIu64 " to %" PRIu64, name,
				 text, min, max);
	*out = value;
	return 1;
}

int
http_query_bool(const struct http_request *request, const char *name, bool *out,
		struct cube_error *err)
{
	char text[8];
	size_t size;
	bool has_value;
	int found;

	if (query_find(request, name, &size, &has_value) != NULL && !has_value) {
		*out = true;
		return 1;
	}
	found = http_query(request, name, text, sizeof(text), err);
	if (found <= 0)
		return found;
	if (strcmp(text, "1") == 0 || strcmp(text, "true") == 0)
		*out = true;
	else if (strcmp(text, "0") == 0 || strcmp(text, "false") == 0)
		*out = false;
	else
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "?%s=%s: must be 1, 0, true or false", name, text);
	return 1;
}
