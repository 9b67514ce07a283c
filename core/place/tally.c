/* place/tally.c - a hash table of counts with open addressing: a number's cell is the first
 * free or equal one from where its hash points, and a cell that goes lets those behind it
 * move up, so no marks of deleted ones are left. Owns the cells. One thread. */
#include "place/tally.h"

#include "base/error.h"

#include <stdlib.h>

#define TALLY_FIRST 4

void
tally_release(struct tally *tally)
{
	free(tally->cells);
}

/* Multiplication spreads numbers that follow one another over all cells. */
static size_t
home_of(const struct tally *tally, uint64_t key)
{
	return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (tally->capacity - 1);
}

static struct tally_cell *
cell_for(const struct tally *tally, uint64_t key)
{
	size_t at = home_of(tally, key);

	while (tally->cells[at].what != NULL && tally->cells[at].key != key)
		at = (at + 1) & (tally->capacity - 1);
	return &tally->cells[at];
}

struct tally_cell *
tally_find(const struct tally *tally, uint64_t key)
{
	struct tally_cell *cell;

	if (tally->used == 0)
		return NULL;
	cell = cell_for(tally, key);
	return cell->what != NULL ? cell : NULL;
}

static int
grow(struct tally *tally)
{
	struct tally wider = {.capacity = tally->capacity * 2, .used = tally->used};
	size_t cursor = 0;
	struct tally_cell *cell;

	if (wider.capacity == 0)
		wider.capacity = TALLY_FIRST;
	wider.cells = calloc(wider.capacity, sizeof(*wider.cells));
	if (wider.cells == NULL)
		return -1;
	while ((cell = tally_each(tally, &cursor)) != NULL)
		*cell_for(&wider, cell->key) = *cell;
	free(tally->cells);
	*tally = wider;
	return 0;
}

/* At most three of four are used, so a search ends soon. */
int
tally_make_room(struct tally *tally, size_t count)
{
	while (count * 4 > tally->capacity * 3) {
		if (grow(tally) != 0)
			return CUBE_ERR_NO_MEMORY;
	}
	return 0;
}

struct tally_cell *
tally_put(struct tally *tally, uint64_t key, void *what)
{
	struct tally_cell *cell = tally_find(tally, key);

	if (cell != NULL)
		return cell;
	if (tally_make_room(tally, tally->used + 1) != 0)
		return NULL;
	cell = cell_for(tally, key);
	*cell = (struct tally_cell){.key = key, .what = what};
	tally->used++;
	return cell;
}

void
tally_drop(struct tally *tally, struct tally_cell *cell)
{
	size_t mask = tally->capacity - 1;
	size_t hole = (size_t)(cell - tally->cells);
	size_t at = hole;

	tally->used--;
	for (;;) {
		at = (at + 1) & mask;
		if (tally->cells[at].what == NULL)
			break;
		/* It may move up if its home is not between the hole and itself. */
		if (((at - home_of(tally, tally->cells[at].key)) & mask) >=
		    ((at - hole) & mask)) {
			tally->cells[hole] = tally->cells[at];
			hole = at;
		}
	}
	tally->cells[hole].what = NULL;
}

struct tally_cell *
tally_each(const struct tally *tally, size_t *cursor)
{
	while (*cursor < tally->capacity) {
		struct tally_cell *cell = &tally->cells[(*cursor)++];

		if (cell->what != NULL)
			return cell;
	}
	return NULL;
}
