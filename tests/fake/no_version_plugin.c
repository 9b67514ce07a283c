/* tests/fake/no_version_plugin.c - leaves out its version. */
#include "fake_scheduler.h"

const struct cube_plugin cube_plugin = {
	CUBE_PLUGIN_HEADER(CUBE_PLUGIN_SCHEDULER),
	.name = "no-version",
	.summary = "a fake",
	.ops.scheduler = &fake_ops,
};
