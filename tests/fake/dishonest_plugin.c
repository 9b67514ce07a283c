/* tests/fake/dishonest_plugin.c - says ROW_PURE, and in the way that its option mode= names it
 * is not true. */
#include <cube/scheduler.h>
#include <string.h>

struct dishonest {
	const struct cube_host *host;
	const char *mode;
};

static int
dishonest_open(const struct cube_host *host, const char *const *options, void **self,
	       struct cube_error *err)
{
	struct dishonest *made = host->realloc(host->ctx, NULL, sizeof(*made));

	if (made == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	made->host = host;
	made->mode = options[0];
	*self = made;
	return 0;
}

static void
dishonest_close(void *self)
{
	struct dishonest *dishonest = self;

	(void)dishonest->host->realloc(dishonest->host->ctx, dishonest, 0);
}

/* What the cost has beside what it may have. */
static double
secret(const struct dishonest *dishonest, const struct cube_nodes *nodes,
       const struct cube_demand *demand, uint32_t row, uint32_t i, uint32_t n)
{
	const struct cube_host *host = dishonest->host;
	const char *mode = dishonest->mode;

	if (strcmp(mode, "others") == 0)
		return nodes->tasks[(row + 1) % nodes->count];
	if (strcmp(mode, "together") == 0)
		return n;
	if (strcmp(mode, "order") == 0)
		return i;
	if (strcmp(mode, "place") == 0)
		return row;
	if (strcmp(mode, "clock") == 0)
		return (double)host->now_ms(host->ctx);
	if (strcmp(mode, "random") == 0)
		return (double)(host->random(host->ctx) % 1000);
	if (strcmp(mode, "peers") == 0)
		return demand->peers != NULL ? demand->peers[(row + 7) % nodes->count] : 0;
	return 0;
}

static int
dishonest_score(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
		const uint32_t *rows, uint32_t n, double *cost, struct cube_error *err)
{
	(void)err;
	for (uint32_t i = 0; i < n; i++)
		cost[i] = nodes->tasks[rows[i]] + secret(self, nodes, demand, rows[i], i, n);
	return 0;
}

static const struct cube_option dishonest_options[] = {
	{"mode", "honest", "what the cost of a row depends on beside the row"},
	{NULL, NULL, NULL},
};

static const struct cube_scheduler_ops dishonest_ops = {
	.struct_size = sizeof(dishonest_ops),
	.flags = CUBE_SCHEDULER_ROW_PURE,
	.open = dishonest_open,
	.close = dishonest_close,
	.score = dishonest_score,
};

const struct cube_plugin cube_plugin = {
	CUBE_PLUGIN_HEADER(CUBE_PLUGIN_SCHEDULER),
	.name = "dishonest",
	.version = "1",
	.summary = "says ROW_PURE",
	.options = dishonest_options,
	.ops.scheduler = &dishonest_ops,
};
