/* users.c - who wants something of the manager: people with tasks, and the operator.
 *
 * They submit, one by one and in arrays, stop, repeat what was not answered (and what was)
 * under the same ID, look at lists, and open, close, drain and remove nodes. What they hear
 * they hold against it: an answer that cannot be true ends the run.
 */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_TIMEOUT_MS 12000
#define LIVE_PER_NODE  6

/* ---- tasks ---- */

static void
behave(struct sim *sim, struct truth_task *task)
{
	uint64_t dice = below(sim, 10000);

	if (dice < sim->plan.behave_ill)
		task->behaviour = BEHAVE_BROKEN;
	else if (dice < 4 * (uint64_t)sim->plan.behave_ill)
		task->behaviour = BEHAVE_FLAKY;
	else if (dice > 9300)
		task->behaviour = BEHAVE_STUBBORN;
	else if (dice > 6500)
		task->behaviour = BEHAVE_JOB;
}

/* What its owner writes. */
static void
spec_text(struct sim *sim, struct truth_task *task, struct buf *out)
{
	static const char *const policies[] = {"no", "on-failure",  "always", "unless-stopped",
					       "",   "on-failure:2"};
	uint64_t policy = task->behaviour == BEHAVE_JOB ? below(sim, 2) * 4 + below(sim, 2)
							: below(sim, 6);

	buf_printf(out, "{\"ID\":\"%s\",\"Name\":\"t%u\",\"Image\":\"image\"", task->id,
		   task->index);
	buf_printf(out, ",\"RestartPolicy\":\"%s\"", policies[policy]);
	if (chance(sim, 7000))
		buf_printf(out, ",\"Cpu\":%u.%u", (unsigned)below(sim, 2),
			   1 + (unsigned)below(sim, 9));
	if (chance(sim, 7000))
		buf_printf(out, ",\"Memory\":%lu", (unsigned long)below(sim, 2000) << 20);
	if (chance(sim, 2000))
		buf_printf(out, ",\"Disk\":%lu", (unsigned long)below(sim, 20000) << 20);
	if (chance(sim, 1500))
		buf_printf(out,
			   ",\"ExposedPorts\":{\"80/tcp\":{}},\"PortBindings\":{\"80/tcp\":[{"
			   "\"HostPort\":\"%u\"}]}",
			   8000 + (unsigned)below(sim, 12));
	else if (chance(sim, 1500) && task->behaviour != BEHAVE_JOB)
		buf_append_text(out, ",\"ExposedPorts\":{\"80/tcp\":{}},\"Health\":{\"Tcp\":"
				     "\"80/tcp\",\"Interval\":20}");
	if (chance(sim, 2500))
		buf_printf(out, ",\"StopAfterDisconnect\":%u", 10 + (unsigned)below(sim, 60));
	if (chance(sim, 1500))
		buf_append_text(out, ",\"OnNodeLost\":\"wait\"");
	if (chance(sim, 3000))
		buf_printf(out, ",\"StopTimeout\":%u", 1 + (unsigned)below(sim, 15));
	if (chance(sim, 2000))
		buf_printf(out, ",\"Priority\":%u", (unsigned)below(sim, 100));
	if (chance(sim, 2000))
		buf_printf(out, ",\"Job\":\"job%u\"", (unsigned)below(sim, 4));
	placing_text(sim, task, out);
	if (policy != 5 && chance(sim, 1500))
		buf_printf(out, ",\"MaxRestarts\":%u", 1 + (unsigned)below(sim, 5));
	buf_append_text(out, "}");
}

