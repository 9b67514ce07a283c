/* tests/fake/no_score_plugin.c - a scheduler without its one required step. */
#include <cube/scheduler.h>

static int
no_score_open(const struct cube_host *host, const char *const *options, void **self,
	      struct cube_error *err)
{
	(void)host;
	(void)options;
	(void)self;
	return cube_fail(err, CUBE_ERR_INTERNAL, 0, "opened all the same");
}

static void
no_score_close(void *self)
{
	(void)self;
}

static const struct cube_scheduler_ops no_score_ops = {
	.struct_size = sizeof(no_score_ops),
	.open = no_score_open,
	.close = no_score_close,
};

const struct cube_plugin cube_plugin = {
	CUBE_PLUGIN_HEADER(CUBE_PLUGIN_SCHEDULER),
	.name = "no-score",
	.version = "1",
	.summary = "a fake",
	.ops.scheduler = &no_score_ops,
};
