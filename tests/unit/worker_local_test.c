/* The book's POST and DELETE /tasks on a worker: one task, no orders. */
#include "check_main.h"
#include "worker_help.h"

static int
post_counted(struct rig *rig, enum task_wanted wanted, const char *spec, uint32_t restarts,
	     intptr_t token)
{
	struct worker_message *message = rig_message(WORKER_RUN, token);

	message->request.wanted = wanted;
	message->request.restart_count = restarts;
	(void)snprintf(message->request.task_id, ID_SIZE, "%s", ID_1);
	if (spec != NULL)
		message->request.spec = spec_of(spec, CODEC_LENIENT);
	rig_send(rig, message);
	ck_assert_ptr_nonnull(rig_reply(rig, token));
	return rig_reply(rig, token)->status;
}

static int
post(struct rig *rig, enum task_wanted wanted, const char *spec, intptr_t token)
{
	return post_counted(rig, wanted, spec, 0, token);
}

static int
post_restart(struct rig *rig, const char *spec, uint32_t restarts, intptr_t token)
{
	return post_counted(rig, TASK_WANTED_RUN, spec, restarts, token);
}

static int
remove_task(struct rig *rig, const char *task_id, intptr_t token)
{
	struct worker_message *message = rig_message(WORKER_STOP, token);

	(void)snprintf(message->task_id, ID_SIZE, "%s", task_id);
	rig_send(rig, message);
	ck_assert_ptr_nonnull(rig_reply(rig, token));
	return rig_reply(rig, token)->status;
}

#define WEB "{'ID':'" ID_1 "','Name':'web','Image':'nginx'}"

START_TEST(a_posted_task_runs_as_attempt_1)
{
	struct rig *rig = rig_new();

	ck_assert_int_eq(post(rig, TASK_WANTED_RUN, WEB, 1), 201);
	ck_assert_uint_eq(rig_reply(rig, 1)->task_count, 1);
	ck_assert_uint_eq(rig_reply(rig, 1)->tasks[0].status.attempt, 1);
	ck_assert_int_eq(rig_reply(rig, 1)->tasks[0].status.state, TASK_SCHEDULED);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	ck_assert_has(rig_attempt(rig, ID_1, 1), "'Origin':'local'");
	rig_free(rig);
}
END_TEST

START_TEST(the_same_post_again_changes_nothing)
{
	struct rig *rig = rig_new();

	(void)post(rig, TASK_WANTED_RUN, WEB, 1);
	rig_work(rig);
	ck_assert_int_eq(post(rig, TASK_WANTED_RUN, WEB, 2), 201);
	ck_assert_int_eq(rig_reply(rig, 2)->tasks[0].status.state, TASK_RUNNING);
	rig_work(rig);
	ck_assert_int_eq(rig_box(rig, ID_1, 1)->starts, 1);
	ck_assert_uint_eq(rig->box_count, 1);
	rig_free(rig);
}
END_TEST

START_TEST(another_task_under_the_same_id_is_refused)
{
	struct rig *rig = rig_new();

	(void)post(rig, TASK_WANTED_RUN, WEB, 1);
	ck_assert_int_eq(
		post(rig, TASK_WANTED_RUN, "{'ID':'" ID_1 "','Name':'db','Image':'x'}", 2),
		409);
	ck_assert_int_eq(post(rig, TASK_WANTED_RUN, NULL, 3), 400);
	rig_free(rig);
}
END_TEST

START_TEST(a_post_with_a_higher_restart_count_is_the_next_attempt)
{
	struct rig *rig = rig_new();

	(void)post(rig, TASK_WANTED_RUN, WEB, 1);
	rig_work(rig);
	rig_exit_box(rig, ID_1, 1, 1);
	rig_changed(rig, ID_1);
	rig_work(rig);
	/* A repeated request does not run it again. */
	ck_assert_int_eq(post(rig, TASK_WANTED_RUN, WEB, 2), 201);
	ck_assert_int_eq(rig_reply(rig, 2)->tasks[0].status.state, TASK_FAILED);
	rig_work(rig);
	ck_assert_int_eq(rig_box(rig, ID_1, 1)->starts, 1);
	ck_assert_int_eq(post_restart(rig, WEB, 1, 3), 201);
	ck_assert_uint_eq(rig_reply(rig, 3)->tasks[0].status.attempt, 2);
	ck_assert_uint_eq(rig_reply(rig, 3)->tasks[0].status.restart_count, 1);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 2).state, TASK_RUNNING);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_FAILED);
	rig_free(rig);
}
END_TEST

