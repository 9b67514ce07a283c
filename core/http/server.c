/* http/server.c - civetweb, configured for strangers and for little memory.
 *
 * All of civetweb's threads start with it; an idle one costs some 15 KiB: its stack's top, a
 * page of its buffer, its struct. Every request comes through the begin_request callback: no
 * file is ever served, no CORS preflight approved, no form parsed. civetweb's own refusals (a
 * header that is no HTTP, or too large) come through http_error and carry our error body too.
 * Owns civetweb's context and the guard. The callbacks run on civetweb's threads, whose
 * stacks are 100 KiB.
 */
#include "http/server.h"

#include "base/clock.h"
#include "base/queue.h"
#include "base/thread.h"
#include "http/exchange.h"
#include "http/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define STOP_EXTRA_MS 500
#define STOP_SLICE_MS 50
#define FRAME_BYTES   1024 /* more than the frames of stack_trim and of what it calls */

/* ---- requests ---- */

static void
dispatch(struct http_server *server, struct http_request *request)
{
	struct http_field allow[] = {{"Allow", request->match.allow}, {NULL, NULL}};
	char message[320];
	struct cube_error err;
	int status = body_frame(request, &err);

	if (status != 0) {
		http_reply_error(request, status, "%s", err.message);
		return;
	}
	switch (route_find(server->routes, http_method(request), http_path(request),
			   &request->match)) {
	case ROUTE_FOUND:
		request->match.route->handle(server->ctx, request);
		body_give_back(request);
		if (request->state == EXCHANGE_OPEN)
			http_reply_error(request, 500, "the request was not answered");
		break;
	case ROUTE_NO_PATH:
		http_reply_error(request, 404, "there is no %.200s here", http_path(request));
		break;
	case ROUTE_NO_METHOD:
		(void)snprintf(message, sizeof(message), "%.200s takes %s, not %.20s",
			       http_path(request), request->match.allow, http_method(request));
		http_reply_error_fields(request, 405, allow, message);
		break;
	case ROUTE_BAD_PATH:
		http_reply_error(request, 400,
				 "the path is badly percent-encoded, not UTF-8, or too long");
		break;
	}
}

static int
on_request(struct mg_connection *mg)
{
	const struct mg_request_info *info = mg_get_request_info(mg);
	struct http_server *server = info->user_data;
	struct http_request request = {
		.server = server,
		.mg = mg,
		.info = info,
		.connection = info->conn_data,
		.head = strcmp(info->request_method, "HEAD") == 0,
		.old = strcmp(info->http_version, "1.0") == 0,
	};

	if (request.connection == NULL) {
		mg_disable_connection_keep_alive(mg);
		return 503;
	}
	guard_name(request.connection, info->remote_addr, (uint16_t)info->remote_port);
	guard_mark_answered(request.connection);
	if (!guard_begin(server->guard)) {
		http_reply_error(&request, 503, "the server is ending");
		return 503;
	}
	dispatch(server, &request);
	guard_end(server->guard);
	return request.status;
}

/* ---- civetweb's own answers ---- */

static void
raw_error(const struct mg_connection *mg, int status, const char *message)
{
	cleanup_buf struct buf body = BUF_INIT((size_t)4096);
	cleanup_buf struct buf all = BUF_INIT((size_t)8192);
	/* on_close is handed a const one, which civetweb itself casts away. */
	const union {
		const struct mg_connection *given;
		struct mg_connection *writable;
	} connection = {.given = mg};

	http_error_body(&body, status, message);
	buf_printf(&all,
		   "HTTP/1.1 %d %s\r\nCube-Protocol: 1\r\nContent-Type: " HTTP_JSON
		   "\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
		   status, http_status_text(status), body.size);
	buf_append(&all, body.data, body.size);
	if (!body.failed && !all.failed)
		(void)mg_write(connection.writable, all.data, all.size);
}

