/* tests/fake/earlier_plugin.c - built with the headers of ABI 1.0: its table ends where that
 * one did, and what lies behind it would crash a core that took it for a function. */
#include <cube/scheduler.h>

/* struct cube_scheduler_ops as 1.0 had it, and the memory behind it. */
struct first_ops {
	uint32_t struct_size;
	uint32_t flags;
	int (*open)(const struct cube_host *host, const char *const *options, void **self,
		    struct cube_error *err);
	void (*close)(void *self);
	int (*select)(void *self, const struct cube_nodes *nodes,
		      const struct cube_demand *demand, uint32_t *rows, uint32_t *n,
		      struct cube_error *err);
	int (*score)(void *self, const struct cube_nodes *nodes,
		     const struct cube_demand *demand, const uint32_t *rows, uint32_t n,
		     double *cost, struct cube_error *err);
	int (*pick)(void *self, const struct cube_nodes *nodes,
		    const struct cube_demand *demand, const uint32_t *rows, const double *cost,
		    uint32_t n, uint32_t *winner, struct cube_error *err);
	uintptr_t behind[4];
};

static int
earlier_open(const struct cube_host *host, const char *const *options, void **self,
	     struct cube_error *err)
{
	(void)host;
	(void)options;
	(void)self;
	(void)err;
	return 0;
}

static void
earlier_close(void *self)
{
	(void)self;
}

static int
earlier_score(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
	      const uint32_t *rows, uint32_t n, double *cost, struct cube_error *err)
{
	(void)self;
	(void)nodes;
	(void)demand;
	(void)err;
	for (uint32_t i = 0; i < n; i++)
		cost[i] = rows[i] == 1 ? 0 : 1;
	return 0;
}

static const struct first_ops earlier_ops = {
	.struct_size = offsetof(struct first_ops, behind),
	.open = earlier_open,
	.close = earlier_close,
	.score = earlier_score,
	.behind = {1, 1, 1, 1},
};

const struct cube_plugin cube_plugin = {
	.struct_size = sizeof(struct cube_plugin),
	.abi_major = 1,
	.abi_minor = 0,
	.kind = CUBE_PLUGIN_SCHEDULER,
	.name = "earlier",
	.version = "1",
	.summary = "a fake of ABI 1.0",
	.ops.scheduler = (const struct cube_scheduler_ops *)&earlier_ops,
};
