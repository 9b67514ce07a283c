/* The long poll and the reads: what is told, when, and never before it is durable. */
#include "check_main.h"
#include "worker_help.h"

static struct revision
here(const struct rig *rig, uint64_t sequence)
{
	return (struct revision){rig->config.epoch, sequence};
}

/* The revision up to which all has been told. */
static struct revision
all_told(struct rig *rig)
{
	struct revision revision;

	rig_poll(rig, here(rig, 0), 0, 900);
	revision = rig_reply(rig, 900)->revision;
	rig_drop(rig, rig_reply(rig, 900));
	return revision;
}

START_TEST(a_poll_waits_until_there_is_news)
{
	struct rig *rig = rig_running();
	struct revision since = all_told(rig);

	rig_poll(rig, since, 5000, 7);
	rig_sleep(rig, 4000);
	ck_assert_ptr_null(rig_reply(rig, 7));
	rig_exit_box(rig, ID_1, 1, 3);
	rig_changed(rig, ID_1);
	rig_work(rig);
	ck_assert_ptr_nonnull(rig_reply(rig, 7));
	ck_assert(!rig_reply(rig, 7)->full);
	ck_assert_uint_eq(rig_reply(rig, 7)->task_count, 1);
	ck_assert_int_eq(rig_reply(rig, 7)->tasks[0].status.exit_code, 3);
	ck_assert_uint_gt(rig_reply(rig, 7)->revision.sequence, since.sequence);
	rig_free(rig);
}
END_TEST

START_TEST(a_poll_is_answered_empty_when_its_time_is_over)
{
	struct rig *rig = rig_running();
	struct revision since = all_told(rig);

	rig_poll(rig, since, 5000, 7);
	rig_sleep(rig, 4999);
	ck_assert_ptr_null(rig_reply(rig, 7));
	rig_sleep(rig, 1);
	ck_assert_int_eq(rig_reply(rig, 7)->status, 200);
	ck_assert_uint_eq(rig_reply(rig, 7)->task_count, 0);
	ck_assert_uint_eq(rig_reply(rig, 7)->revision.sequence, since.sequence);
	ck_assert_uint_eq(rig_reply(rig, 7)->generation, 1);
	ck_assert_uint_eq(rig_reply(rig, 7)->sequence, 1);
	rig_free(rig);
}
END_TEST

START_TEST(a_second_poll_replaces_the_one_that_waits)
{
	struct rig *rig = rig_running();
	struct revision since = all_told(rig);

	rig_poll(rig, since, 5000, 7);
	rig_poll(rig, since, 5000, 8);
	ck_assert_ptr_nonnull(rig_reply(rig, 7));
	ck_assert_ptr_null(rig_reply(rig, 8));
	rig_sleep(rig, 5000);
	ck_assert_ptr_nonnull(rig_reply(rig, 8));
	ck_assert_uint_eq(rig_count(rig, WORKER_EFFECT_REPLY), 2);
	rig_free(rig);
}
END_TEST

START_TEST(no_poll_waits_when_the_process_ends)
{
	struct rig *rig = rig_running();
	struct revision since = all_told(rig);

	rig_poll(rig, since, 5000, 7);
	rig_send(rig, rig_message(MESSAGE_QUIT, 0));
	ck_assert_int_eq(rig_reply(rig, 7)->status, 200);
	rig_poll(rig, since, 5000, 8); /* nor one that comes too late */
	ck_assert_int_eq(rig_reply(rig, 8)->status, 200);
	rig_free(rig);
}
END_TEST

START_TEST(another_epoch_gets_all_that_is_not_acknowledged)
{
	struct rig *rig = rig_running();
	struct revision since = {rig->config.epoch - 1, 1000};

	rig_order(rig, 2, ID_2, 1, TASK_WANTED_RUN);
	rig_work(rig);
	rig_exit_box(rig, ID_2, 1, 0);
	rig_changed(rig, ID_2);
	rig_work(rig);
	rig_poll(rig, since, 5000, 7);
	ck_assert(rig_reply(rig, 7)->full);
	ck_assert_uint_eq(rig_reply(rig, 7)->task_count, 2);
	rig_ack(rig, 3);
	rig_poll(rig, since, 5000, 8);
	ck_assert_uint_eq(rig_reply(rig, 8)->task_count, 1);
	ck_assert_str_eq(rig_reply(rig, 8)->tasks[0].spec->id, ID_1);
	rig_crash(rig); /* also that survives */
	rig_work(rig);
	rig_poll(rig, since, 5000, 9);
	ck_assert_uint_eq(rig_reply(rig, 9)->revision.epoch, rig->config.epoch);
	ck_assert_uint_eq(rig_reply(rig, 9)->task_count, 1);
	rig_free(rig);
}
END_TEST

