/* manager/trim.c - takes what ended long ago off the list, a slice a step.
 *
 * Owns the order in which tasks ended. Ages count on a clock of its own: the wall's at the
 * start and from there the monotonic one's, so no jump of the wall makes anything old. What
 * the wall says at the start is believed only so far: not before the newest time in the
 * store, and not more than an hour behind it, because a clock that was set wrong looks just
 * like a long absence. So that while no manager runs, things age by an hour at most: they
 * are kept too long then, never too short. Brain's thread.
 */
#include "manager/trim.h"

#include "manager/brain.h"
#include "manager/done.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define STEP_MAX   256  /* tasks and tombstones a step */
#define BATCH_MAX  4096 /* and a batch, lest one commit becomes so long that it is felt */
#define BATCH_MS   20   /* until it is looked again whether that batch has gone */
#define AGE_MS     1000 /* ages are looked at this often: one commit for many */
#define FAULT_MS   1000
#define ABSENCE_MS (INT64_C(3600) * 1000) /* that is believed of the wall's clock */

int
trim_init(struct trim *trim, const struct manager_config *config)
{
	trim->keep_tasks = config->keep_tasks;
	trim->keep_ms = (int64_t)config->keep_tasks_s * 1000;
	trim->newest_ms = INT64_MIN;
	trim->done = idqueue_new();
	return trim->done != NULL ? 0 : CUBE_ERR_NO_MEMORY;
}

void
trim_release(struct trim *trim)
{
	idqueue_free(trim->done);
}

/* ---- the clock ---- */

void
trim_saw(struct manager *manager, int64_t ms)
{
	if (ms > manager->trim.newest_ms)
		manager->trim.newest_ms = ms;
}

int64_t
trim_clock_ms(const struct manager *manager)
{
	const struct trim *trim = &manager->trim;

	return trim->start_ms + (int64_t)(manager->step->now.mono_ms - trim->start_mono_ms);
}

static void
start_clock(struct manager *manager)
{
	struct trim *trim = &manager->trim;

	trim->start_mono_ms = manager->step->now.mono_ms;
	trim->start_ms = manager->step->now.wall_ms;
	if (trim->newest_ms == INT64_MIN)
		return;
	if (trim->start_ms < trim->newest_ms)
		trim->start_ms = trim->newest_ms;
	else if (trim->start_ms - trim->newest_ms > ABSENCE_MS)
		trim->start_ms = trim->newest_ms + ABSENCE_MS;
}

/* ---- the order of ending ---- */

static void
append(struct trim *trim, struct entry *entry)
{
	entry->ended_next = NULL;
	if (trim->last != NULL)
		trim->last->ended_next = entry;
	else
		trim->first = entry;
	trim->last = entry;
	trim->count++;
}

void
trim_add(struct manager *manager, struct entry *entry)
{
	entry->ended_ms = trim_clock_ms(manager);
	append(&manager->trim, entry);
}

static int
compare_ended(const void *a, const void *b)
{
	const struct entry *left = *(struct entry *const *)a;
	const struct entry *right = *(struct entry *const *)b;

	if (left->ended_ms != right->ended_ms)
		return left->ended_ms < right->ended_ms ? -1 : 1;
	return left->task.status.sequence < right->task.status.sequence ? -1 : 1;
}

/* Those that had ended before this start. */
static int
order_ended(struct manager *manager)
{
	const struct ledger *ledger = &manager->ledger;
	struct entry **ended = calloc(ledger->count + 1, sizeof(struct entry *));
	struct entry *entry;
	size_t count = 0;
	size_t i = 0;

	if (ended == NULL)
		return CUBE_ERR_NO_MEMORY;
	while ((entry = ledger_each(ledger, &i)) != NULL) {
		if (!entry->task.status.final)
			continue;
		/* Of a worker's clock, which may be ahead. */
		if (entry->ended_ms > manager->trim.start_ms)
			entry->ended_ms = manager->trim.start_ms;
		ended[count++] = entry;
	}
	if (count > 1)
		qsort(ended, count, sizeof(struct entry *), compare_ended);
	for (i = 0; i < count; i++)
		append(&manager->trim, ended[i]);
	free(ended);
	return 0;
}

