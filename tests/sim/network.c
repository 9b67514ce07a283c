/* network.c - calls from one process to another, and their answers.
 *
 * A call is a request with at most one answer, as HTTP has it; each of the two ways is lost,
 * cut off or delayed by itself. A request may arrive twice, or long after its caller has given
 * up, even in another life of either side; an answer reaches only the caller that still
 * waits. A process that dies resets what it was asked. Calls are counted: the queue of events,
 * the caller and the brain that owes an answer each hold one.
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

#define PLACED_PART 8 /* one of so many that do not wait is asked about */
#define GHOST_US    (180 * SECOND)

struct call *
call_new(struct sim *sim, int from, int to, int kind)
{
	struct call *call = sim_alloc(1, sizeof(*call));

	call->serial = ++sim->call_serial;
	call->from = from;
	call->to = to;
	call->kind = kind;
	call->references = 1;
	call->incarnation = from == SIM_USERS ? 0 : sim_process(sim, from)->incarnation;
	return call;
}

void
call_put(struct call *call)
{
	if (--call->references > 0)
		return;
	if (call->effect != NULL)
		manager_effect_free(&call->effect->item);
	node_info_release(&call->info);
	free(call);
}

/* Its caller waits no longer. */
static void
call_done(struct call *call)
{
	if (call->done)
		return;
	call->done = true;
	*call->place = call->next;
	if (call->next != NULL)
		call->next->place = call->place;
	call_put(call);
}

void
network_release(struct sim *sim)
{
	while (sim->calls != NULL)
		call_done(sim->calls);
}

static void
put(struct sim *sim, uint64_t delay_us, enum event_kind kind, struct call *call)
{
	call->references++;
	clock_put(sim, sim->clock.now_us + delay_us,
		  (struct event_item){.kind = kind, .node = call->to, .item = call});
}

static uint64_t
delay_us(struct sim *sim)
{
	uint64_t most_us = sim->calm ? 5 * MS : sim->plan.delay_us;

	if (mishap(sim, 200))
		most_us *= 20; /* now and then out of all order */
	return 100 + below(sim, most_us);
}

bool
network_is_cut(struct sim *sim, int from, int to)
{
	if (from >= 0)
		return sim->machines[from].cut_from_us > sim->clock.now_us;
	if (to >= 0)
		return sim->machines[to].cut_to_us > sim->clock.now_us;
	return false;
}

void
call_send(struct sim *sim, struct call *call, uint32_t timeout_ms)
{
	call->next = sim->calls;
	call->place = &sim->calls;
	if (sim->calls != NULL)
		sim->calls->place = &call->next;
	sim->calls = call;
	call->references++;
	clock_put(
		sim, sim->clock.now_us + timeout_ms * MS,
		(struct event_item){.kind = EVENT_DEADLINE, .node = call->from, .item = call});
	if (mishap(sim, sim->plan.lose_request))
		return;
	if (mishap(sim, sim->plan.ghost)) {
		put(sim, below(sim, GHOST_US), EVENT_REQUEST, call);
		return;
	}
	put(sim, delay_us(sim), EVENT_REQUEST, call);
	if (mishap(sim, sim->plan.twice))
		put(sim, delay_us(sim) * 2, EVENT_REQUEST, call);
}

void
call_forget(struct sim *sim, uint64_t contact)
{
	struct call *call = sim->calls;

	while (call != NULL) {
		struct call *next = call->next;

		if (call->from == SIM_MANAGER && call->effect != NULL &&
		    call->effect->contact == contact)
			call_done(call);
		call = next;
	}
}

/* ---- answers ---- */

static void
reply_free(struct reply *reply)
{
	if (reply->message != NULL && reply->call->from == SIM_MANAGER)
		manager_message_free((struct manager_message *)(void *)reply->message);
	else if (reply->message != NULL)
		worker_message_free((struct worker_message *)(void *)reply->message);
	if (reply->effect != NULL)
		manager_effect_free(&reply->effect->item);
	call_put(reply->call);
	free(reply);
}

static void
reply_put(struct sim *sim, uint64_t after_us, struct call *call, struct message *message,
	  struct manager_effect *effect)
{
	struct reply *reply = sim_alloc(1, sizeof(*reply));

	call->references++;
	reply->call = call;
	reply->message = message;
	reply->effect = effect;
	clock_put(sim, sim->clock.now_us + after_us,
		  (struct event_item){.kind = EVENT_REPLY, .node = call->from, .item = reply});
}

void
network_answer(struct sim *sim, struct call *call, struct message *message,
	       struct manager_effect *effect)
{
	if (mishap(sim, sim->plan.lose_reply) || network_is_cut(sim, call->to, call->from)) {
		struct reply lost = {.call = call, .message = message, .effect = effect};
		struct reply *reply = sim_alloc(1, sizeof(*reply));

		*reply = lost;
		call->references++;
		reply_free(reply);
		return;
	}
	reply_put(sim, delay_us(sim), call, message, effect);
}

static struct message *
fault_message(const struct call *call, int fault)
{
	if (call->from == SIM_MANAGER)
		return &manager_side_fault(call, fault)->message;
	if (call->from >= 0)
		return &worker_side_joined(NULL, fault)->message;
	return NULL;
}

/* What the caller hears at once of a process that is not there. */
static void
refuse(struct sim *sim, struct call *call)
{
	if (call->done || network_is_cut(sim, call->to, call->from))
		return;
	reply_put(sim, delay_us(sim), call, fault_message(call, CUBE_ERR_UNAVAILABLE), NULL);
}

