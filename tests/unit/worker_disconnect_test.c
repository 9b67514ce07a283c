/* StopAfterDisconnect: stamps, echoes, and the end of tasks that no manager was heard for. */
#include "check_main.h"
#include "worker_help.h"

#define S_MS 30000

/* A worker with an order to run ID_1, which wants to end after 30 s. */
static struct rig *
ordered_rig(void)
{
	struct rig *rig = rig_new();
	struct worker_message *message = orders_new(1, 1, true, 1);

	orders_add(message, ID_1, 1, TASK_WANTED_RUN);
	task_spec_put(message->orders.items[0].spec);
	message->orders.items[0].spec = spec_of("{'ID':'" ID_1 "','Name':'web',"
						"'Image':'nginx:1.25','StopTimeout':5,"
						"'StopAfterDisconnect':30}",
						CODEC_LENIENT);
	rig_send(rig, message);
	rig_work(rig);
	return rig;
}

/* Polls with that echo, waits for the answer, and gives its stamp. */
static uint64_t
poll_echo(struct rig *rig, uint64_t epoch, uint64_t echo, uint32_t wait_ms)
{
	struct worker_message *message = rig_message(WORKER_POLL, 77);
	struct worker_effect *reply;
	uint64_t stamp;

	message->since = (struct revision){epoch, UINT32_MAX};
	message->wait_ms = wait_ms;
	message->stamp = echo;
	rig_send(rig, message);
	rig_work(rig);
	if (rig_reply(rig, 77) == NULL)
		rig_sleep(rig, wait_ms);
	rig_work(rig);
	reply = rig_reply(rig, 77);
	ck_assert_ptr_nonnull(reply);
	stamp = reply->stamp;
	rig_drop(rig, reply);
	return stamp;
}

static uint64_t
poll_once(struct rig *rig, uint64_t echo)
{
	return poll_echo(rig, rig->config.epoch, echo, 0);
}

/* It runs, and a stamp of this moment has come back. */
static struct rig *
guarded_rig(void)
{
	struct rig *rig = ordered_rig();

	(void)poll_once(rig, poll_once(rig, 0));
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	rig_clear(rig);
	return rig;
}

static void
ends_cut_off(struct rig *rig)
{
	struct task_status status;

	rig_work(rig);
	ck_assert_int_eq(rig->last_signo, SIGTERM);
	rig_changed(rig, ID_1);
	rig_work(rig);
	status = rig_status(rig, ID_1, 1);
	ck_assert_int_eq(status.state, TASK_FAILED);
	ck_assert(status.disconnected);
	ck_assert_str_eq(status.reason, "stopped: no manager was heard for 30 s");
	ck_assert_has(rig_attempt(rig, ID_1, 1), "'Disconnected':true");
}

START_TEST(a_task_ends_its_seconds_after_the_newest_stamp_that_came_back)
{
	struct rig *rig = guarded_rig();
	uint64_t stamp = poll_once(rig, 0);

	ck_assert_uint_eq(stamp, rig->now.mono_ms);
	rig_sleep(rig, 20000);
	(void)poll_once(rig, stamp);
	rig_sleep(rig, 9900); /* counted from the stamp, not from the poll that brought it */
	rig_work(rig);
	ck_assert_int_eq(rig->signals, 0);
	rig_sleep(rig, 100);
	ends_cut_off(rig);
	ck_assert_int_eq(rig->signals, 1);
	ck_assert_has(rig->log, "attempt.cut-off");
	rig_free(rig);
}
END_TEST

START_TEST(echoes_keep_a_task_running)
{
	struct rig *rig = guarded_rig();
	uint64_t stamp = 0;
	int i;

	for (i = 0; i < 40; i++) {
		stamp = poll_once(rig, stamp);
		rig_sleep(rig, 5000);
	}
	rig_work(rig);
	ck_assert_int_eq(rig->signals, 0);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	rig_free(rig);
}
END_TEST

/* A manager whose polls arrive and whom no answer reaches, or one that repeats itself. */
START_TEST(polls_without_a_new_echo_renew_nothing)
{
	struct rig *rig = guarded_rig();
	uint64_t first = poll_once(rig, 0);
	uint64_t second;
	int i;

	rig_sleep(rig, 5000);
	second = poll_once(rig, first);
	rig_sleep(rig, 1000);
	(void)poll_once(rig, second);
	for (i = 0; i < 5; i++) {
		rig_sleep(rig, 5000);
		(void)poll_once(rig, i % 2 == 0 ? second : first);
	}
	rig_sleep(rig, S_MS - 26000 - 1);
	rig_work(rig);
	ck_assert_int_eq(rig->signals, 0);
	rig_sleep(rig, 1);
	ends_cut_off(rig);
	rig_free(rig);
}
END_TEST