START_TEST(a_restart_of_what_runs_ends_it_first)
{
	struct rig *rig = rig_new();

	(void)post(rig, TASK_WANTED_RUN, WEB, 1);
	rig_work(rig);
	ck_assert_int_eq(post_restart(rig, WEB, 1, 2), 201);
	rig_do(rig, WORKER_JOB_SIGNAL);
	ck_assert_ptr_null(rig_box(rig, ID_1, 2));
	rig_changed(rig, ID_1);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_COMPLETED);
	ck_assert_int_eq(rig_status(rig, ID_1, 2).state, TASK_RUNNING);
	rig_free(rig);
}
END_TEST

START_TEST(another_task_under_the_id_of_one_that_has_ended_is_its_next_attempt)
{
	struct rig *rig = rig_new();

	(void)post(rig, TASK_WANTED_RUN, WEB, 1);
	rig_work(rig);
	rig_exit_box(rig, ID_1, 1, 1);
	rig_changed(rig, ID_1);
	rig_work(rig);
	ck_assert_int_eq(
		post(rig, TASK_WANTED_RUN, "{'ID':'" ID_1 "','Name':'db','Image':'x'}", 2),
		201);
	ck_assert_uint_eq(rig_reply(rig, 2)->tasks[0].status.attempt, 2);
	rig_free(rig);
}
END_TEST

START_TEST(a_delete_stops_and_the_end_stays_readable)
{
	struct rig *rig = rig_new();

	(void)post(rig, TASK_WANTED_RUN, WEB, 1);
	rig_work(rig);
	ck_assert_int_eq(remove_task(rig, ID_1, 2), 204);
	ck_assert_int_eq(remove_task(rig, ID_2, 3), 404);
	rig_work(rig);
	rig_changed(rig, ID_1);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_COMPLETED);
	ck_assert_int_eq(rig->signals, 1);
	ck_assert_int_eq(remove_task(rig, ID_1, 4), 204);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_COMPLETED);
	rig_free(rig);
}
END_TEST

START_TEST(an_event_with_state_3_stops)
{
	struct rig *rig = rig_new();

	ck_assert_int_eq(post(rig, TASK_WANTED_STOP, NULL, 1), 404);
	(void)post(rig, TASK_WANTED_RUN, WEB, 2);
	ck_assert_int_eq(post(rig, TASK_WANTED_STOP, NULL, 3), 201);
	ck_assert_int_eq(rig_reply(rig, 3)->tasks[0].status.wanted, TASK_WANTED_STOP);
	rig_fail(rig, WORKER_JOB_PREPARE, CUBE_ERR_UNAVAILABLE, "given up");
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_COMPLETED);
	rig_free(rig);
}
END_TEST

START_TEST(local_tasks_are_not_the_managers_to_stop_or_to_be_told)
{
	struct rig *rig = rig_new();
	struct revision none = {0, 0};

	(void)post(rig, TASK_WANTED_RUN, WEB, 1);
	rig_work(rig);
	rig_send(rig, orders_new(1, 1, true, 2)); /* an empty set */
	rig_work(rig);
	ck_assert_int_eq(rig->signals, 0);
	rig_poll(rig, none, 1000, 3);
	ck_assert_uint_eq(rig_reply(rig, 3)->task_count, 0);
	rig_free(rig);
}
END_TEST

START_TEST(a_local_task_survives_a_restart)
{
	struct rig *rig = rig_new();

	(void)post(rig, TASK_WANTED_RUN, WEB, 1);
	rig_work(rig);
	rig_crash(rig);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	ck_assert_int_eq(rig_box(rig, ID_1, 1)->starts, 1);
	rig_send(rig, orders_new(1, 1, true, 2));
	rig_work(rig);
	ck_assert_int_eq(rig->signals, 0);
	rig_free(rig);
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("worker local");
	TCase *local = tcase_create("local");

	tcase_add_test(local, a_posted_task_runs_as_attempt_1);
	tcase_add_test(local, the_same_post_again_changes_nothing);
	tcase_add_test(local, another_task_under_the_same_id_is_refused);
	tcase_add_test(local, a_post_with_a_higher_restart_count_is_the_next_attempt);
	tcase_add_test(local, a_restart_of_what_runs_ends_it_first);
	tcase_add_test(local,
		       another_task_under_the_id_of_one_that_has_ended_is_its_next_attempt);
	tcase_add_test(local, a_delete_stops_and_the_end_stays_readable);
	tcase_add_test(local, an_event_with_state_3_stops);
	tcase_add_test(local, local_tasks_are_not_the_managers_to_stop_or_to_be_told);
	tcase_add_test(local, a_local_task_survives_a_restart);
	suite_add_tcase(suite, local);
	return suite;
}

CHECK_MAIN(suite)
