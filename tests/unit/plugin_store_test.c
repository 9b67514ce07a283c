/* tests/unit/plugin_store_test.c - a store that breaks its contract is found out before what
 * it says is believed. The store is a table of functions in this file. */
#include "check_main.h"
#include "plugin/store.h"

#include <stdbool.h>
#include <string.h>

struct fake_store {
	int commit_result;
	uint64_t commit_revision;
	const struct cube_record *records;
	size_t record_count;
	uint64_t scan_revision;
	bool deaf; /* goes on after the visitor said to end */
	size_t visited;
	size_t commits;
};

static struct fake_store fake;

static int
fake_open(const struct cube_host *host, const char *const *options, void **self,
	  struct cube_error *err)
{
	(void)host;
	(void)options;
	(void)err;
	*self = &fake;
	return 0;
}

static void
fake_close(void *self)
{
	(void)self;
}

static int
fake_commit(void *self, const struct cube_write *writes, size_t n, uint64_t *revision,
	    struct cube_error *err)
{
	(void)self;
	(void)writes;
	(void)n;
	(void)err;
	fake.commits++;
	*revision = fake.commit_revision;
	return fake.commit_result;
}

static int
fake_scan(void *self, const char *from, const char *to, size_t limit, cube_record_visit *visit,
	  void *ctx, uint64_t *revision, struct cube_error *err)
{
	(void)self;
	(void)from;
	(void)to;
	(void)limit;
	(void)err;
	for (size_t i = 0; i < fake.record_count; i++) {
		fake.visited++;
		if (visit(ctx, &fake.records[i]) != 0 && !fake.deaf)
			break;
	}
	*revision = fake.scan_revision;
	return 0;
}

static const struct cube_store_ops sound_ops = {
	.struct_size = sizeof(sound_ops),
	.max_writes = 2,
	.max_value_bytes = 4,
	.open = fake_open,
	.close = fake_close,
	.commit = fake_commit,
	.scan = fake_scan,
};

static struct store *
open_fake(void)
{
	struct store *store = NULL;
	struct cube_error err;

	memset(&fake, 0, sizeof(fake));
	fake.scan_revision = 100;
	ck_assert_int_eq(store_open("fake", &sound_ops, NULL, NULL, &store, &err), 0);
	return store;
}

static struct cube_record
record(const char *key)
{
	return (struct cube_record){.key = key, .value = "v", .value_size = 1, .revision = 1};
}

struct seen {
	size_t count;
	size_t stop_after;
};

static int
seen_visit(void *ctx, const struct cube_record *at)
{
	struct seen *seen = ctx;

	(void)at;
	return ++seen->count == seen->stop_after;
}

static int
scan(const struct cube_record *records, size_t count, const char *from, const char *to,
     struct seen *seen, struct cube_error *err)
{
	struct store *store = open_fake();
	int result;

	fake.records = records;
	fake.record_count = count;
	result = store_scan(store, from, to, seen_visit, seen, err);
	store_close(store);
	return result;
}

START_TEST(a_table_without_a_required_function_is_refused)
{
	struct cube_store_ops ops = sound_ops;
	struct store *store = NULL;
	struct cube_error err;

	ops.scan = NULL;
	ck_assert_int_eq(store_open("fake", &ops, NULL, NULL, &store, &err), CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message, "the required function scan of a store is missing");
	ops = sound_ops;
	ops.commit = NULL;
	ck_assert_int_eq(store_open("fake", &ops, NULL, NULL, &store, &err), CUBE_ERR_INVALID);
	ops = sound_ops;
	ops.struct_size = 24;
	ck_assert_int_eq(store_open("fake", &ops, NULL, NULL, &store, &err), CUBE_ERR_INVALID);
	ck_assert_ptr_null(store);
}
END_TEST

START_TEST(a_commit_over_the_limits_of_the_plugin_does_not_reach_it)
{
	struct store *store = open_fake();
	struct cube_write writes[3] = {{.key = "a", .value = "12345", .value_size = 5}};
	struct cube_error err;
	uint64_t revision;

	ck_assert_int_eq(store_commit(store, writes, 1, &revision, &err), CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message, "the value of \"a\" has 5 bytes; the store fake takes 4");
	ck_assert_int_eq(store_commit(store, writes, 3, &revision, &err), CUBE_ERR_INVALID);
	ck_assert_str_eq(err.message, "a commit of 3 writes; the store fake takes 2");
	ck_assert_uint_eq(fake.commits, 0);
	store_close(store);
}
END_TEST

