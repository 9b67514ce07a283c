/* tests/unit/manager_events_test.c - the numbers of events, their records, who did it, and what
 * is left when they or their tasks are trimmed. */
#include "manager_page.h"

#include "check_main.h"

static struct world *world;
static struct actor actor;

static void
setup(void)
{
	world = world_new();
	actor = actor_new("n1", 1, 4000, 8 * GIB);
}

static void
teardown(void)
{
	world_free(world);
}

START_TEST(entries_are_numbered_without_gaps_over_restarts)
{
	world_start(world);
	ck_assert_int_eq(submit_many(world, 1, 3, ""), 201);
	ck_assert_int_eq(submit(world, 4, ""), 201);
	ck_assert_str_eq(events_after(world, 0), "1 user t1 Pending, 2 user t2 Pending, "
						 "3 user t3 Pending, 4 user t4 Pending");
	/* One record a step, under the number of its first. */
	ck_assert_uint_eq(world_count(world, "event/"), 2);
	ck_assert_str_ne(world_stored(world, "event/0000000000000001"), "");
	ck_assert_str_ne(world_stored(world, "event/0000000000000004"), "");
	world_crash(world);
	ck_assert_int_eq(submit(world, 5, ""), 201);
	ck_assert_str_eq(events_after(world, 3), "4 user t4 Pending, 5 user t5 Pending");
	ck_assert_str_ne(world_stored(world, "event/0000000000000005"), "");
}
END_TEST

START_TEST(what_was_not_durable_gives_its_number_back)
{
	world_start(world);
	ck_assert_int_eq(submit(world, 1, ""), 201);
	world->auto_commit = false;
	ck_assert_int_eq(submit(world, 2, ""), 0);
	world->auto_commit = true;
	world_crash(world);
	ck_assert_int_eq(submit(world, 3, ""), 201);
	ck_assert_str_eq(events_after(world, 0), "1 user t1 Pending, 2 user t3 Pending");
}
END_TEST

START_TEST(each_entry_says_who_brought_it_about)
{
	world_start(world);
	ck_assert_int_eq(submit(world, 1, "\"RestartPolicy\":\"no\""), 201);
	actor_up(world, &actor);
	(void)actor_obey(world, &actor);
	actor_runs(world, &actor, 1, 1);
	ck_assert_int_eq(stop(world, 1), 204);
	(void)actor_obey(world, &actor);
	ck_assert_int_eq(stop(world, 1), 204); /* again: nothing new */
	actor_ends(world, &actor, 1, 1, 0);
	ck_assert_str_eq(events_after(world, 0),
			 "1 user t1 Pending, 2 worker n1 joined (http://10.0.0.1:5556), "
			 "3 worker n1 ready, 4 scheduler t1 Scheduled/1, 5 worker t1 "
			 "Running/1, 6 user t1 Running/1 (stop requested), "
			 "7 worker t1 Completed/1");
}
END_TEST

START_TEST(a_stop_before_the_start_is_the_users)
{
	world_start(world);
	ck_assert_int_eq(submit(world, 1, ""), 201);
	ck_assert_int_eq(stop(world, 1), 204);
	ck_assert_str_eq(events_after(world, 0),
			 "1 user t1 Pending, 2 user t1 Completed (stopped before it ran)");
}
END_TEST

START_TEST(a_restart_that_comes_due_is_the_managers)
{
	const char *text;

	world_start(world);
	actor_up(world, &actor);
	ck_assert_int_eq(submit(world, 1, "\"RestartPolicy\":\"always\""), 201);
	(void)actor_obey(world, &actor);
	actor_runs(world, &actor, 1, 1);
	actor_ends(world, &actor, 1, 1, 3);
	world_sleep(world, 1500);
	text = events_after(world, 5);
	ck_assert_ptr_eq(strstr(text, "6 worker t1 Failed/1 (exit code 3), "
				      "7 manager t1 Scheduled/2"),
			 text);
}
END_TEST

START_TEST(nodes_tell_of_joining_silence_and_removal)
{
	struct manager_message *message;

	world_start(world);
	actor_up(world, &actor);
	world_sleep(world, 16000);
	ck_assert_str_eq(events_after(world, 2), "3 manager n1 unreachable");
	world_sleep(world, 60000);
	message = world_message(world, MANAGER_NODE_REMOVE);
	(void)snprintf(message->node, sizeof(message->node), "n1");
	effect_free(world_ask(world, message));
	ck_assert_ptr_nonnull(strstr(events_after(world, 3), "user n1 removed"));
	world_crash(world);
	ck_assert_ptr_nonnull(strstr(events_after(world, 0), "3 manager n1 unreachable"));
	ck_assert_ptr_nonnull(strstr(events_after(world, 3), "user n1 removed"));
}
END_TEST

