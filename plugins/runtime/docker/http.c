/* http.c - one exchange with the engine, and the connections kept for the next.
 *
 * Each connection is a curl easy handle in a multi handle of its own: the multi handle's
 * poll can be woken from another thread, and the loop around it looks at the host's clock,
 * which curl does not know. The multi handle keeps the connection to the engine alive
 * between exchanges; when the engine closed it meanwhile, curl connects again by itself.
 * A struct http is [any]; it owns the idle connections under its lock.
 */
#include "http.h"

#include "base/cleanup.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define IDLE_MAX          8                   /* connections kept; more come and go */
#define HEADER_MAX        ((size_t)64 * 1024) /* bytes of an answer's header */
#define BODY_MAX          ((size_t)64 * 1024) /* if the request does not say */
#define URL_MAX           ((size_t)8 * 1024)
#define POLL_MS           1000 /* how old our view of the host's clock may be */
#define API_VERSION_FIELD "api-version:"

struct http {
	const struct cube_host *host;
	char *socket;
	pthread_mutex_t lock;
	struct http_conn *idle; /* under lock, as is the next one */
	size_t idle_count;
};

struct http_conn {
	struct http *http;
	struct http_conn *next;
	CURLM *multi;
	CURL *easy;
	char reason[CURL_ERROR_SIZE]; /* curl's own words */
};

/* What the callbacks of one exchange share. */
struct exchange {
	struct http_conn *conn;
	const struct http_request *request;
	struct http_reply *reply;
	size_t header_size;
	bool begun;      /* stream->begin was called */
	const char *why; /* we broke it off, because */
};

static uint64_t
now_of(const struct http *http)
{
	return http->host->now_ms(http->host->ctx);
}

static bool
is_success(long status)
{
	return status >= 200 && status < 300;
}

/* ---- what curl calls ---- */

/* As curl's own, but closed in the children that others start. */
static curl_socket_t
open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)ctx;
	(void)purpose;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static void
keep_api_version(struct http_reply *reply, const char *value, size_t size)
{
	while (size > 0 && *value == ' ') {
		value++;
		size--;
	}
	while (size > 0 && strchr("\r\n ", value[size - 1]) != NULL)
		size--;
	if (size >= sizeof(reply->api_version) || memchr(value, '\0', size) != NULL)
		return;
	memcpy(reply->api_version, value, size);
	reply->api_version[size] = '\0';
}

static size_t
on_header(char *bytes, size_t one, size_t size, void *ctx)
{
	const size_t name_size = strlen(API_VERSION_FIELD);
	struct exchange *exchange = ctx;
	const struct http_stream *stream = exchange->request->stream;

	size *= one;
	exchange->header_size += size;
	if (exchange->header_size > HEADER_MAX) {
		exchange->why = "its header has no end";
		return 0;
	}
	if (size > name_size && strncasecmp(bytes, API_VERSION_FIELD, name_size) == 0)
		keep_api_version(exchange->reply, bytes + name_size, size - name_size);
	if (size > 2)
		return size;
	/* The empty line: what follows is the body. */
	(void)curl_easy_getinfo(exchange->conn->easy, CURLINFO_RESPONSE_CODE,
				&exchange->reply->status);
	if (stream != NULL && stream->begin != NULL && !exchange->begun &&
	    is_success(exchange->reply->status)) {
		exchange->begun = true;
		if (stream->begin(stream->ctx) != 0) {
			exchange->reply->stopped = true;
			return 0;
		}
	}
	return size;
}

static size_t
on_body(char *bytes, size_t one, size_t size, void *ctx)
{
	struct exchange *exchange = ctx;
	const struct http_stream *stream = exchange->request->stream;

	size *= one;
	if (stream != NULL && is_success(exchange->reply->status)) {
		if (stream->data(stream->ctx, bytes, size) == 0)
			return size;
		exchange->reply->stopped = true;
		return 0;
	}
	buf_append(&exchange->reply->body, bytes, size);
	if (exchange->reply->body.failed) {
		exchange->why = "its answer is too large";
		return 0;
	}
	return size;
}

/* ---- connections ---- */

static void
conn_free(struct http_conn *conn)
{
	if (conn == NULL)
		return;
	curl_easy_cleanup(conn->easy);
	if (conn->multi != NULL)
		(void)curl_multi_cleanup(conn->multi);
	free(conn);
}

static bool
set_options(struct http_conn *conn)
{
	CURL *easy = conn->easy;
	bool ok = true;

	ok &= curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, conn->http->socket) == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, conn->reason) == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L) == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1) == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK;
