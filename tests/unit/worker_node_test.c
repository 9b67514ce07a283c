/* The machine's own description, and registering with a manager. */
#include "check_main.h"
#include "worker_help.h"

static struct rig *
rig_joining(void)
{
	struct rig *rig = rig_prepare();

	rig->config.joins = true;
	rig_boot(rig);
	rig_work(rig);
	return rig;
}

static struct worker_effect *
join_of(struct rig *rig)
{
	return rig_find(rig, WORKER_EFFECT_JOIN, 0);
}

/* Answers the join that is under way. */
static void
joined(struct rig *rig, int status, const char *text)
{
	struct worker_message *message = rig_message(WORKER_JOINED, 0);

	ck_assert_ptr_nonnull(join_of(rig));
	rig_drop(rig, join_of(rig));
	message->status = status;
	if (status == 0)
		(void)cube_fail(&message->error, CUBE_ERR_UNAVAILABLE, 0, "%s", text);
	else if (status >= 400)
		(void)snprintf(message->reason, sizeof(message->reason), "%s", text);
	else
		(void)snprintf(message->cluster, sizeof(message->cluster), "%s", text);
	rig_send(rig, message);
}

/* Milliseconds until the next join. */
static uint64_t
time_to_join(struct rig *rig)
{
	uint64_t begin_ms = rig->now.mono_ms;

	while (join_of(rig) == NULL) {
		ck_assert_uint_lt(rig->now.mono_ms - begin_ms, 100000);
		rig_sleep(rig, 10);
	}
	return rig->now.mono_ms - begin_ms;
}

START_TEST(the_description_tells_who_where_and_with_what)
{
	struct rig *rig = rig_new();
	struct node_info info = rig_node(rig);

	ck_assert_str_eq(info.name, "n1");
	ck_assert_str_eq(info.instance, INSTANCE_1);
	ck_assert_str_eq(worker_instance(rig->worker), INSTANCE_1);
	ck_assert_str_eq(info.runtime, "scripted");
	ck_assert(info.runtime_ready);
	ck_assert_uint_eq(info.enforces, CUBE_ENFORCES_MEMORY);
	rig_free(rig);
}
END_TEST

START_TEST(the_runtime_is_not_ready_before_it_has_answered)
{
	struct rig *rig = rig_prepare();

	rig_boot(rig);
	ck_assert(!rig_node(rig).runtime_ready);
	rig_do(rig, WORKER_JOB_PROBE);
	ck_assert(!rig_node(rig).runtime_ready);
	rig_do(rig, WORKER_JOB_LIST);
	ck_assert(rig_node(rig).runtime_ready);
	rig_free(rig);
}
END_TEST

START_TEST(the_instance_is_told_when_durable_and_kept_for_ever)
{
	struct rig *rig = rig_prepare();

	rig->auto_commit = false;
	rig->config.joins = true;
	rig_boot(rig);
	rig_send(rig, rig_message(WORKER_NODE, 7));
	ck_assert_ptr_null(rig_reply(rig, 7));
	ck_assert_ptr_null(join_of(rig));
	rig_commit(rig);
	ck_assert_str_eq(rig_reply(rig, 7)->info.instance, INSTANCE_1);
	ck_assert_str_eq(join_of(rig)->info.instance, INSTANCE_1);
	ck_assert_str_eq(rig_stored(rig, "meta/format"), "1");
	(void)snprintf(rig->config.new_instance, ID_SIZE, "%s", INSTANCE_2);
	rig_crash(rig);
	rig_send(rig, rig_message(WORKER_NODE, 8));
	ck_assert_str_eq(rig_reply(rig, 8)->info.instance, INSTANCE_1);
	rig_free(rig);
}
END_TEST

/* Of the whole worker. */
static uint32_t
live_tasks(struct rig *rig)
{
	uint32_t live;

	rig_send(rig, rig_message(WORKER_NODE, 7));
	live = rig_reply(rig, 7)->live_tasks;
	rig_drop(rig, rig_reply(rig, 7));
	return live;
}

START_TEST(a_worker_whose_journal_fails_is_not_ready_and_tells_at_once)
{
	struct rig *rig = rig_new();
	struct worker_effect *answer;
	struct node_info info = rig_node(rig);
	uint64_t revision = info.revision;

	ck_assert(info.runtime_ready);
	rig_poll(rig, (struct revision){0, 0}, 0, 5);
	rig_clear(rig);
	rig->fault = "the disk is full";
	rig_poll(rig, (struct revision){rig->config.epoch, UINT64_MAX}, 5000, 6);
	answer = rig_reply(rig, 6);
	ck_assert_ptr_nonnull(answer);
	ck_assert_uint_gt(answer->node_revision, revision);
	info = rig_node(rig);
	ck_assert(!info.runtime_ready);
	ck_assert_str_eq(info.runtime_reason, "this worker's journal fails: the disk is full");
	revision = info.revision;
	rig->fault = NULL;
	info = rig_node(rig);
	ck_assert(info.runtime_ready);
	ck_assert_uint_gt(info.revision, revision);
	rig_free(rig);
}
END_TEST

START_TEST(tasks_that_have_ended_are_not_counted_as_live)
{
	struct rig *rig = rig_new();

	ck_assert_uint_eq(live_tasks(rig), 0);
	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	ck_assert_uint_eq(live_tasks(rig), 1);
	rig_work(rig);
	ck_assert_uint_eq(live_tasks(rig), 1);
	rig_exit_box(rig, ID_1, 1, 0);
	rig_changed(rig, ID_1);
	rig_work(rig);
	ck_assert_uint_eq(live_tasks(rig), 0);
	rig_free(rig);
}
END_TEST

