/* http/transfer.h - what a call of the client is to curl: the options of its easy handle, and
 * what has to live as long as that works on it. */
#ifndef HTTP_TRANSFER_H
#define HTTP_TRANSFER_H

#include "http/client.h"

#include <curl/curl.h>

struct transfer {
	struct http_call *call;
	struct curl_slist *fields;
};

struct transfer *transfer_new(struct http_call *call); /* NULL: no memory */
void transfer_free(struct transfer *transfer); /* the call is not its own; NULL is fine */
/* All options of easy; the transfer is its CURLOPT_PRIVATE. False: no memory. */
bool transfer_set(struct transfer *transfer, CURL *easy);

#endif