#if LIBCURL_VERSION_NUM >= 0x075500
	ok &= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK;
#else
	ok &= curl_easy_setopt(easy, CURLOPT_PROTOCOLS, CURLPROTO_HTTP) == CURLE_OK;
#endif
	return ok;
}

static struct http_conn *
conn_new(struct http *http)
{
	struct http_conn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL)
		return NULL;
	conn->http = http;
	conn->easy = curl_easy_init();
	conn->multi = curl_multi_init();
	if (conn->easy == NULL || conn->multi == NULL || !set_options(conn) ||
	    curl_multi_setopt(conn->multi, CURLMOPT_MAXCONNECTS, 1L) != CURLM_OK) {
		conn_free(conn);
		return NULL;
	}
	return conn;
}

struct http *
http_new(const struct cube_host *host, const char *socket)
{
	struct http *http = calloc(1, sizeof(*http));

	if (http == NULL)
		return NULL;
	http->host = host;
	http->socket = strdup(socket);
	if (http->socket == NULL || pthread_mutex_init(&http->lock, NULL) != 0) {
		free(http->socket);
		free(http);
		return NULL;
	}
	return http;
}

void
http_free(struct http *http)
{
	struct http_conn *conn;

	if (http == NULL)
		return;
	while ((conn = http->idle) != NULL) {
		http->idle = conn->next;
		conn_free(conn);
	}
	(void)pthread_mutex_destroy(&http->lock);
	free(http->socket);
	free(http);
}

struct http_conn *
http_take(struct http *http, struct cube_error *err)
{
	struct http_conn *conn;

	(void)pthread_mutex_lock(&http->lock);
	conn = http->idle;
	if (conn != NULL) {
		http->idle = conn->next;
		http->idle_count--;
	}
	(void)pthread_mutex_unlock(&http->lock);
	if (conn == NULL)
		conn = conn_new(http);
	if (conn == NULL)
		(void)cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "no memory for a connection");
	return conn;
}

void
http_give(struct http *http, struct http_conn *conn)
{
	bool kept;

	(void)pthread_mutex_lock(&http->lock);
	kept = http->idle_count < IDLE_MAX;
	if (kept) {
		/* The one used last is the next one taken: it is warm. */
		conn->next = http->idle;
		http->idle = conn;
		http->idle_count++;
	}
	(void)pthread_mutex_unlock(&http->lock);
	if (!kept)
		conn_free(conn);
}

void
http_wake(struct http_conn *conn)
{
	(void)curl_multi_wakeup(conn->multi);
}

void
http_wait(struct http_conn *conn, uint32_t wait_ms)
{
	(void)curl_multi_poll(conn->multi, NULL, 0, (int)wait_ms, NULL);
}

/* ---- one exchange ---- */

static int
prepare(struct http_conn *conn, struct exchange *exchange, struct curl_slist **headers)
{
	const struct http_request *request = exchange->request;
	/* An empty "Name:" keeps curl from sending a line of its own. */
	const char *const lines[] = {request->body == NULL ? "Content-Type:"
							   : "Content-Type: application/json",
				     "Expect:", request->header};
	cleanup_buf struct buf url = BUF_INIT(URL_MAX);
	struct curl_slist *more;
	CURL *easy = conn->easy;
	const char *body = request->body == NULL ? "" : request->body;
	bool reads = strcmp(request->method, "GET") == 0;
	bool ok = true;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (lines[i] == NULL)
			continue;
		more = curl_slist_append(*headers, lines[i]);
		if (more == NULL)
			return -1;
		*headers = more;
	}
	buf_printf(&url, "http://docker%s", request->path);
	if (url.failed)
		return -1;
	ok &= curl_easy_setopt(easy, CURLOPT_URL, buf_text(&url)) == CURLE_OK;
	if (reads) {
		ok &= curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) == CURLE_OK;
		ok &= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL) == CURLE_OK;
	} else {
		ok &= curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK;
		ok &= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body) == CURLE_OK;
		ok &= curl_easy_setopt(
			      easy, CURLOPT_POSTFIELDSIZE_LARGE,
			      (curl_off_t)(request->body == NULL ? 0 : request->body_size)) ==
		      CURLE_OK;
		ok &= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method) ==
		      CURLE_OK;
	}
	ok &= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, *headers) == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange) == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange) == CURLE_OK;
	return ok ? 0 : -1;
}

