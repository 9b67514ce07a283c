/* tests/unit/manager_nodes_test.c - workers that join, vanish, come back, are listed, replaced
 * and removed. */
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

static int
remove_node(const char *name, char reason[384])
{
	struct manager_message *message = world_message(world, MANAGER_NODE_REMOVE);
	struct manager_effect *reply;
	int status;

	(void)snprintf(message->node, sizeof(message->node), "%s", name);
	reply = world_ask(world, message);
	status = reply->status;
	(void)snprintf(reason, 384, "%s", reply->message);
	effect_free(reply);
	return status;
}

START_TEST(a_worker_that_joins_is_durable_and_told_the_cluster)
{
	struct manager_message *message = world_message(world, MANAGER_JOIN);
	struct manager_effect *reply;

	world_start(world);
	node_info_copy(&message->info, &actor.info);
	reply = world_ask(world, message);
	ck_assert_int_eq(reply->status, 201);
	ck_assert_str_eq(reply->cluster, CLUSTER_1);
	ck_assert_uint_eq(reply->node_count, 1);
	effect_free(reply);
	ck_assert_ptr_nonnull(strstr(world_stored(world, "node/n1"), "http://10.0.0.1:5556"));
	ck_assert_int_eq(actor_join(world, &actor), 200); /* again */
	world_crash(world);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_JOINING);
	ck_assert_int_eq(view_of(world, "n1").info.mcpu, 4000);
}
END_TEST

START_TEST(a_join_that_makes_no_sense_is_refused)
{
	world_start(world);
	(void)snprintf(actor.info.name, sizeof(actor.info.name), "-x");
	ck_assert_int_eq(actor_join(world, &actor), 400);
	actor = actor_new("n1", 1, 4000, GIB);
	actor.info.instance[0] = '\0';
	ck_assert_int_eq(actor_join(world, &actor), 400);
	actor = actor_new("n1", 1, 4000, GIB);
	(void)snprintf(actor.info.api, sizeof(actor.info.api), "ftp://x");
	ck_assert_int_eq(actor_join(world, &actor), 400);
	actor = actor_new("n1", 1, -1, GIB);
	ck_assert_int_eq(actor_join(world, &actor), 400);
	ck_assert_uint_eq(world_count(world, "node/"), 0);
}
END_TEST

START_TEST(a_live_workers_name_is_its_own)
{
	struct actor thief = actor_new("n1", 2, 4000, GIB);

	world_start(world);
	actor_up(world, &actor);
	ck_assert_int_eq(actor_join(world, &thief), 409);
	ck_assert_str_eq(view_of(world, "n1").info.api, "http://10.0.0.1:5556");
	/* Nor may one worker have two names. */
	thief = actor_new("n2", 1, 4000, GIB);
	ck_assert_int_eq(actor_join(world, &thief), 409);
	/* Also right after a restart: the owner has yet to be asked. */
	world_crash(world);
	thief = actor_new("n1", 2, 4000, GIB);
	ck_assert_int_eq(actor_join(world, &thief), 409);
}
END_TEST

START_TEST(the_same_worker_at_a_new_address_is_an_update)
{
	struct manager_effect *effect;
	uint64_t old;

	world_start(world);
	actor_up(world, &actor);
	ck_assert_int_eq(submit(world, 1, ""), 201);
	(void)actor_obey(world, &actor);
	actor_runs(world, &actor, 1, 1);
	old = actor.contact;
	(void)snprintf(actor.info.api, sizeof(actor.info.api), "http://10.0.0.99:5556");
	ck_assert_int_eq(actor_join(world, &actor), 200);
	effect = world_take(world, MANAGER_EFFECT_FORGET, old);
	ck_assert_ptr_nonnull(effect);
	effect_free(effect);
	ck_assert(actor_hello(world, &actor));
	ck_assert_uint_ne(actor.contact, old);
	effect = actor_orders(world, &actor);
	ck_assert_str_eq(effect->api, "http://10.0.0.99:5556");
	ck_assert(effect->orders.full);
	ck_assert_uint_eq(effect->orders.count, 1);
	/* A late answer of the old contact is nobody's. */
	{
		struct manager_message *message = answer(world, MANAGER_POLL_DONE, old, 200);

		message->reports.full = true;
		message->reports.generation = 1;
		message->reports.sequence = 100;
		world_step(world, message);
	}
	ck_assert_int_eq(get(world, 1).state, TASK_RUNNING);
	actor_accept(world, &actor, effect);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_READY);
}
END_TEST

