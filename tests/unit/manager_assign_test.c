/* tests/unit/manager_assign_test.c - orders to workers: durable before they leave, repaired
 * when lost, whole at first contact, and never another cluster's business. */
#include "manager_cast.h"

#include "check_main.h"

static struct world *world;
static struct actor actor;

static void
setup(void)
{
	world = world_new();
	actor = actor_new("n1", 1, 100000, 100 * GIB);
}

static void
teardown(void)
{
	world_free(world);
}

static void
start_up(void)
{
	world_start(world);
	actor_up(world, &actor);
}

START_TEST(the_first_orders_are_full_and_claim_the_worker)
{
	struct manager_effect *orders;

	world_start(world);
	ck_assert_int_eq(actor_join(world, &actor), 201);
	ck_assert(actor_hello(world, &actor));
	orders = actor_orders(world, &actor);
	ck_assert(orders->orders.full);
	ck_assert_uint_eq(orders->orders.count, 0);
	ck_assert_str_eq(orders->orders.cluster, CLUSTER_1);
	ck_assert_str_eq(orders->orders.worker, actor.info.instance);
	ck_assert_uint_eq(orders->orders.generation, 1);
	ck_assert_uint_eq(orders->orders.sequence, 1);
	ck_assert_str_eq(orders->api, "http://10.0.0.1:5556");
	/* Until it has taken them nothing is placed there, and it is not polled. */
	ck_assert_int_eq(submit(world, 1, ""), 201);
	ck_assert_int_eq(get(world, 1).state, TASK_PENDING);
	ck_assert_str_eq(get(world, 1).reason, "no node is ready: 1 joining");
	ck_assert_ptr_null(world_take(world, MANAGER_EFFECT_POLL, actor.contact));
	actor_accept(world, &actor, orders);
	ck_assert_int_eq(get(world, 1).state, TASK_SCHEDULED);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_READY);
	orders = actor_orders(world, &actor);
	ck_assert(!orders->orders.full);
	ck_assert_uint_eq(orders->orders.count, 1);
	ck_assert_uint_eq(orders->orders.sequence, 2);
	effect_free(orders);
}
END_TEST

START_TEST(orders_leave_only_when_what_they_say_is_durable)
{
	struct manager_effect *orders;

	start_up();
	world->auto_commit = false;
	ck_assert_int_eq(submit(world, 1, ""), 0);
	ck_assert_ptr_null(actor_orders(world, &actor));
	world_commit(world);
	orders = actor_orders(world, &actor);
	ck_assert_ptr_nonnull(orders);
	ck_assert_ptr_nonnull(strstr(world_stored(world, "meta/generation"), "1"));
	effect_free(orders);
}
END_TEST

START_TEST(one_request_is_under_way_and_the_rest_follows_together)
{
	struct manager_effect *orders;

	start_up();
	ck_assert_int_eq(submit(world, 1, ""), 201);
	orders = actor_orders(world, &actor);
	ck_assert_uint_eq(orders->orders.count, 1);
	ck_assert_int_eq(submit_many(world, 2, 5, ""), 201);
	ck_assert_int_eq(submit(world, 9, ""), 201);
	ck_assert_ptr_null(actor_orders(world, &actor));
	actor_accept(world, &actor, orders);
	orders = actor_orders(world, &actor);
	ck_assert_uint_eq(orders->orders.count, 6);
	actor_accept(world, &actor, orders);
	ck_assert_ptr_null(actor_orders(world, &actor));
}
END_TEST

START_TEST(a_lost_answer_is_repaired_by_sending_again)
{
	struct manager_effect *orders;

	start_up();
	ck_assert_int_eq(submit(world, 1, ""), 201);
	ck_assert(actor_fails(world, &actor, MANAGER_EFFECT_ORDERS));
	ck_assert_ptr_null(actor_orders(world, &actor)); /* not in a loop */
	ck_assert_int_eq(submit(world, 2, ""), 201);
	world_sleep(world, 400);
	orders = actor_orders(world, &actor);
	ck_assert_ptr_nonnull(orders);
	ck_assert_uint_eq(orders->orders.count, 2);
	ck_assert_str_eq(orders->orders.items[0].task_id, task_id(1));
	ck_assert_uint_gt(orders->orders.sequence, 2);
	actor_accept(world, &actor, orders);
	world_sleep(world, 400);
	ck_assert_ptr_null(actor_orders(world, &actor));
}
END_TEST

