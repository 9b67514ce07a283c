/* tests/unit/manager_recover_test.c - the manager is killed and comes back: what was answered
 * is there, nothing runs twice, and a store that makes no sense is refused. */
#include "manager_cast.h"

#include "check_main.h"

static struct world *world;
static struct actor actor;

static void
setup(void)
{
	world = world_new();
	actor = actor_new("n1", 1, 4000, GIB);
}

static void
teardown(void)
{
	world_free(world);
}

START_TEST(a_new_store_gets_format_cluster_and_generation)
{
	world_start(world);
	ck_assert_str_eq(world_stored(world, "meta/format"), "1");
	ck_assert_str_eq(world_stored(world, "meta/cluster"), CLUSTER_1);
	ck_assert_str_eq(world_stored(world, "meta/generation"), "1");
	ck_assert_str_eq(manager_cluster(world->manager), CLUSTER_1);
	/* The cluster is made once. */
	memcpy(world->config.new_cluster, CLUSTER_2, ID_SIZE);
	world_crash(world);
	ck_assert_str_eq(manager_cluster(world->manager), CLUSTER_1);
	ck_assert_str_eq(world_stored(world, "meta/generation"), "2");
}
END_TEST

START_TEST(what_was_answered_is_there_and_what_was_not_is_gone)
{
	world_start(world);
	ck_assert_int_eq(submit(world, 1, "\"Memory\":1024"), 201);
	world->auto_commit = false;
	ck_assert_int_eq(submit(world, 2, ""), 0); /* held back */
	world->auto_commit = true;
	world_crash(world);
	ck_assert_uint_eq(count_state(world, TASK_PENDING), 1);
	ck_assert_int_eq(get(world, 1).state, TASK_PENDING);
	/* The client repeats, and the sequence goes on. */
	ck_assert_int_eq(submit(world, 2, ""), 201);
	ck_assert_uint_eq(get(world, 2).sequence, 2);
	ck_assert_int_eq(submit(world, 1, "\"Memory\":2048"), 409);
}
END_TEST

START_TEST(placements_and_reservations_survive)
{
	struct manager_effect *orders;
	struct node_view view;

	world_start(world);
	actor_up(world, &actor);
	ck_assert_int_eq(submit_many(world, 1, 3,
				     "\"Cpu\":1,\"Memory\":1048576,\"Job\":\"j\","
				     "\"RestartPolicy\":\"no\""),
			 201);
	ck_assert_int_eq(submit(world, 4, "\"PortBindings\":{\"80/tcp\":\"8080\"}"), 201);
	(void)actor_obey(world, &actor);
	actor_runs(world, &actor, 1, 1);
	actor_ends(world, &actor, 2, 1, 1);
	ck_assert_int_eq(stop(world, 3), 204);
	world_crash(world);
	view = view_of(world, "n1");
	ck_assert_uint_eq(view.task_count, 3);
	ck_assert_int_eq(view.allocated_mcpu, 2000);
	ck_assert_int_eq(view.allocated_memory_bytes, 2 * MIB);
	ck_assert_int_eq(get(world, 1).state, TASK_RUNNING);
	ck_assert_int_eq(get(world, 2).state, TASK_FAILED);
	ck_assert(get(world, 2).final);
	ck_assert_int_eq(get(world, 2).exit_code, 1);
	ck_assert_int_eq(get(world, 3).wanted, TASK_WANTED_STOP);
	ck_assert(actor_hello(world, &actor));
	orders = actor_orders(world, &actor);
	ck_assert(orders->orders.full);
	ck_assert_uint_eq(orders->orders.count, 3);
	ck_assert_uint_eq(orders->orders.items[0].attempt, 1);
	ck_assert_int_eq(orders->orders.items[1].wanted, TASK_WANTED_STOP);
	actor_accept(world, &actor, orders);
	/* No second attempt of anything, and the port is still taken. */
	ck_assert_int_eq(submit(world, 5, "\"PortBindings\":{\"80/tcp\":\"8080\"}"), 201);
	ck_assert_int_eq(get(world, 5).state, TASK_PENDING);
	actor_ends(world, &actor, 3, 1, 143);
	ck_assert_int_eq(get(world, 3).state, TASK_COMPLETED);
	ck_assert_int_eq(view_of(world, "n1").allocated_mcpu, 1000);
}
END_TEST

