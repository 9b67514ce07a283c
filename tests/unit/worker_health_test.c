/* Health checks: when they are due, of what, and that nothing keeps them from going on. */
#include "check_main.h"
#include "health_rig.h"

START_TEST(the_first_check_comes_within_the_interval_after_the_start_period)
{
	struct rig *rig = rig_new();
	uint64_t begun_ms;
	uint64_t first_ms;
	const struct worker_effect *effect;

	rig->now.wall_ms = 1700000000000; /* when the rig's containers start */
	begun_ms = rig->now.mono_ms;
	order_checked(rig, ID_1, "'Health':{'Http':'/h','StartPeriod':60}");
	publish(rig, ID_1, 8080, "", 18080);
	rig_changed(rig, ID_1);
	rig_work(rig);
	first_ms = await_check(rig, 75000);
	ck_assert_uint_ge(first_ms, begun_ms + 60000);
	ck_assert_uint_le(first_ms, begun_ms + 70001);
	effect = check_under_way(rig);
	ck_assert_str_eq(effect->task_id, ID_1);
	ck_assert_uint_eq(effect->attempt, 1);
	ck_assert_uint_ne(effect->check, 0);
	ck_assert_str_eq(effect->spec->health.path, "/h");
	ck_assert_str_eq(effect->host, "127.0.0.1");
	ck_assert_uint_eq(effect->port, 18080);
	ck_assert_uint_eq(effect->timeout_ms, 2000);
	rig_free(rig);
}
END_TEST

START_TEST(checks_follow_each_other_by_the_interval)
{
	struct rig *rig = rig_checked(HTTP);
	uint64_t before_ms = await_check(rig, 11000);

	for (int i = 0; i < 5; i++) {
		uint64_t at_ms;

		rig_sleep(rig, 1500); /* the answer takes its time */
		answer(rig, 0, 200, "");
		at_ms = await_check(rig, 11000);
		ck_assert_uint_eq(at_ms, before_ms + 10000);
		before_ms = at_ms;
	}
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, "");
	rig_free(rig);
}
END_TEST

START_TEST(one_check_of_an_attempt_is_under_way_at_a_time)
{
	struct rig *rig =
		rig_checked("'Health':{'Http':'/','Interval':1,'Timeout':30,'Threshold':3}");

	(void)await_check(rig, 2000);
	rig_sleep(rig, 29000);
	rig_changed(rig, ID_1);
	rig_work(rig);
	ck_assert_uint_eq(rig_count(rig, WORKER_EFFECT_CHECK), 1);
	answer(rig, 0, 200, "");
	/* It is due long since. */
	ck_assert_uint_eq(rig_count(rig, WORKER_EFFECT_CHECK), 1);
	rig_free(rig);
}
END_TEST

START_TEST(thousands_that_start_together_are_spread_over_the_interval)
{
	enum {
		TASKS = 200,
		PARTS = 10
	};
	struct rig *rig = rig_new();
	unsigned parts[PARTS] = {0};
	uint64_t begun_ms;

	for (unsigned i = 0; i < TASKS; i++) {
		char id[ID_SIZE];

		(void)snprintf(id, sizeof(id), "6be4cb6b-61d1-40cb-bc7b-%012x", i);
		order_checked(rig, id, HTTP);
		publish(rig, id, 8080, "", (uint16_t)(18080 + i));
		rig_changed(rig, id);
		rig_work(rig);
	}
	rig_clear(rig);
	begun_ms = rig->now.mono_ms;
	for (unsigned i = 0; i < PARTS; i++) {
		rig_sleep(rig, 1000);
		parts[i] = (unsigned)rig_count(rig, WORKER_EFFECT_CHECK);
		rig_clear(rig);
		/* 20 on average. */
		ck_assert_uint_ge(parts[i], 5);
		ck_assert_uint_le(parts[i], 50);
	}
	ck_assert_uint_le(rig->now.mono_ms, begun_ms + 10000);
	rig_free(rig);
}
END_TEST

START_TEST(a_late_answer_changes_nothing)
{
	struct rig *rig = rig_checked("'Health':{'Http':'/','Threshold':1}");
	uint64_t first;

	(void)await_check(rig, 11000);
	first = check_under_way(rig)->check;
	answer(rig, 0, 200, "");
	answer_number(rig, first, 0, 500, "");
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, "");
	(void)await_check(rig, 11000);
	ck_assert_uint_ne(check_under_way(rig)->check, first);
	answer_number(rig, first, 0, 500, "");
	answer_number(rig, 0, 0, 500, "");
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, "");
	/* And the one under way still counts. */
	answer(rig, 0, 500, "");
	ck_assert_has(rig_status(rig, ID_1, 1).reason, "unhealthy");
	rig_free(rig);
}
END_TEST

