/* cube/sim/trace.h - a recorded workload: a CSV file, a line a task.
 *
 * The first line names the columns, in any order: arrival, duration, cpu, memory, disk,
 * priority, job, constraints. The first four must be there. Arrivals do not go back, so the
 * file is read as the simulation goes on. Main thread.
 */
#ifndef CUBE_SIM_TRACE_H
#define CUBE_SIM_TRACE_H

#include "workload.h"

#include <stdio.h>

/* "-" is standard input, which is copied to a temporary file. Reads the first line. */
int sim_trace_open(const char *path, struct sim_trace **out, struct cube_error *err);
/* Takes file, which is read from its start; name is for errors, and copied. */
int
sim_trace_read(FILE *file, const char *name, struct sim_trace **out, struct cube_error *err);
void sim_trace_free(struct sim_trace *trace);

int sim_trace_next(struct sim_trace *trace, struct sim_arrival *out, struct cube_error *err);
int sim_trace_rewind(struct sim_trace *trace, struct cube_error *err);
double sim_trace_done(const struct sim_trace *trace);
int sim_trace_refuse(const struct sim_trace *trace, const struct cube_error *why,
		     struct cube_error *err);

#endif
