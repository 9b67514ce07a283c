/* worker/report.c - what the worker tells of its attempts: the long poll, and the reads.
 *
 * Nothing is told that could still be lost. An answer that shows what this batch changes
 * leaves after its commit; one that cannot wait for that (the poll's time is over and the
 * manager counts on a heartbeat, or the store fails) shows what was durable, with the
 * revision of that. One poll waits at a time; the next one replaces it. Pure; the brain's
 * thread.
 */
#include "base/vec.h"
#include "worker/brain.h"

#define POLL_WAIT_MAX_MS 60000
#define LATE_WAIT_MS     250 /* instead, while a commit takes long */

/* What of an attempt may be shown: the live status or, of what is durable, an older one.
 * NULL: nothing of it is durable. */
static const struct task_status *
visible_status(const struct worker *worker, const struct attempt *attempt, bool durable_only)
{
	if (!durable_only || attempt->batch <= worker->step->durable)
		return &attempt->status;
	return attempt->shown;
}

static bool
is_reported(const struct attempt *attempt)
{
	return attempt->origin == ORIGIN_ORDERED && !attempt->acked;
}

/* All reported changes up to here are durable. */
static uint64_t
durable_sequence(const struct worker *worker)
{
	uint64_t sequence = worker->report_sequence;
	const struct worker_task *task;
	const struct attempt *attempt;
	void *cursor = NULL;

	while ((task = map_next(worker->tasks, &cursor)) != NULL)
		for (attempt = task->oldest; attempt != NULL; attempt = attempt->next)
			if (attempt->batch > worker->step->durable && attempt->changed != 0 &&
			    attempt->changed <= sequence)
				sequence = attempt->changed - 1;
	return sequence;
}

static void
add_task(struct worker *worker, struct worker_effect *effect, size_t *capacity,
	 const struct attempt *attempt, const struct task_status *status)
{
	struct task task = {.spec = attempt->spec, .status = *status};
	struct task *grown = vec_reserve(effect->tasks, capacity, effect->task_count + 1,
					 sizeof(*effect->tasks));

	if (grown == NULL) {
		worker->failed = true;
		return;
	}
	effect->tasks = grown;
	task_copy(&effect->tasks[effect->task_count++], &task);
}

/* An answer with the revisions it holds for. */
static struct worker_effect *
new_answer(struct worker *worker, void *token, bool durable_only)
{
	struct worker_effect *effect =
		worker_effect_new(worker, WORKER_EFFECT_REPLY, !durable_only);
	struct revision desired = worker->desired;

	if (effect == NULL)
		return NULL;
	if (durable_only && worker->desired_batch > worker->step->durable)
		desired = worker->desired_durable;
	effect->token = token;
	effect->status = 200;
	effect->revision.epoch = worker->config.epoch;
	effect->revision.sequence =
		durable_only ? durable_sequence(worker) : worker->report_sequence;
	effect->generation = desired.epoch;
	effect->sequence = desired.sequence;
	effect->node_revision = worker->info.revision;
	return effect;
}

static void
answer_poll(struct worker *worker, bool durable_only)
{
	struct poll *poll = &worker->poll;
	struct worker_effect *effect = new_answer(worker, poll->token, durable_only);
	const struct worker_task *task;
	const struct attempt *attempt;
	void *cursor = NULL;
	size_t capacity = 0;

	poll->waits = false;
	if (effect == NULL)
		return;
	effect->full = poll->since.epoch != worker->config.epoch;
	while ((task = map_next(worker->tasks, &cursor)) != NULL) {
		for (attempt = task->oldest; attempt != NULL; attempt = attempt->next) {
			const struct task_status *status =
				visible_status(worker, attempt, durable_only);

			if (!is_reported(attempt) || status == NULL)
				continue;
			if (effect->full || (attempt->changed > poll->since.sequence &&
					     attempt->changed <= effect->revision.sequence))
				add_task(worker, effect, &capacity, attempt, status);
		}
	}
	effect->stamp = worker_stamp(worker);
	worker->answered_node = worker->info.revision;
	if (!durable_only)
		worker->answer_batch = worker->step->change_count > 0 ? worker->step->batch
								      : worker->step->batch - 1;
	worker_manager_heard(worker);
	worker_effect_send(worker, effect);
}

