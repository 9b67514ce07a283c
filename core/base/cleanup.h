/* base/cleanup.h - free at the end of the scope.
 *
 *     cleanup_free char *path = ...;
 *
 * For functions with more than one exit. To hand the thing on, return it
 * through TAKE(path), which leaves NULL behind.
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void
cleanup_free_at(void *at)
{
	free(*(void **)at);
}

static inline void
cleanup_close_at(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

#define cleanup_free  __attribute__((cleanup(cleanup_free_at)))
#define cleanup_close __attribute__((cleanup(cleanup_close_at)))

#define TAKE(pointer)                                   \
	__extension__({                                 \
		__typeof__(pointer) taken_ = (pointer); \
		(pointer) = NULL;                       \
		taken_;                                 \
	})

#endif
