/* cube/sim/options.h - what `cube sim` is asked for, checked. Main thread, at start. */
#ifndef CUBE_SIM_OPTIONS_H
#define CUBE_SIM_OPTIONS_H

#include "cluster.h"
#include "common/options.h"
#include "run.h"

#define SIM_POLICIES_MAX 8

enum sim_output {
	SIM_OUTPUT_TABLE,
	SIM_OUTPUT_JSON,
	SIM_OUTPUT_CSV
};

enum sim_chart_form {
	SIM_CHART_NONE,
	SIM_CHART_SVG,
	SIM_CHART_PNG,
	SIM_CHART_CSV
};

struct sim_options {
	const char *const *schedulers;
	size_t scheduler_count;
	const char *plugin_dir; /* NULL: not said */
	const char *cluster;    /* as it was given */
	const char *trace;      /* NULL: the generator's */
	/* the generator's; 0: not said */
	uint64_t tasks;
	uint64_t hours_us;
	uint32_t load; /* thousandths */
	uint64_t seed;
	bool bursty;
	enum sim_until until;
	uint64_t until_us;
	enum sim_output output;
	const char *chart; /* file; NULL: none */
	enum sim_chart_form chart_form;
};

extern const struct cli_program sim_program;

/* INVALID says which option and what would be right. Texts are borrowed from values. */
int sim_options_read(const struct cli_values *values, struct sim_options *out,
		     struct cube_error *err);

#endif
