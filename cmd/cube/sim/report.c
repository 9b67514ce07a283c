/* cube/sim/report.c - turns sums into figures and prints them.
 *
 * One table of data says what each figure is called in each form and how people read it.
 * Shares are of the cluster, 0 to 1; times are seconds. Owns nothing. Main thread.
 */
#include "report.h"

#include "base/buf.h"
#include "base/json.h"
#include "common/units.h"
#include "cube/table.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#define JSON_MAX  ((size_t)1 << 20)
#define CELL_SIZE 48
#define PLACES    1e6 /* a figure is rounded to */

struct figures {
	double tasks;
	double placed;
	double waiting;
	double rate;
	double wait_mean;
	double wait_p50;
	double wait_p95;
	double wait_p99;
	double wait_max;
	double cpu_mean;
	double cpu_peak;
	double memory_mean;
	double memory_peak;
	double stranded_cpu;
	double stranded_memory;
	double nodes_mean;
	double nodes_peak;
	double least_mean;
	double least_peak;
	double spread;
	double spread_relative;
	double jobs;
	double uneven_mean;
	double uneven_max;
	double simulated;
	double place_time;
	double wall_time;
};

enum kind {
	KIND_COUNT,
	KIND_NUMBER, /* with a place or two */
	KIND_RATE,
	KIND_SECONDS,
	KIND_SHARE
};

static const struct figure {
	const char *key;   /* JSON */
	const char *name;  /* CSV */
	const char *label; /* table; NULL: not shown there */
	enum kind kind;
	size_t offset;
} figures[] = {
#define FIGURE(key, name, label, kind, member)                           \
	{                                                                \
		key, name, label, kind, offsetof(struct figures, member) \
	}
	FIGURE("Tasks", "tasks", "tasks", KIND_COUNT, tasks),
	FIGURE("Placed", "placed", "placed", KIND_COUNT, placed),
	FIGURE("Waiting", "waiting", "waiting at the end", KIND_COUNT, waiting),
	FIGURE("PlacementsPerSecond", "placements_per_second", "placements a second", KIND_RATE,
	       rate),
	FIGURE("WaitMean", "wait_mean", "waiting time mean", KIND_SECONDS, wait_mean),
	FIGURE("WaitP50", "wait_p50", "  p50", KIND_SECONDS, wait_p50),
	FIGURE("WaitP95", "wait_p95", "  p95", KIND_SECONDS, wait_p95),
	FIGURE("WaitP99", "wait_p99", "  p99", KIND_SECONDS, wait_p99),
	FIGURE("WaitMax", "wait_max", "  longest", KIND_SECONDS, wait_max),
	FIGURE("CpuMean", "cpu_mean", "cpu used mean", KIND_SHARE, cpu_mean),
	FIGURE("CpuPeak", "cpu_peak", "  peak", KIND_SHARE, cpu_peak),
	FIGURE("MemoryMean", "memory_mean", "memory used mean", KIND_SHARE, memory_mean),
	FIGURE("MemoryPeak", "memory_peak", "  peak", KIND_SHARE, memory_peak),
	FIGURE("StrandedCpu", "stranded_cpu", "cpu stranded mean", KIND_SHARE, stranded_cpu),
	FIGURE("StrandedMemory", "stranded_memory", "memory stranded mean", KIND_SHARE,
	       stranded_memory),
	FIGURE("NodesMean", "nodes_mean", "nodes in use mean", KIND_NUMBER, nodes_mean),
	FIGURE("LeastNodesMean", "least_nodes_mean", "  at least", KIND_NUMBER, least_mean),
	FIGURE("NodesPeak", "nodes_peak", "nodes in use peak", KIND_COUNT, nodes_peak),
	FIGURE("LeastNodesPeak", "least_nodes_peak", "  at least", KIND_COUNT, least_peak),
	FIGURE("Spread", "spread", "spread of nodes", KIND_SHARE, spread),
	FIGURE("SpreadRelative", "spread_relative", "  of their mean", KIND_NUMBER,
	       spread_relative),
	FIGURE("Jobs", "jobs", "jobs of many tasks", KIND_COUNT, jobs),
	FIGURE("JobUnevenMean", "job_uneven_mean", "  uneven mean", KIND_NUMBER, uneven_mean),
	FIGURE("JobUnevenMax", "job_uneven_max", "  uneven most", KIND_COUNT, uneven_max),
	FIGURE("SimulatedSeconds", "simulated_seconds", "simulated time", KIND_SECONDS,
	       simulated),
	FIGURE("PlaceSeconds", "place_seconds", NULL, KIND_SECONDS, place_time),
	FIGURE("WallSeconds", "wall_seconds", "real time", KIND_SECONDS, wall_time),
#undef FIGURE
};
#define FIGURES (sizeof(figures) / sizeof(figures[0]))

/* ---- the figures ---- */

