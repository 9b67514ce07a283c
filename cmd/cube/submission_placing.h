/* cube/submission_placing.h - Constraints, MaxPerNode and Priority from the options of `cube
 * run`. Main thread. */
#ifndef CUBE_SUBMISSION_PLACING_H
#define CUBE_SUBMISSION_PLACING_H

#include "base/json.h"
#include "common/options.h"

/* Into the Task that writer is in; what is not given is left out. INVALID. */
int placing_put(struct json_writer *writer, const struct cli_values *values,
		struct cube_error *err);

#endif
