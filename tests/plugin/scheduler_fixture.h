/* tests/plugin/scheduler_fixture.h - a small cluster as columns, and a scheduler plugin on it:
 * once as the core uses it, and once more by its bare functions. */
#ifndef PLUGIN_SCHEDULER_FIXTURE_H
#define PLUGIN_SCHEDULER_FIXTURE_H

#include "fixture.h"
#include "plugin/scheduler.h"

#include <math.h>

#define NODES_MAX   130
#define DOMAINS_MAX 16

struct cluster {
	uint64_t key[NODES_MAX];
	uint32_t tasks[NODES_MAX];
	int64_t total_mcpu[NODES_MAX];
	int64_t free_mcpu[NODES_MAX];
	int64_t total_memory[NODES_MAX];
	int64_t free_memory[NODES_MAX];
	int64_t total_disk[NODES_MAX];
	int64_t free_disk[NODES_MAX];
	float busy[NODES_MAX];
	uint32_t domain[NODES_MAX];
	uint32_t peers[NODES_MAX];
	uint32_t domain_peers[DOMAINS_MAX];
	uint64_t eligible[(NODES_MAX + 63) / 64];
	struct cube_nodes nodes;
	struct cube_demand demand;
};

struct stage {
	struct fixture_host host;
	struct plugin *plugin;
	const char **options;
	struct scheduler *scheduler;
	const struct cube_scheduler_ops
		*ops; /* the plugin's own table, and a self of its own */
	void *self;
	struct cluster cluster;
};

static inline void
set_eligible(struct cluster *cluster, uint32_t row, int is)
{
	uint64_t bit = UINT64_C(1) << (row % 64);

	if (is)
		cluster->eligible[row / 64] |= bit;
	else
		cluster->eligible[row / 64] &= ~bit;
}

/* A node of these totals, all of it free. */
static inline void
node_set(struct cluster *cluster, uint32_t row, int64_t mcpu, int64_t memory, int64_t disk)
{
	cluster->total_mcpu[row] = cluster->free_mcpu[row] = mcpu;
	cluster->total_memory[row] = cluster->free_memory[row] = memory;
	cluster->total_disk[row] = cluster->free_disk[row] = disk;
}

/* Equal and empty nodes of 4 cores, and a task of group 1; all eligible. */
static inline void
cluster_init(struct cluster *cluster, uint32_t count)
{
	memset(cluster, 0, sizeof(*cluster));
	for (uint32_t row = 0; row < count; row++) {
		cluster->key[row] = 1000 - row * 3; /* falls while rows rise */
		node_set(cluster, row, 4000, 4000, 4000);
		cluster->busy[row] = row % 2 == 0 ? NAN : 0.5f;
		set_eligible(cluster, row, 1);
	}
	cluster->nodes = (struct cube_nodes){
		.struct_size = sizeof(cluster->nodes),
		.count = count,
		.key = cluster->key,
		.tasks = cluster->tasks,
		.total_mcpu = cluster->total_mcpu,
		.free_mcpu = cluster->free_mcpu,
		.total_memory_bytes = cluster->total_memory,
		.free_memory_bytes = cluster->free_memory,
		.total_disk_bytes = cluster->total_disk,
		.free_disk_bytes = cluster->free_disk,
		.cpu_busy = cluster->busy,
		.domain = cluster->domain,
	};
	cluster->demand = (struct cube_demand){
		.struct_size = sizeof(cluster->demand),
		.shape = 1,
		.mcpu = 100,
		.memory_bytes = 10,
		.eligible = cluster->eligible,
		.group = 1,
		.peers = cluster->peers,
	};
}

/* The demand's counts by domain are told, as for a scheduler with a label. */
static inline void
cluster_tell_domains(struct cluster *cluster)
{
	cluster->demand.domain_peers = cluster->domain_peers;
	cluster->demand.domain_count = DOMAINS_MAX;
}

/* Eligible is where it fits; how many rows those are. */
static inline uint32_t
cluster_fit(struct cluster *cluster)
{
	const struct cube_demand *demand = &cluster->demand;
	uint32_t count = 0;

	for (uint32_t row = 0; row < cluster->nodes.count; row++) {
		int fits = demand->mcpu <= cluster->free_mcpu[row] &&
			   demand->memory_bytes <= cluster->free_memory[row] &&
			   demand->disk_bytes <= cluster->free_disk[row];

		set_eligible(cluster, row, fits);
		count += (uint32_t)fits;
	}
	return count;
}

/* The demand is placed on row. */
static inline void
cluster_take(struct cluster *cluster, uint32_t row)
{
	cluster->free_mcpu[row] -= cluster->demand.mcpu;
	cluster->free_memory[row] -= cluster->demand.memory_bytes;
	cluster->free_disk[row] -= cluster->demand.disk_bytes;
	cluster->tasks[row]++;
	cluster->peers[row]++;
	cluster->domain_peers[cluster->domain[row]]++;
}

static inline void
stage_open_with(struct stage *stage, const char *file, uint32_t count, const char *const *pairs,
		size_t pair_count)
{
	struct cube_error err;

	cluster_init(&stage->cluster, count);
	stage->plugin = fixture_load(file, CUBE_PLUGIN_SCHEDULER);
	stage->options = fixture_options(stage->plugin, pairs, pair_count);
	stage->ops = stage->plugin->info.ops.scheduler;
	ck_assert_msg(scheduler_open(stage->plugin->info.name, stage->ops,
				     fixture_host_init(&stage->host), stage->options,
				     &stage->scheduler, &err) == 0,
		      "%s", err.message);
	stage->self = NULL;
	ck_assert_int_eq(
		stage->ops->open(&stage->host.host.host, stage->options, &stage->self, &err),
		0);
}

static inline void
stage_open(struct stage *stage, const char *file, uint32_t count)
{
	stage_open_with(stage, file, count, NULL, 0);
}

static inline void
stage_close(struct stage *stage)
{
	stage->ops->close(stage->self);
	scheduler_close(stage->scheduler);
	free(stage->options);
	plugin_unload(stage->plugin);
}

static inline uint32_t
place(struct stage *stage)
{
	struct cube_error err;
	uint32_t row = 12345;

	ck_assert_msg(scheduler_place(stage->scheduler, &stage->cluster.nodes,
				      &stage->cluster.demand, &row, &err) == 0,
		      "%s", err.message);
	return row;
}

/* What rows[i] costs, eligible or not. */
static inline void
score(struct stage *stage, const uint32_t *rows, uint32_t n, double *cost)
{
	struct cube_error err;

	ck_assert_msg(stage->ops->score(stage->self, &stage->cluster.nodes,
					&stage->cluster.demand, rows, n, cost, &err) == 0,
		      "%s", err.message);
}

static inline double
cost_of(struct stage *stage, uint32_t row)
{
	double cost = (double)NAN;

	score(stage, &row, 1, &cost);
	return cost;
}

/* What the plugin says of an option that it does not take. */
static inline void
refuses(const char *file, const char *pair, const char *words)
{
	struct fixture_host host;
	struct plugin *plugin = fixture_load(file, CUBE_PLUGIN_SCHEDULER);
	const char *pairs[] = {pair};
	const char **options = fixture_options(plugin, pairs, 1);
	struct scheduler *scheduler = NULL;
	struct cube_error err;

	ck_assert_int_eq(scheduler_open(plugin->info.name, plugin->info.ops.scheduler,
					fixture_host_init(&host), options, &scheduler, &err),
			 CUBE_ERR_INVALID);
	ck_assert_ptr_null(scheduler);
	fixture_contains(err.message, words);
	free(options);
	plugin_unload(plugin);
}

#endif
