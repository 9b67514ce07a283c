/* tests/unit/fleet_test.c - the exchanges with workers, against peers played by our own
 * server: one of ours, one of the book's, and some that are neither.
 *
 * The brain is a recorder: it sends the effects that the test gives it and keeps the
 * messages that come back.
 */
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

static int
brain_start(void *brain, struct step *step, struct cube_error *err)
{
	(void)brain;
	(void)step;
	(void)err;
	return 0;
}

static int
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

static struct message *
brain_wake(void *brain)
{
	(void)brain;
	return NULL;
}

static void
brain_free(struct message *message)
{
	manager_message_free((struct manager_message *)message);
}

static void
release(void *ctx, struct outbox_item *item)
{
	(void)ctx;
	item->free(item);
}

/* The answer to the only effect that was sent. */
static struct manager_message *
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

static void
note(const char *what, const char *text)
{
	(void)pthread_mutex_lock(&seen_lock);
	(void)strncat(seen, what, sizeof(seen) - strlen(seen) - 1);
	(void)strncat(seen, text, sizeof(seen) - strlen(seen) - 1);
	(void)pthread_mutex_unlock(&seen_lock);
}

static bool
was_seen(const char *text)
{
	bool found;

	(void)pthread_mutex_lock(&seen_lock);
	found = strstr(seen, text) != NULL;
	(void)pthread_mutex_unlock(&seen_lock);
	return found;
}

static void
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

static void
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

static void
on_tasks(void *ctx, struct http_request *request)
{
	const struct http_field fields[] = {{"Cube-Revision", "ab-7"},    {"Cube-Full", "1"},
					    {"Cube-Desired", "5-6"},      {"Cube-Node", "4"},
					    {"Cube-Stamp", "9000000000"}, {NULL, NULL}};

	(void)ctx;
	note("query ", http_query_string(request));
	http_reply(request, 200, HTTP_JSON, fields, one_task, sizeof(one_task) - 1);
}

static void
on_bare_tasks(void *ctx, struct http_request *request)
{
	(void)ctx;
	http_reply(request, 200, HTTP_JSON, NULL, one_task, sizeof(one_task) - 1);
}

static void
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

static void *
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

static void
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

static void
book_end(struct book *book)
{
	(void)pthread_join(book->thread, NULL);
	(void)close(book->fd);
}

/* ---- setting up ---- */

static void *
run(void *arg)
{
	struct cube_error err;

	(void)arg;
	ck_assert_int_eq(loop_run(loop, &err), 0);
	return NULL;
}

static void
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

static void
teardown(void)
{
	http_client_free(client);
	loop_stop(loop, clock_now().mono_ms + 2000);
	(void)pthread_join(thread, NULL);
	loop_free(loop);
	store_close(store);
	ck_assert(http_server_stop(server, clock_now().mono_ms + 2000));
}

static struct manager_effect *
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

static struct task_spec *
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

static void
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

/* ---- our own workers ---- */

START_TEST(a_hello_brings_the_workers_description)
{
	struct manager_message *message;

	fleet_send(client, loop, effect(MANAGER_EFFECT_HELLO, "ours"));
	message = answer();
	ck_assert_int_eq(message->message.kind, MANAGER_HELLO_DONE);
	ck_assert_int_eq(message->fault, 0);
	ck_assert_int_eq(message->status, 200);
	ck_assert_uint_eq(message->contact, 41);
	ck_assert(!message->book);
	ck_assert_str_eq(message->info.name, "n1");
	ck_assert_int_eq(message->info.mcpu, 2000);
	ck_assert(was_seen("protocol yes"));
	manager_message_free(message);
}
END_TEST

START_TEST(orders_arrive_whole_and_a_refusal_brings_its_reason)
{
	struct manager_effect *orders = effect(MANAGER_EFFECT_ORDERS, "ours");
	struct manager_message *message;

	give_orders(orders, "{\"Name\":\"a\",\"Image\":\"x\"}");
	fleet_send(client, loop, orders);
	message = answer();
	ck_assert_int_eq(message->message.kind, MANAGER_ORDERS_DONE);
	ck_assert_int_eq(message->status, 200);
	ck_assert_uint_eq(message->orders_sequence, 12);
	ck_assert(was_seen("\"Cluster\":\"" CLUSTER "\""));
	ck_assert(was_seen("\"Image\":\"x\""));
	ck_assert(was_seen("\"ID\":\"" TASK_B "\",\"Attempt\":1,\"Wanted\":3"));
	manager_message_free(message);
	orders = effect(MANAGER_EFFECT_ORDERS, "ours");
	orders->orders.generation = 99;
	memcpy(orders->orders.cluster, CLUSTER, ID_SIZE);
	fleet_send(client, loop, orders);
	message = answer();
	ck_assert_int_eq(message->fault, 0);
	ck_assert_int_eq(message->status, 409);
	ck_assert_str_eq(message->reason, "older than what it has");
	manager_message_free(message);
}
END_TEST