START_TEST(it_joins_at_its_start_and_again_after_15_s_of_silence)
{
	struct rig *rig = rig_joining();

	ck_assert_str_eq(join_of(rig)->info.name, "n1");
	joined(rig, 200, CLUSTER_1);
	ck_assert_str_eq(rig_node(rig).cluster, ""); /* only orders decide that */
	ck_assert_uint_eq(time_to_join(rig), 15000);
	rig_free(rig);
}
END_TEST

START_TEST(a_manager_that_talks_needs_no_joining)
{
	struct rig *rig = rig_joining();
	struct revision none = {0, 0};
	int i;

	joined(rig, 200, CLUSTER_1);
	rig_sleep(rig, 10000);
	for (i = 0; i < 10; i++) {
		rig_poll(rig, none, 0, 7);
		rig_sleep(rig, 10000);
		ck_assert_ptr_null(join_of(rig));
	}
	ck_assert_uint_eq(time_to_join(rig), 5000);
	rig_free(rig);
}
END_TEST

START_TEST(a_manager_that_is_away_is_asked_ever_slower_up_to_15_s)
{
	struct rig *rig = rig_joining();
	uint64_t last_ms = 0;
	int i;

	for (i = 0; i < 8; i++) {
		joined(rig, 0, "connection refused");
		last_ms = time_to_join(rig);
		if (i == 0)
			ck_assert_uint_le(last_ms, 1300);
	}
	ck_assert_uint_ge(last_ms, 11000);
	ck_assert_uint_le(last_ms, 18800);
	/* said once, not eight times */
	ck_assert_ptr_nonnull(strstr(rig->log, "manager.unreachable"));
	ck_assert_ptr_null(
		strstr(strstr(rig->log, "manager.unreachable") + 1, "manager.unreachable"));
	rig_free(rig);
}
END_TEST

START_TEST(a_manager_that_is_away_again_is_told_of_again)
{
	struct rig *rig = rig_joining();
	const char *reached;

	joined(rig, 0, "connection refused");
	/* It comes back by itself: it knows our address. */
	rig_poll(rig, (struct revision){0, 0}, 0, 5);
	reached = strstr(rig->log, "manager.reached");
	ck_assert_ptr_nonnull(reached);
	(void)time_to_join(rig);
	joined(rig, 0, "connection refused");
	ck_assert_ptr_nonnull(strstr(reached, "manager.unreachable"));
	rig_poll(rig, (struct revision){0, 0}, 0, 6);
	rig_poll(rig, (struct revision){0, 0}, 0, 7);
	reached = strstr(reached + 1, "manager.reached");
	ck_assert_ptr_nonnull(reached);
	ck_assert_ptr_null(strstr(reached + 1, "manager.reached"));
	rig_free(rig);
}
END_TEST

START_TEST(a_refusal_is_logged_with_its_reason_and_tried_again_slowly)
{
	struct rig *rig = rig_joining();

	joined(rig, 409, "another worker is called n1");
	ck_assert_has(rig->log, "manager.refused");
	ck_assert_has(rig->log, "another worker is called n1");
	ck_assert_uint_eq(time_to_join(rig), 15000);
	rig_free(rig);
}
END_TEST

START_TEST(a_manager_of_another_cluster_is_told_of_in_the_log)
{
	struct rig *rig = rig_running();

	rig->config.joins = true;
	rig_crash(rig);
	rig->log_size = 0;
	joined(rig, 200, CLUSTER_2);
	ck_assert_has(rig->log, "manager.refused");
	ck_assert_has(rig->log, CLUSTER_2);
	ck_assert_str_eq(rig_node(rig).cluster, CLUSTER_1);
	rig_free(rig);
}
END_TEST

START_TEST(a_worker_without_a_manager_joins_nobody)
{
	struct rig *rig = rig_new();

	rig_sleep(rig, 100000);
	ck_assert_ptr_null(join_of(rig));
	rig_free(rig);
}
END_TEST

START_TEST(an_idle_worker_asks_for_no_wake_up)
{
	struct rig *rig = rig_running();

	rig_wake(rig);
	ck_assert_uint_eq(rig->wake_ms, UINT64_MAX);
	rig_free(rig);
}
END_TEST

static Suite *
suite(void)
{
	Suite *suite = suite_create("worker node");
	TCase *node = tcase_create("node");
	TCase *join = tcase_create("join");

	tcase_add_test(node, the_description_tells_who_where_and_with_what);
	tcase_add_test(node, the_runtime_is_not_ready_before_it_has_answered);
	tcase_add_test(node, the_instance_is_told_when_durable_and_kept_for_ever);
	tcase_add_test(node, a_worker_whose_journal_fails_is_not_ready_and_tells_at_once);
	tcase_add_test(node, tasks_that_have_ended_are_not_counted_as_live);
	tcase_add_test(node, an_idle_worker_asks_for_no_wake_up);
	tcase_add_test(join, it_joins_at_its_start_and_again_after_15_s_of_silence);
	tcase_add_test(join, a_manager_that_talks_needs_no_joining);
	tcase_add_test(join, a_manager_that_is_away_is_asked_ever_slower_up_to_15_s);
	tcase_add_test(join, a_manager_that_is_away_again_is_told_of_again);
	tcase_add_test(join, a_refusal_is_logged_with_its_reason_and_tried_again_slowly);
	tcase_add_test(join, a_manager_of_another_cluster_is_told_of_in_the_log);
	tcase_add_test(join, a_worker_without_a_manager_joins_nobody);
	suite_add_tcase(suite, node);
	suite_add_tcase(suite, join);
	return suite;
}

CHECK_MAIN(suite)
