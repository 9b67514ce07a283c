/* tests/unit/manager_watch_test.c - who waits for events: woken by what happens, never before
 * it is durable, and told when what it asks for is gone. */
#include "manager_page.h"

#include "check_main.h"

static struct world *world;

static void
setup(void)
{
	world = world_new();
	world->config.events_max = 64;
	world_start(world);
}

static void
teardown(void)
{
	world_free(world);
}

/* Sends it and expects that it waits. */
static void
parks(struct manager_message *message)
{
	ck_assert_ptr_null(world_ask(world, message));
}

/* The first reply that was released since; "-" if none was. */
static const char *
released(void)
{
	return page_text(world_take(world, MANAGER_EFFECT_REPLY, 0));
}

START_TEST(a_page_shows_what_is_behind_a_number)
{
	struct manager_message *message;
	struct manager_effect *reply;

	ck_assert_str_eq(events_after(world, 0), "");
	ck_assert_int_eq(submit_many(world, 1, 5, ""), 201);
	ck_assert_str_eq(events_after(world, 5), "");
	ck_assert_str_eq(events_after(world, 4), "5 user t5 Pending");
	message = watch_message(world, 1, 5000);
	message->watch.limit = 2;
	reply = world_ask(world, message);
	ck_assert_uint_eq(reply->revision, 3);
	ck_assert(reply->more);
	ck_assert_str_eq(page_text(reply), "2 user t2 Pending, 3 user t3 Pending...");
}
END_TEST

START_TEST(from_now_on_begins_behind_the_newest)
{
	struct manager_effect *reply;

	ck_assert_int_eq(submit_many(world, 1, 5, ""), 201);
	reply = world_ask(world, watch_message(world, WATCH_FROM_NOW, 0));
	ck_assert_uint_eq(reply->revision, 5);
	ck_assert_str_eq(page_text(reply), "");
	parks(watch_message(world, WATCH_FROM_NOW, 5000));
	ck_assert_int_eq(submit(world, 6, ""), 201);
	ck_assert_str_eq(released(), "6 user t6 Pending");
}
END_TEST

START_TEST(a_watcher_waits_until_something_happened_and_is_durable)
{
	struct manager_message *message = watch_message(world, 0, 5000);
	void *token = message->token;
	struct manager_effect *reply;

	parks(message);
	world_wake(world);
	ck_assert_str_eq(released(), "-");
	world->auto_commit = false;
	ck_assert_int_eq(submit(world, 1, ""), 0);
	ck_assert_str_eq(released(), "-");
	world_commit(world);
	/* The submit's own answer, and the watcher's. */
	effect_free(world_take(world, MANAGER_EFFECT_REPLY, 0));
	reply = world_take(world, MANAGER_EFFECT_REPLY, 0);
	ck_assert_ptr_eq(reply->token, token);
	ck_assert_str_eq(page_text(reply), "1 user t1 Pending");
	ck_assert_str_eq(released(), "-");
}
END_TEST

START_TEST(a_watcher_never_saw_what_a_crash_undid)
{
	parks(watch_message(world, 0, 5000));
	world->auto_commit = false;
	ck_assert_int_eq(submit(world, 1, ""), 0);
	ck_assert_str_eq(released(), "-");
	world->auto_commit = true;
	world_crash(world);
	ck_assert_str_eq(released(), "-");
	ck_assert_str_eq(events_after(world, 0), "");
	ck_assert_int_eq(submit(world, 2, ""), 201);
	ck_assert_str_eq(events_after(world, 0), "1 user t2 Pending");
}
END_TEST

