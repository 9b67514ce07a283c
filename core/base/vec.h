/* base/vec.h - room in an array that grows.
 *
 *     struct port *grown = vec_reserve(ports, &capacity, count + 1, sizeof(*ports));
 *     if (grown == NULL) ... ports is untouched
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stddef.h>

/* Returns the array with room for at least need items (it at least doubles),
 * or NULL when memory is short or the size would overflow; then items and
 * *capacity are untouched. items may be NULL with a capacity of 0. */
void *vec_reserve(void *items, size_t *capacity, size_t need, size_t item_size);

#endif
