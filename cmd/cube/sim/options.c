/* cube/sim/options.c - the table of `cube sim`, and what its values amount to. Owns nothing.
 * Main thread, at start.
 */
#include "options.h"

#include "cube/command.h"
#include "generate.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define TASKS_DEFAULT 10000
#define HOURS_MAX     87660 /* ten years */

static const struct cli_option options[] = {
	{.name = "scheduler",
	 .letter = 's',
	 .arg = "FILE.so[,KEY=VALUE...]",
	 .fallback = "epvm.so",
	 .repeats = true,
	 .help = "the scheduler to try, with its options behind commas; several are compared "
		 "side by side"},
	{.name = "cluster",
	 .letter = 'c',
	 .arg = "CLUSTER",
	 .fallback = "100x{cores:16,memory:64g,disk:1t}",
	 .help = "the nodes to place on (see below), or a FILE with such a text"},
	{.name = "trace",
	 .letter = 't',
	 .arg = "FILE",
	 .help = "a recorded workload, a CSV file with a line a task (see below); - is "
		 "standard input"},
	{.name = "tasks",
	 .letter = 'n',
	 .arg = "N",
	 .help = "without --trace, make up so many tasks [10000]"},
	{.name = "hours",
	 .arg = "H",
	 .help = "over which the made-up tasks arrive; without it as long as --load asks for"},
	{.name = "load",
	 .arg = "PERCENT",
	 .help = "how much of the cluster the made-up tasks fill in the end, on average [80]"},
	{.name = "seed",
	 .arg = "S",
	 .fallback = "1",
	 .help = "of the made-up tasks, and of schedulers that draw lots: the same seed, the "
		 "same report"},
	{.name = "arrivals",
	 .arg = "poisson|bursty",
	 .fallback = "poisson",
	 .help = "how made-up jobs arrive: poisson, or bursty with busy and quiet times"},
	{.name = "until",
	 .arg = "WHEN",
	 .fallback = "placed",
	 .help = "end when all has arrived and nothing waits that could be placed, done: when "
		 "all has ended too, or after a time such as 90m or 24h"},
	{.name = "output",
	 .letter = 'o',
	 .arg = "table|json|csv",
	 .fallback = "table",
	 .help = "table for people, json or csv for scripts"},
	{.name = "chart",
	 .arg = "FILE",
	 .help = "draw utilisation over time: an .svg or .png (needs gnuplot), or .csv with "
		 "the "
		 "figures"},
	{.name = "plugin-dir",
	 .arg = "DIR",
	 .help = "look for a bare scheduler name here first"},
	OPTION_HELP,
	{.name = NULL},
};

const struct cli_program sim_program = {
	.name = "cube sim",
	.summary = "try schedulers on a workload, without a cluster",
	.options = options,
	.notes =
		"Runs each scheduler over the same workload on a virtual clock, with the "
		"manager's "
		"own placing: what the core filters and how a task waits are as in a cluster. "
		"Needs no manager. The exit code is 1 if a scheduler failed or broke its "
		"contract. One that crashes or hangs takes cube sim with it: `cube plugin "
		"check` says why.\n\n"
		"CLUSTER is groups of nodes joined by +, each with how many there are and what "
		"each has: `1000x{cores:16, memory:64g, disk:1t, labels:zone=a|b;ssd=yes} + "
		"10x{cores:64, memory:256g, name:big, arch:arm64}`. cores and memory must be "
		"there; disk is 1t without it, arch amd64, os linux. Of several values of a "
		"label "
		"the nodes get each in turn. Nodes are called n1, n2 and so on through all "
		"groups, or big-1001 where the group has a name; their runtime is called sim. "
		"Blanks and lines may stand anywhere, and in a "
		"file # "
		"begins a comment.\n\n"
		"A trace is CSV. Its first line names the columns, in any order: arrival and "
		"duration (seconds; an empty duration never ends), cpu (cores), memory, and if "
		"they are wanted disk (bytes, or 64m, 1.5g), priority (0 to 100), job, and "
		"constraints (several with semicolons between them, the field in quotes as CSV "
		"has it). Lines are in the order of arrival. contrib/trace/convert makes it "
		"from "
		"the public traces of Google, Azure and Alibaba.",
};

static int
wrong(struct cube_error *err, const char *option, const char *wants, const char *text)
{
	return cube_fail(err, CUBE_ERR_INVALID, 0, "--%s wants %s, not '%.60s'", option, wants,
			 text);
}

/* A number with at most three places, in thousandths; 0: it is none, or 0. */
static uint64_t
read_thousandths(const char *text, uint64_t max)
{
	uint64_t value = 0;
	int places = -1;

	for (; *text != '\0'; text++) {
		if (*text == '.' && places < 0) {
			places = 0;
			continue;
		}
		if (!isdigit((unsigned char)*text) || places == 3)
			return 0;
		value = value * 10 + (uint64_t)(*text - '0');
		places += places >= 0;
		if (value > max)
			return 0;
	}
	for (places = places < 0 ? 0 : places; places < 3; places++)
		value *= 10;
	return value <= max ? value : 0;
}

