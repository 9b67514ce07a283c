/* base/random.h - a seeded generator (xoshiro256**, Blackman and Vigna, 2018), so
 * that a simulation repeats itself. Not for secrets. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdint.h>

struct random {
	uint64_t state[4];
};

void random_seed(struct random *random, uint64_t seed); /* any seed, 0 too */
uint64_t random_next(struct random *random);
uint64_t random_below(struct random *random, uint64_t bound); /* 0..bound-1; bound > 0 */

#endif