START_TEST(a_revision_that_does_not_grow_is_a_broken_promise)
{
	struct store *store = open_fake();
	struct cube_write write = {.key = "a", .value = "1", .value_size = 1};
	struct cube_error err;
	uint64_t revision = 5;

	ck_assert_int_eq(store_commit(store, &write, 1, &revision, &err), CUBE_ERR_INTERNAL);
	fake.commit_revision = 9;
	ck_assert_int_eq(store_commit(store, &write, 1, &revision, &err), 0);
	ck_assert_uint_eq(revision, 9);
	ck_assert_int_eq(store_commit(store, &write, 1, &revision, &err), CUBE_ERR_INTERNAL);
	ck_assert_ptr_nonnull(strstr(err.message, "the plugin fake broke its contract: commit "
						  "gave revision 9 after revision 9"));
	fake.commit_result = 12;
	ck_assert_int_eq(store_commit(store, &write, 1, &revision, &err), CUBE_ERR_INTERNAL);
	store_close(store);
}
END_TEST

START_TEST(records_that_are_out_of_order_or_range_are_a_broken_promise)
{
	const struct cube_record unsorted[] = {record("b"), record("a")};
	const struct cube_record doubled[] = {record("a"), record("a")};
	const struct cube_record below[] = {record("a")};
	const struct cube_record above[] = {record("c")};
	const struct cube_record no_key[] = {record("")};
	struct cube_record no_value[] = {record("b")};
	struct cube_record no_revision[] = {record("b")};
	struct cube_error err;
	struct seen seen = {0, 0};

	no_value[0].value = NULL;
	no_revision[0].revision = 0;
	ck_assert_int_eq(scan(unsorted, 2, "", "", &seen, &err), CUBE_ERR_INTERNAL);
	ck_assert_ptr_nonnull(strstr(err.message, "scan gave \"a\" after \"b\""));
	ck_assert_int_eq(scan(doubled, 2, "", "", &seen, &err), CUBE_ERR_INTERNAL);
	seen.count = 0;
	ck_assert_int_eq(scan(below, 1, "b", "", &seen, &err), CUBE_ERR_INTERNAL);
	ck_assert_int_eq(scan(above, 1, "", "c", &seen, &err), CUBE_ERR_INTERNAL);
	ck_assert_int_eq(scan(no_key, 1, "", "", &seen, &err), CUBE_ERR_INTERNAL);
	ck_assert_int_eq(scan(no_value, 1, "", "", &seen, &err), CUBE_ERR_INTERNAL);
	ck_assert_int_eq(scan(no_revision, 1, "", "", &seen, &err), CUBE_ERR_INTERNAL);
	ck_assert_uint_eq(seen.count, 0);
	ck_assert_int_eq(scan(above, 1, "c", "", &seen, &err), 0);
	ck_assert_uint_eq(seen.count, 1);
}
END_TEST

START_TEST(a_scan_that_goes_on_after_it_was_told_to_end_is_not_heard)
{
	const struct cube_record records[] = {record("a"), record("b"), record("c")};
	struct store *store = open_fake();
	struct seen seen = {0, 1};
	struct cube_error err;

	fake.records = records;
	fake.record_count = 3;
	fake.deaf = true;
	ck_assert_int_eq(store_scan(store, "", "", seen_visit, &seen, &err), 0);
	ck_assert_uint_eq(fake.visited, 3);
	ck_assert_uint_eq(seen.count, 1);
	store_close(store);
}
END_TEST

START_TEST(more_records_than_the_page_asked_for_are_a_broken_promise)
{
	const struct cube_record records[] = {record("a"), record("a\x20")};
	struct store *store = open_fake();
	struct cube_error err;
	char *value = NULL;
	size_t size;

	fake.records = records;
	fake.record_count = 2;
	ck_assert_int_eq(store_get(store, "a", &value, &size, &err), CUBE_ERR_INTERNAL);
	ck_assert_ptr_null(value);
	store_close(store);
}
END_TEST

static Suite *
suite(void)
{
	Suite *made = suite_create("plugin store");
	TCase *tcase = tcase_create("plugin store");

	tcase_add_test(tcase, a_table_without_a_required_function_is_refused);
	tcase_add_test(tcase, a_commit_over_the_limits_of_the_plugin_does_not_reach_it);
	tcase_add_test(tcase, a_revision_that_does_not_grow_is_a_broken_promise);
	tcase_add_test(tcase, records_that_are_out_of_order_or_range_are_a_broken_promise);
	tcase_add_test(tcase, a_scan_that_goes_on_after_it_was_told_to_end_is_not_heard);
	tcase_add_test(tcase, more_records_than_the_page_asked_for_are_a_broken_promise);
	suite_add_tcase(made, tcase);
	return made;
}

CHECK_MAIN(suite)
