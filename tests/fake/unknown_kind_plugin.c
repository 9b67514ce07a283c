/* tests/fake/unknown_kind_plugin.c - of a kind that does not exist. */
#include "fake_scheduler.h"

const struct cube_plugin cube_plugin = {
	.struct_size = sizeof(struct cube_plugin),
	.abi_major = CUBE_ABI_MAJOR,
	.kind = 9,
	.name = "unknown-kind",
	.version = "1",
	.summary = "a fake",
	.ops.scheduler = &fake_ops,
};
