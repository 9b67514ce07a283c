/* base/hash.h - hashes of bytes. [any] */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* FNV-1a in 64 bits (Fowler, Noll, Vo), the same everywhere and for ever: to see that
 * two texts differ; not against someone who wants them to collide. */
uint64_t hash_bytes(const void *bytes, size_t size);

/* SipHash-1-3 under a secret key (clock_random makes one): for tables whose keys
 * strangers choose. Of this process only, never stored. */
uint64_t hash_keyed(const uint64_t key[2], const void *bytes, size_t size);

#endif
