/* base/json_memory.h - what a parsed text lives in, and what yajl works in. For
 * json_*.c alone. Owned by one thread. */
#ifndef BASE_JSON_MEMORY_H
#define BASE_JSON_MEMORY_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <yajl/yajl_common.h>

/* ---- an arena: many small things, freed as one ---- */

struct json_arena;

struct json_arena *json_arena_new(size_t first_bytes); /* NULL: no memory */
void json_arena_free(struct json_arena *arena);
void *json_arena_take(struct json_arena *arena, size_t size); /* aligned; NULL: no memory */
char *json_arena_text(struct json_arena *arena, const char *text, size_t size); /* + NUL */

/* ---- a scratch: yajl's own memory during one call ---- */

/* yajl does not check what its allocator returns, and bounds nothing. So a scratch
 * never returns without memory: it jumps to leave, past yajl's frames, which hold
 * nothing but memory of the scratch. The reason is the value of setjmp. */
enum json_scratch_reason {
	JSON_SCRATCH_NO_MEMORY = 1,
	JSON_SCRATCH_TOO_LARGE = 2 /* one piece over JSON_SCRATCH_MAX */
};

#define JSON_SCRATCH_MAX ((size_t)512 * 1024)

struct json_scratch_block;

struct json_scratch {
	jmp_buf leave;
	bool armed; /* leave is set, by a caller that has not returned */
	char *first;
	size_t first_left;
	struct json_scratch_block *blocks;
};

/* first: memory of the caller's to use before any other; aligned. */
void json_scratch_init(struct json_scratch *scratch, void *first, size_t first_size);
void json_scratch_release(struct json_scratch *scratch);
void *json_scratch_take(struct json_scratch *scratch, size_t size);
yajl_alloc_funcs json_scratch_functions(struct json_scratch *scratch);

#endif