START_TEST(a_watcher_whose_time_is_over_gets_an_empty_page)
{
	struct manager_effect *reply;

	ck_assert_int_eq(submit(world, 1, ""), 201);
	parks(watch_message(world, 1, 5000));
	parks(watch_message(world, 1, 3000));
	ck_assert_uint_le(world->wake_ms, world->now.mono_ms + 3000);
	world_sleep(world, 2900);
	ck_assert_str_eq(released(), "-");
	world_sleep(world, 200);
	reply = world_take(world, MANAGER_EFFECT_REPLY, 0);
	ck_assert_uint_eq(reply->revision, 1);
	ck_assert_str_eq(page_text(reply), "");
	ck_assert_str_eq(released(), "-");
	world_sleep(world, 2000);
	ck_assert_str_eq(released(), "");
	ck_assert_str_eq(released(), "-");
}
END_TEST

START_TEST(while_the_store_fails_only_what_is_durable_is_shown)
{
	ck_assert_int_eq(submit(world, 1, ""), 201);
	world->auto_commit = false;
	ck_assert_int_eq(submit(world, 2, ""), 0);
	world->fault = "disk full";
	ck_assert_str_eq(events_after(world, 0), "1 user t1 Pending");
	ck_assert_str_eq(events_after(world, 1), "");
	parks(watch_message(world, 1, 5000));
	parks(watch_message(world, WATCH_FROM_NOW, 5000));
	world_wake(world);
	ck_assert_str_eq(released(), "-");
	world->fault = NULL;
	world_commit(world);
	effect_free(world_take(world, MANAGER_EFFECT_REPLY, 0)); /* the submit's */
	world->auto_commit = true;
	world_wake(world);
	ck_assert_str_eq(released(), "2 user t2 Pending");
	ck_assert_str_eq(released(), "2 user t2 Pending");
}
END_TEST

START_TEST(what_gathers_while_a_batch_commits_is_not_taken_for_durable)
{
	/* Two batches that are not durable: the store has the first, the second gathers. */
	world->auto_commit = false;
	ck_assert_int_eq(submit(world, 1, ""), 0);
	world->batch++;
	ck_assert_int_eq(submit(world, 2, ""), 0);
	world->fault = "slow";
	ck_assert_str_eq(events_after(world, 0), "");
	world->durable = world->batch - 1;
	ck_assert_str_eq(events_after(world, 0), "1 user t1 Pending");
	world->durable = world->batch;
	ck_assert_str_eq(events_after(world, 0), "1 user t1 Pending, 2 user t2 Pending");
	world->fault = NULL;
}
END_TEST

START_TEST(what_was_trimmed_or_never_was_is_410)
{
	struct manager_effect *reply;
	unsigned i;

	for (i = 0; i < 100; i++)
		ck_assert_int_eq(submit(world, 1 + i, ""), 201);
	reply = world_ask(world, watch_message(world, 1, 0));
	ck_assert_int_eq(reply->status, 410);
	ck_assert_ptr_nonnull(strstr(reply->message, "no longer kept"));
	effect_free(reply);
	reply = world_ask(world, watch_message(world, 101, 5000));
	ck_assert_int_eq(reply->status, 410);
	ck_assert_ptr_nonnull(strstr(reply->message, "the newest event is 100"));
	effect_free(reply);
	ck_assert_str_eq(events_after(world, 100), "");
	/* From the oldest kept, whichever that is. */
	reply = world_ask(world, watch_message(world, 0, 0));
	ck_assert_int_eq(reply->status, 200);
	ck_assert_uint_eq(reply->events[reply->event_count - 1]->revision, 100);
	ck_assert_uint_ge(reply->event_count, 56);
	/* The one just before it is the oldest place to go on from. */
	i = (unsigned)reply->events[0]->revision;
	effect_free(reply);
	reply = world_ask(world, watch_message(world, i - 1, 0));
	ck_assert_uint_eq(reply->events[0]->revision, i);
	effect_free(reply);
	ck_assert_int_eq(strncmp(events_after(world, i - 2), "410 ", 4), 0);
}
END_TEST