START_TEST(lost_full_orders_are_full_again)
{
	struct manager_effect *orders;

	world_start(world);
	ck_assert_int_eq(actor_join(world, &actor), 201);
	ck_assert(actor_hello(world, &actor));
	ck_assert(actor_fails(world, &actor, MANAGER_EFFECT_ORDERS));
	world_sleep(world, 400);
	orders = actor_orders(world, &actor);
	ck_assert_ptr_nonnull(orders);
	ck_assert(orders->orders.full);
	effect_free(orders);
}
END_TEST

START_TEST(a_worker_whose_journal_fails_is_not_lost)
{
	struct manager_effect *orders;
	struct manager_message *message;
	int seconds;

	start_up();
	ck_assert_int_eq(submit(world, 1, ""), 201);
	(void)actor_obey(world, &actor);
	actor_runs(world, &actor, 1, 1);
	world_crash(world);
	ck_assert(actor_hello(world, &actor));
	for (seconds = 0; seconds < 60; seconds++) {
		orders = actor_orders(world, &actor);
		if (orders != NULL) {
			message = answer(world, MANAGER_ORDERS_DONE, actor.contact, 503);
			effect_free(orders);
			world_step(world, message);
		}
		(void)actor_hello(world, &actor);
		world_sleep(world, 1000);
	}
	ck_assert_int_eq(get(world, 1).state, TASK_RUNNING);
	ck_assert_int_ne(view_of(world, "n1").status, NODE_LOST);
}
END_TEST

START_TEST(a_worker_that_starts_again_is_told_its_whole_set)
{
	struct manager_effect *orders;

	start_up();
	ck_assert(actor_tell(world, &actor, true, NULL, 0));
	ck_assert_ptr_null(actor_orders(world, &actor));
	actor.revision.epoch++;
	ck_assert(actor_tell(world, &actor, true, NULL, 0));
	orders = actor_orders(world, &actor);
	ck_assert_ptr_nonnull(orders);
	ck_assert(orders->orders.full);
	effect_free(orders);
}
END_TEST

START_TEST(failures_are_retried_ever_more_slowly_up_to_five_seconds)
{
	uint64_t last_ms;
	uint64_t gap_ms = 0;
	unsigned i;

	start_up();
	ck_assert_int_eq(submit(world, 1, ""), 201);
	last_ms = world->now.mono_ms;
	for (i = 0; i < 8; i++) {
		ck_assert(actor_fails(world, &actor, MANAGER_EFFECT_ORDERS));
		while (world->out_count == 0 ||
		       world->out[world->out_count - 1]->kind != MANAGER_EFFECT_ORDERS) {
			world_sleep(world, 10);
			ck_assert_uint_lt(world->now.mono_ms - last_ms, 7000);
		}
		gap_ms = world->now.mono_ms - last_ms;
		last_ms = world->now.mono_ms;
		if (i == 0) {
			ck_assert_uint_ge(gap_ms, 187);
			ck_assert_uint_le(gap_ms, 330);
		}
	}
	ck_assert_uint_ge(gap_ms, 3750);
	ck_assert_uint_le(gap_ms, 6260);
}
END_TEST

START_TEST(a_worker_that_does_not_answer_holds_up_no_other)
{
	struct actor other = actor_new("n2", 2, 100000, 100 * GIB);
	unsigned i;

	start_up();
	actor_up(world, &other);
	/* n1's requests are under way for ever. */
	for (i = 1; i <= 20; i++) {
		ck_assert_int_eq(submit(world, i, ""), 201);
		(void)actor_obey(world, &other);
	}
	ck_assert_uint_eq(view_of(world, "n2").task_count, 10);
	for (i = 1; i <= 20; i++) {
		if (strcmp(get(world, i).node, "n2") == 0) {
			actor_runs(world, &other, i, 1);
			ck_assert_int_eq(get(world, i).state, TASK_RUNNING);
		}
	}
	ck_assert_uint_eq(count_state(world, TASK_RUNNING), 10);
}
END_TEST

