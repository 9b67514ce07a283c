/* manager/watch.h - who waits for events.
 *
 * A watcher asks for what is behind a number. If there is nothing it waits in the brain
 * until there is, or until its time is over, and is answered then; to see more it asks
 * again. So it can neither miss anything nor hold anything up.
 */
#ifndef MANAGER_WATCH_H
#define MANAGER_WATCH_H

#include "manager/message.h"

struct manager;
struct watcher;

struct watch {
	struct watcher *first; /* in the order of asking */
	struct watcher **end;
	size_t count;
	uint64_t seen;   /* up to where all of them were looked at */
	uint64_t due_ms; /* mono: when the first of them has waited long enough */
	bool quitting;   /* nobody waits any more */
};

void watch_init(struct watch *watch);
void watch_release(struct watch *watch);

/* GET /events: a page, or a watcher. 410: what is asked for is no longer kept, or since is
 * of another store. */
void watch_take(struct manager *manager, const struct manager_message *message);
void watch_run(struct manager *manager);  /* answers whom this step has something for */
void watch_quit(struct manager *manager); /* the process ends: answers all that wait */

#endif
