/* worker/keep.c - which ended attempts keep their container and logs, and how long.
 *
 * An attempt that ended by itself, and whose end is known to whoever ordered it, stays for
 * its logs: the newest few of a task, so many of all, and none beyond an age. They wait in a
 * heap by the time of their end, so each costs O(log n) however many run through. Ages count
 * on a clock of our own, the wall's at the start and from there on the monotonic one: setting
 * the machine's clock removes nothing. Pure; the brain's thread.
 */
#include "worker/brain.h"

static uint64_t
age_now(const struct worker *worker)
{
	const struct now *now = &worker->step->now;
	uint64_t start_ms = worker->start.wall_ms > 0 ? (uint64_t)worker->start.wall_ms : 0;

	return start_ms + (now->mono_ms - worker->start.mono_ms);
}

static bool
is_kept(const struct attempt *attempt)
{
	return attempt->phase == PHASE_ENDED && attempt->acked && !attempt->discard &&
	       (attempt->status.wanted == TASK_WANTED_RUN || attempt->origin == ORIGIN_LOCAL) &&
	       attempt->origin != ORIGIN_STRAY;
}

static void
discard(struct worker *worker, struct attempt *attempt)
{
	attempt->discard = true;
	heap_remove(&worker->kept, &attempt->kept);
	worker_touch(worker, attempt->task);
}

/* Of one task. */
static void
trim_task(struct worker *worker, struct worker_task *task)
{
	struct attempt *attempt;
	size_t kept = 0;

	if (worker->config.keep_attempts == 0)
		return;
	for (attempt = task->oldest; attempt != NULL; attempt = attempt->next)
		kept += attempt->kept.place != 0;
	for (attempt = task->oldest; attempt != NULL && kept > worker->config.keep_attempts;
	     attempt = attempt->next) {
		if (attempt->kept.place == 0)
			continue;
		discard(worker, attempt);
		kept--;
	}
}

void
worker_keep(struct worker *worker, struct attempt *attempt)
{
	bool kept = is_kept(attempt);

	if (kept == (attempt->kept.place != 0))
		return;
	if (!kept) {
		heap_remove(&worker->kept, &attempt->kept);
		return;
	}
	if (heap_set(&worker->kept, &attempt->kept, attempt->ended_ms) != 0) {
		worker->failed = true;
		return;
	}
	trim_task(worker, attempt->task);
	worker_keep_due(worker);
}

void
worker_keep_ended(struct worker *worker, struct attempt *attempt)
{
	uint64_t now_ms = age_now(worker);

	/* Those of one moment go in the order in which they ended. */
	if (now_ms <= worker->last_ended_ms)
		now_ms = worker->last_ended_ms + 1;
	worker->last_ended_ms = now_ms;
	attempt->ended_ms = now_ms;
}

void
worker_keep_start(struct worker *worker)
{
	struct worker_task *task;
	struct attempt *attempt;
	void *cursor = NULL;

	worker->start = worker->step->now;
	while ((task = map_next(worker->tasks, &cursor)) != NULL) {
		for (attempt = task->oldest; attempt != NULL; attempt = attempt->next) {
			int64_t finish_ms = attempt->status.finish_ms;

			/* One that ended in what is now the future ended now. */
			attempt->ended_ms = age_now(worker);
			if (finish_ms >= 0 && (uint64_t)finish_ms < attempt->ended_ms)
				attempt->ended_ms = (uint64_t)finish_ms;
			worker_keep(worker, attempt);
		}
	}
}

/* When the oldest gets too old, on the clock of ages. */
static uint64_t
expiry_ms(const struct worker *worker)
{
	const struct heap_item *oldest = heap_first(&worker->kept);

	if (oldest == NULL || worker->config.keep_ended_for_ms == 0)
		return WORKER_NEVER;
	return oldest->due_ms + worker->config.keep_ended_for_ms;
}

void
worker_keep_due(struct worker *worker)
{
	/* Before the first list one of them may prove to be alive. */
	if (!worker->adopted)
		return;
	while (worker->kept.count > worker->config.keep_ended ||
	       expiry_ms(worker) <= age_now(worker))
		discard(worker, (struct attempt *)(void *)heap_first(&worker->kept));
}

uint64_t
worker_keep_next(const struct worker *worker)
{
	uint64_t due_ms = expiry_ms(worker);

	if (due_ms == WORKER_NEVER || !worker->adopted)
		return WORKER_NEVER;
	return worker->step->now.mono_ms + (due_ms - age_now(worker));
}