START_TEST(generations_grow_and_are_durable_before_any_order)
{
	struct manager_effect *orders;

	start_up();
	ck_assert_str_eq(world_stored(world, "meta/generation"), "1");
	world->auto_commit = false;
	world_crash(world);
	ck_assert(actor_hello(world, &actor)); /* asks may leave at once */
	ck_assert_ptr_null(actor_orders(world, &actor));
	ck_assert_str_eq(world_stored(world, "meta/generation"), "1");
	world_commit(world);
	ck_assert_str_eq(world_stored(world, "meta/generation"), "2");
	orders = actor_orders(world, &actor);
	ck_assert_uint_eq(orders->orders.generation, 2);
	ck_assert_uint_eq(orders->orders.sequence, 1);
	effect_free(orders);
}
END_TEST

START_TEST(a_manager_on_an_empty_store_stops_nothing)
{
	/* The worker was claimed by cluster 1; this manager is new, and so cluster 2. */
	memcpy(world->config.new_cluster, CLUSTER_2, ID_SIZE);
	world->config.workers = (const char *const[]){"10.0.0.1:5556", NULL};
	world_start(world);
	memcpy(actor.info.cluster, CLUSTER_1, ID_SIZE);
	ck_assert(actor_hello(world, &actor));
	world_sleep(world, 14000);
	ck_assert_ptr_null(actor_orders(world, &actor));
	ck_assert_int_eq(view_of(world, "10.0.0.1-5556").status, NODE_JOINING);
	ck_assert_ptr_nonnull(strstr(view_of(world, "10.0.0.1-5556").reason, CLUSTER_1));
	ck_assert_ptr_nonnull(strstr(world->log, "node.refused"));
	/* It asks again now and then, says nothing new, and orders nothing. */
	world_sleep(world, 2000);
	ck_assert(actor_hello(world, &actor));
	ck_assert_ptr_null(actor_orders(world, &actor));
	ck_assert_ptr_null(strstr(strstr(world->log, "node.refused") + 1, "node.refused"));
	/* A worker that joins by itself is told what to do. */
	ck_assert_int_eq(actor_join(world, &actor), 409);
}
END_TEST

START_TEST(a_worker_that_refuses_orders_is_not_ready_and_keeps_its_tasks)
{
	struct manager_effect *orders;
	struct manager_message *message;

	start_up();
	ck_assert_int_eq(submit(world, 1, ""), 201);
	(void)actor_obey(world, &actor);
	actor_runs(world, &actor, 1, 1);
	ck_assert_int_eq(submit(world, 2, ""), 201);
	orders = actor_orders(world, &actor);
	message = answer(world, MANAGER_ORDERS_DONE, actor.contact, 409);
	(void)snprintf(message->reason, sizeof(message->reason), "a newer generation leads");
	effect_free(orders);
	world_step(world, message);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_JOINING);
	ck_assert_ptr_nonnull(strstr(view_of(world, "n1").reason, "a newer generation leads"));
	ck_assert_int_eq(get(world, 1).state, TASK_RUNNING);
	ck_assert_int_eq(get(world, 2).state, TASK_SCHEDULED);
	ck_assert_int_eq(submit(world, 3, ""), 201);
	ck_assert_int_eq(get(world, 3).state, TASK_PENDING);
	world_sleep(world, 14000);
	ck_assert(!actor_hello(world, &actor));
	world_sleep(world, 1500);
	ck_assert(actor_hello(world, &actor));
	orders = actor_orders(world, &actor);
	ck_assert(orders->orders.full);
	ck_assert_uint_eq(orders->orders.count, 2);
	actor_accept(world, &actor, orders);
	ck_assert_int_eq(view_of(world, "n1").status, NODE_READY);
	ck_assert_int_eq(get(world, 3).state, TASK_SCHEDULED);
}
END_TEST

