/* worker_side.c - between a worker's brain and the simulated world: what core/shell's worker,
 * its API, the executor and the join do with threads and HTTP.
 */
#include "sim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIRE_MAX ((size_t)16 << 20)

int
worker_side_open(struct process *process, struct cube_error *err)
{
	struct sim *sim = process->sim;
	const struct machine *machine = &sim->machines[process->node];
	struct worker_config config = {
		.epoch = random_next(&sim->random) | 1,
		.seed = random_next(&sim->random),
		.joins = sim->plan.joins,
		.runtime_has_events = sim->plan.has_events,
		.keep_ended = sim->plan.few_kept ? 5 : 100,
		.keep_attempts = 3,
		.keep_ended_for_ms = sim->plan.few_kept ? 300000 : 86400000,
		.orphan_grace_ms = 60000,
	};
	struct worker *worker;

	(void)snprintf(config.new_instance, ID_SIZE, "aaaaaaaa-0000-4000-8000-%012x",
		       (unsigned)process->node + 1);
	(void)snprintf(config.info.name, NAME_SIZE, "%s", process->name);
	(void)snprintf(config.info.api, NODE_API_SIZE, "http://10.0.0.%d:5556",
		       process->node + 1);
	(void)snprintf(config.info.runtime, NAME_SIZE, "sim");
	config.info.mcpu = machine->mcpu;
	config.info.memory_bytes = machine->memory_bytes;
	config.info.disk_bytes = SIM_DISK_BYTES;
	config.info.labels = machine->labels; /* which it copies */
	config.info.cpu_busy = NAN;
	if (worker_new(&config, &worker, err) != 0)
		return err->code;
	process->brain = worker;
	return 0;
}

/* ---- requests to it ---- */

static void
orders_through_wire(const struct orders *from, struct orders *to)
{
	struct buf out = BUF_INIT(WIRE_MAX);
	struct json_writer *writer = json_writer_new(&out, false);
	struct cube_error err;
	struct json_doc doc;

	if (writer == NULL)
		abort();
	orders_encode(writer, from);
	json_writer_free(writer);
	if (json_parse(buf_text(&out), out.size, &doc, &err) != 0 ||
	    orders_decode(&doc, to, &err) != 0) {
		(void)fprintf(stderr, "orders: %s\n", err.message);
		abort();
	}
	json_release(&doc);
	buf_release(&out);
}

static void
orders_copy(const struct orders *from, struct orders *to)
{
	*to = *from;
	to->items = sim_alloc(from->count + 1, sizeof(*to->items));
	for (size_t i = 0; i < from->count; i++) {
		to->items[i] = from->items[i];
		if (from->items[i].spec != NULL)
			(void)task_spec_get(from->items[i].spec);
	}
}

struct worker_message *
worker_side_request(struct sim *sim, const struct call *call)
{
	struct worker_message *message =
		worker_message_new(call->kind == MANAGER_EFFECT_HELLO    ? WORKER_NODE
				   : call->kind == MANAGER_EFFECT_ORDERS ? WORKER_DESIRED
									 : WORKER_POLL);

	if (message == NULL)
		abort();
	message->since = call->effect->since;
	message->wait_ms = call->effect->wait_ms;
	message->stamp = call->effect->stamp;
	if (call->kind != MANAGER_EFFECT_ORDERS)
		return message;
	if (chance(sim, sim->plan.codec))
		orders_through_wire(&call->effect->orders, &message->orders);
	else
		orders_copy(&call->effect->orders, &message->orders);
	return message;
}

struct worker_message *
worker_side_joined(const struct manager_effect *reply, int fault)
{
	struct worker_message *message = worker_message_new(WORKER_JOINED);

	if (message == NULL)
		abort();
	if (reply == NULL) {
		(void)cube_fail(&message->error, fault, 0, "the manager does not answer");
		return message;
	}
	message->status = reply->status;
	memcpy(message->cluster, reply->cluster, sizeof(message->cluster));
	(void)snprintf(message->reason, sizeof(message->reason), "%.240s", reply->message);
	return message;
}

/* ---- what it sends out ---- */

static void
reply_release(struct machine *machine, struct worker_effect *effect)
{
	struct sim *sim = machine->process.sim;
	struct call *call = debt_pay(effect->token);

	if (call->kind == MANAGER_EFFECT_ORDERS && effect->status == 200)
		truth_orders_answered(machine, &call->effect->orders);
	network_answer(sim, call, &manager_side_answer(sim, call, effect)->message, NULL);
	call_put(call);
	worker_effect_free(&effect->item);
}

static void
join_release(struct machine *machine, struct worker_effect *effect)
{
	struct sim *sim = machine->process.sim;
	struct call *call = call_new(sim, machine->process.node, SIM_MANAGER, CALL_JOIN);

	node_info_copy(&call->info, &effect->info);
	call_send(sim, call, 10000);
	worker_effect_free(&effect->item);
}

void
worker_side_release(struct process *process, struct outbox_item *item)
{
	struct worker_effect *effect = (struct worker_effect *)(void *)item;
	struct machine *machine = &process->sim->machines[process->node];

	switch (effect->kind) {
	case WORKER_EFFECT_REPLY:
		reply_release(machine, effect);
		break;
	case WORKER_EFFECT_JOB:
		truth_job(machine, effect);
		engine_take(machine, effect);
		break;
	case WORKER_EFFECT_CANCEL:
		engine_cancel(machine, effect);
		break;
	case WORKER_EFFECT_JOIN:
		join_release(machine, effect);
		break;
	case WORKER_EFFECT_CHECK:
	default:
		engine_check(machine, effect);
		break;
	}
}
