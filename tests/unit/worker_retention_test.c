/* What stays of ended attempts for their logs: the last few of a task, so many of all, and
 * none beyond an age; and that nothing is left of the others. */
#include "check_main.h"
#include "worker_help.h"

static uint64_t sequence_;

static struct rig *
keep_rig(uint32_t keep_ended, uint32_t keep_attempts, uint64_t for_ms)
{
	struct rig *rig = rig_prepare();

	sequence_ = 0;
	rig->config.keep_ended = keep_ended;
	rig->config.keep_attempts = keep_attempts;
	rig->config.keep_ended_for_ms = for_ms;
	rig_boot(rig);
	rig_work(rig);
	return rig;
}

/* Runs it to its end, and the manager knows. */
static void
run_out(struct rig *rig, const char *task_id, uint32_t attempt)
{
	rig_order(rig, ++sequence_, task_id, attempt, TASK_WANTED_RUN);
	rig_work(rig);
	rig_exit_box(rig, task_id, attempt, 1);
	rig_changed(rig, task_id);
	rig_work(rig);
	rig_ack(rig, ++sequence_);
	rig_work(rig);
	rig_clear(rig);
}

static void
name_task(char id[ID_SIZE], unsigned number)
{
	(void)snprintf(id, ID_SIZE, "%08x-61d1-40cb-bc7b-9cacefefa60c", number);
}

START_TEST(the_last_three_attempts_of_a_task_stay)
{
	struct rig *rig = keep_rig(100, 3, 0);
	uint32_t i;

	run_out(rig, ID_2, 1);
	for (i = 1; i <= 5; i++)
		run_out(rig, ID_1, i);
	for (i = 1; i <= 5; i++) {
		ck_assert_int_eq(rig_box(rig, ID_1, i) != NULL, i > 2);
		ck_assert_int_eq(rig_attempt(rig, ID_1, i) != NULL, i > 2);
	}
	ck_assert_ptr_nonnull(rig_box(rig, ID_2, 1)); /* another's */
	rig_free(rig);
}
END_TEST

START_TEST(of_all_the_newest_stay_whatever_came_between)
{
	struct rig *rig = keep_rig(5, 3, 0);
	char id[ID_SIZE];
	unsigned i;

	for (i = 1; i <= 40; i++) {
		name_task(id, i);
		run_out(rig, id, 1);
		if (i == 20) {
			rig_crash(rig);
			rig_work(rig);
		}
	}
	ck_assert_uint_eq(rig->box_count, 5);
	for (i = 36; i <= 40; i++) {
		name_task(id, i);
		ck_assert_ptr_nonnull(rig_box(rig, id, 1));
	}
	/* Five attempts, and meta/format, instance, cluster and desired. */
	ck_assert_uint_eq(rig->record_count, 5 + 4);
	rig_free(rig);
}
END_TEST

START_TEST(none_stays_longer_than_it_may)
{
	struct rig *rig = keep_rig(100, 3, 86400000);

	run_out(rig, ID_1, 1);
	rig_sleep(rig, 3600000);
	run_out(rig, ID_2, 1);
	rig_sleep(rig, 86400000 - 3600000 - 1);
	rig_work(rig);
	ck_assert_uint_eq(rig->box_count, 2);
	rig_sleep(rig, 1);
	rig_work(rig);
	ck_assert_ptr_null(rig_box(rig, ID_1, 1));
	ck_assert_ptr_nonnull(rig_box(rig, ID_2, 1));
	/* It counts on over a restart. */
	rig_crash(rig);
	rig_work(rig);
	rig_sleep(rig, 3600000 - 1);
	rig_work(rig);
	ck_assert_ptr_nonnull(rig_box(rig, ID_2, 1));
	rig_sleep(rig, 1);
	rig_work(rig);
	ck_assert_uint_eq(rig->box_count, 0);
	ck_assert(!rig_knows(rig, ID_2));
	rig_free(rig);
}
END_TEST

