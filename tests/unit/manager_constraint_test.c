/* tests/unit/manager_constraint_test.c - constraints, MaxPerNode, host ports and priority
 * in the manager: where tasks go, why they wait, and what wakes them. */
#include "manager_cast.h"

#include "base/random.h"
#include "check_main.h"

#define ACTORS 3
#define EU     "\"Constraints\":[\"zone==eu\"]"

static struct world *world;
static struct actor actors[ACTORS];

static void
set_label(struct actor *actor, const char *key, const char *value)
{
	const struct task_label label = {key, value};

	node_labels_put(actor->info.labels);
	actor->info.labels = node_labels_new(&label, 1);
	ck_assert_ptr_nonnull(actor->info.labels);
}

/* n0 is in eu, n1 in us, n2 nowhere. */
static void
setup(void)
{
	char name[NAME_SIZE];
	unsigned i;

	world = world_new();
	world_start(world);
	for (i = 0; i < ACTORS; i++) {
		(void)snprintf(name, sizeof(name), "n%u", i);
		actors[i] = actor_new(name, i + 1, 4000, 4 * GIB);
		(void)snprintf(actors[i].info.arch, sizeof(actors[i].info.arch), "%s",
			       i == 2 ? "arm64" : "amd64");
	}
	set_label(&actors[0], "zone", "eu");
	set_label(&actors[1], "zone", "us");
}

static void
teardown(void)
{
	unsigned i;

	for (i = 0; i < ACTORS; i++)
		node_info_release(&actors[i].info);
	world_free(world);
}

static void
up(unsigned count)
{
	unsigned i;

	for (i = 0; i < count; i++)
		actor_up(world, &actors[i]);
}

/* The worker tells by its poll that it has described itself anew, and is asked. */
static void
describes_itself(struct actor *actor)
{
	actor->info.revision++;
	(void)actor_obey(world, actor);
	ck_assert(actor_tell(world, actor, false, NULL, 0));
	ck_assert(actor_hello(world, actor));
}

static void
is_on(unsigned n, const char *node)
{
	struct task_status status = get(world, n);

	ck_assert_msg(status.state == TASK_SCHEDULED || status.state == TASK_RUNNING,
		      "task %u is %s: %s", n, task_state_name(status.state), status.reason);
	ck_assert_str_eq(status.node, node);
}

static void
waits_as(unsigned n, const char *reason)
{
	struct task_status status = get(world, n);

	ck_assert_int_eq(status.state, TASK_PENDING);
	ck_assert_msg(strstr(status.reason, reason) != NULL, "no %s in: %s", reason,
		      status.reason);
}

static void
runs(struct actor *actor, unsigned n, uint32_t attempt)
{
	(void)actor_obey(world, actor);
	actor_runs(world, actor, n, attempt);
	is_on(n, actor->info.name);
}

static void
ends(struct actor *actor, unsigned n)
{
	(void)actor_obey(world, actor);
	actor_ends(world, actor, n, 1, 0);
}

/* ---- constraints ---- */

START_TEST(a_task_goes_where_its_constraints_hold)
{
	unsigned i;

	up(3);
	for (i = 1; i <= 5; i++) {
		ck_assert_int_eq(submit(world, i, EU), 201);
		is_on(i, "n0");
	}
	ck_assert_int_eq(submit(world, 11, "\"Constraints\":[\"node.arch==aarch64\"]"), 201);
	is_on(11, "n2");
	ck_assert_int_eq(submit(world, 12, "\"Constraints\":[\"node.name in (n1,n9)\"]"), 201);
	is_on(12, "n1");
	ck_assert_int_eq(submit(world, 13, "\"Constraints\":[\"zone!=us\",\"zone!=eu\"]"), 201);
	is_on(13, "n2");
	ck_assert_int_eq(submit(world, 14, "\"Constraints\":[\"exists zone\",\"zone!=eu\"]"),
			 201);
	is_on(14, "n1");
}
END_TEST

