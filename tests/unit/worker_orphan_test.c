/* Containers with our label that nobody knows: left for a grace, then stopped and removed. */
#include "check_main.h"
#include "worker_help.h"

#define GRACE_MS 60000

/* A worker whose journal knows nothing, beside a container of an earlier life. */
static struct rig *
orphan_rig(uint32_t state)
{
	struct rig *rig = rig_prepare();

	rig->config.orphan_grace_ms = GRACE_MS;
	rig_put(rig, "meta/cluster", CLUSTER_1);
	rig_add_box(rig, ID_2, 3, state);
	rig_boot(rig);
	rig_work(rig);
	return rig;
}

static void
give_full_set(struct rig *rig)
{
	rig_send(rig, orders_new(1, 1, true, 1));
	rig_work(rig);
}

START_TEST(one_that_runs_is_stopped_after_the_grace_and_removed)
{
	struct rig *rig = orphan_rig(CUBE_CONTAINER_RUNNING);

	give_full_set(rig);
	rig_sleep(rig, GRACE_MS - 1);
	rig_work(rig);
	ck_assert_int_eq(rig->signals, 0);
	rig_sleep(rig, 1);
	rig_work(rig);
	ck_assert_int_eq(rig->signals, 1);
	ck_assert_int_eq(rig->last_signo, SIGTERM);
	rig_changed(rig, ID_2);
	rig_work(rig);
	ck_assert_uint_eq(rig->box_count, 0);
	ck_assert(!rig_knows(rig, ID_2));
	ck_assert_ptr_null(rig_attempt(rig, ID_2, 3));
	ck_assert_has(rig->log, "container.orphan action=seen task=" ID_2 " attempt=3");
	ck_assert_has(rig->log, "container.orphan action=removing task=" ID_2);
	ck_assert_has(rig->log, "container.orphan action=removed task=" ID_2);
	rig_free(rig);
}
END_TEST

START_TEST(one_that_does_not_obey_is_killed_after_ten_seconds)
{
	struct rig *rig = orphan_rig(CUBE_CONTAINER_RUNNING);

	rig->obeys_term = false;
	give_full_set(rig);
	rig_sleep(rig, GRACE_MS);
	rig_work(rig);
	rig_sleep(rig, 9999);
	rig_work(rig);
	ck_assert_int_eq(rig->signals, 1);
	rig_sleep(rig, 1);
	rig_work(rig);
	ck_assert_int_eq(rig->last_signo, SIGKILL);
	rig_changed(rig, ID_2);
	rig_work(rig);
	ck_assert_uint_eq(rig->box_count, 0);
	rig_free(rig);
}
END_TEST

START_TEST(one_that_does_not_run_is_removed_without_a_signal)
{
	const uint32_t states[] = {CUBE_CONTAINER_EXITED, CUBE_CONTAINER_CREATED};
	struct rig *rig = orphan_rig(states[_i]);

	give_full_set(rig);
	rig_sleep(rig, GRACE_MS);
	rig_work(rig);
	ck_assert_int_eq(rig->signals, 0);
	ck_assert_uint_eq(rig->box_count, 0);
	rig_free(rig);
}
END_TEST

START_TEST(the_grace_begins_with_the_first_full_set)
{
	struct rig *rig = orphan_rig(CUBE_CONTAINER_RUNNING);
	struct worker_message *message = orders_new(1, 1, false, 1);

	orders_add(message, ID_1, 1, TASK_WANTED_RUN);
	rig_send(rig, message); /* not all there is */
	rig_work(rig);
	rig_sleep(rig, 10 * GRACE_MS);
	rig_work(rig);
	ck_assert_uint_eq(rig->box_count, 2);
	message = orders_new(1, 2, true, 1);
	orders_add(message, ID_1, 1, TASK_WANTED_RUN);
	rig_send(rig, message);
	rig_sleep(rig, GRACE_MS - 1);
	rig_work(rig);
	ck_assert_int_eq(rig->signals, 0);
	rig_sleep(rig, 1);
	rig_work(rig);
	rig_changed(rig, ID_2);
	rig_work(rig);
	ck_assert_uint_eq(rig->box_count, 1);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	rig_free(rig);
}
END_TEST

START_TEST(an_order_that_comes_in_time_claims_it)
{
	struct rig *rig = orphan_rig(CUBE_CONTAINER_RUNNING);
	struct worker_message *message = orders_new(1, 1, true, 1);

	orders_add(message, ID_2, 3, TASK_WANTED_RUN);
	rig_send(rig, message);
	rig_work(rig);
	rig_sleep(rig, 2 * GRACE_MS);
	rig_work(rig);
	ck_assert_int_eq(rig->signals, 0);
	ck_assert_int_eq(rig_box(rig, ID_2, 3)->starts, 0);
	ck_assert_int_eq(rig_status(rig, ID_2, 3).state, TASK_RUNNING);
	rig_free(rig);
}
END_TEST

