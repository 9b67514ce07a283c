/* tests/fake/no_name_plugin.c - no name. */
#include "fake_scheduler.h"

const struct cube_plugin cube_plugin = {
	FAKE_PLUGIN(NULL),
};
