/* cube sim - tries schedulers on a workload, without a cluster.
 *
 * Loads all that was named before the first run, so that a mistake is said at once; then
 * runs one scheduler after another over the same tasks, and reports on all of them. Owns
 * what it loaded. Main thread.
 */
#include "chart.h"
#include "common/clean.h"
#include "cube/command.h"
#include "generate.h"
#include "options.h"
#include "report.h"
#include "trace.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sim {
	struct sim_options options;
	struct sim_cluster cluster;
	struct sim_workload workload;
	struct sim_policy policies[SIM_POLICIES_MAX];
	size_t policy_count;
	struct sim_result *results;
	size_t result_count;
};

static int
open_workload(struct sim *sim, struct cube_error *err)
{
	const struct sim_options *options = &sim->options;
	const struct sim_plan plan = {
		.cluster = &sim->cluster,
		.seed = options->seed,
		.bursty = options->bursty,
		.tasks = options->tasks,
		.span_us = options->hours_us,
		.load = options->load,
	};

	if (options->trace != NULL)
		return sim_trace_open(options->trace, &sim->workload.trace, err);
	return sim_generator_new(&plan, &sim->workload.generator, err);
}

static int
prepare(struct sim *sim, struct cube_error *err)
{
	const struct sim_options *options = &sim->options;

	for (size_t i = 0; i < options->scheduler_count; i++) {
		sim->policy_count = i + 1;
		if (sim_policy_load(&sim->policies[i], options->schedulers[i],
				    options->plugin_dir, err) != 0)
			return err->code;
	}
	if (sim_cluster_read(&sim->cluster, options->cluster, err) != 0)
		return err->code;
	if (options->chart != NULL &&
	    sim_chart_check(options->chart_form, options->chart, err) != 0)
		return err->code;
	if (open_workload(sim, err) != 0)
		return err->code;
	sim->results = calloc(options->scheduler_count, sizeof(*sim->results));
	return sim->results != NULL ? 0
				    : cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
}

static int
run_all(struct sim *sim, struct cube_error *err)
{
	const struct sim_options *options = &sim->options;
	struct sim_progress progress = {
		.shown = isatty(STDERR_FILENO) != 0 &&
			 (options->output == SIM_OUTPUT_TABLE || isatty(STDOUT_FILENO) != 0)};

	for (size_t i = 0; i < sim->policy_count; i++) {
		const struct sim_run run = {
			.cluster = &sim->cluster,
			.workload = &sim->workload,
			.policy = &sim->policies[i],
			.progress = &progress,
			.seed = options->seed,
			.until = options->until,
			.until_us = options->until_us,
		};
		struct sim_result *result = &sim->results[i];

		if (sim_run(&run, result, err) != 0)
			return err->code;
		sim->result_count = i + 1;
		if (result->fault[0] != '\0')
			complain("cube sim", "%s: %s", sim->policies[i].label, result->fault);
		if (result->measure.arrived == 0)
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "%s has no task that arrives in that time",
					 options->trace != NULL ? options->trace
								: "the workload");
	}
	return 0;
}

static int
report(const struct sim *sim, struct cube_error *err)
{
	const char *labels[SIM_POLICIES_MAX];
	const struct sim_report report = {
		.cluster = &sim->cluster,
		.trace = sim->options.trace,
		.seed = sim->options.seed,
		.span_us = sim->workload.generator != NULL
				   ? sim_generator_span_us(sim->workload.generator)
				   : 0,
		.labels = labels,
		.results = sim->results,
		.count = sim->result_count,
	};
	int rc;

	for (size_t i = 0; i < sim->result_count; i++)
		labels[i] = sim->policies[i].label;
	rc = sim_report_print(&report, sim->options.output, stdout, err);
	if (rc == 0 && sim->options.chart != NULL)
		rc = sim_chart_draw(&report, sim->options.chart_form, sim->options.chart, err);
	return rc;
}

static int
run(const struct cli_values *values, struct cube_error *err)
{
	struct sim *sim = calloc(1, sizeof(*sim));
	bool failed = false; /* a scheduler: the report is there, and says so */
	int rc;

	if (sim == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	rc = sim_options_read(values, &sim->options, err);
	if (rc == 0)
		rc = prepare(sim, err);
	if (rc == 0)
		rc = run_all(sim, err);
	if (rc == 0)
		rc = report(sim, err);
	for (size_t i = 0; i < sim->result_count; i++) {
		failed = failed || sim->results[i].fault[0] != '\0';
		sim_result_release(&sim->results[i]);
	}
	free(sim->results);
	sim_workload_release(&sim->workload);
	for (size_t i = 0; i < sim->policy_count; i++)
		sim_policy_release(&sim->policies[i]);
	sim_cluster_release(&sim->cluster);
	free(sim);
	return rc == 0 && failed ? 1 : rc;
}

const struct command command_sim = {.word = "sim", .program = &sim_program, .run = run};
