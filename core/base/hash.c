/* base/hash.c - FNV-1a for telling texts apart, SipHash-1-3 where strangers choose
 * the keys.
 *
 * FNV-1a: Fowler, Noll, Vo; RFC draft "The FNV Non-Cryptographic Hash Algorithm".
 * SipHash: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012, with one
 * round a word and three at the end, as hash tables use it. Owns nothing. [any]
 */
#include "base/hash.h"

#include <string.h>

#define FNV_OFFSET UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME  UINT64_C(0x100000001b3)

uint64_t
hash_bytes(const void *bytes, size_t size)
{
	const unsigned char *at = bytes;
	uint64_t hash = FNV_OFFSET;
	size_t i;

	for (i = 0; i < size; i++) {
		hash ^= at[i];
		hash *= FNV_PRIME;
	}
	return hash;
}

static inline uint64_t
rotate(uint64_t value, unsigned int bits)
{
	return (value << bits) | (value >> (64 - bits));
}

static inline void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* The words are read as the machine has them: the value never leaves the process. */
uint64_t
hash_keyed(const uint64_t key[2], const void *bytes, size_t size)
{
	const unsigned char *at = bytes;
	uint64_t v[4] = {
		key[0] ^ UINT64_C(0x736f6d6570736575),
		key[1] ^ UINT64_C(0x646f72616e646f6d),
		key[0] ^ UINT64_C(0x6c7967656e657261),
		key[1] ^ UINT64_C(0x7465646279746573),
	};
	uint64_t word;
	size_t left = size;

	for (; left >= sizeof(word); left -= sizeof(word), at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	word = 0;
	memcpy(&word, at, left);
	word |= (uint64_t)size << 56;
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
