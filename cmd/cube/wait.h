/* cube/wait.h - waits until a task is where it should be, by asking again. */
#ifndef CUBE_WAIT_H
#define CUBE_WAIT_H

#include "api.h"

enum wait_for {
	WAIT_RUNNING, /* it runs, or did and starts again, or has ended */
	WAIT_DONE     /* it has ended for good */
};

#define WAIT_DEAF_MS 30000 /* how long nothing may be heard */
#define WAIT_FOREVER UINT64_MAX
#define WAIT_MAX_MS  (366ull * 86400 * 1000) /* what --timeout takes */

/* Asks with growing pauses until mono deadline_ms. 0: answer holds the task, the caller
 * releases it. TIMEOUT: the deadline came first. A manager that does not answer is asked
 * again until then, or for half a minute. */
int wait_task(const struct api *api, const char *id, enum wait_for what, uint64_t deadline_ms,
	      struct answer *answer, struct cube_error *err);

/* What a task's end means for --wait: its own exit code; if it has none, 0 when it was
 * completed and 125 when it failed. */
int wait_exit_code(const struct json_value *task);

/* Waits so long, half a second at most. */
void wait_ms(uint64_t ms);

#endif
