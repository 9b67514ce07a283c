/* plugin/store.c - what a store is to the core: commit and scan, with checks.
 *
 * Owns the plugin's self. Checks what goes in (keys, ranges, the plugin's limits), so that a
 * plugin sees only what cube/store.h promises, and what comes out (order, range, revisions),
 * so that a store that lies is found at once and not after a restart. A scan runs in pages,
 * each starting behind the last key of the one before. One thread at a time.
 */
#include "plugin/store.h"

#include "plugin/outcome.h"

#include <stdlib.h>
#include <string.h>

#define KEY_MAX_BYTES 255
#define PAGE_RECORDS  512

struct store {
	struct cube_store_ops ops;
	void *self;
	char *name;
	uint64_t revision; /* the highest seen, to notice one that goes back */
};

/* One walk over [from, to). */
struct walk {
	const char *store;
	const char *to;
	cube_record_visit *visit;
	void *ctx;
	char last[KEY_MAX_BYTES + 2]; /* the last key seen, with room to step behind it */
	const char *from;             /* keys of this page are not below it */
	uint64_t revision;            /* the highest of a record */
	size_t count;                 /* records in this page */
	size_t limit;
	bool ended; /* the visitor has seen enough */
	int result; /* of a check */
	struct cube_error *err;
};

static const char *
missing_function(const struct cube_store_ops *ops)
{
	if (ops->open == NULL)
		return "open";
	if (ops->close == NULL)
		return "close";
	if (ops->commit == NULL)
		return "commit";
	if (ops->scan == NULL)
		return "scan";
	if (ops->watch != NULL && ops->unwatch == NULL)
		return "unwatch (beside watch)";
	if (ops->campaign != NULL && ops->resign == NULL)
		return "resign (beside campaign)";
	return NULL;
}

int
store_ops_read(const struct cube_store_ops *theirs, struct cube_store_ops *ops,
	       struct cube_error *err)
{
	const size_t least = offsetof(struct cube_store_ops, resign) + sizeof(ops->resign);
	const char *missing;

	if (outcome_copy("struct cube_store_ops", theirs, ops, sizeof(*ops), least, err) != 0)
		return err->code;
	missing = missing_function(ops);
	if (missing != NULL)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "the required function %s of a store is missing", missing);
	return 0;
}

int
store_open(const char *name, const struct cube_store_ops *ops, const struct cube_host *host,
	   const char *const *options, struct store **out, struct cube_error *err)
{
	struct store *store = calloc(1, sizeof(*store));

	if (store == NULL || (store->name = strdup(name)) == NULL) {
		free(store);
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "%s: out of memory", name);
	}
	if (store_ops_read(ops, &store->ops, err) == 0) {
		outcome_expect(err);
		if (outcome_of(name, "open", store->ops.open(host, options, &store->self, err),
			       err) == 0) {
			*out = store;
			return 0;
		}
	}
	free(store->name);
	free(store);
	return err->code;
}

void
store_close(struct store *store)
{
	if (store == NULL)
		return;
	store->ops.close(store->self);
	free(store->name);
	free(store);
}

const char *
store_name(const struct store *store)
{
	return store->name;
}

bool
store_is_durable(const struct store *store)
{
	return (store->ops.flags & CUBE_STORE_DURABLE) != 0;
}

static bool
key_is_valid(const char *key)
{
	size_t size = 0;

	if (key == NULL)
		return false;
	while (key[size] != '\0') {
		if (key[size] < 0x20 || key[size] > 0x7e || ++size > KEY_MAX_BYTES)
			return false;
	}
	return size > 0;
}

static int
check_write(const struct store *store, const struct cube_write *write, struct cube_error *err)
{
	if (!key_is_valid(write->key))
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "a key of the store is 1 to %d printable ASCII characters: "
				 "\"%.64s\"",
				 KEY_MAX_BYTES, write->key != NULL ? write->key : "");
	if ((write->flags & ~(uint32_t)CUBE_WRITE_RANGE) != 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "unknown flags %#x in a write",
				 write->flags);
	if ((write->flags & CUBE_WRITE_RANGE) != 0) {
		if (!key_is_valid(write->key_end) || strcmp(write->key, write->key_end) >= 0 ||
		    write->value != NULL || write->if_revision != CUBE_REVISION_ANY)
			return cube_fail(
				err, CUBE_ERR_INVALID, 0,
				"a delete of the range from \"%.64s\" has an end above "
				"it, no value and no revision",
				write->key);
		return 0;
	}
	if (store->ops.max_value_bytes != 0 && write->value != NULL &&
	    write->value_size > store->ops.max_value_bytes)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "the value of \"%.64s\" has %zu bytes; the store %s takes %u",
				 write->key, write->value_size, store->name,
				 store->ops.max_value_bytes);
	return 0;
}

int
store_commit(struct store *store, const struct cube_write *writes, size_t count,
	     uint64_t *revision, struct cube_error *err)
{
	uint64_t made = 0;
	int result;

	if (count == 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "a commit of no writes");
	if (store->ops.max_writes != 0 && count > store->ops.max_writes)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "a commit of %zu writes; the store %s takes %u", count,
				 store->name, store->ops.max_writes);
	for (size_t i = 0; i < count; i++) {
		if (check_write(store, &writes[i], err) != 0)
			return err->code;
	}
	outcome_expect(err);
	result = store->ops.commit(store->self, writes, count, &made, err);
	if (outcome_of(store->name, "commit", result, err) != 0)
		return err->code;
	if (made <= store->revision)
		return outcome_broken(
			store->name, err, "commit gave revision %llu after revision %llu",
			(unsigned long long)made, (unsigned long long)store->revision);
	store->revision = made;
	*revision = made;
	return 0;
}

