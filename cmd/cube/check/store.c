/* check/store.c - what every store holds: all or none, order, ranges, limits, revisions. Runs
 * in the child of a check. */
#include "checks.h"
#include "keeper.h"
#include "kind.h"

#include <stdlib.h>
#include <string.h>

#define MANY_WRITES 1000 /* where the plugin has no limit */
#define LARGE_BYTES ((size_t)4 << 20)

/* ---- what all kinds are checked with ---- */

static void
setup(struct trial *trial)
{
	(void)trial; /* a store brings all with it */
}

static int
count_one(void *ctx, const struct cube_record *record)
{
	(void)record;
	(*(size_t *)ctx)++;
	return 0;
}

static int
exercise(struct life *life, struct cube_error *err)
{
	const struct cube_store_ops *ops = life->trial->subject->plugin->info.ops.store;
	struct cube_write writes[] = {put("a", "1"), put("b", "2"), del("c")};
	uint64_t revision = 0;
	size_t count = 0;
	int result;

	memset(err, 0, sizeof(*err));
	trial_calls(life->trial, "commit");
	result = ops->commit(life->self, writes, 3, &revision, err);
	trial_returned(life->trial);
	if (trial_outcome(life->trial, "commit", result, err) != 0)
		return err->code;
	trial_calls(life->trial, "scan");
	result = ops->scan(life->self, "", "", 0, count_one, &count, &revision, err);
	trial_returned(life->trial);
	if (trial_outcome(life->trial, "scan", result, err) != 0)
		return err->code;
	if (count != 2)
		trial_fail(life->trial, "scan gave %zu records of the 2 that were committed",
			   count);
	return 0;
}

/* ---- values, keys, order ---- */

static size_t
value_limit(const struct keeper *keeper)
{
	uint32_t limit = keeper->trial->subject->plugin->info.ops.store->max_value_bytes;

	return limit != 0 && limit < LARGE_BYTES ? limit : LARGE_BYTES;
}

static void
check_values(struct trial *trial)
{
	const size_t sizes[] = {0, 1, 2, 255, 4096, 65536, LARGE_BYTES};
	struct keeper keeper;
	struct cube_error err;

	keeper_open(&keeper, trial);
	keeper_expect(&keeper, "", "", "");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t size = sizes[i] < value_limit(&keeper) ? sizes[i] : value_limit(&keeper);
		unsigned char *bytes = malloc(size + 1);
		struct cube_write write = {.key = "k",
					   .value = bytes,
					   .value_size = size,
					   .if_revision = CUBE_REVISION_ANY};
		char *value = NULL;
		size_t found = 0;

		if (bytes == NULL)
			trial_fail(trial, "no memory for the check");
		trial_scene(trial, "a value of %zu bytes", size);
		for (size_t k = 0; k < size; k++)
			bytes[k] = (unsigned char)(k * 7); /* NUL bytes, no UTF-8 */
		keeper_commit(&keeper, &write, 1);
		trial_calls(trial, "scan");
		if (store_get(keeper.store, "k", &value, &found, &err) != 0)
			trial_fail(trial, "scan does not find what was committed: %s",
				   trial_words(&err));
		trial_returned(trial);
		if (found != size || memcmp(value, bytes, size) != 0)
			trial_fail(trial, "scan gave another value of %zu bytes", found);
		free(value);
		free(bytes);
	}
	keeper_close(&keeper);
}

