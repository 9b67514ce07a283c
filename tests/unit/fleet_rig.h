/* tests/unit/fleet_rig.h - the exchanges with workers, against peers played by our own server:
 * one of ours, one of the book's, and some that are neither.
 *
 * The brain is a recorder: it sends the effects that the test gives it and keeps the
 * messages that come back. Each test program includes it once.
 */
#ifndef FLEET_RIG_H
#define FLEET_RIG_H

#include "shell/fleet.h"

#include "base/clock.h"
#include "http/body.h"
#include "http/fetch.h"
#include "http/reply.h"
#include "http/server.h"

#include "check_main.h"
#include "store_script.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TASK_A  "11111111-1111-4111-8111-111111111111"
#define TASK_B  "22222222-2222-4222-8222-222222222222"
#define CLUSTER "33333333-3333-4333-8333-333333333333"

static struct http_server *server;
static struct http_client *client;
static struct store *store;
static struct loop *loop;
static pthread_t thread;

/* ---- the brain ---- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct manager_message *messages[16];
	int count;
} got = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static inline int
brain_start(void *brain, struct step *step, struct cube_error *err)
{
	(void)brain;
	(void)step;
	(void)err;
	return 0;
}

static inline int
brain_step(void *brain, struct message *message, struct step *step, struct cube_error *err)
{
	(void)brain;
	(void)step;
	(void)err;
	(void)pthread_mutex_lock(&got.lock);
	ck_assert_int_lt(got.count, 16);
	got.messages[got.count++] = (struct manager_message *)message;
	(void)pthread_cond_broadcast(&got.changed);
	(void)pthread_mutex_unlock(&got.lock);
	return 0;
}

static inline struct message *
brain_wake(void *brain)
{
	(void)brain;
	return NULL;
}

static inline void
brain_free(struct message *message)
{
	manager_message_free((struct manager_message *)message);
}

static inline void
release(void *ctx, struct outbox_item *item)
{
	(void)ctx;
	item->free(item);
}

/* The answer to the only effect that was sent. */
static inline struct manager_message *
answer(void)
{
	struct timespec until;
	struct manager_message *message;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	(void)pthread_mutex_lock(&got.lock);
	while (got.count == 0)
		ck_assert_int_eq(pthread_cond_timedwait(&got.changed, &got.lock, &until), 0);
	message = got.messages[--got.count];
	(void)pthread_mutex_unlock(&got.lock);
	return message;
}

/* ---- the peers ---- */

static pthread_mutex_t seen_lock = PTHREAD_MUTEX_INITIALIZER;
static char seen[4096]; /* what the peers were asked, in order */

static inline void
note(const char *what, const char *text)
{
	(void)pthread_mutex_lock(&seen_lock);
	(void)strncat(seen, what, sizeof(seen) - strlen(seen) - 1);
	(void)snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s", text);
	(void)pthread_mutex_unlock(&seen_lock);
}

static inline bool
was_seen(const char *text)
{
	bool found;

	(void)pthread_mutex_lock(&seen_lock);
	found = strstr(seen, text) != NULL;
	(void)pthread_mutex_unlock(&seen_lock);
	return found;
}

static inline void
on_node(void *ctx, struct http_request *request)
{
	static const char body[] =
		"{\"Name\":\"n1\",\"Instance\":\"" TASK_A "\",\"Api\":\"http://127.0.0.1:9\","
		"\"Memory\":1024,\"Cores\":2,\"Runtime\":\"process\",\"RuntimeReady\":true,"
		"\"FromTheFuture\":7}";

	(void)ctx;
	note("protocol ", http_header(request, "Cube-Protocol") != NULL ? "yes" : "no");
	http_reply(request, 200, HTTP_JSON, NULL, body, sizeof(body) - 1);
}

static inline void
on_desired(void *ctx, struct http_request *request)
{
	cleanup_buf struct buf body = BUF_INIT(100000);

	(void)ctx;
	if (!http_body_or_reply(request, &body))
		return;
	note("desired ", buf_text(&body));
	if (strstr(buf_text(&body), "\"Generation\":99") != NULL)
		http_reply_error(request, 409, "older than what it has");
	else
		http_reply(request, 200, HTTP_JSON, NULL, "{}", 2);
}

static const char one_task[] =
	"[{\"ID\":\"" TASK_A "\",\"Name\":\"a\",\"Image\":\"x\",\"State\":2,\"Attempt\":3}]";

static inline void
on_tasks(void *ctx, struct http_request *request)
{
	const struct http_field fields[] = {{"Cube-Revision", "ab-7"},    {"Cube-Full", "1"},
					    {"Cube-Desired", "5-6"},      {"Cube-Node", "4"},
					    {"Cube-Stamp", "9000000000"}, {NULL, NULL}};

	(void)ctx;
	note("query ", http_query_string(request));
	http_reply(request, 200, HTTP_JSON, fields, one_task, sizeof(one_task) - 1);
}

static inline void
on_bare_tasks(void *ctx, struct http_request *request)
{
	(void)ctx;
	http_reply(request, 200, HTTP_JSON, NULL, one_task, sizeof(one_task) - 1);
}

static inline void
on_garbage(void *ctx, struct http_request *request)
{
	(void)ctx;
	http_reply(request, 200, HTTP_JSON, NULL, "[{]", 3);
}