static struct truth_task *
task_new(struct sim *sim)
{
	struct truth_task *task = sim_alloc(1, sizeof(*task));
	struct buf out = BUF_INIT(4096);
	struct cube_error err;
	struct json_doc doc;

	if (sim->task_count == sim->task_capacity) {
		sim->task_capacity = sim->task_capacity == 0 ? 64 : sim->task_capacity * 2;
		sim->by_index = reallocarray(sim->by_index, sim->task_capacity,
					     sizeof(struct truth_task *));
		if (sim->by_index == NULL)
			abort();
	}
	task->index = (unsigned)sim->task_count;
	task->node = -1;
	(void)snprintf(task->id, ID_SIZE, "%08x-0000-4000-8000-%012x",
		       (task->index + 1) * 2654435761u, task->index);
	behave(sim, task);
	spec_text(sim, task, &out);
	if (json_parse(buf_text(&out), out.size, &doc, &err) != 0 ||
	    task_spec_decode(&doc, doc.root, CODEC_STRICT, task->id, &task->spec, &err) != 0) {
		(void)fprintf(stderr, "%s: %s\n", buf_text(&out), err.message);
		abort();
	}
	json_release(&doc);
	trace_note(sim, "task %s", buf_text(&out));
	buf_release(&out);
	if (map_put(sim->tasks, task->id, task) != 0)
		abort();
	sim->by_index[sim->task_count++] = task;
	return task;
}

static size_t
live_count(const struct sim *sim)
{
	size_t count = 0;

	for (size_t i = 0; i < sim->task_count; i++)
		count += !sim->by_index[i]->final && !sim->by_index[i]->stop_sent;
	return count;
}

/* ---- requests ---- */

static struct call *
ask(struct sim *sim, int asked)
{
	struct call *call = call_new(sim, SIM_USERS, SIM_MANAGER, CALL_USER);

	call->asked = asked;
	call->machine = -1;
	return call;
}

static void
submit(struct sim *sim)
{
	struct call *call = ask(sim, MANAGER_SUBMIT);
	unsigned count = chance(sim, 7000) ? 1 : 1 + (unsigned)below(sim, 8);

	while (call->task_count < count) {
		struct truth_task *task = task_new(sim);

		task->sent = true;
		call->tasks[call->task_count++] = task;
	}
	sim->counts.submits++;
	call_send(sim, call, ASK_TIMEOUT_MS);
}

static struct truth_task *
some_task(struct sim *sim)
{
	size_t newest = sim->task_count < 40 || chance(sim, 3000) ? sim->task_count : 40;

	if (sim->task_count == 0)
		return NULL;
	return sim->by_index[sim->task_count - 1 - below(sim, newest)];
}

static void
repeat(struct sim *sim, struct truth_task *task)
{
	struct call *call = ask(sim, MANAGER_SUBMIT);

	call->tasks[call->task_count++] = task;
	call_send(sim, call, ASK_TIMEOUT_MS);
}

static void
stop(struct sim *sim, struct truth_task *task)
{
	struct call *call = ask(sim, MANAGER_STOP);

	task->stop_sent = true;
	call->tasks[call->task_count++] = task;
	sim->counts.stops++;
	call_send(sim, call, ASK_TIMEOUT_MS);
}

/* What was not answered is asked again, until it is. */
static void
insist(struct sim *sim)
{
	for (unsigned tries = 0; tries < 10; tries++) {
		struct truth_task *task = some_task(sim);

		if (task != NULL && !task->acked) {
			repeat(sim, task);
			return;
		}
		if (task != NULL && task->stop_sent && !task->stop_acked) {
			stop(sim, task);
			return;
		}
	}
}

/* What has happened since the last time. */
static void
watch(struct sim *sim)
{
	struct call *call = ask(sim, MANAGER_EVENTS);

	call->number = sim->watched;
	call_send(sim, call, ASK_TIMEOUT_MS);
}

static void
operate(struct sim *sim)
{
	static const int kinds[] = {MANAGER_NODE_CORDON, MANAGER_NODE_UNCORDON,
				    MANAGER_NODE_UNCORDON, MANAGER_NODE_DRAIN,
				    MANAGER_NODE_REMOVE};
	struct call *call;

	if (sim->plan.operator_us == SIM_NEVER)
		return;
	call = ask(sim, kinds[below(sim, sim->plan.joins ? 5 : 4)]);
	call->machine = (int)below(sim, sim->node_count);
	call->number = below(sim, 120);
	call_send(sim, call, ASK_TIMEOUT_MS);
}

