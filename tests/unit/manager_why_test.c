/* tests/unit/manager_why_test.c - what the manager answers to "why", of tasks in every state
 * and of tasks that are not submitted; and that asking changes nothing. */
#include "manager_cast.h"

#include "check_main.h"

static struct world *world;
static struct actor n0, n1, n2;

static void
setup(void)
{
	world = world_new();
	world_start(world);
	n0 = actor_new("n0", 1, 4000, GIB);
	n1 = actor_new("n1", 2, 4000, 2 * GIB);
	n2 = actor_new("n2", 3, 4000, 3 * GIB);
	actor_up(world, &n0);
	actor_up(world, &n1);
}

static void
teardown(void)
{
	node_info_release(&n0.info);
	node_info_release(&n1.info);
	node_info_release(&n2.info);
	world_free(world);
}

/* The reply to a question, which must be a good one with count answers; freed by the caller. */
static struct manager_effect *
asked(struct manager_message *message, size_t count)
{
	size_t writes = world->writes;
	struct manager_effect *reply = world_ask(world, message);

	ck_assert_ptr_nonnull(reply);
	ck_assert_msg(reply->status == 200, "%d: %s", reply->status, reply->message);
	ck_assert_uint_eq(reply->why_count, count);
	ck_assert_uint_eq(world->writes, writes);
	return reply;
}

static struct manager_effect *
why_of(unsigned n)
{
	return asked(about_task(world, MANAGER_WHY, n), 1);
}

static struct manager_message *
question(const struct task_request *requests, size_t count)
{
	struct manager_message *message = submit_message(world, requests, count);

	message->message.kind = (int)MANAGER_WHY;
	return message;
}

/* Of a task that is not submitted. */
static struct manager_effect *
why_new(unsigned n, const char *members)
{
	struct task_request request = run_request(n, members);

	return asked(question(&request, 1), 1);
}

static void
node_order(enum manager_message_kind kind, const char *node)
{
	struct manager_message *message = world_message(world, kind);
	struct manager_effect *reply;

	(void)snprintf(message->node, sizeof(message->node), "%s", node);
	reply = world_ask(world, message);
	ck_assert(reply != NULL && reply->status == 200);
	effect_free(reply);
}

/* ---- what is there ---- */

START_TEST(a_waiting_task_is_told_what_each_node_lacks_and_who_has_it)
{
	struct manager_effect *reply;
	const struct why *why;

	ck_assert_int_eq(submit(world, 1,
				"\"Name\":\"web\",\"ExposedPorts\":{\"80/tcp\":{}},"
				"\"PortBindings\":{\"80/tcp\":\"8080\"}"),
			 201);
	ck_assert_str_eq(get(world, 1).node, "n0");
	ck_assert_int_eq(submit(world, 2,
				"\"ExposedPorts\":{\"80/tcp\":{}},\"Memory\":"
				"1073741824,\"PortBindings\":{\"80/tcp\":\"8080\"},"
				"\"Constraints\":[\"node.name!=n1\"]"),
			 201);
	reply = why_of(2);
	why = &reply->whys[0];
	ck_assert_str_eq(why->task_id, task_id(2));
	ck_assert_int_eq(why->state, TASK_PENDING);
	ck_assert_str_eq(why->summary, get(world, 2).reason);
	ck_assert_uint_eq(why->nodes, 2);
	ck_assert_uint_eq(why->fits, 0);
	ck_assert_uint_eq(why->reason_count, 2);
	ck_assert_str_eq(why->reasons[0].word, "attribute");
	ck_assert_str_eq(why->reasons[0].nodes[0], "n1");
	ck_assert_str_eq(why->reasons[0].text, "node.name is n1, wants any but n1");
	ck_assert_str_eq(why->reasons[1].word, "port");
	ck_assert_str_eq(why->reasons[1].text, "host port 8080/tcp is taken by web");
	ck_assert_str_eq(why->unblock, "It would fit if it did not want node.name!=n1, or it "
				       "did not want host port 8080/tcp.");
	ck_assert_uint_eq(why->cost_count, 0);
	effect_free(reply);
}
END_TEST

