/* tests/fake/boastful_plugin.c - a descriptor that says it is longer than it is. */
#include "fake_scheduler.h"

const struct cube_plugin cube_plugin = {
	.struct_size = sizeof(struct cube_plugin) * 16,
	.abi_major = CUBE_ABI_MAJOR,
	.kind = CUBE_PLUGIN_SCHEDULER,
	.name = "boastful",
	.version = "1",
	.summary = "a fake",
	.ops.scheduler = &fake_ops,
};
