/* model/transition.c - the table of model/transition.h.
 *
 * One row a state, one bit a state that may follow it. Both sides ask this table before
 * they believe what a peer says, and move only through it. Pure, owns nothing. [any]
 */
#include "model/transition.h"

#include <assert.h>

#define TO(state) (1u << (state))

static const unsigned followers[TASK_STATES] = {
	[TASK_PENDING] =
		TO(TASK_SCHEDULED) | TO(TASK_RUNNING) | TO(TASK_COMPLETED) | TO(TASK_FAILED),
	[TASK_SCHEDULED] = TO(TASK_SCHEDULED) | TO(TASK_RUNNING) | TO(TASK_COMPLETED) |
			   TO(TASK_FAILED) | TO(TASK_PENDING),
	[TASK_RUNNING] = TO(TASK_RUNNING) | TO(TASK_COMPLETED) | TO(TASK_FAILED) |
			 TO(TASK_SCHEDULED) | TO(TASK_PENDING),
	[TASK_COMPLETED] = 0,
	[TASK_FAILED] = TO(TASK_SCHEDULED) | TO(TASK_PENDING) | TO(TASK_COMPLETED),
};

static bool
is_state(enum task_state state)
{
	return (unsigned)state < TASK_STATES;
}

bool
transition_allowed(enum task_state from, enum task_state to)
{
	return is_state(from) && is_state(to) && (followers[from] & TO(to)) != 0;
}

void
transition_apply(struct task_status *status, enum task_state to)
{
	assert(transition_allowed(status->state, to));
	status->state = to;
}
