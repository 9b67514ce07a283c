/* events.h - listens to what happens to this worker's containers, on a thread of its own. */
#ifndef DOCKER_EVENTS_H
#define DOCKER_EVENTS_H

#include "docker.h"

/* [loop] listener is borrowed until events_stop returns. */
int events_start(const struct cube_host *host, struct engine *engine,
		 const struct cube_runtime_events *listener, struct events **out,
		 struct cube_error *err);
void events_stop(struct events *events); /* [loop] ends its thread; NULL is fine */

#endif
