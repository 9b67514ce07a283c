/* tests/plugin/store_test.c - what every store plugin must hold, over each of them: all or
 * none, order, ranges, revisions, and, where it says that it is durable, what is left after it
 * was closed. A long run of random commits is compared with a model. */
#include "../unit/check_main.h"
#include "store_fixture.h"

static const char *const plugins[] = {
	"plugins/store/memory.so",
	"plugins/store/sqlite.so",
};
#define PLUGIN_COUNT ((int)(sizeof(plugins) / sizeof(plugins[0])))

static void
begin(struct store_stage *stage, int index)
{
	stage_load(stage, plugins[index]);
	stage_open(stage);
}

START_TEST(what_is_committed_is_read_back_as_it_was)
{
	struct store_stage stage;
	struct cube_write writes[] = {put("b", "2"), put("a", "{\"x\": \"\xc3\xa4\"}"),
				      put("empty", "")};
	struct cube_error err;
	char *value = NULL;
	size_t size = 9;

	begin(&stage, _i);
	expect_all(&stage, "");
	commit(&stage, writes, 3);
	expect_all(&stage, "a={\"x\": \"\xc3\xa4\"} b=2 empty=");
	ck_assert_int_eq(store_get(stage.store, "empty", &value, &size, &err), 0);
	ck_assert_uint_eq(size, 0);
	ck_assert_str_eq(value, "");
	free(value);
	ck_assert_int_eq(store_get(stage.store, "b", &value, &size, &err), 0);
	ck_assert_uint_eq(size, 1);
	ck_assert_str_eq(value, "2");
	free(value);
	ck_assert_int_eq(store_get(stage.store, "absent", &value, &size, &err),
			 CUBE_ERR_NOT_FOUND);
	stage_release(&stage);
}
END_TEST

START_TEST(values_are_any_bytes_of_any_size)
{
	struct store_stage stage;
	const size_t sizes[] = {1, 2, 255, 4096, 65536, 3000000};

	begin(&stage, _i);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned char *bytes = malloc(sizes[i]);
		struct cube_write write = {.key = "bytes", .if_revision = CUBE_REVISION_ANY};
		struct cube_error err;
		char *value = NULL;
		size_t size = 0;

		ck_assert_ptr_nonnull(bytes);
		for (size_t k = 0; k < sizes[i]; k++)
			bytes[k] = (unsigned char)(k * 7); /* NUL bytes, no UTF-8 */
		write.value = bytes;
		write.value_size = sizes[i];
		commit(&stage, &write, 1);
		ck_assert_int_eq(store_get(stage.store, "bytes", &value, &size, &err), 0);
		ck_assert_uint_eq(size, sizes[i]);
		ck_assert_int_eq(memcmp(value, bytes, size), 0);
		free(value);
		free(bytes);
	}
	stage_release(&stage);
}
END_TEST

START_TEST(writes_of_one_commit_apply_in_their_order)
{
	struct store_stage stage;
	struct cube_write first[] = {put("a", "1"), put("a", "2"), put("b", "1"), del("b")};
	struct cube_write second[] = {put("r/1", "x"), put("r/3", "x"), del_range("r/", "r0"),
				      put("r/2", "y")};

	begin(&stage, _i);
	commit(&stage, first, 4);
	expect_all(&stage, "a=2");
	commit(&stage, second, 4);
	expect_all(&stage, "a=2 r/2=y");
	stage_release(&stage);
}
END_TEST

START_TEST(a_range_is_deleted_with_its_start_and_without_its_end)
{
	struct store_stage stage;
	struct cube_write writes[] = {put("e/1", ""), put("e/2", ""), put("e/3", ""),
				      put("e/30", ""), put("f", "")};

	begin(&stage, _i);
	commit(&stage, writes, 5);
	commit_one(&stage, del_range("e/2", "e/30"));
	expect_all(&stage, "e/1= e/30= f=");
	commit_one(&stage, del_range("x", "y"));
	commit_one(&stage, del("absent"));
	expect_all(&stage, "e/1= e/30= f=");
	stage_release(&stage);
}
END_TEST

