/* plugin/options.h - KEY=VALUE pairs of the command line against a plugin's table. Pure. */
#ifndef PLUGIN_OPTIONS_H
#define PLUGIN_OPTIONS_H

#include "base/error.h"

#include <stddef.h>

/* Makes values[i], the value of table[i], from pairs ("key=value"; the last of a key
 * counts) and the defaults. *values is NULL-ended, one allocation to free(), and copies
 * every text. INVALID: an unknown key (and which exist), a pair without '=', a
 * required option that is missing. table may be NULL: takes no option. flag is
 * "--store-opt", for the message. */
int options_resolve(const char *plugin_name, const char *flag, const struct cube_option *table,
		    const char *const *pairs, size_t pair_count, const char ***values,
		    struct cube_error *err);

#endif
