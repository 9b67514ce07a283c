/* What the answers of health checks make of an attempt, and what they must not. */
#include "check_main.h"
#include "health_rig.h"

START_TEST(failures_below_the_threshold_are_shown_and_forgotten_when_it_is_well)
{
	struct rig *rig = rig_checked(HTTP);

	for (int round = 0; round < 3; round++) {
		answer_each(rig, 1, 500);
		ck_assert_str_eq(rig_status(rig, ID_1, 1).reason,
				 "health check failing (1 of 3): GET /health on port 8080 "
				 "answered 500");
		answer_each(rig, 1, 404);
		ck_assert_str_eq(rig_status(rig, ID_1, 1).reason,
				 "health check failing (2 of 3): GET /health on port 8080 "
				 "answered 404");
		answer_each(rig, 1, 200);
		ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, "");
		ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	}
	ck_assert_int_eq(rig->signals, 0);
	rig_free(rig);
}
END_TEST

START_TEST(the_manager_hears_of_failures_by_its_poll)
{
	struct rig *rig = rig_checked(HTTP);
	struct revision since = {rig->config.epoch, 0};
	const struct worker_effect *reply;

	rig_poll(rig, since, 0, 50);
	since = rig_reply(rig, 50)->revision;
	answer_each(rig, 1, 500);
	rig_poll(rig, since, 0, 51);
	reply = rig_reply(rig, 51);
	ck_assert_ptr_nonnull(reply);
	ck_assert_uint_eq(reply->task_count, 1);
	ck_assert_has(reply->tasks[0].status.reason, "failing (1 of 3)");
	rig_free(rig);
}
END_TEST

START_TEST(the_threshold_stops_it_and_it_ends_failed_with_the_last_answer)
{
	struct rig *rig = rig_checked(HTTP);

	answer_each(rig, 2, 404);
	ck_assert_int_eq(rig->signals, 0);
	answer_each(rig, 1, 500);
	ck_assert_int_eq(rig_job(rig, WORKER_JOB_SIGNAL)->signo, SIGTERM);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, UNWELL);
	rig_work(rig);
	rig_changed(rig, ID_1);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_FAILED);
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, UNWELL);
	ck_assert(rig_status(rig, ID_1, 1).has_exit_code);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).exit_code, 143);
	rig_sleep(rig, 60000);
	ck_assert_ptr_null(check_under_way(rig));
	rig_free(rig);
}
END_TEST

START_TEST(one_that_ends_well_on_its_sigterm_has_failed_all_the_same)
{
	struct rig *rig = rig_checked(HTTP);

	answer_each(rig, 3, 500);
	rig_exit_box(rig, ID_1, 1, 0);
	rig_changed(rig, ID_1);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_FAILED);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).exit_code, 0);
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, UNWELL);
	rig_free(rig);
}
END_TEST

START_TEST(one_that_ignores_its_sigterm_is_killed_after_the_grace)
{
	struct rig *rig = rig_checked(HTTP);

	rig->obeys_term = false;
	answer_each(rig, 3, 500);
	rig_work(rig);
	rig_sleep(rig, 4900);
	rig_work(rig);
	ck_assert_int_eq(rig->last_signo, SIGTERM);
	rig_sleep(rig, 200);
	rig_work(rig);
	ck_assert_int_eq(rig->last_signo, SIGKILL);
	rig_sleep(rig, 1000);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_FAILED);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).exit_code, 137);
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, UNWELL);
	rig_free(rig);
}
END_TEST

START_TEST(an_unhealthy_container_that_vanishes_keeps_its_reason)
{
	struct rig *rig = rig_checked(HTTP);

	answer_each(rig, 3, 500);
	rig_drop_box(rig, rig_box(rig, ID_1, 1));
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_FAILED);
	ck_assert(!rig_status(rig, ID_1, 1).has_exit_code);
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, UNWELL);
	rig_free(rig);
}
END_TEST