START_TEST(a_label_of_any_length_is_no_end_of_the_manager)
{
	static char members[200000];
	static char key[65501];
	struct manager_effect *reply;

	memset(key, 'k', sizeof(key) - 1);
	(void)snprintf(
		members, sizeof(members),
		"\"ExposedPorts\":{\"80/tcp\":{}},\"PortBindings\":{\"80/tcp\":\"8080\"},"
		"\"Labels\":{\"%s\":\"v\"},\"MaxPerNode\":{\"Label\":\"%s\",\"Max\":1}",
		key, key);
	for (unsigned n = 1; n <= 3; n++)
		ck_assert_int_eq(submit(world, n, members), 201);
	/* Two things are missing on each node, and no single change is enough. */
	reply = why_new(4, members);
	ck_assert_uint_eq(reply->whys[0].fits, 0);
	ck_assert_uint_eq(reply->whys[0].change_count, 0);
	ck_assert_ptr_nonnull(strstr(reply->whys[0].unblock, "label kkkk"));
	effect_free(reply);
}
END_TEST

START_TEST(what_differs_from_node_to_node_is_said_of_three_and_that_there_are_more)
{
	static const char elsewhere[] = "\"Constraints\":[\"node.name==n9\"]";
	struct actor n3 = actor_new("n3", 4, 4000, GIB);
	struct manager_effect *reply;

	actor_up(world, &n2);
	reply = why_new(1, elsewhere);
	ck_assert_str_eq(reply->whys[0].reasons[0].text,
			 "wants n9; node.name is n0 on n0, n1 on n1, n2 on n2");
	effect_free(reply);
	actor_up(world, &n3);
	reply = why_new(1, elsewhere);
	ck_assert_uint_eq(reply->whys[0].reasons[0].count, 4);
	ck_assert_str_eq(reply->whys[0].reasons[0].text,
			 "wants n9; node.name is n0 on n0, n1 on n1, n2 on n2, ...");
	effect_free(reply);
	node_info_release(&n3.info);
}
END_TEST

START_TEST(a_placed_task_is_told_where_and_what_it_costs_with_its_room_given_back)
{
	struct manager_effect *reply;
	const struct why *why;

	/* All of the node: it would not fit beside itself. */
	ck_assert_int_eq(submit(world, 1,
				"\"Cpu\":4,\"MaxPerNode\":1,\"Job\":\"j\","
				"\"ExposedPorts\":{\"80/tcp\":{}},"
				"\"PortBindings\":{\"80/tcp\":\"80\"}"),
			 201);
	reply = why_of(1);
	why = &reply->whys[0];
	ck_assert_str_eq(why->summary, "it is placed on n0 and has not started yet");
	ck_assert_str_eq(why->node, "n0");
	ck_assert_uint_eq(why->fits, 2);
	ck_assert_str_eq(why->scheduler, "fewest");
	ck_assert_uint_eq(why->considered, 2);
	ck_assert_uint_eq(why->cost_count, 2);
	ck_assert_str_eq(why->costs[0].node, "n0");
	ck_assert_double_eq(why->costs[0].cost, 0);
	effect_free(reply);

	(void)actor_obey(world, &n0);
	actor_runs(world, &n0, 1, 1);
	reply = why_of(1);
	ck_assert_str_eq(reply->whys[0].summary, "it runs on n0");
	ck_assert_int_eq(reply->whys[0].state, TASK_RUNNING);
	effect_free(reply);
	/* What it holds is held as before. */
	ck_assert_int_eq(submit(world, 2, "\"Cpu\":1,\"Constraints\":[\"node.name==n0\"]"),
			 201);
	ck_assert_str_eq(get(world, 2).node, "");

	ck_assert_int_eq(stop(world, 1), 204);
	reply = why_of(1);
	ck_assert_str_eq(reply->whys[0].summary, "it is being stopped on n0");
	effect_free(reply);
}
END_TEST