static void
ask_node(enum manager_message_kind kind, const char *name)
{
	struct manager_message *message = world_message(world, kind);

	(void)snprintf(message->node, sizeof(message->node), "%s", name);
	effect_free(world_ask(world, message));
}

START_TEST(cordon_and_drain_are_the_users_also_of_a_silent_node)
{
	world_start(world);
	actor_up(world, &actor);
	ask_node(MANAGER_NODE_CORDON, "n1");
	ask_node(MANAGER_NODE_CORDON, "n1"); /* again: nothing new */
	ask_node(MANAGER_NODE_UNCORDON, "n1");
	world_sleep(world, 16000);
	ask_node(MANAGER_NODE_CORDON, "n1");
	ask_node(MANAGER_NODE_UNCORDON, "n1");
	ck_assert_str_eq(events_after(world, 2),
			 "3 user n1 cordoned, 4 user n1 ready, 5 manager n1 unreachable, "
			 "6 user n1 cordoned, 7 user n1 uncordoned");
}
END_TEST

START_TEST(a_placeholder_without_a_name_is_not_noted)
{
	static const char *const workers[] = {"10.0.0.9:5556", NULL};

	world->config.workers = workers;
	world_start(world);
	world_sleep(world, 60000);
	ck_assert_str_eq(events_after(world, 0), "");
}
END_TEST

/* Two records of two steps, as a program wrote them that numbered steps. */
static void
store_old(void)
{
	char text[1024];

	world_start(world);
	ck_assert_int_eq(submit_many(world, 1, 2, ""), 201);
	ck_assert_str_ne(world_stored(world, "event/0000000000000001"), "");
	(void)snprintf(text, sizeof(text),
		       "{\"Entries\":[{\"Task\":\"%s\",\"Time\":\"2026-03-01T12:00:00Z\","
		       "\"State\":0,\"Attempt\":0,\"Node\":\"\",\"Reason\":\"\"},"
		       "{\"Task\":\"%s\",\"Time\":\"2026-03-01T12:00:00Z\",\"State\":0,"
		       "\"Attempt\":0,\"Node\":\"\",\"Reason\":\"\"}]}",
		       task_id(1), task_id(2));
	world_store(world, "event/0000000000000001", text);
	(void)snprintf(text, sizeof(text),
		       "{\"Entries\":[{\"Task\":\"%s\",\"Time\":\"2026-03-01T12:00:01Z\","
		       "\"State\":1,\"Attempt\":1,\"Node\":\"n1\",\"Reason\":\"\"}]}",
		       task_id(1));
	world_store(world, "event/0000000000000002", text);
	world_crash(world);
}

START_TEST(a_store_whose_records_were_numbered_by_step_goes_on)
{
	store_old();
	/* Who it was is not known; the names are those of the tasks. */
	ck_assert_str_eq(events_after(world, 0),
			 "1  t1 Pending, 2  t2 Pending, 3  t1 Scheduled/1");
	ck_assert_int_eq(submit(world, 3, ""), 201);
	ck_assert_str_eq(events_after(world, 3), "4 user t3 Pending");
	ck_assert_str_ne(world_stored(world, "event/0000000000000004"), "");
	world_crash(world);
	ck_assert_str_eq(events_after(world, 2), "3  t1 Scheduled/1, 4 user t3 Pending");
}
END_TEST

START_TEST(old_records_keep_their_numbers_when_those_before_them_are_gone)
{
	store_old();
	ck_assert_int_eq(submit(world, 3, ""), 201);
	world_apply(world,
		    &(struct change){.key = (char *)(uintptr_t) "event/0000000000000001"});
	world_crash(world);
	ck_assert_str_eq(events_after(world, 0), "3  t1 Scheduled/1, 4 user t3 Pending");
}
END_TEST

