/* cube/sim/specs.h - what the tasks of a simulation ask for, each only once.
 *
 * Tasks that are alike share one specification, and tasks of one job its counts; both go with
 * the last task that uses them, so memory grows with what is there at once, not with the
 * length of the workload. Main thread.
 */
#ifndef CUBE_SIM_SPECS_H
#define CUBE_SIM_SPECS_H

#include "measure.h"
#include "model/task.h"
#include "workload.h"

struct map;

struct sim_job {
	char *name; /* its key */
	uint64_t users;
	struct sim_job_state state;
};

struct sim_spec {
	struct task_spec spec; /* what placing looks at; never handed out as a counted one */
	char *key;
	uint64_t users;
	struct sim_job *job; /* NULL: of none */
	struct task_constraint *constraints;
	char *pieces;  /* of the constraints' texts */
	bool hopeless; /* no node could take it, were all empty; the run's to say */
};

struct sim_specs {
	struct map *specs;
	struct map *jobs;
	struct sim_spec *last; /* that was asked for: the tasks of a job come one by one */
};

int sim_specs_init(struct sim_specs *specs); /* 0 or NO_MEMORY; release either way */
void sim_specs_release(struct sim_specs *specs);
/* One user more. INVALID: a constraint is none; *err says which, where and what would be
 * right. */
int sim_specs_get(struct sim_specs *specs, const struct sim_arrival *arrival,
		  struct sim_spec **out, struct cube_error *err);
/* One less. What a job was like goes into the measure with its last. */
void sim_specs_put(struct sim_specs *specs, struct sim_spec *spec, struct sim_measure *measure);

#endif