START_TEST(many_changes_go_in_portions)
{
	struct manager_effect *orders;
	size_t items = 0;
	unsigned requests = 0;
	uint64_t sequence = 0;

	start_up();
	ck_assert_int_eq(submit_many(world, 1, 2500, ""), 201);
	world_settle(world);
	while ((orders = actor_orders(world, &actor)) != NULL) {
		ck_assert_uint_le(orders->orders.count, 1000);
		ck_assert_uint_gt(orders->orders.sequence, sequence);
		sequence = orders->orders.sequence;
		items += orders->orders.count;
		requests++;
		actor_accept(world, &actor, orders);
	}
	ck_assert_uint_eq(items, 2500);
	ck_assert_uint_eq(requests, 3);
}
END_TEST

/* Members of a task that is as large as one may be: close to 1 MiB. Static. */
static const char *
large_members(void)
{
	static char text[1 << 20];
	size_t used = (size_t)snprintf(text, sizeof(text), "\"Env\":[\"A=\"");
	unsigned i;

	for (i = 0; i < 16; i++) {
		used += (size_t)snprintf(text + used, sizeof(text) - used, ",\"B%u=", i);
		memset(text + used, 'x', 60000);
		used += 60000;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "\"");
	}
	(void)snprintf(text + used, sizeof(text) - used, "]");
	return text;
}

static size_t
spec_bytes(const struct manager_effect *effect, size_t *specs)
{
	size_t bytes = 0;
	size_t i;

	for (i = 0; i < effect->orders.count; i++) {
		if (effect->orders.items[i].spec == NULL)
			continue;
		bytes += effect->orders.items[i].spec->json_size;
		++*specs;
	}
	return bytes;
}

START_TEST(large_changes_go_in_portions_too)
{
	struct manager_effect *orders;
	size_t specs = 0;
	unsigned requests = 0;

	start_up();
	ck_assert_int_eq(submit_many(world, 1, 20, large_members()), 201);
	while ((orders = actor_orders(world, &actor)) != NULL) {
		ck_assert_uint_le(spec_bytes(orders, &specs), 8 << 20);
		requests++;
		actor_accept(world, &actor, orders);
	}
	ck_assert_uint_eq(specs, 20);
	ck_assert_uint_eq(requests, 3);
}
END_TEST

START_TEST(a_full_set_names_all_and_what_does_not_fit_follows)
{
	struct manager_effect *orders;
	size_t specs = 0;

	start_up();
	ck_assert_int_eq(submit_many(world, 1, 20, large_members()), 201);
	world_crash(world);
	ck_assert(actor_hello(world, &actor));
	orders = actor_orders(world, &actor);
	ck_assert(orders->orders.full);
	ck_assert_uint_eq(orders->orders.count, 20);
	ck_assert_uint_le(spec_bytes(orders, &specs), 8 << 20);
	ck_assert_uint_gt(specs, 0);
	actor_accept(world, &actor, orders);
	while ((orders = actor_orders(world, &actor)) != NULL) {
		ck_assert(!orders->orders.full);
		ck_assert_uint_le(spec_bytes(orders, &specs), 8 << 20);
		actor_accept(world, &actor, orders);
	}
	ck_assert_uint_eq(specs, 20);
	/* What only follows is not missing from a full answer given before it. */
	ck_assert_uint_eq(count_state(world, TASK_SCHEDULED), 20);
}
END_TEST

START_TEST(of_a_running_task_a_large_full_set_needs_the_name_alone)
{
	struct manager_effect *orders;
	size_t specs = 0;
	unsigned i;

	start_up();
	ck_assert_int_eq(submit_many(world, 1, 20, large_members()), 201);
	(void)actor_obey(world, &actor);
	for (i = 1; i <= 20; i++)
		actor_runs(world, &actor, i, 1);
	world_crash(world);
	ck_assert(actor_hello(world, &actor));
	orders = actor_orders(world, &actor);
	ck_assert_uint_eq(orders->orders.count, 20);
	ck_assert_uint_le(spec_bytes(orders, &specs), 8 << 20);
	actor_accept(world, &actor, orders);
	ck_assert_ptr_null(actor_orders(world, &actor));
	ck_assert_uint_eq(count_state(world, TASK_RUNNING), 20);
}
END_TEST