/* The last answer has not gone out: the commit that it waits for takes long, or hangs. It is
 * not known to fail yet, but the manager, which asks again, must not wait for it once more. */
static bool
commit_is_late(const struct worker *worker)
{
	return worker->answer_batch > worker->step->durable;
}

void
worker_poll(struct worker *worker, const struct worker_message *message)
{
	struct poll *poll = &worker->poll;
	uint32_t wait_ms =
		message->wait_ms < POLL_WAIT_MAX_MS ? message->wait_ms : POLL_WAIT_MAX_MS;

	if (poll->waits)
		answer_poll(worker, true);
	poll->waits = true;
	poll->token = message->token;
	poll->since = message->since;
	worker_echo(worker, message->since.epoch, message->stamp);
	/* An echo must be younger than the shortest StopAfterDisconnect. */
	if (wait_ms > worker_echo_wait_ms(worker))
		wait_ms = worker_echo_wait_ms(worker);
	if (wait_ms > LATE_WAIT_MS && commit_is_late(worker))
		wait_ms = LATE_WAIT_MS;
	poll->due_ms = worker->step->now.mono_ms + wait_ms;
	worker_manager_heard(worker);
}

void
worker_poll_settle(struct worker *worker)
{
	const struct poll *poll = &worker->poll;
	bool fails = worker->step->store_fault != NULL || commit_is_late(worker);
	bool news = false;
	bool over;

	if (!poll->waits)
		return;
	over = worker->quits || poll->due_ms <= worker->step->now.mono_ms;
	/* Before the first list is answered, what is journalled may not be so any more. */
	if (!over && worker->list_done) {
		uint64_t sequence = fails ? durable_sequence(worker) : worker->report_sequence;

		news = poll->since.epoch != worker->config.epoch ||
		       poll->since.sequence < sequence ||
		       worker->answered_node != worker->info.revision;
	}
	if (over || news)
		answer_poll(worker, over || fails);
}

/* The newest attempt of the task that may be shown. */
static const struct attempt *
visible_newest(const struct worker *worker, const struct worker_task *task, bool durable_only)
{
	const struct attempt *attempt;
	const struct attempt *newest = NULL;

	for (attempt = task->oldest; attempt != NULL; attempt = attempt->next)
		if (attempt->origin != ORIGIN_STRAY &&
		    visible_status(worker, attempt, durable_only) != NULL)
			newest = attempt;
	return newest;
}

void
worker_list(struct worker *worker, const struct worker_message *message)
{
	bool durable_only = worker->step->store_fault != NULL;
	struct worker_effect *effect = new_answer(worker, message->token, durable_only);
	const struct worker_task *task;
	void *cursor = NULL;
	size_t capacity = 0;

	if (effect == NULL)
		return;
	effect->full = true;
	while ((task = map_next(worker->tasks, &cursor)) != NULL) {
		const struct attempt *attempt = visible_newest(worker, task, durable_only);

		if (attempt != NULL)
			add_task(worker, effect, &capacity, attempt,
				 visible_status(worker, attempt, durable_only));
	}
	worker_effect_send(worker, effect);
}

void
worker_get(struct worker *worker, const struct worker_message *message)
{
	bool durable_only = worker->step->store_fault != NULL;
	const struct worker_task *task = worker_task_find(worker, message->task_id);
	const struct attempt *attempt = NULL;
	const struct task_status *status = NULL;
	struct worker_effect *effect;
	size_t capacity = 0;

	if (task != NULL && message->attempt == 0)
		attempt = visible_newest(worker, task, durable_only);
	else if (task != NULL)
		attempt = worker_attempt_find(task, message->attempt);
	if (attempt != NULL && attempt->origin != ORIGIN_STRAY)
		status = visible_status(worker, attempt, durable_only);
	if (status == NULL && message->attempt != 0) {
		worker_refuse(worker, message->token, 404,
			      "no attempt %u of task %s on this worker", message->attempt,
			      message->task_id);
		return;
	}
	if (status == NULL) {
		worker_refuse(worker, message->token, 404, "no task %s on this worker",
			      message->task_id);
		return;
	}
	effect = new_answer(worker, message->token, durable_only);
	if (effect == NULL)
		return;
	add_task(worker, effect, &capacity, attempt, status);
	worker_effect_send(worker, effect);
}