START_TEST(one_that_holds_nowhere_waits_and_is_named)
{
	up(1);
	ck_assert_int_eq(submit(world, 1, "\"Constraints\":[\"zone==asia\"]"), 201);
	waits_as(1, "zone is eu, wants asia");
	ck_assert_int_eq(submit(world, 2, "\"Constraints\":[\"zone==eu\",\"exists gpu\"]"),
			 201);
	waits_as(2, "gpu is not set, wants any");
	/* Nobody waits behind them. */
	ck_assert_int_eq(submit(world, 3, EU), 201);
	is_on(3, "n0");
	actor_up(world, &actors[1]);
	waits_as(1, "zone is ");
	ck_assert_int_eq(submit(world, 4, EU ",\"Cpu\":4"), 201);
	is_on(4, "n0");
	ck_assert_int_eq(submit(world, 5, EU ",\"Cpu\":1"), 201);
	waits_as(5,
		 "1 where a constraint does not hold (zone is us, wants eu), 1 without 1 core");
}
END_TEST

START_TEST(a_change_of_labels_wakes_what_waits_for_it)
{
	up(2);
	ck_assert_int_eq(submit(world, 1, "\"Constraints\":[\"zone==asia\"]"), 201);
	ck_assert_int_eq(submit(world, 2, "\"Constraints\":[\"node.version>=2\"]"), 201);
	waits_as(1, "wants asia");
	waits_as(2, "node.version is not set");
	set_label(&actors[1], "zone", "asia");
	describes_itself(&actors[1]);
	is_on(1, "n1");
	waits_as(2, "node.version is not set");
	(void)snprintf(actors[0].info.version, sizeof(actors[0].info.version), "2.1");
	describes_itself(&actors[0]);
	is_on(2, "n0");
	/* What was found out about a node before it changed is not used after. */
	ck_assert_int_eq(submit(world, 3, "\"Constraints\":[\"zone==us\"]"), 201);
	waits_as(3, "wants us");
}
END_TEST

START_TEST(what_runs_stays_when_labels_change)
{
	up(1);
	ck_assert_int_eq(submit(world, 1, EU), 201);
	runs(&actors[0], 1, 1);
	set_label(&actors[0], "zone", "us");
	describes_itself(&actors[0]);
	is_on(1, "n0");
	ck_assert_uint_eq(actor_obey(world, &actors[0]), 0);
	world_crash(world);
	ck_assert(actor_hello(world, &actors[0]));
	ck_assert_str_eq(get(world, 1).node, "n0");
	ck_assert_int_eq(get(world, 1).state, TASK_RUNNING);
}
END_TEST

START_TEST(a_restart_looks_at_constraints_again)
{
	struct actor *const all[] = {&actors[0], &actors[1]};

	up(2);
	ck_assert_int_eq(submit(world, 1, EU ",\"RestartPolicy\":\"always\""), 201);
	runs(&actors[0], 1, 1);
	actor_ends(world, &actors[0], 1, 1, 1);
	ck_assert_int_eq(get(world, 1).state, TASK_FAILED);
	set_label(&actors[0], "zone", "us");
	describes_itself(&actors[0]);
	actors_live(world, all, 2, 20000);
	/* Its room was kept, but it may not go there any more. */
	waits_as(1, "wants eu");
	ck_assert_uint_eq(view_of(world, "n0").task_count, 0);
	set_label(&actors[1], "zone", "eu");
	describes_itself(&actors[1]);
	is_on(1, "n1");
}
END_TEST

