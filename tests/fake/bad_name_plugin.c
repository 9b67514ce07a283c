/* tests/fake/bad_name_plugin.c - a name that no log line or file could bear. */
#include "fake_scheduler.h"

const struct cube_plugin cube_plugin = {
	FAKE_PLUGIN("Bad Name!"),
};