static int
read_generator(const struct cli_values *values, struct sim_options *out, struct cube_error *err)
{
	const char *arrivals = cli_text(values, "arrivals");
	const char *hours = cli_text(values, "hours");
	const char *load = cli_text(values, "load");
	uint64_t thousandths;
	int64_t tasks = 0;

	if (cli_number(values, "tasks", 1, SIM_TASKS_MAX, &tasks, err) != 0)
		return err->code;
	out->tasks = (uint64_t)tasks;
	if (hours != NULL) {
		thousandths = read_thousandths(hours, (uint64_t)HOURS_MAX * 1000);
		if (thousandths == 0)
			return wrong(err, "hours", "hours such as 24 or 0.5", hours);
		out->hours_us = thousandths * (SIM_HOUR_US / 1000);
	}
	if (load != NULL) {
		thousandths = read_thousandths(load, 1000000);
		if (thousandths < 100)
			return wrong(err, "load", "a percentage from 0.1 to 1000", load);
		out->load = (uint32_t)(thousandths / 100);
	}
	if (out->tasks > 0 && out->hours_us > 0 && out->load > 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "two of --tasks, --hours and --load say what the third is: "
				 "leave one out");
	if (out->tasks == 0 && (out->hours_us == 0 || out->load == 0))
		out->tasks = TASKS_DEFAULT;
	out->bursty = strcmp(arrivals, "bursty") == 0;
	if (!out->bursty && strcmp(arrivals, "poisson") != 0)
		return wrong(err, "arrivals", "poisson or bursty", arrivals);
	return 0;
}

static int
read_workload(const struct cli_values *values, struct sim_options *out, struct cube_error *err)
{
	static const char *const made_up[] = {"tasks", "hours", "load"};
	int64_t seed = 0;

	if (cli_number(values, "seed", 0, INT64_MAX, &seed, err) != 0)
		return err->code;
	out->seed = (uint64_t)seed;
	out->trace = cli_text(values, "trace");
	for (size_t i = 0; out->trace != NULL && i < 3; i++) {
		if (cli_given(values, made_up[i]))
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "--%s is for a made-up workload: it does not go with "
					 "--trace%s",
					 made_up[i], i == 1 ? " (see --until)" : "");
	}
	return read_generator(values, out, err);
}

static int
read_until(const struct cli_values *values, struct sim_options *out, struct cube_error *err)
{
	const char *text = cli_text(values, "until");
	struct cube_error own;
	uint64_t ms = 0;

	if (strcmp(text, "placed") == 0) {
		out->until = SIM_UNTIL_PLACED;
	} else if (strcmp(text, "done") == 0) {
		out->until = SIM_UNTIL_DONE;
	} else {
		out->until = SIM_UNTIL_TIME;
		if (cli_duration(values, "until", 1, SIM_TIME_MAX_US / 1000, &ms, &own) != 0)
			return wrong(err, "until", "placed, done, or a time such as 90m or 24h",
				     text);
		out->until_us = ms * 1000;
	}
	return 0;
}

static int
read_output(const struct cli_values *values, struct sim_options *out, struct cube_error *err)
{
	static const char *const forms[] = {"table", "json", "csv"};
	static const char *const endings[] = {".svg", ".png", ".csv"};
	const char *form = cli_text(values, "output");
	size_t i = 0;

	while (i < 3 && strcmp(forms[i], form) != 0)
		i++;
	if (i == 3)
		return wrong(err, "output", "table, json or csv", form);
	out->output = (enum sim_output)i;
	out->chart = cli_text(values, "chart");
	for (i = 0; out->chart != NULL && i < 3; i++) {
		const size_t size = strlen(out->chart);

		if (size > 4 && strcasecmp(out->chart + size - 4, endings[i]) == 0)
			out->chart_form = (enum sim_chart_form)(SIM_CHART_SVG + i);
	}
	if (out->chart != NULL && out->chart_form == SIM_CHART_NONE)
		return wrong(err, "chart", "a file that ends in .svg, .png or .csv",
			     out->chart);
	return 0;
}

int
sim_options_read(const struct cli_values *values, struct sim_options *out,
		 struct cube_error *err)
{
	memset(out, 0, sizeof(*out));
	out->schedulers = cli_list(values, "scheduler", &out->scheduler_count);
	out->plugin_dir = cli_text(values, "plugin-dir");
	out->cluster = cli_text(values, "cluster");
	if (out->scheduler_count > SIM_POLICIES_MAX)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "--scheduler: at most %d are compared at once",
				 SIM_POLICIES_MAX);
	if (read_workload(values, out, err) != 0 || read_until(values, out, err) != 0)
		return err->code;
	return read_output(values, out, err);
}
