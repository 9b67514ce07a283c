/* place/kept.c - eligible rows and costs of the shapes asked for last.
 *
 * Owns the bitmaps and costs. A look costs the rows that changed since the last one for the
 * same shape: they are checked, scored in one call in ascending order, and the lowest cost of
 * each 64 rows around them is worked out anew. The cheapest row is then found by the lowest
 * of each 64. One thread.
 */
#include "place/kept.h"

#include "place/fit.h"
#include "place/placer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_BYTES_MAX  ((size_t)240 << 20)
#define KEPT_SHAPES_MAX 2048

/* The words of the bitmap that have something in them: [from, to). */
struct span {
	size_t from;
	size_t to;
};

void
kept_init(struct kept *kept)
{
	memset(kept, 0, sizeof(*kept));
	kept->bytes_max = KEPT_BYTES_MAX;
}

int
kept_make_room(struct kept *kept, size_t rows)
{
	uint64_t *dirty;
	uint32_t *numbers;
	double *cost;

	if (rows <= kept->capacity)
		return 0;
	dirty = calloc(rows / 64, sizeof(*dirty));
	numbers = calloc(rows, sizeof(*numbers));
	cost = calloc(rows + 1, sizeof(*cost));
	if (dirty == NULL || numbers == NULL || cost == NULL) {
		free(dirty);
		free(numbers);
		free(cost);
		return CUBE_ERR_NO_MEMORY;
	}
	free(kept->dirty);
	free(kept->rows);
	free(kept->cost);
	kept->dirty = dirty;
	kept->rows = numbers;
	kept->cost = cost;
	kept->capacity = rows;
	return 0;
}

/* ---- one shape's ---- */

static size_t
bytes_of(const struct kept_shape *kept)
{
	size_t row = kept->cost != NULL ? sizeof(double) : 0;

	return sizeof(*kept) + sizeof(struct shape) + kept->shape->text_bytes +
	       kept->capacity * row + kept->capacity / 64 * (sizeof(uint64_t) + row);
}

static void
unlink_shape(struct kept *all, struct kept_shape *kept)
{
	if (kept->newer != NULL)
		kept->newer->older = kept->older;
	else
		all->newest = kept->older;
	if (kept->older != NULL)
		kept->older->newer = kept->newer;
	else
		all->oldest = kept->newer;
	kept->newer = NULL;
	kept->older = NULL;
}

static void
link_newest(struct kept *all, struct kept_shape *kept)
{
	kept->older = all->newest;
	if (all->newest != NULL)
		all->newest->newer = kept;
	else
		all->oldest = kept;
	all->newest = kept;
}

static void
shape_forget(struct kept *all, struct kept_shape *kept)
{
	unlink_shape(all, kept);
	all->count--;
	all->bytes -= bytes_of(kept);
	kept->shape->kept = NULL;
	free(kept->eligible);
	free(kept->cost);
	free(kept->lowest);
	free(kept);
}

void
kept_release(struct kept *kept)
{
	struct kept_shape *one;
	struct kept_shape *newer;

	for (one = kept->oldest; one != NULL; one = newer) {
		newer = one->newer;
		shape_forget(kept, one);
	}
	free(kept->dirty);
	free(kept->rows);
	free(kept->cost);
}

static int
shape_make_room(struct kept *all, struct kept_shape *kept, bool pure)
{
	size_t words = all->capacity / 64;
	uint64_t *eligible;

	if (kept->capacity == all->capacity && kept->capacity != 0)
		return 0;
	all->bytes -= bytes_of(kept);
	/* Nothing of it is kept: the rows are as many again as there were. */
	free(kept->eligible);
	free(kept->cost);
	free(kept->lowest);
	kept->cost = NULL;
	kept->lowest = NULL;
	kept->capacity = 0;
	kept->complete = false;
	kept->count = 0;
	kept->eligible = eligible = calloc(words + 1, sizeof(*eligible));
	if (pure && eligible != NULL) {
		kept->cost = calloc(all->capacity + 1, sizeof(double));
		kept->lowest = calloc(words + 1, sizeof(double));
	}
	if (eligible != NULL && (!pure || (kept->cost != NULL && kept->lowest != NULL)))
		kept->capacity = all->capacity;
	all->bytes += bytes_of(kept);
	return kept->capacity == all->capacity ? 0 : CUBE_ERR_NO_MEMORY;
}

/* Makes room for what is wanted most by what was wanted longest ago. */
static void
evict(struct placer *placer, const struct kept_shape *wanted)
{
	struct kept *all = &placer->kept;

	while (all->oldest != wanted &&
	       (all->bytes > all->bytes_max || all->count > KEPT_SHAPES_MAX)) {
		struct shape *shape = all->oldest->shape;

		shape_forget(all, all->oldest);
		waiting_drop(placer, shape);
	}
}

static struct kept_shape *
open_shape(struct placer *placer, struct shape *shape)
{
	struct kept *all = &placer->kept;
	struct kept_shape *kept = shape->kept;

	if (kept == NULL) {
		kept = calloc(1, sizeof(*kept));
		if (kept == NULL)
			return NULL;
		kept->shape = shape;
		shape->kept = kept;
		all->count++;
		all->bytes += bytes_of(kept);
	} else {
		unlink_shape(all, kept);
	}
	link_newest(all, kept);
	if (shape_make_room(all, kept, scheduler_is_pure(placer->scheduler)) != 0)
		return NULL;
	evict(placer, kept);
	return kept;
}

/* ---- bringing it up to date ---- */