START_TEST(an_answer_that_never_comes_does_not_stop_the_checks)
{
	struct rig *rig = rig_checked("'Health':{'Http':'/','Threshold':1}");
	uint64_t first_ms = await_check(rig, 11000);
	uint64_t first = check_under_way(rig)->check;

	rig_clear(rig); /* it is lost */
	ck_assert_uint_eq(await_check(rig, 70000), first_ms + 62000);
	ck_assert_uint_ne(check_under_way(rig)->check, first);
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, "");
	ck_assert_ptr_nonnull(strstr(rig->log, "attempt.not-checked"));
	answer(rig, 0, 500, "");
	ck_assert_has(rig_status(rig, ID_1, 1).reason, "unhealthy");
	rig_free(rig);
}
END_TEST

START_TEST(the_address_is_the_one_that_is_bound)
{
	static const struct {
		const char *ips[2];
		const char *host;
		uint16_t port;
	} cases[] = {
		{{"0.0.0.0", "::"}, "127.0.0.1", 100},
		{{"::", "0.0.0.0"}, "127.0.0.1", 101},
		{{"::", NULL}, "::1", 100},
		{{"10.1.2.3", NULL}, "10.1.2.3", 100},
		{{"fd00::7", NULL}, "fd00::7", 100},
		{{"", NULL}, "127.0.0.1", 100},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig *rig = rig_new();

		order_checked(rig, ID_1, HTTP);
		for (uint16_t k = 0; k < 2 && cases[i].ips[k] != NULL; k++)
			publish(rig, ID_1, 8080, cases[i].ips[k], (uint16_t)(100 + k));
		rig_changed(rig, ID_1);
		rig_work(rig);
		(void)await_check(rig, 11000);
		ck_assert_str_eq(check_under_way(rig)->host, cases[i].host);
		ck_assert_uint_eq(check_under_way(rig)->port, cases[i].port);
		rig_free(rig);
	}
}
END_TEST

START_TEST(what_is_being_stopped_is_not_checked)
{
	struct rig *rig = rig_checked(HTTP);

	rig->obeys_term = false;
	(void)await_check(rig, 11000);
	rig_order(rig, 901, ID_1, 1, TASK_WANTED_STOP);
	answer(rig, 0, 500, "");
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, "");
	rig_sleep(rig, 4000);
	ck_assert_ptr_null(check_under_way(rig));
	rig_free(rig);
}
END_TEST

START_TEST(a_check_waits_for_no_commit)
{
	struct rig *rig = rig_checked(HTTP);

	rig->fault = "disk full";
	(void)await_check(rig, 11000);
	answer(rig, 0, 200, "");
	answer_each(rig, 2, 500);
	rig_free(rig);
}
END_TEST

START_TEST(an_adopted_attempt_is_checked_without_a_second_start_period)
{
	struct rig *rig = rig_new();
	uint64_t begun_ms;

	order_checked(rig, ID_1, "'Health':{'Http':'/','Interval':10,'StartPeriod':60}");
	publish(rig, ID_1, 8080, "", 18080);
	rig_changed(rig, ID_1);
	rig_work(rig);
	rig_sleep(rig, 30000);
	rig_crash(rig);
	rig_work(rig);
	begun_ms = rig->now.mono_ms;
	/* 30 s of it are left. */
	ck_assert_uint_ge(await_check(rig, 41000), begun_ms + 29000);
	rig_sleep(rig, 3600000);
	rig_crash(rig);
	rig_work(rig);
	(void)await_check(rig, 10001);
	rig_free(rig);
}
END_TEST

START_TEST(a_task_without_a_check_is_left_alone)
{
	struct rig *rig = rig_running();

	rig_sleep(rig, 3600000);
	ck_assert_uint_eq(rig_count(rig, WORKER_EFFECT_CHECK), 0);
	answer_number(rig, 1, 0, 500, "");
	answer_number(rig, 0, 0, 500, "");
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, "");
	rig_free(rig);
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("worker_health");
	TCase *tcase = tcase_create("worker_health");

	tcase_add_test(tcase, the_first_check_comes_within_the_interval_after_the_start_period);
	tcase_add_test(tcase, checks_follow_each_other_by_the_interval);
	tcase_add_test(tcase, one_check_of_an_attempt_is_under_way_at_a_time);
	tcase_add_test(tcase, thousands_that_start_together_are_spread_over_the_interval);
	tcase_add_test(tcase, a_late_answer_changes_nothing);
	tcase_add_test(tcase, an_answer_that_never_comes_does_not_stop_the_checks);
	tcase_add_test(tcase, the_address_is_the_one_that_is_bound);
	tcase_add_test(tcase, what_is_being_stopped_is_not_checked);
	tcase_add_test(tcase, a_check_waits_for_no_commit);
	tcase_add_test(tcase, an_adopted_attempt_is_checked_without_a_second_start_period);
	tcase_add_test(tcase, a_task_without_a_check_is_left_alone);
	suite_add_tcase(made, tcase);
	return made;
}

CHECK_MAIN(suite)
