/* tests/unit/manager_api_test.c - the manager's API over its real brain, with a scripted store.
 *
 * Requests go over a socket, as a client's do. There are no workers: what is placed where is
 * tested with the brain. A task that fits nowhere stays Pending.
 */
#include "base/clock.h"
#include "base/json.h"
#include "http/client.h"
#include "http/fetch.h"
#include "http/server.h"
#include "manager/manager.h"
#include "shell/fleet.h"
#include "shell/manager_api.h"
#include "shell/reply_slot.h"

#include "check_main.h"
#include "store_script.h"

#include <inttypes.h>

#define TASK_A "11111111-1111-4111-8111-111111111111"
#define TASK_B "22222222-2222-4222-8222-222222222222"
#define NOBODY "99999999-9999-4999-8999-999999999999"

static struct http_server *server;
static struct http_client *client;
static struct manager *brain;
static struct store *store;
static struct loop *loop;
static struct manager_api api;
static pthread_t thread;

/* ---- a scheduler, and the brain for the loop ---- */

static int
cheap_open(const struct cube_host *host, const char *const *options, void **self,
	   struct cube_error *err)
{
	(void)host;
	(void)options;
	(void)self;
	(void)err;
	return 0;
}

static void
cheap_close(void *self)
{
	(void)self;
}

static int
cheap_score(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
	    const uint32_t *rows, uint32_t n, double *cost, struct cube_error *err)
{
	(void)self;
	(void)nodes;
	(void)demand;
	(void)err;
	for (uint32_t i = 0; i < n; i++)
		cost[i] = rows[i];
	return 0;
}

static const struct cube_scheduler_ops cheap_ops = {.struct_size = sizeof(cheap_ops),
						    .open = cheap_open,
						    .close = cheap_close,
						    .score = cheap_score};

static int
brain_start(void *ctx, struct step *step, struct cube_error *err)
{
	return manager_start(ctx, step, err);
}

static int
brain_step(void *ctx, struct message *message, struct step *step, struct cube_error *err)
{
	return manager_step(ctx, (struct manager_message *)message, step, err);
}

static struct message *
brain_wake(void *ctx)
{
	struct manager_message *message = manager_message_new(MANAGER_NODES);

	(void)ctx;
	ck_assert_ptr_nonnull(message);
	message->message.kind = MESSAGE_WAKE;
	return &message->message;
}

static void
brain_free(struct message *message)
{
	manager_message_free((struct manager_message *)message);
}

static void
release(void *ctx, struct outbox_item *item)
{
	struct manager_effect *effect = (struct manager_effect *)item;

	(void)ctx;
	if (effect->kind == MANAGER_EFFECT_REPLY)
		reply_slot_fill(effect->token, item);
	else
		fleet_send(client, loop, effect);
}

static void *
run(void *arg)
{
	struct cube_error err;

	(void)arg;
	(void)loop_run(loop, &err);
	return NULL;
}

static void
begin(const enum script_word *words, size_t count, uint32_t ask_ms)
{
	const struct loop_brain loop_brain = {.brain = NULL,
					      .start = brain_start,
					      .step = brain_step,
					      .wake = brain_wake,
					      .free_message = brain_free};
	struct loop_brain with_brain = loop_brain;
	struct manager_config config = {.new_cluster = NOBODY,
					.node_timeout_ms = 3000,
					.events_max = 100000,
					.scheduler_name = "cheap",
					.scheduler_ops = &cheap_ops};
	struct http_server_config server_config = {
		.routes = manager_routes, .threads = 16, .ctx = &api};
	struct cube_error err;

	script_reset(words, count);
	ck_assert_int_eq(fetch_init(&err), 0);
	ck_assert_msg(manager_new(&config, &brain, &err) == 0, "%s", err.message);
	ck_assert_int_eq(store_open("script", &script_ops, NULL, NULL, &store, &err), 0);
	with_brain.brain = brain;
	ck_assert_int_eq(loop_new(&with_brain, store, release, NULL, NULL, &loop, &err), 0);
	ck_assert_int_eq(http_client_new(4, &client, &err), 0);
	api = (struct manager_api){.loop = loop, .ask_ms = ask_ms};
	ck_assert_int_eq(http_server_start(&server_config, &server, &err), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, run, NULL), 0);
}

