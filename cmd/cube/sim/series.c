/* cube/sim/series.c - adds levels to pieces of time and joins pieces. Owns nothing. [any] */
#include "series.h"

#include <string.h>

#define WIDTH_FIRST_US 1000

void
sim_series_init(struct sim_series *series)
{
	memset(series, 0, sizeof(*series));
	series->width_us = WIDTH_FIRST_US;
}

static void
join(struct sim_series *series)
{
	for (size_t i = 0; i < SERIES_POINTS; i++) {
		const size_t from = 2 * i;

		memset(&series->points[i], 0, from == i ? 0 : sizeof(series->points[i]));
		for (size_t j = from; j < from + 2 && j < SERIES_POINTS; j++) {
			if (j == i)
				continue;
			series->points[i].us += series->points[j].us;
			for (size_t k = 0; k < SERIES_LEVELS; k++)
				series->points[i].levels[k] += series->points[j].levels[k];
		}
	}
	series->count = (series->count + 1) / 2;
	series->width_us *= 2;
}

void
sim_series_add(struct sim_series *series, uint64_t from_us, uint64_t length_us,
	       const uint64_t levels[SERIES_LEVELS])
{
	while (length_us > 0) {
		uint64_t index = from_us / series->width_us;
		uint64_t part;

		if (index >= SERIES_POINTS) {
			join(series);
			continue;
		}
		part = (index + 1) * series->width_us - from_us;
		part = part < length_us ? part : length_us;
		series->points[index].us += part;
		for (size_t k = 0; k < SERIES_LEVELS; k++)
			series->points[index].levels[k] += (wide)levels[k] * part;
		series->count = index + 1 > series->count ? (size_t)index + 1 : series->count;
		from_us += part;
		length_us -= part;
	}
}

uint64_t
sim_series_level(const struct sim_series *series, size_t index, enum sim_level level)
{
	const uint64_t us = series->points[index].us;

	return us > 0 ? (uint64_t)(series->points[index].levels[level] / us) : 0;
}
