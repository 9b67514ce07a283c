/* place/placer.c - asks the scheduler and checks its answer.
 *
 * Where the first task of a shape fits nowhere, or the scheduler fails, the shape is parked
 * until something changes, and others go on: none waits behind it. A scheduler whose costs
 * depend on the row alone is asked about the rows that changed (place/kept.h); any other for
 * each task. The winner is checked once more, whatever the plugin did meanwhile: no node is
 * ever overcommitted. One thread.
 */
#include "place/placer.h"

#include "base/buf.h"

#include "place/fit.h"
#include "place/limit.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORK_PER_TASK 50   /* what a placement costs beside its rows, in rows */
#define FAULT_MAX     1024 /* bytes of a reason before it is cut */

int
placer_init(struct placer *placer, struct scheduler *scheduler)
{
	memset(placer, 0, sizeof(*placer));
	placer->scheduler = scheduler;
	kept_init(&placer->kept);
	if (groups_init(&placer->groups) != 0 || waiting_init(&placer->waiting) != 0 ||
	    domains_init(&placer->domains, scheduler_spread_label(scheduler)) != 0)
		return CUBE_ERR_NO_MEMORY;
	return 0;
}

void
placer_release(struct placer *placer)
{
	uint32_t row;

	for (row = 0; row < placer->rows.view.count; row++)
		free(placer->rows.node[row]->ports);
	kept_release(&placer->kept);
	waiting_release(&placer->waiting);
	groups_release(&placer->groups);
	domains_release(&placer->domains);
	rows_release(&placer->rows);
}

int
placer_add_node(struct placer *placer, struct place_node *node)
{
	return rows_add(placer, node);
}

void
placer_remove_node(struct placer *placer, struct place_node *node)
{
	assert(node->task_count == 0);
	rows_remove(placer, node);
	free(node->ports);
	node->ports = NULL;
}

void
placer_update_node(struct placer *placer, struct place_node *node, bool grown)
{
	if (domains_join(placer, node) != 0)
		placer->failed = CUBE_ERR_NO_MEMORY;
	rows_update(placer, node, grown);
}

void
placer_join_groups(struct placer *placer, struct place_task *task)
{
	if (task->group == NULL)
		task->group = group_get(placer, task->spec->job);
	if (task->limit == NULL)
		task->limit = limit_get(placer, task->spec);
}

void
placer_wait(struct placer *placer, struct place_task *task)
{
	placer_join_groups(placer, task);
	waiting_add(placer, task);
}

void
placer_unwait(struct placer *placer, struct place_task *task)
{
	waiting_remove(placer, task);
}

void
placer_forget(struct placer *placer, struct place_task *task)
{
	group_put(placer, task->group);
	group_put(placer, task->limit);
	task->group = NULL;
	task->limit = NULL;
}

struct place_task *
placer_first(struct placer *placer)
{
	struct shape *shape;

	waiting_wake(placer);
	shape = waiting_first(placer);
	return shape != NULL ? shape->first : NULL;
}

struct cube_demand
placer_demand(struct placer *placer, const struct shape *shape)
{
	const struct groups *groups = &placer->groups;
	struct cube_demand demand = {.struct_size = sizeof(demand),
				     .shape = shape->id,
				     .mcpu = shape->mcpu,
				     .memory_bytes = shape->memory_bytes,
				     .disk_bytes = shape->disk_bytes,
				     .priority = shape->priority};

	if (shape->group != NULL) {
		group_show(placer, shape->group);
		demand.group = shape->group->id;
		demand.peers = groups->peers;
		demand.domain_peers = groups->domain_peers;
		demand.domain_count = placer->domains.count;
	}
	return demand;
}

static struct place_node *
note_fault(struct placer *placer, struct shape *shape, const char *message)
{
	struct buf reason = BUF_INIT(FAULT_MAX);

	(void)snprintf(placer->fault, sizeof(placer->fault), "%s", message);
	waiting_park(placer, shape);
	shape->faulted = true;
	buf_printf(&reason, "the scheduler %s failed: %s", scheduler_name(placer->scheduler),
		   message);
	(void)snprintf(shape->reason, sizeof(shape->reason), "%s", buf_text(&reason));
	buf_release(&reason);
	return NULL;
}

/* The row that the scheduler wants, without skip if that is one. */
static int
ask(struct placer *placer, struct kept_shape *kept, const struct cube_demand *demand,
    uint32_t skip, uint32_t *row, size_t *work, struct cube_error *err)
{
	int result;

	if (kept->cost != NULL) {
		*row = kept_cheapest(kept, skip);
		return 0;
	}
	*work += placer->rows.view.count;
	if (skip != SCHEDULER_NOTHING)
		bit_put(kept->eligible, skip, false);
	result = scheduler_place(placer->scheduler, &placer->rows.view, demand, row, err);
	if (skip != SCHEDULER_NOTHING)
		bit_put(kept->eligible, skip, true);
	return result;
}

/* The row to keep away from, if it is eligible and another is too; else SCHEDULER_NOTHING:
 * where it failed is better than nowhere. */
static uint32_t
avoided_row(const struct kept_shape *kept, const struct place_node *avoid)
{
	if (avoid == NULL || kept->count < 2 || !bit_get(kept->eligible, avoid->row))
		return SCHEDULER_NOTHING;
	return avoid->row;
}

struct place_node *
placer_choose(struct placer *placer, struct place_task *task, const struct place_node *avoid,
	      size_t *work)
{
	struct shape *shape = task->shape;
	struct cube_demand demand = placer_demand(placer, shape);
	struct cube_error err = {.code = 0};
	struct kept_shape *kept = kept_refresh(placer, shape, &demand, work, &err);
	uint32_t row = SCHEDULER_NOTHING;
	uint32_t skip;
	int result = 0;

	*work += WORK_PER_TASK;
	if (kept == NULL)
		return note_fault(placer, shape, err.message);
	if (kept->count == 0) {
		waiting_park(placer, shape);
		return NULL;
	}
	skip = avoided_row(kept, avoid);
	result = ask(placer, kept, &demand, skip, &row, work, &err);
	if (result == 0 && row == SCHEDULER_NOTHING && skip != SCHEDULER_NOTHING)
		result = ask(placer, kept, &demand, SCHEDULER_NOTHING, &row, work, &err);
	if (result != 0)
		return note_fault(placer, shape, err.message);
	/* By what its node says: the scheduler has had the columns in its hands. */
	if (row < placer->rows.view.count)
		rows_restore(placer, row);
	if (row != SCHEDULER_NOTHING &&
	    (row >= placer->rows.view.count || fit_check(placer, row, shape) != FIT_OK)) {
		/* It has written where it may only read. */
		kept->complete = false;
		return note_fault(placer, shape, "it chose a node that cannot take the task");
	}
	placer->fault[0] = '\0';
	if (row == SCHEDULER_NOTHING) {
		waiting_park(placer, shape);
		shape->faulted = true;
		(void)snprintf(shape->reason, sizeof(shape->reason),
			       "the scheduler %s wants it on none of the nodes it fits on",
			       scheduler_name(placer->scheduler));
		return NULL;
	}
	return placer->rows.node[row];
}

bool
placer_fits_anywhere(struct placer *placer, const struct place_task *task)
{
	struct shape *shape = waiting_shape(placer, task->spec);
	uint32_t row;
	bool found = false;

	if (shape == NULL)
		return false;
	for (row = 0; row < placer->rows.view.count && !found; row++)
		found = fit_check(placer, row, shape) == FIT_OK;
	waiting_drop(placer, shape);
	return found;
}
