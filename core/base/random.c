/* base/random.c - xoshiro256** (Blackman and Vigna, "Scrambled linear pseudorandom
 * number generators", 2018), filled from one seed by splitmix64 as they advise. The
 * state is the caller's: whoever owns it decides who draws and in which order, so that
 * a run can be repeated.
 */
#include "base/random.h"

#include <assert.h>

static uint64_t
rotate(uint64_t value, unsigned int bits)
{
	return (value << bits) | (value >> (64 - bits));
}

void
random_seed(struct random *random, uint64_t seed)
{
	int i;

	for (i = 0; i < 4; i++) {
		uint64_t mixed;

		seed += UINT64_C(0x9e3779b97f4a7c15);
		mixed = seed;
		mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
		mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
		random->state[i] = mixed ^ (mixed >> 31);
	}
}

uint64_t
random_next(struct random *random)
{
	uint64_t *s = random->state;
	uint64_t result = rotate(s[1] * 5, 7) * 9;
	uint64_t shifted = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = rotate(s[3], 45);
	return result;
}

uint64_t
random_below(struct random *random, uint64_t bound)
{
	uint64_t uneven;
	uint64_t drawn;

	assert(bound > 0);
	/* 2^64 mod bound: below it some remainders would come once more than others. */
	uneven = (0 - bound) % bound;
	do {
		drawn = random_next(random);
	} while (drawn < uneven);
	return drawn % bound;
}
