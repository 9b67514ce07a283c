/* base/map.c - the map of base/map.h, over uthash.
 *
 * Owns the entries and the table, not the keys and values. Strangers choose many of
 * the keys (ids, names, labels), so each map hashes under a secret of its own and
 * nobody can make a table degenerate. uthash keeps the order of putting, which is
 * therefore the same in every run. Owned by one thread.
 */
#include "base/map.h"

#include "base/clock.h"
#include "base/hash.h"

#include <cube/plugin.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct entry {
	const char *key;
	void *value;
	UT_hash_handle hh;
};

struct map {
	struct entry *head; /* uthash's: NULL while empty */
	uint64_t secret[2];
};

struct map *
map_new(void)
{
	struct map *map = calloc(1, sizeof(*map));

	if (map != NULL)
		clock_random(map->secret, sizeof(map->secret));
	return map;
}

void
map_free(struct map *map, void (*free_value)(void *value))
{
	struct entry *entry;
	struct entry *after;

	if (map == NULL)
		return;
	entry = map->head;
	/* Drops the table; the entries stay linked in their order. */
	HASH_CLEAR(hh, map->head);
	for (; entry != NULL; entry = after) {
		after = entry->hh.next;
		if (free_value != NULL)
			free_value(entry->value);
		free(entry);
	}
	free(map);
}

static unsigned int
key_hash(const struct map *map, const char *key, size_t size)
{
	return (unsigned int)hash_keyed(map->secret, key, size);
}

static struct entry *
entry_find(const struct map *map, const char *key, size_t size, unsigned int hash)
{
	struct entry *found = NULL;

	HASH_FIND_BYHASHVALUE(hh, map->head, key, size, hash, found);
	return found;
}

int
map_put(struct map *map, const char *key, void *value)
{
	size_t size = strlen(key);
	unsigned int hash = key_hash(map, key, size);
	struct entry *entry;

	if (entry_find(map, key, size, hash) != NULL)
		return CUBE_ERR_CONFLICT;
	entry = calloc(1, sizeof(*entry));
	if (entry == NULL)
		return CUBE_ERR_NO_MEMORY;
	entry->key = key;
	entry->value = value;
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, map->head, key, size, hash, entry);
	/* Without memory for its table uthash leaves the new entry out, and says so so. */
	if (entry->hh.tbl == NULL) {
		free(entry);
		return CUBE_ERR_NO_MEMORY;
	}
	return 0;
}

void *
map_get(const struct map *map, const char *key)
{
	size_t size = strlen(key);
	const struct entry *found = entry_find(map, key, size, key_hash(map, key, size));

	return found != NULL ? found->value : NULL;
}

void *
map_remove(struct map *map, const char *key)
{
	size_t size = strlen(key);
	struct entry *found = entry_find(map, key, size, key_hash(map, key, size));
	void *value;

	if (found == NULL)
		return NULL;
	HASH_DELETE(hh, map->head, found);
	value = found->value;
	free(found);
	return value;
}

size_t
map_count(const struct map *map)
{
	return HASH_CNT(hh, map->head);
}

void *
map_next(const struct map *map, void **cursor)
{
	/* The cursor is the entry to return next; the map itself stands for the end,
	 * as NULL stands for the start. */
	const struct entry *entry = *cursor != NULL ? *cursor : map->head;
	void *end = (void *)map;

	if (entry == NULL || (const void *)entry == end) {
		*cursor = end;
		return NULL;
	}
	*cursor = entry->hh.next != NULL ? entry->hh.next : end;
	return entry->value;
}
