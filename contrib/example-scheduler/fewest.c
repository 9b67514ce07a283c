/* fewest.c - a scheduler of one's own: the node with the fewest tasks goes first.
 *
 * Everything a scheduler plugin needs is here: a table of functions, a table of options, and
 * the one symbol that cube looks for. The policy prefers nodes with few tasks; with the option
 * spread=yes, nodes that have none of the same job yet come before that. The cost of a row
 * depends on that row and the demand alone, so it says ROW_PURE and leaves select and pick to
 * the core: cube then scores only nodes that have changed.
 *
 * Built with the installed headers alone; see the Makefile and README.md beside it.
 */
#include <cube/scheduler.h>
#include <string.h>

struct fewest {
	const struct cube_host *host;
	int spread; /* 1: nodes without a task of the same job first */
};

/* More than any node has tasks, so that spreading decides first. */
#define COST_OF_A_PEER 1e4

static int
fewest_open(const struct cube_host *host, const char *const *options, void **self,
	    struct cube_error *err)
{
	const char *spread = options[0]; /* in the order of the table below */
	struct fewest *made;

	if (strcmp(spread, "yes") != 0 && strcmp(spread, "no") != 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "spread=%s: wants yes or no",
				 spread);
	made = host->realloc(host->ctx, NULL, sizeof(*made));
	if (made == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	made->host = host;
	made->spread = spread[0] == 'y';
	*self = made;
	return 0;
}

static void
fewest_close(void *self)
{
	struct fewest *fewest = self;

	(void)fewest->host->realloc(fewest->host->ctx, fewest, 0);
}

/* rows are eligible: the task fits there, and the node is ready. */
static int
fewest_score(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
	     const uint32_t *rows, uint32_t n, double *cost, struct cube_error *err)
{
	const struct fewest *fewest = self;

	(void)err;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t row = rows[i];

		cost[i] = nodes->tasks[row];
		if (fewest->spread && demand->peers != NULL)
			cost[i] += COST_OF_A_PEER * demand->peers[row];
	}
	return 0;
}

static const struct cube_option fewest_options[] = {
	{"spread", "no", "yes: nodes without a task of the same job come first"},
	{NULL, NULL, NULL},
};

static const struct cube_scheduler_ops fewest_ops = {
	.struct_size = sizeof(fewest_ops),
	.flags = CUBE_SCHEDULER_ROW_PURE,
	.open = fewest_open,
	.close = fewest_close,
	.score = fewest_score,
};

const struct cube_plugin cube_plugin = {
	CUBE_PLUGIN_HEADER(CUBE_PLUGIN_SCHEDULER),
	.name = "fewest",
	.version = "1.0",
	.summary = "the node with the fewest tasks",
	.options = fewest_options,
	.ops.scheduler = &fewest_ops,
};