static void
check_keys(struct trial *trial)
{
	struct cube_write writes[] = {put("b", ""),  put("a~", ""), put("a/1", ""),
				      put("B", ""),  put("a", ""),  put("a/", ""),
				      put("a0", ""), put("~", ""),  put(" ", "")};
	char longest[256];
	char beyond[600];
	struct cube_write write;
	struct keeper keeper;

	keeper_open(&keeper, trial);
	keeper_commit(&keeper, writes, 9);
	keeper_expect(&keeper, "", "", " = B= a= a/= a/1= a0= a~= b= ~=");
	keeper_expect(&keeper, "a/", "a0", "a/= a/1=");
	keeper_expect(&keeper, "a", "a", "");
	keeper_expect(&keeper, "b", "", "b= ~=");
	keeper_expect(&keeper, "", "a", " = B=");
	keeper_expect(&keeper, "a\x01", "a/1\x01", "a/= a/1=");
	keeper_expect(&keeper, "z", "a", "");
	trial_scene(trial, "a key of 255 bytes");
	memset(longest, 'k', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	memset(beyond, 'k', sizeof(beyond) - 1);
	beyond[sizeof(beyond) - 1] = '\0';
	write = put(longest, "x");
	keeper_commit(&keeper, &write, 1);
	trial_scene(trial, "bounds that are longer than a key");
	keeper_expect(&keeper, beyond, "", "~=");
	keeper_close(&keeper);
}

struct page {
	size_t count;
	size_t end_after; /* 0: never */
	char first[8];
};

static int
visit_page(void *ctx, const struct cube_record *record)
{
	struct page *page = ctx;

	if (page->count++ == 0)
		(void)snprintf(page->first, sizeof(page->first), "%.7s", record->key);
	return page->count == page->end_after;
}

static void
expect_page(struct keeper *keeper, void *self, const char *from, size_t limit, size_t end_after,
	    size_t count)
{
	const struct cube_store_ops *ops = keeper->trial->subject->plugin->info.ops.store;
	struct page page = {.end_after = end_after};
	struct cube_error err = {0};
	uint64_t revision = 0;
	int result;

	trial_calls(keeper->trial, "scan");
	result = ops->scan(self, from, "", limit, visit_page, &page, &revision, &err);
	trial_returned(keeper->trial);
	if (trial_outcome(keeper->trial, "scan", result, &err) != 0)
		trial_fail(keeper->trial, "scan failed: %s", err.message);
	if (page.count != count)
		trial_fail(keeper->trial,
			   "scan gave %zu records, and %zu were asked for (limit %zu, the "
			   "visitor ends after %zu)",
			   page.count, count, limit, end_after);
	if (strcmp(page.first, from[0] != '\0' ? from : "a") != 0)
		trial_fail(keeper->trial, "scan from \"%s\" began with \"%s\"", from,
			   page.first);
}

static void
check_limits(struct trial *trial)
{
	struct cube_write writes[] = {put("a", ""), put("b", ""), put("c", ""), put("d", "")};
	struct keeper keeper = {.trial = trial};
	struct cube_error err = {0};
	uint64_t revision;

	life_init(&keeper.life, trial, 1);
	life_open(&keeper.life);
	trial_calls(trial, "commit");
	if (trial->subject->plugin->info.ops.store->commit(keeper.life.self, writes, 4,
							   &revision, &err) != 0)
		trial_fail(trial, "commit failed where nothing is wrong: %.200s", err.message);
	expect_page(&keeper, keeper.life.self, "", 0, 0, 4);
	expect_page(&keeper, keeper.life.self, "", 1, 0, 1);
	expect_page(&keeper, keeper.life.self, "", 3, 0, 3);
	expect_page(&keeper, keeper.life.self, "", 100, 0, 4);
	expect_page(&keeper, keeper.life.self, "b", 2, 0, 2);
	expect_page(&keeper, keeper.life.self, "", 0, 2, 2);
	expect_page(&keeper, keeper.life.self, "c", 3, 1, 1);
	life_close(&keeper.life);
	life_release(&keeper.life);
}

/* ---- commits ---- */

static void
check_order(struct trial *trial)
{
	struct cube_write first[] = {put("a", "1"), put("a", "2"), put("b", "1"), del("b")};
	struct cube_write second[] = {put("r/1", "x"), put("r/3", "x"), del_range("r/", "r0"),
				      put("r/2", "y")};
	struct cube_write third[] = {put("e/1", ""), put("e/2", ""), put("e/3", ""),
				     put("e/30", ""), put("f", "")};
	struct cube_write fourth[] = {del_range("e/2", "e/30"), del("nothing"),
				      del_range("x", "y")};
	struct keeper keeper;

	keeper_open(&keeper, trial);
	keeper_commit(&keeper, first, 4);
	keeper_expect(&keeper, "", "", "a=2");
	keeper_commit(&keeper, second, 4);
	keeper_expect(&keeper, "", "", "a=2 r/2=y");
	keeper_commit(&keeper, third, 5);
	keeper_commit(&keeper, fourth, 3);
	keeper_expect(&keeper, "e", "g", "e/1= e/30= f=");
	keeper_close(&keeper);
}

static void
check_all_or_none(struct trial *trial)
{
	struct cube_write exists[] = {put("new", "1"), put_if("a", "2", CUBE_REVISION_NONE)};
	struct cube_write other[] = {put("new", "1"), del_range("a", "b"), put("a", "2")};
	struct cube_write absent = put_if("c", "1", 77);
	struct cube_write first = put_if("a", "1", CUBE_REVISION_NONE);
	struct keeper keeper;
	uint64_t revision;

	keeper_open(&keeper, trial);
	revision = keeper_commit(&keeper, &first, 1);
	for (int i = 0; i < 3; i++) {
		trial_scene(trial, "a key that must not exist, and does");
		keeper_refused(&keeper, exists, 2, CUBE_ERR_CONFLICT);
		trial_scene(trial, "a revision of a key that is not there");
		keeper_refused(&keeper, &absent, 1, CUBE_ERR_CONFLICT);
		trial_scene(trial, "a revision that is another");
		other[2].if_revision = revision + 1;
		keeper_refused(&keeper, other, 3, CUBE_ERR_CONFLICT);
		keeper_expect(&keeper, "", "", "a=1");
	}
	/* Compared with what was before the commit, not with what its own writes did. */
	trial_scene(trial, "a revision that holds before the commit");
	other[2].if_revision = revision;
	keeper_commit(&keeper, other, 3);
	keeper_expect(&keeper, "", "", "a=2 new=1");
	keeper_close(&keeper);
}

struct revisions {
	uint64_t of[4];
	size_t count;
};

static int
visit_revision(void *ctx, const struct cube_record *record)
{
	struct revisions *revisions = ctx;

	if (revisions->count == 4)
		return 1;
	revisions->of[revisions->count++] = record->revision;
	return 0;
}

static void
check_revisions(struct trial *trial)
{
	struct cube_write both[] = {put("a", "1"), put("b", "1")};
	struct cube_write again = put("b", "2");
	struct cube_write gone = del("a");
	struct revisions revisions = {.count = 0};
	struct keeper keeper;
	struct cube_error err;
	uint64_t first;
	uint64_t second;

	keeper_open(&keeper, trial);
	first = keeper_commit(&keeper, both, 2);
	second = keeper_commit(&keeper, &again, 1);
	trial_calls(trial, "scan");
	if (store_scan(keeper.store, "", "", visit_revision, &revisions, &err) != 0)
		trial_fail(trial, "scan failed: %s", trial_words(&err));
	trial_returned(trial);
	if (revisions.count != 2 || revisions.of[0] != first || revisions.of[1] != second)
		trial_fail(trial,
			   "scan gives records another revision than the commit that wrote "
			   "them");
	(void)keeper_commit(&keeper, &gone, 1);
	keeper_close(&keeper);
}

static void
check_many(struct trial *trial)
{
	uint32_t limit = trial->subject->plugin->info.ops.store->max_writes;
	size_t count = limit != 0 && limit < MANY_WRITES ? limit : MANY_WRITES;
	struct cube_write *writes = calloc(count, sizeof(*writes));
	char(*keys)[16] = calloc(count, sizeof(*keys));
	struct keeper keeper;
	struct cube_error err;
	size_t found = 0;

	if (writes == NULL || keys == NULL)
		trial_fail(trial, "no memory for the check");
	trial_scene(trial, "%zu writes in one commit", count);
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(keys[i], sizeof(keys[i]), "k/%zu", i);
		writes[i] = put(keys[i], "v");
	}
	keeper_open(&keeper, trial);
	keeper_commit(&keeper, writes, count);
	trial_calls(trial, "scan");
	if (store_scan(keeper.store, "", "", count_one, &found, &err) != 0)
		trial_fail(trial, "scan failed: %s", trial_words(&err));
	trial_returned(trial);
	if (found != count)
		trial_fail(trial, "scan gave %zu records", found);
	keeper_close(&keeper);
	free(writes);
	free(keys);
}

static const struct check checks[] = {
	{.name = "reads back what was committed", .run = check_values},
	{.name = "keeps keys in the order of their bytes", .run = check_keys},
	{.name = "ends a scan where it is told to", .run = check_limits},
	{.name = "applies the writes of a commit in their order", .run = check_order},
	{.name = "writes all of a commit or nothing", .run = check_all_or_none},
	{.name = "gives revisions that grow", .run = check_revisions},
	{.name = "takes as many writes as it says", .run = check_many},
	{.name = "has everything when it is opened again", .run = check_reopen},
	{.name = "has everything when its process was killed", .run = check_killed},
	{.name = "agrees with a model over 300 random commits", .run = check_model},
	{.name = NULL},
};

const struct kind kind_store = {
	.kind = CUBE_PLUGIN_STORE,
	.setup = setup,
	.exercise = exercise,
	.calls = 40,
	.checks = checks,
};
