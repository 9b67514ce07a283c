/* cube/sim/histogram.c - counts values in cells that grow with them. Owns nothing. [any] */
#include "histogram.h"

#define EXACT 256 /* a power of 2; as many cells an octave above it */

static uint32_t
cell_of(uint64_t value)
{
	uint32_t shift;

	if (value < EXACT)
		return (uint32_t)value;
	shift = 55u -
		(uint32_t)__builtin_clzll(value); /* leaves nine bits, the first of them 1 */
	return shift * EXACT + (uint32_t)(value >> shift);
}

/* The largest value of a cell. */
static uint64_t
cell_value(uint32_t cell)
{
	uint32_t shift;

	if (cell < 2 * EXACT)
		return cell;
	shift = cell / EXACT - 1;
	return (((uint64_t)(cell - shift * EXACT) + 1) << shift) - 1;
}

void
sim_histogram_add(struct sim_histogram *histogram, uint64_t value)
{
	histogram->cells[cell_of(value)]++;
	histogram->count++;
	histogram->sum += value;
	if (value > histogram->max)
		histogram->max = value;
}

uint64_t
sim_histogram_at(const struct sim_histogram *histogram, uint32_t thousandths)
{
	const uint64_t count = histogram->count;
	/* The rank, rounded up; count * 1000 could overflow. */
	uint64_t wanted =
		count / 1000 * thousandths + (count % 1000 * thousandths + 999) / 1000;
	uint64_t seen = 0;

	if (count == 0)
		return 0;
	for (uint32_t i = 0; i < HISTOGRAM_CELLS; i++) {
		seen += histogram->cells[i];
		if (seen >= wanted && seen > 0)
			return cell_value(i) < histogram->max ? cell_value(i) : histogram->max;
	}
	return histogram->max;
}