START_TEST(asking_about_a_placed_task_wakes_nobody_who_waits)
{
	struct manager_effect *reply;
	unsigned i;

	ck_assert_int_eq(submit(world, 1, "\"Cpu\":4"), 201);
	ck_assert_int_eq(submit(world, 2, "\"Cpu\":4"), 201);
	ck_assert_int_eq(submit(world, 3, "\"Cpu\":4"), 201);
	for (i = 0; i < 3; i++) {
		reply = why_of(1);
		ck_assert_uint_eq(reply->whys[0].fits, 1);
		effect_free(reply);
		ck_assert_str_eq(get(world, 3).reason, "no ready node has 4 cores free");
		ck_assert_int_eq(view_of(world, "n0").allocated_mcpu, 4000);
	}
}
END_TEST

START_TEST(a_task_that_waits_to_restart_is_told_when_and_where)
{
	struct manager_effect *reply;

	ck_assert_int_eq(submit(world, 1, "\"Cpu\":4"), 201);
	(void)actor_obey(world, &n0);
	actor_runs(world, &n0, 1, 1);
	actor_ends(world, &n0, 1, 1, 3);
	reply = why_of(1);
	ck_assert_str_eq(reply->whys[0].summary,
			 "it starts again in 1 s on n0, where its room is kept: exit code 3");
	ck_assert_uint_eq(reply->whys[0].fits, 2);
	ck_assert_uint_eq(reply->whys[0].nodes, 2);
	effect_free(reply);
	/* The second time there, and it is to go elsewhere. */
	world_sleep(world, 1000);
	(void)actor_obey(world, &n0);
	actor_runs(world, &n0, 1, 2);
	actor_ends(world, &n0, 1, 2, 3);
	reply = why_of(1);
	ck_assert_str_eq(reply->whys[0].summary,
			 "it starts again in 2 s, elsewhere than on n0 if it can: "
			 "exit code 3");
	effect_free(reply);
}
END_TEST

START_TEST(a_task_that_has_ended_is_told_how)
{
	struct manager_effect *reply;

	ck_assert_int_eq(submit(world, 1, "\"RestartPolicy\":\"no\""), 201);
	(void)actor_obey(world, &n0);
	actor_runs(world, &n0, 1, 1);
	actor_ends(world, &n0, 1, 1, 3);
	reply = why_of(1);
	ck_assert_str_eq(reply->whys[0].summary, "it has failed: exit code 3");
	ck_assert_uint_eq(reply->whys[0].nodes, 0);
	effect_free(reply);

	ck_assert_int_eq(submit(world, 2, "\"Cpu\":99"), 201);
	ck_assert_int_eq(stop(world, 2), 204);
	reply = why_of(2);
	ck_assert_str_eq(reply->whys[0].summary, "it was stopped before it ran");
	effect_free(reply);
}
END_TEST

START_TEST(an_unknown_task_is_404)
{
	struct manager_effect *reply = world_ask(world, about_task(world, MANAGER_WHY, 9));

	ck_assert_int_eq(reply->status, 404);
	effect_free(reply);
}
END_TEST

START_TEST(what_the_store_has_not_taken_is_not_told)
{
	struct task_request same = run_request(1, "\"Cpu\":99");
	struct manager_effect *reply;

	world->auto_commit = false;
	ck_assert_int_eq(submit(world, 1, "\"Cpu\":99"), 0);
	world->fault = "disk full";
	reply = world_ask(world, about_task(world, MANAGER_WHY, 1));
	ck_assert_ptr_nonnull(reply);
	ck_assert_int_eq(reply->status, 503);
	effect_free(reply);
	reply = world_ask(world, question(&same, 1));
	ck_assert_ptr_nonnull(reply);
	ck_assert_int_eq(reply->status, 503);
	effect_free(reply);
	/* Of what nobody has submitted it is told also then. */
	effect_free(why_new(2, ""));
}
END_TEST

/* ---- nodes that take nothing ---- */

