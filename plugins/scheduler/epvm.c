/* plugins/scheduler/epvm.c - Enhanced PVM: the node where a task costs least in opportunities.
 *
 * After Amir, Awerbuch, Barak, Borgstrom and Keren, "An Opportunity Cost Approach for Job
 * Assignment in a Scalable Computing Cluster", IEEE Transactions on Parallel and Distributed
 * Systems 11(7), 2000. A machine costs the sum over its resources of n to the power of how far
 * each is used, and a task goes where it raises that sum least:
 *
 *     cost of a row = sum over r of  w(r) * (n^(u(r) + d(r)) - n^u(r))
 *
 *     r        u: used before the task                     d: what the task adds
 *     cpu      reserved / total, or cpu_busy if larger     mcpu / total
 *     memory   reserved / total                            memory / total
 *     tasks    tasks / (tasks_per_core * cores)            1 / (tasks_per_core * cores)
 *
 * n is the option base. In the paper it is the number of machines; here that would make the
 * cost of a row depend on other rows, and few machines would hardly be kept apart. "tasks" is
 * the paper's cpu load, a number of jobs by the speed of the machine; its L, the load that
 * counts as full, is an option too. It is what spreads tasks that ask for nothing; cpu is
 * beside it because ours say what they will use. w(r) are options, 1 in the paper. The book's
 * version adds and subtracts the same cpu term, which leaves nothing of it; here the task's own
 * cpu is in the first of the two.
 *
 * A node that tells no total (0) of what the task asks for pays for the whole of it, w * (n -
 * 1), so those that tell are preferred; of cores it then has one. Above 2^64 a power goes
 * on as a straight line, so every cost is finite and a fuller node always costs more. [loop]
 */
#include "base/decimal.h"

#include <cube/scheduler.h>
#include <math.h>

#define BITS_MAX 64 /* powers of 2 are straight lines from here on */
#define CACHED   16 /* kinds of machine in one call */

struct epvm {
	const struct cube_host *host;
	double bits;           /* log2 of n */
	double tasks_per_core; /* the paper's L, by cores */
	double cpu_weight;
	double memory_weight;
	double tasks_weight;
};

/* What follows from one resource's total and the demand. In powers of 2: n^u is 2^(bits * u),
 * and n^(u + d) - n^u is n^u * (n^d - 1), which loses no digits where d is small. */
struct kind {
	int64_t total;
	double full;  /* bits of a full one; 0 where the total is not told */
	double scale; /* bits for each unit that is used */
	double rise;  /* w * (n^d - 1) */
	double task_scale;
	double task_rise;
};

/* Machines are of few kinds: neighbours or not, what depends on the kind is worked out once. */
struct kinds {
	uint32_t known; /* bit i: kind[i] is filled */
	struct kind kind[CACHED];
};

/* 2^x; x >= 0 */
static inline double
power(double x)
{
	return x <= BITS_MAX ? exp2(x) : 0x1p64 * (x - BITS_MAX + 1);
}

/* 2^x - 1; x >= 0 */
static double
power_less_one(double x)
{
	return x <= BITS_MAX ? expm1(x * M_LN2) : power(x);
}

static inline uint32_t
kind_slot(int64_t total)
{
	return (uint32_t)((uint64_t)total * UINT64_C(0x9e3779b97f4a7c15) >> 60);
}

static struct kind *
kind_fill(struct kind *kind, const struct epvm *epvm, int64_t total, int64_t wanted,
	  double weight)
{
	double want = wanted > 0 ? (double)wanted : 0;

	kind->total = total;
	kind->full = total > 0 ? epvm->bits : 0;
	kind->scale = total > 0 ? epvm->bits / (double)total : 0;
	if (total > 0)
		kind->rise = weight * power_less_one(kind->scale * want);
	else
		kind->rise = want > 0 ? weight * power_less_one(epvm->bits) : 0;
	return kind;
}

static inline const struct kind *
memory_kind(struct kinds *kinds, const struct epvm *epvm, int64_t total, int64_t wanted)
{
	uint32_t slot = kind_slot(total);
	struct kind *kind = &kinds->kind[slot];

	if ((kinds->known >> slot & 1) != 0 && kind->total == total)
		return kind;
	kinds->known |= UINT32_C(1) << slot;
	return kind_fill(kind, epvm, total, wanted, epvm->memory_weight);
}

