/* cube/sim/measure.h - what a simulation is judged by, added up as it goes on.
 *
 * Each change of a node costs the same however many there are. Sums are whole numbers, so the
 * same run gives the same report everywhere.
 *
 *   used        of cpu and memory: what placed tasks asked for
 *   stranded    cpu that is free on nodes with less than 5 % of their memory free, and memory
 *               on nodes with less than 5 % of their cpu free: there, and hard to use
 *   in use      nodes with at least one task
 *   least       the fewest nodes, the largest first, whose cpu, and memory, and disk, hold
 *               what is placed: no scheduler can do with fewer
 *   spread      the standard deviation of the nodes' utilisation, which is that of a node's
 *               cpu or memory, whichever is more
 *   uneven      of a job: its tasks on the node that has most of them, less those on the one
 *               that has fewest; the largest that it ever was
 *
 * Main thread.
 */
#ifndef CUBE_SIM_MEASURE_H
#define CUBE_SIM_MEASURE_H

#include "fixed.h"
#include "histogram.h"
#include "series.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_PPM 1000000

/* What a node has, and what of it is in the sums. */
struct sim_node_state {
	int64_t mcpu;
	int64_t memory_bytes;
	int64_t stranded_mcpu;
	int64_t stranded_memory_bytes;
	uint32_t used_ppm;
	bool busy;
};

/* A job's tasks by node, as far as evenness needs it. Zero at first. */
struct sim_job_state {
	uint32_t *nodes_with; /* how many nodes have so many of its tasks, from 1 */
	size_t capacity;
	uint32_t nodes; /* with any */
	uint32_t most;  /* tasks on one */
	uint32_t uneven;
	uint32_t tasks; /* placed ever */
};

/* The state that holds between two moments. */
struct sim_levels {
	int64_t mcpu;
	int64_t memory_bytes;
	int64_t disk_bytes;
	int64_t stranded_mcpu;
	int64_t stranded_memory_bytes;
	uint64_t used_ppm; /* summed over nodes */
	uint64_t used_ppm_squares;
	uint32_t busy;
	uint64_t waiting;
	uint64_t running;
};

/* Added up over time: level times microseconds. */
struct sim_sums {
	wide mcpu;
	wide memory_bytes;
	wide stranded_mcpu;
	wide stranded_memory_bytes;
	wide busy;
	wide least;
	wide used_ppm;
	wide spread_ppm;
};

struct sim_measure {
	/* the cluster */
	uint32_t nodes;
	int64_t total_mcpu;
	int64_t total_memory_bytes;
	int64_t *most_mcpu; /* nodes + 1: what the i largest have together, as the next two */
	int64_t *most_memory_bytes;
	int64_t *most_disk_bytes;

	uint64_t now_us;
	uint64_t began_us; /* when the first task came */
	struct sim_levels levels;
	uint32_t least; /* nodes, for the levels of the last time that it settled */
	struct sim_sums sums;
	int64_t peak_mcpu;
	int64_t peak_memory_bytes;
	uint32_t peak_busy;
	uint32_t peak_least;

	uint64_t arrived; /* tasks */
	uint64_t placed;
	uint64_t ended;
	uint64_t jobs;        /* of two tasks and more that were placed, and are no more */
	uint64_t jobs_uneven; /* summed */
	uint32_t job_uneven;  /* the largest */
	struct sim_histogram waits; /* microseconds */
	struct sim_series series;
};

/* room: what each node has, by number. 0 or NO_MEMORY; release either way. */
struct sim_room {
	int64_t mcpu;
	int64_t memory_bytes;
	int64_t disk_bytes;
};
int sim_measure_init(struct sim_measure *measure, const struct sim_room *room, uint32_t nodes);
void sim_measure_release(struct sim_measure *measure);

/* Until now the levels were as they are. The first call is the beginning. */
void sim_measure_until(struct sim_measure *measure, uint64_t now_us);
/* All that happens at this moment has happened. */
void sim_measure_settled(struct sim_measure *measure);

/* What is taken of a node has changed to this. */
void sim_measure_node(struct sim_measure *measure, struct sim_node_state *node,
		      int64_t used_mcpu, int64_t used_memory_bytes, bool busy);
/* A task of the job came to a node that has count of them now, or left one that had. */
int sim_measure_job_placed(struct sim_measure *measure, struct sim_job_state *job,
			   uint32_t count); /* 0 or NO_MEMORY */
void sim_measure_job_ended(struct sim_job_state *job, uint32_t count);
void sim_measure_job_gone(struct sim_measure *measure, struct sim_job_state *job);

#endif
