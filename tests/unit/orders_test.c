/* tests/unit/orders_test.c - revisions, orders on the wire, and the life of messages. */
#include "check_main.h"
#include "codec_help.h"
#include "manager/message.h"
#include "worker/message.h"

#define CLUSTER "0f5a7a52-3e0b-4e0c-8d35-6a2f1f6f3a11"

static const struct {
	struct revision revision;
	const char *text;
} revisions[] = {
	{{0, 0}, "0-0"},
	{{0x9f3c, 12}, "9f3c-12"},
	{{UINT64_MAX, UINT64_MAX}, "ffffffffffffffff-18446744073709551615"},
};

static const struct task_label zone = {"zone", "eu"};

START_TEST(a_revision_has_one_spelling)
{
	struct revision back = {1, 1};
	char text[REVISION_SIZE];

	revision_format(revisions[_i].revision, text);
	ck_assert_str_eq(text, revisions[_i].text);
	ck_assert_int_eq(revision_parse(text, &back), 0);
	ck_assert_uint_eq(back.epoch, revisions[_i].revision.epoch);
	ck_assert_uint_eq(back.sequence, revisions[_i].revision.sequence);
}
END_TEST

static const char *const no_revisions[] = {
	"",
	"-",
	"1",
	"1-",
	"-1",
	"01-1",
	"1-01",
	"G-1",
	"A-1",
	"1-a",
	"1-1 ",
	" 1-1",
	"+1-1",
	"1--1",
	"1-1-1",
	"10000000000000000-1",
	"1-18446744073709551616",
};

START_TEST(what_is_no_revision_is_refused_and_changes_nothing)
{
	struct revision revision = {5, 6};

	ck_assert_int_eq(revision_parse(no_revisions[_i], &revision), CUBE_ERR_INVALID);
	ck_assert_uint_eq(revision.epoch, 5);
	ck_assert_uint_eq(revision.sequence, 6);
}
END_TEST

START_TEST(orders_survive_the_wire)
{
	struct order items[2] = {
		{.task_id = ID_1, .attempt = 3, .wanted = TASK_WANTED_RUN},
		{.task_id = ID_2, .attempt = 1, .wanted = TASK_WANTED_STOP},
	};
	const struct orders orders = {.cluster = CLUSTER,
				      .generation = 4,
				      .sequence = 17,
				      .full = true,
				      .acked = {0xab, 9},
				      .items = items,
				      .count = 2};
	struct orders back;
	struct parsed parsed;
	struct cube_error err;
	char *text;

	items[0].spec = spec_of("{'Image': 'nginx', 'Name': 'web', 'Env': ['A=\\u20ac']}",
				CODEC_STRICT);
	text = WRITTEN(orders_encode(writer, &orders));
	ck_assert_str_eq(text, "{\"Cluster\":\"" CLUSTER "\",\"Generation\":4,\"Sequence\":17,"
			       "\"Full\":true,\"Acked\":\"ab-9\",\"Tasks\":["
			       "{\"ID\":\"" ID_1 "\",\"Attempt\":3,\"Wanted\":2,\"Task\":{"
			       "\"ID\":\"" ID_1 "\",\"Name\":\"web\",\"Image\":\"nginx\","
			       "\"Env\":[\"A=\xe2\x82\xac\"]}},"
			       "{\"ID\":\"" ID_2 "\",\"Attempt\":1,\"Wanted\":3}]}");
	parsed = parsed_new(text);
	ck_assert_int_eq(orders_decode(&parsed.doc, &back, &err), 0);
	ck_assert_str_eq(back.cluster, CLUSTER);
	ck_assert_uint_eq(back.generation, 4);
	ck_assert_uint_eq(back.sequence, 17);
	ck_assert(back.full);
	ck_assert_uint_eq(back.acked.epoch, 0xab);
	ck_assert_uint_eq(back.acked.sequence, 9);
	ck_assert_uint_eq(back.count, 2);
	ck_assert_uint_eq(back.items[0].attempt, 3);
	ck_assert_uint_eq(back.items[0].spec->hash, items[0].spec->hash);
	ck_assert_int_eq(back.items[1].wanted, TASK_WANTED_STOP);
	ck_assert_ptr_null(back.items[1].spec);
	orders_release(&back);
	ck_assert_uint_eq(back.count, 0);
	parsed_free(&parsed);
	free(text);
	task_spec_put(items[0].spec);
}
END_TEST

#define ORDERS(tasks) "{'Cluster': '" CLUSTER "', 'Tasks': " tasks "}"
#define RUN_1         "{'ID': '" ID_1 "', 'Attempt': 1, 'Wanted': 2, 'Task': {'Image': 'x'}}"

static const struct {
	const char *text;
	const char *wanted;
} refused[] = {
	{"[]", "must be an object: orders"},
	{"{'Tasks': []}", "orders need the Cluster"},
	{"{'Cluster': '" CLUSTER "', 'Generation': -1}", "Generation (line 1"},
	{"{'Cluster': '" CLUSTER "', 'Sequence': 1}", "need the Generation"},
	{"{'Cluster': '" CLUSTER "', 'Acked': 'x'}", "must be a revision, EPOCH-SEQUENCE"},
	{ORDERS("{}"), "must be an array of orders"},
	{ORDERS("[{}]"), "Tasks[0] (line 1, column 63): an order needs ID, Attempt and Wanted"},
	{ORDERS("[{'ID': '" ID_1 "', 'Attempt': 0, 'Wanted': 3}]"),
	 "from 1 to 4294967295, not 0"},
	{ORDERS("[" RUN_1 ", {'ID': '" ID_1
		"', 'Attempt': 1, 'Wanted': 2, 'Task': {'ID': '" ID_2 "', 'Image': 'x'}}]"),
	 "the Task has another ID than the order"},
	{ORDERS("[" RUN_1 ", {'ID': '" ID_1 "', 'Attempt': 1, 'Wanted': 2, 'Task': {}}]"),
	 "Tasks[1].Task (line 1, column"},
};

