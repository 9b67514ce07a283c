/* http/request.h - what a handler may ask of the request it was given.
 *
 * Everything borrowed lives until the handler returns. Used by the handler's thread
 * alone.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "base/error.h"
#include "http/route.h"

#include <stdint.h>

struct http_server;

const char *http_method(const struct http_request *request);
const char *http_path(const struct http_request *request);         /* raw, without the query */
const char *http_query_string(const struct http_request *request); /* raw; "": none */
struct http_server *http_request_server(const struct http_request *request);

/* Of the pattern, decoded; asking for one that is not in it is a bug. */
const char *http_param(const struct http_request *request, const char *name);
/* NULL: not there. */
const char *http_header(const struct http_request *request, const char *name);

/* ?name=value, decoded. 1 if it is there, 0 if not (out is ""), INVALID if it is badly
 * encoded, or longer than out, with a message that names it. */
int http_query(const struct http_request *request, const char *name, char *out, size_t out_size,
	       struct cube_error *err);
/* A number. 1, 0 (*out untouched) or INVALID. */
int http_query_number(const struct http_request *request, const char *name, uint64_t min,
		      uint64_t max, uint64_t *out, struct cube_error *err);
/* "1", "true", "0", "false", or the name alone: true. 1, 0 (*out untouched) or INVALID. */
int http_query_bool(const struct http_request *request, const char *name, bool *out,
		    struct cube_error *err);

#endif
