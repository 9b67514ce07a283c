/* plugin/store.h - what a store is to the core: commit and scan, with checks.
 *
 * Used by one thread at a time (the store thread once it runs).
 */
#ifndef PLUGIN_STORE_H
#define PLUGIN_STORE_H

#include "plugin/host.h"
#include "plugin/load.h"

#include <cube/store.h>

#include <stdbool.h>

/* A copy of the plugin's table as large as this core knows, NULL where the plugin's is
 * shorter. INVALID: shorter than ABI 1.0's, or a required function is missing. */
int store_ops_read(const struct cube_store_ops *theirs, struct cube_store_ops *ops,
		   struct cube_error *err);

struct store;

int store_open(const char *name, const struct cube_store_ops *ops, const struct cube_host *host,
	       const char *const *options, struct store **out, struct cube_error *err);
void store_close(struct store *store);
const char *store_name(const struct store *store);
bool store_is_durable(const struct store *store);

/* As cube/store.h. Refuses (INVALID) writes over the plugin's limits before it is called,
 * and keys that are not 1 to 255 printable ASCII characters. */
int store_commit(struct store *store, const struct cube_write *writes, size_t count,
		 uint64_t *revision, struct cube_error *err);
/* Visits all of [from, to), in pages, so that no plugin has to hold more than a page;
 * records out of order or outside the range: INTERNAL naming the plugin. */
int store_scan(struct store *store, const char *from, const char *to, cube_record_visit *visit,
	       void *ctx, struct cube_error *err);
/* One key; *value is malloced, NUL-terminated, the caller's. NOT_FOUND. */
int store_get(struct store *store, const char *key, char **value, size_t *size,
	      struct cube_error *err);

#endif
