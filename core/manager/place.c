/* manager/place.c - asks the scheduler, checks its answer, assigns.
 *
 * Works off the shapes that are ready by priority and age. Where the first task of a shape
 * fits nowhere, or the scheduler fails, the shape is parked until something changes, and
 * others go on: none waits behind it. A step does a bounded number of rows and asks to be
 * woken at once for the rest, so that requests and reports are heard in between.
 */
#include "manager/place.h"

#include "manager/assign.h"
#include "manager/brain.h"

#include <stdio.h>
#include <string.h>

#define ROWS_PER_STEP 200000
#define ROWS_PER_TASK 50 /* what a placement costs beside its rows, in rows */

static void
note_fault(struct manager *manager, struct shape *shape, const char *message)
{
	(void)snprintf(shape->reason, sizeof(shape->reason), "the scheduler %s failed: %s",
		       scheduler_name(manager->scheduler), message);
	pending_park(manager, shape);
	shape->faulted = true;
	if (strcmp(manager->scheduler_fault, shape->reason) == 0)
		return;
	memcpy(manager->scheduler_fault, shape->reason, sizeof(shape->reason));
	step_log(manager->step, LOG_LEVEL_ERROR, "scheduler.failed", "scheduler",
		 scheduler_name(manager->scheduler), "reason", message, NULL);
}

/* The row that entry keeps away from, if it fits there and elsewhere too; else
 * SCHEDULER_NOTHING: where it failed is better than nowhere. */
static uint32_t
avoided_row(const struct manager *manager, const struct entry *entry)
{
	const struct node *node;

	if (entry->avoid == NULL || manager->fit.count < 2)
		return SCHEDULER_NOTHING;
	node = nodes_find(manager, entry->avoid);
	if (node == NULL || !bit_get(manager->fit.eligible, node->row))
		return SCHEDULER_NOTHING;
	return node->row;
}

/* Asks the scheduler, without the row that the task avoids unless no other is wanted. */
static int
ask(struct manager *manager, const struct entry *entry, const struct cube_demand *demand,
    uint32_t *row, struct cube_error *err)
{
	uint32_t avoided = avoided_row(manager, entry);
	int result;

	if (avoided != SCHEDULER_NOTHING) {
		bit_put(manager->fit.eligible, avoided, false);
		result = scheduler_place(manager->scheduler, &manager->columns.view, demand,
					 row, err);
		bit_put(manager->fit.eligible, avoided, true);
		if (result != 0 || *row != SCHEDULER_NOTHING)
			return result;
	}
	return scheduler_place(manager->scheduler, &manager->columns.view, demand, row, err);
}

static void
place_first(struct manager *manager, struct shape *shape)
{
	struct cube_error err = {.code = 0};
	struct cube_demand demand = {.struct_size = sizeof(demand),
				     .shape = shape->id,
				     .mcpu = shape->mcpu,
				     .memory_bytes = shape->memory_bytes,
				     .disk_bytes = shape->disk_bytes,
				     .priority = shape->priority,
				     .eligible = manager->fit.eligible};
	uint32_t row = SCHEDULER_NOTHING;

	if (fit_select(manager, shape) == 0) {
		pending_park(manager, shape);
		return;
	}
	if (shape->group != NULL) {
		demand.group = shape->group->id;
		demand.peers = shape->group->peers;
	}
	if (ask(manager, shape->first, &demand, &row, &err) != 0) {
		note_fault(manager, shape, err.message);
		return;
	}
	/* Once more, whatever the plugin did meanwhile: no node is ever overcommitted. */
	if (row != SCHEDULER_NOTHING &&
	    (row >= manager->columns.view.count || fit_check(manager, row, shape) != FIT_OK)) {
		note_fault(manager, shape, "it chose a node that cannot take the task");
		return;
	}
	manager->scheduler_fault[0] = '\0';
	if (row == SCHEDULER_NOTHING) {
		pending_park(manager, shape);
		(void)snprintf(shape->reason, sizeof(shape->reason),
			       "the scheduler %s wants it on none of the nodes it fits on",
			       scheduler_name(manager->scheduler));
		shape->faulted = true;
		return;
	}
	assign_place(manager, shape->first, manager->columns.node[row]);
}

static void
place_ready(struct manager *manager)
{
	size_t cost = manager->columns.view.count + ROWS_PER_TASK;
	size_t spent = 0;
	struct shape *shape;

	while ((shape = pending_first(manager)) != NULL && manager->failed == 0) {
		if (spent >= ROWS_PER_STEP) {
			step_wake(manager->step, manager->step->now.mono_ms);
			return;
		}
		spent += cost;
		place_first(manager, shape);
	}
}

void
place_run(struct manager *manager)
{
	pending_wake(manager);
	manager->by = HISTORY_BY_SCHEDULER;
	place_ready(manager);
	manager->by = HISTORY_BY_MANAGER;
}
