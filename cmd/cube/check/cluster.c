/* check/cluster.c - see the header. Owns the areas. */
#include "cluster.h"

#include <math.h>
#include <string.h>

#define DOMAINS_MAX 8
#define MIB         ((int64_t)1 << 20)

static void *
input(struct cluster *cluster, const char *name, size_t item_size, size_t count)
{
	return area_make(&cluster->areas, name, true, item_size, count)->start;
}

static void
make_areas(struct cluster *cluster)
{
	struct areas *areas = &cluster->areas;
	uint32_t count = cluster->count;

	cluster->nodes = input(cluster, "struct cube_nodes", sizeof(*cluster->nodes), 1);
	cluster->demand = input(cluster, "struct cube_demand", sizeof(*cluster->demand), 1);
	cluster->key = input(cluster, "the column key", 8, count);
	cluster->tasks = input(cluster, "the column tasks", 4, count);
	cluster->total[0] = input(cluster, "the column total_mcpu", 8, count);
	cluster->free[0] = input(cluster, "the column free_mcpu", 8, count);
	cluster->total[1] = input(cluster, "the column total_memory_bytes", 8, count);
	cluster->free[1] = input(cluster, "the column free_memory_bytes", 8, count);
	cluster->total[2] = input(cluster, "the column total_disk_bytes", 8, count);
	cluster->free[2] = input(cluster, "the column free_disk_bytes", 8, count);
	cluster->busy = input(cluster, "the column cpu_busy", sizeof(float), count);
	cluster->domain = input(cluster, "the column domain", 4, count);
	cluster->eligible = input(cluster, "the bitmap eligible", 8, ((size_t)count + 63) / 64);
	cluster->peers = input(cluster, "the array peers", 4, count);
	cluster->domain_peers = input(cluster, "the array domain_peers", 4, cluster->domains);
	cluster->asked = area_make(areas, "the rows it was asked for", true, 4, count);
	cluster->costs = area_make(areas, "the costs it was given", true, 8, count);
	cluster->selected = area_make(areas, "its array of rows", false, 4, count);
	cluster->cost = area_make(areas, "its cost array", false, 8, count);
	cluster->answer = area_make(areas, "the number it answers with", false, 4, 1);
}

static void
point_at_columns(struct cluster *cluster)
{
	struct cube_nodes nodes = {.struct_size = sizeof(nodes), .count = cluster->count};

	if (cluster->count > 0) {
		nodes.key = cluster->key;
		nodes.tasks = cluster->tasks;
		nodes.total_mcpu = cluster->total[0];
		nodes.free_mcpu = cluster->free[0];
		nodes.total_memory_bytes = cluster->total[1];
		nodes.free_memory_bytes = cluster->free[1];
		nodes.total_disk_bytes = cluster->total[2];
		nodes.free_disk_bytes = cluster->free[2];
		nodes.cpu_busy = cluster->busy;
		nodes.domain = cluster->domain;
	}
	*cluster->nodes = nodes;
}

void
cluster_fill_row(struct cluster *cluster, uint32_t row)
{
	static const int64_t totals[3][4] = {
		{2000, 8000, 32000, 64000},
		{4096 * MIB, 16384 * MIB, 65536 * MIB, 262144 * MIB},
		{20480 * MIB, 102400 * MIB, 512000 * MIB, 2048000 * MIB},
	};
	struct random *random = &cluster->random;
	bool full = random_below(random, 4) == 0 && row != 0;

	cluster->tasks[row] = (uint32_t)random_below(random, 40);
	for (size_t i = 0; i < 3; i++) {
		int64_t total = totals[i][random_below(random, 4)];
		int64_t part = 20 + (int64_t)random_below(random, 81);

		cluster->total[i][row] = total;
		cluster->free[i][row] = full ? total / 1000 : total / 100 * part;
	}
	cluster->busy[row] = random_below(random, 10) == 0
				     ? (float)NAN
				     : (float)random_below(random, 1001) / 1000.0F;
	cluster->domain[row] =
		cluster->spreads ? (uint32_t)random_below(random, cluster->domains) : 0;
	cluster->peers[row] = (uint32_t)random_below(random, 4);
}

void
cluster_settle(struct cluster *cluster)
{
	const struct cube_demand *demand = cluster->demand;
	const int64_t wanted[3] = {demand->mcpu, demand->memory_bytes, demand->disk_bytes};

	memset(cluster->eligible, 0, ((size_t)cluster->count + 63) / 64 * 8);
	memset(cluster->domain_peers, 0, cluster->domains * sizeof(uint32_t));
	for (uint32_t row = 0; row < cluster->count; row++) {
		bool fits = true;

		for (size_t i = 0; i < 3; i++)
			fits = fits && (wanted[i] == 0 || wanted[i] <= cluster->free[i][row]);
		if (fits)
			cluster->eligible[row / 64] |= UINT64_C(1) << (row % 64);
		cluster->domain_peers[cluster->domain[row]] += cluster->peers[row];
	}
}

void
cluster_set_group(struct cluster *cluster, uint32_t group)
{
	cluster->demand->group = group;
	cluster->demand->peers = group != 0 ? cluster->peers : NULL;
	cluster->demand->domain_peers =
		group != 0 && cluster->spreads ? cluster->domain_peers : NULL;
	cluster->demand->domain_count = group != 0 && cluster->spreads ? cluster->domains : 0;
}

void
cluster_init(struct cluster *cluster, struct trial *trial, uint32_t count, uint64_t seed,
	     enum area_side side)
{
	memset(cluster, 0, sizeof(*cluster));
	areas_init(&cluster->areas, trial, side);
	random_seed(&cluster->random, seed);
	cluster->count = count;
	cluster->spreads = true;
	cluster->domains = count < DOMAINS_MAX ? count + 1 : DOMAINS_MAX;
	make_areas(cluster);
	point_at_columns(cluster);
	*cluster->demand = (struct cube_demand){
		.struct_size = sizeof(*cluster->demand),
		.shape = 1,
		.mcpu = 250,
		.memory_bytes = 256 * MIB,
		.disk_bytes = 1024 * MIB,
		.eligible = cluster->eligible,
		.priority = 50,
	};
	for (uint32_t row = 0; row < count; row++) {
		/* No two alike, and in no order. */
		cluster->key[row] = (row + 1) * UINT64_C(0x9e3779b97f4a7c15);
		cluster_fill_row(cluster, row);
	}
	cluster_set_group(cluster, 1);
	cluster_settle(cluster);
	areas_lock(&cluster->areas);
}

void
cluster_release(struct cluster *cluster)
{
	areas_release(&cluster->areas);
}

void
cluster_forget_domains(struct cluster *cluster)
{
	areas_unlock(&cluster->areas);
	cluster->spreads = false;
	for (uint32_t row = 0; row < cluster->count; row++)
		cluster->domain[row] = 0;
	cluster_set_group(cluster, cluster->demand->group);
	cluster_settle(cluster);
	areas_lock(&cluster->areas);
}

void
cluster_take(struct cluster *cluster, uint32_t row)
{
	const struct cube_demand *demand = cluster->demand;

	areas_unlock(&cluster->areas);
	cluster->free[0][row] -= demand->mcpu;
	cluster->free[1][row] -= demand->memory_bytes;
	cluster->free[2][row] -= demand->disk_bytes;
	cluster->tasks[row]++;
	cluster->peers[row] += demand->group != 0;
	cluster_settle(cluster);
	areas_lock(&cluster->areas);
}
