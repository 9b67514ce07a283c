/* tests/fake/larger_plugin.c - built with headers of a later minor ABI: its descriptor and its
 * table have fields that this core does not know, filled with what would crash it. */
#include <cube/scheduler.h>

struct later_plugin {
	struct cube_plugin now;
	const char *later;
	void (*also_later)(void);
};

struct later_ops {
	struct cube_scheduler_ops now;
	void (*later[4])(void);
};

static int
larger_open(const struct cube_host *host, const char *const *options, void **self,
	    struct cube_error *err)
{
	(void)host;
	(void)options;
	(void)self;
	(void)err;
	return 0;
}

static void
larger_close(void *self)
{
	(void)self;
}

static int
larger_score(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
	     const uint32_t *rows, uint32_t n, double *cost, struct cube_error *err)
{
	(void)self;
	(void)nodes;
	(void)demand;
	(void)err;
	for (uint32_t i = 0; i < n; i++)
		cost[i] = -(double)rows[i];
	return 0;
}

static const struct later_ops larger_ops = {
	.now =
		{
			.struct_size = sizeof(larger_ops),
			.open = larger_open,
			.close = larger_close,
			.score = larger_score,
		},
	.later = {(void (*)(void))1, (void (*)(void))1, (void (*)(void))1, (void (*)(void))1},
};

/* The public header declares the symbol with today's type; the linker knows only its name. */
extern const struct later_plugin larger_symbol __asm__("cube_plugin");
CUBE_EXPORT const struct later_plugin larger_symbol = {
	.now =
		{
			.struct_size = sizeof(struct later_plugin),
			.abi_major = CUBE_ABI_MAJOR,
			.abi_minor = CUBE_ABI_MINOR + 1,
			.kind = CUBE_PLUGIN_SCHEDULER,
			.name = "larger",
			.version = "2",
			.summary = "a fake of the next minor ABI",
			.ops.scheduler = &larger_ops.now,
		},
	.later = (const char *)1,
	.also_later = (void (*)(void))1,
};