START_TEST(a_drain_moves_only_where_constraints_hold)
{
	struct actor *const all[] = {&actors[0], &actors[1], &actors[2]};
	struct manager_message *message;
	struct manager_effect *reply;

	up(3);
	ck_assert_int_eq(submit(world, 1, EU), 201);
	runs(&actors[0], 1, 1);
	message = world_message(world, MANAGER_NODE_DRAIN);
	(void)snprintf(message->node, sizeof(message->node), "n0");
	message->has_deadline = true;
	message->deadline_s = 600;
	reply = world_ask(world, message);
	ck_assert_int_eq(reply->status, 200);
	effect_free(reply);
	actors_live(world, all, 3, 5000);
	is_on(1, "n0");
	ck_assert_int_eq(get(world, 1).state, TASK_RUNNING);
	set_label(&actors[2], "zone", "eu");
	describes_itself(&actors[2]);
	actors_live(world, all, 3, 5000);
	/* It has been told to stop there: elsewhere it may go on. */
	ck_assert_ptr_nonnull(strstr(world->log, "task.displaced"));
}
END_TEST

START_TEST(labels_survive_a_restart_of_the_manager)
{
	up(2);
	world_crash(world);
	ck_assert_ptr_nonnull(strstr(world_stored(world, "node/n1"), "\"zone\":\"us\""));
	ck_assert_ptr_nonnull(strstr(world_stored(world, "node/n1"), "\"Arch\":\"amd64\""));
	ck_assert_int_eq(submit(world, 1, EU), 201);
	ck_assert(actor_hello(world, &actors[1]));
	(void)actor_obey(world, &actors[1]);
	waits_as(1, "zone is us, wants eu (not ready: 1 joining)");
	ck_assert(actor_hello(world, &actors[0]));
	(void)actor_obey(world, &actors[0]);
	is_on(1, "n0");
}
END_TEST

/* ---- MaxPerNode ---- */

/* Three of members on two nodes, one each: the third waits as reason says, until one ends. */
static void
check_limit(const char *members, const char *reason)
{
	struct task_status first;
	struct actor *actor;

	up(2);
	ck_assert_int_eq(submit_many(world, 1, 3, members), 201);
	first = get(world, 1);
	ck_assert_int_eq(first.state, TASK_SCHEDULED);
	ck_assert_int_eq(get(world, 2).state, TASK_SCHEDULED);
	ck_assert_str_ne(first.node, get(world, 2).node);
	waits_as(3, reason);
	/* One that is not limited so goes anywhere. */
	ck_assert_int_eq(submit(world, 9, ""), 201);
	ck_assert_int_eq(get(world, 9).state, TASK_SCHEDULED);
	waits_as(3, reason);
	/* What was placed counts after a start too. */
	world_crash(world);
	(void)actor_hello(world, &actors[0]);
	(void)actor_hello(world, &actors[1]);
	(void)actor_obey(world, &actors[0]);
	(void)actor_obey(world, &actors[1]);
	waits_as(3, reason);
	actor = strcmp(first.node, "n0") == 0 ? &actors[0] : &actors[1];
	runs(actor, 1, 1);
	ends(actor, 1);
	is_on(3, actor->info.name);
}

START_TEST(no_more_of_a_job_than_it_says)
{
	check_limit("\"Job\":\"shop\",\"MaxPerNode\":1",
		    "every ready node has 1 of job shop already");
}
END_TEST

START_TEST(no_more_of_a_name_than_it_says)
{
	check_limit("\"Name\":\"web\",\"MaxPerNode\":1",
		    "every ready node has 1 of name web already");
}
END_TEST

START_TEST(no_more_of_a_labels_value_than_it_says)
{
	check_limit(
		"\"Labels\":{\"tier\":\"web\"},\"MaxPerNode\":{\"Label\":\"tier\",\"Max\":1}",
		"every ready node has 1 of label tier=web already");
}
END_TEST

