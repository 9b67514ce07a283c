/* cube/sim/run.h - one scheduler, one cluster, one workload, on a virtual clock.
 *
 * Tasks arrive and end; at each such moment the manager's own placing (core/place) places
 * what can be placed. A task runs for its duration from when it is placed. Main thread.
 */
#ifndef CUBE_SIM_RUN_H
#define CUBE_SIM_RUN_H

#include "cluster.h"
#include "measure.h"
#include "model/task.h"
#include "policy.h"
#include "progress.h"
#include "workload.h"

enum sim_until {
	SIM_UNTIL_PLACED, /* all has arrived, and nothing waits that could be placed */
	SIM_UNTIL_DONE,   /* and all has ended that ends */
	SIM_UNTIL_TIME
};

struct sim_result {
	struct sim_measure measure;
	uint64_t waiting;  /* tasks at the end */
	uint64_t place_ns; /* of the processor, in choosing and reserving */
	uint64_t wall_ns;
	char fault[TASK_REASON_SIZE]; /* what the scheduler does wrong; "": nothing */
};

struct sim_run {
	const struct sim_cluster *cluster;
	struct sim_workload *workload; /* rewound first */
	struct sim_policy *policy;     /* opened and closed */
	struct sim_progress *progress;
	uint64_t seed;
	enum sim_until until;
	uint64_t until_us;
};

/* On failure *result needs no release: INVALID for the workload, else what went wrong. */
int sim_run(const struct sim_run *run, struct sim_result *result, struct cube_error *err);
void sim_result_release(struct sim_result *result);

#endif
