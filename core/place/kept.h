/* place/kept.h - what is known of all rows for one shape, kept from task to task.
 *
 * Which rows can take it, and, where the scheduler says that a cost depends on the row and
 * the demand alone (ROW_PURE), what each would cost. Brought up to date by the rows that
 * changed, so a thousand equal tasks cost little more than one, and the choice is the same
 * as that of asking about all rows each time. What is kept is bounded: the shape that was
 * not asked for longest goes first.
 */
#ifndef PLACE_KEPT_H
#define PLACE_KEPT_H

#include <cube/scheduler.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct placer;
struct shape;

struct kept_shape {
	struct shape *shape;
	struct kept_shape *newer;
	struct kept_shape *older;
	bool complete;  /* false: all is to be looked at */
	uint64_t seen;  /* true up to this change of the rows */
	uint32_t count; /* bits in eligible */
	size_t capacity;
	uint64_t *eligible; /* bit a row */
	double *cost;       /* a row; NaN: not eligible, or never wanted. NULL: not pure */
	double *lowest;     /* of each 64 rows; NaN: none */
};

struct kept {
	struct kept_shape *newest;
	struct kept_shape *oldest;
	size_t count;
	size_t bytes;
	size_t bytes_max;
	/* scratch, a cell a row */
	size_t capacity;
	uint64_t *dirty; /* bit a row; all 0 between calls */
	uint32_t *rows;
	double *cost; /* one more */
};

void kept_init(struct kept *kept);
void kept_release(struct kept *kept);
int kept_make_room(struct kept *kept, size_t rows); /* 0 or CUBE_ERR_NO_MEMORY */

/* What is kept of shape, up to date, and demand->eligible with it; demand is filled in for the
 * rest. Adds the rows looked at to *work. NULL: *err says what the scheduler did, or that
 * memory is short. */
struct kept_shape *
kept_refresh(struct placer *placer, struct shape *shape, struct cube_demand *demand,
	     size_t *work, struct cube_error *err);
/* The row of the lowest cost, and of equals the first; SCHEDULER_NOTHING: none is wanted.
 * skip: a row that is passed over; SCHEDULER_NOTHING: no row. */
uint32_t kept_cheapest(const struct kept_shape *kept, uint32_t skip);

#endif
