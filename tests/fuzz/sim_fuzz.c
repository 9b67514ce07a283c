/* tests/fuzz/sim_fuzz.c - what `cube sim` is handed: traces with their constraints, and
 * descriptions of clusters.
 *
 * The first byte of an input chooses which. What is refused says why and where; a task that
 * is taken is within its range and no earlier than the one before, and a cluster has the
 * nodes that it counts.
 */
#include "cube/sim/cluster.h"
#include "cube/sim/specs.h"
#include "cube/sim/trace.h"
#include "fuzz_lines.h"
#include "model/constraint.h"

#define NODES_LOOKED_AT 3

static const struct fuzz_seed seeds[] = {
	FUZZ_SEED("tarrival,duration,cpu,memory,disk,priority,job,constraints\n"
		  "0,10,0.5,64m,1g,50,\"a \"\"b\"\"\",\"zone in (a,b);node.cores>8\"\n"
		  "1.5,,16,1024,,,j,\"ssd==\"\"a;b\"\";exists gpu\"\r\n"
		  "# comment\n\n2,0,0,0,0,100,,\n"),
	FUZZ_SEED("tmemory,cpu,arrival,duration\n1k,1,0,1\n2k,2,0,1\n3t,4096,100000,1\n"),
	FUZZ_SEED("c1000x{cores:16,memory:64g,disk:1t,labels:zone=a|b|c;ssd=yes}+"
		  "10x{cores:0.5,memory:1.5g,name:big,arch:arm64,os:linux}"),
	FUZZ_SEED("c# racks\n2x{ cores : 4, memory : 8g }\n + {memory:1,cores:1}\n"),
};

static void
check_place(const struct cube_error *err, const char *name)
{
	FUZZ_MUST(strncmp(err->message, name, strlen(name)) == 0);
	FUZZ_MUST(strstr(err->message, "column") != NULL ||
		  strstr(err->message, "is empty") != NULL);
}

static void
check_task(const struct sim_arrival *task, uint64_t last_us)
{
	FUZZ_MUST(task->at_us >= last_us && task->at_us <= SIM_TIME_MAX_US);
	FUZZ_MUST(task->duration_us <= SIM_TIME_MAX_US || task->duration_us == SIM_FOREVER);
	FUZZ_MUST(task->mcpu >= 0 && task->mcpu <= 4096000);
	FUZZ_MUST(task->memory_bytes >= 0 && task->disk_bytes >= 0);
	FUZZ_MUST(task->priority <= 100);
	FUZZ_MUST(strlen(task->job) < SIM_JOB_SIZE);
}

static void
read_tasks(struct sim_trace *trace)
{
	struct sim_measure measure = {0};
	struct sim_specs specs;
	struct sim_arrival task;
	struct cube_error err = {0};
	struct cube_error why = {0};
	uint64_t last_us = 0;
	int rc;

	FUZZ_MUST(sim_specs_init(&specs) == 0);
	while ((rc = sim_trace_next(trace, &task, &err)) == 1) {
		struct sim_spec *spec;

		check_task(&task, last_us);
		last_us = task.at_us;
		if (sim_specs_get(&specs, &task, &spec, &why) != 0) {
			fuzz_check_error(sim_trace_refuse(trace, &why, &err), &err);
			check_place(&err, "fuzz.csv");
			continue;
		}
		fuzz_accepted();
		FUZZ_MUST(spec->spec.constraint_count <= CONSTRAINTS_MAX);
		FUZZ_MUST((spec->spec.constraint_count > 0) == (task.constraints[0] != '\0'));
		if (task.at_us % 2 == 0)
			sim_specs_put(&specs, spec, &measure);
	}
	if (rc != 0) {
		fuzz_check_error(rc, &err);
		check_place(&err, "fuzz.csv");
	}
	sim_specs_release(&specs);
}

static void
try_trace(const uint8_t *data, size_t size)
{
	struct sim_trace *trace;
	struct cube_error err = {0};
	FILE *file = tmpfile();
	int rc;

	FUZZ_MUST(file != NULL && fwrite(data, 1, size, file) == size);
	rc = sim_trace_read(file, "fuzz.csv", &trace, &err);
	if (rc != 0) {
		fuzz_check_error(rc, &err);
		check_place(&err, "fuzz.csv");
		return;
	}
	read_tasks(trace);
	sim_trace_free(trace);
}

static void
try_cluster(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct sim_cluster cluster;
	struct cube_error err = {0};
	int rc;

	FUZZ_MUST(text != NULL);
	rc = sim_cluster_parse(&cluster, "fuzz", size % 2 == 0, text, &err);
	free(text);
	if (rc != 0) {
		fuzz_check_error(rc, &err);
		check_place(&err, "fuzz");
		return;
	}
	fuzz_accepted();
	FUZZ_MUST(cluster.nodes > 0 && cluster.nodes <= SIM_NODES_MAX);
	FUZZ_MUST(cluster.mcpu > 0 && cluster.memory_bytes > 0 && cluster.disk_bytes >= 0);
	for (uint32_t i = 0; i < NODES_LOOKED_AT; i++) {
		struct node_info info;

		FUZZ_MUST(sim_cluster_node(&cluster, i * (cluster.nodes - 1) / 2, &info) == 0);
		FUZZ_MUST(info.mcpu > 0 && info.memory_bytes > 0 && info.name[0] != '\0');
		node_info_release(&info);
	}
	sim_cluster_release(&cluster);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] == 't')
		try_trace(data + 1, size - 1);
	else
		try_cluster(data + 1, size - 1);
	return 0;
}

FUZZ_MAIN(seeds)
