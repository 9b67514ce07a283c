/* tests/unit/manager_read_test.c - lists, gets and histories: pages, filters, nothing that
 * could still be lost. */
#include "manager_cast.h"

#include "check_main.h"

static struct world *world;

static void
setup(void)
{
	world = world_new();
	world_start(world);
}

static void
teardown(void)
{
	world_free(world);
}

/* The names of a list's tasks, as "t1 t2 +", with the plus if there are more. */
static const char *
list(struct manager_message *message)
{
	static char text[4096];
	struct manager_effect *reply = world_ask(world, message);
	size_t size = 0;
	size_t i;

	ck_assert_ptr_nonnull(reply);
	ck_assert_int_eq(reply->status, 200);
	text[0] = '\0';
	for (i = 0; i < reply->task_count; i++)
		size += (size_t)snprintf(text + size, sizeof(text) - size, "%s%s",
					 i > 0 ? " " : "", reply->tasks[i].spec->name);
	if (reply->more)
		(void)snprintf(text + size, sizeof(text) - size, " +");
	effect_free(reply);
	return text;
}

static struct manager_message *
list_message(size_t limit, uint64_t after)
{
	struct manager_message *message = world_message(world, MANAGER_LIST);

	message->filter.limit = limit;
	message->filter.after = after;
	return message;
}

START_TEST(pages_follow_the_order_of_submission)
{
	unsigned i;

	ck_assert_str_eq(list(list_message(10, 0)), "");
	for (i = 1; i <= 7; i++)
		ck_assert_int_eq(submit(world, i, ""), 201);
	ck_assert_str_eq(list(list_message(3, 0)), "t1 t2 t3 +");
	ck_assert_str_eq(list(list_message(3, 3)), "t4 t5 t6 +");
	ck_assert_str_eq(list(list_message(3, 6)), "t7");
	ck_assert_str_eq(list(list_message(7, 0)), "t1 t2 t3 t4 t5 t6 t7");
	ck_assert_str_eq(list(list_message(3, 99)), "");
}
END_TEST

/* 1,000 tasks, each of its own kind, that fit on none of 500 nodes. */
START_TEST(a_page_ends_where_reasons_become_too_much_work_and_the_rest_follows)
{
	struct actor actor;
	uint64_t after = 0;
	size_t pages = 0;
	bool more = true;
	unsigned i;

	for (i = 1; i <= 500; i++) {
		char name[NAME_SIZE];

		(void)snprintf(name, sizeof(name), "n%u", i);
		actor = actor_new(name, i, 1000, GIB);
		ck_assert_int_eq(actor_join(world, &actor), 201);
	}
	for (i = 1; i <= 1000; i++) {
		char members[64];

		(void)snprintf(members, sizeof(members), "\"Memory\":%u", i);
		ck_assert_int_eq(submit(world, i, members), 201);
	}
	world_settle(world);
	i = 0;
	while (more) {
		struct manager_effect *reply = world_ask(world, list_message(1000, after));

		for (size_t at = 0; at < reply->task_count; at++) {
			const struct task *task = &reply->tasks[at];

			ck_assert_str_eq(task->spec->id, task_id(++i));
			ck_assert_str_eq(task->status.reason, "no node is ready: 500 joining");
			after = task->status.sequence;
		}
		ck_assert_uint_gt(reply->task_count, 0);
		more = reply->more;
		pages++;
		effect_free(reply);
	}
	ck_assert_uint_eq(i, 1000);
	/* 400 kinds are looked at anew in a page. */
	ck_assert_uint_eq(pages, 3);
}
END_TEST

START_TEST(filters_all_hold)
{
	struct actor actor = actor_new("n1", 1, 1000, GIB);
	struct manager_message *message;

	ck_assert_int_eq(submit(world, 1, "\"Cpu\":1,\"Labels\":{\"tier\":\"web\"}"), 201);
	ck_assert_int_eq(submit(world, 2, "\"Cpu\":1,\"Labels\":{\"tier\":\"db\"}"), 201);
	ck_assert_int_eq(submit(world, 3, "\"Cpu\":1,\"Job\":\"j\""), 201);
	actor_up(world, &actor);
	message = list_message(10, 0);
	message->filter.states = 1u << TASK_SCHEDULED;
	ck_assert_str_eq(list(message), "t1");
	message = list_message(10, 0);
	message->filter.states = 1u << TASK_PENDING | 1u << TASK_SCHEDULED;
	ck_assert_str_eq(list(message), "t1 t2 t3");
	message = list_message(10, 0);
	(void)snprintf(message->filter.node, NAME_SIZE, "n1");
	ck_assert_str_eq(list(message), "t1");
	message = list_message(10, 0);
	(void)snprintf(message->filter.name, NAME_SIZE, "t2");
	ck_assert_str_eq(list(message), "t2");
	message = list_message(10, 0);
	(void)snprintf(message->filter.job, NAME_SIZE, "j");
	ck_assert_str_eq(list(message), "t3");
	message = list_message(10, 0);
	memcpy(message->filter.prefix, task_id(2), 8);
	ck_assert_str_eq(list(message), "t2");
	message = list_message(10, 0);
	message->filter.label_key = strdup("tier");
	ck_assert_str_eq(list(message), "t1 t2");
	message = list_message(10, 0);
	message->filter.label_key = strdup("tier");
	message->filter.label_value = strdup("db");
	ck_assert_str_eq(list(message), "t2");
	message = list_message(10, 0);
	message->filter.label_key = strdup("tier");
	(void)snprintf(message->filter.job, NAME_SIZE, "j");
	ck_assert_str_eq(list(message), "");
}
END_TEST