static inline const struct kind *
cpu_kind(struct kinds *kinds, const struct epvm *epvm, int64_t total, int64_t wanted)
{
	uint32_t slot = kind_slot(total);
	struct kind *kind = &kinds->kind[slot];
	double cores = total > 0 ? (double)total / 1000 : 1;

	if ((kinds->known >> slot & 1) != 0 && kind->total == total)
		return kind;
	kinds->known |= UINT32_C(1) << slot;
	kind->task_scale = epvm->bits / (epvm->tasks_per_core * cores);
	kind->task_rise = epvm->tasks_weight * power_less_one(kind->task_scale);
	return kind_fill(kind, epvm, total, wanted, epvm->cpu_weight);
}

/* n^u of what is reserved, as a power of 2. More may be free than there is. */
static inline double
used_bits(const struct kind *kind, int64_t free_amount)
{
	double bits = kind->full - kind->scale * (double)free_amount;

	return bits > 0 ? bits : 0;
}

/* NaN, where it is not known, is larger than nothing. */
static inline double
busy_bits(const struct epvm *epvm, float busy, double reserved)
{
	double bits = epvm->bits * (busy < 1 ? (double)busy : busy >= 1 ? 1.0 : 0.0);

	return bits > reserved ? bits : reserved;
}

static int
epvm_score(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
	   const uint32_t *rows, uint32_t n, double *cost, struct cube_error *err)
{
	const struct epvm *epvm = self;
	struct kinds cpus;
	struct kinds memories;

	(void)err;
	cpus.known = 0;
	memories.known = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t row = rows[i];
		const struct kind *cpu =
			cpu_kind(&cpus, epvm, nodes->total_mcpu[row], demand->mcpu);
		const struct kind *memory = memory_kind(
			&memories, epvm, nodes->total_memory_bytes[row], demand->memory_bytes);
		double sum = cpu->task_rise * power(cpu->task_scale * nodes->tasks[row]);

		/* A demand of 0 adds nothing, however full the node is. */
		if (cpu->rise > 0)
			sum += cpu->rise *
			       power(busy_bits(epvm, nodes->cpu_busy[row],
					       used_bits(cpu, nodes->free_mcpu[row])));
		if (memory->rise > 0)
			sum += memory->rise *
			       power(used_bits(memory, nodes->free_memory_bytes[row]));
		cost[i] = sum;
	}
	return 0;
}

static int
epvm_open(const struct cube_host *host, const char *const *options, void **self,
	  struct cube_error *err)
{
	struct epvm set = {.host = host};
	struct epvm *made;
	double base;

	if (decimal_option("base", options[0], 1.1, 1e6, &base, err) != 0 ||
	    decimal_option("cpu", options[1], 0, 1000, &set.cpu_weight, err) != 0 ||
	    decimal_option("memory", options[2], 0, 1000, &set.memory_weight, err) != 0 ||
	    decimal_option("tasks", options[3], 0, 1000, &set.tasks_weight, err) != 0 ||
	    decimal_option("tasks_per_core", options[4], 0.01, 1e6, &set.tasks_per_core, err) !=
		    0)
		return err->code;
	if (set.cpu_weight + set.memory_weight + set.tasks_weight <= 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "cpu, memory and tasks are all 0: one of these weights must "
				 "be more");
	made = host->realloc(host->ctx, NULL, sizeof(*made));
	if (made == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	set.bits = log2(base);
	*made = set;
	*self = made;
	return 0;
}

static void
epvm_close(void *self)
{
	struct epvm *epvm = self;

	(void)epvm->host->realloc(epvm->host->ctx, epvm, 0);
}

static const struct cube_option epvm_options[] = {
	{"base", "256",
	 "how many times dearer a full node is than an empty one; the paper's n, its machines"},
	{"cpu", "1", "weight of cpu"},
	{"memory", "1", "weight of memory"},
	{"tasks", "1", "weight of the number of tasks"},
	{"tasks_per_core", "8", "tasks that fill a core, whatever they ask for"},
	{NULL, NULL, NULL},
};

static const struct cube_scheduler_ops epvm_ops = {
	.struct_size = sizeof(epvm_ops),
	.flags = CUBE_SCHEDULER_ROW_PURE,
	.open = epvm_open,
	.close = epvm_close,
	.score = epvm_score,
};

const struct cube_plugin cube_plugin = {
	CUBE_PLUGIN_HEADER(CUBE_PLUGIN_SCHEDULER),
	.name = "epvm",
	.version = CUBE_VERSION,
	.summary =
		"the least opportunity cost (Enhanced PVM): spreads by cpu, memory and tasks",
	.options = epvm_options,
	.ops.scheduler = &epvm_ops,
};