static void
setup(void)
{
	begin(NULL, 0, 0);
}

static void
teardown(void)
{
	script_let_go();
	ck_assert(http_server_stop(server, clock_now().mono_ms + 5000));
	loop_stop(loop, clock_now().mono_ms + 5000);
	(void)pthread_join(thread, NULL);
	http_client_free(client);
	loop_free(loop);
	manager_free(brain);
	store_close(store);
}

/* ---- asking ---- */

static struct fetch last;

/* The answer's text, until the next request. */
static const char *
ask(const char *method, const char *path, const char *body, int status)
{
	char url[512];
	struct cube_error err;

	fetch_release(&last);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", http_server_port(server),
		       path);
	last = (struct fetch){.method = method,
			      .url = url,
			      .body = body,
			      .body_size = body != NULL ? strlen(body) : 0,
			      .timeout_ms = 30000};
	ck_assert_msg(fetch_run(&last, &err) == 0, "%s", err.message);
	ck_assert_msg(last.status == status, "%s %s: %d, not %d: %.300s", method, path,
		      last.status, status, buf_text(&last.response));
	if (status >= 400) {
		char code[48];

		(void)snprintf(code, sizeof(code), "{\"HTTPStatusCode\":%d,\"Message\":\"",
			       status);
		ck_assert_int_eq(strncmp(buf_text(&last.response), code, strlen(code)), 0);
	}
	return buf_text(&last.response);
}

static void
expect(const char *method, const char *path, const char *body, int status, const char *part)
{
	const char *answer = ask(method, path, body, status);

	ck_assert_msg(strstr(answer, part) != NULL, "%s %s: no %s in %.300s", method, path,
		      part, answer);
}

static size_t
count_of(const char *text, const char *part)
{
	size_t count = 0;

	while ((text = strstr(text, part)) != NULL) {
		count++;
		text++;
	}
	return count;
}

static size_t
listed(const char *path)
{
	const char *text = ask("GET", path, NULL, 200);
	struct json_doc doc;
	struct cube_error err;
	size_t count;

	ck_assert_msg(json_parse(text, strlen(text), &doc, &err) == 0, "%s", err.message);
	ck_assert_int_eq(doc.root->type, JSON_ARRAY);
	count = doc.root->count;
	json_release(&doc);
	return count;
}

static void
submit(const char *id, const char *rest)
{
	char body[1024];

	(void)snprintf(body, sizeof(body),
		       "{\"State\":2,\"Task\":{\"ID\":\"%s\",\"Image\":\"x\",\"Memory\":1%s}}",
		       id, rest);
	(void)ask("POST", "/tasks", body, 201);
}

/* ---- tests ---- */

START_TEST(a_submit_answers_the_task_and_a_repeat_the_same_one)
{
	submit(TASK_A, "");
	expect("GET", "/tasks/" TASK_A, NULL, 200, "\"State\":0");
	submit(TASK_A, "");
	ck_assert_uint_eq(listed("/tasks"), 1);
	expect("POST", "/tasks",
	       "{\"State\":2,\"Task\":{\"ID\":\"" TASK_A "\",\"Image\":\"other\"}}", 409,
	       TASK_A);
	expect("GET", "/tasks/" TASK_A "/history", NULL, 200, "\"State\":0");
}
END_TEST

START_TEST(a_submit_without_an_id_gets_one)
{
	const char *answer = ask("POST", "/tasks",
				 "{\"State\":2,\"Task\":{\"Image\":\"x\",\"Memory\":1}}", 201);

	ck_assert_ptr_null(strstr(answer, "\"ID\":\"\""));
	ck_assert_ptr_null(strstr(answer, "00000000-0000"));
	ck_assert_uint_eq(listed("/tasks/"), 1);
}
END_TEST

START_TEST(bad_submits_are_refused_and_leave_nothing)
{
	expect("POST", "/tasks", "{", 400, "line 1");
	expect("POST", "/tasks", "", 400, "");
	expect("POST", "/tasks", "7", 400, "");
	expect("POST", "/tasks", "{\"State\":2,\"Task\":{\"Image\":\"x\",\"Imgae\":1}}", 400,
	       "Imgae");
	expect("POST", "/tasks", "{\"State\":2,\"Task\":{}}", 400, "Image");
	expect("POST", "/tasks", "{\"State\":2,\"Task\":{\"ID\":\"7\",\"Image\":\"x\"}}", 400,
	       "ID");
	expect("POST", "/tasks",
	       "[{\"State\":2,\"Task\":{\"Image\":\"x\"}},{\"State\":9,\"Task\":{}}]", 400,
	       "[1]");
	ck_assert_uint_eq(listed("/tasks"), 0);
}
END_TEST

