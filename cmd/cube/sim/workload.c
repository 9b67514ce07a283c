/* cube/sim/workload.c - a trace or a generator behind one set of functions. Owns the one that
 * it was given. Main thread.
 */
#include "workload.h"

#include "generate.h"
#include "trace.h"

#include <string.h>

int
sim_workload_next(struct sim_workload *workload, struct sim_arrival *out,
		  struct cube_error *err)
{
	if (workload->trace != NULL)
		return sim_trace_next(workload->trace, out, err);
	return sim_generator_next(workload->generator, out);
}

int
sim_workload_rewind(struct sim_workload *workload, struct cube_error *err)
{
	if (workload->trace != NULL)
		return sim_trace_rewind(workload->trace, err);
	sim_generator_rewind(workload->generator);
	return 0;
}

double
sim_workload_done(const struct sim_workload *workload)
{
	return workload->trace != NULL ? sim_trace_done(workload->trace)
				       : sim_generator_done(workload->generator);
}

int
sim_workload_refuse(const struct sim_workload *workload, const struct cube_error *why,
		    struct cube_error *err)
{
	if (workload->trace != NULL)
		return sim_trace_refuse(workload->trace, why, err);
	return cube_fail(err, CUBE_ERR_INTERNAL, 0, "the generator's own constraint: %s",
			 why->message);
}

void
sim_workload_release(struct sim_workload *workload)
{
	sim_trace_free(workload->trace);
	sim_generator_free(workload->generator);
	memset(workload, 0, sizeof(*workload));
}