START_TEST(keys_order_as_bytes_and_ranges_cut_where_they_say)
{
	struct store_stage stage;
	struct cube_write writes[] = {put("b", ""),  put("a~", ""), put("a/1", ""),
				      put("B", ""),  put("a", ""),  put("a/", ""),
				      put("a0", ""), put("~", ""),  put(" ", "")};

	begin(&stage, _i);
	commit(&stage, writes, 9);
	expect_all(&stage, " = B= a= a/= a/1= a0= a~= b= ~=");
	expect_range(&stage, "a/", "a0", "a/= a/1=");
	expect_range(&stage, "a", "a", "");
	expect_range(&stage, "b", "", "b= ~=");
	expect_range(&stage, "", "a", " = B=");
	expect_range(&stage, "a\x01", "a/1\x01", "a/= a/1=");
	expect_range(&stage, "z", "a", "");
	stage_release(&stage);
}
END_TEST

START_TEST(a_scan_ends_where_the_visitor_or_the_limit_says)
{
	struct store_stage stage;
	struct cube_write writes[] = {put("a", ""), put("b", ""), put("c", "")};
	const struct cube_store_ops *ops;
	struct listing listing = {.stop_after = 2};
	struct cube_error err;
	uint64_t revision;
	size_t count = 0;
	void *self = NULL;

	begin(&stage, _i);
	commit(&stage, writes, 3);
	ck_assert_int_eq(store_scan(stage.store, "", "", listing_visit, &listing, &err), 0);
	ck_assert_str_eq(listing.text, "a= b=");
	stage_close(&stage);
	/* The limit is the plugin's own; the core's pages hide it. */
	ops = stage.plugin->info.ops.store;
	ck_assert_int_eq(ops->open(&stage.host.host.host, stage.options, &self, &err), 0);
	ck_assert_int_eq(ops->commit(self, writes, 3, &revision, &err), 0);
	ck_assert_int_eq(ops->scan(self, "", "", 2, count_visit, &count, &revision, &err), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_int_eq(ops->scan(self, "", "z", 1, count_visit, &count, &revision, &err), 0);
	ck_assert_uint_eq(count, 3);
	ck_assert_int_eq(ops->scan(self, "", "", 0, count_visit, &count, &revision, &err), 0);
	ck_assert_uint_eq(count, 6);
	ops->close(self);
	stage_release(&stage);
}
END_TEST

START_TEST(a_scan_of_many_pages_gives_each_record_once)
{
	struct store_stage stage;
	struct cube_write writes[100];
	char keys[100][32];
	size_t total = 0;

	begin(&stage, _i);
	for (int batch = 0; batch < 21; batch++) {
		for (int i = 0; i < 100; i++) {
			(void)snprintf(keys[i], sizeof(keys[i]), "k/%d/%d", i, batch);
			writes[i] = put(keys[i], "v");
		}
		commit(&stage, writes, 100);
		total += 100;
	}
	ck_assert_uint_eq(count_records(&stage), total);
	stage_release(&stage);
}
END_TEST

struct revisions {
	uint64_t of[3];
	size_t count;
};

static int
revision_visit(void *ctx, const struct cube_record *record)
{
	struct revisions *revisions = ctx;

	ck_assert_uint_lt(revisions->count, 3);
	revisions->of[revisions->count++] = record->revision;
	return 0;
}

START_TEST(a_record_carries_the_revision_of_the_commit_that_wrote_it)
{
	struct store_stage stage;
	struct cube_write both[] = {put("a", "1"), put("b", "1")};
	struct revisions revisions = {.count = 0};
	struct cube_error err;
	uint64_t first;
	uint64_t second;

	begin(&stage, _i);
	first = commit(&stage, both, 2);
	second = commit_one(&stage, put("b", "2"));
	ck_assert_uint_gt(first, 0);
	ck_assert_uint_gt(second, first);
	ck_assert_int_eq(store_scan(stage.store, "", "", revision_visit, &revisions, &err), 0);
	ck_assert_uint_eq(revisions.of[0], first);
	ck_assert_uint_eq(revisions.of[1], second);
	ck_assert_uint_gt(commit_one(&stage, del("a")), second);
	stage_release(&stage);
}
END_TEST

START_TEST(a_revision_that_does_not_hold_keeps_out_the_whole_commit)
{
	struct store_stage stage;
	struct cube_error err;
	struct cube_write exists[] = {put("new", "1"), put_if("a", "2", CUBE_REVISION_NONE)};
	struct cube_write older[] = {put("new", "1"), del_range("a", "b"), put("a", "2")};
	uint64_t revision;

	begin(&stage, _i);
	revision = commit_one(&stage, put_if("a", "1", CUBE_REVISION_NONE));
	ck_assert_int_eq(try_commit(&stage, exists, 2, &err), CUBE_ERR_CONFLICT);
	fixture_contains(err.message, "\"a\" is at revision");
	expect_all(&stage, "a=1");
	older[2].if_revision = revision + 1;
	ck_assert_int_eq(try_commit(&stage, older, 3, &err), CUBE_ERR_CONFLICT);
	expect_all(&stage, "a=1");
	/* Compared with what was before the commit, not with what its own writes did. */
	older[2].if_revision = revision;
	commit(&stage, older, 3);
	expect_all(&stage, "a=2 new=1");
	ck_assert_int_eq(try_commit(&stage,
				    &(struct cube_write){.key = "a", .if_revision = revision},
				    1, &err),
			 CUBE_ERR_CONFLICT);
	expect_all(&stage, "a=2 new=1");
	stage_release(&stage);
}
END_TEST

START_TEST(a_commit_after_a_refused_one_works)
{
	struct store_stage stage;
	struct cube_write refused = put_if("a", "1", 77);
	struct cube_error err;

	begin(&stage, _i);
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(try_commit(&stage, &refused, 1, &err), CUBE_ERR_CONFLICT);
		commit_one(&stage, put("b", "1"));
	}
	expect_all(&stage, "b=1");
	stage_release(&stage);
}
END_TEST

