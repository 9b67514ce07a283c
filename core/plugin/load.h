/* plugin/load.h - find a plugin's file, open it, and refuse what does not fit.
 *
 * A name with a slash is a path. A bare name (roundrobin.so, roundrobin) is looked
 * up in --plugin-dir, then in each folder of $CUBE_PLUGIN_PATH, then, when the
 * program runs from a build tree (BUILD/bin), in BUILD/plugins, then in the
 * installed folder (beside the program, PREFIX/bin and PREFIX/lib/cube/plugins, then
 * the one that was set when it was built); in each first as DIR/NAME.so, then DIR/KIND/NAME.so.
 * What is loaded stays loaded until plugin_unload. Main thread.
 */
#ifndef PLUGIN_LOAD_H
#define PLUGIN_LOAD_H

#include "base/buf.h"
#include "base/error.h"

struct plugin {
	void *dl;
	char *path;              /* the file that was opened */
	struct cube_plugin info; /* a copy as large as this core knows; the rest zero */
};

/* kind 0: any kind (cube plugin info). flag is the option that named the plugin
 * ("--runtime"), for the message. plugin_dir may be NULL. Refusals, each naming the
 * file: NOT_FOUND (and where it looked), INVALID (not a cube plugin, other ABI
 * major, wrong kind, bad name, a required function missing). */
int plugin_load(const char *name, enum cube_plugin_kind kind, const char *flag,
		const char *plugin_dir, struct plugin **out, struct cube_error *err);
void plugin_unload(struct plugin *plugin); /* NULL is fine */

const char *plugin_kind_name(uint32_t kind); /* "scheduler", "runtime", "store", "unknown" */

/* What people read: name, version, summary, ABI, file and the option table;
 * without touching any function of the plugin. */
void plugin_describe(const struct plugin *plugin, struct buf *out);
/* The option table alone, indented for --help. */
void plugin_describe_options(const struct plugin *plugin, struct buf *out);

#endif
