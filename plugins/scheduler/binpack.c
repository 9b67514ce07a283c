/* plugins/scheduler/binpack.c - the node that is fullest with the task on it: few nodes in use,
 * and large gaps.
 *
 * Best fit by the score that Google presented for its clusters and that Nomad and others use:
 * 20 - 10^(free share of cpu) - 10^(free share of memory), of what is left once the task is
 * there. The power makes the resource of which most would be left decide: that is what a
 * placement may strand. A preference turned into a cost, with a weight for each resource:
 *
 *     cost of a row = cpu * 10^f(cpu) + memory * 10^f(memory) + disk * 10^f(disk)
 *                     + open, if no task is on the node yet
 *     f = (free - demand) / total, the share that is left
 *
 * open is as much as the rest can be, so a node is taken into use only where none in use has
 * room, also where nodes differ in size; of one resource and equal nodes this is best fit,
 * which never uses more than 1.7 times the nodes that are needed (Dosa and Sgall, "Optimal
 * Analysis of Best Fit Bin Packing", ICALP 2014). A node that does not tell the total (0) of a
 * resource that counts cannot be filled: it costs twice open, that resource counts as free,
 * and each task on it counts one more, so that such nodes come last and share what comes to
 * them. [loop]
 */
#include "base/decimal.h"

#include <cube/scheduler.h>
#include <math.h>

#define LOG2_10 3.32192809488736234787

struct binpack {
	const struct cube_host *host;
	double cpu_weight;
	double memory_weight;
	double disk_weight; /* 0: disk does not count, as in the score that it is after */
	double open;
};

/* w * 10^(share that is left); *told is made 0 where there is no total. */
static inline double
left_over(double weight, int64_t total, int64_t free_amount, int64_t wanted, int *told)
{
	double share;

	if (total <= 0) {
		*told = 0;
		return weight * 10;
	}
	/* Apart from each other: the difference of two integers from outside may overflow. */
	share = ((double)free_amount - (double)wanted) / (double)total;
	if (share >= 1)
		return weight * 10;
	/* Below 0 where more is taken than there is: fuller than full, and never negative. */
	return weight * exp2(LOG2_10 * (share > -100 ? share : -100));
}

static int
binpack_score(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
	      const uint32_t *rows, uint32_t n, double *cost, struct cube_error *err)
{
	const struct binpack *binpack = self;

	(void)err;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t row = rows[i];
		double sum = 0;
		int told = 1;

		if (binpack->cpu_weight > 0)
			sum += left_over(binpack->cpu_weight, nodes->total_mcpu[row],
					 nodes->free_mcpu[row], demand->mcpu, &told);
		if (binpack->memory_weight > 0)
			sum += left_over(binpack->memory_weight, nodes->total_memory_bytes[row],
					 nodes->free_memory_bytes[row], demand->memory_bytes,
					 &told);
		if (binpack->disk_weight > 0)
			sum += left_over(binpack->disk_weight, nodes->total_disk_bytes[row],
					 nodes->free_disk_bytes[row], demand->disk_bytes,
					 &told);
		if (!told)
			sum += 2 * binpack->open + nodes->tasks[row];
		else if (nodes->tasks[row] == 0)
			sum += binpack->open;
		cost[i] = sum;
	}
	return 0;
}

static int
binpack_open(const struct cube_host *host, const char *const *options, void **self,
	     struct cube_error *err)
{
	struct binpack set = {.host = host};
	struct binpack *made;
	double weights;

	if (decimal_option("cpu", options[0], 0, 1000, &set.cpu_weight, err) != 0 ||
	    decimal_option("memory", options[1], 0, 1000, &set.memory_weight, err) != 0 ||
	    decimal_option("disk", options[2], 0, 1000, &set.disk_weight, err) != 0)
		return err->code;
	weights = set.cpu_weight + set.memory_weight + set.disk_weight;
	if (weights <= 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "cpu, memory and disk are all 0: one of these weights must be "
				 "more");
	made = host->realloc(host->ctx, NULL, sizeof(*made));
	if (made == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	set.open = 10 * weights;
	*made = set;
	*self = made;
	return 0;
}

static void
binpack_close(void *self)
{
	struct binpack *binpack = self;

	(void)binpack->host->realloc(binpack->host->ctx, binpack, 0);
}

static const struct cube_option binpack_options[] = {
	{"cpu", "1", "weight of cpu"},
	{"memory", "1", "weight of memory"},
	{"disk", "0", "weight of disk"},
	{NULL, NULL, NULL},
};

static const struct cube_scheduler_ops binpack_ops = {
	.struct_size = sizeof(binpack_ops),
	.flags = CUBE_SCHEDULER_ROW_PURE,
	.open = binpack_open,
	.close = binpack_close,
	.score = binpack_score,
};

const struct cube_plugin cube_plugin = {
	CUBE_PLUGIN_HEADER(CUBE_PLUGIN_SCHEDULER),
	.name = "binpack",
	.version = CUBE_VERSION,
	.summary = "the fullest node that has room (best fit): few nodes in use",
	.options = binpack_options,
	.ops.scheduler = &binpack_ops,
};
