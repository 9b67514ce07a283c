/* http/transfer.c - see transfer.h. Lives on the client's thread. */
#include "http/transfer.h"

#include "http/curl_common.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#define ALONE_BUFFER 1024L

static size_t
on_body(char *bytes, size_t one, size_t size, void *arg)
{
	struct http_call *call = arg;

	(void)one;
	buf_append(&call->response, bytes, size);
	return call->response.failed ? 0 : size;
}

static size_t
on_head(char *bytes, size_t one, size_t size, void *arg)
{
	struct http_call *call = arg;

	(void)one;
	curl_common_head(&call->head, bytes, size);
	return size;
}

/* curl would not say why there is none. */
static curl_socket_t
on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_call *call = arg;
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

	(void)purpose;
	call->open_errno = fd < 0 ? errno : 0;
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static struct curl_slist *
fields_make(const struct http_call *call, bool *ok)
{
	struct curl_slist *list = NULL;

	*ok = curl_common_slist(&list, "Expect:");
	for (size_t i = 0; *ok && call->fields != NULL && call->fields[i] != NULL; i++)
		*ok = curl_common_slist(&list, call->fields[i]);
	return list;
}

struct transfer *
transfer_new(struct http_call *call)
{
	struct transfer *transfer = calloc(1, sizeof(*transfer));
	bool ok = true;

	if (transfer == NULL)
		return NULL;
	transfer->call = call;
	transfer->fields = fields_make(call, &ok);
	if (ok)
		return transfer;
	transfer_free(transfer);
	return NULL;
}

void
transfer_free(struct transfer *transfer)
{
	if (transfer == NULL)
		return;
	curl_slist_free_all(transfer->fields);
	free(transfer);
}

bool
transfer_set(struct transfer *transfer, CURL *easy)
{
	const struct http_call *call = transfer->call;
	CURLcode bad = curl_common_set(easy);

#define SET(option, value)   \
	if (bad == CURLE_OK) \
	bad = curl_easy_setopt(easy, option, value)
	SET(CURLOPT_URL, call->url);
	SET(CURLOPT_CUSTOMREQUEST, call->method);
	SET(CURLOPT_HTTPHEADER, transfer->fields);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)call->connect_timeout_ms);
	SET(CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, transfer->call);
	SET(CURLOPT_HEADERFUNCTION, on_head);
	SET(CURLOPT_HEADERDATA, transfer->call);
	SET(CURLOPT_PRIVATE, transfer);
	if (call->target != NULL)
		SET(CURLOPT_REQUEST_TARGET, call->target);
	if (call->alone || call->connect_only) {
		SET(CURLOPT_FRESH_CONNECT, 1L);
		/* Else it would be closed before it could be looked at; curl closes it when
		 * the handle leaves. */
		SET(CURLOPT_FORBID_REUSE, call->connect_only ? 0L : 1L);
		SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
		SET(CURLOPT_OPENSOCKETDATA, transfer->call);
		SET(CURLOPT_BUFFERSIZE, ALONE_BUFFER);
		SET(CURLOPT_CONNECT_ONLY, (long)call->connect_only);
	}
	if (call->body != NULL) {
		SET(CURLOPT_POSTFIELDS, call->body);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_size);
	}
#undef SET
	return bad == CURLE_OK;
}