START_TEST(what_is_no_key_or_no_range_never_reaches_the_plugin)
{
	struct store_stage stage;
	char longest[257];
	struct cube_write good;
	struct cube_error err;

	memset(longest, 'k', 256);
	longest[256] = '\0';
	struct cube_write bad[] = {
		put("", "x"),         put("a\nb", "x"),    put("\xc3\xa4", "x"),
		put(longest, "x"),    del_range("b", "a"), del_range("a", "a"),
		del_range("a", NULL), put(NULL, "x"),      put_if("a", "x", 0)};

	bad[8].flags = 1u << 7;
	begin(&stage, _i);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(try_commit(&stage, &bad[i], 1, &err), CUBE_ERR_INVALID);
	ck_assert_int_eq(try_commit(&stage, NULL, 0, &err), CUBE_ERR_INVALID);
	ck_assert_uint_eq(count_records(&stage), 0);
	longest[255] = '\0';
	good = put(longest, "x");
	commit(&stage, &good, 1);
	ck_assert_uint_eq(count_records(&stage), 1);
	stage_release(&stage);
}
END_TEST

START_TEST(a_durable_store_has_everything_after_it_was_opened_again)
{
	struct store_stage stage;
	struct cube_write writes[] = {put("a", "1"), put("b", "2"), put("c", "3")};
	uint64_t last = 0;

	begin(&stage, _i);
	commit(&stage, writes, 3);
	for (int i = 0; i < 5; i++)
		last = commit_one(&stage, del("b"));
	stage_close(&stage);
	stage_open(&stage);
	if (store_is_durable(stage.store)) {
		struct cube_write write = put_if("c", "4", 0);
		struct cube_error err;

		expect_all(&stage, "a=1 c=3");
		ck_assert_int_eq(try_commit(&stage, &write, 1, &err), CUBE_ERR_CONFLICT);
		/* Revisions never go back, also where the newest record was deleted. */
		ck_assert_uint_gt(commit_one(&stage, put("d", "")), last);
	} else {
		expect_all(&stage, "");
	}
	stage_release(&stage);
}
END_TEST

/* ---- a model beside it ---- */

#define MODEL_KEYS 40

struct model {
	bool is_there[MODEL_KEYS];
	int value[MODEL_KEYS];
	uint64_t revision[MODEL_KEYS];
};

struct model_batch {
	struct cube_write writes[12];
	char keys[12][2][16];
	char values[12][16];
	size_t count;
	bool conflicts;
};