START_TEST(an_array_is_taken_whole_and_in_its_order)
{
	const char *answer = ask(
		"POST", "/tasks",
		"[{\"State\":2,\"Task\":{\"ID\":\"" TASK_B "\",\"Image\":\"x\",\"Memory\":1}},"
		"{\"State\":2,\"Task\":{\"ID\":\"" TASK_A "\",\"Image\":\"x\",\"Memory\":1}}]",
		201);
	const char *first = strstr(answer, TASK_B);

	ck_assert_ptr_nonnull(first);
	ck_assert_ptr_nonnull(strstr(first, TASK_A));
	ck_assert_uint_eq(listed("/tasks"), 2);
	ck_assert_str_eq(ask("POST", "/tasks", "[]", 201), "[]");
}
END_TEST

/* count TaskEvents in an array. */
static char *
array_of(int count)
{
	static const char one[] = "{\"State\":2,\"Task\":{\"Image\":\"x\",\"Memory\":1}},";
	char *text = malloc((size_t)count * sizeof(one) + 3);
	char *at = text;

	ck_assert_ptr_nonnull(text);
	*at++ = '[';
	for (int i = 0; i < count; i++) {
		memcpy(at, one, sizeof(one) - 1);
		at += sizeof(one) - 1;
	}
	at[-1] = ']';
	*at = '\0';
	return text;
}

START_TEST(what_is_over_a_limit_is_413_and_names_it)
{
	char *many = array_of(10001);
	char *large = malloc((1 << 20) + 100);

	ck_assert_ptr_nonnull(large);
	expect("POST", "/tasks", many, 413, "10000");
	memset(large, ' ', (1 << 20) + 99);
	large[0] = '{';
	large[(1 << 20) + 99] = '\0';
	expect("POST", "/tasks", large, 413, "1048576");
	ck_assert_uint_eq(listed("/tasks"), 0);
	free(many);
	free(large);
}
END_TEST

START_TEST(a_list_of_many_pages_is_whole_and_bounded_when_asked)
{
	char *many = array_of(2500);

	(void)ask("POST", "/tasks", many, 201);
	ck_assert_uint_eq(listed("/tasks"), 2500);
	ck_assert_uint_eq(listed("/tasks?limit=1"), 1);
	ck_assert_uint_eq(listed("/tasks?limit=1700"), 1700);
	ck_assert_uint_eq(listed("/tasks?after=2400"), 100);
	ck_assert_uint_eq(listed("/tasks?after=2400&limit=30"), 30);
	ck_assert_uint_eq(listed("/tasks?after=2500"), 0);
	free(many);
}
END_TEST

START_TEST(filters_hold_and_bad_ones_are_told)
{
	submit(TASK_A, ",\"Name\":\"web\",\"Job\":\"j1\",\"Labels\":{\"k\":\"v\"}");
	submit(TASK_B, ",\"Name\":\"db\"");
	(void)ask("DELETE", "/tasks/" TASK_B, NULL, 204);
	ck_assert_uint_eq(listed("/tasks?name=web"), 1);
	ck_assert_uint_eq(listed("/tasks?name=we"), 0);
	ck_assert_uint_eq(listed("/tasks?job=j1"), 1);
	ck_assert_uint_eq(listed("/tasks?label=k"), 1);
	ck_assert_uint_eq(listed("/tasks?label=k%3Dv"), 1);
	ck_assert_uint_eq(listed("/tasks?label=k%3Dw"), 0);
	ck_assert_uint_eq(listed("/tasks?prefix=1111"), 1);
	ck_assert_uint_eq(listed("/tasks?state=pending"), 1);
	ck_assert_uint_eq(listed("/tasks?state=3"), 1);
	ck_assert_uint_eq(listed("/tasks?state=Pending,Completed"), 2);
	ck_assert_uint_eq(listed("/tasks?node=n1"), 0);
	expect("GET", "/tasks?state=5", NULL, 400, "state");
	expect("GET", "/tasks?prefix=xyz", NULL, 400, "prefix");
	expect("GET", "/tasks?limit=0", NULL, 400, "limit");
	expect("GET", "/tasks?after=x", NULL, 400, "after");
}
END_TEST

