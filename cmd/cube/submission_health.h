/* cube/submission_health.h - the health check of a task from the options of `cube run`. */
#ifndef CUBE_SUBMISSION_HEALTH_H
#define CUBE_SUBMISSION_HEALTH_H

#include "base/json.h"
#include "common/options.h"

/* HealthCheck or Health, as a member of the Task being written; none if none is asked for.
 * INVALID names the option. */
int
health_put(struct json_writer *writer, const struct cli_values *values, struct cube_error *err);

#endif
