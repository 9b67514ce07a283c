/* worker/desired.c - the manager's orders, and its acknowledgements of our reports.
 *
 * Two fences: a worker takes orders of one cluster only, the first that gave it any; and
 * of orders only those numbered higher than all before. Orders are journalled before they
 * are answered, and before anything follows from them. Within a task the number of the
 * attempt fences: what is older than the newest known is ignored, what is newer replaces
 * it. Pure; the brain's thread.
 */
#include "worker/brain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A spec for an attempt that was only ever ordered to stop, so that its end can be told. */
struct task_spec *
worker_unknown_spec(struct worker *worker, const char *task_id)
{
	static const char text[] = "{\"Image\": \"unknown\"}";
	struct task_spec *spec = NULL;
	struct cube_error err;
	struct json_doc doc;

	if (json_parse(text, sizeof(text) - 1, &doc, &err) != 0) {
		worker->failed = true;
		return NULL;
	}
	if (task_spec_decode(&doc, doc.root, CODEC_LENIENT, task_id, &spec, &err) != 0) {
		worker->failed = true;
		spec = NULL;
	}
	json_release(&doc);
	return spec;
}

/* What is replaced has to end before the newer one starts. */
static void
stop_older(struct worker *worker, struct worker_task *task, uint32_t number)
{
	struct attempt *attempt;

	for (attempt = task->oldest; attempt != NULL; attempt = attempt->next)
		if (attempt->status.attempt < number && worker_attempt_lives(attempt))
			worker_attempt_stop(worker, attempt);
}

static struct attempt *
new_attempt(struct worker *worker, struct worker_task *task, const struct order *order)
{
	struct task_spec *spec = task_spec_get(order->spec);
	struct attempt *attempt;

	if (spec == NULL)
		spec = worker_unknown_spec(worker, task->id);
	if (spec == NULL)
		return NULL;
	attempt = worker_attempt_new(worker, task, order->attempt, spec, ORIGIN_ORDERED);
	task_spec_put(spec);
	if (attempt == NULL)
		return NULL;
	attempt->status.wanted = order->wanted;
	worker_guard(worker, attempt);
	worker_attempt_write(worker, attempt);
	worker_attempt_log(worker, attempt, LOG_LEVEL_INFO, "attempt.ordered", "wanted",
			   order->wanted == TASK_WANTED_RUN ? "run" : "stop");
	return attempt;
}

/* A later state of things is known than these orders speak of: they are another's, or were
 * long on their way. */
static void
stale(struct worker *worker)
{
	worker->info.stale_orders++;
	worker_node_changed(worker);
}

/* The fence: of an older attempt than the newest that is known. */
static void
fence(struct worker *worker, const struct worker_task *task, const struct attempt *newest,
      const struct order *order)
{
	char number[16];
	char known[16];

	stale(worker);
	if (worker->fenced)
		return;
	worker->fenced = true;
	(void)snprintf(number, sizeof(number), "%u", order->attempt);
	(void)snprintf(known, sizeof(known), "%u", newest->status.attempt);
	step_log(worker->step, LOG_LEVEL_WARNING, "orders.stale", "kind", "attempt", "task",
		 task->id, "attempt", number, "known", known, NULL);
}

static void
apply_order(struct worker *worker, const struct order *order)
{
	struct worker_task *task = worker_task_have(worker, order->task_id);
	const struct attempt *newest;
	struct attempt *attempt;

	if (task == NULL)
		return;
	newest = worker_attempt_newest(task);
	attempt = worker_attempt_find(task, order->attempt);
	worker_touch(worker, task);
	if (attempt == NULL) {
		if (newest != NULL && newest->status.attempt > order->attempt) {
			fence(worker, task, newest, order);
			return;
		}
		if (order->spec == NULL && order->wanted == TASK_WANTED_RUN)
			return; /* a full set too large for it: it follows as a change */
		attempt = new_attempt(worker, task, order);
		if (attempt == NULL)
			return;
		stop_older(worker, task, order->attempt);
		worker_claim_orphans(worker, task);
	} else if (attempt->origin == ORIGIN_STRAY) {
		if (newest != NULL && newest->status.attempt > order->attempt) {
			fence(worker, task, newest, order);
			return;
		}
		if (order->spec == NULL && order->wanted == TASK_WANTED_RUN)
			return;
		worker_orphan_claim(worker, attempt, order);
		stop_older(worker, task, order->attempt);
	} else if (attempt->origin == ORIGIN_LOCAL) {
		/* From here on it is the manager's, which has yet to hear of it. */
		attempt->origin = ORIGIN_ORDERED;
		attempt->acked = false;
		worker_keep(worker, attempt);
		worker_guard(worker, attempt);
		worker_attempt_save(worker, attempt);
	}
	attempt->mentioned = worker->full_sets;
	/* A stop is for good: what was to stop never runs again under this number. */
	if (order->wanted == TASK_WANTED_STOP)
		worker_attempt_stop(worker, attempt);
}

/* What lives by the manager's orders and is in them no longer. */
static void
stop_missing(struct worker *worker)
{
	struct worker_task *task;
	struct attempt *attempt;
	void *cursor = NULL;

	while ((task = map_next(worker->tasks, &cursor)) != NULL) {
		for (attempt = task->oldest; attempt != NULL; attempt = attempt->next) {
			if (attempt->origin != ORIGIN_ORDERED ||
			    attempt->mentioned == worker->full_sets ||
			    attempt->phase == PHASE_ENDED)
				continue;
			worker_attempt_stop(worker, attempt);
			worker_touch(worker, task);
		}
	}
}

