/* tests/fake/twice_plugin.c - declares one option twice. */
#include "fake_scheduler.h"

static const struct cube_option options[] = {
	{"mode", "slow", "slow or fast"},
	{"mode", "fast", "fast or slow"},
	{NULL, NULL, NULL},
};

const struct cube_plugin cube_plugin = {
	FAKE_PLUGIN("twice"),
	.options = options,
};
