/* base/heap.c - a binary heap of deadlines.
 *
 * Owns the array of pointers; the items are the caller's. Each item knows its place,
 * which moves with it, so that any deadline can be changed or taken out without a
 * search. Owned by one thread.
 */
#include "base/heap.h"

#include "base/vec.h"

#include <assert.h>
#include <cube/plugin.h>
#include <stdlib.h>

void
heap_release(struct heap *heap)
{
	size_t i;

	for (i = 0; i < heap->count; i++)
		heap->items[i]->place = 0;
	free(heap->items);
	*heap = (struct heap){0};
}

static void
put_at(struct heap *heap, size_t index, struct heap_item *item)
{
	heap->items[index] = item;
	item->place = index + 1;
}

/* Puts item where it belongs, starting from a free index. */
static void
settle(struct heap *heap, size_t index, struct heap_item *item)
{
	while (index > 0) {
		size_t parent = (index - 1) / 2;

		if (heap->items[parent]->due_ms <= item->due_ms)
			break;
		put_at(heap, index, heap->items[parent]);
		index = parent;
	}
	for (;;) {
		size_t child = 2 * index + 1;

		if (child >= heap->count)
			break;
		if (child + 1 < heap->count &&
		    heap->items[child + 1]->due_ms < heap->items[child]->due_ms)
			child++;
		if (item->due_ms <= heap->items[child]->due_ms)
			break;
		put_at(heap, index, heap->items[child]);
		index = child;
	}
	put_at(heap, index, item);
}

int
heap_set(struct heap *heap, struct heap_item *item, uint64_t due_ms)
{
	struct heap_item **grown;

	if (item->place == 0) {
		grown = vec_reserve(heap->items, &heap->capacity, heap->count + 1,
				    sizeof(struct heap_item *));
		if (grown == NULL)
			return CUBE_ERR_NO_MEMORY;
		heap->items = grown;
		put_at(heap, heap->count, item);
		heap->count++;
	}
	assert(item->place <= heap->count && heap->items[item->place - 1] == item);
	item->due_ms = due_ms;
	settle(heap, item->place - 1, item);
	return 0;
}

void
heap_remove(struct heap *heap, struct heap_item *item)
{
	struct heap_item *last;
	size_t index;

	if (item->place == 0)
		return;
	assert(item->place <= heap->count && heap->items[item->place - 1] == item);
	index = item->place - 1;
	item->place = 0;
	heap->count--;
	last = heap->items[heap->count];
	if (last != item)
		settle(heap, index, last);
}

struct heap_item *
heap_first(const struct heap *heap)
{
	return heap->count > 0 ? heap->items[0] : NULL;
}