static void
model_key(int index, char key[16])
{
	(void)snprintf(key, 16, "k%02d", index);
}

/* Adds one random write and applies it to next; compares with before. */
static void
model_add(struct model_batch *batch, struct random *random, const struct model *before,
	  struct model *next)
{
	int key = (int)random_below(random, MODEL_KEYS);
	int end = key + 1 + (int)random_below(random, 8);
	int value = (int)random_below(random, 100000);
	size_t at = batch->count++;
	struct cube_write *write = &batch->writes[at];

	if (end >= MODEL_KEYS)
		end = MODEL_KEYS;
	model_key(key, batch->keys[at][0]);
	model_key(end, batch->keys[at][1]);
	(void)snprintf(batch->values[at], sizeof(batch->values[at]), "%d", value);
	switch (random_below(random, 8)) {
	case 0:
		*write = del_range(batch->keys[at][0], batch->keys[at][1]);
		for (int i = key; i < end; i++)
			next->is_there[i] = false;
		return;
	case 1:
		*write = del(batch->keys[at][0]);
		next->is_there[key] = false;
		break;
	default:
		*write = put(batch->keys[at][0], batch->values[at]);
		next->is_there[key] = true;
		next->value[key] = value;
		next->revision[key] = 0; /* this commit's, known later */
		break;
	}
	if (random_below(random, 4) == 0) {
		uint64_t now = before->is_there[key] ? before->revision[key]
						     : (uint64_t)CUBE_REVISION_NONE;
		bool wrong = random_below(random, 8) == 0;

		write->if_revision = wrong ? now + 1 : now;
		batch->conflicts = batch->conflicts || wrong;
	}
}

static int
model_visit(void *ctx, const struct cube_record *record)
{
	struct model *seen = ctx;
	int key = (int)strtol(record->key + 1, NULL, 10);

	ck_assert_int_lt(key, MODEL_KEYS);
	seen->is_there[key] = true;
	seen->value[key] = (int)strtol(record->value, NULL, 10);
	seen->revision[key] = record->revision;
	return 0;
}

static void
model_check(struct store_stage *stage, const struct model *model)
{
	struct model seen = {.value = {0}};
	struct cube_error err;

	ck_assert_int_eq(store_scan(stage->store, "", "", model_visit, &seen, &err), 0);
	for (int i = 0; i < MODEL_KEYS; i++) {
		ck_assert_int_eq(seen.is_there[i], model->is_there[i]);
		if (!model->is_there[i])
			continue;
		ck_assert_int_eq(seen.value[i], model->value[i]);
		ck_assert_uint_eq(seen.revision[i], model->revision[i]);
	}
}

START_TEST(random_commits_leave_what_a_model_of_them_says)
{
	struct store_stage stage;
	struct model model = {.value = {0}};
	struct random random;

	random_seed(&random, 42);
	begin(&stage, _i);
	for (int round = 0; round < 400; round++) {
		struct model_batch batch = {.count = 0};
		struct model next = model;
		size_t count = 1 + (size_t)random_below(&random, 12);
		struct cube_error err;
		uint64_t revision = 0;
		int result;

		while (batch.count < count)
			model_add(&batch, &random, &model, &next);
		result = store_commit(stage.store, batch.writes, count, &revision, &err);
		ck_assert_int_eq(result, batch.conflicts ? CUBE_ERR_CONFLICT : 0);
		if (result == 0) {
			for (int i = 0; i < MODEL_KEYS; i++) {
				if (next.is_there[i] && next.revision[i] == 0)
					next.revision[i] = revision;
			}
			model = next;
		}
		model_check(&stage, &model);
		if (round % 100 == 99 && store_is_durable(stage.store)) {
			stage_close(&stage);
			stage_open(&stage);
			model_check(&stage, &model);
		}
	}
	stage_release(&stage);
}
END_TEST

/* ---- memory that runs short ---- */

struct scarce {
	struct cube_host host;
	const struct cube_host *real;
	int left; /* allocations that still work; below 0: all do */
};

static void *
scarce_realloc(void *ctx, void *p, size_t size)
{
	struct scarce *scarce = ctx;

	if (size > 0 && scarce->left == 0)
		return NULL;
	if (size > 0 && scarce->left > 0)
		scarce->left--;
	return scarce->real->realloc(scarce->real->ctx, p, size);
}

