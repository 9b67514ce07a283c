/* base/json_memory.c - the arena of a parsed text, and the scratch of yajl.
 *
 * An arena is a chain of blocks: values are taken from the front of the newest block,
 * where alignment matters, texts from its back, where it does not. Blocks grow with
 * the whole, up to a maximum, so the waste is bounded. A scratch is a bump allocator that frees
 * all at once; realloc copies. Both are owned by whoever made them.
 */
#include "base/json_memory.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN_BYTES     _Alignof(max_align_t)
#define BLOCK_MIN_BYTES ((size_t)512)
#define BLOCK_MAX_BYTES ((size_t)1024 * 1024)

static size_t
aligned(size_t size)
{
	return (size + ALIGN_BYTES - 1) & ~(ALIGN_BYTES - 1);
}

struct arena_block {
	_Alignas(max_align_t) struct arena_block *older;
};

struct json_arena {
	struct arena_block *newest;
	char *front; /* free room of the newest block */
	char *back;
	size_t total; /* room of all blocks */
};

static struct arena_block *
block_new(struct arena_block *older, size_t room)
{
	struct arena_block *block = malloc(sizeof(*block) + room);

	if (block != NULL)
		block->older = older;
	return block;
}

struct json_arena *
json_arena_new(size_t first_bytes)
{
	size_t room = first_bytes < BLOCK_MAX_BYTES ? first_bytes : BLOCK_MAX_BYTES;
	struct json_arena *arena;
	struct arena_block *block;

	room = aligned(room > BLOCK_MIN_BYTES ? room : BLOCK_MIN_BYTES);
	block = block_new(NULL, room);
	if (block == NULL)
		return NULL;
	/* The arena is the first thing in itself. */
	arena = (struct json_arena *)(block + 1);
	arena->newest = block;
	arena->front = (char *)arena + aligned(sizeof(*arena));
	arena->back = (char *)arena + room;
	arena->total = room;
	return arena;
}

void
json_arena_free(struct json_arena *arena)
{
	struct arena_block *block = arena != NULL ? arena->newest : NULL;

	while (block != NULL) {
		struct arena_block *older = block->older;

		free(block);
		block = older;
	}
}

/* By a half of what there is, so that at most a third is left over. */
static bool
arena_grow(struct json_arena *arena, size_t size)
{
	size_t room = aligned(arena->total / 2);
	struct arena_block *block;

	if (room < BLOCK_MIN_BYTES)
		room = BLOCK_MIN_BYTES;
	if (room > BLOCK_MAX_BYTES)
		room = BLOCK_MAX_BYTES;
	if (room < size)
		room = size;
	block = block_new(arena->newest, room);
	if (block == NULL)
		return false;
	arena->newest = block;
	arena->front = (char *)(block + 1);
	arena->back = arena->front + room;
	arena->total += room;
	return true;
}

void *
json_arena_take(struct json_arena *arena, size_t size)
{
	void *taken;

	size = aligned(size);
	if ((size_t)(arena->back - arena->front) < size && !arena_grow(arena, size))
		return NULL;
	taken = arena->front;
	arena->front += size;
	return taken;
}

char *
json_arena_text(struct json_arena *arena, const char *text, size_t size)
{
	if ((size_t)(arena->back - arena->front) <= size && !arena_grow(arena, size + 1))
		return NULL;
	arena->back -= size + 1;
	memcpy(arena->back, text, size);
	arena->back[size] = '\0';
	return arena->back;
}

/* ---- scratch ---- */

struct json_scratch_block {
	struct json_scratch_block *older;
};

/* In front of each piece, for realloc. */
struct piece {
	_Alignas(max_align_t) size_t size;
};

void
json_scratch_init(struct json_scratch *scratch, void *first, size_t first_size)
{
	scratch->armed = false;
	scratch->first = first;
	scratch->first_left = first_size;
	scratch->blocks = NULL;
}

void
json_scratch_release(struct json_scratch *scratch)
{
	while (scratch->blocks != NULL) {
		struct json_scratch_block *older = scratch->blocks->older;

		free(scratch->blocks);
		scratch->blocks = older;
	}
}

static void *
take(struct json_scratch *scratch, size_t size)
{
	struct json_scratch_block *block;
	struct piece *piece;
	size_t whole = sizeof(*piece) + aligned(size);

	if (whole <= scratch->first_left) {
		piece = (struct piece *)(void *)scratch->first;
		scratch->first += whole;
		scratch->first_left -= whole;
	} else {
		block = malloc(aligned(sizeof(*block)) + whole);
		if (block == NULL) {
			assert(scratch->armed);
			longjmp(scratch->leave, JSON_SCRATCH_NO_MEMORY);
		}
		block->older = scratch->blocks;
		scratch->blocks = block;
		piece = (struct piece *)(void *)((char *)block + aligned(sizeof(*block)));
	}
	piece->size = size;
	return piece + 1;
}

void *
json_scratch_take(struct json_scratch *scratch, size_t size)
{
	assert(size <= SIZE_MAX / 2);
	return take(scratch, size);
}

static void *
yajl_take(void *ctx, size_t size)
{
	struct json_scratch *scratch = ctx;

	if (size > JSON_SCRATCH_MAX) {
		assert(scratch->armed);
		longjmp(scratch->leave, JSON_SCRATCH_TOO_LARGE);
	}
	return take(scratch, size);
}

static void *
yajl_retake(void *ctx, void *old, size_t size)
{
	const struct piece *piece = old;
	void *taken;

	if (old != NULL && piece[-1].size >= size)
		return old;
	taken = yajl_take(ctx, size);
	if (old != NULL)
		memcpy(taken, old, piece[-1].size);
	return taken;
}

static void
yajl_drop(void *ctx, void *old)
{
	(void)ctx;
	(void)old;
}

yajl_alloc_funcs
json_scratch_functions(struct json_scratch *scratch)
{
	return (yajl_alloc_funcs){
		.malloc = yajl_take,
		.realloc = yajl_retake,
		.free = yajl_drop,
		.ctx = scratch,
	};
}