START_TEST(a_poll_brings_reports_and_its_place)
{
	struct manager_effect *poll = effect(MANAGER_EFFECT_POLL, "ours");
	struct manager_message *message;

	poll->since = (struct revision){0xab, 6};
	poll->wait_ms = 4050;
	poll->stamp = 8999994000;
	fleet_send(client, loop, poll);
	message = answer();
	ck_assert_int_eq(message->message.kind, MANAGER_POLL_DONE);
	ck_assert_msg(message->status == 200, "%s", message->reason);
	ck_assert_uint_eq(message->reports.revision.epoch, 0xab);
	ck_assert_uint_eq(message->reports.revision.sequence, 7);
	ck_assert(message->reports.full);
	ck_assert_uint_eq(message->reports.generation, 5);
	ck_assert_uint_eq(message->reports.sequence, 6);
	ck_assert_uint_eq(message->reports.node_revision, 4);
	ck_assert_uint_eq(message->reports.count, 1);
	ck_assert_str_eq(message->reports.items[0].task_id, TASK_A);
	ck_assert_uint_eq(message->reports.items[0].status.attempt, 3);
	ck_assert(was_seen("&wait=4.050"));
	ck_assert(was_seen("-6&"));
	ck_assert(was_seen("&stamp=8999994000"));
	ck_assert_uint_eq(message->reports.stamp, 9000000000);
	manager_message_free(message);
}
END_TEST

static void
faulty(enum manager_effect_kind kind, const char *folder, int fault)
{
	struct manager_message *message;

	fleet_send(client, loop, effect(kind, folder));
	message = answer();
	ck_assert_msg(message->fault == fault, "%s: %d %d %s", folder, message->fault,
		      message->status, message->reason);
	ck_assert_str_ne(message->reason, "");
	manager_message_free(message);
}

START_TEST(answers_that_are_not_what_they_should_be_are_faults)
{
	faulty(MANAGER_EFFECT_POLL, "bare", CUBE_ERR_INVALID);
	faulty(MANAGER_EFFECT_POLL, "mad", CUBE_ERR_INVALID);
	faulty(MANAGER_EFFECT_HELLO, "mad", CUBE_ERR_INVALID);
}
END_TEST

START_TEST(nobody_there_is_a_fault_and_an_error_status_is_an_answer)
{
	struct manager_effect *hello = effect(MANAGER_EFFECT_HELLO, "ours");
	struct manager_message *message;

	(void)snprintf(hello->api, sizeof(hello->api), "http://127.0.0.1:1");
	fleet_send(client, loop, hello);
	message = answer();
	ck_assert_int_eq(message->fault, CUBE_ERR_UNAVAILABLE);
	manager_message_free(message);
	fleet_send(client, loop, effect(MANAGER_EFFECT_HELLO, "nowhere"));
	message = answer();
	ck_assert_int_eq(message->fault, 0);
	ck_assert_int_eq(message->status, 404);
	ck_assert_ptr_nonnull(strstr(message->reason, "/nowhere/node"));
	manager_message_free(message);
}
END_TEST

START_TEST(a_contact_that_is_forgotten_answers_nothing)
{
	static const char *const answers[] = {NULL};
	struct book mute;
	struct manager_effect *hello = effect(MANAGER_EFFECT_HELLO, "ours");
	struct manager_message *message;

	book_start(&mute, answers, hello->api); /* listens, and accepts nobody */
	fleet_send(client, loop, hello);
	fleet_send(client, loop, effect(MANAGER_EFFECT_FORGET, "ours"));
	hello = effect(MANAGER_EFFECT_HELLO, "ours");
	hello->contact = 42;
	fleet_send(client, loop, hello);
	message = answer();
	ck_assert_uint_eq(message->contact, 42);
	manager_message_free(message);
	ck_assert_int_eq(got.count, 0);
	book_end(&mute);
}
END_TEST

