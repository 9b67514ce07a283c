/* place/tally.h - counts by number: how many tasks of a job are on each node, in each domain.
 *
 * Holds what is not zero, so a job costs by its tasks and not by the nodes of the cluster.
 * One thread.
 */
#ifndef PLACE_TALLY_H
#define PLACE_TALLY_H

#include <stddef.h>
#include <stdint.h>

struct tally_cell {
	uint64_t key;
	void *what; /* the caller's; NULL: the cell is free */
	uint32_t count;
	uint64_t changed; /* the caller's number of the newest change */
};

/* All 0: empty. */
struct tally {
	struct tally_cell *cells;
	size_t capacity; /* a power of two, or 0 */
	size_t used;
};

void tally_release(struct tally *tally);
/* NULL: it is not there. Valid until the next put or drop. */
struct tally_cell *tally_find(const struct tally *tally, uint64_t key);
/* So many are put without an allocation. 0 or CUBE_ERR_NO_MEMORY. */
int tally_make_room(struct tally *tally, size_t count);
/* The cell of key, made with count 0 if need be; what is not NULL. NULL: no memory. */
struct tally_cell *tally_put(struct tally *tally, uint64_t key, void *what);
void tally_drop(struct tally *tally, struct tally_cell *cell);
/* Each cell in turn; *cursor begins with 0. NULL: that was the last. Nothing may be put or
 * dropped meanwhile. */
struct tally_cell *tally_each(const struct tally *tally, size_t *cursor);

#endif