static const struct http_route routes[] = {
	{"GET", "/ours/node", on_node},
	{"PUT", "/ours/desired", on_desired},
	{"GET", "/ours/tasks", on_tasks},
	{"GET", "/bare/tasks", on_bare_tasks},
	{"GET", "/mad/tasks", on_garbage},
	{"GET", "/mad/node", on_garbage},
	{NULL, NULL, NULL},
};

/* A peer without Cube-Protocol: answers each connection with the next of a few texts. */
struct book {
	int fd;
	const char *const *answers;
	pthread_t thread;
};

static inline void *
book_run(void *arg)
{
	const struct book *book = arg;

	for (const char *const *text = book->answers; *text != NULL; text++) {
		int fd = accept(book->fd, NULL, NULL);
		char request[4096];
		size_t used = 0;
		const char *body;
		const char *length;

		if (fd < 0)
			return NULL;
		for (;;) {
			ssize_t size = recv(fd, request + used, sizeof(request) - 1 - used, 0);

			if (size <= 0)
				break;
			used += (size_t)size;
			request[used] = '\0';
			body = strstr(request, "\r\n\r\n");
			length = strstr(request, "Content-Length: ");
			if (body != NULL &&
			    (length == NULL ||
			     strlen(body + 4) >= strtoul(length + 16, NULL, 10)))
				break;
		}
		note("book ", request);
		(void)send(fd, *text, strlen(*text), MSG_NOSIGNAL);
		(void)close(fd);
	}
	return NULL;
}

static inline void
book_start(struct book *book, const char *const *answers, char api[NODE_API_SIZE])
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);

	book->answers = answers;
	book->fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_ge(book->fd, 0);
	ck_assert_int_eq(bind(book->fd, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(book->fd, 8), 0);
	ck_assert_int_eq(getsockname(book->fd, (struct sockaddr *)&at, &size), 0);
	(void)snprintf(api, NODE_API_SIZE, "http://127.0.0.1:%u", ntohs(at.sin_port));
	ck_assert_int_eq(pthread_create(&book->thread, NULL, book_run, book), 0);
}

static inline void
book_end(struct book *book)
{
	(void)pthread_join(book->thread, NULL);
	(void)close(book->fd);
}

/* ---- setting up ---- */

static inline void *
run(void *arg)
{
	struct cube_error err;

	(void)arg;
	ck_assert_int_eq(loop_run(loop, &err), 0);
	return NULL;
}

static inline void
setup(void)
{
	const struct loop_brain brain = {.start = brain_start,
					 .step = brain_step,
					 .wake = brain_wake,
					 .free_message = brain_free};
	const struct http_server_config config = {.routes = routes, .threads = 8};
	struct cube_error err;

	seen[0] = '\0';
	got.count = 0;
	script_reset(NULL, 0);
	ck_assert_int_eq(fetch_init(&err), 0);
	ck_assert_int_eq(store_open("script", &script_ops, NULL, NULL, &store, &err), 0);
	ck_assert_int_eq(loop_new(&brain, store, release, NULL, NULL, &loop, &err), 0);
	ck_assert_int_eq(http_client_new(10, &client, &err), 0);
	ck_assert_int_eq(http_server_start(&config, &server, &err), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, run, NULL), 0);
}

static inline void
teardown(void)
{
	http_client_free(client);
	loop_stop(loop, clock_now().mono_ms + 2000);
	(void)pthread_join(thread, NULL);
	loop_free(loop);
	store_close(store);
	ck_assert(http_server_stop(server, clock_now().mono_ms + 2000));
}

static inline struct manager_effect *
effect(enum manager_effect_kind kind, const char *folder)
{
	struct manager_effect *made = calloc(1, sizeof(*made));

	ck_assert_ptr_nonnull(made);
	made->kind = kind;
	made->item.free = manager_effect_free;
	made->contact = 41;
	made->timeout_ms = 3000;
	(void)snprintf(made->api, sizeof(made->api), "http://127.0.0.1:%u/%s",
		       http_server_port(server), folder);
	return made;
}

static inline struct task_spec *
spec(const char *json)
{
	struct json_doc doc;
	struct task_spec *out;
	struct cube_error err;

	ck_assert_int_eq(json_parse(json, strlen(json), &doc, &err), 0);
	ck_assert_msg(task_spec_decode(&doc, doc.root, CODEC_STRICT, TASK_A, &out, &err) == 0,
		      "%s", err.message);
	json_release(&doc);
	return out;
}

static inline void
give_orders(struct manager_effect *to, const char *json)
{
	to->orders.items = calloc(2, sizeof(*to->orders.items));
	ck_assert_ptr_nonnull(to->orders.items);
	to->orders.count = 2;
	to->orders.generation = 5;
	to->orders.sequence = 12;
	memcpy(to->orders.cluster, CLUSTER, ID_SIZE);
	memcpy(to->orders.items[0].task_id, TASK_A, ID_SIZE);
	to->orders.items[0].attempt = 3;
	to->orders.items[0].wanted = TASK_WANTED_RUN;
	to->orders.items[0].spec = spec(json);
	memcpy(to->orders.items[1].task_id, TASK_B, ID_SIZE);
	to->orders.items[1].attempt = 1;
	to->orders.items[1].wanted = TASK_WANTED_STOP;
}

#endif