START_TEST(the_queue_keeps_its_order)
{
	unsigned i;

	world_start(world);
	/* Ids that sort otherwise than they came. */
	for (i = 1; i <= 20; i++)
		ck_assert_int_eq(submit(world, i, "\"Cpu\":1"), 201);
	world_crash(world);
	actor_up(world, &actor); /* four cores */
	for (i = 1; i <= 20; i++)
		ck_assert_int_eq(get(world, i).state, i <= 4 ? TASK_SCHEDULED : TASK_PENDING);
}
END_TEST

START_TEST(an_uncommitted_placement_is_made_again)
{
	world_start(world);
	ck_assert_int_eq(submit(world, 1, ""), 201);
	world->auto_commit = false;
	ck_assert_int_eq(actor_join(world, &actor), 0);
	world_commit(world);
	ck_assert(actor_hello(world, &actor));
	world_commit(world);
	actor_accept(world, &actor, actor_orders(world, &actor));
	/* Placed, and not durable: the order has not left. */
	ck_assert_ptr_null(actor_orders(world, &actor));
	world->auto_commit = true;
	world_crash(world);
	ck_assert_int_eq(get(world, 1).state, TASK_PENDING);
	ck_assert_uint_eq(get(world, 1).attempt, 0);
	ck_assert(actor_hello(world, &actor));
	(void)actor_obey(world, &actor);
	ck_assert_uint_eq(get(world, 1).attempt, 1);
}
END_TEST

START_TEST(histories_survive_and_are_trimmed_from_the_front)
{
	struct manager_effect *reply;
	unsigned i;

	world->config.events_max = 64;
	world_start(world);
	ck_assert_int_eq(submit(world, 1, ""), 201);
	ck_assert_int_eq(stop(world, 1), 204);
	world_crash(world);
	reply = world_ask(world, about_task(world, MANAGER_HISTORY, 1));
	ck_assert_uint_eq(reply->history_count, 2);
	ck_assert_int_eq(reply->history[0].state, TASK_PENDING);
	ck_assert_int_eq(reply->history[1].state, TASK_COMPLETED);
	ck_assert_str_eq(reply->history[1].reason, "stopped before it ran");
	ck_assert_int_eq(reply->history[1].time_ms, world->now.wall_ms);
	effect_free(reply);
	for (i = 10; i < 200; i++)
		ck_assert_int_eq(submit(world, i, ""), 201);
	ck_assert_uint_le(world_count(world, "event/"), 64);
	ck_assert_uint_ge(world_count(world, "event/"), 56);
	reply = world_ask(world, about_task(world, MANAGER_HISTORY, 1));
	ck_assert_int_eq(reply->status, 200);
	ck_assert_uint_eq(reply->history_count, 0);
	effect_free(reply);
	world_crash(world);
	reply = world_ask(world, about_task(world, MANAGER_HISTORY, 199));
	ck_assert_uint_eq(reply->history_count, 1);
	effect_free(reply);
	/* Numbers go on: nothing is overwritten. */
	ck_assert_int_eq(submit(world, 300, ""), 201);
	reply = world_ask(world, about_task(world, MANAGER_HISTORY, 199));
	ck_assert_uint_eq(reply->history_count, 1);
	effect_free(reply);
}
END_TEST

static void
expect_refusal(int code, const char *words)
{
	struct cube_error err = {.code = 0};

	ck_assert_int_eq(world_try_start(world, &err), code);
	if (strstr(err.message, words) == NULL)
		ck_abort_msg("\"%s\" does not say \"%s\"", err.message, words);
	world_forget(world);
}