START_TEST(stamps_that_were_never_given_or_of_another_start_do_not_count)
{
	struct rig *rig = guarded_rig();
	uint64_t stamp = poll_once(rig, 0);

	rig_sleep(rig, 25000);
	(void)poll_once(rig, rig->now.mono_ms + 10000); /* ours have not come that far */
	(void)poll_echo(rig, rig->config.epoch - 1, stamp + 1, 0);
	rig_sleep(rig, 5000);
	ends_cut_off(rig);
	rig_free(rig);
}
END_TEST

START_TEST(nothing_runs_before_the_first_echo)
{
	struct rig *rig = ordered_rig();
	uint64_t stamp = poll_once(rig, 0);

	ck_assert_uint_eq(rig->box_count, 0);
	ck_assert_ptr_nonnull(
		strstr(rig_status(rig, ID_1, 1).reason, "waiting for its manager"));
	(void)poll_once(rig, stamp);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, "");
	rig_free(rig);
}
END_TEST

START_TEST(a_task_without_the_wish_never_ends)
{
	struct rig *rig = guarded_rig();

	rig_order(rig, 2, ID_2, 1, TASK_WANTED_RUN); /* wants no such thing */
	rig_work(rig);
	rig_sleep(rig, S_MS - 1);
	rig_work(rig);
	ck_assert_int_eq(rig->signals, 0);
	rig_sleep(rig, 1);
	ends_cut_off(rig);
	rig_sleep(rig, 10 * S_MS);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_2, 1).state, TASK_RUNNING);
	rig_free(rig);
}
END_TEST

START_TEST(one_that_does_not_end_by_sigterm_is_killed_and_contact_does_not_save_it)
{
	struct rig *rig = guarded_rig();

	rig->obeys_term = false;
	rig_sleep(rig, S_MS);
	rig_work(rig);
	ck_assert_int_eq(rig->last_signo, SIGTERM);
	(void)poll_once(rig, poll_once(rig, 0));
	rig_sleep(rig, 5000);
	rig_work(rig);
	ck_assert_int_eq(rig->last_signo, SIGKILL);
	rig_changed(rig, ID_1);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_FAILED);
	ck_assert(rig_status(rig, ID_1, 1).disconnected);
	rig_free(rig);
}
END_TEST

START_TEST(nothing_is_started_while_no_manager_is_heard_and_the_echo_starts_it)
{
	struct rig *rig = guarded_rig();
	uint64_t stamp;
	struct worker_message *message;

	(void)poll_once(rig, poll_once(rig, 0));
	rig_sleep(rig, 2 * S_MS);
	ends_cut_off(rig);
	message = orders_new(1, 2, false, 5); /* it was long on its way */
	orders_add(message, ID_1, 2, TASK_WANTED_RUN);
	task_spec_put(message->orders.items[0].spec);
	message->orders.items[0].spec = spec_of(
		"{'ID':'" ID_1 "','Image':'x','StopAfterDisconnect':30}", CODEC_LENIENT);
	rig_send(rig, message);
	rig_work(rig);
	ck_assert_ptr_null(rig_box(rig, ID_1, 2));
	ck_assert_ptr_nonnull(
		strstr(rig_status(rig, ID_1, 2).reason, "not heard in the last 30 s"));
	stamp = poll_once(rig, 0);
	rig_work(rig);
	ck_assert_ptr_null(rig_box(rig, ID_1, 2));
	(void)poll_once(rig, stamp);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 2).state, TASK_RUNNING);
	rig_free(rig);
}
END_TEST

START_TEST(a_worker_that_starts_again_does_not_count_anew)
{
	struct rig *rig = guarded_rig();
	uint64_t stamp = poll_once(rig, 0);

	(void)poll_once(rig, stamp);
	rig_sleep(rig, 20000);
	rig_crash(rig);
	rig_work(rig);
	rig_sleep(rig, 9000);
	rig_work(rig);
	ck_assert_int_eq(rig->signals, 0);
	rig_sleep(rig, 1000);
	ends_cut_off(rig);
	rig_free(rig);
}
END_TEST

START_TEST(what_came_back_before_there_was_such_a_task_is_remembered_with_it)
{
	struct rig *rig = rig_new();
	struct worker_message *message = orders_new(1, 1, true, 1);

	(void)poll_once(rig, poll_once(rig, 0));
	ck_assert_ptr_null(rig_stored(rig, "meta/echo")); /* nobody asks for it */
	orders_add(message, ID_1, 1, TASK_WANTED_RUN);
	task_spec_put(message->orders.items[0].spec);
	message->orders.items[0].spec = spec_of(
		"{'ID':'" ID_1 "','Image':'x','StopAfterDisconnect':30}", CODEC_LENIENT);
	rig_send(rig, message);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	rig_sleep(rig, S_MS - 1000);
	rig_crash(rig);
	rig_work(rig);
	rig_sleep(rig, 1000);
	ends_cut_off(rig);
	rig_free(rig);
}
END_TEST

