/* tests/unit/fleet_test.c - exchanges with our own workers: hello, orders, polls, and peers
 * that do not answer as they should. */
#include "fleet_rig.h"

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
	suite_add_tcase(s, tc);
	return s;
}

CHECK_MAIN(suite)
