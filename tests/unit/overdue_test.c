/* Calls of the runtime that do not come back: they are named, and hold up no other. */
#include "executor_rig.h"

START_TEST(a_call_beyond_its_deadline_is_named_and_holds_up_no_other)
{
	static const char oldest[] = "runtime call run of task " ID_1 " attempt 3 hangs for ";

	rig_begin(2);
	hold(JOB(WORKER_JOB_RUN));
	submit_for(WORKER_JOB_RUN, 1, 3, 200);
	AWAIT(fake.under_way == 1);
	submit_for(WORKER_JOB_RUN, 2, 4, 200);
	AWAIT(fake.under_way == 2);
	submit(WORKER_JOB_PROBE, 3, 1);
	STAYS(fake.begun[WORKER_JOB_PROBE] == 0, 50);
	AWAIT(fake.answer_count == 1);
	(void)answer_of(3);
	/* The one was over a moment before the other, which is told as its age doubles. */
	AWAIT(strncmp(fake.overdue, oldest, sizeof(oldest) - 1) == 0 &&
	      strstr(fake.overdue, " s, and 1 more") != NULL);
	ck_assert(!fake.starves);
	/* They come back after all: answered, and said to be over. */
	hold(0);
	AWAIT(fake.answer_count == 3 && fake.overdue[0] == '\0');
	rig_end();
}
END_TEST

START_TEST(when_calls_come_back_no_more_are_made_at_once_than_before)
{
	rig_begin(2);
	hold(JOB(WORKER_JOB_RUN));
	submit_for(WORKER_JOB_RUN, 1, 1, 50);
	submit_for(WORKER_JOB_RUN, 2, 1, 50);
	AWAIT(fake.overdue_count >= 2);
	hold(0);
	AWAIT(fake.answer_count == 2 && fake.overdue[0] == '\0');
	hold(JOB(WORKER_JOB_SIGNAL));
	for (uint64_t n = 3; n < 10; n++)
		submit(WORKER_JOB_SIGNAL, n, 1);
	AWAIT(fake.under_way == 2);
	STAYS(fake.begun[WORKER_JOB_SIGNAL] == 2, 100);
	rig_end();
}
END_TEST

START_TEST(sixteen_threads_may_hang_and_then_it_is_said_that_none_is_left)
{
	rig_begin(4);
	hold(JOB(WORKER_JOB_RUN));
	for (uint64_t n = 1; n <= 20; n++)
		submit_for(WORKER_JOB_RUN, n, 1, 50);
	AWAIT(fake.starves);
	ck_assert_uint_eq(fake.begun[WORKER_JOB_RUN], 16);
	STAYS(fake.begun[WORKER_JOB_RUN] == 16, 200);
	hold(0);
	AWAIT(fake.answer_count == 20 && fake.overdue[0] == '\0' && !fake.starves);
	rig_end();
}
END_TEST

START_TEST(a_runtime_of_one_call_at_a_time_gets_no_second_one)
{
	rig_begin(1);
	hold(JOB(WORKER_JOB_RUN));
	submit_for(WORKER_JOB_RUN, 1, 1, 50);
	submit(WORKER_JOB_PROBE, 2, 1);
	AWAIT(fake.starves);
	STAYS(fake.begun[WORKER_JOB_PROBE] == 0, 200);
	hold(0);
	AWAIT(fake.answer_count == 2 && fake.overdue[0] == '\0');
	ck_assert_uint_eq(fake.most, 1);
	rig_end();
}
END_TEST

START_TEST(the_age_of_a_call_that_hangs_is_told_again_as_it_doubles)
{
	rig_begin(2);
	hold(JOB(WORKER_JOB_INSPECT));
	submit_for(WORKER_JOB_INSPECT, 1, 1, 100);
	AWAIT(fake.overdue_count >= 1);                       /* at 200 ms */
	AWAIT(strstr(fake.overdue, "hangs for 1 s") != NULL); /* at 1600 */
	ck_assert_uint_ge(fake.overdue_count, 2);
	ck_assert_uint_le(fake.overdue_count, 4); /* fewer where a thread stood still */
	rig_end();
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("overdue");
	TCase *hang = tcase_create("hang");

	tcase_set_timeout(hang, 60);
	tcase_add_test(hang, a_call_beyond_its_deadline_is_named_and_holds_up_no_other);
	tcase_add_test(hang, when_calls_come_back_no_more_are_made_at_once_than_before);
	tcase_add_test(hang, sixteen_threads_may_hang_and_then_it_is_said_that_none_is_left);
	tcase_add_test(hang, a_runtime_of_one_call_at_a_time_gets_no_second_one);
	tcase_add_test(hang, the_age_of_a_call_that_hangs_is_told_again_as_it_doubles);
	suite_add_tcase(suite, hang);
	return suite;
}

CHECK_MAIN(suite)
