/* tests/fake/small_plugin.c - a descriptor shorter than ABI 1.0's. */
#include "fake_scheduler.h"

const struct cube_plugin cube_plugin = {
	.struct_size = offsetof(struct cube_plugin, options),
	.abi_major = CUBE_ABI_MAJOR,
	.kind = CUBE_PLUGIN_SCHEDULER,
	.name = "small",
	.version = "1",
	.summary = "a fake",
};