START_TEST(a_newer_format_is_refused)
{
	world_store(world, "meta/format", "2");
	expect_refusal(CUBE_ERR_INVALID, "format 2");
}
END_TEST

START_TEST(damage_is_named_by_its_key)
{
	world_store(world, "meta/cluster", "what");
	expect_refusal(CUBE_ERR_INTERNAL, "meta/cluster");
	world_store(world, "meta/cluster", CLUSTER_1);
	world_store(world, "meta/generation", "-3");
	expect_refusal(CUBE_ERR_INTERNAL, "meta/generation");
	world_store(world, "meta/generation", "3");
	world_store(world, "task/x", "{");
	expect_refusal(CUBE_ERR_INTERNAL, "task/x");
	world_store(world, "task/x",
		    "{\"ID\":\"11111111-1111-4111-8111-111111111111\","
		    "\"Image\":\"i\",\"Sequence\":1}");
	expect_refusal(CUBE_ERR_INTERNAL, "task/x");
	world_store(world, "task/x", "{\"Image\":\"i\",\"Sequence\":1}");
	expect_refusal(CUBE_ERR_INTERNAL, "task/x is damaged: its key is not task/UUID");
	world_apply(world, &(struct change){.key = (char *)(uintptr_t) "task/x"});
	world_store(world, "node/n1", "[]");
	expect_refusal(CUBE_ERR_INTERNAL, "node/n1");
	world_apply(world, &(struct change){.key = (char *)(uintptr_t) "node/n1"});
	world_store(world, "done/" CLUSTER_2, "{\"SpecHash\":\"1\",\"State\":3}");
	expect_refusal(CUBE_ERR_INTERNAL, "done/" CLUSTER_2 " is damaged: SpecHash");
	world_apply(world, &(struct change){.key = (char *)(uintptr_t) "done/" CLUSTER_2});
	world_store(world, "event/0000000000000001", "{\"Entries\":[{\"State\":99}]}");
	expect_refusal(CUBE_ERR_INTERNAL, "event/0000000000000001");
	world_apply(world,
		    &(struct change){.key = (char *)(uintptr_t) "event/0000000000000001"});
	world_start(world);
}
END_TEST

START_TEST(what_a_later_version_adds_is_passed_over)
{
	world_start(world);
	ck_assert_int_eq(submit(world, 1, ""), 201);
	world_store(world, "lease/11111111-1111-4111-8111-111111111111",
		    "{\"SpecHash\":\"1\"}");
	world_store(world, "meta/batch", "77");
	world_store(world, "zebra", "?");
	world_crash(world);
	ck_assert_int_eq(get(world, 1).state, TASK_PENDING);
	ck_assert_uint_eq(world_count(world, "lease/"), 1);
	ck_assert_str_eq(world_stored(world, "meta/batch"), "77"); /* the loop's own */
}
END_TEST

START_TEST(a_store_that_is_not_a_managers_is_refused)
{
	world_store(world, "event/0000000000000001", "{\"Entries\":[]}");
	expect_refusal(CUBE_ERR_INTERNAL, "meta/cluster");
	world_store(world, "meta/instance", "11111111-1111-4111-8111-111111111111");
	expect_refusal(CUBE_ERR_INVALID, "journal of a cube-worker");
}
END_TEST

START_TEST(a_record_is_a_task_people_can_read)
{
	char key[64];

	world_start(world);
	ck_assert_int_eq(submit(world, 1, "\"Memory\":1024"), 201);
	(void)snprintf(key, sizeof(key), "task/%s", task_id(1));
	ck_assert_ptr_nonnull(strstr(world_stored(world, key), "\"Memory\":1024"));
	ck_assert_ptr_nonnull(
		strstr(world_stored(world, key), "\"Brain\":{\"Submitted\":\"2023"));
	ck_assert_ptr_nonnull(strstr(world_stored(world, key), "\"Sequence\":1"));
}
END_TEST

