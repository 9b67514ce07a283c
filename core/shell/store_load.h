/* shell/store_load.h - opens a store plugin, and reads back into a brain what it holds. */
#ifndef SHELL_STORE_LOAD_H
#define SHELL_STORE_LOAD_H

#include "plugin/store.h"

/* Every record, in the order of keys. load is a brain's (manager_load, worker_load); its
 * error ends the walk and comes back with the record's key in front. */
int store_load_all(struct store *store,
		   int (*load)(void *brain, const struct cube_record *record,
			       struct cube_error *err),
		   void *brain, size_t *count, struct cube_error *err);

struct store_choice {
	const char *name;       /* --store */
	const char *plugin_dir; /* --plugin-dir; may be NULL */
	const char *const *options;
	size_t option_count;  /* --store-opt */
	const char *data_dir; /* path=DATA_DIR/FILE is added if the plugin takes a path */
	const char *file;     /* "cube.db" */
};

/* Loads the plugin and opens it. host outlives both. values are the options as the store
 * has them, for as long as it is open: close in the order store, free(values), plugin. */
int store_load_open(const struct store_choice *choice, const struct cube_host *host,
		    struct plugin **plugin, const char ***values, struct store **store,
		    struct cube_error *err);

#endif
