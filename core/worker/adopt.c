/* worker/adopt.c - what the runtime lists against what is known.
 *
 *     wanted, no container known, not listed   run it (reconcile does)
 *     container known, not listed              vanished
 *     listed and running                       adopted: looked at, undisturbed
 *     listed and exited                        looked at: its code is reported
 *     listed, never started                    run again, which starts it
 *     listed, older than all that is known     stopped and removed
 *     listed, of an attempt that has ended     killed if it runs
 *     listed, of a task nobody knows           an orphan (orphan.c)
 *     listed, of another cluster               never touched
 *
 * A list says "not there" only of what was known before it was asked for: job numbers tell.
 * Pure; the brain's thread.
 */
#include "worker/brain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One listed container, or one remembered as an orphan. */
struct row {
	const char *task_id;
	const char *handle;
	uint32_t attempt;
	uint32_t state;
	uint64_t number; /* of the list that showed it */
	bool first;      /* the first list, or the first after the runtime was down */
};

static void
take_row_handle(struct attempt *attempt, const struct row *row)
{
	(void)snprintf(attempt->status.container_id, sizeof(attempt->status.container_id), "%s",
		       row->handle);
}

/* It has a container that we had not recorded: a crash came between run and journal, or the
 * outcome of the run is unknown. */
static void
adopt_ordered(struct worker *worker, struct attempt *attempt, const struct row *row)
{
	if (attempt->task->job != 0)
		return; /* the job under way tells more */
	if (row->state == CUBE_CONTAINER_CREATED) {
		if (!worker_attempt_stops(attempt)) {
			/* Run again starts it; a stop that comes first has to remove it. */
			attempt->run_unknown = true;
			attempt->settled = worker->job_number;
			return;
		}
		take_row_handle(attempt, row);
		if (attempt->status.wanted == TASK_WANTED_STOP)
			worker_attempt_end(worker, attempt, TASK_COMPLETED,
					   "stopped before it ran");
		else
			worker_attempt_end(worker, attempt, TASK_FAILED, NULL);
		return;
	}
	take_row_handle(attempt, row);
	attempt->phase = PHASE_RUNNING;
	attempt->run_unknown = false;
	attempt->retry_ms = 0; /* the runtime answers */
	attempt->settled = worker->job_number;
	attempt->look = true;
	/* What it reports follows when it was inspected. */
	worker_attempt_write(worker, attempt);
	worker_attempt_log(worker, attempt, LOG_LEVEL_INFO, "attempt.adopted", "handle",
			   row->handle);
}

static bool
is_listed(const struct worker_message *message, const char *task_id, const char *handle)
{
	size_t i;

	for (i = 0; i < message->container_count; i++)
		if (strcmp(message->containers[i].task_id, task_id) == 0 &&
		    strcmp(message->containers[i].handle, handle) == 0)
			return true;
	return false;
}

static void
adopt_running(struct worker *worker, struct attempt *attempt, const struct row *row,
	      const struct worker_message *message)
{
	if (strcmp(attempt->status.container_id, row->handle) != 0) {
		if (row->number <= attempt->settled)
			return;
		if (message != NULL &&
		    is_listed(message, attempt->task->id, attempt->status.container_id)) {
			worker_attempt_log(worker, attempt, LOG_LEVEL_WARNING,
					   "container.duplicate", "handle", row->handle);
			return;
		}
		/* Its container was made anew, and the crash came before the journal. */
		take_row_handle(attempt, row);
		attempt->look = true;
		worker_attempt_write(worker, attempt);
	}
	if (row->first || row->state != CUBE_CONTAINER_RUNNING)
		attempt->look = true;
	if (row->first && row->state == CUBE_CONTAINER_RUNNING && !worker->adopted)
		worker_attempt_log(worker, attempt, LOG_LEVEL_INFO, "attempt.adopted", "handle",
				   row->handle);
}

static void
adopt_ended(struct worker *worker, struct attempt *attempt, const struct row *row)
{
	if (row->number <= attempt->settled)
		return; /* it ended while the list was on its way */
	if (attempt->status.container_id[0] == '\0') {
		take_row_handle(attempt, row); /* so that it will be removed */
		worker_attempt_write(worker, attempt);
	}
	if (row->state != CUBE_CONTAINER_RUNNING || attempt->lingers)
		return;
	attempt->lingers = true;
	attempt->kills = 0;
	worker_attempt_log(worker, attempt, LOG_LEVEL_WARNING, "container.revived", "handle",
			   row->handle);
}

