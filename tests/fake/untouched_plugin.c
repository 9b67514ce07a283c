/* tests/fake/untouched_plugin.c - a sound scheduler that ends the process when any function is
 * called: what is said of it must come from its data alone. */
#include "fake_scheduler.h"

static const struct cube_option options[] = {
	{"path", NULL, "where to look"},
	{"mode", "slow", "slow or fast"},
	{NULL, NULL, NULL},
};

const struct cube_plugin cube_plugin = {
	FAKE_PLUGIN("untouched"),
	.options = options,
};
