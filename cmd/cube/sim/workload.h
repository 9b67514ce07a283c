/* cube/sim/workload.h - the tasks of a simulation, one after another by the time they arrive.
 *
 * They come from a trace file or from the generator; neither is held in memory as a whole.
 * Times are microseconds of the simulation, from 0. Main thread.
 */
#ifndef CUBE_SIM_WORKLOAD_H
#define CUBE_SIM_WORKLOAD_H

#include "base/error.h"

#include <stdbool.h>

#include <stdint.h>

#define SIM_SECOND_US   UINT64_C(1000000)
#define SIM_HOUR_US     (3600 * SIM_SECOND_US)
#define SIM_TIME_MAX_US (UINT64_C(876600) * SIM_HOUR_US) /* a hundred years */
#define SIM_FOREVER     UINT64_MAX
#define SIM_JOB_SIZE    256 /* of a job's name, NUL included */

/* A task that arrives. Texts are borrowed until the next. */
struct sim_arrival {
	uint64_t at_us;
	uint64_t duration_us; /* once it runs; SIM_FOREVER: it does not end */
	int64_t mcpu;         /* 0: no request, as the next two */
	int64_t memory_bytes;
	int64_t disk_bytes;
	uint32_t priority;       /* 0..100 */
	const char *job;         /* "": none */
	const char *constraints; /* "a==b;c>8"; "": none */
};

struct sim_trace;
struct sim_generator;

/* One of the two. */
struct sim_workload {
	struct sim_trace *trace;
	struct sim_generator *generator;
};

/* 1: *out is the next task, no earlier than the one before; 0: that was all. */
int sim_workload_next(struct sim_workload *workload, struct sim_arrival *out,
		      struct cube_error *err);
/* From the start. */
int sim_workload_rewind(struct sim_workload *workload, struct cube_error *err);
/* How much of it has been handed out, 0..1. */
double sim_workload_done(const struct sim_workload *workload);
/* What the last one given is called in an error: "trace.csv, line 12, column 40"; "" for a
 * generated one, of which there is nothing to be said. */
int sim_workload_refuse(const struct sim_workload *workload, const struct cube_error *why,
			struct cube_error *err);
void sim_workload_release(struct sim_workload *workload);

#endif