START_TEST(a_limit_counts_its_own_kind_only)
{
	static const char *const members[] = {
		"\"Name\":\"web\",\"MaxPerNode\":1",
		"\"Name\":\"shop\",\"Job\":\"web\",\"MaxPerNode\":1",
		"\"Job\":\"shop\",\"MaxPerNode\":1",
		"\"Labels\":{\"tier\":\"web\"},\"MaxPerNode\":{\"Label\":\"tier\",\"Max\":1}",
		"\"Labels\":{\"tier\":\"db\"},\"MaxPerNode\":{\"Label\":\"tier\",\"Max\":1}",
		"\"Labels\":{\"name\":\"web\"},\"MaxPerNode\":{\"Label\":\"name\",\"Max\":1}"};
	unsigned count = sizeof(members) / sizeof(members[0]);
	unsigned i;

	up(1);
	for (i = 0; i < count; i++) {
		ck_assert_int_eq(submit(world, 1 + i, members[i]), 201);
		is_on(1 + i, "n0");
	}
	for (i = 0; i < count; i++) {
		ck_assert_int_eq(submit(world, 100 + i, members[i]), 201);
		waits_as(100 + i, "every ready node has 1 of ");
	}
	/* Of one job, those that are not limited count as well. */
	ck_assert_int_eq(submit(world, 50, "\"Job\":\"mixed\""), 201);
	ck_assert_int_eq(submit(world, 51, "\"Job\":\"mixed\",\"MaxPerNode\":2"), 201);
	is_on(51, "n0");
	ck_assert_int_eq(submit(world, 52, "\"Job\":\"mixed\",\"MaxPerNode\":2"), 201);
	waits_as(52, "every ready node has 2 of job mixed already");
	/* And a limit of one is not that of another. */
	ck_assert_int_eq(submit(world, 53, "\"Job\":\"mixed\",\"MaxPerNode\":3"), 201);
	is_on(53, "n0");
}
END_TEST

/* Another of its job, which says no limit, came while it waited to start again. */
START_TEST(a_restart_looks_at_the_limit_again)
{
	struct actor *const all[] = {&actors[0], &actors[1]};

	up(1);
	ck_assert_int_eq(submit(world, 1,
				"\"Job\":\"shop\",\"MaxPerNode\":1,"
				"\"RestartPolicy\":\"always\""),
			 201);
	runs(&actors[0], 1, 1);
	actor_ends(world, &actors[0], 1, 1, 1);
	ck_assert_int_eq(submit(world, 2, "\"Job\":\"shop\""), 201);
	is_on(2, "n0");
	actors_live(world, all, 1, 20000);
	waits_as(1, "shop");
	actor_up(world, &actors[1]);
	is_on(1, "n1");
}
END_TEST

START_TEST(a_restart_within_its_limit_stays)
{
	struct actor *const all[] = {&actors[0], &actors[1]};

	up(2);
	ck_assert_int_eq(submit(world, 1,
				EU ",\"Name\":\"web\",\"MaxPerNode\":1,"
				   "\"RestartPolicy\":\"always\""),
			 201);
	runs(&actors[0], 1, 1);
	actor_ends(world, &actors[0], 1, 1, 1);
	actors_live(world, all, 2, 20000);
	is_on(1, "n0");
	ck_assert_uint_eq(get(world, 1).attempt, 2);
}
END_TEST

START_TEST(counts_follow_their_nodes_when_one_is_removed)
{
	struct manager_message *message;
	struct manager_effect *reply;

	up(3);
	ck_assert_int_eq(submit(world, 1,
				"\"Constraints\":[\"node.name==n2\"],\"Name\":\"web\","
				"\"MaxPerNode\":1"),
			 201);
	is_on(1, "n2");
	message = world_message(world, MANAGER_NODE_REMOVE);
	(void)snprintf(message->node, sizeof(message->node), "n0");
	reply = world_ask(world, message);
	ck_assert_int_eq(reply->status, 204);
	effect_free(reply);
	ck_assert_int_eq(submit_many(world, 2, 2, "\"Name\":\"web\",\"MaxPerNode\":1"), 201);
	is_on(2, "n1");
	waits_as(3, "every ready node has 1 of name web");
	actor_up(world, &actors[0]);
	is_on(3, "n0");
}
END_TEST

/* ---- host ports ---- */

