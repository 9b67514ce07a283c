/* worker/step.c - the worker's brain from its making to its end, and one step of it.
 *
 * A step hands the message to the file that knows it, then lets whatever is due happen:
 * queries of the runtime, the jobs of the tasks that were touched, registering with the
 * manager, and last the answer of a poll, which shows all of that. It ends by asking to be
 * woken for the next deadline. Pure; one thread drives it.
 */
#include "worker/brain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
worker_new(const struct worker_config *config, struct worker **out, struct cube_error *err)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (worker != NULL) {
		worker->tasks = map_new();
		worker->orphans = map_new();
	}
	if (worker == NULL || worker->tasks == NULL || worker->orphans == NULL) {
		if (worker != NULL) {
			map_free(worker->tasks, NULL);
			map_free(worker->orphans, NULL);
		}
		free(worker);
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	}
	worker->config = *config;
	memset(&worker->config.info, 0, sizeof(worker->config.info));
	node_info_copy(&worker->info, &config->info);
	worker->info.instance[0] = '\0';
	worker->info.cluster[0] = '\0';
	worker->info.runtime_ready = false;
	worker->info.revision = 1;
	(void)snprintf(worker->info.runtime_reason, sizeof(worker->info.runtime_reason),
		       "it was not asked yet");
	random_seed(&worker->random, config->seed);
	worker->probe_ms = WORKER_NEVER;
	worker->list_ms = WORKER_NEVER;
	worker->orphan_ms = WORKER_NEVER;
	*out = worker;
	return 0;
}

void
worker_free(struct worker *worker)
{
	struct worker_task *task;
	void *cursor = NULL;

	if (worker == NULL)
		return;
	/* Before the tasks and attempts that they hold. */
	heap_release(&worker->timers);
	heap_release(&worker->kept);
	while ((task = map_next(worker->tasks, &cursor)) != NULL) {
		while (task->oldest != NULL) {
			struct attempt *attempt = task->oldest;

			task->oldest = attempt->next;
			worker_attempt_free(attempt);
		}
		(void)map_remove(worker->tasks, task->id);
		free(task);
	}
	map_free(worker->tasks, NULL);
	node_info_release(&worker->info);
	worker_orphans_free(worker);
	free(worker);
}

const char *
worker_instance(const struct worker *worker)
{
	return worker->info.instance[0] != '\0' ? worker->info.instance
						: worker->config.new_instance;
}

static void
begin(struct worker *worker, struct step *step)
{
	worker->step = step;
	worker->failed = false;
	worker->fenced = false;
	worker_journal_watch(worker);
}

static void
wake_for_next(struct worker *worker)
{
	const struct heap_item *timer = heap_first(&worker->timers);
	uint64_t next = worker_engine_next(worker);
	uint64_t join = worker_join_next(worker);
	uint64_t keep = worker_keep_next(worker);

	if (timer != NULL && timer->due_ms < next)
		next = timer->due_ms;
	if (join < next)
		next = join;
	if (keep < next)
		next = keep;
	if (worker->orphan_ms < next)
		next = worker->orphan_ms;
	if (worker->poll.waits && worker->poll.due_ms < next)
		next = worker->poll.due_ms;
	if (next != WORKER_NEVER)
		step_wake(worker->step, next);
}

/* What follows from what this step has learned. */
static int
finish(struct worker *worker, struct cube_error *err)
{
	worker_engine_due(worker);
	worker_orphans_due(worker);
	worker_keep_due(worker);
	worker_reconcile(worker);
	worker_join_due(worker);
	worker_poll_settle(worker);
	wake_for_next(worker);
	worker->step = NULL;
	if (worker->failed)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	return 0;
}

int
worker_start(struct worker *worker, struct step *step, struct cube_error *err)
{
	begin(worker, step);
	if (!worker->format_known)
		worker_journal_meta(worker, "meta/format", "1");
	if (worker->info.instance[0] == '\0') {
		memcpy(worker->info.instance, worker->config.new_instance,
		       sizeof(worker->info.instance));
		worker->info_batch = step->batch;
		worker_journal_meta(worker, "meta/instance", worker->info.instance);
	}
	worker_disconnect_start(worker);
	worker_keep_start(worker);
	worker_engine_start(worker);
	return finish(worker, err);
}

static void
handle(struct worker *worker, struct worker_message *message)
{
	switch (message->message.kind) {
	case WORKER_DESIRED:
		worker_take_orders(worker, message);
		break;
	case WORKER_POLL:
		worker_poll(worker, message);
		break;
	case WORKER_LIST:
		worker_list(worker, message);
		break;
	case WORKER_GET:
		worker_get(worker, message);
		break;
	case WORKER_RUN:
		worker_run_local(worker, message);
		break;
	case WORKER_STOP:
		worker_stop_local(worker, message);
		break;
	case WORKER_NODE:
		worker_node_reply(worker, message);
		break;
	case WORKER_JOB_DONE:
		if (message->job == WORKER_JOB_LIST)
			worker_engine_listed(worker, message);
		else if (message->job == WORKER_JOB_PROBE)
			worker_engine_probed(worker, message);
		else
			worker_job_done(worker, message);
		break;
	case WORKER_PROGRESS:
		worker_progress(worker, message);
		break;
	case WORKER_CHANGED:
		worker_changed(worker, message);
		break;
	case WORKER_RESYNC:
		worker_engine_relist(worker);
		break;
	case WORKER_OVERDUE:
		worker_engine_overdue(worker, message);
		break;
	case WORKER_JOINED:
		worker_joined(worker, message);
		break;
	case WORKER_CHECKED:
		worker_checked(worker, message);
		break;
	case MESSAGE_QUIT: /* polls wait no longer */
		worker->quits = true;
		break;
	default: /* MESSAGE_WAKE: what is due follows */
		break;
	}
}

int
worker_step(struct worker *worker, struct worker_message *message, struct step *step,
	    struct cube_error *err)
{
	begin(worker, step);
	handle(worker, message);
	worker_message_free(message);
	return finish(worker, err);
}