static const char *
call_name(const struct call *call)
{
	switch (call->kind) {
	case MANAGER_EFFECT_HELLO:
		return "hello";
	case MANAGER_EFFECT_ORDERS:
		return "orders";
	case MANAGER_EFFECT_POLL:
		return "poll";
	case CALL_JOIN:
		return "join";
	default:
		return "user";
	}
}

void
network_reply(struct sim *sim, const struct event_item *event)
{
	struct reply *reply = event->item;
	struct call *call = reply->call;
	struct message *message = reply->message;

	trace_line(sim, "reply %s %d<-%d %s", call_name(call), call->from, call->to,
		   call->done ? "late" : "");
	if (call->done) {
		reply_free(reply);
		return;
	}
	call_done(call);
	if (call->from == SIM_USERS) {
		users_take(sim, call, reply->effect);
	} else {
		struct process *process = sim_process(sim, call->from);

		if (process->up && process->incarnation == call->incarnation) {
			reply->message = NULL;
			if (call->from == SIM_MANAGER)
				truth_heard(&sim->machines[call->to],
					    (struct manager_message *)(void *)message);
			process_deliver(process, message);
		}
	}
	reply_free(reply);
}

void
network_deadline(struct sim *sim, const struct event_item *event)
{
	struct call *call = event->item;

	if (call->done) {
		call_put(call);
		return;
	}
	trace_line(sim, "deadline %s %d->%d", call_name(call), call->from, call->to);
	call_done(call);
	if (call->from == SIM_USERS) {
		users_take(sim, call, NULL);
	} else {
		struct process *process = sim_process(sim, call->from);

		if (process->up && process->incarnation == call->incarnation)
			process_deliver(process, fault_message(call, CUBE_ERR_TIMEOUT));
	}
	call_put(call);
}

/* ---- requests ---- */

static struct debt *
debt_new(struct process *process, struct call *call)
{
	struct debt *debt = sim_alloc(1, sizeof(*debt));

	debt->call = call;
	call->references++;
	debt->next = process->debts;
	debt->place = &process->debts;
	if (process->debts != NULL)
		process->debts->place = &debt->next;
	process->debts = debt;
	return debt;
}

struct call *
debt_pay(void *token)
{
	struct debt *debt = token;
	struct call *call = debt->call;

	*debt->place = debt->next;
	if (debt->next != NULL)
		debt->next->place = debt->place;
	free(debt);
	return call;
}

static void
deliver(struct process *process, struct call *call, struct manager_message *message)
{
	message->token = debt_new(process, call);
	process_deliver(process, &message->message);
}

static struct manager_message *
message_new(enum manager_message_kind kind)
{
	struct manager_message *message = manager_message_new(kind);

	if (message == NULL)
		abort();
	return message;
}

/* At the same moment as a list: the nodes, and why each task waits that is known to, so that
 * the reasons can be held against the nodes; and of some others why they are where they are,
 * which must leave them there. */
static void
ask_reasons(struct sim *sim, struct process *process, struct call *call)
{
	deliver(process, call, message_new(MANAGER_NODES));
	for (size_t i = 0; i < sim->task_count && process->up; i++) {
		const struct truth_task *task = sim->by_index[i];
		struct manager_message *message;

		if (!task->recorded || task->buried || task->final ||
		    (task->state != TASK_PENDING && (i + call->serial) % PLACED_PART != 0))
			continue;
		message = message_new(MANAGER_WHY);
		memcpy(message->task_id, task->id, sizeof(message->task_id));
		deliver(process, call, message);
	}
}

void
network_request(struct sim *sim, const struct event_item *event)
{
	struct call *call = event->item;
	struct process *process = sim_process(sim, call->to);

	if (network_is_cut(sim, call->from, call->to)) {
		trace_line(sim, "request %s %d->%d cut", call_name(call), call->from, call->to);
	} else if (!process->up) {
		trace_line(sim, "request %s %d->%d refused", call_name(call), call->from,
			   call->to);
		refuse(sim, call);
	} else if (call->to == SIM_MANAGER) {
		struct manager_message *message = call->kind == CALL_USER
							  ? users_message(sim, call)
							  : manager_side_request(sim, call);

		trace_line(sim, "request %s %d->manager %d", call_name(call), call->from,
			   message->message.kind);
		message->token = debt_new(process, call);
		process_deliver(process, &message->message);
		if (call->kind == CALL_USER && call->asked == MANAGER_LIST && process->up)
			ask_reasons(sim, process, call);
	} else {
		struct worker_message *message = worker_side_request(sim, call);

		trace_line(sim, "request %s ->n%d seq %lu%s items %zu", call_name(call),
			   call->to + 1, (unsigned long)message->orders.sequence,
			   message->orders.full ? " full" : "", message->orders.count);
		message->token = debt_new(process, call);
		process_deliver(process, &message->message);
	}
	call_put(call);
}

void
network_died(struct process *process)
{
	while (process->debts != NULL) {
		struct call *call = debt_pay(process->debts);

		refuse(process->sim, call);
		call_put(call);
	}
}

void
network_event_free(struct event_item *event)
{
	switch (event->kind) {
	case EVENT_REQUEST:
	case EVENT_DEADLINE:
		call_put(event->item);
		break;
	case EVENT_REPLY:
		reply_free(event->item);
		break;
	case EVENT_JOB:
	case EVENT_JOB_DONE:
	case EVENT_OVERDUE:
		job_put(event->item);
		break;
	default:
		free(event->item);
		break;
	}
}
