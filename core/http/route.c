/* http/route.c - finds the handler of a request in a table of patterns.
 *
 * Walks pattern and path part by part; a parameter's value is decoded into the match, so
 * no handler sees an escape. Pure: owns nothing, allocates nothing. [any]
 */
#include "http/route.h"

#include "base/utf8.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
route_decode(const char *text, size_t size, bool plus, char *out, size_t out_size)
{
	size_t used = 0;
	size_t i = 0;

	while (i < size) {
		char c = text[i++];

		if (c == '%') {
			int high = i < size ? hex_digit(text[i]) : -1;
			int low = i + 1 < size ? hex_digit(text[i + 1]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = (char)(high * 16 + low);
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		if (c == '\0' || used + 1 >= out_size)
			return false;
		out[used++] = c;
	}
	if (out_size == 0 || utf8_valid_prefix(out, used) != used)
		return false;
	out[used] = '\0';
	return true;
}

/* The part that begins at *at, which is left behind its slash or on the NUL. */
static size_t
part_take(const char **at, const char **part)
{
	size_t size = strcspn(*at, "/");

	*part = *at;
	*at += size;
	if (**at == '/')
		(*at)++;
	return size;
}

enum part_result {
	PART_SAME,
	PART_OTHER,
	PART_BAD
};

static enum part_result
part_match(const char *want, size_t want_size, const char *part, size_t size,
	   struct route_match *match)
{
	size_t index = match->param_count;

	if (want_size < 2 || want[0] != '{')
		return want_size == size && memcmp(want, part, size) == 0 ? PART_SAME
									  : PART_OTHER;
	if (size == 0)
		return PART_OTHER;
	assert(index < HTTP_PARAMS_MAX);
	match->params[index].name = want + 1;
	match->params[index].name_size = want_size - 2;
	match->param_count = index + 1;
	if (!route_decode(part, size, false, match->params[index].value, HTTP_PARAM_SIZE) ||
	    strchr(match->params[index].value, '/') != NULL)
		return PART_BAD;
	return PART_SAME;
}

static enum part_result
path_match(const char *pattern, const char *path, struct route_match *match)
{
	bool bad = false;

	match->param_count = 0;
	if (*pattern != '/' || *path != '/')
		return PART_OTHER;
	pattern++;
	path++;
	while (*pattern != '\0' || *path != '\0') {
		const char *want;
		const char *part;
		size_t want_size;
		size_t size;

		if (*pattern == '\0' || *path == '\0')
			return PART_OTHER;
		want_size = part_take(&pattern, &want);
		size = part_take(&path, &part);
		switch (part_match(want, want_size, part, size, match)) {
		case PART_OTHER:
			return PART_OTHER;
		case PART_BAD:
			bad = true;
			break;
		case PART_SAME:
			break;
		}
	}
	return bad ? PART_BAD : PART_SAME;
}

static void
allow_add(struct route_match *match, const char *method)
{
	size_t used = strlen(match->allow);

	(void)snprintf(match->allow + used, sizeof(match->allow) - used, "%s%s",
		       used > 0 ? ", " : "", method);
}

/* A HEAD is answered by the handler of GET; the reply leaves the body out. */
static bool
method_fits(const char *route_method, const char *method)
{
	return strcmp(route_method, method) == 0 ||
	       (strcmp(method, "HEAD") == 0 && strcmp(route_method, "GET") == 0);
}

enum route_result
route_find(const struct http_route *routes, const char *method, const char *path,
	   struct route_match *match)
{
	bool bad = false;
	bool known = false;

	match->route = NULL;
	match->param_count = 0;
	match->allow[0] = '\0';
	for (const struct http_route *route = routes; route->method != NULL; route++) {
		enum part_result result = path_match(route->pattern, path, match);

		if (result == PART_OTHER)
			continue;
		known = true;
		if (result == PART_BAD) {
			bad = true;
			continue;
		}
		if (method_fits(route->method, method)) {
			match->route = route;
			return ROUTE_FOUND;
		}
		allow_add(match, route->method);
	}
	match->param_count = 0;
	if (bad)
		return ROUTE_BAD_PATH;
	return known ? ROUTE_NO_METHOD : ROUTE_NO_PATH;
}

const char *
route_param(const struct route_match *match, const char *name)
{
	for (size_t i = 0; i < match->param_count; i++) {
		if (strlen(name) == match->params[i].name_size &&
		    memcmp(name, match->params[i].name, match->params[i].name_size) == 0)
			return match->params[i].value;
	}
	return NULL;
}
