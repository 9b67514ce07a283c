/* plugins/scheduler/roundrobin.c - each node in its turn.
 *
 * The round-robin scheduler of Tim Boring, "Build an Orchestrator in Go", chapter 10, in its
 * three steps: every eligible node is a candidate, the one whose turn it is costs 0.1 and the
 * others 1.0, and the cheapest is picked and remembered. The book remembers a place in a list,
 * so a node that joins or leaves shifts everybody's turn; here the turn goes round by node
 * key and the last key is remembered, whichever rows the nodes stand in. Owns that key.
 * [loop]
 */
#include <cube/scheduler.h>

#define COST_NEXT   0.1
#define COST_OTHERS 1.0

struct roundrobin {
	const struct cube_host *host;
	uint64_t last_key;
	int has_last; /* 0: nothing was picked yet */
};

static int
roundrobin_open(const struct cube_host *host, const char *const *options, void **self,
		struct cube_error *err)
{
	struct roundrobin *made = host->realloc(host->ctx, NULL, sizeof(*made));

	(void)options;
	if (made == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	made->host = host;
	made->last_key = 0;
	made->has_last = 0;
	*self = made;
	return 0;
}

static void
roundrobin_close(void *self)
{
	struct roundrobin *roundrobin = self;

	(void)roundrobin->host->realloc(roundrobin->host->ctx, roundrobin, 0);
}

static int
roundrobin_select(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
		  uint32_t *rows, uint32_t *n, struct cube_error *err)
{
	uint32_t chosen = 0;

	(void)self;
	(void)err;
	for (uint32_t row = 0; row < nodes->count; row++) {
		if ((demand->eligible[row / 64] >> (row % 64) & 1) != 0)
			rows[chosen++] = row;
	}
	*n = chosen;
	return 0;
}

/* How far a key is from having its turn: keys count up from the last one, and wrap. Without
 * a last one the smallest key is first. */
static uint64_t
turns_until(const struct roundrobin *roundrobin, uint64_t key)
{
	return roundrobin->has_last ? key - roundrobin->last_key - 1 : key;
}

static int
roundrobin_score(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
		 const uint32_t *rows, uint32_t n, double *cost, struct cube_error *err)
{
	const struct roundrobin *roundrobin = self;
	uint64_t nearest = UINT64_MAX;
	uint32_t next = 0;

	(void)demand;
	(void)err;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t turns = turns_until(roundrobin, nodes->key[rows[i]]);

		cost[i] = COST_OTHERS;
		if (turns < nearest) {
			nearest = turns;
			next = i;
		}
	}
	cost[next] = COST_NEXT;
	return 0;
}

static int
roundrobin_pick(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
		const uint32_t *rows, const double *cost, uint32_t n, uint32_t *winner,
		struct cube_error *err)
{
	struct roundrobin *roundrobin = self;
	uint32_t lowest = 0;

	(void)demand;
	(void)err;
	for (uint32_t i = 1; i < n; i++) {
		if (cost[i] < cost[lowest])
			lowest = i;
	}
	roundrobin->last_key = nodes->key[rows[lowest]];
	roundrobin->has_last = 1;
	*winner = lowest;
	return 0;
}

static const struct cube_scheduler_ops roundrobin_ops = {
	.struct_size = sizeof(roundrobin_ops),
	.flags = 0, /* a cost depends on the other rows too */
	.open = roundrobin_open,
	.close = roundrobin_close,
	.select = roundrobin_select,
	.score = roundrobin_score,
	.pick = roundrobin_pick,
};

const struct cube_plugin cube_plugin = {
	CUBE_PLUGIN_HEADER(CUBE_PLUGIN_SCHEDULER),
	.name = "roundrobin",
	.version = CUBE_VERSION,
	.summary = "each node in its turn",
	.ops.scheduler = &roundrobin_ops,
};
