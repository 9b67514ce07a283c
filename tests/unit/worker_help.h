/* tests/unit/worker_help.h - a scripted runtime and a manager for the worker's brain on its
 * bench (worker_rig.h). Jobs are answered one by one (rig_do, rig_fail) or all, as the
 * engine sees it (rig_work). */
#ifndef WORKER_HELP_H
#define WORKER_HELP_H

#include "worker_rig.h"

/* ---- engine ---- */

static inline struct box *
rig_box(struct rig *rig, const char *task_id, uint32_t attempt)
{
	size_t i;

	for (i = 0; i < rig->box_count; i++)
		if (strcmp(rig->boxes[i].task_id, task_id) == 0 &&
		    rig->boxes[i].attempt == attempt)
			return &rig->boxes[i];
	return NULL;
}

static inline struct box *
rig_add_box(struct rig *rig, const char *task_id, uint32_t attempt, uint32_t state)
{
	struct box *box = &rig->boxes[rig->box_count++];

	ck_assert_uint_lt(rig->box_count, RIG_MAX);
	memset(box, 0, sizeof(*box));
	(void)snprintf(box->task_id, ID_SIZE, "%s", task_id);
	(void)snprintf(box->cluster, ID_SIZE, "%s", CLUSTER_1);
	(void)snprintf(box->handle, sizeof(box->handle), "box-%.8s-%u", task_id, attempt);
	box->attempt = attempt;
	box->state = state;
	return box;
}

static inline void
rig_drop_box(struct rig *rig, struct box *box)
{
	*box = rig->boxes[--rig->box_count];
}

static inline void
rig_show(const struct rig *rig, const struct box *box, struct cube_container *out)
{
	memset(out, 0, sizeof(*out));
	out->struct_size = sizeof(*out);
	out->state = box->state;
	out->exit_code = box->exit_code;
	out->oom_killed = box->oom_killed;
	out->attempt = box->attempt;
	out->started_ms = 1700000000000;
	out->port_count = box->port_count;
	memcpy(out->ports, box->ports, sizeof(box->ports));
	if (box->state == CUBE_CONTAINER_EXITED)
		out->finished_ms = rig->now.wall_ms;
	(void)snprintf(out->task_id, sizeof(out->task_id), "%s", box->task_id);
	(void)snprintf(out->cluster, sizeof(out->cluster), "%s", box->cluster);
	(void)snprintf(out->handle, sizeof(out->handle), "%s", box->handle);
}

static inline struct worker_message *
rig_outcome(const struct worker_effect *effect, int code, const char *text)
{
	struct worker_message *message = rig_message(WORKER_JOB_DONE, 0);

	message->job = effect->job;
	message->job_number = effect->job_number;
	message->attempt = effect->attempt;
	memcpy(message->task_id, effect->task_id, ID_SIZE);
	if (code != 0)
		(void)cube_fail(&message->error, code, 0, "%s", text);
	return message;
}

static inline struct worker_message *
rig_listing(struct rig *rig, const struct worker_effect *effect)
{
	struct worker_message *message = rig_outcome(effect, 0, "");
	size_t i;

	message->containers = calloc(rig->box_count + 1, sizeof(*message->containers));
	ck_assert_ptr_nonnull(message->containers);
	for (i = 0; i < rig->box_count; i++)
		rig_show(rig, &rig->boxes[i], &message->containers[message->container_count++]);
	return message;
}

static inline void
rig_signal(struct rig *rig, struct box *box, int signo)
{
	rig->signals++;
	rig->last_signo = signo;
	if (box->state != CUBE_CONTAINER_RUNNING)
		return;
	if (signo == SIGKILL || rig->obeys_term) {
		box->state = CUBE_CONTAINER_EXITED;
		box->exit_code = 128 + signo;
	}
}

