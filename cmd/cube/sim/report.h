/* cube/sim/report.h - what came of a simulation, as a table, JSON or CSV.
 *
 * Of one seed and one scheduler all figures repeat themselves, but for those of the
 * processor's time. Main thread.
 */
#ifndef CUBE_SIM_REPORT_H
#define CUBE_SIM_REPORT_H

#include "options.h"
#include "run.h"

#include <stdio.h>

struct sim_report {
	const struct sim_cluster *cluster;
	const char *trace;         /* NULL: made up */
	uint64_t seed;             /* of that, as the next */
	uint64_t span_us;          /* over which tasks arrive */
	const char *const *labels; /* of the schedulers */
	const struct sim_result *results;
	size_t count;
};

int sim_report_print(const struct sim_report *report, enum sim_output form, FILE *out,
		     struct cube_error *err);
/* A text as a field of CSV: in quotes, and quotes inside twice. */
void sim_report_field(FILE *out, const char *text);

#endif
