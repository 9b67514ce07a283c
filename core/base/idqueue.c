/* base/idqueue.c - the queue of base/idqueue.h: chunks of items, and an index over them.
 *
 * An item has a number that only grows; the chunk and the place in it follow from that. The
 * index is a table of numbers with open addressing and linear probing, at most seven tenths
 * full, so that a short walk ends at a free slot; a slot that is freed is filled up from
 * behind (Knuth, The Art of Computer Programming 3, 6.4, algorithm R), so that walks stay
 * short. Strangers choose the ids: they are hashed under a secret of the queue's own.
 */
#include "base/idqueue.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/vec.h"

#include <assert.h>
#include <cube/plugin.h>
#include <stdlib.h>
#include <string.h>

/* A quarter of a MiB: malloc gives that pages of its own, so a chunk that is freed goes back
 * to the system, and one that stays keeps nothing around it from going. */
#define CHUNK_ITEMS 8192
#define SLOTS_MIN   64
/* What a slot can tell apart; more items than that are refused. */
#define NUMBERS ((uint64_t)1 << 31)

struct idqueue {
	struct idqueue_item **chunks; /* of CHUNK_ITEMS each, from that of the first item on */
	size_t chunk_count;
	size_t chunk_capacity;
	uint64_t first;    /* number of the first item */
	uint64_t next;     /* of the next one */
	uint32_t *slots;   /* 0: free; else the item's number modulo NUMBERS, and one */
	size_t slot_count; /* a power of two */
	uint64_t secret[2];
};

struct idqueue *
idqueue_new(void)
{
	struct idqueue *queue = calloc(1, sizeof(*queue));

	if (queue == NULL)
		return NULL;
	queue->slots = calloc(SLOTS_MIN, sizeof(*queue->slots));
	if (queue->slots == NULL) {
		free(queue);
		return NULL;
	}
	queue->slot_count = SLOTS_MIN;
	clock_random(queue->secret, sizeof(queue->secret));
	return queue;
}

void
idqueue_free(struct idqueue *queue)
{
	size_t i;

	if (queue == NULL)
		return;
	for (i = 0; i < queue->chunk_count; i++)
		free(queue->chunks[i]);
	free(queue->chunks);
	free(queue->slots);
	free(queue);
}

size_t
idqueue_count(const struct idqueue *queue)
{
	return (size_t)(queue->next - queue->first);
}

static struct idqueue_item *
item_at(const struct idqueue *queue, uint64_t number)
{
	size_t chunk = (size_t)(number / CHUNK_ITEMS - queue->first / CHUNK_ITEMS);

	return &queue->chunks[chunk][number % CHUNK_ITEMS];
}

/* ---- the index ---- */

/* Where a walk for this id begins. */
static size_t
home_of(const struct idqueue *queue, const uint8_t id[ID_BYTES])
{
	return (size_t)hash_keyed(queue->secret, id, ID_BYTES) & (queue->slot_count - 1);
}

static uint32_t
slot_value(uint64_t number)
{
	return (uint32_t)(number % NUMBERS) + 1;
}

static struct idqueue_item *
slot_item(const struct idqueue *queue, size_t slot)
{
	uint64_t low = queue->slots[slot] - 1;
	uint64_t distance = (low - queue->first) % NUMBERS;

	return item_at(queue, queue->first + distance);
}

/* The slot of this id, or the free one at which the walk for it ends. */
static size_t
slot_find(const struct idqueue *queue, const uint8_t id[ID_BYTES])
{
	size_t slot = home_of(queue, id);

	while (queue->slots[slot] != 0 && memcmp(slot_item(queue, slot)->id, id, ID_BYTES) != 0)
		slot = (slot + 1) & (queue->slot_count - 1);
	return slot;
}

static void
index_all(struct idqueue *queue)
{
	uint64_t number;

	memset(queue->slots, 0, queue->slot_count * sizeof(*queue->slots));
	for (number = queue->first; number != queue->next; number++)
		queue->slots[slot_find(queue, item_at(queue, number)->id)] = slot_value(number);
}

