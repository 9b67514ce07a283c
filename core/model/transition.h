/* model/transition.h - the one table of a task's states, used by manager and worker. Pure.
 *
 *  from       to
 *  Pending    Scheduled, Running (its attempt reports after all), Completed (stopped
 *             before it ran), Failed (gave up)
 *  Scheduled  Scheduled (another attempt), Running, Completed, Failed, Pending (withdrawn)
 *  Running    Running, Completed, Failed, Scheduled, Pending (node lost)
 *  Failed     Scheduled, Pending, Completed (stopped while it waited to restart)
 *  Completed  (the end)
 */
#ifndef MODEL_TRANSITION_H
#define MODEL_TRANSITION_H

#include "model/task.h"

bool transition_allowed(enum task_state from, enum task_state to);

/* Moves status along the table. Asking for a transition that is not in it is a bug of
 * the caller and asserts; what comes from outside is checked with the function above. */
void transition_apply(struct task_status *status, enum task_state to);

#endif
