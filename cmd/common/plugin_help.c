/* common/plugin_help.c - see the header. */
#include "common/plugin_help.h"

#include "plugin/load.h"

#define HELP_LIMIT_BYTES (64u << 10)

void
plugin_help(const char *name, enum cube_plugin_kind kind, const char *flag,
	    const char *plugin_dir, FILE *out)
{
	struct plugin *plugin = NULL;
	struct cube_error err;
	cleanup_buf struct buf text = BUF_INIT(HELP_LIMIT_BYTES);

	if (plugin_load(name, kind, flag, plugin_dir, &plugin, &err) < 0) {
		(void)fprintf(out, "\nOptions of %s %s cannot be shown: %s\n", flag, name,
			      err.message);
		return;
	}
	if (plugin->info.options == NULL || plugin->info.options[0].key == NULL) {
		(void)fprintf(out, "\n%s %s takes no options.\n", flag, name);
	} else {
		plugin_describe_options(plugin, &text);
		(void)fprintf(out, "\nOptions of %s %s (%s-opt KEY=VALUE):\n%s", flag, name,
			      flag, buf_text(&text));
	}
	plugin_unload(plugin);
}
