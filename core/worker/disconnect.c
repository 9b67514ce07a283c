/* worker/disconnect.c - StopAfterDisconnect: tasks that end when no manager was heard.
 *
 * Each answer to a poll carries a stamp, the time of this worker's own clock, and the manager
 * gives the newest it got back with its next poll. So an echo proves that this very answer
 * arrived: neither a lost answer nor a poll that was long on its way renews anything. A task
 * that asks for it is stopped that many seconds after the newest stamp that came back, and
 * none is started while there is no such stamp, so that a manager which knows when it got
 * that stamp knows when the task has ended. That stamp is journalled, so that a worker
 * that starts again does not begin to count anew. Pure; the brain's thread.
 */
#include "worker/brain.h"

#include <inttypes.h>
#include <stdio.h>

#define ECHO_SAVE_MS     1000 /* the journalled stamp is at most that much behind */
#define ECHO_WAIT_MIN_MS 100

static void
save_echo(struct worker *worker)
{
	char text[24];

	if (worker->guarded == NULL || worker->echo == 0 ||
	    (worker->echo_saved != 0 && worker->echo < worker->echo_saved + ECHO_SAVE_MS))
		return;
	worker->echo_saved = worker->echo;
	(void)snprintf(text, sizeof(text), "%" PRIu64, worker->echo);
	worker_journal_meta(worker, "meta/echo", text);
}

/* Once: from here on it is among those that an echo concerns. */
void
worker_guard(struct worker *worker, struct attempt *attempt)
{
	attempt->ordered_ms = worker->step->now.mono_ms;
	if (attempt->origin != ORIGIN_ORDERED || attempt->spec->stop_after_disconnect_s == 0 ||
	    attempt->guard_place != NULL || attempt->phase == PHASE_ENDED)
		return;
	attempt->guard_next = worker->guarded;
	attempt->guard_place = &worker->guarded;
	if (worker->guarded != NULL)
		worker->guarded->guard_place = &attempt->guard_next;
	worker->guarded = attempt;
	save_echo(worker);
}

void
worker_unguard(struct attempt *attempt)
{
	if (attempt->guard_place == NULL)
		return;
	*attempt->guard_place = attempt->guard_next;
	if (attempt->guard_next != NULL)
		attempt->guard_next->guard_place = attempt->guard_place;
	attempt->guard_next = NULL;
	attempt->guard_place = NULL;
}

void
worker_disconnect_start(struct worker *worker)
{
	struct worker_task *task;
	struct attempt *attempt;
	void *cursor = NULL;

	/* The machine was started anew: its clock has begun again. */
	if (worker->echo > worker->step->now.mono_ms)
		worker->echo = 0;
	worker->echo_saved = worker->echo;
	while ((task = map_next(worker->tasks, &cursor)) != NULL) {
		for (attempt = task->oldest; attempt != NULL; attempt = attempt->next) {
			worker_guard(worker, attempt);
			attempt->cut_off =
				attempt->phase == PHASE_RUNNING && attempt->status.disconnected;
		}
	}
}

uint64_t
worker_stamp(struct worker *worker)
{
	uint64_t now_ms = worker->step->now.mono_ms;

	if (worker->stamp < now_ms)
		worker->stamp = now_ms;
	if (worker->stamp == 0)
		worker->stamp = 1; /* 0 is none */
	return worker->stamp;
}

void
worker_echo(struct worker *worker, uint64_t epoch, uint64_t stamp)
{
	struct attempt *attempt;

	if (epoch != worker->config.epoch || stamp == 0 || stamp > worker->stamp)
		return; /* of another start, or never given */
	if (stamp <= worker->echo)
		return;
	worker->echo = stamp;
	save_echo(worker);
	for (attempt = worker->guarded; attempt != NULL; attempt = attempt->guard_next) {
		if (!attempt->held)
			continue;
		attempt->held = false;
		worker_touch(worker, attempt->task);
	}
}

uint32_t
worker_echo_wait_ms(const struct worker *worker)
{
	const struct attempt *attempt;
	uint32_t shortest_s = UINT32_MAX / 1000;

	for (attempt = worker->guarded; attempt != NULL; attempt = attempt->guard_next)
		if (attempt->spec->stop_after_disconnect_s < shortest_s)
			shortest_s = attempt->spec->stop_after_disconnect_s;
	return shortest_s * 1000 / 3 > ECHO_WAIT_MIN_MS ? shortest_s * 1000 / 3
							: ECHO_WAIT_MIN_MS;
}

uint64_t
worker_cut_off_ms(const struct worker *worker, const struct attempt *attempt)
{
	uint64_t heard_ms = worker->echo != 0 ? worker->echo : attempt->ordered_ms;

	if (attempt->guard_place == NULL)
		return WORKER_NEVER;
	return heard_ms + (uint64_t)attempt->spec->stop_after_disconnect_s * 1000;
}

bool
worker_is_cut_off(const struct worker *worker, const struct attempt *attempt)
{
	return worker_cut_off_ms(worker, attempt) <= worker->step->now.mono_ms;
}

bool
worker_is_held(const struct worker *worker, const struct attempt *attempt)
{
	return attempt->guard_place != NULL &&
	       (worker->echo == 0 || worker_is_cut_off(worker, attempt));
}

/* Its end counts as one of ours from the signal on, also if this process ends before it. */
void
worker_cut_off_signal(struct worker *worker, struct attempt *attempt)
{
	if (!attempt->cut_off || attempt->status.wanted == TASK_WANTED_STOP ||
	    attempt->status.disconnected)
		return;
	attempt->status.disconnected = true;
	worker_attempt_write(worker, attempt);
}

bool
worker_cut_off_end(struct attempt *attempt)
{
	struct task_status *status = &attempt->status;

	if (!status->disconnected)
		return false;
	if (status->wanted == TASK_WANTED_STOP) {
		status->disconnected = false; /* it was to end anyway */
		return false;
	}
	task_reason(status, "stopped: no manager was heard for %" PRIu32 " s",
		    attempt->spec->stop_after_disconnect_s);
	return true;
}
