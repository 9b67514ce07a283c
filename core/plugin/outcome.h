/* plugin/outcome.h - what came back from a plugin, made safe to use.
 *
 * A plugin is somebody else's code: its table may be shorter or longer than ours, its
 * return value may be no enum cube_err, its message may not end. Everything of that kind
 * is settled here, once, before the rest of the core sees it. Pure. [any]
 */
#ifndef PLUGIN_OUTCOME_H
#define PLUGIN_OUTCOME_H

#include "base/error.h"

/* Call before the plugin's function: whatever it leaves out of *err is then empty. */
void outcome_expect(struct cube_error *err);

/* What its function returned: 0, or a member of enum cube_err with *err complete and its
 * message ended. A number that is none becomes CUBE_ERR_INTERNAL. */
int outcome_of(const char *plugin, const char *function, int result, struct cube_error *err);

/* CUBE_ERR_INTERNAL: "NAME broke its contract: " and what it did. */
__attribute__((format(printf, 3, 4))) int
outcome_broken(const char *plugin, struct cube_error *err, const char *fmt, ...);

/* Copies a struct that starts with its struct_size into one as large as this core knows,
 * zero where the plugin's is shorter. INVALID if it is shorter than ABI 1.0's. */
int outcome_copy(const char *what, const void *theirs, void *ours, size_t our_size,
		 size_t least_size, struct cube_error *err);

#endif
