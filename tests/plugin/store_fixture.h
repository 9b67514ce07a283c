/* tests/plugin/store_fixture.h - a store in a folder of its own, opened as the core opens it,
 * with short ways to write, read and look at errors. */
#ifndef PLUGIN_STORE_FIXTURE_H
#define PLUGIN_STORE_FIXTURE_H

#include "fixture.h"
#include "plugin/store.h"

#include <stdbool.h>

struct store_stage {
	struct fixture_host host;
	struct plugin *plugin;
	const char **options;
	struct store *store;
	char folder[64];
	char path[96]; /* of the store's file, where it has one */
};

static inline void
stage_load(struct store_stage *stage, const char *file)
{
	memset(stage, 0, sizeof(*stage));
	(void)fixture_host_init(&stage->host);
	stage->plugin = fixture_load(file, CUBE_PLUGIN_STORE);
	(void)snprintf(stage->folder, sizeof(stage->folder), "/tmp/cube-store-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(stage->folder));
	(void)snprintf(stage->path, sizeof(stage->path), "%s/cube.db", stage->folder);
}

/* Opens it at stage->path. */
static inline int
stage_try_open(struct store_stage *stage, struct cube_error *err)
{
	char pair[128];
	const char *pairs[] = {pair};
	size_t count = stage->plugin->info.options != NULL ? 1 : 0;

	(void)snprintf(pair, sizeof(pair), "path=%s", stage->path);
	free(stage->options);
	stage->options = fixture_options(stage->plugin, pairs, count);
	return store_open(stage->plugin->info.name, stage->plugin->info.ops.store,
			  &stage->host.host.host, stage->options, &stage->store, err);
}

static inline void
stage_open(struct store_stage *stage)
{
	struct cube_error err;

	ck_assert_msg(stage_try_open(stage, &err) == 0, "%s", err.message);
}

static inline void
stage_close(struct store_stage *stage)
{
	store_close(stage->store);
	stage->store = NULL;
}

static inline void
stage_release(struct store_stage *stage)
{
	static const char *const endings[] = {"", "-wal", "-shm", "-journal"};

	stage_close(stage);
	for (size_t i = 0; i < 4; i++) {
		char path[128];

		(void)snprintf(path, sizeof(path), "%s%s", stage->path, endings[i]);
		(void)unlink(path);
	}
	(void)rmdir(stage->folder);
	free(stage->options);
	plugin_unload(stage->plugin);
}

static inline struct cube_write
put(const char *key, const char *value)
{
	return (struct cube_write){.key = key,
				   .value = value,
				   .value_size = strlen(value),
				   .if_revision = CUBE_REVISION_ANY};
}

static inline struct cube_write
del(const char *key)
{
	return (struct cube_write){.key = key, .if_revision = CUBE_REVISION_ANY};
}

static inline struct cube_write
del_range(const char *key, const char *key_end)
{
	return (struct cube_write){.key = key,
				   .key_end = key_end,
				   .if_revision = CUBE_REVISION_ANY,
				   .flags = CUBE_WRITE_RANGE};
}

static inline struct cube_write
put_if(const char *key, const char *value, uint64_t revision)
{
	struct cube_write write = put(key, value);

	write.if_revision = revision;
	return write;
}

static inline uint64_t
commit(struct store_stage *stage, const struct cube_write *writes, size_t count)
{
	struct cube_error err;
	uint64_t revision = 0;

	ck_assert_msg(store_commit(stage->store, writes, count, &revision, &err) == 0, "%s",
		      err.message);
	return revision;
}

static inline uint64_t
commit_one(struct store_stage *stage, struct cube_write write)
{
	return commit(stage, &write, 1);
}

static inline int
try_commit(struct store_stage *stage, const struct cube_write *writes, size_t count,
	   struct cube_error *err)
{
	uint64_t revision = 4711;
	int result = store_commit(stage->store, writes, count, &revision, err);

	if (result != 0)
		ck_assert_uint_eq(revision, 4711);
	return result;
}

/* "key=value key=value ..." of [from, to). */
struct listing {
	char text[4096];
	size_t count;
	size_t stop_after; /* 0: never */
};

static inline int
listing_visit(void *ctx, const struct cube_record *record)
{
	struct listing *listing = ctx;
	size_t used = strlen(listing->text);

	(void)snprintf(listing->text + used, sizeof(listing->text) - used, "%s%s=%.*s",
		       used > 0 ? " " : "", record->key, (int)record->value_size,
		       (const char *)record->value);
	return ++listing->count == listing->stop_after;
}

static inline void
expect_range(struct store_stage *stage, const char *from, const char *to, const char *text)
{
	struct listing listing = {.count = 0};
	struct cube_error err;

	ck_assert_msg(store_scan(stage->store, from, to, listing_visit, &listing, &err) == 0,
		      "%s", err.message);
	ck_assert_str_eq(listing.text, text);
}

static inline void
expect_all(struct store_stage *stage, const char *text)
{
	expect_range(stage, "", "", text);
}

static inline int
count_visit(void *ctx, const struct cube_record *record)
{
	(void)record;
	(*(size_t *)ctx)++;
	return 0;
}

static inline size_t
count_records(struct store_stage *stage)
{
	struct cube_error err;
	size_t count = 0;

	ck_assert_msg(store_scan(stage->store, "", "", count_visit, &count, &err) == 0, "%s",
		      err.message);
	return count;
}

#endif
