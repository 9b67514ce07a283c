/* plugins/store/memory.c - a store that forgets: for tests, and for trying cube out.
 *
 * Records stand in a skip list (Pugh, 1990) ordered by key, so that a scan and a delete of a
 * range walk it and a write finds its place in logarithmic time. A commit first compares,
 * then makes all of its new records aside, and only when nothing can fail any more links
 * them in: that is how it is all or none. Owns the records and copies of their keys and
 * values. [loop]
 */
#include <cube/store.h>
#include <stdbool.h>
#include <string.h>

#define LEVELS 20 /* of a list of a million, at one in two */

struct record {
	uint64_t revision;
	size_t value_size;
	const char *key; /* behind next, as the value */
	const void *value;
	uint32_t levels;
	struct record *next[]; /* levels of them */
};

struct memory {
	const struct cube_host *host;
	uint64_t revision;
	struct record *first[LEVELS];
};

/* Where a key stands: the pointer to follow, and change, on each level. */
struct place {
	struct record **link[LEVELS];
};

static int
memory_open(const struct cube_host *host, const char *const *options, void **self,
	    struct cube_error *err)
{
	struct memory *memory = host->realloc(host->ctx, NULL, sizeof(*memory));

	(void)options;
	if (memory == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	memset(memory, 0, sizeof(*memory));
	memory->host = host;
	*self = memory;
	return 0;
}

static void
record_free(struct memory *memory, struct record *record)
{
	(void)memory->host->realloc(memory->host->ctx, record, 0);
}

static void
memory_close(void *self)
{
	struct memory *memory = self;
	struct record *record = memory->first[0];

	while (record != NULL) {
		struct record *next = record->next[0];

		record_free(memory, record);
		record = next;
	}
	(void)memory->host->realloc(memory->host->ctx, memory, 0);
}

/* The place before the first record whose key is not below key. */
static struct record *
find(struct memory *memory, const char *key, struct place *place)
{
	struct record **links = memory->first;

	for (uint32_t level = LEVELS; level-- > 0;) {
		while (links[level] != NULL && strcmp(links[level]->key, key) < 0)
			links = links[level]->next;
		place->link[level] = &links[level];
	}
	return *place->link[0];
}

static struct record *
find_exact(struct memory *memory, const char *key, struct place *place)
{
	struct record *record = find(memory, key, place);

	return record != NULL && strcmp(record->key, key) == 0 ? record : NULL;
}

/* A record of its own, linked to nothing; NULL: no memory. */
static struct record *
record_new(struct memory *memory, const struct cube_write *write, uint64_t revision)
{
	uint64_t coin = memory->host->random(memory->host->ctx);
	size_t key_size = strlen(write->key) + 1;
	struct record *record;
	uint32_t levels = 1;
	char *text;

	while (levels < LEVELS && (coin >> levels & 1) != 0)
		levels++;
	if (write->value_size > SIZE_MAX / 2)
		return NULL;
	record = memory->host->realloc(memory->host->ctx, NULL,
				       sizeof(*record) + levels * sizeof(struct record *) +
					       key_size + write->value_size + 1);
	if (record == NULL)
		return NULL;
	text = (char *)&record->next[levels];
	memcpy(text, write->key, key_size);
	record->key = text;
	text += key_size;
	if (write->value_size > 0)
		memcpy(text, write->value, write->value_size);
	text[write->value_size] = '\0';
	record->value = text;
	record->value_size = write->value_size;
	record->revision = revision;
	record->levels = levels;
	return record;
}

static void
link_in(struct record *record, const struct place *place)
{
	for (uint32_t level = 0; level < record->levels; level++) {
		record->next[level] = *place->link[level];
		*place->link[level] = record;
	}
}

/* place is that of record; it then is that of the next one. */
static void
take_out(struct memory *memory, struct record *record, const struct place *place)
{
	for (uint32_t level = 0; level < record->levels; level++)
		*place->link[level] = record->next[level];
	record_free(memory, record);
}

/* Cannot fail. made is the record to put in, or NULL for a delete. */
static void
apply(struct memory *memory, const struct cube_write *write, struct record *made)
{
	struct place place;
	struct record *old;

	if ((write->flags & CUBE_WRITE_RANGE) != 0) {
		old = find(memory, write->key, &place);
		while (old != NULL && strcmp(old->key, write->key_end) < 0) {
			take_out(memory, old, &place);
			old = *place.link[0];
		}
		return;
	}
	old = find_exact(memory, write->key, &place);
	if (old != NULL)
		take_out(memory, old, &place);
	if (made != NULL)
		link_in(made, &place);
}

static int
compare(struct memory *memory, const struct cube_write *writes, size_t n,
	struct cube_error *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct record *record;
		struct place place;
		uint64_t revision;

		if (writes[i].if_revision == CUBE_REVISION_ANY)
			continue;
		record = find_exact(memory, writes[i].key, &place);
		revision = record != NULL ? record->revision : CUBE_REVISION_NONE;
		if (revision != writes[i].if_revision)
			return cube_fail(err, CUBE_ERR_CONFLICT, 0,
					 "\"%.64s\" is at revision %llu, not %llu",
					 writes[i].key, (unsigned long long)revision,
					 (unsigned long long)writes[i].if_revision);
	}
	return 0;
}

static int
memory_commit(void *self, const struct cube_write *writes, size_t n, uint64_t *revision,
	      struct cube_error *err)
{
	struct memory *memory = self;
	const struct cube_host *host = memory->host;
	struct record **made;
	size_t count;

	if (compare(memory, writes, n, err) != 0)
		return err->code;
	made = host->realloc(host->ctx, NULL, n * sizeof(struct record *));
	if (made == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	for (count = 0; count < n; count++) {
		made[count] = NULL;
		if (writes[count].value == NULL)
			continue;
		made[count] = record_new(memory, &writes[count], memory->revision + 1);
		if (made[count] == NULL)
			break;
	}
	if (count < n) {
		while (count-- > 0)
			record_free(memory, made[count]);
		(void)host->realloc(host->ctx, made, 0);
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	}
	for (size_t i = 0; i < n; i++)
		apply(memory, &writes[i], made[i]);
	(void)host->realloc(host->ctx, made, 0);
	*revision = ++memory->revision;
	return 0;
}

static int
memory_scan(void *self, const char *from, const char *to, size_t limit,
	    cube_record_visit *visit, void *ctx, uint64_t *revision, struct cube_error *err)
{
	struct memory *memory = self;
	struct place place;
	size_t count = 0;

	(void)err;
	for (const struct record *at = find(memory, from, &place); at != NULL;
	     at = at->next[0]) {
		struct cube_record record = {
			.key = at->key,
			.value = at->value,
			.value_size = at->value_size,
			.revision = at->revision,
		};

		if ((to[0] != '\0' && strcmp(at->key, to) >= 0) ||
		    (limit != 0 && count == limit))
			break;
		count++;
		if (visit(ctx, &record) != 0)
			break;
	}
	*revision = memory->revision;
	return 0;
}

static const struct cube_store_ops memory_ops = {
	.struct_size = sizeof(memory_ops),
	.open = memory_open,
	.close = memory_close,
	.commit = memory_commit,
	.scan = memory_scan,
};

const struct cube_plugin cube_plugin = {
	CUBE_PLUGIN_HEADER(CUBE_PLUGIN_STORE),
	.name = "memory",
	.version = CUBE_VERSION,
	.summary = "keeps nothing over a restart: for tests and for trying cube out",
	.ops.store = &memory_ops,
};