static void
acknowledge(struct worker *worker, struct revision acked)
{
	struct worker_task *task;
	struct attempt *attempt;
	void *cursor = NULL;

	if (acked.epoch != worker->config.epoch)
		return;
	while ((task = map_next(worker->tasks, &cursor)) != NULL) {
		for (attempt = task->oldest; attempt != NULL; attempt = attempt->next) {
			if (attempt->phase != PHASE_ENDED || attempt->acked ||
			    attempt->changed > acked.sequence)
				continue;
			attempt->acked = true;
			worker_attempt_write(worker, attempt);
			worker_keep(worker, attempt);
			worker_touch(worker, task);
		}
	}
}

static const char *
invalid_part(const struct orders *orders)
{
	size_t i;

	if (orders->cluster[0] == '\0')
		return "Cluster is missing";
	for (i = 0; i < orders->count; i++) {
		if (orders->items[i].attempt == 0)
			return "an order's Attempt is 0, attempts count from 1";
	}
	return NULL;
}

static int
compare_numbers(const struct orders *orders, struct revision taken)
{
	if (orders->generation != taken.epoch)
		return orders->generation < taken.epoch ? -1 : 1;
	if (orders->sequence != taken.sequence)
		return orders->sequence < taken.sequence ? -1 : 1;
	return 0;
}

static void
join_cluster(struct worker *worker, const char *cluster)
{
	memcpy(worker->info.cluster, cluster, sizeof(worker->info.cluster));
	worker->info_batch = worker->step->batch;
	worker_journal_meta(worker, "meta/cluster", cluster);
	worker_node_changed(worker);
	if (worker->foreign_count > 0) {
		/* They may be of this cluster, from before this journal: look before anything
		 * is run. */
		worker->adopted = false;
		worker_engine_relist(worker);
	}
	step_log(worker->step, LOG_LEVEL_INFO, "cluster.joined", "cluster", cluster, NULL);
}

static void
take_numbers(struct worker *worker, const struct orders *orders)
{
	if (worker->desired_batch <= worker->step->durable)
		worker->desired_durable = worker->desired;
	worker->desired = (struct revision){orders->generation, orders->sequence};
	worker->desired_batch = worker->step->batch;
	worker_journal_desired(worker);
}

static void
refuse_cluster(struct worker *worker, const struct worker_message *message)
{
	const struct orders *orders = &message->orders;

	stale(worker);
	step_log(worker->step, LOG_LEVEL_WARNING, "orders.refused", "cluster", orders->cluster,
		 "own", worker->info.cluster, NULL);
	worker_refuse(
		worker, message->token, 409,
		"these orders are of cluster %s, this worker belongs to cluster %s and takes "
		"no others: if it is to change, start it on an empty data directory",
		orders->cluster, worker->info.cluster);
}

static void
refuse_address(struct worker *worker, const struct worker_message *message)
{
	stale(worker);
	step_log(worker->step, LOG_LEVEL_WARNING, "orders.refused", "worker",
		 message->orders.worker, "own", worker->info.instance, NULL);
	worker_refuse(worker, message->token, 409,
		      "these orders are for worker %s, this is %s: its address has changed "
		      "hands",
		      message->orders.worker, worker->info.instance);
}

static void
refuse_older(struct worker *worker, const struct worker_message *message)
{
	const struct orders *orders = &message->orders;
	char number[REVISION_SIZE];
	char known[REVISION_SIZE];

	(void)snprintf(number, sizeof(number), "%" PRIu64 "-%" PRIu64, orders->generation,
		       orders->sequence);
	(void)snprintf(known, sizeof(known), "%" PRIu64 "-%" PRIu64, worker->desired.epoch,
		       worker->desired.sequence);
	stale(worker);
	step_log(worker->step, LOG_LEVEL_WARNING, "orders.stale", "kind",
		 orders->generation < worker->desired.epoch ? "generation" : "sequence",
		 "orders", number, "known", known, NULL);
	worker_refuse(worker, message->token, 409,
		      "orders %s are older than what this worker has: %s", number, known);
}

void
worker_take_orders(struct worker *worker, struct worker_message *message)
{
	const struct orders *orders = &message->orders;
	const char *invalid = invalid_part(orders);
	int order;
	size_t i;

	if (worker->step->store_fault != NULL) {
		worker_refuse(worker, message->token, 503, "this worker's journal fails: %s",
			      worker->step->store_fault);
		return;
	}
	if (invalid != NULL) {
		worker_refuse(worker, message->token, 400, "%s", invalid);
		return;
	}
	if (worker->info.cluster[0] != '\0' &&
	    strcmp(worker->info.cluster, orders->cluster) != 0) {
		refuse_cluster(worker, message);
		return;
	}
	if (orders->worker[0] != '\0' && strcmp(worker->info.instance, orders->worker) != 0) {
		refuse_address(worker, message);
		return;
	}
	worker_manager_heard(worker);
	order = compare_numbers(orders, worker->desired);
	if (order < 0) {
		refuse_older(worker, message);
		return;
	}
	if (order > 0) {
		if (worker->info.cluster[0] == '\0')
			join_cluster(worker, orders->cluster);
		take_numbers(worker, orders);
		if (orders->full && worker->full_sets++ == 0)
			worker_orphans_full_set(worker);
		for (i = 0; i < orders->count; i++)
			apply_order(worker, &orders->items[i]);
		if (orders->full)
			stop_missing(worker);
	}
	acknowledge(worker, orders->acked);
	worker_reply(worker, message->token, 200);
}
