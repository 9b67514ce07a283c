/* http/curl_common.h - what both clients ask of curl. Private to core/http. [any] */
#ifndef HTTP_CURL_COMMON_H
#define HTTP_CURL_COMMON_H

#include "base/buf.h"
#include "base/error.h"

#include <curl/curl.h>
#include <stdbool.h>

/* http only, no redirects, no proxy, no signals, no Nagle. */
CURLcode curl_common_set(CURL *easy);
bool curl_common_slist(struct curl_slist **list, const char *text);
/* A line of the response's header; a status line starts over. */
void curl_common_head(struct buf *head, const char *line, size_t size);
bool curl_common_field(const struct buf *head, const char *name, char *out, size_t out_size);
/* Of a connection that stands: was it taken, and is it still? UNAVAILABLE with why not. */
int curl_common_connected(CURL *easy, const char *url, struct cube_error *err);
/* What curl's result means to us. too_long: the body went over limit_bytes. */
int curl_common_error(CURLcode result, bool too_long, size_t limit_bytes, const char *url,
		      struct cube_error *err);

#endif