START_TEST(every_kind_of_failure_has_its_words)
{
	static const struct {
		const char *members;
		int code;
		int status;
		const char *words;
		const char *reason;
	} cases[] = {
		{"'Health':{'Http':'/h','Threshold':1}", CUBE_ERR_UNAVAILABLE, 0,
		 "connection refused", "unhealthy: GET /h on port 8080: connection refused"},
		{"'Health':{'Http':'/h','Threshold':1,'Timeout':7}", CUBE_ERR_TIMEOUT, 0, "x",
		 "unhealthy: GET /h on port 8080: timed out after 7 s"},
		{"'Health':{'Http':'/h','Threshold':1}", CUBE_ERR_INVALID, 200,
		 "what answers is not HTTP",
		 "unhealthy: GET /h on port 8080: what answers is not HTTP"},
		{"'Health':{'Tcp':'8080/tcp','Threshold':1}", CUBE_ERR_UNAVAILABLE, 0,
		 "connection refused", "unhealthy: TCP port 8080: connection refused"},
		{"'Health':{'Tcp':'8080/tcp','Threshold':1}", CUBE_ERR_TIMEOUT, 0, "x",
		 "unhealthy: TCP port 8080: timed out after 2 s"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig *rig = rig_checked(cases[i].members);

		(void)await_check(rig, 11000);
		answer(rig, cases[i].code, cases[i].status, cases[i].words);
		ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, cases[i].reason);
		rig_free(rig);
	}
}
END_TEST

START_TEST(a_tcp_check_needs_no_status)
{
	struct rig *rig = rig_checked("'Health':{'Tcp':'8080/tcp','Threshold':1}");

	answer_each(rig, 5, 0);
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, "");
	rig_free(rig);
}
END_TEST

START_TEST(a_long_path_leaves_room_for_the_answer)
{
	struct rig *rig;
	char members[500];
	char path[301];

	memset(path, 'p', sizeof(path) - 1);
	path[0] = '/';
	path[300] = '\0';
	(void)snprintf(members, sizeof(members), "'Health':{'Http':'%s','Threshold':2}", path);
	rig = rig_checked(members);
	answer_each(rig, 2, 503);
	ck_assert_has(rig_status(rig, ID_1, 1).reason,
		      "ppp... on port 8080 answered 503 (2 times in a row)");
	rig_free(rig);
}
END_TEST

START_TEST(a_check_that_was_not_carried_out_counts_for_nothing)
{
	struct rig *rig = rig_checked("'Health':{'Http':'/','Threshold':2}");
	const char *line;

	answer_each(rig, 1, 500);
	for (int i = 0; i < 4; i++) {
		(void)await_check(rig, 11000);
		answer(rig, CUBE_ERR_NO_MEMORY, 0, "too many others were under way");
		ck_assert_has(rig_status(rig, ID_1, 1).reason, "(1 of 2)");
	}
	/* Said once a minute, not each time. */
	line = strstr(rig->log, "attempt.not-checked");
	ck_assert_ptr_nonnull(line);
	ck_assert_has(line, "too many others were under way");
	ck_assert_ptr_null(strstr(line + 1, "attempt.not-checked"));
	answer_each(rig, 1, 500);
	ck_assert_has(rig_status(rig, ID_1, 1).reason, "unhealthy");
	rig_free(rig);
}
END_TEST

START_TEST(a_port_that_the_runtime_does_not_show_is_a_failure)
{
	struct rig *rig = rig_new();

	order_checked(rig, ID_1, "'Health':{'Http':'/','Interval':10,'Threshold':2}");
	publish(rig, ID_1, 9999, "0.0.0.0", 18080);
	rig_box(rig, ID_1, 1)->ports[0].container_port = 9999;
	rig_changed(rig, ID_1);
	rig_work(rig);
	rig_sleep(rig, 20500);
	ck_assert_uint_eq(rig_count(rig, WORKER_EFFECT_CHECK), 0);
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason,
			 "unhealthy: GET / on port 8080: the runtime shows no port of this "
			 "machine for it (2 times in a row)");
	rig_free(rig);
}
END_TEST

START_TEST(a_wanted_stop_goes_before_the_unhealthy)
{
	struct rig *rig = rig_checked(HTTP);

	rig->obeys_term = false;
	answer_each(rig, 3, 500);
	rig_work(rig);
	rig_order(rig, 900, ID_1, 1, TASK_WANTED_STOP);
	rig_exit_box(rig, ID_1, 1, 1);
	rig_changed(rig, ID_1);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_COMPLETED);
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, "stopped");
	ck_assert_int_eq(rig->signals, 1); /* one SIGTERM, not two */
	rig_free(rig);
}
END_TEST

