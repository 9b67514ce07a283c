/* http/client.c - the fleet's requests: curl multi on one thread.
 *
 * Owns the thread, the multi handle, and every call from http_client_call until it is
 * done or cancelled. Calls and cancellations come in over a queue, in order, and wake the
 * thread (multi_loop.h). Easy handles are kept for reuse, connections by curl's own pool.
 * With a limit, calls over it wait in a list of ours: in curl's own their time would run.
 */
#include "http/client.h"

#include "base/clock.h"
#include "base/queue.h"
#include "base/thread.h"
#include "http/call_list.h"
#include "http/curl_common.h"
#include "http/multi_loop.h"
#include "http/transfer.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define SPARE_HANDLES    64
#define FILES_RESERVE    ((rlim_t)512) /* for the server, the store and the rest */
#define HEAD_LIMIT_BYTES ((size_t)16 * 1024)

enum command_kind {
	COMMAND_CALL,
	COMMAND_CANCEL
};

struct command {
	struct queue_item item;
	enum command_kind kind;
	struct http_call *call;
	uint64_t tag;
};

struct http_client {
	CURLM *multi;
	struct multi_loop loop;
	struct queue *commands;
	pthread_t thread;
	atomic_bool ending;
	size_t most; /* under way at once; 0: no limit */
	uint32_t wait_ms;
	/* the thread's */
	struct http_call *calls; /* under way */
	size_t call_count;
	struct call_list waiting;  /* for their turn */
	struct call_list settling; /* under way: connected */
	CURL *spare[SPARE_HANDLES];
	size_t spare_count;
};

/* ---- calls ---- */

struct http_call *
http_call_new(size_t size)
{
	struct http_call *call;

	assert(size >= sizeof(*call));
	call = calloc(1, size);
	if (call == NULL)
		return NULL;
	call->method = "GET";
	call->connect_timeout_ms = 5000;
	call->timeout_ms = 30000;
	call->limit_bytes = (size_t)1024 * 1024;
	call->free = http_call_free;
	buf_init(&call->head, HEAD_LIMIT_BYTES);
	return call;
}

void
http_call_release(struct http_call *call)
{
	free(call->body);
	call->body = NULL;
	buf_release(&call->response);
	buf_release(&call->head);
}

void
http_call_free(struct http_call *call)
{
	if (call == NULL)
		return;
	http_call_release(call);
	free(call);
}

bool
http_call_field(const struct http_call *call, const char *name, char *out, size_t out_size)
{
	return curl_common_field(&call->head, name, out, out_size);
}

/* ---- the thread ---- */

static void
unlink_call(struct http_client *client, struct http_call *call)
{
	if (call->next != NULL)
		call->next->previous = call->previous;
	if (call->previous != NULL)
		call->previous->next = call->next;
	else
		client->calls = call->next;
	call->next = NULL;
	call->previous = NULL;
	client->call_count--;
}

/* One whose transfer broke off may keep its buffer, and then refuses to be given a size for it
 * (curl 7.88): only those that came to their end are used again. */
static void
easy_put(struct http_client *client, CURL *easy, bool sound)
{
	if (sound && client->spare_count < SPARE_HANDLES) {
		curl_easy_reset(easy);
		client->spare[client->spare_count++] = easy;
	} else {
		curl_easy_cleanup(easy);
	}
}

static void
call_fail(struct http_call *call, int code, const char *why)
{
	(void)cube_fail(&call->error, code, 0, "%s: %s", call->url, why);
	call->done(call);
}

static void
call_start(struct http_client *client, struct http_call *call)
{
	struct transfer *transfer = transfer_new(call);
	CURL *easy = client->spare_count > 0 ? client->spare[--client->spare_count]
					     : curl_easy_init();
	bool ok = transfer != NULL && easy != NULL &&
		  (call->prepare == NULL || call->prepare(call));

	buf_init(&call->response, call->limit_bytes);
	if (!ok || !transfer_set(transfer, easy) ||
	    curl_multi_add_handle(client->multi, easy) != CURLM_OK) {
		transfer_free(transfer);
		if (easy != NULL)
			curl_easy_cleanup(easy);
		call_fail(call, CUBE_ERR_NO_MEMORY, "out of memory");
		return;
	}
	call->handle = easy;
	call->next = client->calls;
	if (client->calls != NULL)
		client->calls->previous = call;
	client->calls = call;
	client->call_count++;
}

