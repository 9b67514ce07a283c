/* tests/fake/no_ops_plugin.c - no table of functions at all. */
#include <cube/plugin.h>

const struct cube_plugin cube_plugin = {
	CUBE_PLUGIN_HEADER(CUBE_PLUGIN_SCHEDULER),
	.name = "no-ops",
	.version = "1",
	.summary = "a fake",
};
