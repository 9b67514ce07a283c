/* tests/unit/fleet_book_test.c - exchanges with the book's workers: how they are known, what
 * they are sent, what their lists say. */
#include "fleet_rig.h"

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
	Suite *s = suite_create("fleet, the book");
	TCase *tc = tcase_create("fleet");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
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