START_TEST(trimming_takes_whole_records_from_the_front)
{
	const struct world_record *record;
	void *cursor = NULL;
	uint64_t oldest = UINT64_MAX;
	unsigned i;

	world->config.events_max = 64;
	world_start(world);
	for (i = 0; i < 30; i++)
		ck_assert_int_eq(submit_many(world, 1 + 5 * i, 5, ""), 201);
	while ((record = map_next(world->records, &cursor)) != NULL) {
		if (strncmp(record->key, "event/", 6) == 0 &&
		    strtoull(record->key + 6, NULL, 16) < oldest)
			oldest = strtoull(record->key + 6, NULL, 16);
	}
	ck_assert_uint_ge(150 - (oldest - 1), 55);
	ck_assert_uint_le(150 - (oldest - 1), 64);
	ck_assert_uint_eq((150 - (oldest - 1)) / 5, world_count(world, "event/"));
	for (i = 0; i < 2; i++) {
		struct manager_effect *reply = world_ask(world, watch_message(world, 0, 0));

		ck_assert_uint_eq(reply->events[0]->revision, oldest);
		ck_assert_uint_eq(reply->event_count, 150 - (oldest - 1));
		effect_free(reply);
		world_crash(world);
	}
}
END_TEST

START_TEST(a_long_step_is_written_in_several_records)
{
	world_start(world);
	world->drop_effects = true;
	(void)submit_many(world, 1, 10500, "");
	world->drop_effects = false;
	ck_assert_uint_eq(world_count(world, "event/"), 2);
	world_crash(world);
	ck_assert_str_eq(events_after(world, 10499), "10500 user t10500 Pending");
}
END_TEST

START_TEST(the_entries_of_a_task_outlive_it)
{
	world->config.keep_tasks = 1;
	world_start(world);
	ck_assert_int_eq(submit(world, 1, ""), 201);
	ck_assert_int_eq(submit(world, 2, ""), 201);
	ck_assert_int_eq(stop(world, 1), 204);
	ck_assert_int_eq(stop(world, 2), 204);
	world_sleep(world, 5000);
	ck_assert_uint_eq(world_count(world, "task/"), 1);
	ck_assert_str_eq(events_after(world, 0), "1 user t1 Pending, 2 user t2 Pending, "
						 "3 user t1 Completed (stopped before it ran), "
						 "4 user t2 Completed (stopped before it ran)");
	world_crash(world);
	ck_assert_ptr_nonnull(strstr(events_after(world, 0), "1 user t1 Pending"));
}
END_TEST

START_TEST(a_list_says_the_number_of_the_newest_entry_it_shows)
{
	struct manager_message *message;
	struct manager_effect *reply;

	world_start(world);
	ck_assert_int_eq(submit_many(world, 1, 7, ""), 201);
	world->auto_commit = false;
	ck_assert_int_eq(submit(world, 8, ""), 0);
	world->fault = "disk full";
	message = world_message(world, MANAGER_LIST);
	message->filter.limit = 1;
	reply = world_ask(world, message);
	ck_assert_uint_eq(reply->revision, 7);
	effect_free(reply);
	world->fault = NULL;
	world_commit(world);
	world->auto_commit = true;
	reply = world_ask(world, world_message(world, MANAGER_LIST));
	ck_assert_uint_eq(reply->revision, 8);
	effect_free(reply);
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("manager events");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, entries_are_numbered_without_gaps_over_restarts);
	tcase_add_test(tests, what_was_not_durable_gives_its_number_back);
	tcase_add_test(tests, each_entry_says_who_brought_it_about);
	tcase_add_test(tests, a_stop_before_the_start_is_the_users);
	tcase_add_test(tests, a_restart_that_comes_due_is_the_managers);
	tcase_add_test(tests, nodes_tell_of_joining_silence_and_removal);
	tcase_add_test(tests, cordon_and_drain_are_the_users_also_of_a_silent_node);
	tcase_add_test(tests, a_placeholder_without_a_name_is_not_noted);
	tcase_add_test(tests, a_store_whose_records_were_numbered_by_step_goes_on);
	tcase_add_test(tests, old_records_keep_their_numbers_when_those_before_them_are_gone);
	tcase_add_test(tests, trimming_takes_whole_records_from_the_front);
	tcase_add_test(tests, a_long_step_is_written_in_several_records);
	tcase_add_test(tests, the_entries_of_a_task_outlive_it);
	tcase_add_test(tests, a_list_says_the_number_of_the_newest_entry_it_shows);
	suite_add_tcase(made, tests);
	return made;
}

CHECK_MAIN(suite)
