/* tests/fake/other_abi_plugin.c - of another ABI, where nothing but the head can be trusted. */
#include "fake_scheduler.h"

const struct cube_plugin cube_plugin = {
	.struct_size = 12,
	.abi_major = 2,
	.kind = CUBE_PLUGIN_SCHEDULER,
	.name = (const char *)1, /* whoever reads this crashes */
};
