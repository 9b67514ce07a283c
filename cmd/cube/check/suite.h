/* cube/check/suite.h - `cube plugin check`: all checks of a plugin, one line each. */
#ifndef CHECK_SUITE_H
#define CHECK_SUITE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct suite {
	const char *name; /* of the plugin, as the daemons take it */
	const char *plugin_dir;
	const char *const *pairs; /* --opt KEY=VALUE */
	size_t pair_count;
	const char *only;        /* checks whose name has this in it; NULL: all */
	const char *image;       /* of the task to run; NULL: none is run */
	const char *const *args; /* its arguments; NULL-ended */
	uint64_t limit_ms;       /* of processor time for a check */
	bool json;
};

/* Prints what was found. 0: all is well; 1: something failed; else err says why the checks
 * could not be made. Main thread, the only one. */
int suite_run(const struct suite *suite, struct cube_error *err);

#endif
