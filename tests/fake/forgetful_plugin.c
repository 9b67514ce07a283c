/* tests/fake/forgetful_plugin.c - a store of a few keys that breaks its contract in the way
 * that its option mode= names; sound where it is not told otherwise. */
#include <cube/store.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 1400

struct slot {
	char *key; /* NULL: free */
	char *value;
	size_t size;
	uint64_t revision;
};

struct forgetful {
	const struct cube_host *host;
	const char *mode;
	uint64_t revision;
	struct slot *slots; /* by key, the free ones last */
};

static int
is(const struct forgetful *store, const char *mode)
{
	return strcmp(store->mode, mode) == 0;
}

static int
by_key(const void *a, const void *b)
{
	const struct slot *x = a;
	const struct slot *y = b;

	if (x->key == NULL || y->key == NULL)
		return (x->key == NULL) - (y->key == NULL);
	return strcmp(x->key, y->key);
}

static void
drop(struct slot *slot)
{
	free(slot->key);
	free(slot->value);
	memset(slot, 0, sizeof(*slot));
}

static int
forgetful_open(const struct cube_host *host, const char *const *options, void **self,
	       struct cube_error *err)
{
	struct forgetful *made = host->realloc(host->ctx, NULL, sizeof(*made));

	if (made == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	made->host = host;
	made->mode = options[0];
	made->revision = 0;
	made->slots = calloc(SLOTS, sizeof(*made->slots));
	if (made->slots == NULL)
		abort();
	*self = made;
	return 0;
}

static void
forgetful_close(void *self)
{
	struct forgetful *store = self;

	for (size_t i = 0; i < SLOTS; i++)
		drop(&store->slots[i]);
	free(store->slots);
	(void)store->host->realloc(store->host->ctx, store, 0);
}

static struct slot *
find(struct forgetful *store, const char *key)
{
	for (size_t i = 0; i < SLOTS && store->slots[i].key != NULL; i++) {
		if (strcmp(store->slots[i].key, key) == 0)
			return &store->slots[i];
	}
	return NULL;
}

static int
holds(struct forgetful *store, const struct cube_write *write)
{
	const struct slot *slot;

	if (write->if_revision == CUBE_REVISION_ANY || is(store, "compares-nothing"))
		return 1;
	slot = find(store, write->key);
	return (slot != NULL ? slot->revision : CUBE_REVISION_NONE) == write->if_revision;
}

static void
apply(struct forgetful *store, const struct cube_write *write)
{
	struct slot *slot;

	for (size_t i = 0; (write->flags & CUBE_WRITE_RANGE) != 0 && i < SLOTS; i++) {
		slot = &store->slots[i];
		if (slot->key != NULL && strcmp(slot->key, write->key) >= 0 &&
		    strcmp(slot->key, write->key_end) < 0)
			drop(slot);
	}
	slot = find(store, write->key);
	if (slot != NULL)
		drop(slot);
	if (write->value != NULL) {
		qsort(store->slots, SLOTS, sizeof(*slot), by_key);
		slot = &store->slots[SLOTS - 1];
		slot->key = strdup(write->key);
		slot->value = malloc(write->value_size + 1);
		if (slot->key == NULL || slot->value == NULL)
			abort();
		memcpy(slot->value, write->value, write->value_size);
		slot->size =
			write->value_size - (is(store, "cuts-values") && write->value_size > 1);
		slot->revision = store->revision;
	}
	qsort(store->slots, SLOTS, sizeof(*slot), by_key);
}

static int
forgetful_commit(void *self, const struct cube_write *writes, size_t n, uint64_t *revision,
		 struct cube_error *err)
{
	struct forgetful *store = self;

	for (size_t i = 0; i < n; i++) {
		if (!holds(store, &writes[i]))
			return cube_fail(err, CUBE_ERR_CONFLICT, 0, "\"%s\" is another",
					 writes[i].key);
		if (is(store, "half") && !(i + 1 < n && !holds(store, &writes[i + 1])))
			continue;
		if (is(store, "half"))
			apply(store, &writes[i]);
	}
	store->revision += !is(store, "stands-still") || store->revision == 0;
	for (size_t i = 0; i < n; i++)
		apply(store, &writes[is(store, "backwards") ? n - 1 - i : i]);
	*revision = store->revision;
	return 0;
}

static int
forgetful_scan(void *self, const char *from, const char *to, size_t limit,
	       cube_record_visit *visit, void *ctx, uint64_t *revision, struct cube_error *err)
{
	const struct forgetful *store = self;
	size_t count = 0;

	(void)err;
	for (size_t i = 0; i < SLOTS && store->slots[i].key != NULL; i++) {
		const struct slot *slot =
			&store->slots[is(store, "unsorted") && i < 2 &&
						      store->slots[1].key != NULL
					      ? 1 - i
					      : i];
		const struct cube_record record = {.key = slot->key,
						   .value = slot->value,
						   .value_size = slot->size,
						   .revision = slot->revision};

		if (strcmp(slot->key, from) < 0 ||
		    (to[0] != '\0' && strcmp(slot->key, to) >= 0))
			continue;
		if (visit(ctx, &record) != 0 || (++count == limit && !is(store, "no-limit")))
			break;
	}
	*revision = store->revision;
	return 0;
}

static const struct cube_option forgetful_options[] = {
	{"mode", "forgets", "which promise to break"},
	{NULL, NULL, NULL},
};

static const struct cube_store_ops forgetful_ops = {
	.struct_size = sizeof(forgetful_ops),
	.flags = CUBE_STORE_DURABLE, /* which it is not */
	.open = forgetful_open,
	.close = forgetful_close,
	.commit = forgetful_commit,
	.scan = forgetful_scan,
};

const struct cube_plugin cube_plugin = {
	CUBE_PLUGIN_HEADER(CUBE_PLUGIN_STORE),
	.name = "forgetful",
	.version = "1",
	.summary = "says DURABLE, and has nothing when it is opened again",
	.options = forgetful_options,
	.ops.store = &forgetful_ops,
};