START_TEST(setting_the_clock_of_the_machine_removes_nothing)
{
	struct rig *rig = keep_rig(100, 3, 86400000);

	run_out(rig, ID_1, 1);
	rig->now.wall_ms += INT64_C(400) * 86400000;
	run_out(rig, ID_2, 1);
	rig_sleep(rig, 86400000 - 1);
	rig_work(rig);
	ck_assert_uint_eq(rig->box_count, 2);
	rig_sleep(rig, 2);
	rig_work(rig);
	ck_assert_uint_eq(rig->box_count, 0);
	/* Back to before they were born: from a restart on they are as old as it is. */
	run_out(rig, ID_1, 2);
	rig->now.wall_ms -= INT64_C(800) * 86400000;
	rig_crash(rig);
	rig_work(rig);
	rig_sleep(rig, 86400000 - 1);
	rig_work(rig);
	ck_assert_uint_eq(rig->box_count, 1);
	rig_sleep(rig, 1);
	rig_work(rig);
	ck_assert_uint_eq(rig->box_count, 0);
	rig_free(rig);
}
END_TEST

START_TEST(nothing_is_kept_before_the_manager_knows_and_nothing_goes_either)
{
	struct rig *rig = keep_rig(0, 0, 1000);

	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	rig_work(rig);
	rig_exit_box(rig, ID_1, 1, 1);
	rig_changed(rig, ID_1);
	rig_work(rig);
	rig_sleep(rig, 100000);
	rig_work(rig);
	ck_assert_ptr_nonnull(rig_box(rig, ID_1, 1));
	ck_assert(rig_knows(rig, ID_1));
	rig_ack(rig, 2);
	rig_work(rig);
	ck_assert(!rig_knows(rig, ID_1));
	ck_assert_uint_eq(rig->box_count, 0);
	rig_free(rig);
}
END_TEST

START_TEST(a_stop_of_one_that_is_kept_removes_it_and_it_no_longer_counts)
{
	struct rig *rig = keep_rig(2, 3, 0);
	char id[ID_SIZE];

	run_out(rig, ID_1, 1);
	run_out(rig, ID_2, 1);
	rig_order(rig, ++sequence_, ID_2, 1, TASK_WANTED_STOP);
	rig_work(rig);
	ck_assert_ptr_null(rig_box(rig, ID_2, 1));
	name_task(id, 7);
	run_out(rig, id, 1);
	ck_assert_ptr_nonnull(rig_box(rig, ID_1, 1)); /* there was room */
	ck_assert_uint_eq(rig->box_count, 2);
	rig_free(rig);
}
END_TEST

/* Each eviction once walked all that is kept. */
START_TEST(many_tasks_run_through_and_leave_nothing)
{
	struct rig *rig = keep_rig(50, 3, 0);
	char id[ID_SIZE];
	unsigned i;

	for (i = 1; i <= 3000; i++) {
		name_task(id, i);
		run_out(rig, id, 1);
		ck_assert_uint_le(rig->box_count, 50);
		ck_assert_uint_le(rig->record_count, 50 + 4);
	}
	ck_assert_uint_eq(rig->record_count, 50 + 4);
	rig_free(rig);
}
END_TEST

START_TEST(a_taken_port_is_told_apart_from_other_refusals)
{
	struct rig *rig = keep_rig(100, 3, 0);
	const int codes[] = {CUBE_ERR_CONFLICT, CUBE_ERR_INVALID, CUBE_ERR_NOT_FOUND};

	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	rig_do(rig, WORKER_JOB_PREPARE);
	rig_fail(rig, WORKER_JOB_RUN, codes[_i],
		 "Bind for 0.0.0.0:80: port is already allocated");
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_FAILED);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).port_taken, _i == 0);
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason,
			 "Bind for 0.0.0.0:80: port is already allocated");
	ck_assert_int_eq(strstr(rig_attempt(rig, ID_1, 1), "\"PortTaken\":true") != NULL,
			 _i == 0);
	rig_free(rig);
}
END_TEST

static Suite *
make_suite(void)
{
	Suite *suite = suite_create("worker retention");
	TCase *tc = tcase_create("retention");

	tcase_add_test(tc, the_last_three_attempts_of_a_task_stay);
	tcase_add_test(tc, of_all_the_newest_stay_whatever_came_between);
	tcase_add_test(tc, none_stays_longer_than_it_may);
	tcase_add_test(tc, setting_the_clock_of_the_machine_removes_nothing);
	tcase_add_test(tc, nothing_is_kept_before_the_manager_knows_and_nothing_goes_either);
	tcase_add_test(tc, a_stop_of_one_that_is_kept_removes_it_and_it_no_longer_counts);
	tcase_add_test(tc, many_tasks_run_through_and_leave_nothing);
	tcase_add_loop_test(tc, a_taken_port_is_told_apart_from_other_refusals, 0, 3);
	suite_add_tcase(suite, tc);
	return suite;
}

CHECK_MAIN(make_suite)