/* ---- the book's ---- */

#define CLOSE "Connection: close\r\n\r\n"

START_TEST(a_worker_of_the_books_is_known_by_its_stats)
{
	static const char *const answers[] = {
		"HTTP/1.1 404 Not Found\r\n" CLOSE "404 page not found\n",
		"HTTP/1.1 200 OK\r\n" CLOSE "{\"MemStats\":{\"mem_total\":2048},\"DiskStats\":{"
		"\"all\":4096},\"TaskCount\":0}",
		NULL};
	struct manager_effect *hello = effect(MANAGER_EFFECT_HELLO, "");
	struct manager_message *message;
	struct book book;

	book_start(&book, answers, hello->api);
	fleet_send(client, loop, hello);
	message = answer();
	ck_assert_msg(message->fault == 0, "%s", message->reason);
	ck_assert_int_eq(message->status, 200);
	ck_assert(message->book);
	ck_assert(message->info.runtime_ready);
	ck_assert_int_eq(message->info.memory_bytes, 2048 * 1024);
	ck_assert_int_eq(message->info.disk_bytes, 4096);
	ck_assert_ptr_nonnull(message->info.stats);
	manager_message_free(message);
	book_end(&book);
}
END_TEST

START_TEST(any_other_web_server_is_no_worker)
{
	static const char *const answers[] = {"HTTP/1.1 200 OK\r\n" CLOSE "<html>",
					      "HTTP/1.1 200 OK\r\n" CLOSE "<html>", NULL};
	struct manager_effect *hello = effect(MANAGER_EFFECT_HELLO, "");
	struct manager_message *message;
	struct book book;

	book_start(&book, answers, hello->api);
	fleet_send(client, loop, hello);
	message = answer();
	ck_assert_int_eq(message->fault, CUBE_ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(message->reason, "no worker"));
	manager_message_free(message);
	book_end(&book);
}
END_TEST

START_TEST(orders_to_the_books_worker_are_events_with_the_books_members_alone)
{
	static const char *const answers[] = {"HTTP/1.1 201 Created\r\n" CLOSE "{}",
					      "HTTP/1.1 404 Not Found\r\n" CLOSE, NULL};
	struct manager_effect *orders = effect(MANAGER_EFFECT_ORDERS, "");
	struct manager_message *message;
	struct book book;

	orders->book = true;
	give_orders(orders,
		    "{\"Name\":\"a\",\"Image\":\"x\",\"Cpu\":0.5,\"Labels\":{\"k\":\"v\"},"
		    "\"PortBindings\":{\"80/tcp\":\"8080\"},\"Priority\":3}");
	book_start(&book, answers, orders->api);
	fleet_send(client, loop, orders);
	message = answer();
	ck_assert_msg(message->fault == 0, "%s", message->reason);
	ck_assert_int_eq(message->status, 200); /* a stop of what is gone has what it wants */
	ck_assert(was_seen("POST /tasks HTTP/1.1"));
	ck_assert(was_seen("\"State\":2,\"Timestamp\":\""));
	ck_assert(was_seen("\"Task\":{\"ID\":\"" TASK_A "\",\"Name\":\"a\",\"State\":1,"));
	ck_assert(was_seen("\"Cpu\":0.5"));
	ck_assert(was_seen("\"ExposedPorts\":{\"80/tcp\":{}}"));
	ck_assert(was_seen("\"PortBindings\":{\"80/tcp\":\"8080\"}"));
	ck_assert(was_seen("\"RestartCount\":2"));
	ck_assert(!was_seen("Labels"));
	ck_assert(!was_seen("Priority"));
	ck_assert(!was_seen("Cmd"));
	ck_assert(was_seen("DELETE /tasks/" TASK_B " HTTP/1.1"));
	manager_message_free(message);
	book_end(&book);
}
END_TEST

