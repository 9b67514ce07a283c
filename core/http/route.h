/* http/route.h - from a method and a path to a handler. Pure. [any]
 *
 * A pattern is a path whose parts may be parameters: "/tasks/{id}/logs". A parameter takes
 * one part, percent-decoded and checked (UTF-8, no NUL, no slash). One trailing slash
 * is accepted everywhere. The table is scanned in its order: it is short.
 */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#define HTTP_PARAMS_MAX 4
#define HTTP_PARAM_SIZE 256 /* of one decoded value and its NUL */

struct http_request;

struct http_route {
	const char *method;  /* "GET"; NULL ends the table */
	const char *pattern; /* "/tasks/{id}" */
	/* Answers the request with exactly one reply or stream. On a thread of the server,
	 * with at most 40 KiB of stack left to use. */
	void (*handle)(void *ctx, struct http_request *request);
};

enum route_result {
	ROUTE_FOUND,
	ROUTE_NO_PATH,   /* 404 */
	ROUTE_NO_METHOD, /* 405; allow holds the methods of this path */
	ROUTE_BAD_PATH   /* 400: bad percent-encoding, too long, not UTF-8 */
};

struct route_match {
	const struct http_route *route; /* if found */
	size_t param_count;
	struct {
		const char *name; /* in the pattern, not NUL-terminated */
		size_t name_size;
		char value[HTTP_PARAM_SIZE];
	} params[HTTP_PARAMS_MAX];
	char allow[64]; /* "GET, POST" */
};

/* path is raw, as it came, without the query. */
enum route_result route_find(const struct http_route *routes, const char *method,
			     const char *path, struct route_match *match);
/* NULL: the pattern has no such parameter. */
const char *route_param(const struct route_match *match, const char *name);

/* %XX (and + if plus) of size bytes into out, NUL-terminated. False if it does not fit, an
 * escape is broken, or the result holds a NUL or is not UTF-8. */
bool route_decode(const char *text, size_t size, bool plus, char *out, size_t out_size);

#endif
