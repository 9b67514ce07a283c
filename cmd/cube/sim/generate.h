/* cube/sim/generate.h - a made-up workload with the proportions of the published ones.
 *
 * Jobs arrive as a Poisson process, or in bursts; the tasks of a job arrive together and ask
 * for the same. The same seed gives the same workload on any machine (fixed.h).
 *
 *   tasks of a job   three quarters have one; the rest bounded Pareto, alpha 0.5, from 2 to a
 *                    hundredth of all tasks, at most 10,000. Of a million tasks a job has 36
 *                    on average; Google 2011 has 25 million tasks in 670,000 jobs, 75 % of
 *                    which are one task (Reiss and others, "Heterogeneity and Dynamicity of
 *                    Clouds at Scale", 2012).
 *   duration         of 98 % of the jobs lognormal, median 494 s, sigma 1.55: 55 % end within
 *                    ten minutes and 90 % within an hour, as Di, Kondo and Cirne found there
 *                    ("Characterization and Comparison of Cloud versus Grid Workloads", 2012);
 *                    of the others bounded Pareto, alpha 0.7, from 1 h to 29 days: Tirmazi and
 *                    others, "Borg: the Next Generation", 2020, fit the resources that a job
 *                    uses by Pareto with 0.69 (cpu) and 0.72 (memory). Each task is within a
 *                    quarter of its job's.
 *   cpu              bounded Pareto, alpha 1.2, from 0.1 core to half of the largest node:
 *                    most tasks are small, as in all of these traces.
 *   memory           lognormal, median 3 GiB a core asked for, sigma 0.8; Azure's virtual
 *                    machines have 1.75 to 8 GB a core (Cortez and others, "Resource
 *                    Central", 2017).
 *   disk             lognormal, median 1 GiB, sigma 1.5.
 *   priority         10, 50 and 90 for 25, 60 and 15 of a hundred jobs, after the tiers of
 *                    Borg: free, batch, production. The shares are ours.
 *   constraints      where nodes have labels 6 % of the jobs want one of them, as many as in
 *                    Google 2011.
 *
 * People ask for round amounts: cpu and memory are a power of 2 or one and a half of it, disk
 * is a power of 2. Main thread.
 */
#ifndef CUBE_SIM_GENERATE_H
#define CUBE_SIM_GENERATE_H

#include "cluster.h"
#include "workload.h"

#define SIM_TASKS_MAX    100000000
#define SIM_LOAD_DEFAULT 800 /* thousandths */

struct sim_plan {
	const struct sim_cluster *cluster; /* borrowed */
	uint64_t seed;
	bool bursty;
	uint64_t tasks;   /* 0: as many as load asks for in that time */
	uint64_t span_us; /* over which they arrive; 0: as load asks for */
	/* How full the dominant resource of the cluster is to be at the end of the span, from
	 * what arrives and how long it lasts, in thousandths; 0: not said. Does not go with
	 * both of the others. */
	uint32_t load;
};

/* INVALID: the load cannot be had with so few tasks. */
int sim_generator_new(const struct sim_plan *plan, struct sim_generator **out,
		      struct cube_error *err);
void sim_generator_free(struct sim_generator *generator);
uint64_t sim_generator_tasks(const struct sim_generator *generator);
uint64_t sim_generator_span_us(const struct sim_generator *generator);

int sim_generator_next(struct sim_generator *generator, struct sim_arrival *out);
void sim_generator_rewind(struct sim_generator *generator);
double sim_generator_done(const struct sim_generator *generator);

#endif