START_TEST(a_task_that_the_books_worker_refuses_ends_and_the_rest_is_sent)
{
	static const char *const answers[] = {
		"HTTP/1.1 400 Bad Request\r\n" CLOSE
		"{\"HTTPStatusCode\":400,\"Message\":\"unknown field\\n\"}",
		"HTTP/1.1 204 No Content\r\n" CLOSE, NULL};
	struct manager_effect *orders = effect(MANAGER_EFFECT_ORDERS, "");
	struct manager_message *message;
	const struct report *report;
	struct book book;

	orders->book = true;
	give_orders(orders, "{\"Name\":\"a\",\"Image\":\"x\",\"Cmd\":[\"y\"]}");
	book_start(&book, answers, orders->api);
	fleet_send(client, loop, orders);
	message = answer();
	ck_assert_msg(message->fault == 0, "%s", message->reason);
	ck_assert_int_eq(message->status, 200);
	ck_assert_uint_eq(message->reports.count, 1);
	report = &message->reports.items[0];
	ck_assert_str_eq(report->task_id, TASK_A);
	ck_assert_int_eq(report->status.state, TASK_FAILED);
	ck_assert_uint_eq(report->status.attempt, 3);
	ck_assert_int_ne(report->status.finish_ms, 0);
	ck_assert_str_eq(report->status.reason, "the worker refuses it: unknown field");
	ck_assert(was_seen("\"Cmd\":[\"y\"]"));
	ck_assert(was_seen("DELETE /tasks/" TASK_B " HTTP/1.1"));
	manager_message_free(message);
	book_end(&book);
}
END_TEST

START_TEST(a_fault_of_the_books_worker_is_told_and_the_rest_waits)
{
	static const char *const answers[] = {"HTTP/1.1 500 Internal Server Error\r\n" CLOSE
					      "{\"HTTPStatusCode\":500,\"Message\":\"full\"}",
					      NULL};
	struct manager_effect *orders = effect(MANAGER_EFFECT_ORDERS, "");
	struct manager_message *message;
	struct book book;

	orders->book = true;
	give_orders(orders, "{\"Name\":\"a\",\"Image\":\"x\"}");
	book_start(&book, answers, orders->api);
	fleet_send(client, loop, orders);
	message = answer();
	ck_assert_int_eq(message->status, 500);
	ck_assert_str_eq(message->reason, "full");
	ck_assert_uint_eq(message->reports.count, 0);
	ck_assert(!was_seen("DELETE"));
	manager_message_free(message);
	book_end(&book);
}
END_TEST

START_TEST(a_poll_of_the_books_worker_is_its_list)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\n" CLOSE "[{\"ID\":\"" TASK_B
		"\",\"Image\":\"x\",\"State\":3,\"RestartCount\":1,\"ExposedPorts\":null}]",
		NULL};
	struct manager_effect *poll = effect(MANAGER_EFFECT_POLL, "");
	struct manager_message *message;
	struct book book;

	poll->book = true;
	book_start(&book, answers, poll->api);
	fleet_send(client, loop, poll);
	message = answer();
	ck_assert_msg(message->fault == 0, "%s", message->reason);
	ck_assert_uint_eq(message->reports.count, 1);
	ck_assert_int_eq(message->reports.items[0].status.state, TASK_COMPLETED);
	ck_assert_uint_eq(message->reports.items[0].status.attempt, 2);
	ck_assert(was_seen("GET /tasks HTTP/1.1"));
	manager_message_free(message);
	book_end(&book);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("fleet");
	TCase *tc = tcase_create("fleet");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_hello_brings_the_workers_description);
	tcase_add_test(tc, orders_arrive_whole_and_a_refusal_brings_its_reason);
	tcase_add_test(tc, a_poll_brings_reports_and_its_place);
	tcase_add_test(tc, answers_that_are_not_what_they_should_be_are_faults);
	tcase_add_test(tc, nobody_there_is_a_fault_and_an_error_status_is_an_answer);
	tcase_add_test(tc, a_contact_that_is_forgotten_answers_nothing);
	tcase_add_test(tc, a_worker_of_the_books_is_known_by_its_stats);
	tcase_add_test(tc, any_other_web_server_is_no_worker);
	tcase_add_test(tc, orders_to_the_books_worker_are_events_with_the_books_members_alone);
	tcase_add_test(tc, a_task_that_the_books_worker_refuses_ends_and_the_rest_is_sent);
	tcase_add_test(tc, a_fault_of_the_books_worker_is_told_and_the_rest_waits);
	tcase_add_test(tc, a_poll_of_the_books_worker_is_its_list);
	suite_add_tcase(s, tc);
	return s;
}

CHECK_MAIN(suite)