static void
mark(struct kept *all, struct span *span, uint32_t row)
{
	size_t word = row / 64;

	all->dirty[word] |= UINT64_C(1) << (row % 64);
	if (word < span->from)
		span->from = word;
	if (word >= span->to)
		span->to = word + 1;
}

/* The rows of the domains in which the shape's job counts other tasks than before. */
static void
mark_domains(struct placer *placer, const struct kept_shape *kept, struct span *span)
{
	const struct group *group = kept->shape->group;
	const struct tally_cell *cell;
	size_t cursor = 0;

	if (placer->domains.label == NULL || group == NULL)
		return;
	while ((cell = tally_each(&group->domains, &cursor)) != NULL) {
		const struct domain *domain = placer->domains.by_id[cell->key];
		const struct place_node *node;

		if (cell->changed <= kept->seen || domain == NULL)
			continue;
		for (node = domain->first; node != NULL; node = node->domain_next)
			mark(&placer->kept, span, node->row);
	}
}

/* All rows that changed since kept was true, and those that are no rows any more. */
static struct span
mark_changed(struct placer *placer, const struct kept_shape *kept)
{
	const struct rows *rows = &placer->rows;
	struct kept *all = &placer->kept;
	struct span span = {.from = all->capacity / 64, .to = 0};
	uint64_t version;
	uint32_t row;

	if (!kept->complete) {
		if (all->capacity > 0) /* else there is nothing, and dirty is NULL */
			memset(all->dirty, 0xff, all->capacity / 8);
		return (struct span){.from = 0, .to = all->capacity / 64};
	}
	mark_domains(placer, kept, &span);
	if (kept->seen < rows->logged_from || rows->version - kept->seen > rows->capacity) {
		for (row = 0; row < rows->capacity; row++) {
			if (rows->changed[row] > kept->seen)
				mark(all, &span, row);
		}
		return span;
	}
	for (version = kept->seen + 1; version <= rows->version; version++)
		mark(all, &span, rows->log[version & (rows->capacity - 1)]);
	return span;
}

/* Which of the marked rows are eligible: their numbers into all->rows. */
static uint32_t
check_rows(struct placer *placer, struct kept_shape *kept, struct span span, size_t *work)
{
	struct kept *all = &placer->kept;
	uint32_t count = placer->rows.view.count;
	uint32_t n = 0;

	for (size_t word = span.from; word < span.to; word++) {
		uint64_t before = kept->eligible[word];
		uint64_t bits = all->dirty[word];
		uint64_t now = before & ~bits;

		for (; bits != 0; bits &= bits - 1) {
			uint32_t bit = (uint32_t)__builtin_ctzll(bits);
			uint32_t row = (uint32_t)word * 64 + bit;

			++*work;
			if (row < count && fit_check(placer, row, kept->shape) == FIT_OK) {
				now |= UINT64_C(1) << bit;
				all->rows[n++] = row;
			} else if (kept->cost != NULL) {
				kept->cost[row] = NAN;
			}
		}
		kept->eligible[word] = now;
		kept->count += (uint32_t)__builtin_popcountll(now);
		kept->count -= (uint32_t)__builtin_popcountll(before);
	}
	return n;
}

static double
lowest_of(const double *cost, size_t skip)
{
	double lowest = NAN;

	for (size_t i = 0; i < 64; i++) {
		if (i != skip && (cost[i] < lowest || isnan(lowest)))
			lowest = cost[i];
	}
	return lowest;
}

static void
settle(struct kept *all, struct kept_shape *kept, struct span span)
{
	for (size_t word = span.from; word < span.to; word++) {
		if (kept->cost != NULL && all->dirty[word] != 0)
			kept->lowest[word] = lowest_of(kept->cost + word * 64, 64);
		all->dirty[word] = 0;
	}
}

struct kept_shape *
kept_refresh(struct placer *placer, struct shape *shape, struct cube_demand *demand,
	     size_t *work, struct cube_error *err)
{
	struct kept *all = &placer->kept;
	struct kept_shape *kept = open_shape(placer, shape);
	struct span span;
	uint32_t n;
	int result = 0;

	if (kept == NULL) {
		placer->failed = CUBE_ERR_NO_MEMORY;
		(void)cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
		return NULL;
	}
	demand->eligible = kept->eligible;
	span = mark_changed(placer, kept);
	n = check_rows(placer, kept, span, work);
	if (kept->cost != NULL && n > 0)
		result = scheduler_score(placer->scheduler, &placer->rows.view, demand,
					 all->rows, n, all->cost, err);
	if (kept->cost != NULL && result == 0) {
		for (uint32_t i = 0; i < n; i++)
			kept->cost[all->rows[i]] = all->cost[i];
	}
	settle(all, kept, span);
	kept->complete = result == 0;
	kept->seen = placer->rows.version;
	return result == 0 ? kept : NULL;
}

/* ---- choosing ---- */

uint32_t
kept_cheapest(const struct kept_shape *kept, uint32_t skip)
{
	size_t words = kept->capacity / 64;
	size_t best = words;
	double lowest = NAN;
	const double *cost;

	for (size_t word = 0; word < words; word++) {
		double low = kept->lowest[word];

		if (word == skip / 64)
			low = lowest_of(kept->cost + word * 64, skip % 64);
		if (low < lowest || (isnan(lowest) && !isnan(low))) {
			lowest = low;
			best = word;
		}
	}
	if (best == words)
		return SCHEDULER_NOTHING;
	cost = kept->cost + best * 64;
	for (uint32_t i = 0; i < 64; i++) {
		uint32_t row = (uint32_t)best * 64 + i;

		if (cost[i] == lowest && row != skip)
			return row;
	}
	return SCHEDULER_NOTHING;
}