/* What the engine makes of a job. */
static inline struct worker_message *
rig_engine(struct rig *rig, const struct worker_effect *effect)
{
	struct box *box = rig_box(rig, effect->task_id, effect->attempt);
	struct worker_message *message;

	if (rig->down)
		return rig_outcome(effect, CUBE_ERR_UNAVAILABLE, "connect: no engine there");
	if (effect->job == WORKER_JOB_LIST)
		return rig_listing(rig, effect);
	if (effect->job == WORKER_JOB_RUN) {
		if (box == NULL) {
			box = rig_add_box(rig, effect->task_id, effect->attempt,
					  CUBE_CONTAINER_CREATED);
			(void)snprintf(box->cluster, ID_SIZE, "%s", effect->cluster);
		}
		if (box->state == CUBE_CONTAINER_CREATED) {
			box->state = CUBE_CONTAINER_RUNNING;
			box->starts++;
		}
	} else if (effect->job == WORKER_JOB_SIGNAL || effect->job == WORKER_JOB_INSPECT) {
		if (box == NULL || strcmp(box->handle, effect->handle) != 0)
			return rig_outcome(effect, CUBE_ERR_NOT_FOUND, "no such container");
		if (effect->job == WORKER_JOB_SIGNAL)
			rig_signal(rig, box, effect->signo);
	} else if (effect->job == WORKER_JOB_REMOVE && box != NULL) {
		if (box->state == CUBE_CONTAINER_RUNNING)
			return rig_outcome(effect, CUBE_ERR_CONFLICT, "it runs");
		rig_drop_box(rig, box);
	}
	message = rig_outcome(effect, 0, "");
	if (effect->job == WORKER_JOB_PROBE)
		message->enforces = CUBE_ENFORCES_MEMORY;
	if (effect->job == WORKER_JOB_RUN || effect->job == WORKER_JOB_INSPECT) {
		message->container = calloc(1, sizeof(*message->container));
		ck_assert_ptr_nonnull(message->container);
		rig_show(rig, box, message->container);
	}
	return message;
}

/* Answers one job with what the engine says. */
static inline void
rig_do(struct rig *rig, enum worker_job job)
{
	struct worker_effect *effect = rig_job(rig, job);
	struct worker_message *message;

	ck_assert_msg(effect != NULL, "no job %d was released", (int)job);
	message = rig_engine(rig, effect);
	rig_drop(rig, effect);
	rig_send(rig, message);
}

/* Answers one job with an error. */
static inline void
rig_fail(struct rig *rig, enum worker_job job, int code, const char *text)
{
	struct worker_effect *effect = rig_job(rig, job);
	struct worker_message *message;

	ck_assert_msg(effect != NULL, "no job %d was released", (int)job);
	message = rig_outcome(effect, code, text);
	rig_drop(rig, effect);
	rig_send(rig, message);
}

/* Answers jobs until there are no more. */
static inline void
rig_work(struct rig *rig)
{
	int most = 1000;
	size_t i;

	for (i = 0; i < rig->out_count;) {
		struct worker_message *message;

		if (rig->out[i]->kind != WORKER_EFFECT_JOB) {
			i++;
			continue;
		}
		ck_assert_msg(most-- > 0, "the brain does not come to rest");
		message = rig_engine(rig, rig->out[i]);
		rig_forget_effect(rig, i);
		rig_send(rig, message);
		i = 0;
	}
}

static inline void
rig_changed(struct rig *rig, const char *task_id)
{
	struct worker_message *message = rig_message(WORKER_CHANGED, 0);

	(void)snprintf(message->task_id, ID_SIZE, "%s", task_id);
	rig_send(rig, message);
}

static inline void
rig_exit_box(struct rig *rig, const char *task_id, uint32_t attempt, int code)
{
	struct box *box = rig_box(rig, task_id, attempt);

	ck_assert_ptr_nonnull(box);
	box->state = CUBE_CONTAINER_EXITED;
	box->exit_code = code;
}

/* ---- a manager ---- */

static inline struct worker_message *
orders_new(uint64_t generation, uint64_t sequence, bool full, intptr_t token)
{
	struct worker_message *message = rig_message(WORKER_DESIRED, token);

	(void)snprintf(message->orders.cluster, ID_SIZE, "%s", CLUSTER_1);
	message->orders.generation = generation;
	message->orders.sequence = sequence;
	message->orders.full = full;
	return message;
}

