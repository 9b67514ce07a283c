/* worker/orphan.c - containers with our label that nobody knows: stopped and removed.
 *
 * A list that shows one starts its time of grace, which counts only from the first full set
 * of orders of this start on: until then its order may simply not have come. When the grace
 * is over the runtime is listed once more, so that no old list is acted upon; what that still
 * shows becomes a stray attempt, which reconcile stops and removes. An order that names the
 * task meanwhile claims the container, even while it is being stopped. What carries another
 * cluster's label is never here (adopt.c). Pure; the brain's thread.
 */
#include "worker/brain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_AGAIN_MS 1000 /* at one that may just have been removed */
#define LOOK_SOON_MS  5000 /* after an event of something unknown: also each removal has one */

/* A container whose labels name no attempt gets a name of its own: it is a task's all the
 * same, as the runtime is asked about tasks only. */
void
worker_orphan_name(const struct cube_container *container, char task_id[ID_SIZE],
		   uint32_t *attempt)
{
	uint64_t hash[2] = {0xcbf29ce484222325u, 0x9ae16a3b2f90404fu};
	uint8_t bytes[16];
	const char *at;

	*attempt = container->attempt;
	if (container->attempt != 0 && id_parse(container->task_id, task_id) == 0)
		return;
	for (at = container->handle; *at != '\0'; at++) {
		hash[0] = (hash[0] ^ (uint8_t)*at) * 0x100000001b3u;
		hash[1] = (hash[1] + (uint8_t)*at) * 0x9fb21c651e98df25u;
	}
	memcpy(bytes, hash, sizeof(bytes));
	id_from_random(bytes, task_id);
	*attempt = 1;
}

void
worker_orphan_log(struct worker *worker, const char *task_id, uint32_t attempt,
		  const char *handle, const char *action)
{
	char number[16];

	(void)snprintf(number, sizeof(number), "%u", attempt);
	step_log(worker->step, LOG_LEVEL_WARNING, "container.orphan", "action", action, "task",
		 task_id, "attempt", number, "handle", handle, NULL);
}

static void
see(struct worker *worker, struct orphan *orphan)
{
	if (orphan->sure)
		return;
	orphan->sure = true;
	worker_orphan_log(worker, orphan->task_id, orphan->attempt, orphan->handle, "seen");
}

void
worker_orphan_seen(struct worker *worker, const char *task_id, uint32_t attempt,
		   const struct cube_container *container, uint64_t number)
{
	struct orphan *orphan = map_get(worker->orphans, container->handle);
	bool known = orphan != NULL;

	if (!known) {
		orphan = calloc(1, sizeof(*orphan));
		if (orphan == NULL) {
			worker->failed = true;
			return;
		}
		memcpy(orphan->handle, container->handle, sizeof(orphan->handle));
		if (map_put(worker->orphans, orphan->handle, orphan) != 0) {
			free(orphan);
			worker->failed = true;
			return;
		}
		orphan->first_ms = worker->step->now.mono_ms;
	}
	(void)snprintf(orphan->task_id, sizeof(orphan->task_id), "%s", task_id);
	orphan->attempt = attempt;
	orphan->state = container->state;
	orphan->listed = number;
	/* A list that was asked for before something was removed may still show it. */
	if (known || number > worker->forgot_job)
		see(worker, orphan);
}

static uint64_t
due_ms(const struct worker *worker, const struct orphan *orphan)
{
	uint64_t since_ms = orphan->first_ms;

	if (!orphan->sure)
		return since_ms + LOOK_AGAIN_MS;
	if (worker->full_sets == 0)
		return WORKER_NEVER;
	if (since_ms < worker->full_ms)
		since_ms = worker->full_ms;
	return since_ms + worker->config.orphan_grace_ms;
}

static void
remove_orphan(struct worker *worker, struct orphan *orphan, uint64_t number)
{
	struct worker_task *task = worker_task_have(worker, orphan->task_id);
	struct task_spec *spec = worker_unknown_spec(worker, orphan->task_id);
	struct attempt *attempt = NULL;

	if (task != NULL && spec != NULL && worker_attempt_find(task, orphan->attempt) == NULL)
		attempt = worker_attempt_new(worker, task, orphan->attempt, spec, ORIGIN_STRAY);
	task_spec_put(spec);
	if (task != NULL)
		worker_touch(worker, task);
	if (attempt == NULL)
		return;
	attempt->acked = true;
	attempt->orphan = true;
	attempt->status.wanted = TASK_WANTED_STOP;
	attempt->phase = PHASE_RUNNING;
	attempt->look = orphan->state != CUBE_CONTAINER_RUNNING;
	attempt->listed = number;
	memcpy(attempt->status.container_id, orphan->handle,
	       sizeof(attempt->status.container_id));
	worker_orphan_log(worker, orphan->task_id, orphan->attempt, orphan->handle, "removing");
}

static void
plan(struct worker *worker)
{
	const struct orphan *orphan;
	void *cursor = NULL;

	while ((orphan = map_next(worker->orphans, &cursor)) != NULL)
		if (due_ms(worker, orphan) < worker->orphan_ms)
			worker->orphan_ms = due_ms(worker, orphan);
}

void
worker_orphans_listed(struct worker *worker, uint64_t number)
{
	struct orphan *orphan;
	void *cursor = NULL;

	while ((orphan = map_next(worker->orphans, &cursor)) != NULL) {
		bool gone = orphan->listed != number;

		if (!gone && (!orphan->sure || due_ms(worker, orphan) > worker->list_asked_ms))
			continue;
		if (!gone)
			remove_orphan(worker, orphan, number);
		(void)map_remove(worker->orphans, orphan->handle);
		free(orphan);
	}
	worker->orphan_ms = WORKER_NEVER;
	plan(worker);
}

void
worker_orphans_full_set(struct worker *worker)
{
	worker->full_ms = worker->step->now.mono_ms;
	plan(worker);
}

void
worker_orphan_hint(struct worker *worker)
{
	uint64_t look_ms = worker->step->now.mono_ms + LOOK_SOON_MS;

	if (worker->config.runtime_has_events && look_ms < worker->orphan_ms)
		worker->orphan_ms = look_ms;
}

void
worker_orphans_due(struct worker *worker)
{
	if (worker->orphan_ms > worker->step->now.mono_ms)
		return;
	worker->orphan_ms = WORKER_NEVER; /* the list's answer plans anew */
	worker_engine_relist(worker);
}

/* It was about to be removed, and an order names it after all. What a signal has already
 * done to it shows when it is looked at. */
void
worker_orphan_claim(struct worker *worker, struct attempt *attempt, const struct order *order)
{
	if (order->spec != NULL) {
		task_spec_put(attempt->spec);
		attempt->spec = task_spec_get(order->spec);
	}
	attempt->origin = ORIGIN_ORDERED;
	attempt->orphan = false;
	attempt->acked = false;
	attempt->status.wanted = order->wanted;
	attempt->phase = PHASE_RUNNING;
	attempt->settled = worker->job_number;
	attempt->look = true;
	worker_guard(worker, attempt);
	worker_attempt_save(worker, attempt);
	worker_attempt_log(worker, attempt, LOG_LEVEL_INFO, "attempt.adopted", "handle",
			   attempt->status.container_id);
}

void
worker_orphans_free(struct worker *worker)
{
	map_free(worker->orphans, free);
}
