/* place/fit.h - can this node take this task? The core's own answer, before and after a
 * scheduler is asked, so that no plugin can overcommit a node or place on a dead one.
 */
#ifndef PLACE_FIT_H
#define PLACE_FIT_H

#include <stdint.h>

struct placer;
struct shape;

/* The first thing that is missing, in the order of looking. */
enum misfit {
	FIT_OK = 0,
	FIT_NOT_READY, /* no contact, refused, unreachable */
	FIT_RUNTIME,   /* its runtime is not ready */
	FIT_CONSTRAINT,
	FIT_CPU,
	FIT_MEMORY,
	FIT_DISK,
	FIT_PORT,
	FIT_MAX_PER_NODE /* as many alike are there as may be */
};
#define MISFITS 9

/* Depends on the row and the shape alone: what is kept of it stays true until the row
 * changes. */
enum misfit fit_check(const struct placer *placer, uint32_t row, const struct shape *shape);

#endif
