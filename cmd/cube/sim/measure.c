/* cube/sim/measure.c - keeps levels as tasks come and go, and their sums over time.
 *
 * A node's part in the levels is taken out and put in again when something of it changes, so
 * nothing walks over the nodes. The fewest nodes that could do are found by halving, in sums
 * that were made once. Owns those sums. Main thread.
 */
#include "measure.h"

#include "base/vec.h"

#include <assert.h>
#include <cube/plugin.h>
#include <stdlib.h>
#include <string.h>

#define EXHAUSTED 20 /* less than one part in so many is free */

/* ---- the cluster ---- */

static int
by_size(const void *a, const void *b)
{
	const int64_t left = *(const int64_t *)a;
	const int64_t right = *(const int64_t *)b;

	return (left < right) - (left > right);
}

/* What the i largest have together, in place. amounts[0] is free. */
static void
sum_largest(int64_t *amounts, uint32_t nodes)
{
	qsort(amounts + 1, nodes, sizeof(*amounts), by_size);
	amounts[0] = 0;
	for (uint32_t i = 1; i <= nodes; i++)
		amounts[i] += amounts[i - 1];
}

int
sim_measure_init(struct sim_measure *measure, const struct sim_room *room, uint32_t nodes)
{
	memset(measure, 0, sizeof(*measure));
	sim_series_init(&measure->series);
	measure->nodes = nodes;
	measure->most_mcpu = calloc((size_t)nodes + 1, sizeof(int64_t));
	measure->most_memory_bytes = calloc((size_t)nodes + 1, sizeof(int64_t));
	measure->most_disk_bytes = calloc((size_t)nodes + 1, sizeof(int64_t));
	if (measure->most_mcpu == NULL || measure->most_memory_bytes == NULL ||
	    measure->most_disk_bytes == NULL)
		return CUBE_ERR_NO_MEMORY;
	for (uint32_t i = 0; i < nodes; i++) {
		measure->most_mcpu[i + 1] = room[i].mcpu;
		measure->most_memory_bytes[i + 1] = room[i].memory_bytes;
		measure->most_disk_bytes[i + 1] = room[i].disk_bytes;
	}
	sum_largest(measure->most_mcpu, nodes);
	sum_largest(measure->most_memory_bytes, nodes);
	sum_largest(measure->most_disk_bytes, nodes);
	measure->total_mcpu = measure->most_mcpu[nodes];
	measure->total_memory_bytes = measure->most_memory_bytes[nodes];
	return 0;
}

void
sim_measure_release(struct sim_measure *measure)
{
	free(measure->most_mcpu);
	free(measure->most_memory_bytes);
	free(measure->most_disk_bytes);
	measure->most_mcpu = NULL;
	measure->most_memory_bytes = NULL;
	measure->most_disk_bytes = NULL;
}

/* ---- levels ---- */

static uint32_t
share_ppm(int64_t part, int64_t whole)
{
	return whole > 0 ? (uint32_t)((wide)(uint64_t)part * SIM_PPM / (uint64_t)whole) : 0;
}

static bool
is_exhausted(int64_t used, int64_t total)
{
	return total - used < total / EXHAUSTED + (total % EXHAUSTED != 0);
}

static void
count_in(struct sim_levels *levels, const struct sim_node_state *node)
{
	levels->stranded_mcpu += node->stranded_mcpu;
	levels->stranded_memory_bytes += node->stranded_memory_bytes;
	levels->used_ppm += node->used_ppm;
	levels->used_ppm_squares += (uint64_t)node->used_ppm * node->used_ppm;
	levels->busy += node->busy;
}

static void
count_out(struct sim_levels *levels, const struct sim_node_state *node)
{
	levels->stranded_mcpu -= node->stranded_mcpu;
	levels->stranded_memory_bytes -= node->stranded_memory_bytes;
	levels->used_ppm -= node->used_ppm;
	levels->used_ppm_squares -= (uint64_t)node->used_ppm * node->used_ppm;
	levels->busy -= node->busy;
}

void
sim_measure_node(struct sim_measure *measure, struct sim_node_state *node, int64_t used_mcpu,
		 int64_t used_memory_bytes, bool busy)
{
	const uint32_t cpu = share_ppm(used_mcpu, node->mcpu);
	const uint32_t memory = share_ppm(used_memory_bytes, node->memory_bytes);

	count_out(&measure->levels, node);
	node->used_ppm = cpu > memory ? cpu : memory;
	node->busy = busy;
	node->stranded_mcpu = is_exhausted(used_memory_bytes, node->memory_bytes)
				      ? node->mcpu - used_mcpu
				      : 0;
	node->stranded_memory_bytes = is_exhausted(used_mcpu, node->mcpu)
					      ? node->memory_bytes - used_memory_bytes
					      : 0;
	count_in(&measure->levels, node);
}

