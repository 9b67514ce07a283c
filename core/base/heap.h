/* base/heap.h - what is due next: a binary heap of deadlines whose items know their place.
 *
 * Items are the caller's structs with a struct heap_item inside, so a deadline is
 * moved or taken out in O(log n). Owned by one thread.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct heap_item {
	uint64_t due_ms;
	size_t place; /* 0: in no heap; else index + 1 */
};

struct heap {
	struct heap_item **items;
	size_t count;
	size_t capacity;
};

void heap_release(struct heap *heap);
/* Puts the item in, or moves it if it is in already. 0 or CUBE_ERR_NO_MEMORY. */
int heap_set(struct heap *heap, struct heap_item *item, uint64_t due_ms);
void heap_remove(struct heap *heap, struct heap_item *item); /* no error if it is not in */
struct heap_item *heap_first(const struct heap *heap);       /* soonest; NULL: empty */

#endif