static void
open_nodes(struct sim *sim)
{
	for (unsigned i = 0; i < sim->node_count; i++) {
		struct call *call;

		if (!sim->machines[i].closed)
			continue;
		call = ask(sim, MANAGER_NODE_UNCORDON);
		call->machine = (int)i;
		call_send(sim, call, ASK_TIMEOUT_MS);
	}
}

void
users_calm(struct sim *sim)
{
	open_nodes(sim);
}

void
users_act(struct sim *sim)
{
	uint64_t dice = below(sim, 100);
	struct truth_task *task = some_task(sim);

	if (sim->calm) {
		open_nodes(sim);
		call_send(sim, ask(sim, MANAGER_LIST), ASK_TIMEOUT_MS);
	} else if (dice < 40) {
		if (live_count(sim) < (size_t)sim->node_count * LIVE_PER_NODE)
			submit(sim);
	} else if (dice < 58) {
		if (task != NULL && task->acked)
			stop(sim, task);
	} else if (dice < 70) {
		if (task != NULL)
			repeat(sim, task);
	} else if (dice < 85) {
		insist(sim);
	} else if (dice < 90) {
		call_send(sim, ask(sim, MANAGER_LIST), ASK_TIMEOUT_MS);
	} else if (dice < 93) {
		watch(sim);
	} else {
		operate(sim);
	}
	clock_put(sim, sim->clock.now_us + below(sim, 2 * sim->plan.user_us),
		  (struct event_item){.kind = EVENT_USER});
}

struct manager_message *
users_message(struct sim *sim, const struct call *call)
{
	struct manager_message *message =
		manager_message_new((enum manager_message_kind)call->asked);

	(void)sim;
	if (message == NULL)
		abort();
	if (call->asked == MANAGER_SUBMIT) {
		message->requests =
			sim_alloc(call->task_count + 1, sizeof(struct task_request));
		message->request_count = call->task_count;
		for (unsigned i = 0; i < call->task_count; i++) {
			message->requests[i].wanted = TASK_WANTED_RUN;
			memcpy(message->requests[i].task_id, call->tasks[i]->id, ID_SIZE);
			message->requests[i].spec = task_spec_get(call->tasks[i]->spec);
		}
	} else if (call->asked == MANAGER_STOP) {
		memcpy(message->task_id, call->tasks[0]->id, ID_SIZE);
	} else if (call->asked == MANAGER_LIST) {
		message->filter.states = 1u << TASK_PENDING;
		message->filter.limit = 1000;
	} else if (call->asked == MANAGER_EVENTS) {
		message->watch.since = call->number;
		message->watch.wait_ms = call->serial % 2 == 0 ? 5000 : 0;
		message->watch.limit = 1000;
	} else if (call->machine >= 0) {
		(void)snprintf(message->node, sizeof(message->node), "n%d", call->machine + 1);
		message->has_deadline = true;
		message->deadline_s = call->number;
	}
	return message;
}

/* ---- answers ---- */

void
users_take(struct sim *sim, struct call *call, const struct manager_effect *reply)
{
	if (reply == NULL)
		return;
	if (call->asked == MANAGER_SUBMIT && reply->status == 201) {
		for (unsigned i = 0; i < call->task_count; i++)
			call->tasks[i]->acked = true;
	} else if (call->asked == MANAGER_SUBMIT && reply->status != 503) {
		sim_violated(sim, 1, "a submit of %.8s is answered with %d: %s",
			     call->tasks[0]->id, reply->status, reply->message);
	} else if (call->asked == MANAGER_EVENTS) {
		if (reply->status == 200 && reply->revision > sim->watched)
			sim->watched = reply->revision;
		else if (reply->status == 410)
			sim->watched = 0;
	} else if (call->asked == MANAGER_STOP && reply->status == 204) {
		call->tasks[0]->stop_acked = true;
	} else if (call->asked == MANAGER_STOP && reply->status != 503) {
		sim_violated(sim, 1, "a stop of %.8s is answered with %d: %s",
			     call->tasks[0]->id, reply->status, reply->message);
	}
}