/* What civetweb refuses by itself is always the client's fault. */
static int
on_error(struct mg_connection *mg, int status, const char *message)
{
	struct connection *connection = mg_get_user_connection_data(mg);

	if (connection != NULL)
		guard_mark_answered(connection);
	if (status == 411)
		raw_error(mg, 400, "Content-Length: must be a number of bytes");
	else if (status == 413)
		raw_error(mg, 400,
			  "the header is over the limit of " HTTP_HEADER_LIMIT " bytes");
	else
		raw_error(mg, status >= 500 ? 400 : status,
			  message != NULL && message[0] != '\0' ? message : "bad request");
	mg_disable_connection_keep_alive(mg);
	return 0;
}

static int
on_connection(const struct mg_connection *mg, void **data)
{
	struct http_server *server = mg_get_user_data(mg_get_context(mg));

	*data = guard_enter(server->guard);
	return 0;
}

/* ---- threads ---- */

/* Gives back the stack's pages below here: what starts a thread and what serves a
 * connection touches more of them than waiting does, over all threads megabytes. */
static void
stack_trim(char *stack)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t here = (uintptr_t)__builtin_frame_address(0) - FRAME_BYTES;
	uintptr_t end = here & ~(page - 1);

	if (stack != NULL && end > (uintptr_t)stack)
		(void)madvise(stack, end - (uintptr_t)stack, MADV_DONTNEED);
}

/* What a thread remembers: where its stack begins. */
static void *
on_thread(const struct mg_context *context, int kind)
{
	pthread_attr_t attr;
	void *stack = NULL;
	size_t size;

	(void)context;
	(void)kind;
	if (pthread_getattr_np(pthread_self(), &attr) != 0)
		return NULL;
	if (pthread_attr_getstack(&attr, &stack, &size) != 0)
		stack = NULL;
	(void)pthread_attr_destroy(&attr);
	stack_trim(stack);
	return stack;
}

/* civetweb closes without a word where it wants to be a proxy or is asked for "*". */
static void
on_close(const struct mg_connection *mg)
{
	const struct mg_request_info *info = mg_get_request_info(mg);
	struct connection *connection = mg_get_user_connection_data(mg);

	if (connection == NULL)
		return;
	if (info != NULL && info->request_uri != NULL && info->local_uri == NULL &&
	    !guard_answered(connection))
		raw_error(mg, 400, "the path must begin with /");
	guard_leave(connection);
	stack_trim(mg_get_thread_pointer(mg));
}

static int
on_log(const struct mg_connection *mg, const char *message)
{
	const struct http_server *server = mg_get_user_data(mg_get_context(mg));

	if (server != NULL && server->log != NULL)
		server->log(server->ctx, message);
	return 1; /* and nothing on standard error */
}

/* ---- start and stop ---- */

static int
address_resolve(const char *host, struct sockaddr_in *out, struct cube_error *err)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	int failed = getaddrinfo(host, NULL, &hints, &found);

	if (failed != 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "listen on %s: %s", host,
				 gai_strerror(failed));
	memcpy(out, found->ai_addr, sizeof(*out));
	freeaddrinfo(found);
	return 0;
}

/* Binds and closes again, for the reason that civetweb would not give. */
static int
address_try(const char *host, struct sockaddr_in *address, struct cube_error *err)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;
	int failed = 0;
	int why;

	if (fd < 0)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, errno, "socket: %s",
				 strerror(errno));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)address, sizeof(*address)) != 0) {
		why = errno;
		failed = cube_fail(err,
				   why == EADDRINUSE ? CUBE_ERR_UNAVAILABLE : CUBE_ERR_INVALID,
				   why, "listen on %s:%u: %s", host, ntohs(address->sin_port),
				   why == EADDRINUSE ? "the port is taken by another program"
						     : strerror(why));
	}
	(void)close(fd);
	return failed;
}

