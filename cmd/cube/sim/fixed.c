/* cube/sim/fixed.c - logarithms and distributions in whole numbers.
 *
 * log2 by squaring the mantissa, a bit a time; exp2 as the product of the roots
 * 2^(1/2), 2^(1/4), ... that the fraction's bits stand for, from a table that was worked out
 * with sixty decimals. Distributions invert their own: a uniform number becomes the value
 * that so many of all lie below. Owns nothing. [any]
 */
#include "fixed.h"

#include <assert.h>

#define FRACTION_BITS 32
#define LN2_Q32       INT64_C(0xb17217f8)
#define LOG2_E_Q32    INT64_C(0x171547653) /* 1 / ln 2 */

/* 2^(1/2), 2^(1/4), 2^(1/8), ... in units of 2^-62. */
static const uint64_t roots[FRACTION_BITS] = {
	UINT64_C(0x5a827999fcef3242), UINT64_C(0x4c1bf828c6dc54b8),
	UINT64_C(0x45cae0f1f545eb73), UINT64_C(0x42d561b3e6243d8a),
	UINT64_C(0x4166c34c5615d0ec), UINT64_C(0x40b268f9de0183ba),
	UINT64_C(0x4058f6a7ecccd5b6), UINT64_C(0x402c6be96af2fb58),
	UINT64_C(0x4016321b687027a8), UINT64_C(0x400b18178ba33b14),
	UINT64_C(0x40058bce410147e8), UINT64_C(0x4002c5d7bff71daf),
	UINT64_C(0x400162e807ee7e5b), UINT64_C(0x4000b1730df6a524),
	UINT64_C(0x400058b9497b8152), UINT64_C(0x40002c5c955dd701),
	UINT64_C(0x4000162e46d6f26c), UINT64_C(0x40000b1722757b1b),
	UINT64_C(0x4000058b90fd3e0c), UINT64_C(0x400002c5c86f3f26),
	UINT64_C(0x40000162e433c79b), UINT64_C(0x400000b17218edd0),
	UINT64_C(0x40000058b90c3968), UINT64_C(0x4000002c5c860d54),
	UINT64_C(0x400000162e4302d2), UINT64_C(0x4000000b17218073),
	UINT64_C(0x400000058b90bffc), UINT64_C(0x40000002c5c85fef),
	UINT64_C(0x4000000162e42ff3), UINT64_C(0x40000000b17217f9),
	UINT64_C(0x4000000058b90bfc), UINT64_C(0x400000002c5c85fe),
};

int64_t
fixed_log2_q32(uint64_t value)
{
	int whole;
	uint64_t mantissa; /* 1..2 in units of 2^-63 */
	int64_t fraction = 0;

	assert(value > 0);
	whole = 63 - __builtin_clzll(value);
	mantissa = value << (63 - whole);
	for (int i = 0; i < FRACTION_BITS; i++) {
		wide square = (wide)mantissa * mantissa; /* 1..4 in units of 2^-126 */
		int above = (int)(square >> 127);

		fraction = fraction << 1 | above;
		mantissa = (uint64_t)(square >> (63 + above));
	}
	return (int64_t)whole * Q32 + fraction;
}

uint64_t
fixed_exp2(int64_t power_q32)
{
	uint64_t value = UINT64_C(1) << 62; /* 1..2 in units of 2^-62 */
	int64_t whole = power_q32 >> FRACTION_BITS;

	if (power_q32 < 0)
		return 0;
	if (whole >= 62)
		return UINT64_C(1) << 62;
	for (int i = 0; i < FRACTION_BITS; i++) {
		if ((power_q32 >> (FRACTION_BITS - 1 - i) & 1) != 0)
			value = (uint64_t)((wide)value * roots[i] >> 62);
	}
	return value >> (62 - whole);
}

int64_t
fixed_multiply_q32(int64_t a_q32, int64_t b_q32)
{
	signed_wide product = (signed_wide)a_q32 * b_q32;

	return (int64_t)(product / Q32);
}

uint64_t
fixed_pareto(struct random *random, int64_t alpha_q32, uint64_t low, uint64_t high)
{
	const int64_t low_log = fixed_log2_q32(low);
	const int64_t range = low_log - fixed_log2_q32(high);
	uint64_t least; /* (low / high)^alpha, what of all lies above high, in 2^-32 */
	uint64_t above; /* how many of all lie above the value */
	int64_t power;
	uint64_t value;

	assert(low > 0 && low <= high && alpha_q32 > 0);
	least = fixed_exp2(FRACTION_BITS * Q32 + fixed_multiply_q32(alpha_q32, range));
	least = least > 0 ? least : 1;
	above = least + random_below(random, (uint64_t)Q32 - least + 1);
	power = (int64_t)((signed_wide)(FRACTION_BITS * Q32 - fixed_log2_q32(above)) * Q32 /
			  alpha_q32);
	value = fixed_exp2(low_log + power);
	if (value < low)
		return low;
	return value < high ? value : high;
}

uint64_t
fixed_lognormal(struct random *random, uint64_t median, int64_t sigma_q32)
{
	int64_t normal = -6 * Q32;
	int64_t power;

	assert(median > 0);
	for (int i = 0; i < 12; i++)
		normal += (int64_t)(random_next(random) >> 32);
	power = fixed_multiply_q32(fixed_multiply_q32(sigma_q32, LOG2_E_Q32), normal);
	return fixed_exp2(fixed_log2_q32(median) + power);
}

int64_t
fixed_exponential_q32(struct random *random)
{
	const uint64_t uniform = (random_next(random) >> 32) + 1; /* 1..2^32 */

	return fixed_multiply_q32(FRACTION_BITS * Q32 - fixed_log2_q32(uniform), LN2_Q32);
}

uint64_t
fixed_coarse(uint64_t value, int bits)
{
	int spare = value > 0 ? 64 - __builtin_clzll(value) - bits : 0;

	return spare > 0 ? value >> spare << spare : value;
}
