/* base/hash.h - FNV-1a in 64 bits (Fowler, Noll, Vo), to see that two texts differ; not
 * against someone who wants them to collide. [any] */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *bytes, size_t size);

#endif