/* Takes the call out of curl. sound: its transfer came to its end. */
static void
call_detach(struct http_client *client, struct http_call *call, bool sound)
{
	CURL *easy = call->handle;
	struct transfer *transfer = NULL;

	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
	(void)curl_multi_remove_handle(client->multi, easy);
	transfer_free(transfer);
	call->handle = NULL;
	call_list_drop(&client->settling, call);
	unlink_call(client, call);
	easy_put(client, easy, sound);
}

static void
call_cancel(struct http_client *client, uint64_t tag)
{
	struct http_call *call = client->calls;

	while (call != NULL) {
		struct http_call *next = call->next;

		if (call->tag == tag) {
			call_detach(client, call, false);
			call->free(call);
		}
		call = next;
	}
	for (call = client->waiting.first; call != NULL;) {
		struct http_call *next = call->later;

		if (call->tag == tag) {
			call_list_drop(&client->waiting, call);
			call->free(call);
		}
		call = next;
	}
}

/* A call under way has come to its end, and its error is known. */
static void
call_end(struct http_client *client, struct http_call *call, bool sound)
{
	call_detach(client, call, sound);
	call->done(call);
}

static void
call_finish(struct http_client *client, CURL *easy, CURLcode result)
{
	struct transfer *transfer = NULL;
	struct http_call *call;
	long status = 0;

	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
	(void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	call = transfer->call;
	call->status = (int)status;
	if (result == CURLE_OK && call->connect_only) {
		call_list_push(&client->settling, call);
		return;
	}
	if (result != CURLE_OK) {
		long number = 0;

		(void)curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
		call->cut = call->response.failed;
		(void)curl_common_error(result, call->cut, call->limit_bytes, call->url,
					&call->error);
		call->error.sys_errno =
			call->open_errno != 0 ? call->open_errno : (int32_t)number;
	}
	call_end(client, call, result == CURLE_OK);
}

/* What the clock makes due: connections that have settled, calls whose turn has come, or
 * comes too late. */
static void
calls_advance(struct http_client *client)
{
	uint64_t now_ms = clock_now().mono_ms;
	struct http_call *call = client->settling.first;

	while (call != NULL) {
		struct http_call *next = call->later;

		if (call->since_ms + call->settle_ms <= now_ms) {
			(void)curl_common_connected(call->handle, call->url, &call->error);
			call_end(client, call, true);
		}
		call = next;
	}
	while (client->waiting.first != NULL && client->call_count < client->most)
		call_start(client, call_list_pop(&client->waiting));
	while (call_list_due(&client->waiting, client->wait_ms) <= now_ms)
		call_fail(call_list_pop(&client->waiting), CUBE_ERR_NO_MEMORY,
			  "too many others were under way");
}

/* When calls_advance has something to do. */
static uint64_t
calls_due(const struct http_client *client)
{
	uint64_t due_ms = call_list_due(&client->waiting, client->wait_ms);
	const struct http_call *call;

	for (call = client->settling.first; call != NULL; call = call->later)
		if (call->since_ms + call->settle_ms < due_ms)
			due_ms = call->since_ms + call->settle_ms;
	return due_ms;
}

static void
commands_take(struct http_client *client)
{
	struct queue_item *item = queue_pop_all(client->commands, 0);

	while (item != NULL) {
		struct command *command = (struct command *)item;

		item = item->next;
		if (command->kind == COMMAND_CANCEL) {
			call_cancel(client, command->tag);
		} else if (atomic_load(&client->ending)) {
			command->call->free(command->call);
		} else if (client->most > 0) {
			call_list_push(&client->waiting, command->call);
		} else {
			call_start(client, command->call);
		}
		free(command);
	}
}

static void *
client_run(void *arg)
{
	struct http_client *client = arg;

	while (!atomic_load(&client->ending)) {
		CURLMsg *message;
		int left;

		commands_take(client);
		calls_advance(client);
		client->loop.own_ms = calls_due(client);
		multi_loop_run(&client->loop);
		while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
			if (message->msg == CURLMSG_DONE)
				call_finish(client, message->easy_handle, message->data.result);
		}
	}
	return NULL;
}

