/* shell/store_load.c - see store_load.h. Owns nothing that outlives the call; what it opens
 * is the caller's. Main thread, at start.
 */
#include "shell/store_load.h"

#include "base/cleanup.h"
#include "plugin/options.h"
#include "shell/commit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
	int (*load)(void *brain, const struct cube_record *record, struct cube_error *err);
	void *brain;
	size_t count;
	int failed;
	struct cube_error *err;
};

static int
read_one(void *ctx, const struct cube_record *record)
{
	struct reading *reading = ctx;

	/* The loop's own. */
	if (strcmp(record->key, COMMIT_BATCH_KEY) == 0)
		return 0;
	reading->failed = reading->load(reading->brain, record, reading->err);
	if (reading->failed != 0) {
		(void)error_wrap(reading->err, "%.200s", record->key);
		return 1;
	}
	reading->count++;
	return 0;
}

int
store_load_all(struct store *store,
	       int (*load)(void *brain, const struct cube_record *record,
			   struct cube_error *err),
	       void *brain, size_t *count, struct cube_error *err)
{
	struct cube_error refused = {0};
	struct reading reading = {.load = load, .brain = brain, .err = &refused};
	int failed = store_scan(store, "", "", read_one, &reading, err);

	if (reading.failed != 0) {
		*err = refused;
		return reading.failed;
	}
	if (failed != 0)
		return failed;
	*count = reading.count;
	return 0;
}

static bool
takes_path(const struct cube_plugin *info)
{
	for (const struct cube_option *option = info->options;
	     option != NULL && option->key != NULL; option++) {
		if (strcmp(option->key, "path") == 0)
			return true;
	}
	return false;
}

/* The user's pairs, and path=DATA_DIR/FILE before them: the last of a key counts. */
static int
pairs_make(const struct store_choice *choice, const struct plugin *plugin, char **path,
	   const char ***pairs, size_t *count, struct cube_error *err)
{
	const char **list = calloc(choice->option_count + 1, sizeof(*list));
	size_t used = 0;

	if (list == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	if (takes_path(&plugin->info)) {
		if (asprintf(path, "path=%s/%s", choice->data_dir, choice->file) < 0) {
			*path = NULL;
			free(list);
			return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
		}
		list[used++] = *path;
	}
	for (size_t i = 0; i < choice->option_count; i++)
		list[used++] = choice->options[i];
	*pairs = list;
	*count = used;
	return 0;
}

int
store_load_open(const struct store_choice *choice, const struct cube_host *host,
		struct plugin **plugin, const char ***values, struct store **store,
		struct cube_error *err)
{
	cleanup_free char *path = NULL;
	cleanup_free const char **pairs = NULL;
	cleanup_free const char **resolved = NULL;
	struct plugin *loaded;
	size_t count = 0;
	int failed = plugin_load(choice->name, CUBE_PLUGIN_STORE, "--store", choice->plugin_dir,
				 &loaded, err);

	if (failed != 0)
		return failed;
	failed = pairs_make(choice, loaded, &path, &pairs, &count, err);
	if (failed == 0)
		failed = options_resolve(loaded->info.name, "--store-opt", loaded->info.options,
					 pairs, count, &resolved, err);
	if (failed == 0)
		failed = store_open(loaded->info.name, loaded->info.ops.store, host, resolved,
				    store, err);
	if (failed != 0) {
		plugin_unload(loaded);
		return failed;
	}
	*plugin = loaded;
	*values = TAKE(resolved);
	return 0;
}