START_TEST(wrong_orders_are_refused_whole)
{
	struct parsed parsed = parsed_new(refused[_i].text);
	struct orders orders = {.sequence = 77};
	struct cube_error err;

	ck_assert_int_eq(orders_decode(&parsed.doc, &orders, &err), CUBE_ERR_INVALID);
	ck_assert_has(err.message, refused[_i].wanted);
	ck_assert_uint_eq(orders.sequence, 77);
	ck_assert_ptr_null(orders.items);
	parsed_free(&parsed);
}
END_TEST

START_TEST(members_of_a_newer_manager_are_ignored)
{
	struct parsed parsed =
		parsed_new("{'Cluster': '" CLUSTER "', 'Generation': 1, 'Hint': {'a': [1]},"
			   " 'Tasks': [{'ID': '" ID_1 "', 'Attempt': 2,"
			   " 'Wanted': 2, 'Why': 1, 'Task': {'Image': 'x',"
			   " 'Gpu': 1}}]}");
	struct orders orders;
	struct cube_error err;

	ck_assert_int_eq(orders_decode(&parsed.doc, &orders, &err), 0);
	ck_assert(!orders.full);
	ck_assert_uint_eq(orders.acked.epoch, 0);
	ck_assert_str_eq(orders.items[0].spec->id, ID_1);
	orders_release(&orders);
	parsed_free(&parsed);
}
END_TEST

/* Leaks and double frees here are what the sanitizers look for. */
START_TEST(messages_free_all_that_they_own)
{
	struct manager_message *manager = manager_message_new(MANAGER_SUBMIT);
	struct worker_message *worker = worker_message_new(WORKER_DESIRED);
	struct task_spec *spec = spec_of("{'Image': 'x'}", CODEC_STRICT);

	ck_assert_int_eq(manager->message.kind, MANAGER_SUBMIT);
	manager->requests = calloc(2, sizeof(*manager->requests));
	manager->request_count = 2;
	manager->requests[0].spec = task_spec_get(spec);
	manager->filter.label_key = strdup("tier");
	manager->filter.label_value = strdup("web");
	manager->info.labels = node_labels_new(&zone, 1);
	manager->reports.items = calloc(1, sizeof(*manager->reports.items));
	manager->reports.count = 1;
	manager_message_free(manager);
	ck_assert_int_eq(worker->message.kind, WORKER_DESIRED);
	worker->orders.items = calloc(1, sizeof(*worker->orders.items));
	worker->orders.count = 1;
	worker->orders.items[0].spec = task_spec_get(spec);
	worker->request.spec = task_spec_get(spec);
	worker->container = calloc(1, sizeof(*worker->container));
	worker->containers = calloc(2, sizeof(*worker->containers));
	worker_message_free(worker);
	ck_assert_uint_eq(atomic_load(&spec->references), 1);
	task_spec_put(spec);
	manager_message_free(NULL);
	worker_message_free(NULL);
}
END_TEST

START_TEST(effects_free_all_that_they_own)
{
	struct manager_effect *manager = calloc(1, sizeof(*manager));
	struct worker_effect *worker = calloc(1, sizeof(*worker));
	struct task_spec *spec = spec_of("{'Image': 'x'}", CODEC_STRICT);

	manager->tasks = calloc(1, sizeof(*manager->tasks));
	manager->tasks[0].spec = task_spec_get(spec);
	manager->task_count = 1;
	manager->nodes = calloc(1, sizeof(*manager->nodes));
	manager->nodes[0].info.stats = node_text_new("{}", 2);
	manager->node_count = 1;
	manager->history = calloc(1, sizeof(*manager->history));
	manager->orders.items = calloc(1, sizeof(*manager->orders.items));
	manager->orders.items[0].spec = task_spec_get(spec);
	manager->orders.count = 1;
	manager_effect_free(&manager->item);
	worker->tasks = calloc(1, sizeof(*worker->tasks));
	worker->tasks[0].spec = task_spec_get(spec);
	worker->task_count = 1;
	worker->info.labels = node_labels_new(&zone, 1);
	worker->spec = task_spec_get(spec);
	worker_effect_free(&worker->item);
	ck_assert_uint_eq(atomic_load(&spec->references), 1);
	task_spec_put(spec);
	manager_effect_free(NULL);
	worker_effect_free(NULL);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static Suite *
suite(void)
{
	Suite *s = suite_create("orders");
	TCase *t = tcase_create("orders");

	tcase_add_loop_test(t, a_revision_has_one_spelling, 0, COUNT(revisions));
	tcase_add_loop_test(t, what_is_no_revision_is_refused_and_changes_nothing, 0,
			    COUNT(no_revisions));
	tcase_add_test(t, orders_survive_the_wire);
	tcase_add_loop_test(t, wrong_orders_are_refused_whole, 0, COUNT(refused));
	tcase_add_test(t, members_of_a_newer_manager_are_ignored);
	tcase_add_test(t, messages_free_all_that_they_own);
	tcase_add_test(t, effects_free_all_that_they_own);
	suite_add_tcase(s, t);
	return s;
}

CHECK_MAIN(suite)
