/* shell/join.h - registers this worker with its manager: POST /nodes. */
#ifndef SHELL_JOIN_H
#define SHELL_JOIN_H

#include "http/client.h"
#include "shell/loop.h"
#include "worker/message.h"

/* [loop's thread] Takes effect (WORKER_EFFECT_JOIN). manager is "http://host:port",
 * borrowed. The answer goes to loop as WORKER_JOINED. */
void join_send(struct http_client *client, struct loop *loop, const char *manager,
	       struct worker_effect *effect);

#endif