static double
quotient(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

static double
seconds(uint64_t us)
{
	return (double)us / (double)SIM_SECOND_US;
}

static void
work_out_levels(const struct sim_measure *measure, struct figures *out)
{
	const struct sim_sums *sums = &measure->sums;
	const struct sim_levels *levels = &measure->levels;
	const double us = (double)(measure->now_us - measure->began_us);
	const double mcpu = (double)measure->total_mcpu;
	const double memory = (double)measure->total_memory_bytes;
	const double nodes = measure->nodes;

	out->cpu_peak = (double)measure->peak_mcpu / mcpu;
	out->memory_peak = (double)measure->peak_memory_bytes / memory;
	out->nodes_peak = measure->peak_busy;
	out->least_peak = measure->peak_least;
	if (us > 0) {
		out->cpu_mean = (double)sums->mcpu / us / mcpu;
		out->memory_mean = (double)sums->memory_bytes / us / memory;
		out->stranded_cpu = (double)sums->stranded_mcpu / us / mcpu;
		out->stranded_memory = (double)sums->stranded_memory_bytes / us / memory;
		out->nodes_mean = (double)sums->busy / us;
		out->least_mean = (double)sums->least / us;
		out->spread = (double)sums->spread_ppm / us / SIM_PPM;
		out->spread_relative =
			quotient(out->spread, (double)sums->used_ppm / us / SIM_PPM / nodes);
		return;
	}
	/* All in one moment: what holds then. */
	out->cpu_mean = (double)levels->mcpu / mcpu;
	out->memory_mean = (double)levels->memory_bytes / memory;
	out->stranded_cpu = (double)levels->stranded_mcpu / mcpu;
	out->stranded_memory = (double)levels->stranded_memory_bytes / memory;
	out->nodes_mean = levels->busy;
	out->least_mean = measure->least;
}

static void
work_out(const struct sim_result *result, struct figures *out)
{
	const struct sim_measure *measure = &result->measure;
	const struct sim_histogram *waits = &measure->waits;

	memset(out, 0, sizeof(*out));
	out->tasks = (double)measure->arrived;
	out->placed = (double)measure->placed;
	out->waiting = (double)result->waiting;
	out->place_time = (double)result->place_ns / 1e9;
	out->wall_time = (double)result->wall_ns / 1e9;
	out->rate = quotient(out->placed, out->place_time);
	out->wait_mean =
		quotient((double)waits->sum / (double)SIM_SECOND_US, (double)waits->count);
	out->wait_p50 = seconds(sim_histogram_at(waits, 500));
	out->wait_p95 = seconds(sim_histogram_at(waits, 950));
	out->wait_p99 = seconds(sim_histogram_at(waits, 990));
	out->wait_max = seconds(waits->max);
	out->jobs = (double)measure->jobs;
	out->uneven_mean = quotient((double)measure->jobs_uneven, out->jobs);
	out->uneven_max = measure->job_uneven;
	out->simulated = seconds(measure->now_us - measure->began_us);
	work_out_levels(measure, out);
}

static double
value_of(const struct figures *all, const struct figure *figure)
{
	double value;

	(void)memcpy(&value, (const char *)all + figure->offset, sizeof(value));
	return round(value * PLACES) / PLACES;
}

/* ---- for people ---- */

static void
format_seconds(double value, char *out, size_t size)
{
	if (value == 0)
		(void)snprintf(out, size, "0 s");
	else if (value < 1)
		(void)snprintf(out, size, "%.3g ms", value * 1000);
	else if (value < 120)
		(void)snprintf(out, size, "%.1f s", value);
	else if (value < 7200)
		(void)snprintf(out, size, "%.1f min", value / 60);
	else
		(void)snprintf(out, size, "%.1f h", value / 3600);
}

static void
format(double value, enum kind kind, char out[CELL_SIZE])
{
	switch (kind) {
	case KIND_COUNT:
	case KIND_RATE:
		(void)snprintf(out, CELL_SIZE, "%.0f", value);
		break;
	case KIND_NUMBER:
		(void)snprintf(out, CELL_SIZE, value < 10 ? "%.2f" : "%.1f", value);
		break;
	case KIND_SECONDS:
		format_seconds(value, out, CELL_SIZE);
		break;
	case KIND_SHARE:
		(void)snprintf(out, CELL_SIZE, "%.1f %%", value * 100);
		break;
	}
}

static void
print_head(const struct sim_report *report, FILE *out)
{
	char memory[16];
	char span[CELL_SIZE];

	units_format_bytes(report->cluster->memory_bytes, memory, sizeof(memory));
	(void)fprintf(out, "%" PRIu32 " nodes with %.6g cores and %s of memory\n",
		      report->cluster->nodes, (double)report->cluster->mcpu / 1000, memory);
	if (report->trace != NULL) {
		(void)fputs("tasks of ", out);
		text_print(out, report->trace);
		(void)fputc('\n', out);
	} else {
		format_seconds(seconds(report->span_us), span, sizeof(span));
		(void)fprintf(out, "tasks made up from seed %" PRIu64 ", over %s\n",
			      report->seed, span);
	}
	(void)fputc('\n', out);
}

static int
print_table(const struct sim_report *report, FILE *out, struct cube_error *err)
{
	const char *heads[SIM_POLICIES_MAX + 2] = {""};
	struct figures all[SIM_POLICIES_MAX];
	struct table table;
	int rc;

	for (size_t i = 0; i < report->count; i++) {
		heads[i + 1] = report->labels[i];
		work_out(&report->results[i], &all[i]);
	}
	print_head(report, out);
	table_init(&table, heads);
	for (size_t i = 0; i < FIGURES; i++) {
		char text[SIM_POLICIES_MAX][CELL_SIZE];
		const char *cells[SIM_POLICIES_MAX + 1] = {figures[i].label};

		if (figures[i].label == NULL)
			continue;
		for (size_t j = 0; j < report->count; j++) {
			format(value_of(&all[j], &figures[i]), figures[i].kind, text[j]);
			cells[j + 1] = text[j];
		}
		table_add(&table, cells);
	}
	rc = table_print(&table, out, err);
	table_release(&table);
	return rc;
}

/* ---- for scripts ---- */

static void
put_figures(struct json_writer *writer, const char *label, const struct sim_result *result)
{
	struct figures all;

	work_out(result, &all);
	json_begin_object(writer);
	json_put_text(writer, "Scheduler", label);
	for (size_t i = 0; i < FIGURES; i++) {
		const double value = value_of(&all, &figures[i]);

		if (figures[i].kind == KIND_COUNT)
			json_put_int(writer, figures[i].key, (int64_t)value);
		else
			json_put_real(writer, figures[i].key, value);
	}
	json_key(writer, "Fault");
	json_text(writer, result->fault[0] != '\0' ? result->fault : NULL);
	json_end_object(writer);
}

static void
put_report(struct json_writer *writer, const struct sim_report *report)
{
	json_begin_object(writer);
	json_key(writer, "Cluster");
	json_begin_object(writer);
	json_put_uint(writer, "Nodes", report->cluster->nodes);
	json_put_real(writer, "Cores", (double)report->cluster->mcpu / 1000);
	json_put_int(writer, "Memory", report->cluster->memory_bytes);
	json_put_int(writer, "Disk", report->cluster->disk_bytes);
	json_end_object(writer);
	json_key(writer, "Workload");
	json_begin_object(writer);
	json_put_text(writer, "Trace", report->trace);
	if (report->trace == NULL) {
		json_put_uint(writer, "Seed", report->seed);
		json_put_real(writer, "Hours", seconds(report->span_us) / 3600);
	}
	json_end_object(writer);
	json_key(writer, "Schedulers");
	json_begin_array(writer);
	for (size_t i = 0; i < report->count; i++)
		put_figures(writer, report->labels[i], &report->results[i]);
	json_end_array(writer);
	json_end_object(writer);
}

static int
print_json(const struct sim_report *report, FILE *out, struct cube_error *err)
{
	cleanup_buf struct buf text = BUF_INIT(JSON_MAX);
	struct json_writer *writer = json_writer_new(&text, true);

	if (writer != NULL) {
		put_report(writer, report);
		json_writer_free(writer);
	}
	if (writer == NULL || text.failed)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	json_text_print(out, text.data, text.size);
	if (text.size == 0 || text.data[text.size - 1] != '\n')
		(void)fputc('\n', out);
	return 0;
}

void
sim_report_field(FILE *out, const char *text)
{
	(void)fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"')
			(void)fputc('"', out);
		(void)fputc((unsigned char)*text < ' ' ? '?' : *text, out);
	}
	(void)fputc('"', out);
}

static int
print_csv(const struct sim_report *report, FILE *out)
{
	(void)fputs("scheduler", out);
	for (size_t i = 0; i < FIGURES; i++)
		(void)fprintf(out, ",%s", figures[i].name);
	(void)fputc('\n', out);
	for (size_t i = 0; i < report->count; i++) {
		struct figures all;

		work_out(&report->results[i], &all);
		sim_report_field(out, report->labels[i]);
		for (size_t j = 0; j < FIGURES; j++)
			(void)fprintf(out, figures[j].kind == KIND_COUNT ? ",%.0f" : ",%.6f",
				      value_of(&all, &figures[j]));
		(void)fputc('\n', out);
	}
	return 0;
}

int
sim_report_print(const struct sim_report *report, enum sim_output form, FILE *out,
		 struct cube_error *err)
{
	switch (form) {
	case SIM_OUTPUT_JSON:
		return print_json(report, out, err);
	case SIM_OUTPUT_CSV:
		return print_csv(report, out);
	default:
		return print_table(report, out, err);
	}
}
