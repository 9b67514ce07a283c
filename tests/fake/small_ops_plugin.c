/* tests/fake/small_ops_plugin.c - a table of functions shorter than ABI 1.0's. */
#include "fake_scheduler.h"

static const struct cube_scheduler_ops small_ops = {
	.struct_size = offsetof(struct cube_scheduler_ops, pick),
	.open = fake_open,
	.close = fake_close,
	.score = fake_score,
};

const struct cube_plugin cube_plugin = {
	CUBE_PLUGIN_HEADER(CUBE_PLUGIN_SCHEDULER),
	.name = "small-ops",
	.version = "1",
	.summary = "a fake",
	.ops.scheduler = &small_ops,
};
