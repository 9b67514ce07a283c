/* plugins/scheduler/greedy.c - the node with the lowest cpu load.
 *
 * The greedy scheduler of Tim Boring, "Build an Orchestrator in Go", chapter 10, takes the node
 * whose measured cpu load is lowest. A measurement is seconds old, so by it alone a burst
 * would go to one node; therefore the load is what was measured and, beside it, what is
 * promised:
 *
 *     cost of a row = cpu_busy + (reserved + asked for + task * (tasks + 1)) / total
 *
 * all in thousandths of a core; the option task is what any task is taken to use beside what it
 * reserves, as many reserve nothing. A node that has measured nothing (NaN) is taken to be as
 * busy as it is reserved; one that does not tell its cores (0), to have one. [loop]
 */
#include "base/decimal.h"

#include <cube/scheduler.h>

#define CORE_MCPU 1000

struct greedy {
	const struct cube_host *host;
	double task_mcpu;
};

static int
greedy_score(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
	     const uint32_t *rows, uint32_t n, double *cost, struct cube_error *err)
{
	const struct greedy *greedy = self;

	(void)err;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t row = rows[i];
		double total = nodes->total_mcpu[row] > 0 ? (double)nodes->total_mcpu[row] : 0;
		double reserved = total - (double)nodes->free_mcpu[row];
		double cores = total > 0 ? total : CORE_MCPU;
		double asked = (double)demand->mcpu +
			       greedy->task_mcpu * ((double)nodes->tasks[row] + 1);
		double busy = nodes->cpu_busy[row];

		if (!(reserved > 0)) /* more may be free than there is */
			reserved = 0;
		if (!(busy <= 1)) /* NaN, or nonsense */
			busy = reserved < cores ? reserved / cores : 1;
		else if (busy < 0)
			busy = 0;
		cost[i] = busy + (reserved + asked) / cores;
	}
	return 0;
}

static int
greedy_open(const struct cube_host *host, const char *const *options, void **self,
	    struct cube_error *err)
{
	struct greedy *made;
	double task_mcpu;

	if (decimal_option("task", options[0], 0, 1e6, &task_mcpu, err) != 0)
		return err->code;
	made = host->realloc(host->ctx, NULL, sizeof(*made));
	if (made == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	made->host = host;
	made->task_mcpu = task_mcpu;
	*self = made;
	return 0;
}

static void
greedy_close(void *self)
{
	struct greedy *greedy = self;

	(void)greedy->host->realloc(greedy->host->ctx, greedy, 0);
}

static const struct cube_option greedy_options[] = {
	{"task", "100", "thousandths of a core that a task counts for beside what it reserves"},
	{NULL, NULL, NULL},
};

static const struct cube_scheduler_ops greedy_ops = {
	.struct_size = sizeof(greedy_ops),
	.flags = CUBE_SCHEDULER_ROW_PURE,
	.open = greedy_open,
	.close = greedy_close,
	.score = greedy_score,
};

const struct cube_plugin cube_plugin = {
	CUBE_PLUGIN_HEADER(CUBE_PLUGIN_SCHEDULER),
	.name = "greedy",
	.version = CUBE_VERSION,
	.summary = "the lowest cpu load, as measured and as promised",
	.options = greedy_options,
	.ops.scheduler = &greedy_ops,
};