static inline struct task_spec *
rig_spec(const char *task_id)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "{'ID':'%s','Name':'web','Image':'nginx:1.25'}",
		       task_id);
	return spec_of(text, CODEC_LENIENT);
}

static inline void
orders_add(struct worker_message *message, const char *task_id, uint32_t attempt,
	   enum task_wanted wanted)
{
	struct orders *orders = &message->orders;
	struct order *grown =
		realloc(orders->items, (orders->count + 1) * sizeof(*orders->items));
	struct order *order;

	ck_assert_ptr_nonnull(grown);
	orders->items = grown;
	order = &grown[orders->count++];
	memset(order, 0, sizeof(*order));
	(void)snprintf(order->task_id, ID_SIZE, "%s", task_id);
	order->attempt = attempt;
	order->wanted = wanted;
	if (wanted == TASK_WANTED_RUN)
		order->spec = rig_spec(task_id);
}

/* One order, of generation 1. */
static inline void
rig_order(struct rig *rig, uint64_t sequence, const char *task_id, uint32_t attempt,
	  enum task_wanted wanted)
{
	struct worker_message *message = orders_new(1, sequence, false, 1);

	orders_add(message, task_id, attempt, wanted);
	rig_send(rig, message);
}

static inline void
rig_ack(struct rig *rig, uint64_t sequence)
{
	struct worker_message *message = orders_new(1, sequence, false, 2);

	message->orders.acked.epoch = rig->config.epoch;
	message->orders.acked.sequence = UINT64_MAX;
	rig_send(rig, message);
}

static inline void
rig_poll(struct rig *rig, struct revision since, uint32_t wait_ms, intptr_t token)
{
	struct worker_message *message = rig_message(WORKER_POLL, token);

	message->since = since;
	message->wait_ms = wait_ms;
	rig_send(rig, message);
}

/* What a read shows of an attempt; asserts that it is known. */
static inline struct task_status
rig_status(struct rig *rig, const char *task_id, uint32_t attempt)
{
	struct worker_message *message = rig_message(WORKER_GET, 991);
	struct worker_effect *reply;
	struct task_status status;

	(void)snprintf(message->task_id, ID_SIZE, "%s", task_id);
	message->attempt = attempt;
	rig_send(rig, message);
	reply = rig_reply(rig, 991);
	ck_assert_ptr_nonnull(reply);
	ck_assert_msg(reply->status == 200, "%s", reply->message);
	status = reply->tasks[0].status;
	status.host_ports = NULL; /* borrowed: gone with the reply */
	rig_drop(rig, reply);
	return status;
}

static inline bool
rig_knows(struct rig *rig, const char *task_id)
{
	struct worker_message *message = rig_message(WORKER_GET, 992);
	struct worker_effect *reply;
	bool known;

	(void)snprintf(message->task_id, ID_SIZE, "%s", task_id);
	rig_send(rig, message);
	reply = rig_reply(rig, 992);
	ck_assert_ptr_nonnull(reply);
	known = reply->status == 200;
	rig_drop(rig, reply);
	return known;
}

static inline struct node_info
rig_node(struct rig *rig)
{
	struct worker_effect *reply;
	struct node_info info;

	rig_send(rig, rig_message(WORKER_NODE, 993));
	reply = rig_reply(rig, 993);
	ck_assert_ptr_nonnull(reply);
	info = reply->info;
	info.labels = NULL;
	info.stats = NULL;
	rig_drop(rig, reply);
	return info;
}

/* Started, the runtime probed and listed. */
static inline struct rig *
rig_new(void)
{
	struct rig *rig = rig_prepare();

	rig_boot(rig);
	rig_work(rig);
	rig_clear(rig);
	return rig;
}

/* Task ID_1, attempt 1, running. */
static inline struct rig *
rig_running(void)
{
	struct rig *rig = rig_new();

	rig_order(rig, 1, ID_1, 1, TASK_WANTED_RUN);
	rig_work(rig);
	ck_assert_int_eq(rig_status(rig, ID_1, 1).state, TASK_RUNNING);
	rig_clear(rig);
	return rig;
}

#endif