START_TEST(a_stop_is_204_also_when_it_has_ended_and_404_when_unknown)
{
	submit(TASK_A, "");
	(void)ask("DELETE", "/tasks/" TASK_A, NULL, 204);
	(void)ask("DELETE", "/tasks/" TASK_A "/", NULL, 204);
	expect("GET", "/tasks/" TASK_A, NULL, 200, "\"State\":3");
	expect("DELETE", "/tasks/" NOBODY, NULL, 404, NOBODY);
	expect("DELETE", "/tasks/7", NULL, 400, "7");
	expect("GET", "/tasks/" NOBODY, NULL, 404, NOBODY);
	expect("GET", "/tasks/" NOBODY "/history", NULL, 404, NOBODY);
	expect("POST", "/tasks", "{\"State\":3,\"Task\":{\"ID\":\"" TASK_A "\"}}", 201,
	       "\"State\":3");
}
END_TEST

START_TEST(the_books_stop_is_a_submit_with_state_3)
{
	submit(TASK_A, "");
	expect("POST", "/tasks",
	       "{\"ID\":\"" TASK_B "\",\"State\":3,\"Task\":{\"ID\":\"" TASK_A
	       "\",\"Anything\":1}}",
	       201, "\"State\":3");
	expect("POST", "/tasks", "{\"State\":3,\"Task\":{\"ID\":\"" NOBODY "\"}}", 404, NOBODY);
}
END_TEST

START_TEST(a_worker_joins_is_listed_and_removed)
{
	static const char body[] =
		"{\"Name\":\"n1\",\"Instance\":\"" TASK_A "\",\"Api\":\"http://127.0.0.1:1\","
		"\"Memory\":1024,\"Cores\":2}";

	expect("POST", "/nodes", body, 201, "\"Cluster\":\"" NOBODY "\"");
	expect("POST", "/nodes", body, 200, "\"Cluster\":\"" NOBODY "\"");
	ck_assert_uint_eq(listed("/nodes"), 1);
	expect("GET", "/nodes/n1", NULL, 200, "\"Name\":\"n1\"");
	expect("GET", "/nodes/n2", NULL, 404, "n2");
	expect("GET", "/nodes/a%20b", NULL, 400, "a b");
	expect("POST", "/nodes", "{\"Name\":\"n1\",\"Nmae\":1}", 400, "Nmae");
	(void)ask("DELETE", "/nodes/n1", NULL, 204);
	ck_assert_uint_eq(listed("/nodes"), 0);
}
END_TEST

START_TEST(the_logs_of_what_never_ran_are_404)
{
	submit(TASK_A, "");
	expect("GET", "/tasks/" TASK_A "/logs", NULL, 404, "on no node");
	expect("GET", "/tasks/" NOBODY "/logs", NULL, 404, NOBODY);
	expect("GET", "/tasks/" TASK_A "/logs?follow=maybe", NULL, 400, "follow");
}
END_TEST

START_TEST(health_and_version_are_told)
{
	expect("GET", "/healthz", NULL, 200, "ok");
	expect("GET", "/version", NULL, 200, CUBE_VERSION);
}
END_TEST

