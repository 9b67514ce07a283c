/* worker/node.c - the machine's own description, and telling a manager that it is here.
 *
 * The description has a revision that grows with every change; the answers to polls carry
 * it, so a manager asks again only when there is news. The shell adds the statistics, which
 * have none. A worker that knows a manager registers at its start and again whenever none was
 * heard for a while. Pure; the brain's thread.
 */
#include "worker/brain.h"

#include <stdio.h>
#include <string.h>

#define SILENCE_MS      15000 /* without a manager's word: register again */
#define JOIN_FIRST_MS   1000
#define JOIN_MAX_MS     15000
#define JOIN_REFUSED_MS 15000

void
worker_node_changed(struct worker *worker)
{
	worker->info.revision++;
}

void
worker_journal_watch(struct worker *worker)
{
	bool fails = worker->step->store_fault != NULL;

	if (fails == worker->journal_fails)
		return;
	worker->journal_fails = fails;
	worker_node_changed(worker);
}

/* Instance and cluster are not told before they are durable. While the journal fails no
 * orders are taken, so none should be placed here. */
static struct worker_effect *
new_description(struct worker *worker, enum worker_effect_kind kind)
{
	bool waits = worker->info_batch > worker->step->durable;
	struct worker_effect *effect = worker_effect_new(worker, kind, waits);

	if (effect == NULL)
		return NULL;
	node_info_copy(&effect->info, &worker->info);
	if (worker->journal_fails) {
		effect->info.runtime_ready = false;
		(void)snprintf(effect->info.runtime_reason, sizeof(effect->info.runtime_reason),
			       "this worker's journal fails: %s", worker->step->store_fault);
	} else if (effect->info.runtime_reason[0] == '\0') {
		memcpy(effect->info.runtime_reason, worker->overdue,
		       sizeof(effect->info.runtime_reason));
	}
	return effect;
}

static uint32_t
live_tasks(const struct worker *worker)
{
	const struct worker_task *task;
	const struct attempt *attempt;
	void *cursor = NULL;
	uint32_t count = 0;

	while ((task = map_next(worker->tasks, &cursor)) != NULL) {
		attempt = task->oldest;
		while (attempt != NULL && !worker_attempt_lives(attempt))
			attempt = attempt->next;
		count += attempt != NULL;
	}
	return count;
}

void
worker_node_reply(struct worker *worker, const struct worker_message *message)
{
	struct worker_effect *effect = new_description(worker, WORKER_EFFECT_REPLY);

	if (effect == NULL)
		return;
	effect->token = message->token;
	effect->status = 200;
	effect->node_revision = worker->info.revision;
	effect->live_tasks = live_tasks(worker);
	effect->revision.epoch = worker->config.epoch;
	effect->revision.sequence = worker->report_sequence;
	worker_effect_send(worker, effect);
}

/* The next trouble is news again, also if it is the same. */
static void
trouble_over(struct worker *worker)
{
	if (worker->join_trouble[0] == '\0')
		return;
	worker->join_trouble[0] = '\0';
	step_log(worker->step, LOG_LEVEL_INFO, "manager.reached", NULL);
}

void
worker_manager_heard(struct worker *worker)
{
	trouble_over(worker);
	worker->contact_ms = worker->step->now.mono_ms;
	if (!worker->joining && worker->join_ms < worker->contact_ms + SILENCE_MS)
		worker->join_ms = worker->contact_ms + SILENCE_MS;
}

void
worker_join_due(struct worker *worker)
{
	struct worker_effect *effect;

	if (!worker->config.joins || worker->joining ||
	    worker->join_ms > worker->step->now.mono_ms)
		return;
	effect = new_description(worker, WORKER_EFFECT_JOIN);
	if (effect == NULL)
		return;
	worker->joining = true;
	worker_effect_send(worker, effect);
}

uint64_t
worker_join_next(const struct worker *worker)
{
	if (!worker->config.joins || worker->joining)
		return WORKER_NEVER;
	return worker->join_ms;
}

/* Once for each new reason, not at every try. */
static void
log_trouble(struct worker *worker, const char *event, const char *status, const char *reason)
{
	if (strncmp(worker->join_trouble, reason, sizeof(worker->join_trouble) - 1) == 0)
		return;
	(void)snprintf(worker->join_trouble, sizeof(worker->join_trouble), "%s", reason);
	step_log(worker->step, LOG_LEVEL_WARNING, event, "status", status, "reason", reason,
		 NULL);
}

static void
join_later(struct worker *worker, uint64_t delay_ms)
{
	uint64_t now_ms = worker->step->now.mono_ms;
	uint64_t silent_ms = worker->contact_ms + SILENCE_MS;

	worker->join_ms = now_ms + delay_ms;
	/* One that talks to us meanwhile is reason enough to wait. */
	if (worker->contact_ms != 0 && worker->join_ms < silent_ms)
		worker->join_ms = silent_ms;
}

void
worker_joined(struct worker *worker, const struct worker_message *message)
{
	const char *own = worker->info.cluster;
	char status[16];

	if (!worker->joining)
		return;
	worker->joining = false;
	if (message->error.code != 0) {
		log_trouble(worker, "manager.unreachable", NULL, message->error.message);
		join_later(worker, worker_backoff(worker, worker->join_failures++,
						  JOIN_FIRST_MS, JOIN_MAX_MS));
		return;
	}
	(void)snprintf(status, sizeof(status), "%d", message->status);
	if (message->status >= 400) {
		log_trouble(worker, "manager.refused", status, message->reason);
		join_later(worker, message->status == 409
					   ? JOIN_REFUSED_MS
					   : worker_backoff(worker, worker->join_failures++,
							    JOIN_FIRST_MS, JOIN_MAX_MS));
		return;
	}
	worker->join_failures = 0;
	if (own[0] != '\0' && message->cluster[0] != '\0' &&
	    strcmp(own, message->cluster) != 0) {
		char reason[2 * ID_SIZE + 80];

		(void)snprintf(reason, sizeof(reason),
			       "the manager is of cluster %s, this worker belongs to %s",
			       message->cluster, own);
		log_trouble(worker, "manager.refused", status, reason);
	} else {
		trouble_over(worker);
	}
	join_later(worker, SILENCE_MS);
}