START_TEST(nothing_is_told_before_it_is_durable)
{
	struct rig *rig = rig_running();
	struct revision since = all_told(rig);

	rig->auto_commit = false;
	rig_exit_box(rig, ID_1, 1, 3);
	rig_changed(rig, ID_1);
	rig_poll(rig, since, 5000, 7);
	rig_work(rig);
	ck_assert_ptr_null(rig_reply(rig, 7));
	rig_commit(rig);
	ck_assert_int_eq(rig_reply(rig, 7)->tasks[0].status.exit_code, 3);
	ck_assert_has(rig_attempt(rig, ID_1, 1), "'ExitCode':3");
	rig_free(rig);
}
END_TEST

START_TEST(a_heartbeat_shows_what_was_durable_while_the_store_fails)
{
	struct rig *rig = rig_running();
	struct revision since = all_told(rig);
	struct revision none = {0, 0};

	rig->fault = "disk full";
	rig_exit_box(rig, ID_1, 1, 3);
	rig_changed(rig, ID_1);
	rig_work(rig);
	rig_poll(rig, since, 5000, 6); /* that it fails is news of the node */
	ck_assert_uint_eq(rig_reply(rig, 6)->task_count, 0);
	rig_poll(rig, since, 5000, 7);
	ck_assert_ptr_null(rig_reply(rig, 7));
	rig_sleep(rig, 5000);
	ck_assert_uint_eq(rig_reply(rig, 7)->task_count, 0);
	ck_assert_uint_eq(rig_reply(rig, 7)->revision.sequence, since.sequence);
	rig_poll(rig, none, 5000, 8); /* a full one must not lack it */
	ck_assert(rig_reply(rig, 8)->full);
	ck_assert_uint_eq(rig_reply(rig, 8)->task_count, 1);
	ck_assert_int_eq(rig_reply(rig, 8)->tasks[0].status.state, TASK_RUNNING);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING); /* reads go on, too */
	rig->fault = NULL;
	rig_poll(rig, since, 5000, 9);
	ck_assert_int_eq(rig_reply(rig, 9)->tasks[0].status.exit_code, 3);
	rig_free(rig);
}
END_TEST

START_TEST(a_commit_that_hangs_holds_up_one_answer_and_no_second)
{
	struct rig *rig = rig_running();
	struct revision since = all_told(rig);

	rig->auto_commit = false;
	rig_exit_box(rig, ID_1, 1, 3);
	rig_changed(rig, ID_1);
	rig_poll(rig, since, 5000, 7);
	rig_work(rig);
	ck_assert_ptr_null(rig_reply(rig, 7));
	rig_poll(rig, since, 5000, 8); /* the manager has waited long enough */
	ck_assert_ptr_null(rig_reply(rig, 8));
	rig_sleep(rig, 250);
	ck_assert_uint_eq(rig_reply(rig, 8)->task_count, 0);
	ck_assert_uint_eq(rig_reply(rig, 8)->revision.sequence, since.sequence);
	rig_commit(rig);
	rig->auto_commit = true;
	ck_assert_ptr_nonnull(rig_reply(rig, 7)); /* who asked for it is gone */
	rig_poll(rig, since, 5000, 9);
	ck_assert_int_eq(rig_reply(rig, 9)->tasks[0].status.exit_code, 3);
	rig_free(rig);
}
END_TEST

START_TEST(orders_that_are_not_durable_are_not_claimed_in_a_heartbeat)
{
	struct rig *rig = rig_running();
	struct revision none = {0, 0};

	rig->auto_commit = false;
	rig_order(rig, 2, ID_2, 1, TASK_WANTED_RUN);
	rig_poll(rig, none, 0, 7);
	ck_assert_uint_eq(rig_reply(rig, 7)->sequence, 1);
	ck_assert_uint_eq(rig_reply(rig, 7)->task_count, 1);
	ck_assert_str_eq(rig_reply(rig, 7)->tasks[0].spec->id, ID_1);
	rig_commit(rig);
	rig_poll(rig, none, 0, 8);
	ck_assert_uint_eq(rig_reply(rig, 8)->sequence, 2);
	ck_assert_uint_eq(rig_reply(rig, 8)->task_count, 2);
	rig_free(rig);
}
END_TEST

START_TEST(a_poll_is_not_answered_in_full_before_the_first_list)
{
	struct rig *rig = rig_running();
	struct revision none = {0, 0};

	rig_crash(rig);
	rig_poll(rig, none, 5000, 7);
	ck_assert_ptr_null(rig_reply(rig, 7));
	rig_do(rig, WORKER_JOB_LIST);
	ck_assert_ptr_nonnull(rig_reply(rig, 7));
	rig_crash(rig);
	rig_poll(rig, none, 5000, 8);
	rig_sleep(rig, 5000); /* a heartbeat all the same, of what is journalled */
	ck_assert_uint_eq(rig_reply(rig, 8)->task_count, 1);
	rig_free(rig);
}
END_TEST

