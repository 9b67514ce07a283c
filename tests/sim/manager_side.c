/* manager_side.c - between the manager's brain and the simulated world: what core/shell's
 * manager, fleet and API do with threads and HTTP. Structs are passed; a share of them goes
 * through the wire's format and back, as the plan says.
 */
#include "sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIRE_MAX ((size_t)16 << 20)

static void
ignore_log(void *ctx, int level, const char *message)
{
	(void)ctx;
	(void)level;
	(void)message;
}

int
manager_side_open(struct process *process, struct cube_error *err)
{
	struct sim *sim = process->sim;
	char text[SIM_NODES_MAX][32];
	const char *workers[SIM_NODES_MAX + 1] = {NULL};
	struct manager_config config = {
		.new_cluster = "11111111-1111-4111-8111-111111111111",
		.seed = random_next(&sim->random),
		.node_timeout_ms = sim->plan.node_timeout_ms,
		.events_max = sim->plan.few_kept ? 500 : 100000,
		.keep_tasks = sim->plan.few_kept ? 20 : 10000,
		.keep_tasks_s = sim->plan.few_kept ? 600 : 86400,
		.scheduler_name = sim->options->scheduler->info.name,
		.scheduler_ops = sim->options->scheduler->info.ops.scheduler,
		.scheduler_options = sim->options->scheduler_options,
		.log = ignore_log,
	};
	struct manager *manager;

	if (!sim->plan.joins) {
		for (unsigned i = 0; i < sim->node_count; i++) {
			(void)snprintf(text[i], sizeof(text[i]), "10.0.0.%u:5556", i + 1);
			workers[i] = text[i];
		}
		config.workers = workers;
	}
	for (unsigned i = 0; i < sim->node_count; i++) {
		sim->machines[i].heard_us = 0;
		sim->machines[i].unready_us = 0;
	}
	if (manager_new(&config, &manager, err) != 0)
		return err->code;
	process->brain = manager;
	return 0;
}

/* ---- requests to it ---- */

struct manager_message *
manager_side_request(struct sim *sim, const struct call *call)
{
	struct manager_message *message = manager_message_new(MANAGER_JOIN);

	if (message == NULL)
		abort();
	/* One that is refused is not believed; what counts then is its next hello. */
	if (call->info.runtime_ready)
		truth_told(&sim->machines[call->from], true);
	node_info_copy(&message->info, &call->info);
	return message;
}

/* ---- exchanges of its own ---- */

static struct manager_message *
answer_new(const struct call *call)
{
	struct manager_message *answer =
		manager_message_new(call->kind == MANAGER_EFFECT_HELLO    ? MANAGER_HELLO_DONE
				    : call->kind == MANAGER_EFFECT_ORDERS ? MANAGER_ORDERS_DONE
									  : MANAGER_POLL_DONE);

	if (answer == NULL)
		abort();
	answer->contact = call->effect->contact;
	answer->book = false;
	answer->orders_sequence = call->effect->orders.sequence;
	return answer;
}

struct manager_message *
manager_side_fault(const struct call *call, int fault)
{
	struct manager_message *answer = answer_new(call);

	answer->fault = fault;
	(void)snprintf(answer->reason, sizeof(answer->reason), "%s",
		       fault == CUBE_ERR_TIMEOUT ? "no answer in time" : "connection refused");
	return answer;
}

static void
reports_through_wire(const struct worker_effect *reply, struct reports *reports)
{
	struct buf out = BUF_INIT(WIRE_MAX);
	struct json_writer *writer = json_writer_new(&out, false);
	struct cube_error err;
	struct json_doc doc;

	if (writer == NULL)
		abort();
	json_begin_array(writer);
	for (size_t i = 0; i < reply->task_count; i++)
		report_encode(writer, &reply->tasks[i]);
	json_end_array(writer);
	json_writer_free(writer);
	if (json_parse(buf_text(&out), out.size, &doc, &err) != 0 ||
	    reports_decode(&doc, reports, &err) != 0) {
		(void)fprintf(stderr, "reports: %s\n", err.message);
		abort();
	}
	json_release(&doc);
	buf_release(&out);
}

static void
reports_copy(const struct worker_effect *reply, struct reports *reports)
{
	reports->items = sim_alloc(reply->task_count + 1, sizeof(*reports->items));
	reports->count = reply->task_count;
	for (size_t i = 0; i < reply->task_count; i++) {
		memcpy(reports->items[i].task_id, reply->tasks[i].spec->id, ID_SIZE);
		task_status_copy(&reports->items[i].status, &reply->tasks[i].status);
	}
}

struct manager_message *
manager_side_answer(struct sim *sim, const struct call *call, struct worker_effect *reply)
{
	struct manager_message *answer = answer_new(call);

	answer->status = reply->status;
	if (reply->status != 200) {
		(void)snprintf(answer->reason, sizeof(answer->reason), "%.240s",
			       reply->message);
	} else if (call->kind == MANAGER_EFFECT_HELLO) {
		node_info_copy(&answer->info, &reply->info);
	} else if (call->kind == MANAGER_EFFECT_POLL) {
		if (chance(sim, sim->plan.codec))
			reports_through_wire(reply, &answer->reports);
		else
			reports_copy(reply, &answer->reports);
		answer->reports.revision = reply->revision;
		answer->reports.full = reply->full;
		answer->reports.generation = reply->generation;
		answer->reports.sequence = reply->sequence;
		answer->reports.node_revision = reply->node_revision;
		answer->reports.stamp = reply->stamp;
	}
	return answer;
}

static int
machine_at(const char *api)
{
	int number = 0;

	if (sscanf(api, "http://10.0.0.%d:", &number) != 1)
		abort();
	return number - 1;
}

void
manager_side_release(struct process *process, struct outbox_item *item)
{
	struct manager_effect *effect = (struct manager_effect *)(void *)item;
	struct sim *sim = process->sim;
	struct call *call;

	switch (effect->kind) {
	case MANAGER_EFFECT_REPLY:
		call = debt_pay(effect->token);
		truth_manager_effect(sim, effect, call);
		if (call->from == SIM_USERS) {
			network_answer(sim, call, NULL, effect);
		} else {
			network_answer(sim, call, &worker_side_joined(effect, 0)->message,
				       NULL);
			manager_effect_free(item);
		}
		call_put(call);
		break;
	case MANAGER_EFFECT_HELLO:
	case MANAGER_EFFECT_ORDERS:
	case MANAGER_EFFECT_POLL:
		sim->counts.polls += effect->kind == MANAGER_EFFECT_POLL;
		truth_manager_effect(sim, effect, NULL);
		call = call_new(sim, SIM_MANAGER, machine_at(effect->api), (int)effect->kind);
		call->effect = effect;
		call_send(sim, call, effect->timeout_ms);
		break;
	case MANAGER_EFFECT_FORGET:
	default:
		call_forget(sim, effect->contact);
		manager_effect_free(item);
		break;
	}
}