enum drive_end {
	DRIVE_DONE,     /* *result is curl's */
	DRIVE_STOPPED,  /* by tick */
	DRIVE_DEADLINE, /* it passed */
	DRIVE_BROKEN    /* the multi handle itself failed */
};

static enum drive_end
drive(struct http_conn *conn, const struct http_request *request, CURLcode *result)
{
	const struct http_stream *stream = request->stream;

	for (;;) {
		uint64_t wait_ms = stream == NULL ? POLL_MS : stream->tick_ms;
		uint64_t now_ms;
		CURLMsg *message;
		int left;

		if (curl_multi_perform(conn->multi, &left) != CURLM_OK)
			return DRIVE_BROKEN;
		message = curl_multi_info_read(conn->multi, &left);
		if (message != NULL && message->msg == CURLMSG_DONE) {
			*result = message->data.result;
			return DRIVE_DONE;
		}
		if (stream != NULL && stream->tick(stream->ctx) != 0)
			return DRIVE_STOPPED;
		now_ms = now_of(conn->http);
		if (now_ms >= request->deadline_ms)
			return DRIVE_DEADLINE;
		if (request->deadline_ms - now_ms < wait_ms)
			wait_ms = request->deadline_ms - now_ms;
		if (curl_multi_poll(conn->multi, NULL, 0, (int)wait_ms, NULL) != CURLM_OK)
			return DRIVE_BROKEN;
	}
}

/* What a failed exchange means to the caller. */
static int
explain(struct http_conn *conn, const struct exchange *exchange, CURLcode result,
	struct cube_error *err)
{
	const char *socket = conn->http->socket;
	bool reads = strcmp(exchange->request->method, "GET") == 0;
	const char *why = exchange->why;
	long os_errno = 0;

	if (result == CURLE_OUT_OF_MEMORY)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "no memory to ask %s", socket);
	if (result == CURLE_COULDNT_CONNECT) {
		(void)curl_easy_getinfo(conn->easy, CURLINFO_OS_ERRNO, &os_errno);
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, (int)os_errno,
				 "cannot connect to the engine at %s: %s", socket,
				 os_errno != 0 ? strerror((int)os_errno) : conn->reason);
	}
	if (why == NULL)
		why = conn->reason[0] != '\0' ? conn->reason : curl_easy_strerror(result);
	return cube_fail(err, reads ? CUBE_ERR_UNAVAILABLE : CUBE_ERR_TIMEOUT, 0,
			 "the engine at %s did not answer as Docker does: %s", socket, why);
}

static int
conclude(struct http_conn *conn, const struct exchange *exchange, enum drive_end end,
	 CURLcode result, struct cube_error *err)
{
	struct http_reply *reply = exchange->reply;

	if (end == DRIVE_STOPPED)
		reply->stopped = true;
	if (reply->stopped)
		return 0;
	if (end == DRIVE_DEADLINE)
		return cube_fail(err, CUBE_ERR_TIMEOUT, 0,
				 "the engine at %s did not answer in time", conn->http->socket);
	if (end == DRIVE_BROKEN)
		return cube_fail(err, CUBE_ERR_INTERNAL, 0, "libcurl failed on %s",
				 conn->http->socket);
	if (result != CURLE_OK)
		return explain(conn, exchange, result, err);
	return 0;
}

int
http_perform(struct http_conn *conn, const struct http_request *request,
	     struct http_reply *reply, struct cube_error *err)
{
	struct exchange exchange = {.conn = conn, .request = request, .reply = reply};
	struct curl_slist *headers = NULL;
	CURLcode result = CURLE_OK;
	enum drive_end end;
	int rc;

	memset(reply, 0, sizeof(*reply));
	buf_init(&reply->body, request->limit_bytes == 0 ? BODY_MAX : request->limit_bytes);
	conn->reason[0] = '\0';
	if (prepare(conn, &exchange, &headers) != 0 ||
	    curl_multi_add_handle(conn->multi, conn->easy) != CURLM_OK) {
		curl_slist_free_all(headers);
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "no memory to ask %s",
				 conn->http->socket);
	}
	end = drive(conn, request, &result);
	rc = conclude(conn, &exchange, end, result, err);
	/* One that is not finished takes its connection with it. */
	(void)curl_multi_remove_handle(conn->multi, conn->easy);
	(void)curl_easy_setopt(conn->easy, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	return rc;
}

void
http_escape(struct buf *out, const char *text, const char *keep)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || strchr("-_.~", c) != NULL ||
		    strchr(keep, c) != NULL)
			buf_append(out, text, 1);
		else
			buf_printf(out, "%%%02X", c);
	}
}