START_TEST(nothing_uncommitted_is_seen)
{
	struct manager_message *message;
	struct manager_effect *reply;
	void *token;

	world->auto_commit = false;
	ck_assert_int_eq(submit(world, 1, ""), 0);
	message = about_task(world, MANAGER_GET, 1);
	token = message->token;
	ck_assert_ptr_null(world_ask(world, message)); /* it waits */
	message = list_message(10, 0);
	ck_assert_ptr_null(world_ask(world, message));
	world_commit(world);
	/* Each in its turn: the submit, the get, the list. */
	effect_free(world_take(world, MANAGER_EFFECT_REPLY, 0));
	reply = world_take(world, MANAGER_EFFECT_REPLY, 0);
	ck_assert_ptr_eq(reply->token, token);
	ck_assert_int_eq(reply->status, 200);
	effect_free(reply);
}
END_TEST

START_TEST(while_the_store_fails_reads_go_on_without_what_could_be_lost)
{
	struct manager_effect *reply;

	ck_assert_int_eq(submit(world, 1, ""), 201);
	world->auto_commit = false;
	ck_assert_int_eq(submit(world, 2, ""), 0);
	world->fault = "disk full";
	ck_assert_str_eq(list(list_message(10, 0)), "t1");
	ck_assert_int_eq(get(world, 1).state, TASK_PENDING);
	reply = world_ask(world, about_task(world, MANAGER_GET, 2));
	ck_assert_int_eq(reply->status, 503);
	effect_free(reply);
	reply = world_ask(world, about_task(world, MANAGER_HISTORY, 2));
	ck_assert_int_eq(reply->status, 503);
	effect_free(reply);
	reply = world_ask(world, about_task(world, MANAGER_GET, 3));
	ck_assert_int_eq(reply->status, 404);
	effect_free(reply);
	effect_free(world_ask(world, world_message(world, MANAGER_NODES)));
	world->fault = NULL;
	world_commit(world);
	world->auto_commit = true;
	ck_assert_str_eq(list(list_message(10, 0)), "t1 t2");
}
END_TEST

START_TEST(a_history_tells_each_state_with_its_node_and_attempt)
{
	struct actor actor = actor_new("n1", 1, 1000, GIB);
	struct manager_effect *reply;

	ck_assert_int_eq(submit(world, 1, ""), 201);
	actor_up(world, &actor);
	(void)actor_obey(world, &actor);
	world->now.wall_ms += 1000;
	actor_runs(world, &actor, 1, 1);
	actor_ends(world, &actor, 1, 1, 3);
	reply = world_ask(world, about_task(world, MANAGER_HISTORY, 1));
	ck_assert_uint_eq(reply->history_count, 4);
	ck_assert_int_eq(reply->history[0].state, TASK_PENDING);
	ck_assert_int_eq(reply->history[1].state, TASK_SCHEDULED);
	ck_assert_uint_eq(reply->history[1].attempt, 1);
	ck_assert_str_eq(reply->history[1].node, "n1");
	ck_assert_int_eq(reply->history[2].state, TASK_RUNNING);
	ck_assert_int_eq(reply->history[2].time_ms, reply->history[0].time_ms + 1000);
	ck_assert_int_eq(reply->history[3].state, TASK_FAILED);
	ck_assert_str_eq(reply->history[3].reason, "exit code 3");
	effect_free(reply);
	reply = world_ask(world, about_task(world, MANAGER_HISTORY, 2));
	ck_assert_int_eq(reply->status, 404);
	effect_free(reply);
}
END_TEST

START_TEST(the_unknown_is_404)
{
	struct manager_message *message = world_message(world, MANAGER_NODE);
	struct manager_effect *reply = world_ask(world, about_task(world, MANAGER_GET, 1));

	ck_assert_int_eq(reply->status, 404);
	ck_assert_ptr_nonnull(strstr(reply->message, task_id(1)));
	effect_free(reply);
	(void)snprintf(message->node, sizeof(message->node), "n7");
	reply = world_ask(world, message);
	ck_assert_int_eq(reply->status, 404);
	ck_assert_ptr_nonnull(strstr(reply->message, "n7"));
	effect_free(reply);
}
END_TEST

START_TEST(every_request_gets_exactly_one_reply)
{
	static const enum manager_message_kind kinds[] = {
		MANAGER_SUBMIT,      MANAGER_STOP,  MANAGER_LIST, MANAGER_GET,
		MANAGER_HISTORY,     MANAGER_NODES, MANAGER_NODE, MANAGER_JOIN,
		MANAGER_NODE_REMOVE, MANAGER_EVENTS};
	unsigned round;
	size_t i;

	for (round = 0; round < 2; round++) {
		world->fault = round == 0 ? NULL : "disk full";
		for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
			struct manager_message *message = world_message(world, kinds[i]);
			void *token = message->token;
			struct manager_effect *reply;

			world_step(world, message);
			reply = world_take(world, MANAGER_EFFECT_REPLY, 0);
			ck_assert_ptr_nonnull(reply);
			ck_assert_ptr_eq(reply->token, token);
			effect_free(reply);
			ck_assert_ptr_null(world_take(world, MANAGER_EFFECT_REPLY, 0));
		}
	}
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("manager read");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, pages_follow_the_order_of_submission);
	tcase_add_test(tests,
		       a_page_ends_where_reasons_become_too_much_work_and_the_rest_follows);
	tcase_add_test(tests, filters_all_hold);
	tcase_add_test(tests, nothing_uncommitted_is_seen);
	tcase_add_test(tests, while_the_store_fails_reads_go_on_without_what_could_be_lost);
	tcase_add_test(tests, a_history_tells_each_state_with_its_node_and_attempt);
	tcase_add_test(tests, the_unknown_is_404);
	tcase_add_test(tests, every_request_gets_exactly_one_reply);
	suite_add_tcase(made, tests);
	return made;
}

CHECK_MAIN(suite)
