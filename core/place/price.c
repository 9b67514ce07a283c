/* place/price.c - what the scheduler thinks of the nodes that fit: its costs, the best few.
 *
 * Asked anew, past what is kept of a shape, since the question may be about a cluster that is
 * not so: a task's own room given back. Only score is called, which changes nothing in a
 * scheduler. One thread.
 */
#include "place/why.h"

#include "place/placer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct scratch {
	uint64_t *eligible;
	uint32_t *rows;
	double *cost; /* one more than rows */
};

static int
scratch_init(struct scratch *scratch, const struct placer *placer)
{
	size_t rows = placer->rows.capacity;

	scratch->eligible = calloc(rows / 64 + 1, sizeof(*scratch->eligible));
	scratch->rows = calloc(rows + 1, sizeof(*scratch->rows));
	scratch->cost = calloc(rows + 1, sizeof(*scratch->cost));
	return scratch->eligible != NULL && scratch->rows != NULL && scratch->cost != NULL
		       ? 0
		       : CUBE_ERR_NO_MEMORY;
}

static void
scratch_release(struct scratch *scratch)
{
	free(scratch->eligible);
	free(scratch->rows);
	free(scratch->cost);
}

/* Keeps the best in order; of equals the first row wins, as it does when a task is placed. */
static void
keep_best(const struct asked *asked, uint32_t row, double cost, struct why *out)
{
	size_t place = out->cost_count;

	while (place > 0 && cost < out->costs[place - 1].cost)
		place--;
	if (place == WHY_COSTS_MAX)
		return;
	if (out->cost_count < WHY_COSTS_MAX)
		out->cost_count++;
	memmove(&out->costs[place + 1], &out->costs[place],
		(out->cost_count - 1 - place) * sizeof(out->costs[0]));
	out->costs[place].cost = cost;
	(void)snprintf(out->costs[place].node, NAME_SIZE, "%s", why_node(asked, row));
}

static void
price(const struct asked *asked, struct scratch *scratch, struct why *out)
{
	struct placer *placer = asked->placer;
	struct cube_demand demand = placer_demand(placer, asked->shape);
	struct cube_error err = {.code = 0};
	uint32_t n = 0;
	uint32_t i = 0;
	uint32_t row;

	demand.eligible = scratch->eligible;
	for (row = 0; row < asked->census.nodes; row++) {
		if (asked->census.of[row] != CENSUS_FITS)
			continue;
		bit_put(scratch->eligible, row, true);
		scratch->rows[n++] = row;
	}
	if (scheduler_score(placer->scheduler, &placer->rows.view, &demand, scratch->rows, n,
			    scratch->cost, &err) != 0) {
		char text[WHY_TEXT_SIZE];

		(void)snprintf(text, sizeof(text), "the scheduler %s failed: %.400s",
			       scheduler_name(placer->scheduler), err.message);
		why_text(out->summary, text);
		return;
	}
	(void)snprintf(out->scheduler, sizeof(out->scheduler), "%s",
		       scheduler_name(placer->scheduler));
	/* By the census: a plugin may have written over the rows that it was given. */
	for (row = 0; row < asked->census.nodes; row++) {
		if (asked->census.of[row] != CENSUS_FITS)
			continue;
		if (!isnan(scratch->cost[i])) {
			out->considered++;
			keep_best(asked, row, scratch->cost[i], out);
		}
		i++;
	}
}

int
why_price(const struct asked *asked, struct why *out)
{
	struct scratch scratch = {0};
	int result = scratch_init(&scratch, asked->placer);

	if (result == 0)
		price(asked, &scratch, out);
	scratch_release(&scratch);
	return result;
}
