/* plugin/find.h - from the name a person gave to the file of a plugin.
 *
 * The search order is that of plugin/load.h. Looks at the file system and the
 * environment; opens nothing. Main thread.
 */
#ifndef PLUGIN_FIND_H
#define PLUGIN_FIND_H

#include "base/error.h"

/* *path is malloced, the caller's, and holds a slash. kind 0: any. A plugin that is there
 * only as another kind is found too, so that the loader can say that it is the wrong one.
 * flag may be NULL. NOT_FOUND lists where it looked. */
int plugin_find(const char *name, enum cube_plugin_kind kind, const char *flag,
		const char *plugin_dir, char **path, struct cube_error *err);

#endif