START_TEST(a_page_outlives_the_trimming_of_what_it_shows)
{
	struct manager_effect *reply;
	unsigned i;

	ck_assert_int_eq(submit(world, 1, ""), 201);
	reply = world_ask(world, watch_message(world, 0, 0));
	for (i = 0; i < 100; i++)
		ck_assert_int_eq(submit(world, 2 + i, ""), 201);
	ck_assert_str_eq(page_text(reply), "1 user t1 Pending");
}
END_TEST

START_TEST(filters_show_one_task_or_one_node)
{
	struct actor actor = actor_new("n1", 1, 4000, 8 * GIB);
	struct manager_message *message;

	ck_assert_int_eq(submit_many(world, 1, 2, ""), 201);
	actor_up(world, &actor);
	message = watch_message(world, 0, 0);
	memcpy(message->task_id, task_id(2), ID_SIZE);
	ck_assert_str_eq(page_text(world_ask(world, message)),
			 "2 user t2 Pending, 6 scheduler t2 Scheduled/1");
	message = watch_message(world, 2, 0);
	memcpy(message->node, "n1", 3);
	ck_assert_str_eq(page_text(world_ask(world, message)),
			 "3 worker n1 joined (http://10.0.0.1:5556), 4 worker n1 ready, "
			 "5 scheduler t1 Scheduled/1, 6 scheduler t2 Scheduled/1");
	/* What concerns others does not wake it. */
	message = watch_message(world, 6, 5000);
	memcpy(message->task_id, task_id(2), ID_SIZE);
	parks(message);
	ck_assert_int_eq(stop(world, 1), 204);
	ck_assert_str_eq(released(), "-");
	ck_assert_int_eq(stop(world, 2), 204);
	ck_assert_str_eq(released(), "8 user t2 Scheduled/1 (stop requested)");
}
END_TEST

START_TEST(the_end_answers_all_that_wait_and_nobody_waits_after)
{
	parks(watch_message(world, 0, 5000));
	parks(watch_message(world, 0, 500000));
	world_step(world, world_message(world, (enum manager_message_kind)MESSAGE_QUIT));
	ck_assert_str_eq(released(), "");
	ck_assert_str_eq(released(), "");
	ck_assert_str_eq(released(), "-");
	ck_assert_str_eq(page_text(world_ask(world, watch_message(world, 0, 5000))), "");
}
END_TEST

START_TEST(one_event_wakes_all_and_too_many_are_refused)
{
	unsigned i;

	for (i = 0; i < 1024; i++)
		parks(watch_message(world, 0, 5000));
	ck_assert_int_eq(
		strncmp(page_text(world_ask(world, watch_message(world, 0, 5000))), "503 ", 4),
		0);
	ck_assert_int_eq(submit(world, 1, ""), 201);
	for (i = 0; i < 1024; i++)
		ck_assert_str_eq(released(), "1 user t1 Pending");
	ck_assert_str_eq(released(), "-");
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("manager watch");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_page_shows_what_is_behind_a_number);
	tcase_add_test(tests, from_now_on_begins_behind_the_newest);
	tcase_add_test(tests, a_watcher_waits_until_something_happened_and_is_durable);
	tcase_add_test(tests, a_watcher_never_saw_what_a_crash_undid);
	tcase_add_test(tests, a_watcher_whose_time_is_over_gets_an_empty_page);
	tcase_add_test(tests, while_the_store_fails_only_what_is_durable_is_shown);
	tcase_add_test(tests, what_gathers_while_a_batch_commits_is_not_taken_for_durable);
	tcase_add_test(tests, what_was_trimmed_or_never_was_is_410);
	tcase_add_test(tests, a_page_outlives_the_trimming_of_what_it_shows);
	tcase_add_test(tests, filters_show_one_task_or_one_node);
	tcase_add_test(tests, the_end_answers_all_that_wait_and_nobody_waits_after);
	tcase_add_test(tests, one_event_wakes_all_and_too_many_are_refused);
	suite_add_tcase(made, tests);
	return made;
}

CHECK_MAIN(suite)
