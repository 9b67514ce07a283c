/* cube/sim/histogram.h - how many values of each size, for percentiles in a fixed memory.
 *
 * Values below 256 are counted each by itself, larger ones by their nine highest bits: a
 * percentile is right to within 0.4 %. Count, sum and maximum are exact. Owns nothing but
 * itself. [any]
 */
#ifndef CUBE_SIM_HISTOGRAM_H
#define CUBE_SIM_HISTOGRAM_H

#include "fixed.h"

#include <stdint.h>

#define HISTOGRAM_CELLS (256 + 56 * 256)

struct sim_histogram {
	uint64_t count;
	wide sum;
	uint64_t max;
	uint64_t cells[HISTOGRAM_CELLS];
};

void sim_histogram_add(struct sim_histogram *histogram, uint64_t value);
/* The least value that so many thousandths of all do not exceed; 0 if there is none. */
uint64_t sim_histogram_at(const struct sim_histogram *histogram, uint32_t thousandths);

#endif
