/* watch.h - hear at once when a container has ended, one descriptor for all of them.
 *
 * A supervisor keeps its lock file in live/ open for writing until it ends, and the
 * kernel tells of the close, also when the supervisor was killed and also of those
 * that an earlier worker started. [loop]
 */
#ifndef PROCESS_WATCH_H
#define PROCESS_WATCH_H

#include "process.h"

int watcher_start(struct process *self, const struct cube_runtime_events *events,
		  struct watcher **out, struct cube_error *err);
void watcher_stop(struct watcher *watcher); /* NULL is fine */

#endif