START_TEST(silence_for_half_the_time_out_keeps_new_tasks_away)
{
	world_start(world);
	actor_up(world, &actor);
	ck_assert_int_eq(submit(world, 1, ""), 201);
	(void)actor_obey(world, &actor);
	actor_runs(world, &actor, 1, 1);
	world_sleep(world, 14999);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_READY);
	world_sleep(world, 1);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_UNREACHABLE);
	ck_assert_ptr_nonnull(strstr(world->log, "node.unreachable"));
	ck_assert_int_eq(submit(world, 2, ""), 201);
	ck_assert_int_eq(get(world, 2).state, TASK_PENDING);
	ck_assert_str_eq(get(world, 2).reason, "no node is ready: 1 unreachable");
	ck_assert_int_eq(get(world, 1).state, TASK_RUNNING); /* undisturbed */
	/* The poll is answered after all. */
	ck_assert(actor_tell(world, &actor, false, NULL, 0));
	ck_assert_int_eq(view_of(world, "n1").status, NODE_READY);
	ck_assert_int_eq(get(world, 2).state, TASK_SCHEDULED);
}
END_TEST

START_TEST(a_worker_that_is_gone_is_asked_again_until_it_is_back)
{
	unsigned polls = 0;

	world_start(world);
	actor_up(world, &actor);
	while (view_of(world, "n1").status == NODE_READY) {
		if (actor_fails(world, &actor, MANAGER_EFFECT_POLL))
			polls++;
		world_sleep(world, 50);
		ck_assert_uint_lt(polls, 50);
	}
	ck_assert_uint_gt(polls, 3);
	ck_assert_str_eq(view_of(world, "n1").reason, "connection refused");
	/* It says itself that it is there: no need to wait for the next try. */
	ck_assert_int_eq(actor_join(world, &actor), 200);
	ck_assert(actor_tell(world, &actor, false, NULL, 0));
	ck_assert_int_eq(view_of(world, "n1").status, NODE_READY);
}
END_TEST

START_TEST(after_a_start_nothing_is_placed_before_contact)
{
	world_start(world);
	actor_up(world, &actor);
	world_crash(world);
	ck_assert_int_eq(submit(world, 1, ""), 201);
	ck_assert_int_eq(get(world, 1).state, TASK_PENDING);
	ck_assert(actor_hello(world, &actor));
	ck_assert_int_eq(get(world, 1).state, TASK_PENDING);
	(void)actor_obey(world, &actor);
	ck_assert_int_eq(get(world, 1).state, TASK_SCHEDULED);
}
END_TEST

START_TEST(a_runtime_that_is_not_ready_gets_nothing_new)
{
	world_start(world);
	actor.info.runtime_ready = false;
	(void)snprintf(actor.info.runtime_reason, sizeof(actor.info.runtime_reason),
		       "no docker");
	actor_up(world, &actor);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_READY);
	ck_assert_int_eq(submit(world, 1, ""), 201);
	ck_assert_int_eq(get(world, 1).state, TASK_PENDING);
	ck_assert_str_eq(get(world, 1).reason, "no node's runtime is ready: no docker");
	/* The poll tells that the description changed; it is asked for, and the task goes. */
	actor.info.runtime_ready = true;
	actor.info.revision = 2;
	ck_assert(actor_tell(world, &actor, false, NULL, 0));
	ck_assert(actor_hello(world, &actor));
	ck_assert_int_eq(get(world, 1).state, TASK_SCHEDULED);
}
END_TEST

START_TEST(stats_are_asked_for_when_they_are_old)
{
	unsigned hellos = 0;
	unsigned i;

	world_start(world);
	actor_up(world, &actor);
	for (i = 0; i < 12; i++) { /* a minute of quiet polls */
		world_sleep(world, 5000);
		ck_assert(actor_tell(world, &actor, false, NULL, 0));
		hellos += actor_hello(world, &actor);
	}
	ck_assert_uint_ge(hellos, 3);
	ck_assert_uint_le(hellos, 4);
	ck_assert_uint_eq(world_count(world, "node/"), 1);
}
END_TEST