static void
store_task(unsigned n, int state, int wanted)
{
	char key[64];
	char value[256];

	(void)snprintf(key, sizeof(key), "task/%s", task_id(n));
	(void)snprintf(value, sizeof(value),
		       "{\"ID\":\"%s\",\"Image\":\"i\",\"RestartPolicy\":\"always\","
		       "\"Sequence\":%u,\"State\":%d,\"Wanted\":%d}",
		       task_id(n), n, state, wanted);
	world_store(world, key, value);
}

START_TEST(a_record_that_was_never_written_so_leaves_no_task_behind)
{
	world_start(world);
	/* They failed, are not final, and do not say when they start again. */
	store_task(1, TASK_FAILED, TASK_WANTED_RUN);
	store_task(2, TASK_FAILED, TASK_WANTED_RUN);
	/* Stopped, and nowhere. */
	store_task(3, TASK_FAILED, TASK_WANTED_STOP);
	store_task(4, TASK_PENDING, TASK_WANTED_STOP);
	world_crash(world);
	ck_assert_int_eq(stop(world, 2), 204);
	ck_assert_int_eq(get(world, 2).state, TASK_COMPLETED);
	actor_up(world, &actor);
	ck_assert_int_eq(get(world, 1).state, TASK_SCHEDULED);
	ck_assert_uint_eq(get(world, 1).attempt, 1);
	ck_assert_int_eq(get(world, 3).state, TASK_COMPLETED);
	ck_assert(get(world, 3).final);
	ck_assert_int_eq(get(world, 4).state, TASK_COMPLETED);
	ck_assert_uint_eq(get(world, 4).attempt, 0);
}
END_TEST

START_TEST(many_crashes_lose_and_double_nothing)
{
	unsigned round;
	unsigned i;

	world_start(world);
	actor_up(world, &actor);
	for (round = 0; round < 10; round++) {
		for (i = 0; i < 20; i++)
			ck_assert_int_eq(submit(world, round * 100 + i, "\"Cpu\":0.01"), 201);
		world->auto_commit = false;
		(void)submit(world, round * 100 + 50, "");
		world->auto_commit = true;
		world_crash(world);
		if (round % 2 == 0) {
			ck_assert(actor_hello(world, &actor));
			(void)actor_obey(world, &actor);
		}
	}
	ck_assert(actor_hello(world, &actor));
	(void)actor_obey(world, &actor);
	ck_assert_uint_eq(count_state(world, TASK_SCHEDULED), 200);
	ck_assert_uint_eq(view_of(world, "n1").task_count, 200);
	ck_assert_int_eq(view_of(world, "n1").allocated_mcpu, 2000);
	for (round = 0; round < 10; round++) {
		for (i = 0; i < 20; i++)
			ck_assert_uint_eq(get(world, round * 100 + i).attempt, 1);
	}
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("manager recover");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_new_store_gets_format_cluster_and_generation);
	tcase_add_test(tests, what_was_answered_is_there_and_what_was_not_is_gone);
	tcase_add_test(tests, placements_and_reservations_survive);
	tcase_add_test(tests, the_queue_keeps_its_order);
	tcase_add_test(tests, an_uncommitted_placement_is_made_again);
	tcase_add_test(tests, histories_survive_and_are_trimmed_from_the_front);
	tcase_add_test(tests, a_newer_format_is_refused);
	tcase_add_test(tests, damage_is_named_by_its_key);
	tcase_add_test(tests, a_record_that_was_never_written_so_leaves_no_task_behind);
	tcase_add_test(tests, what_a_later_version_adds_is_passed_over);
	tcase_add_test(tests, a_store_that_is_not_a_managers_is_refused);
	tcase_add_test(tests, a_record_is_a_task_people_can_read);
	tcase_add_test(tests, many_crashes_lose_and_double_nothing);
	suite_add_tcase(made, tests);
	return made;
}

CHECK_MAIN(suite)
