/* base/idqueue.h - uuids, each with a few bytes, in the order they came: found by id, dropped
 * from the front.
 *
 * For millions of them: one costs 32 bytes and its share of an index, some 40 in all, and
 * what is dropped goes back to the system a chunk at a time. Owned by one thread.
 */
#ifndef BASE_IDQUEUE_H
#define BASE_IDQUEUE_H

#include "base/id.h"

#include <stddef.h>
#include <stdint.h>

#define IDQUEUE_VALUE_SIZE 16

struct idqueue_item {
	uint8_t id[ID_BYTES];
	unsigned char value[IDQUEUE_VALUE_SIZE];
};

struct idqueue;

struct idqueue *idqueue_new(void); /* NULL: no memory */
void idqueue_free(struct idqueue *queue);

/* To the end. 0, CUBE_ERR_CONFLICT if the id is in already, or CUBE_ERR_NO_MEMORY: then
 * nothing has changed. */
int idqueue_push(struct idqueue *queue, const struct idqueue_item *item);
/* Borrowed until the next change; NULL: not there. */
const struct idqueue_item *
idqueue_find(const struct idqueue *queue, const uint8_t id[ID_BYTES]);
const struct idqueue_item *idqueue_first(const struct idqueue *queue); /* NULL: empty */
void idqueue_drop(struct idqueue *queue); /* the first; there is one */
size_t idqueue_count(const struct idqueue *queue);

/* Into another order, as qsort compares. 0 or CUBE_ERR_NO_MEMORY: then as it was. */
int idqueue_sort(struct idqueue *queue, int (*compare)(const void *a, const void *b));

#endif
