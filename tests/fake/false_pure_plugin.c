/* tests/fake/false_pure_plugin.c - a scheduler that says ROW_PURE and lies: its costs are those
 * of chance and of how often it was asked, it fails now and then, and it puts other rows in the
 * place of those that it was asked about. The core keeps the costs of such a scheduler, so what
 * it keeps is worth nothing; still no node may be overcommitted by it. The simulator runs with
 * it, as with reckless_plugin.c.
 */
#include <cube/scheduler.h>
#include <math.h>

struct false_pure {
	const struct cube_host *host;
	uint64_t calls;
};

static int
false_pure_open(const struct cube_host *host, const char *const *options, void **self,
		struct cube_error *err)
{
	struct false_pure *made = host->realloc(host->ctx, NULL, sizeof(*made));

	(void)options;
	if (made == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	made->host = host;
	made->calls = 0;
	*self = made;
	return 0;
}

static void
false_pure_close(void *self)
{
	struct false_pure *false_pure = self;

	(void)false_pure->host->realloc(false_pure->host->ctx, false_pure, 0);
}

static uint64_t
below(const struct false_pure *false_pure, uint64_t bound)
{
	return false_pure->host->random(false_pure->host->ctx) % bound;
}

static int
false_pure_score(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
		 const uint32_t *rows, uint32_t n, double *cost, struct cube_error *err)
{
	struct false_pure *false_pure = self;
	uint32_t *writable = (uint32_t *)(uintptr_t)rows;
	uint64_t dice = below(false_pure, 100);

	(void)demand;
	false_pure->calls++;
	for (uint32_t i = 0; i < n; i++) {
		cost[i] = (double)((false_pure->calls + rows[i]) % 7) +
			  (double)below(false_pure, 3);
		if (below(false_pure, 20) == 0)
			cost[i] = (double)NAN;
		else if (below(false_pure, 20) == 0)
			cost[i] = (double)-INFINITY;
	}
	if (dice < 5)
		cost[n] = 0;
	if (dice >= 5 && dice < 15) {
		for (uint32_t i = 0; i < n; i++)
			writable[i] = (uint32_t)below(false_pure, 2 * (uint64_t)nodes->count);
	}
	if (dice >= 15 && dice < 25)
		return cube_fail(err, CUBE_ERR_INTERNAL, 0, "a whim");
	return 0;
}

static const struct cube_option false_pure_options[] = {{NULL, NULL, NULL}};

static const struct cube_scheduler_ops false_pure_ops = {
	.struct_size = sizeof(false_pure_ops),
	.flags = CUBE_SCHEDULER_ROW_PURE,
	.open = false_pure_open,
	.close = false_pure_close,
	.score = false_pure_score,
};

const struct cube_plugin cube_plugin = {
	CUBE_PLUGIN_HEADER(CUBE_PLUGIN_SCHEDULER),
	.name = "false-pure",
	.version = "1",
	.summary = "says that its costs are pure, and they are not",
	.options = false_pure_options,
	.ops.scheduler = &false_pure_ops,
};
