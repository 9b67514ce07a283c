/* base/vec.c - room in an array that grows. Owns nothing: the array is the
 * caller's, before and after. Doubling keeps the copying of an array that grows one
 * item at a time in proportion to its final size. [any]
 */
#include "base/vec.h"

#include <stdint.h>
#include <stdlib.h>

#define VEC_FIRST_ITEMS 8

void *
vec_reserve(void *items, size_t *capacity, size_t need, size_t item_size)
{
	size_t wanted = *capacity;
	void *grown;

	if (need <= wanted && items != NULL)
		return items;
	wanted = wanted > SIZE_MAX / 2 ? need : wanted * 2;
	if (wanted < need)
		wanted = need;
	if (wanted < VEC_FIRST_ITEMS)
		wanted = VEC_FIRST_ITEMS;
	/* reallocarray refuses a product that overflows. */
	grown = reallocarray(items, wanted, item_size);
	if (grown != NULL)
		*capacity = wanted;
	return grown;
}
