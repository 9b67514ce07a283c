/* base/map.h - text keys to pointers, in the order they were put in.
 *
 * The map borrows its keys: a key stays valid and unchanged while it is in,
 * which is simple when it is a field of the value. Owned by one thread.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>

struct map;

struct map *map_new(void);                                       /* NULL when memory is short */
void map_free(struct map *map, void (*free_value)(void *value)); /* free_value may be NULL */

/* 0; CUBE_ERR_CONFLICT if the key is there already (nothing changes);
 * CUBE_ERR_NO_MEMORY. value is not NULL. */
int map_put(struct map *map, const char *key, void *value);
void *map_get(const struct map *map, const char *key); /* NULL: not there */
void *map_remove(struct map *map, const char *key);    /* the value, or NULL */
size_t map_count(const struct map *map);

/* Walks in the order of putting. *cursor starts as NULL; returns NULL at the
 * end. The value just returned may be removed; nothing else may change. */
void *map_next(const struct map *map, void **cursor);

#endif
