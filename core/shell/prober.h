/* shell/prober.h - carries out the checks of health that the worker's brain asks for.
 *
 * Over an http client of its own: one thread, whatever their number, and a bounded number of
 * sockets. A check over that bound waits for its turn, and that time is not the service's; one
 * whose turn does not come is answered with NO_MEMORY. Each check has a connection of its
 * own. Redirects are not followed: the status of the first answer counts. A TCP check sends
 * nothing; it goes well if the connection was taken and still stands a moment later.
 */
#ifndef SHELL_PROBER_H
#define SHELL_PROBER_H

#include "shell/loop.h"
#include "worker/message.h"

struct prober;

/* loop gets a WORKER_CHECKED for each check, unless the prober ends before. Starts the
 * thread. */
int prober_new(struct loop *loop, struct prober **out, struct cube_error *err);
/* [loop's thread] Takes effect, a check. */
void prober_take(struct prober *prober, struct worker_effect *effect);
/* Gives up all that is under way, at once, and joins the thread. NULL is fine. */
void prober_free(struct prober *prober);

#endif