static int
context_start(struct http_server *server, const struct sockaddr_in *address,
	      struct cube_error *err)
{
	const struct mg_callbacks callbacks = {
		.begin_request = on_request,
		.http_error = on_error,
		.init_thread = on_thread,
		.init_connection = on_connection,
		.connection_close = on_close,
		.log_message = on_log,
	};
	char numeric[INET_ADDRSTRLEN];
	char listen_on[32];
	char threads[16];
	char header_ms[16];
	char keep_ms[16];
	char why[160] = "";
	struct mg_error_data error = {.text = why, .text_buffer_size = sizeof(why)};
	const char *options[] = {"listening_ports",
				 listen_on,
				 "num_threads",
				 threads,
				 "tcp_nodelay",
				 "1",
				 "enable_keep_alive",
				 "yes",
				 "keep_alive_timeout_ms",
				 keep_ms,
				 "request_timeout_ms",
				 header_ms,
				 "max_request_size",
				 HTTP_HEADER_LIMIT,
				 "listen_backlog",
				 "512",
				 "decode_url",
				 "no",
				 "access_control_allow_origin",
				 "",
				 "enable_directory_listing",
				 "no",
				 NULL};
	struct mg_init_data init = {
		.callbacks = &callbacks, .user_data = server, .configuration_options = options};

	(void)inet_ntop(AF_INET, &address->sin_addr, numeric, sizeof(numeric));
	(void)snprintf(listen_on, sizeof(listen_on), "%s:%u", numeric,
		       ntohs(address->sin_port));
	(void)snprintf(threads, sizeof(threads), "%u", server->threads);
	(void)snprintf(header_ms, sizeof(header_ms), "%d", HTTP_HEADER_TIMEOUT_MS);
	(void)snprintf(keep_ms, sizeof(keep_ms), "%d", HTTP_KEEP_ALIVE_MS);
	server->context = mg_start2(&init, &error);
	if (server->context == NULL)
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0,
				 "start the http server on %s: %s", listen_on,
				 why[0] != '\0' ? why : "no threads or no memory");
	return 0;
}

static int
port_read(struct http_server *server, struct cube_error *err)
{
	struct mg_server_port port = {0};

	if (mg_get_server_ports(server->context, 1, &port) != 1 || port.port <= 0)
		return cube_fail(err, CUBE_ERR_INTERNAL, 0, "civetweb does not tell its port");
	server->port = (uint16_t)port.port;
	server->address.sin_port = htons(server->port);
	guard_set_port(server->guard, server->port);
	return 0;
}

static void
server_free(struct http_server *server)
{
	guard_free(server->guard);
	(void)pthread_mutex_destroy(&server->streams_lock);
	free(server);
	(void)mg_exit_library();
}

int
http_server_start(const struct http_server_config *config, struct http_server **out,
		  struct cube_error *err)
{
	const char *host = config->host != NULL ? config->host : "127.0.0.1";
	struct http_server *server = calloc(1, sizeof(*server));
	int failed;

	if (server == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	server->threads = config->threads != 0 ? config->threads : HTTP_THREADS_DEFAULT;
	server->bodies_bytes =
		config->bodies_bytes != 0 ? config->bodies_bytes : HTTP_BODIES_BYTES;
	server->routes = config->routes;
	server->ctx = config->ctx;
	server->log = config->log;
	if (pthread_mutex_init(&server->streams_lock, NULL) != 0) {
		free(server);
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	}
	(void)mg_init_library(0);
	failed = guard_new(server->threads, &server->guard, err);
	if (failed == 0)
		failed = address_resolve(host, &server->address, err);
	server->address.sin_port = htons(config->port);
	if (failed == 0 && config->port != 0)
		failed = address_try(host, &server->address, err);
	if (failed == 0)
		failed = context_start(server, &server->address, err);
	if (failed == 0)
		failed = port_read(server, err);
	if (failed != 0) {
		if (server->context != NULL)
			mg_stop(server->context);
		server_free(server);
		return failed;
	}
	*out = server;
	return 0;
}

uint16_t
http_server_port(const struct http_server *server)
{
	return server->port;
}

bool
http_server_stopping(const struct http_server *server)
{
	return guard_stopping(server->guard);
}

struct stopping {
	struct http_server *server;
	struct queue *events; /* only ever woken */
	atomic_bool stopped;
};

static void *
stop_run(void *arg)
{
	struct stopping *stopping = arg;

	mg_stop(stopping->server->context);
	atomic_store(&stopping->stopped, true);
	queue_wake(stopping->events);
	return NULL;
}

/* civetweb's master looks up from its socket every 2 s; a connection wakes it at once. */
static void
master_wake(const struct http_server *server)
{
	struct sockaddr_in to = server->address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return;
	if (to.sin_addr.s_addr == htonl(INADDR_ANY))
		to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)connect(fd, (struct sockaddr *)&to, sizeof(to));
	(void)close(fd);
}