static int
index_resize(struct idqueue *queue, size_t slot_count)
{
	uint32_t *slots = calloc(slot_count, sizeof(*slots));

	if (slots == NULL)
		return CUBE_ERR_NO_MEMORY;
	free(queue->slots);
	queue->slots = slots;
	queue->slot_count = slot_count;
	index_all(queue);
	return 0;
}

/* Frees a slot: what follows it without a gap moves up where its walk allows. */
static void
slot_clear(struct idqueue *queue, size_t hole)
{
	size_t mask = queue->slot_count - 1;
	size_t slot = hole;

	for (;;) {
		size_t home;

		slot = (slot + 1) & mask;
		if (queue->slots[slot] == 0)
			break;
		home = home_of(queue, slot_item(queue, slot)->id);
		if (((slot - home) & mask) < ((slot - hole) & mask))
			continue;
		queue->slots[hole] = queue->slots[slot];
		hole = slot;
	}
	queue->slots[hole] = 0;
}

/* ---- the items ---- */

/* A chunk for the next item, if there is none yet. */
static int
make_room(struct idqueue *queue)
{
	size_t need = (size_t)(queue->next / CHUNK_ITEMS - queue->first / CHUNK_ITEMS) + 1;
	struct idqueue_item **grown;
	struct idqueue_item *chunk;

	if (need <= queue->chunk_count)
		return 0;
	grown = vec_reserve(queue->chunks, &queue->chunk_capacity, need,
			    sizeof(struct idqueue_item *));
	if (grown == NULL)
		return CUBE_ERR_NO_MEMORY;
	queue->chunks = grown;
	chunk = malloc(CHUNK_ITEMS * sizeof(*chunk));
	if (chunk == NULL)
		return CUBE_ERR_NO_MEMORY;
	queue->chunks[queue->chunk_count++] = chunk;
	return 0;
}

int
idqueue_push(struct idqueue *queue, const struct idqueue_item *item)
{
	size_t count = idqueue_count(queue);
	size_t slot;

	if (queue->slots[slot_find(queue, item->id)] != 0)
		return CUBE_ERR_CONFLICT;
	if (count + 1 >= NUMBERS || make_room(queue) != 0)
		return CUBE_ERR_NO_MEMORY;
	if ((count + 1) * 10 > queue->slot_count * 7 &&
	    index_resize(queue, queue->slot_count * 2) != 0)
		return CUBE_ERR_NO_MEMORY;
	slot = slot_find(queue, item->id);
	*item_at(queue, queue->next) = *item;
	queue->slots[slot] = slot_value(queue->next++);
	return 0;
}

const struct idqueue_item *
idqueue_find(const struct idqueue *queue, const uint8_t id[ID_BYTES])
{
	size_t slot = slot_find(queue, id);

	return queue->slots[slot] != 0 ? slot_item(queue, slot) : NULL;
}

const struct idqueue_item *
idqueue_first(const struct idqueue *queue)
{
	return queue->next != queue->first ? item_at(queue, queue->first) : NULL;
}

void
idqueue_drop(struct idqueue *queue)
{
	assert(queue->next != queue->first);
	slot_clear(queue, slot_find(queue, item_at(queue, queue->first)->id));
	queue->first++;
	if (queue->first % CHUNK_ITEMS == 0) {
		free(queue->chunks[0]);
		queue->chunk_count--;
		memmove(queue->chunks, queue->chunks + 1,
			queue->chunk_count * sizeof(struct idqueue_item *));
	}
	/* Far from where it grows again. Without memory it stays as large as it is. */
	if (queue->slot_count > SLOTS_MIN && idqueue_count(queue) * 8 < queue->slot_count)
		(void)index_resize(queue, queue->slot_count / 2);
}

int
idqueue_sort(struct idqueue *queue, int (*compare)(const void *a, const void *b))
{
	size_t count = idqueue_count(queue);
	struct idqueue_item *all;
	size_t i;

	if (count < 2)
		return 0;
	all = reallocarray(NULL, count, sizeof(*all));
	if (all == NULL)
		return CUBE_ERR_NO_MEMORY;
	for (i = 0; i < count; i++)
		all[i] = *item_at(queue, queue->first + i);
	qsort(all, count, sizeof(*all), compare);
	for (i = 0; i < count; i++)
		*item_at(queue, queue->first + i) = all[i];
	free(all);
	index_all(queue);
	return 0;
}