int
trim_start(struct manager *manager)
{
	start_clock(manager);
	if (order_ended(manager) != 0)
		return CUBE_ERR_NO_MEMORY;
	return done_sort(manager);
}

/* ---- trimming ---- */

/* When the first is to go for its age; INT64_MAX: not for that. */
static int64_t
task_due_ms(const struct trim *trim)
{
	if (trim->first == NULL || trim->keep_ms == 0)
		return INT64_MAX;
	return trim->first->ended_ms + trim->keep_ms;
}

static bool
task_goes(const struct trim *trim, int64_t now_ms)
{
	if (trim->first == NULL)
		return false;
	return (trim->keep_tasks != 0 && trim->count > trim->keep_tasks) ||
	       task_due_ms(trim) <= now_ms;
}

/* No node, queue or job holds what is final, and no order speaks of it. What a worker may
 * still tell of it is ignored and acknowledged like anything else that is not known. */
static void
remove_first(struct manager *manager)
{
	struct trim *trim = &manager->trim;
	struct entry *entry = trim->first;

	assert(entry->task.status.final && entry->node == NULL && entry->place.shape == NULL &&
	       entry->place.group == NULL && !entry->dirty);
	trim->first = entry->ended_next;
	if (trim->first == NULL)
		trim->last = NULL;
	trim->count--;
	trim->removed++;
	done_add(manager, entry);
	events_forget_task(manager, entry);
	ledger_remove(manager, entry);
}

static void
log_trimmed(struct manager *manager, size_t tasks, size_t tombstones)
{
	char task_count[24];
	char tombstone_count[24];

	if (tasks == 0 && tombstones == 0)
		return;
	(void)snprintf(task_count, sizeof(task_count), "%zu", tasks);
	(void)snprintf(tombstone_count, sizeof(tombstone_count), "%zu", tombstones);
	step_log(manager->step, LOG_LEVEL_DEBUG, "tasks.trimmed", "tasks", task_count,
		 "tombstones", tombstone_count, NULL);
}

/* When there will be something to do, if nothing happens before. */
static void
wake_later(struct manager *manager, int64_t now_ms)
{
	uint64_t mono_ms = manager->step->now.mono_ms;
	int64_t due_ms = task_due_ms(&manager->trim);
	int64_t wait_ms;

	if (done_due_ms(manager) < due_ms)
		due_ms = done_due_ms(manager);
	if (due_ms == INT64_MAX)
		return;
	wait_ms = due_ms - now_ms;
	step_wake(manager->step, mono_ms + (uint64_t)(wait_ms > AGE_MS ? wait_ms : AGE_MS));
}

void
trim_run(struct manager *manager)
{
	struct trim *trim = &manager->trim;
	struct step *step = manager->step;
	int64_t now_ms = trim_clock_ms(manager);
	size_t tasks = 0;
	size_t tombstones = 0;
	size_t most;

	if (trim->batch != step->batch) {
		trim->batch = step->batch;
		trim->in_batch = 0;
	}
	most = BATCH_MAX - trim->in_batch;
	if (most > STEP_MAX)
		most = STEP_MAX;
	/* The batch that cannot be stored is long enough as it is. */
	if (step->store_fault != NULL)
		most = 0;
	for (; tasks < most && task_goes(trim, now_ms); tasks++)
		remove_first(manager);
	for (; tasks + tombstones < most && done_due_ms(manager) <= now_ms; tombstones++)
		done_forget(manager);
	trim->in_batch += tasks + tombstones;
	log_trimmed(manager, tasks, tombstones);
	if (!task_goes(trim, now_ms) && done_due_ms(manager) > now_ms)
		wake_later(manager, now_ms);
	else if (step->store_fault != NULL)
		step_wake(step, step->now.mono_ms + FAULT_MS);
	else
		step_wake(step,
			  step->now.mono_ms + (trim->in_batch < BATCH_MAX ? 0 : BATCH_MS));
}