START_TEST(a_stop_of_the_unhealthy_waits_for_its_journal_unless_that_fails)
{
	struct rig *rig = rig_checked("'Health':{'Http':'/','Threshold':1}");

	rig->auto_commit = false;
	answer_each(rig, 1, 500);
	ck_assert_ptr_null(rig_job(rig, WORKER_JOB_SIGNAL));
	rig_commit(rig);
	ck_assert_ptr_nonnull(rig_job(rig, WORKER_JOB_SIGNAL));
	rig_free(rig);
	rig = rig_checked("'Health':{'Http':'/','Threshold':1}");
	rig->fault = "disk full";
	answer_each(rig, 1, 500);
	ck_assert_ptr_nonnull(rig_job(rig, WORKER_JOB_SIGNAL));
	rig_free(rig);
}
END_TEST

START_TEST(a_runtime_that_is_down_makes_nothing_unhealthy)
{
	struct rig *rig = rig_checked(HTTP);

	rig->down = true;
	rig_changed(rig, ID_1);
	rig_work(rig);
	ck_assert(!rig_node(rig).runtime_ready);
	answer_each(rig, 8, 200);
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, "");
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	rig_free(rig);
}
END_TEST

START_TEST(the_unhealthy_stay_so_over_a_restart_of_the_worker)
{
	struct rig *rig = rig_checked(HTTP);

	rig->obeys_term = false;
	answer_each(rig, 3, 500);
	rig_work(rig);
	rig_crash(rig);
	/* It ended well, on our signal, while nobody watched. */
	rig_exit_box(rig, ID_1, 1, 0);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_FAILED);
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, UNWELL);
	rig_free(rig);
	/* And one that still runs is stopped. */
	rig = rig_checked(HTTP);
	rig->obeys_term = false;
	answer_each(rig, 3, 500);
	rig_work(rig);
	rig_crash(rig);
	rig->obeys_term = true;
	rig_work(rig);
	rig_changed(rig, ID_1);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_FAILED);
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, UNWELL);
	rig_free(rig);
}
END_TEST

START_TEST(a_failure_that_was_journalled_is_forgotten_when_it_is_well)
{
	struct rig *rig = rig_new();
	const char *text;
	char changed[4096];

	order_checked(rig, ID_1, HTTP);
	publish(rig, ID_1, 8080, "", 18080);
	rig_changed(rig, ID_1);
	rig_work(rig);
	text = rig_attempt(rig, ID_1, 1);
	(void)snprintf(changed, sizeof(changed), "{\"Reason\":\"health check failing\",%s",
		       text + 1);
	rig_put(rig, "attempt/" ID_1 "/00000001", changed);
	rig_crash(rig);
	rig_work(rig);
	rig_clear(rig);
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, "health check failing");
	answer_each(rig, 1, 200);
	ck_assert_str_eq(rig_status(rig, ID_1, 1).reason, "");
	rig_free(rig);
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("worker_unhealthy");
	TCase *tcase = tcase_create("worker_unhealthy");

	tcase_add_test(tcase,
		       failures_below_the_threshold_are_shown_and_forgotten_when_it_is_well);
	tcase_add_test(tcase, the_manager_hears_of_failures_by_its_poll);
	tcase_add_test(tcase, the_threshold_stops_it_and_it_ends_failed_with_the_last_answer);
	tcase_add_test(tcase, one_that_ends_well_on_its_sigterm_has_failed_all_the_same);
	tcase_add_test(tcase, one_that_ignores_its_sigterm_is_killed_after_the_grace);
	tcase_add_test(tcase, an_unhealthy_container_that_vanishes_keeps_its_reason);
	tcase_add_test(tcase, every_kind_of_failure_has_its_words);
	tcase_add_test(tcase, a_tcp_check_needs_no_status);
	tcase_add_test(tcase, a_long_path_leaves_room_for_the_answer);
	tcase_add_test(tcase, a_check_that_was_not_carried_out_counts_for_nothing);
	tcase_add_test(tcase, a_port_that_the_runtime_does_not_show_is_a_failure);
	tcase_add_test(tcase, a_wanted_stop_goes_before_the_unhealthy);
	tcase_add_test(tcase, a_stop_of_the_unhealthy_waits_for_its_journal_unless_that_fails);
	tcase_add_test(tcase, a_runtime_that_is_down_makes_nothing_unhealthy);
	tcase_add_test(tcase, the_unhealthy_stay_so_over_a_restart_of_the_worker);
	tcase_add_test(tcase, a_failure_that_was_journalled_is_forgotten_when_it_is_well);
	suite_add_tcase(made, tcase);
	return made;
}

CHECK_MAIN(suite)