START_TEST(an_order_that_comes_while_it_is_stopped_gets_its_end)
{
	struct rig *rig = orphan_rig(CUBE_CONTAINER_RUNNING);

	rig->obeys_term = false;
	give_full_set(rig);
	rig_sleep(rig, GRACE_MS);
	rig_work(rig);
	ck_assert_int_eq(rig->last_signo, SIGTERM);
	rig_order(rig, 2, ID_2, 3, TASK_WANTED_RUN);
	rig_work(rig);
	rig_sleep(rig, GRACE_MS);
	rig_work(rig);
	ck_assert_int_eq(rig->signals, 1); /* it survived the signal: it is wanted */
	ck_assert_int_eq(rig_status(rig, ID_2, 3).state, TASK_RUNNING);
	ck_assert_has(rig_attempt(rig, ID_2, 3), "'Phase':'running'");
	rig_exit_box(rig, ID_2, 3, 143);
	rig_changed(rig, ID_2);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_2, 3).state, TASK_FAILED);
	ck_assert_int_eq(rig_status(rig, ID_2, 3).exit_code, 143);
	rig_free(rig);
}
END_TEST

START_TEST(an_order_that_comes_while_it_is_removed_is_told_that_it_is_gone)
{
	struct rig *rig = orphan_rig(CUBE_CONTAINER_EXITED);

	give_full_set(rig);
	rig_sleep(rig, GRACE_MS);
	while (rig_job(rig, WORKER_JOB_REMOVE) == NULL) {
		ck_assert_uint_gt(rig->out_count, 0);
		if (rig_job(rig, WORKER_JOB_LIST) != NULL)
			rig_do(rig, WORKER_JOB_LIST);
		else
			rig_do(rig, WORKER_JOB_INSPECT);
	}
	rig_order(rig, 2, ID_2, 3, TASK_WANTED_RUN);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_2, 3).state, TASK_FAILED);
	ck_assert_ptr_nonnull(strstr(rig_status(rig, ID_2, 3).reason, "vanished"));
	rig_free(rig);
}
END_TEST

START_TEST(a_newer_attempt_of_its_task_waits_for_its_end)
{
	struct rig *rig = orphan_rig(CUBE_CONTAINER_RUNNING);

	rig->obeys_term = false;
	give_full_set(rig);
	rig_sleep(rig, GRACE_MS);
	rig_work(rig);
	rig_order(rig, 2, ID_2, 4, TASK_WANTED_RUN);
	rig_work(rig);
	ck_assert_ptr_null(rig_box(rig, ID_2, 4));
	rig_exit_box(rig, ID_2, 3, 143);
	rig_changed(rig, ID_2);
	rig_work(rig);
	ck_assert_ptr_null(rig_box(rig, ID_2, 3));
	ck_assert_int_eq(rig_status(rig, ID_2, 4).state, TASK_RUNNING);
	rig_free(rig);
}
END_TEST

START_TEST(another_clusters_is_never_touched)
{
	struct rig *rig = orphan_rig(CUBE_CONTAINER_RUNNING);

	(void)snprintf(rig_box(rig, ID_2, 3)->cluster, ID_SIZE, "%s", CLUSTER_2);
	rig_crash(rig);
	rig_work(rig);
	give_full_set(rig);
	rig_sleep(rig, 10 * GRACE_MS);
	rig_work(rig);
	ck_assert_int_eq(rig->signals, 0);
	ck_assert_uint_eq(rig->box_count, 1);
	rig_free(rig);
}
END_TEST

START_TEST(without_a_cluster_of_its_own_a_worker_touches_none)
{
	struct rig *rig = rig_prepare();

	rig_add_box(rig, ID_1, 1, CUBE_CONTAINER_RUNNING);
	rig_add_box(rig, ID_2, 1, CUBE_CONTAINER_RUNNING);
	rig_box(rig, ID_2, 1)->cluster[0] = '\0';
	rig_boot(rig);
	rig_work(rig);
	rig_sleep(rig, 100 * GRACE_MS);
	rig_work(rig);
	ck_assert_int_eq(rig->signals, 0);
	ck_assert_uint_eq(rig->box_count, 2);
	rig_free(rig);
}
END_TEST

START_TEST(one_that_is_gone_by_itself_is_forgotten)
{
	struct rig *rig = orphan_rig(CUBE_CONTAINER_RUNNING);

	give_full_set(rig);
	rig_sleep(rig, GRACE_MS / 2);
	rig_drop_box(rig, rig_box(rig, ID_2, 3));
	rig_sleep(rig, GRACE_MS / 2);
	rig_work(rig);
	ck_assert_lacks(rig->log, "action=removing");
	/* One by the same name later has a grace of its own. */
	rig_add_box(rig, ID_2, 3, CUBE_CONTAINER_RUNNING);
	rig_send(rig, rig_message(WORKER_RESYNC, 0));
	rig_work(rig);
	rig_sleep(rig, GRACE_MS - 1);
	rig_work(rig);
	ck_assert_int_eq(rig->signals, 0);
	rig_sleep(rig, 1);
	rig_work(rig);
	ck_assert_int_eq(rig->signals, 1);
	rig_free(rig);
}
END_TEST