/* The least i with sums[i] >= amount. */
static uint32_t
fewest(const int64_t *sums, uint32_t nodes, int64_t amount)
{
	uint32_t low = 0;
	uint32_t high = nodes;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (sums[middle] >= amount)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static uint32_t
least_nodes(const struct sim_measure *measure)
{
	const struct sim_levels *levels = &measure->levels;
	const uint32_t nodes = measure->nodes;
	uint32_t least = fewest(measure->most_mcpu, nodes, levels->mcpu);
	uint32_t other = fewest(measure->most_memory_bytes, nodes, levels->memory_bytes);

	least = other > least ? other : least;
	other = fewest(measure->most_disk_bytes, nodes, levels->disk_bytes);
	least = other > least ? other : least;
	/* A task may ask for nothing, and yet it is somewhere. */
	return least == 0 && levels->busy > 0 ? 1 : least;
}

static uint64_t
square_root(wide value)
{
	uint64_t root = 0;

	for (uint64_t bit = UINT64_C(1) << 62; bit > 0; bit >>= 1) {
		if ((wide)(root | bit) * (root | bit) <= value)
			root |= bit;
	}
	return root;
}

/* The deviation of the nodes' utilisation, in millionths. */
static uint64_t
spread_ppm(const struct sim_measure *measure)
{
	const struct sim_levels *levels = &measure->levels;
	wide squares = (wide)measure->nodes * levels->used_ppm_squares;
	wide sum = (wide)levels->used_ppm * levels->used_ppm;

	return square_root(squares - sum) / measure->nodes;
}

void
sim_measure_until(struct sim_measure *measure, uint64_t now_us)
{
	const struct sim_levels *levels = &measure->levels;
	struct sim_sums *sums = &measure->sums;
	const wide us = now_us - measure->now_us;
	const uint64_t series[SERIES_LEVELS] = {
		[LEVEL_CPU] = share_ppm(levels->mcpu, measure->total_mcpu),
		[LEVEL_MEMORY] = share_ppm(levels->memory_bytes, measure->total_memory_bytes),
		[LEVEL_BUSY] = levels->busy,
		[LEVEL_LEAST] = measure->least,
		[LEVEL_WAITING] = levels->waiting,
	};

	assert(now_us >= measure->now_us);
	if (measure->arrived == 0)
		measure->began_us = now_us;
	else
		sim_series_add(&measure->series, measure->now_us - measure->began_us,
			       (uint64_t)us, series);
	measure->now_us = now_us;
	sums->mcpu += us * (uint64_t)levels->mcpu;
	sums->memory_bytes += us * (uint64_t)levels->memory_bytes;
	sums->stranded_mcpu += us * (uint64_t)levels->stranded_mcpu;
	sums->stranded_memory_bytes += us * (uint64_t)levels->stranded_memory_bytes;
	sums->busy += us * levels->busy;
	sums->least += us * measure->least;
	sums->used_ppm += us * levels->used_ppm;
	sums->spread_ppm += us > 0 ? us * spread_ppm(measure) : 0;
}

void
sim_measure_settled(struct sim_measure *measure)
{
	const struct sim_levels *levels = &measure->levels;

	measure->least = least_nodes(measure);
	if (levels->mcpu > measure->peak_mcpu)
		measure->peak_mcpu = levels->mcpu;
	if (levels->memory_bytes > measure->peak_memory_bytes)
		measure->peak_memory_bytes = levels->memory_bytes;
	if (levels->busy > measure->peak_busy)
		measure->peak_busy = levels->busy;
	if (measure->least > measure->peak_least)
		measure->peak_least = measure->least;
}

/* ---- jobs ---- */

int
sim_measure_job_placed(struct sim_measure *measure, struct sim_job_state *job, uint32_t count)
{
	uint32_t least = 0;
	uint32_t *grown;

	assert(count > 0);
	if (count >= job->capacity) {
		size_t before = job->capacity;

		grown = vec_reserve(job->nodes_with, &job->capacity, (size_t)count + 1,
				    sizeof(*grown));
		if (grown == NULL)
			return CUBE_ERR_NO_MEMORY;
		memset(grown + before, 0, (job->capacity - before) * sizeof(*grown));
		job->nodes_with = grown;
	}
	job->tasks++;
	job->nodes += count == 1;
	if (count > 1)
		job->nodes_with[count - 1]--;
	job->nodes_with[count]++;
	if (count > job->most)
		job->most = count;
	if (job->nodes == measure->nodes) {
		for (least = 1; job->nodes_with[least] == 0;)
			least++;
	}
	if (job->most - least > job->uneven)
		job->uneven = job->most - least;
	return 0;
}

void
sim_measure_job_ended(struct sim_job_state *job, uint32_t count)
{
	assert(count > 0 && count < job->capacity && job->nodes_with[count] > 0);
	job->nodes_with[count]--;
	if (count > 1)
		job->nodes_with[count - 1]++;
	else
		job->nodes--;
	while (job->most > 0 && job->nodes_with[job->most] == 0)
		job->most--;
}

void
sim_measure_job_gone(struct sim_measure *measure, struct sim_job_state *job)
{
	if (job->tasks > 1) {
		measure->jobs++;
		measure->jobs_uneven += job->uneven;
		if (job->uneven > measure->job_uneven)
			measure->job_uneven = job->uneven;
	}
	free(job->nodes_with);
	memset(job, 0, sizeof(*job));
}