START_TEST(heartbeats_write_nothing)
{
	size_t before;
	unsigned i;

	world_start(world);
	actor_up(world, &actor);
	before = world->writes;
	for (i = 0; i < 20; i++) {
		world_sleep(world, 5000);
		actor.info.cpu_busy = (float)i / 20;
		ck_assert(actor_tell(world, &actor, false, NULL, 0));
		(void)actor_hello(world, &actor);
	}
	ck_assert_uint_eq(world->writes, before);
}
END_TEST

START_TEST(another_instance_takes_a_dead_name_but_not_its_tasks)
{
	struct actor heir = actor_new("n1", 2, 4000, GIB);
	struct manager_effect *orders;

	world_start(world);
	actor_up(world, &actor);
	ck_assert_int_eq(submit(world, 1, ""), 201);
	(void)actor_obey(world, &actor);
	actor_runs(world, &actor, 1, 1);
	ck_assert_int_eq(submit(world, 2, ""), 201); /* under way: maybe told */
	ck_assert_int_eq(submit(world, 3, ""), 201); /* surely not told */
	world_sleep(world, 31000);
	ck_assert_int_eq(actor_join(world, &heir), 200);
	ck_assert_uint_eq(count_state(world, TASK_PENDING), 3);
	ck_assert_ptr_nonnull(strstr(world->log, "node.replaced"));
	ck_assert(actor_hello(world, &heir));
	orders = actor_orders(world, &heir);
	ck_assert(orders->orders.full);
	ck_assert_uint_eq(orders->orders.count, 0);
	ck_assert_str_eq(orders->orders.worker, heir.info.instance);
	actor_accept(world, &heir, orders);
	/* What it runs of them are attempts of its own. */
	ck_assert_int_eq(get(world, 1).state, TASK_SCHEDULED);
	ck_assert_uint_eq(get(world, 1).attempt, 2);
	/* The old one may not come back under that name. */
	ck_assert_int_eq(actor_join(world, &actor), 409);
}
END_TEST

START_TEST(another_instance_that_answers_is_begun_with_anew)
{
	struct actor heir = actor_new("n1", 1, 4000, GIB); /* same name and address */
	struct manager_effect *orders;
	uint64_t old;

	(void)snprintf(heir.info.instance, sizeof(heir.info.instance),
		       "bbbbbbbb-0000-4000-8000-000000000001");
	world_start(world);
	actor_up(world, &actor);
	old = actor.contact;
	ck_assert_int_eq(submit(world, 1, ""), 201);
	orders = actor_orders(world, &actor); /* on their way to the old one */
	ck_assert_int_eq(submit(world, 2, ""), 201);
	/* The poll shows another start; asked who it is, another answers. */
	actor.info.revision = 9;
	ck_assert(actor_tell(world, &actor, true, NULL, 0));
	ck_assert(actor_hello(world, &heir));
	ck_assert_int_eq(get(world, 1).state, TASK_PENDING);
	ck_assert_int_eq(get(world, 2).state, TASK_SCHEDULED);
	actor_accept(world, &actor, orders); /* of the old contact: nobody's */
	ck_assert(actor_hello(world, &heir));
	ck_assert_uint_ne(heir.contact, old);
	orders = actor_orders(world, &heir);
	ck_assert(orders->orders.full);
	ck_assert_uint_eq(orders->orders.count, 1);
	ck_assert_str_eq(orders->orders.items[0].task_id, task_id(2));
	ck_assert_str_eq(orders->orders.worker, heir.info.instance);
	actor_accept(world, &heir, orders);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_READY);
}
END_TEST

START_TEST(a_worker_that_answers_polls_at_once_is_not_asked_in_a_circle)
{
	unsigned polls = 0;
	unsigned i;

	world_start(world);
	actor_up(world, &actor);
	for (i = 0; i < 100; i++) {
		while (actor_tell(world, &actor, false, NULL, 0))
			polls++;
		world_sleep(world, 10);
	}
	ck_assert_uint_ge(polls, 4);
	ck_assert_uint_le(polls, 6);
}
END_TEST

START_TEST(a_listed_worker_gets_its_name_when_it_answers)
{
	world->config.workers = (const char *const[]){"10.0.0.1:5556", NULL};
	world_start(world);
	ck_assert_int_eq(view_of(world, "10.0.0.1-5556").status, NODE_JOINING);
	ck_assert(actor_hello(world, &actor));
	(void)actor_obey(world, &actor);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_READY);
	ck_assert_uint_eq(world_count(world, "node/"), 1);
	ck_assert_int_eq(submit(world, 1, ""), 201);
	ck_assert_str_eq(get(world, 1).node, "n1");
	/* At the next start it is known, and is contacted once. */
	world_crash(world);
	ck_assert_uint_eq(world->out_count, 1);
	ck_assert(actor_hello(world, &actor));
	(void)actor_obey(world, &actor);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_READY);
	ck_assert_uint_eq(view_of(world, "n1").task_count, 1);
}
END_TEST