START_TEST(a_change_of_the_node_wakes_a_poll)
{
	struct rig *rig = rig_running();
	struct revision since = all_told(rig);
	uint64_t revision = rig_node(rig).revision;

	rig_poll(rig, since, 5000, 7);
	rig_changed(rig, ID_1);
	rig->down = true;
	rig_work(rig);
	ck_assert_ptr_nonnull(rig_reply(rig, 7));
	ck_assert_uint_gt(rig_reply(rig, 7)->node_revision, revision);
	rig_poll(rig, since, 5000, 8); /* it has been told */
	ck_assert_ptr_null(rig_reply(rig, 8));
	rig_free(rig);
}
END_TEST

START_TEST(a_new_order_alone_is_no_news)
{
	struct rig *rig = rig_running();
	struct revision since = all_told(rig);

	rig_poll(rig, since, 5000, 7);
	rig_order(rig, 2, ID_2, 1, TASK_WANTED_RUN);
	ck_assert_ptr_null(rig_reply(rig, 7)); /* the answer to the order told it */
	rig_work(rig);
	ck_assert_uint_eq(rig_reply(rig, 7)->task_count, 1);
	ck_assert_int_eq(rig_reply(rig, 7)->tasks[0].status.state, TASK_RUNNING);
	rig_free(rig);
}
END_TEST

START_TEST(a_list_shows_the_newest_attempt_of_each_task)
{
	struct rig *rig = rig_running();

	rig_order(rig, 2, ID_1, 2, TASK_WANTED_RUN);
	rig_order(rig, 3, ID_2, 1, TASK_WANTED_RUN);
	rig_send(rig, rig_message(WORKER_LIST, 7));
	ck_assert_int_eq(rig_reply(rig, 7)->status, 200);
	ck_assert_uint_eq(rig_reply(rig, 7)->task_count, 2);
	ck_assert_str_eq(rig_reply(rig, 7)->tasks[0].spec->id, ID_1);
	ck_assert_uint_eq(rig_reply(rig, 7)->tasks[0].status.attempt, 2);
	ck_assert_str_eq(rig_reply(rig, 7)->tasks[1].spec->id, ID_2);
	ck_assert_uint_eq(rig_reply(rig, 7)->revision.epoch, rig->config.epoch);
	rig_free(rig);
}
END_TEST

START_TEST(a_read_of_what_is_not_there_is_404)
{
	struct rig *rig = rig_running();
	struct worker_message *message;

	ck_assert(!rig_knows(rig, ID_2));
	message = rig_message(WORKER_GET, 7);
	(void)snprintf(message->task_id, ID_SIZE, "%s", ID_1);
	message->attempt = 2;
	rig_send(rig, message);
	ck_assert_int_eq(rig_reply(rig, 7)->status, 404);
	ck_assert_has(rig_reply(rig, 7)->message, "attempt 2");
	rig_free(rig);
}
END_TEST

START_TEST(a_read_waits_for_what_it_shows)
{
	struct rig *rig = rig_new();

	rig->auto_commit = false;
	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	rig_send(rig, rig_message(WORKER_LIST, 7));
	ck_assert_ptr_null(rig_reply(rig, 7));
	rig_commit(rig);
	ck_assert_uint_eq(rig_reply(rig, 7)->task_count, 1);
	rig_free(rig);
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("worker report");
	TCase *polls = tcase_create("polls");
	TCase *reads = tcase_create("reads");

	tcase_add_test(polls, a_poll_waits_until_there_is_news);
	tcase_add_test(polls, a_poll_is_answered_empty_when_its_time_is_over);
	tcase_add_test(polls, a_second_poll_replaces_the_one_that_waits);
	tcase_add_test(polls, no_poll_waits_when_the_process_ends);
	tcase_add_test(polls, another_epoch_gets_all_that_is_not_acknowledged);
	tcase_add_test(polls, nothing_is_told_before_it_is_durable);
	tcase_add_test(polls, a_heartbeat_shows_what_was_durable_while_the_store_fails);
	tcase_add_test(polls, a_commit_that_hangs_holds_up_one_answer_and_no_second);
	tcase_add_test(polls, orders_that_are_not_durable_are_not_claimed_in_a_heartbeat);
	tcase_add_test(polls, a_poll_is_not_answered_in_full_before_the_first_list);
	tcase_add_test(polls, a_change_of_the_node_wakes_a_poll);
	tcase_add_test(polls, a_new_order_alone_is_no_news);
	tcase_add_test(reads, a_list_shows_the_newest_attempt_of_each_task);
	tcase_add_test(reads, a_read_of_what_is_not_there_is_404);
	tcase_add_test(reads, a_read_waits_for_what_it_shows);
	suite_add_tcase(suite, polls);
	suite_add_tcase(suite, reads);
	return suite;
}

CHECK_MAIN(suite)