START_TEST(a_worker_of_the_book_gets_single_orders_and_is_polled)
{
	struct manager_effect *effect;

	world->config.workers = (const char *const[]){"10.0.0.1:5556", NULL};
	world_start(world);
	actor.book = true;
	actor.info.name[0] = '\0';
	actor.info.instance[0] = '\0';
	actor.info.mcpu = 0; /* it does not tell */
	actor.info.revision = 0;
	ck_assert(actor_hello(world, &actor));
	ck_assert_int_eq(view_of(world, "10.0.0.1-5556").status, NODE_READY);
	ck_assert_int_eq(submit(world, 1, "\"Cpu\":64"), 201);
	ck_assert_int_eq(get(world, 1).state, TASK_SCHEDULED);
	/* First it says what it has. */
	ck_assert_ptr_null(actor_orders(world, &actor));
	ck_assert(actor_tell(world, &actor, false, NULL, 0));
	effect = actor_orders(world, &actor);
	ck_assert(effect->book);
	ck_assert(!effect->orders.full);
	ck_assert_uint_eq(effect->orders.count, 1);
	actor_accept(world, &actor, effect);
	ck_assert_ptr_null(world_take(world, MANAGER_EFFECT_POLL, actor.contact));
	world_sleep(world, 5000);
	{
		/* It counts no attempts as we do. */
		struct report report = report_of(1, TASK_RUNNING, 7);

		ck_assert(actor_tell(world, &actor, false, &report, 1));
	}
	ck_assert_int_eq(get(world, 1).state, TASK_RUNNING);
	ck_assert_uint_eq(get(world, 1).attempt, 1);
	/* After a restart of ours it is not started again. */
	world_crash(world);
	ck_assert(actor_hello(world, &actor));
	{
		struct report report = report_of(1, TASK_RUNNING, 7);

		ck_assert(actor_tell(world, &actor, false, &report, 1));
	}
	ck_assert_ptr_null(actor_orders(world, &actor));
	ck_assert_int_eq(stop(world, 1), 204);
	effect = actor_orders(world, &actor);
	ck_assert_int_eq(effect->orders.items[0].wanted, TASK_WANTED_STOP);
	effect_free(effect);
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("manager assign");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, the_first_orders_are_full_and_claim_the_worker);
	tcase_add_test(tests, orders_leave_only_when_what_they_say_is_durable);
	tcase_add_test(tests, one_request_is_under_way_and_the_rest_follows_together);
	tcase_add_test(tests, a_lost_answer_is_repaired_by_sending_again);
	tcase_add_test(tests, lost_full_orders_are_full_again);
	tcase_add_test(tests, a_worker_whose_journal_fails_is_not_lost);
	tcase_add_test(tests, a_worker_that_starts_again_is_told_its_whole_set);
	tcase_add_test(tests, failures_are_retried_ever_more_slowly_up_to_five_seconds);
	tcase_add_test(tests, a_worker_that_does_not_answer_holds_up_no_other);
	tcase_add_test(tests, generations_grow_and_are_durable_before_any_order);
	tcase_add_test(tests, a_manager_on_an_empty_store_stops_nothing);
	tcase_add_test(tests, a_worker_that_refuses_orders_is_not_ready_and_keeps_its_tasks);
	tcase_add_test(tests, many_changes_go_in_portions);
	tcase_add_test(tests, large_changes_go_in_portions_too);
	tcase_add_test(tests, a_full_set_names_all_and_what_does_not_fit_follows);
	tcase_add_test(tests, of_a_running_task_a_large_full_set_needs_the_name_alone);
	tcase_add_test(tests, a_worker_of_the_book_gets_single_orders_and_is_polled);
	suite_add_tcase(made, tests);
	return made;
}

CHECK_MAIN(suite)