static uint64_t
scarce_random(void *ctx)
{
	struct scarce *scarce = ctx;

	return scarce->real->random(scarce->real->ctx);
}

START_TEST(a_commit_that_runs_out_of_memory_writes_nothing)
{
	struct store_stage stage;
	struct cube_write before = put("a", "1");
	struct cube_write writes[] = {put("a", "2"), put("b", "2"), del("a"), put("c", "2")};
	const struct cube_store_ops *ops;
	struct scarce scarce = {.left = -1};
	struct cube_error err;
	uint64_t revision;
	void *self = NULL;
	int failures = 0;

	begin(&stage, 0);
	stage_close(&stage);
	scarce.real = &stage.host.host.host;
	scarce.host = *scarce.real;
	scarce.host.ctx = &scarce;
	scarce.host.realloc = scarce_realloc;
	scarce.host.random = scarce_random;
	ops = stage.plugin->info.ops.store;
	scarce.left = 0;
	ck_assert_int_eq(ops->open(&scarce.host, stage.options, &self, &err),
			 CUBE_ERR_NO_MEMORY);
	scarce.left = -1;
	ck_assert_int_eq(ops->open(&scarce.host, stage.options, &self, &err), 0);
	ck_assert_int_eq(ops->commit(self, &before, 1, &revision, &err), 0);
	for (scarce.left = 0;; failures++) {
		struct listing listing = {.count = 0};

		if (ops->commit(self, writes, 4, &revision, &err) == 0)
			break;
		ck_assert_int_eq(err.code, CUBE_ERR_NO_MEMORY);
		ck_assert_int_eq(
			ops->scan(self, "", "", 0, listing_visit, &listing, &revision, &err),
			0);
		ck_assert_str_eq(listing.text, "a=1");
		scarce.left = failures + 1;
	}
	ck_assert_int_ge(failures, 4);
	ops->close(self);
	stage_release(&stage);
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("store");
	TCase *every = tcase_create("every store");
	TCase *memory = tcase_create("memory");

	tcase_set_timeout(every, 60);
	tcase_add_loop_test(every, what_is_committed_is_read_back_as_it_was, 0, PLUGIN_COUNT);
	tcase_add_loop_test(every, values_are_any_bytes_of_any_size, 0, PLUGIN_COUNT);
	tcase_add_loop_test(every, writes_of_one_commit_apply_in_their_order, 0, PLUGIN_COUNT);
	tcase_add_loop_test(every, a_range_is_deleted_with_its_start_and_without_its_end, 0,
			    PLUGIN_COUNT);
	tcase_add_loop_test(every, keys_order_as_bytes_and_ranges_cut_where_they_say, 0,
			    PLUGIN_COUNT);
	tcase_add_loop_test(every, a_scan_ends_where_the_visitor_or_the_limit_says, 0,
			    PLUGIN_COUNT);
	tcase_add_loop_test(every, a_scan_of_many_pages_gives_each_record_once, 0,
			    PLUGIN_COUNT);
	tcase_add_loop_test(every, a_record_carries_the_revision_of_the_commit_that_wrote_it, 0,
			    PLUGIN_COUNT);
	tcase_add_loop_test(every, a_revision_that_does_not_hold_keeps_out_the_whole_commit, 0,
			    PLUGIN_COUNT);
	tcase_add_loop_test(every, a_commit_after_a_refused_one_works, 0, PLUGIN_COUNT);
	tcase_add_loop_test(every, what_is_no_key_or_no_range_never_reaches_the_plugin, 0,
			    PLUGIN_COUNT);
	tcase_add_loop_test(every, a_durable_store_has_everything_after_it_was_opened_again, 0,
			    PLUGIN_COUNT);
	tcase_add_loop_test(every, random_commits_leave_what_a_model_of_them_says, 0,
			    PLUGIN_COUNT);
	tcase_add_test(memory, a_commit_that_runs_out_of_memory_writes_nothing);
	suite_add_tcase(made, every);
	suite_add_tcase(made, memory);
	return made;
}

CHECK_MAIN(suite)