/* Of a task we know, older than what we know of it. */
static void
adopt_stray(struct worker *worker, struct worker_task *task, struct task_spec *spec,
	    const struct row *row)
{
	struct attempt *attempt =
		worker_attempt_new(worker, task, row->attempt, spec, ORIGIN_STRAY);

	if (attempt == NULL)
		return;
	attempt->acked = true;
	attempt->status.wanted = TASK_WANTED_STOP;
	attempt->phase = PHASE_RUNNING;
	attempt->listed = row->number;
	attempt->look = row->state != CUBE_CONTAINER_RUNNING;
	take_row_handle(attempt, row);
	worker_attempt_log(worker, attempt, LOG_LEVEL_INFO, "attempt.superseded", "handle",
			   row->handle);
}

/* False: nothing here explains it. */
static bool
adopt_row(struct worker *worker, const struct row *row, const struct worker_message *message)
{
	struct worker_task *task = worker_task_find(worker, row->task_id);
	struct attempt *attempt;
	struct attempt *newest;

	if (task == NULL || row->attempt == 0)
		return false;
	attempt = worker_attempt_find(task, row->attempt);
	if (attempt == NULL) {
		newest = worker_attempt_newest(task);
		if (newest == NULL || newest->status.attempt < row->attempt)
			return false;
		adopt_stray(worker, task, newest->spec, row);
	} else {
		attempt->listed = row->number;
		if (attempt->phase == PHASE_ORDERED)
			adopt_ordered(worker, attempt, row);
		else if (attempt->phase == PHASE_RUNNING)
			adopt_running(worker, attempt, row, message);
		else
			adopt_ended(worker, attempt, row);
	}
	worker_touch(worker, task);
	return true;
}

/* What is known to have, or may have, a container and was not in this list. */
static void
adopt_missing(struct worker *worker, uint64_t number)
{
	struct worker_task *task;
	struct attempt *attempt;
	void *cursor = NULL;

	while ((task = map_next(worker->tasks, &cursor)) != NULL) {
		for (attempt = task->oldest; attempt != NULL; attempt = attempt->next) {
			if (attempt->listed == number || attempt->settled >= number)
				continue;
			if (attempt->phase == PHASE_RUNNING || attempt->lingers) {
				/* A job under way may be what took it away: inspect. */
				if (task->job != 0)
					task->look = true;
				else
					worker_attempt_gone(worker, attempt);
				worker_touch(worker, task);
			} else if (attempt->run_unknown && task->job == 0) {
				attempt->run_unknown = false; /* that run did nothing */
				worker_touch(worker, task);
			}
		}
	}
}

void
worker_adopt(struct worker *worker, const struct worker_message *message)
{
	bool first = !worker_engine_ready(worker);
	size_t i;

	worker->foreign_count = 0;
	for (i = 0; i < message->container_count; i++) {
		const struct cube_container *container = &message->containers[i];
		char task_id[ID_SIZE];
		uint32_t attempt;

		if (container->cluster[0] != '\0' &&
		    strcmp(container->cluster, worker->info.cluster) != 0) {
			worker->foreign_count++;
			continue;
		}
		worker_orphan_name(container, task_id, &attempt);
		const struct row row = {task_id,          container->handle,   attempt,
					container->state, message->job_number, first};
		if (!adopt_row(worker, &row, message))
			worker_orphan_seen(worker, task_id, attempt, container,
					   message->job_number);
	}
	worker_orphans_listed(worker, message->job_number);
	adopt_missing(worker, message->job_number);
	if (!worker->adopted) {
		worker->adopted = true;
		worker_keep_due(worker);
		worker_touch_all(worker);
	}
}

void
worker_claim_orphans(struct worker *worker, struct worker_task *task)
{
	struct orphan *orphan;
	void *cursor = NULL;

	while ((orphan = map_next(worker->orphans, &cursor)) != NULL) {
		const struct row row = {orphan->task_id, orphan->handle,     orphan->attempt,
					orphan->state,   worker->job_number, true};
		struct attempt *attempt;

		if (strcmp(orphan->task_id, task->id) != 0)
			continue;
		/* The list may be old. A run finds its own container by itself; taking one that
		 * is gone for it would cost the attempt. */
		attempt = worker_attempt_find(task, orphan->attempt);
		if (attempt != NULL && attempt->status.wanted == TASK_WANTED_RUN) {
			attempt->run_unknown = true;
			continue;
		}
		if (!adopt_row(worker, &row, NULL))
			continue;
		(void)map_remove(worker->orphans, orphan->handle);
		free(orphan);
	}
}