/* ---- from any thread ---- */

static void
command_send(struct http_client *client, struct command *command)
{
	queue_push_answer(client->commands, &command->item);
	multi_loop_wake(&client->loop);
}

void
http_client_call(struct http_client *client, struct http_call *call)
{
	struct command *command = calloc(1, sizeof(*command));

	assert(call->done != NULL);
	if (command == NULL) {
		call_fail(call, CUBE_ERR_NO_MEMORY, "out of memory");
		return;
	}
	command->kind = COMMAND_CALL;
	command->call = call;
	command_send(client, command);
}

void
http_client_cancel(struct http_client *client, uint64_t tag)
{
	struct command *command = calloc(1, sizeof(*command));

	/* Out of memory: the calls go on until their own deadline, which does no harm. */
	if (command == NULL)
		return;
	command->kind = COMMAND_CANCEL;
	command->tag = tag;
	command_send(client, command);
}

/* How many connections there may be, so that the process keeps files for all else: its
 * server would stop answering long before this client noticed that it has used them up. */
static long
connections_max(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur > INT32_MAX)
		return 0; /* no limit */
	if (files.rlim_cur / 2 < FILES_RESERVE)
		return (long)files.rlim_cur / 2;
	return (long)(files.rlim_cur - FILES_RESERVE);
}

/* Takes client, which has its limits. */
static int
client_start(struct http_client *client, size_t connections, struct http_client **out,
	     struct cube_error *err)
{
	int failed;

	client->loop.epoll_fd = -1;
	client->loop.wake_fd = -1;
	client->commands = queue_new(1);
	client->multi = curl_multi_init();
	if (client->commands == NULL || client->multi == NULL ||
	    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)connections) !=
		    CURLM_OK ||
	    curl_multi_setopt(client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
			      connections_max()) != CURLM_OK) {
		failed = cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "start the http client");
		goto fail;
	}
	failed = multi_loop_init(&client->loop, client->multi, err);
	if (failed == 0)
		failed = thread_start(&client->thread, "http-client", client_run, client, err);
	if (failed != 0)
		goto fail;
	*out = client;
	return 0;
fail:
	if (client->multi != NULL)
		(void)curl_multi_cleanup(client->multi);
	multi_loop_release(&client->loop);
	queue_free(client->commands);
	free(client);
	return failed;
}

static int
client_new(size_t connections, size_t most, uint32_t wait_ms, struct http_client **out,
	   struct cube_error *err)
{
	struct http_client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	client->most = most;
	client->wait_ms = wait_ms;
	return client_start(client, connections, out, err);
}

int
http_client_new(size_t connections, struct http_client **out, struct cube_error *err)
{
	return client_new(connections, 0, 0, out, err);
}

int
http_client_new_limited(size_t most, uint32_t wait_ms, struct http_client **out,
			struct cube_error *err)
{
	return client_new(1, most, wait_ms, out, err);
}

void
http_client_free(struct http_client *client)
{
	if (client == NULL)
		return;
	atomic_store(&client->ending, true);
	multi_loop_wake(&client->loop);
	(void)pthread_join(client->thread, NULL);
	commands_take(client);
	while (client->waiting.first != NULL) {
		struct http_call *call = call_list_pop(&client->waiting);

		call->free(call);
	}
	while (client->calls != NULL) {
		struct http_call *call = client->calls;

		call_detach(client, call, false);
		call->free(call);
	}
	for (size_t i = 0; i < client->spare_count; i++)
		curl_easy_cleanup(client->spare[i]);
	(void)curl_multi_cleanup(client->multi);
	multi_loop_release(&client->loop);
	queue_free(client->commands);
	free(client);
}