static int
check_record(struct walk *walk, const struct cube_record *record)
{
	if (!key_is_valid(record->key))
		return outcome_broken(walk->store, walk->err, "scan gave a key that is none");
	if (record->value == NULL || record->revision == 0)
		return outcome_broken(walk->store, walk->err,
				      "scan gave \"%.64s\" without a %s", record->key,
				      record->value == NULL ? "value" : "revision");
	if (strcmp(record->key, walk->from) < 0 ||
	    (walk->to[0] != '\0' && strcmp(record->key, walk->to) >= 0))
		return outcome_broken(walk->store, walk->err,
				      "scan gave \"%.64s\", outside of [%.32s, %.32s)",
				      record->key, walk->from, walk->to);
	if (walk->count > 0 && strcmp(record->key, walk->last) <= 0)
		return outcome_broken(walk->store, walk->err,
				      "scan gave \"%.64s\" after \"%.64s\"", record->key,
				      walk->last);
	if (walk->count == walk->limit)
		return outcome_broken(walk->store, walk->err,
				      "scan gave more than the %zu records asked for",
				      walk->limit);
	return 0;
}

static int
walk_visit(void *ctx, const struct cube_record *record)
{
	struct walk *walk = ctx;

	/* A plugin that goes on after it was told to end. */
	if (walk->ended || walk->result != 0)
		return 1;
	walk->result = check_record(walk, record);
	if (walk->result != 0)
		return 1;
	memcpy(walk->last, record->key, strlen(record->key) + 1);
	walk->count++;
	if (record->revision > walk->revision)
		walk->revision = record->revision;
	walk->ended = walk->visit(walk->ctx, record) != 0;
	return walk->ended ? 1 : 0;
}

/* One call of the plugin; *more if there may be another page. */
static int
walk_page(struct store *store, struct walk *walk, const char *from, bool *more,
	  struct cube_error *err)
{
	struct cube_error scan_err;
	uint64_t revision = 0;
	int result;

	walk->from = from;
	walk->count = 0;
	walk->revision = 0;
	outcome_expect(&scan_err);
	result = store->ops.scan(store->self, from, walk->to, walk->limit, walk_visit, walk,
				 &revision, &scan_err);
	if (walk->result != 0)
		return walk->result;
	if (outcome_of(store->name, "scan", result, &scan_err) != 0) {
		*err = scan_err;
		return err->code;
	}
	if (revision < walk->revision || revision < store->revision)
		return outcome_broken(store->name, err,
				      "scan gave revision %llu, behind what was written",
				      (unsigned long long)revision);
	store->revision = revision;
	*more = !walk->ended && walk->count == walk->limit;
	return 0;
}

static int
walk_range(struct store *store, const char *from, const char *to, size_t limit, bool pages,
	   cube_record_visit *visit, void *ctx, struct cube_error *err)
{
	struct walk walk = {
		.store = store->name,
		.to = to,
		.visit = visit,
		.ctx = ctx,
		.limit = limit,
		.err = err,
	};
	char start[KEY_MAX_BYTES + 2];
	bool more = false;

	if (walk_page(store, &walk, from, &more, err) != 0)
		return err->code;
	while (pages && more) {
		size_t size = strlen(walk.last);

		/* No key lies between one and the same with a byte below ' ' behind it. */
		memcpy(start, walk.last, size);
		memcpy(start + size, "\x01", 2);
		if (walk_page(store, &walk, start, &more, err) != 0)
			return err->code;
	}
	return 0;
}

int
store_scan(struct store *store, const char *from, const char *to, cube_record_visit *visit,
	   void *ctx, struct cube_error *err)
{
	return walk_range(store, from, to, PAGE_RECORDS, true, visit, ctx, err);
}

struct got {
	char *value;
	size_t size;
	bool found;
};

static int
get_visit(void *ctx, const struct cube_record *record)
{
	struct got *got = ctx;

	got->found = true;
	got->size = record->value_size;
	got->value = malloc(record->value_size + 1);
	if (got->value == NULL)
		return 1;
	memcpy(got->value, record->value, record->value_size);
	got->value[record->value_size] = '\0';
	return 0;
}

int
store_get(struct store *store, const char *key, char **value, size_t *size,
	  struct cube_error *err)
{
	char end[KEY_MAX_BYTES + 2];
	struct got got = {.value = NULL};
	size_t key_size = strlen(key);

	if (!key_is_valid(key))
		return cube_fail(err, CUBE_ERR_INVALID, 0, "no key of a store: \"%.64s\"", key);
	memcpy(end, key, key_size);
	memcpy(end + key_size, "\x01", 2);
	if (walk_range(store, key, end, 1, false, get_visit, &got, err) != 0) {
		free(got.value);
		return err->code;
	}
	if (!got.found)
		return cube_fail(err, CUBE_ERR_NOT_FOUND, 0, "the store has no \"%.64s\"", key);
	if (got.value == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "no memory for \"%.64s\"", key);
	*value = got.value;
	*size = got.size;
	return 0;
}