START_TEST(a_listed_worker_that_has_joined_too_is_one_node)
{
	struct manager_effect *effect;

	world->config.workers = (const char *const[]){"10.0.0.1:5556", NULL};
	world_start(world);
	effect = world_take(world, MANAGER_EFFECT_HELLO, 0); /* slow */
	actor_up(world, &actor);
	{
		struct manager_message *message =
			answer(world, MANAGER_HELLO_DONE, effect->contact, 200);

		node_info_copy(&message->info, &actor.info);
		world_step(world, message);
	}
	effect_free(effect);
	effect = world_ask(world, world_message(world, MANAGER_NODES));
	ck_assert_uint_eq(effect->node_count, 1);
	ck_assert_str_eq(effect->nodes[0].info.name, "n1");
	ck_assert_int_eq(effect->nodes[0].status, NODE_READY);
	effect_free(effect);
}
END_TEST

START_TEST(a_wrong_list_of_workers_is_refused_at_start)
{
	struct cube_error err = {.code = 0};

	world->config.workers = (const char *const[]){"10.0.0.1", NULL};
	ck_assert_int_eq(world_try_start(world, &err), CUBE_ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(err.message, "10.0.0.1"));
	world->config.workers = NULL;
	world_start(world);
}
END_TEST

START_TEST(another_worker_at_the_address_is_noticed)
{
	struct actor stranger = actor_new("n9", 1, 4000, GIB);

	(void)snprintf(stranger.info.instance, sizeof(stranger.info.instance),
		       "bbbbbbbb-0000-4000-8000-000000000009");
	world_start(world);
	ck_assert_int_eq(actor_join(world, &actor), 201);
	ck_assert(actor_hello(world, &stranger)); /* same address */
	ck_assert_ptr_null(actor_orders(world, &stranger));
	ck_assert_str_eq(view_of(world, "n1").reason,
			 "another worker, n9, answers at http://10.0.0.1:5556");
}
END_TEST

START_TEST(something_else_at_the_address_costs_no_task)
{
	world_start(world);
	actor_up(world, &actor);
	ck_assert_int_eq(submit(world, 1, ""), 201);
	(void)actor_obey(world, &actor);
	actor_runs(world, &actor, 1, 1);
	world_crash(world);
	actor.book = true; /* it knows nothing of our protocol */
	actor.info.instance[0] = '\0';
	ck_assert(actor_hello(world, &actor));
	ck_assert_int_eq(get(world, 1).state, TASK_RUNNING);
	ck_assert_str_eq(view_of(world, "n1").reason,
			 "what answers at http://10.0.0.1:5556 is no cube-worker");
}
END_TEST

START_TEST(a_node_with_tasks_stays_until_it_is_silent)
{
	struct manager_effect *forget;
	char reason[384];

	world_start(world);
	ck_assert_int_eq(remove_node("n1", reason), 404);
	actor_up(world, &actor);
	ck_assert_int_eq(submit_many(world, 1, 2, ""), 201);
	(void)actor_obey(world, &actor);
	ck_assert_int_eq(remove_node("n1", reason), 409);
	ck_assert_ptr_nonnull(strstr(reason, "2 tasks"));
	world_sleep(world, 16000);
	ck_assert_int_eq(remove_node("n1", reason), 204);
	ck_assert_int_eq(get(world, 1).state, TASK_PENDING);
	ck_assert_uint_eq(get(world, 1).restarts, 0);
	ck_assert_ptr_nonnull(strstr(world->log, "its node n1 was removed"));
	ck_assert_uint_eq(world_count(world, "node/"), 0);
	forget = world_take(world, MANAGER_EFFECT_FORGET, actor.contact);
	ck_assert_ptr_nonnull(forget);
	effect_free(forget);
	/* Its answers are nobody's. */
	world_step(world, answer(world, MANAGER_POLL_DONE, actor.contact, 200));
	world_crash(world);
	ck_assert_int_eq(remove_node("n1", reason), 404);
}
END_TEST

