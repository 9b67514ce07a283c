/* shell/services.h - what the daemons hand their plugins: the log, the clock, randomness. */
#ifndef SHELL_SERVICES_H
#define SHELL_SERVICES_H

#include "base/log.h"
#include "plugin/host.h"

/* log is borrowed until the plugin is closed. The functions are [any]. */
struct plugin_services services_for(struct log *log);

/* The log alone; ctx is a struct log. For the manager's brain, which has a clock and a
 * generator of its own for its scheduler. */
void services_log(void *ctx, int level, const char *message);

#endif