START_TEST(a_node_that_is_lost_and_cordoned_is_no_single_change)
{
	struct actor *others[] = {&n1};
	struct manager_effect *reply;

	actor_up(world, &n2);
	ck_assert_int_eq(submit(world, 1, "\"Memory\":2684354560"), 201); /* 2.5 GiB */
	ck_assert_str_eq(get(world, 1).node, "n2");
	node_order(MANAGER_NODE_CORDON, "n0");
	node_order(MANAGER_NODE_CORDON, "n1");
	actors_live(world, others, 1, 60000);
	/* n0 and n2 are silent; n1 is cordoned. */
	reply = why_new(2, "\"Memory\":1048576,\"Constraints\":[\"node.name==n0\"]");
	ck_assert_uint_eq(reply->whys[0].change_count, 0);
	ck_assert_msg(strstr(reply->whys[0].unblock, "is cordoned and ") != NULL ||
			      strstr(reply->whys[0].unblock, " and is cordoned") != NULL,
		      "%s", reply->whys[0].unblock);
	effect_free(reply);
	reply = why_new(2, "\"Memory\":1048576");
	ck_assert_uint_eq(reply->whys[0].nodes, 3);
	ck_assert_uint_eq(reply->whys[0].change_count, 2);
	ck_assert_str_eq(reply->whys[0].unblock, "It would fit if n2 were in contact again, or "
						 "n1 were uncordoned.");
	effect_free(reply);
}
END_TEST

/* ---- what is not submitted ---- */

START_TEST(a_task_that_would_fit_is_told_where_and_is_not_there)
{
	struct manager_effect *reply;

	ck_assert_int_eq(submit(world, 1, ""), 201);
	reply = why_new(2, "\"Name\":\"next\",\"Memory\":1048576");
	ck_assert_str_eq(reply->whys[0].name, "next");
	ck_assert_str_eq(reply->whys[0].node, "n1");
	ck_assert_str_eq(reply->whys[0].summary, "it would go to n1");
	ck_assert_double_eq(reply->whys[0].costs[0].cost, 0);
	ck_assert_double_eq(reply->whys[0].costs[1].cost, 1);
	effect_free(reply);
	reply = world_ask(world, about_task(world, MANAGER_GET, 2));
	ck_assert_int_eq(reply->status, 404);
	effect_free(reply);
	/* And it is right. */
	ck_assert_int_eq(submit(world, 2, "\"Memory\":1048576"), 201);
	ck_assert_str_eq(get(world, 2).node, "n1");
}
END_TEST

START_TEST(one_that_is_there_already_is_answered_as_it_is)
{
	struct task_request other = run_request(1, "\"Cpu\":2");
	struct manager_effect *reply;

	ck_assert_int_eq(submit(world, 1, "\"Cpu\":1"), 201);
	reply = why_new(1, "\"Cpu\":1");
	ck_assert_str_eq(reply->whys[0].summary, "it is placed on n0 and has not started yet");
	effect_free(reply);
	reply = world_ask(world, question(&other, 1));
	ck_assert_int_eq(reply->status, 409);
	effect_free(reply);
}
END_TEST

START_TEST(what_a_submit_would_refuse_is_refused)
{
	struct task_request twice[2] = {run_request(1, "\"Cpu\":1"),
					run_request(1, "\"Cpu\":2")};
	struct task_request stops[2] = {run_request(2, ""), stop_request(3)};
	struct manager_effect *reply = world_ask(world, question(twice, 2));

	ck_assert_int_eq(reply->status, 409);
	effect_free(reply);
	reply = world_ask(world, question(stops, 2));
	ck_assert_int_eq(reply->status, 400);
	effect_free(reply);
}
END_TEST

START_TEST(of_many_the_first_are_answered)
{
	static struct task_request many[600];
	struct manager_effect *reply;
	size_t i;

	for (i = 0; i < 600; i++)
		many[i] = run_request((unsigned)i + 1, i % 2 == 0 ? "" : "\"Cpu\":99");
	reply = asked(question(many, 600), 256);
	ck_assert_str_eq(reply->whys[255].name, "t256");
	ck_assert_uint_eq(reply->whys[254].fits, 2);
	ck_assert_uint_eq(reply->whys[255].fits, 0);
	effect_free(reply);
}
END_TEST

/* ---- schedulers ---- */

static int
no_score(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
	 const uint32_t *rows, uint32_t n, double *cost, struct cube_error *err)
{
	(void)self;
	(void)nodes;
	(void)rows;
	(void)n;
	(void)cost;
	return demand->mcpu == 1000 ? cube_fail(err, CUBE_ERR_INTERNAL, 0, "the moon is wrong")
				    : 0;
}