/* It refuses orders older than what it has, also after it was removed and joined again. */
START_TEST(a_node_that_was_removed_and_comes_back_gets_newer_orders)
{
	struct manager_effect *effect;
	uint64_t before;
	char reason[384];

	world_start(world);
	actor_up(world, &actor);
	ck_assert_int_eq(submit(world, 1, ""), 201);
	effect = actor_orders(world, &actor);
	ck_assert_ptr_nonnull(effect);
	before = effect->orders.sequence;
	actor_accept(world, &actor, effect);
	actor_runs(world, &actor, 1, 1);
	world_sleep(world, 16000);
	ck_assert_int_eq(remove_node("n1", reason), 204);
	ck_assert_int_eq(actor_join(world, &actor), 201);
	ck_assert(actor_hello(world, &actor));
	effect = actor_orders(world, &actor);
	ck_assert_ptr_nonnull(effect);
	ck_assert(effect->orders.full);
	ck_assert_uint_gt(effect->orders.sequence, before);
	actor_accept(world, &actor, effect);
}
END_TEST

START_TEST(rows_follow_when_a_node_in_the_middle_goes)
{
	struct actor others[5];
	char reason[384];
	unsigned i;

	world_start(world);
	for (i = 0; i < 5; i++) {
		char name[NAME_SIZE];

		(void)snprintf(name, sizeof(name), "m%u", i);
		others[i] = actor_new(name, 10 + i, 1000 * (i + 1), GIB);
		actor_up(world, &others[i]);
	}
	ck_assert_int_eq(submit(world, 1, "\"Cpu\":5,\"Job\":\"j\""), 201);
	ck_assert_str_eq(get(world, 1).node, "m4");
	ck_assert_int_eq(remove_node("m1", reason), 204);
	/* m4 has m1's row now, with its own load. */
	ck_assert_int_eq(submit(world, 2, "\"Cpu\":5,\"Job\":\"j\""), 201);
	ck_assert_int_eq(get(world, 2).state, TASK_PENDING);
	ck_assert_int_eq(submit(world, 3, "\"Cpu\":4"), 201);
	ck_assert_str_eq(get(world, 3).node, "m3");
	(void)actor_obey(world, &others[4]);
	actor_ends(world, &others[4], 1, 1, 0);
	ck_assert_str_eq(get(world, 2).node, "m4");
	ck_assert_int_eq(view_of(world, "m4").allocated_mcpu, 5000);
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("manager nodes");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_worker_that_joins_is_durable_and_told_the_cluster);
	tcase_add_test(tests, a_join_that_makes_no_sense_is_refused);
	tcase_add_test(tests, a_live_workers_name_is_its_own);
	tcase_add_test(tests, the_same_worker_at_a_new_address_is_an_update);
	tcase_add_test(tests, silence_for_half_the_time_out_keeps_new_tasks_away);
	tcase_add_test(tests, a_worker_that_is_gone_is_asked_again_until_it_is_back);
	tcase_add_test(tests, after_a_start_nothing_is_placed_before_contact);
	tcase_add_test(tests, a_runtime_that_is_not_ready_gets_nothing_new);
	tcase_add_test(tests, stats_are_asked_for_when_they_are_old);
	tcase_add_test(tests, heartbeats_write_nothing);
	tcase_add_test(tests, another_instance_takes_a_dead_name_but_not_its_tasks);
	tcase_add_test(tests, another_instance_that_answers_is_begun_with_anew);
	tcase_add_test(tests, a_worker_that_answers_polls_at_once_is_not_asked_in_a_circle);
	tcase_add_test(tests, a_listed_worker_gets_its_name_when_it_answers);
	tcase_add_test(tests, a_listed_worker_that_has_joined_too_is_one_node);
	tcase_add_test(tests, a_wrong_list_of_workers_is_refused_at_start);
	tcase_add_test(tests, another_worker_at_the_address_is_noticed);
	tcase_add_test(tests, something_else_at_the_address_costs_no_task);
	tcase_add_test(tests, a_node_with_tasks_stays_until_it_is_silent);
	tcase_add_test(tests, a_node_that_was_removed_and_comes_back_gets_newer_orders);
	tcase_add_test(tests, rows_follow_when_a_node_in_the_middle_goes);
	suite_add_tcase(made, tests);
	return made;
}

CHECK_MAIN(suite)