START_TEST(one_that_an_event_tells_of_is_found_without_a_restart)
{
	struct rig *rig = orphan_rig(CUBE_CONTAINER_RUNNING);
	int i;

	rig_drop_box(rig, rig_box(rig, ID_2, 3));
	give_full_set(rig);
	rig_sleep(rig, 2 * GRACE_MS);
	rig_work(rig);
	rig_add_box(rig, ID_1, 1, CUBE_CONTAINER_RUNNING);
	for (i = 0; i < 20; i++) {
		rig_changed(rig, ID_1);
		ck_assert_ptr_null(rig_job(rig, WORKER_JOB_LIST)); /* not one for each */
	}
	rig_sleep(rig, 5000);
	rig_work(rig);
	ck_assert_has(rig->log, "container.orphan action=seen task=" ID_1);
	rig_sleep(rig, GRACE_MS);
	rig_work(rig);
	rig_changed(rig, ID_1);
	rig_work(rig);
	ck_assert_uint_eq(rig->box_count, 0);
	rig_free(rig);
}
END_TEST

START_TEST(one_whose_labels_name_no_attempt_goes_as_well)
{
	struct rig *rig = orphan_rig(CUBE_CONTAINER_RUNNING);
	struct worker_effect *job;

	(void)snprintf(rig->boxes[0].task_id, ID_SIZE, "no-uuid");
	rig->boxes[0].attempt = 0;
	rig_crash(rig);
	rig_work(rig);
	give_full_set(rig);
	rig_sleep(rig, GRACE_MS);
	while (rig_job(rig, WORKER_JOB_LIST) != NULL)
		rig_do(rig, WORKER_JOB_LIST);
	job = rig_job(rig, WORKER_JOB_SIGNAL);
	ck_assert_ptr_nonnull(job);
	ck_assert_str_eq(job->handle, rig->boxes[0].handle);
	/* It stays the same one in every list. */
	rig_send(rig, rig_message(WORKER_RESYNC, 0));
	rig_do(rig, WORKER_JOB_LIST);
	ck_assert_uint_eq(rig_node(rig).stale_orders, 0);
	ck_assert_uint_eq(rig_count(rig, WORKER_EFFECT_JOB), 1);
	rig_free(rig);
}
END_TEST

START_TEST(a_list_asked_for_before_a_removal_makes_no_orphan)
{
	struct rig *rig = orphan_rig(CUBE_CONTAINER_RUNNING);
	struct worker_message *listing;
	struct worker_effect *list;

	rig_drop_box(rig, rig_box(rig, ID_2, 3));
	give_full_set(rig);
	rig_order(rig, 2, ID_1, 1, TASK_WANTED_RUN);
	rig_work(rig);
	rig_exit_box(rig, ID_1, 1, 0);
	rig_changed(rig, ID_1);
	rig_work(rig);
	rig_send(rig, rig_message(WORKER_RESYNC, 0));
	list = rig_job(rig, WORKER_JOB_LIST);
	ck_assert_ptr_nonnull(list);
	listing = rig_listing(rig, list); /* as the engine saw it then */
	rig_drop(rig, list);
	rig_order(rig, 3, ID_1, 1, TASK_WANTED_STOP);
	rig_ack(rig, 4);
	rig_work(rig);
	ck_assert(!rig_knows(rig, ID_1));
	rig->log_size = 0;
	rig->log[0] = '\0';
	rig_send(rig, listing);
	rig_sleep(rig, 2 * GRACE_MS);
	rig_work(rig);
	ck_assert_lacks(rig->log, "container.orphan");
	rig_free(rig);
}
END_TEST

static Suite *
make_suite(void)
{
	Suite *suite = suite_create("worker orphan");
	TCase *tc = tcase_create("orphans");

	tcase_add_test(tc, one_that_runs_is_stopped_after_the_grace_and_removed);
	tcase_add_test(tc, one_that_does_not_obey_is_killed_after_ten_seconds);
	tcase_add_loop_test(tc, one_that_does_not_run_is_removed_without_a_signal, 0, 2);
	tcase_add_test(tc, the_grace_begins_with_the_first_full_set);
	tcase_add_test(tc, an_order_that_comes_in_time_claims_it);
	tcase_add_test(tc, an_order_that_comes_while_it_is_stopped_gets_its_end);
	tcase_add_test(tc, an_order_that_comes_while_it_is_removed_is_told_that_it_is_gone);
	tcase_add_test(tc, a_newer_attempt_of_its_task_waits_for_its_end);
	tcase_add_test(tc, another_clusters_is_never_touched);
	tcase_add_test(tc, without_a_cluster_of_its_own_a_worker_touches_none);
	tcase_add_test(tc, one_that_is_gone_by_itself_is_forgotten);
	tcase_add_test(tc, one_that_an_event_tells_of_is_found_without_a_restart);
	tcase_add_test(tc, one_whose_labels_name_no_attempt_goes_as_well);
	tcase_add_test(tc, a_list_asked_for_before_a_removal_makes_no_orphan);
	suite_add_tcase(suite, tc);
	return suite;
}

CHECK_MAIN(make_suite)
