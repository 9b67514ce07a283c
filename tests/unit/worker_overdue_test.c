/* What the brain makes of calls of the runtime that hang. */
#include "check_main.h"
#include "worker_help.h"

#include <cube/runtime.h>

/* Says of the job that is under way that it hangs. */
static void
overdue(struct rig *rig, enum worker_job job, const char *reason, bool starves)
{
	const struct worker_effect *effect = rig_job(rig, job);
	struct worker_message *message = rig_message(WORKER_OVERDUE, 0);

	ck_assert_ptr_nonnull(effect);
	message->job = job;
	message->job_number = effect->job_number;
	message->attempt = effect->attempt;
	memcpy(message->task_id, effect->task_id, ID_SIZE);
	message->hangs = true;
	message->starves = starves;
	(void)snprintf(message->reason, sizeof(message->reason), "%s", reason);
	rig_send(rig, message);
}

static void
over(struct rig *rig)
{
	rig_send(rig, rig_message(WORKER_OVERDUE, 0));
}

static struct rig *
rig_running_a_run(void)
{
	struct rig *rig = rig_new();

	rig_work(rig);
	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	rig_do(rig, WORKER_JOB_PREPARE);
	ck_assert_ptr_nonnull(rig_job(rig, WORKER_JOB_RUN));
	return rig;
}

START_TEST(a_node_says_which_call_hangs_and_is_ready_all_the_same)
{
	struct rig *rig = rig_running_a_run();
	struct node_info info = rig_node(rig);
	uint64_t before = info.revision;

	overdue(rig, WORKER_JOB_RUN, "runtime call run of task x hangs for 60 s", false);
	info = rig_node(rig);
	ck_assert(info.runtime_ready);
	ck_assert_str_eq(info.runtime_reason, "runtime call run of task x hangs for 60 s");
	ck_assert_uint_gt(info.revision, before);
	over(rig);
	info = rig_node(rig);
	ck_assert_str_eq(info.runtime_reason, "");
	rig_free(rig);
}
END_TEST

START_TEST(the_task_that_waits_for_the_call_says_so)
{
	struct rig *rig = rig_running_a_run();
	overdue(rig, WORKER_JOB_RUN, "runtime call run of task x hangs for 60 s", false);
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason,
			 "runtime call run of task x hangs for 60 s");
	rig_work(rig); /* it comes back */
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, "");
	rig_free(rig);
}
END_TEST

START_TEST(other_tasks_go_on_and_no_second_call_is_made_for_this_one)
{
	struct rig *rig = rig_running_a_run();

	overdue(rig, WORKER_JOB_RUN, "it hangs", false);
	rig_order(rig, 2, ID_1, 1, TASK_WANTED_STOP);
	rig_order(rig, 3, ID_2, 1, TASK_WANTED_RUN);
	rig_sleep(rig, 60000);
	ck_assert_uint_eq(rig_count(rig, WORKER_EFFECT_JOB), 2);
	rig_do(rig, WORKER_JOB_PREPARE);
	ck_assert_str_eq(rig_job(rig, WORKER_JOB_RUN)->task_id, ID_1);
	ck_assert_uint_eq(rig_count(rig, WORKER_EFFECT_JOB), 2);
	rig_free(rig);
}
END_TEST

START_TEST(a_probe_that_hangs_is_a_runtime_that_is_down_and_is_asked_again)
{
	struct rig *rig = rig_prepare();
	struct worker_message *late;
	struct node_info info;

	rig_boot(rig);
	overdue(rig, WORKER_JOB_PROBE, "runtime call probe hangs for 10 s", false);
	late = rig_outcome(rig_job(rig, WORKER_JOB_PROBE), CUBE_ERR_TIMEOUT, "late");
	rig_drop(rig, rig_job(rig, WORKER_JOB_PROBE));
	info = rig_node(rig);
	ck_assert(!info.runtime_ready);
	ck_assert_str_eq(info.runtime_reason, "runtime call probe hangs for 10 s");
	rig_sleep(rig, 1000);
	ck_assert_ptr_nonnull(rig_job(rig, WORKER_JOB_PROBE));
	over(rig);
	rig_work(rig);
	info = rig_node(rig);
	ck_assert(info.runtime_ready);
	/* The answer of the first one comes at last, and means nothing. */
	rig_send(rig, late);
	info = rig_node(rig);
	ck_assert(info.runtime_ready);
	rig_free(rig);
}
END_TEST

START_TEST(a_list_that_hangs_is_asked_for_again)
{
	struct rig *rig = rig_prepare();
	struct node_info info;

	rig_boot(rig);
	rig_do(rig, WORKER_JOB_PROBE);
	overdue(rig, WORKER_JOB_LIST, "runtime call list hangs for 35 s", false);
	rig_drop(rig, rig_job(rig, WORKER_JOB_LIST));
	ck_assert_ptr_null(rig_job(rig, WORKER_JOB_LIST));
	rig_sleep(rig, 1000);
	rig_do(rig, WORKER_JOB_PROBE);
	rig_do(rig, WORKER_JOB_LIST);
	info = rig_node(rig);
	ck_assert(info.runtime_ready);
	rig_free(rig);
}
END_TEST

START_TEST(where_no_call_can_be_made_any_more_the_runtime_is_down_until_one_is_answered)
{
	struct rig *rig = rig_running_a_run();
	struct node_info info;

	overdue(rig, WORKER_JOB_RUN, "it hangs, and 15 more", true);
	info = rig_node(rig);
	ck_assert(!info.runtime_ready);
	ck_assert_str_eq(info.runtime_reason, "it hangs, and 15 more");
	rig_sleep(rig, 1000);
	over(rig);
	rig_work(rig);
	info = rig_node(rig);
	ck_assert(info.runtime_ready);
	ck_assert_str_eq(info.runtime_reason, "");
	rig_free(rig);
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("worker overdue");
	TCase *calls = tcase_create("calls");

	tcase_add_test(calls, a_node_says_which_call_hangs_and_is_ready_all_the_same);
	tcase_add_test(calls, the_task_that_waits_for_the_call_says_so);
	tcase_add_test(calls, other_tasks_go_on_and_no_second_call_is_made_for_this_one);
	tcase_add_test(calls, a_probe_that_hangs_is_a_runtime_that_is_down_and_is_asked_again);
	tcase_add_test(calls, a_list_that_hangs_is_asked_for_again);
	tcase_add_test(
		calls,
		where_no_call_can_be_made_any_more_the_runtime_is_down_until_one_is_answered);
	suite_add_tcase(suite, calls);
	return suite;
}

CHECK_MAIN(suite)