START_TEST(a_machine_that_started_again_counts_from_its_start)
{
	struct rig *rig = guarded_rig();
	uint64_t stamp = poll_once(rig, 0);

	(void)poll_once(rig, stamp);
	rig_sleep(rig, 25000);
	rig->now.mono_ms = 5000;
	rig_crash(rig);
	rig_work(rig);
	rig_sleep(rig, S_MS - 1);
	rig_work(rig);
	ck_assert_int_eq(rig->signals, 0);
	rig_sleep(rig, 1);
	ends_cut_off(rig);
	rig_free(rig);
}
END_TEST

START_TEST(a_crash_between_the_signal_and_the_end_still_tells_why)
{
	struct rig *rig = guarded_rig();

	rig->obeys_term = false;
	rig_sleep(rig, S_MS);
	rig_work(rig);
	ck_assert_int_eq(rig->signals, 1);
	rig_exit_box(rig, ID_1, 1, 0); /* it ends well, when told to */
	rig_crash(rig);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_FAILED);
	ck_assert(rig_status(rig, ID_1, 1).disconnected);
	rig_free(rig);
}
END_TEST

START_TEST(what_ended_by_itself_or_was_to_stop_is_no_disconnect)
{
	struct rig *rig = guarded_rig();

	rig_sleep(rig, S_MS - 1);
	rig_exit_box(rig, ID_1, 1, 0); /* the news of it comes after the deadline */
	rig->down = true;
	rig_sleep(rig, 1);
	rig_work(rig);
	rig->down = false;
	rig_sleep(rig, 2000);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_COMPLETED);
	ck_assert(!rig_status(rig, ID_1, 1).disconnected);
	rig_free(rig);

	rig = guarded_rig();
	rig->obeys_term = false;
	rig_sleep(rig, S_MS);
	rig_work(rig);
	rig_order(rig, 2, ID_1, 1, TASK_WANTED_STOP);
	rig_exit_box(rig, ID_1, 1, 143);
	rig_changed(rig, ID_1);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_COMPLETED);
	ck_assert(!rig_status(rig, ID_1, 1).disconnected);
	rig_free(rig);
}
END_TEST

START_TEST(a_journal_that_fails_does_not_keep_it_alive)
{
	struct rig *rig = guarded_rig();

	rig->auto_commit = false;
	rig->fault = "disk full";
	rig_sleep(rig, S_MS);
	rig_work(rig);
	ck_assert_int_eq(rig->signals, 1);
	ck_assert_int_eq(rig_box(rig, ID_1, 1)->state, CUBE_CONTAINER_EXITED);
	rig_free(rig);
}
END_TEST

START_TEST(a_poll_waits_no_longer_than_a_third_of_the_shortest)
{
	struct rig *rig = guarded_rig();
	struct worker_message *message = rig_message(WORKER_POLL, 9);
	uint64_t start_ms;

	(void)poll_once(rig, 0);
	message->since = (struct revision){rig->config.epoch, UINT32_MAX};
	message->wait_ms = 60000;
	start_ms = rig->now.mono_ms;
	rig_send(rig, message);
	rig_sleep(rig, 9999);
	ck_assert_ptr_null(rig_reply(rig, 9));
	rig_sleep(rig, 1);
	ck_assert_ptr_nonnull(rig_reply(rig, 9));
	ck_assert_uint_eq(rig_reply(rig, 9)->stamp, start_ms + 10000);
	rig_free(rig);
}
END_TEST

static Suite *
make_suite(void)
{
	Suite *suite = suite_create("worker disconnect");
	TCase *tc = tcase_create("disconnect");

	tcase_add_test(tc, a_task_ends_its_seconds_after_the_newest_stamp_that_came_back);
	tcase_add_test(tc, echoes_keep_a_task_running);
	tcase_add_test(tc, polls_without_a_new_echo_renew_nothing);
	tcase_add_test(tc, stamps_that_were_never_given_or_of_another_start_do_not_count);
	tcase_add_test(tc, nothing_runs_before_the_first_echo);
	tcase_add_test(tc, a_task_without_the_wish_never_ends);
	tcase_add_test(tc,
		       one_that_does_not_end_by_sigterm_is_killed_and_contact_does_not_save_it);
	tcase_add_test(tc, nothing_is_started_while_no_manager_is_heard_and_the_echo_starts_it);
	tcase_add_test(tc, a_worker_that_starts_again_does_not_count_anew);
	tcase_add_test(tc, what_came_back_before_there_was_such_a_task_is_remembered_with_it);
	tcase_add_test(tc, a_machine_that_started_again_counts_from_its_start);
	tcase_add_test(tc, a_crash_between_the_signal_and_the_end_still_tells_why);
	tcase_add_test(tc, what_ended_by_itself_or_was_to_stop_is_no_disconnect);
	tcase_add_test(tc, a_journal_that_fails_does_not_keep_it_alive);
	tcase_add_test(tc, a_poll_waits_no_longer_than_a_third_of_the_shortest);
	suite_add_tcase(suite, tc);
	return suite;
}

CHECK_MAIN(make_suite)