/* Cuts what is left and joins civetweb's threads, in slices, because a connection may be
 * accepted after a cut. */
static bool
context_stop(struct http_server *server, uint64_t deadline_ms)
{
	struct stopping *stopping = calloc(1, sizeof(*stopping));
	struct cube_error err;
	pthread_t thread;

	if (stopping != NULL) {
		stopping->server = server;
		stopping->events = queue_new(1);
	}
	if (stopping == NULL || stopping->events == NULL ||
	    thread_start(&thread, "http-stop", stop_run, stopping, &err) != 0) {
		if (stopping != NULL)
			queue_free(stopping->events);
		free(stopping);
		guard_cut(server->guard);
		mg_stop(server->context); /* as long as it takes */
		return true;
	}
	while (!atomic_load(&stopping->stopped)) {
		uint64_t now_ms = clock_now().mono_ms;

		if (now_ms >= deadline_ms) {
			(void)pthread_detach(thread);
			return false;
		}
		master_wake(server);
		guard_cut(server->guard);
		(void)queue_pop_all(stopping->events, now_ms + STOP_SLICE_MS);
	}
	(void)pthread_join(thread, NULL);
	queue_free(stopping->events);
	free(stopping);
	return true;
}

bool
http_server_stop(struct http_server *server, uint64_t deadline_ms)
{
	(void)guard_drain(server->guard, deadline_ms);
	if (!context_stop(server, deadline_ms + STOP_EXTRA_MS))
		return false;
	server_free(server);
	return true;
}

/* ---- streams ---- */

int
server_stream_enter(struct http_server *server, const char *key, struct cube_error *err)
{
	unsigned in_all = 0;
	unsigned of_key = 0;
	size_t free_slot = HTTP_STREAMS_MAX;
	int failed = 0;

	(void)pthread_mutex_lock(&server->streams_lock);
	for (size_t i = 0; i < HTTP_STREAMS_MAX; i++) {
		if (server->streams[i].key[0] == '\0') {
			free_slot = i;
			continue;
		}
		in_all++;
		if (strncmp(server->streams[i].key, key, HTTP_STREAM_KEY_SIZE - 1) == 0)
			of_key++;
	}
	if (in_all == HTTP_STREAMS_MAX)
		failed = cube_fail(err, CUBE_ERR_UNAVAILABLE, 0,
				   "%d streams are open, which is the limit: end one first",
				   HTTP_STREAMS_MAX);
	else if (of_key >= HTTP_STREAMS_A_KEY && strcmp(key, HTTP_STREAM_SHARED) != 0)
		failed = cube_fail(err, CUBE_ERR_UNAVAILABLE, 0,
				   "%d streams of this are open, which is the limit: end one "
				   "first",
				   HTTP_STREAMS_A_KEY);
	else
		(void)snprintf(server->streams[free_slot].key, HTTP_STREAM_KEY_SIZE, "%s", key);
	(void)pthread_mutex_unlock(&server->streams_lock);
	return failed;
}

void
server_stream_leave(struct http_server *server, const char *key)
{
	(void)pthread_mutex_lock(&server->streams_lock);
	for (size_t i = 0; i < HTTP_STREAMS_MAX; i++) {
		if (strncmp(server->streams[i].key, key, HTTP_STREAM_KEY_SIZE - 1) == 0) {
			server->streams[i].key[0] = '\0';
			break;
		}
	}
	(void)pthread_mutex_unlock(&server->streams_lock);
}
