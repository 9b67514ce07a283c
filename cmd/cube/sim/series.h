/* cube/sim/series.h - levels over time, for a chart, in a fixed memory.
 *
 * The time is cut into pieces of equal length, with the average of each; when there are too
 * many, two and two become one. Owns nothing but itself. [any]
 */
#ifndef CUBE_SIM_SERIES_H
#define CUBE_SIM_SERIES_H

#include "fixed.h"

#include <stddef.h>
#include <stdint.h>

#define SERIES_POINTS 1024
#define SERIES_LEVELS 5

enum sim_level {
	LEVEL_CPU, /* ppm of the cluster's, as the next */
	LEVEL_MEMORY,
	LEVEL_BUSY, /* nodes, as the next */
	LEVEL_LEAST,
	LEVEL_WAITING, /* tasks */
};

struct sim_series {
	uint64_t width_us;
	size_t count; /* pieces that have begun */
	struct {
		uint64_t us;                /* of the piece that are in */
		wide levels[SERIES_LEVELS]; /* times microseconds */
	} points[SERIES_POINTS];
};

void sim_series_init(struct sim_series *series);
/* From from_us on, since the beginning, the levels hold for length_us. */
void sim_series_add(struct sim_series *series, uint64_t from_us, uint64_t length_us,
		    const uint64_t levels[SERIES_LEVELS]);
/* The average of a piece; its begin is index * width_us. */
uint64_t sim_series_level(const struct sim_series *series, size_t index, enum sim_level level);

#endif