START_TEST(two_tasks_never_share_a_host_port)
{
	struct random random;
	unsigned live[ACTORS][3] = {{0}};
	unsigned n = 0;
	unsigned round;

	random_seed(&random, 5);
	up(3);
	for (round = 0; round < 300; round++) {
		unsigned port = (unsigned)random_below(&random, 3);
		unsigned node = (unsigned)random_below(&random, ACTORS);
		char members[128];

		if (random_below(&random, 2) == 0 && live[node][port] != 0) {
			ck_assert_int_eq(stop(world, live[node][port]), 204);
			(void)actor_obey(world, &actors[node]);
			actor_ends(world, &actors[node], live[node][port], 1, 0);
			live[node][port] = 0;
		} else {
			struct task_status status;

			(void)snprintf(members, sizeof(members),
				       "\"PortBindings\":{\"80/tcp\":\"%u\"},\"Priority\":%u",
				       8000 + port, n % 101);
			ck_assert_int_eq(submit(world, ++n, members), 201);
			status = get(world, n);
			if (status.state == TASK_PENDING) {
				waits_as(n, "is taken on every ready node");
				ck_assert_int_eq(stop(world, n), 204);
				continue;
			}
			ck_assert_int_eq(status.state, TASK_SCHEDULED);
			node = (unsigned)(status.node[1] - '0');
			ck_assert_uint_eq(live[node][port], 0);
			live[node][port] = n;
		}
	}
	ck_assert_uint_gt(n, 100);
}
END_TEST

/* ---- priority ---- */

START_TEST(the_urgent_go_first_and_of_equals_the_oldest)
{
	static const unsigned order[] = {2, 4, 3, 1, 5};
	unsigned before = 10;
	unsigned i;

	up(1);
	ck_assert_int_eq(submit(world, before, "\"Cpu\":4"), 201);
	ck_assert_int_eq(submit(world, 1, "\"Cpu\":4"), 201);
	ck_assert_int_eq(submit(world, 2, "\"Cpu\":4,\"Priority\":100"), 201);
	ck_assert_int_eq(submit(world, 3, "\"Cpu\":4,\"Priority\":50"), 201);
	ck_assert_int_eq(submit(world, 4, "\"Cpu\":4,\"Priority\":100,\"Memory\":1"), 201);
	ck_assert_int_eq(submit(world, 5, "\"Cpu\":4,\"Priority\":0,\"Memory\":1"), 201);
	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		runs(&actors[0], before, 1);
		waits_as(order[i], "no ready node has 4 cores free");
		ends(&actors[0], before);
		is_on(order[i], "n0");
		before = order[i];
	}
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("manager constraints");
	TCase *tcase = tcase_create("all");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_task_goes_where_its_constraints_hold);
	tcase_add_test(tcase, one_that_holds_nowhere_waits_and_is_named);
	tcase_add_test(tcase, a_change_of_labels_wakes_what_waits_for_it);
	tcase_add_test(tcase, what_runs_stays_when_labels_change);
	tcase_add_test(tcase, a_restart_looks_at_constraints_again);
	tcase_add_test(tcase, a_drain_moves_only_where_constraints_hold);
	tcase_add_test(tcase, labels_survive_a_restart_of_the_manager);
	tcase_add_test(tcase, no_more_of_a_job_than_it_says);
	tcase_add_test(tcase, no_more_of_a_name_than_it_says);
	tcase_add_test(tcase, no_more_of_a_labels_value_than_it_says);
	tcase_add_test(tcase, a_limit_counts_its_own_kind_only);
	tcase_add_test(tcase, a_restart_looks_at_the_limit_again);
	tcase_add_test(tcase, a_restart_within_its_limit_stays);
	tcase_add_test(tcase, counts_follow_their_nodes_when_one_is_removed);
	tcase_add_test(tcase, two_tasks_never_share_a_host_port);
	tcase_add_test(tcase, the_urgent_go_first_and_of_equals_the_oldest);
	suite_add_tcase(made, tcase);
	return made;
}

CHECK_MAIN(suite)