START_TEST(while_the_store_fails_changes_are_503_and_reads_go_on)
{
	/* Tried after 0.2, 0.4, 0.8 and 1.6 s. */
	static const enum script_word words[] = {SCRIPT_OK,          SCRIPT_OK,
						 SCRIPT_UNAVAILABLE, SCRIPT_UNAVAILABLE,
						 SCRIPT_UNAVAILABLE, SCRIPT_UNAVAILABLE};
	struct timespec pause = {.tv_nsec = 10000000};

	teardown();
	begin(words, 6, 1000);
	submit(TASK_A, ""); /* the second commit: the first was the start's */
	/* The held one gives up waiting at its deadline, and says what to do. */
	expect("POST", "/tasks",
	       "{\"State\":2,\"Task\":{\"ID\":\"" TASK_B "\",\"Image\":\"x\",\"Memory\":1}}",
	       503, TASK_B);
	while (!loop_store_fails(loop))
		(void)nanosleep(&pause, NULL);
	expect("POST", "/tasks", "{\"State\":2,\"Task\":{\"Image\":\"x\"}}", 503, "scripted");
	expect("DELETE", "/tasks/" TASK_A, NULL, 503, "scripted");
	expect("GET", "/healthz", NULL, 503, "store");
	ck_assert_uint_eq(count_of(ask("GET", "/tasks", NULL, 200), "\"ID\""), 1);
	ck_assert_uint_eq(
		count_of(ask("GET", "/events?since=0&follow=0", NULL, 200), "\"Task\""), 1);
	for (int i = 0; i < 2000 && loop_store_fails(loop); i++)
		(void)nanosleep(&pause, NULL);
	/* Now it is in, and a repeat of the unknown one finds it. */
	submit(TASK_B, "");
	ck_assert_uint_eq(listed("/tasks"), 2);
	ck_assert_uint_eq(
		count_of(ask("GET", "/events?since=0&follow=0", NULL, 200), "\"Task\""), 2);
	expect("GET", "/healthz", NULL, 200, "ok");
}
END_TEST

START_TEST(events_come_a_line_each_up_to_the_present)
{
	char *body = array_of(1200); /* some pages */
	char revision[24];
	const char *line;
	char wanted[48];
	int i;

	ck_assert_str_eq(ask("GET", "/events?follow=0", NULL, 200), "");
	ck_assert(fetch_field(&last, "Cube-Revision", revision, sizeof(revision)));
	ck_assert_str_eq(revision, "0");
	(void)ask("POST", "/tasks", body, 201);
	free(body);
	line = ask("GET", "/events?since=0&follow=0", NULL, 200);
	for (i = 1; i <= 1200; i++) {
		(void)snprintf(wanted, sizeof(wanted), "{\"Revision\":%d,\"Time\":", i);
		ck_assert_msg(strncmp(line, wanted, strlen(wanted)) == 0, "%.100s", line);
		line = strchr(line, '\n') + 1;
	}
	ck_assert_str_eq(line, "");
	expect("GET", "/events?since=1199&follow=0", NULL, 200, "\"Revision\":1200,");
	ck_assert(fetch_field(&last, "Cube-Revision", revision, sizeof(revision)));
	ck_assert_str_eq(revision, "1199");
	ck_assert_str_eq(ask("GET", "/events?since=0&follow=0&task=" TASK_A, NULL, 200), "");
	submit(TASK_A, "");
	ck_assert_uint_eq(
		count_of(ask("GET", "/events?since=0&follow=0&task=" TASK_A, NULL, 200), "\n"),
		1);
	expect("GET", "/events?since=1202", NULL, 410, "the newest event is 1201");
	expect("GET", "/events?since=-1", NULL, 400, "since");
	expect("GET", "/events?task=x", NULL, 400, "task");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("manager_api");
	TCase *tc = tcase_create("manager_api");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, a_submit_answers_the_task_and_a_repeat_the_same_one);
	tcase_add_test(tc, a_submit_without_an_id_gets_one);
	tcase_add_test(tc, bad_submits_are_refused_and_leave_nothing);
	tcase_add_test(tc, an_array_is_taken_whole_and_in_its_order);
	tcase_add_test(tc, what_is_over_a_limit_is_413_and_names_it);
	tcase_add_test(tc, a_list_of_many_pages_is_whole_and_bounded_when_asked);
	tcase_add_test(tc, filters_hold_and_bad_ones_are_told);
	tcase_add_test(tc, a_stop_is_204_also_when_it_has_ended_and_404_when_unknown);
	tcase_add_test(tc, the_books_stop_is_a_submit_with_state_3);
	tcase_add_test(tc, a_worker_joins_is_listed_and_removed);
	tcase_add_test(tc, the_logs_of_what_never_ran_are_404);
	tcase_add_test(tc, health_and_version_are_told);
	tcase_add_test(tc, events_come_a_line_each_up_to_the_present);
	tcase_add_test(tc, while_the_store_fails_changes_are_503_and_reads_go_on);
	suite_add_tcase(s, tc);
	return s;
}

CHECK_MAIN(suite)