static int
last_pick(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
	  const uint32_t *rows, const double *cost, uint32_t n, uint32_t *winner,
	  struct cube_error *err)
{
	(void)self;
	(void)nodes;
	(void)demand;
	(void)rows;
	(void)cost;
	(void)err;
	*winner = n - 1;
	return 0;
}

static const struct cube_scheduler_ops no_ops = {.struct_size = sizeof(no_ops),
						 .open = fewest_open,
						 .close = fewest_close,
						 .score = no_score};
static const struct cube_scheduler_ops last_ops = {.struct_size = sizeof(last_ops),
						   .open = fewest_open,
						   .close = fewest_close,
						   .score = fewest_score,
						   .pick = last_pick};

static void
start_with(const struct cube_scheduler_ops *ops)
{
	world_free(world);
	world = world_new();
	world->config.scheduler_ops = ops;
	world->config.scheduler_name = "odd";
	world_start(world);
	actor_up(world, &n0);
	actor_up(world, &n1);
}

START_TEST(a_scheduler_that_fails_or_wants_no_node_is_named)
{
	struct manager_effect *reply;

	start_with(&no_ops);
	reply = why_new(1, "\"Cpu\":1");
	ck_assert_str_eq(reply->whys[0].summary, "the scheduler odd failed: the moon is wrong");
	ck_assert_uint_eq(reply->whys[0].fits, 2);
	ck_assert_str_eq(reply->whys[0].node, "");
	effect_free(reply);
	reply = why_new(1, "\"Cpu\":2");
	ck_assert_str_eq(reply->whys[0].summary,
			 "the scheduler odd wants it on none of the nodes it fits on");
	ck_assert_uint_eq(reply->whys[0].considered, 0);
	effect_free(reply);
	ck_assert_int_eq(submit(world, 2, "\"Cpu\":2"), 201);
	reply = why_of(2);
	ck_assert_str_eq(reply->whys[0].summary, get(world, 2).reason);
	ck_assert_str_eq(reply->whys[0].summary,
			 "the scheduler odd wants it on none of the nodes it fits on");
	effect_free(reply);
}
END_TEST

START_TEST(where_a_scheduler_that_picks_would_place_is_not_foretold)
{
	struct manager_effect *reply;

	start_with(&last_ops);
	reply = why_new(1, "");
	ck_assert_str_eq(reply->whys[0].node, "");
	ck_assert_str_eq(reply->whys[0].summary,
			 "it would be placed; odd picks the node when it is");
	ck_assert_uint_eq(reply->whys[0].considered, 2);
	effect_free(reply);
}
END_TEST

static Suite *
suite_make(void)
{
	Suite *suite = suite_create("manager_why");
	TCase *tests = tcase_create("why");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_waiting_task_is_told_what_each_node_lacks_and_who_has_it);
	tcase_add_test(tests,
		       what_differs_from_node_to_node_is_said_of_three_and_that_there_are_more);
	tcase_add_test(tests,
		       a_placed_task_is_told_where_and_what_it_costs_with_its_room_given_back);
	tcase_add_test(tests, asking_about_a_placed_task_wakes_nobody_who_waits);
	tcase_add_test(tests, a_task_that_waits_to_restart_is_told_when_and_where);
	tcase_add_test(tests, a_task_that_has_ended_is_told_how);
	tcase_add_test(tests, an_unknown_task_is_404);
	tcase_add_test(tests, what_the_store_has_not_taken_is_not_told);
	tcase_add_test(tests, a_node_that_is_lost_and_cordoned_is_no_single_change);
	tcase_add_test(tests, a_task_that_would_fit_is_told_where_and_is_not_there);
	tcase_add_test(tests, one_that_is_there_already_is_answered_as_it_is);
	tcase_add_test(tests, what_a_submit_would_refuse_is_refused);
	tcase_add_test(tests, of_many_the_first_are_answered);
	tcase_add_test(tests, a_scheduler_that_fails_or_wants_no_node_is_named);
	tcase_add_test(tests, a_label_of_any_length_is_no_end_of_the_manager);
	tcase_add_test(tests, where_a_scheduler_that_picks_would_place_is_not_foretold);
	suite_add_tcase(suite, tests);
	return suite;
}

CHECK_MAIN(suite_make)
