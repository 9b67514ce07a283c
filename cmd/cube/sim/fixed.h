/* cube/sim/fixed.h - logarithms and distributions in whole numbers.
 *
 * libm's exp and log may differ in their last bit from one machine to the next, and with them
 * a workload. These are shifts and products of integers: the same everywhere. A number marked
 * _q32 counts in units of 2^-32. [any]
 */
#ifndef CUBE_SIM_FIXED_H
#define CUBE_SIM_FIXED_H

#include "base/random.h"

#include <stdint.h>

__extension__ typedef unsigned __int128 wide;
__extension__ typedef __int128 signed_wide;

#define Q32 (INT64_C(1) << 32)
/* A decimal constant of the source as a q32. */
#define Q32_OF(number) ((int64_t)((number)*4294967296.0))

int64_t fixed_log2_q32(uint64_t value); /* of 1 and more */
uint64_t fixed_exp2(int64_t power_q32); /* rounded down; 0 below 0, at most 2^62 */
int64_t fixed_multiply_q32(int64_t a_q32, int64_t b_q32);

/* Bounded Pareto: density ~ x^-(alpha+1) from low to high. */
uint64_t fixed_pareto(struct random *random, int64_t alpha_q32, uint64_t low, uint64_t high);
/* Lognormal, by its median and the deviation of its natural logarithm. The normal number
 * below it is the sum of twelve uniform ones, so it stays within six deviations. */
uint64_t fixed_lognormal(struct random *random, uint64_t median, int64_t sigma_q32);
/* Exponential with mean 1, as a q32. */
int64_t fixed_exponential_q32(struct random *random);
/* Value with so many of its highest bits alone. */
uint64_t fixed_coarse(uint64_t value, int bits);

#endif
