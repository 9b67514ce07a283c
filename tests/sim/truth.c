/* truth.c - what leaves the brains and what the engines do, held against the invariants.
 *
 * An answer must stand in the store when it leaves. An attempt starts once, alone, and not
 * after a stop that its worker has taken. What must end is given its time, longer if its
 * worker or its engine was not there meanwhile, and then must have ended.
 */
#include "sim.h"

#include "manager/events.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LATE_CALL_US  (10 * SECOND) /* no call of an engine that works takes as long */
#define STOP_SLACK_US (30 * SECOND)

/* ---- what leaves the manager ---- */

static void
check_submitted(struct sim *sim, const struct call *call)
{
	for (unsigned i = 0; i < call->task_count; i++) {
		const struct truth_task *task = call->tasks[i];

		if (!task->recorded && !task->buried)
			sim_violated(sim, 1,
				     "the submit of task %.8s is answered and not stored",
				     task->id);
	}
}

static void
check_stopped(struct sim *sim, const struct truth_task *task)
{
	if (task->buried || task->final || task->stop_wanted)
		return;
	sim_violated(sim, 1, "the stop of task %.8s is answered and not stored", task->id);
}

/* Of "n7" 6; SIM_NODES_MAX: it has not said its name yet. */
static unsigned
node_index(const char *name)
{
	unsigned long number = name[0] == 'n' ? strtoul(name + 1, NULL, 10) : 0;

	return number > 0 && number <= SIM_NODES_MAX ? (unsigned)number - 1 : SIM_NODES_MAX;
}

static void
note_nodes(struct sim *sim, const struct manager_effect *effect, const struct call *call)
{
	sim->nodes_call = call->serial;
	sim->nodes_total = (uint32_t)effect->node_count;
	for (size_t i = 0; i < effect->node_count; i++) {
		unsigned index = node_index(effect->nodes[i].info.name);

		if (index < SIM_NODES_MAX)
			sim->nodes_status[index] = effect->nodes[i].status;
	}
}

static bool
is_status(const char *word)
{
	for (int status = NODE_JOINING; status <= NODE_LOST; status++) {
		if (strcmp(word, node_status_name((enum node_status)status)) == 0)
			return true;
	}
	return false;
}

/* A node that takes no tasks stands under its status, and one that does under no status. */
static void
check_reason(struct sim *sim, const struct why *why, const struct why_reason *reason)
{
	for (uint32_t i = 0; i < reason->named; i++) {
		unsigned index = node_index(reason->nodes[i]);
		enum node_status status;

		if (index == SIM_NODES_MAX)
			continue;
		status = sim->nodes_status[index];
		if (status == NODE_READY ? is_status(reason->word)
					 : strcmp(reason->word, node_status_name(status)) != 0)
			sim_violated(sim, 8, "task %.8s: n%u is %s, and stands under %s",
				     why->task_id, index + 1, node_status_name(status),
				     reason->word);
	}
}

/* Every node is counted once. */
static void
check_why(struct sim *sim, const struct why *why)
{
	uint32_t sum = why->fits;

	for (size_t i = 0; i < why->reason_count; i++) {
		sum += why->reasons[i].count;
		if (why->reasons[i].count == 0)
			sim_violated(sim, 8, "task %.8s: a reason counts no node: %s",
				     why->task_id, why->reasons[i].word);
		check_reason(sim, why, &why->reasons[i]);
	}
	if (why->state == TASK_PENDING && why->nodes != sim->nodes_total)
		sim_violated(sim, 8,
			     "there are %u nodes, and task %.8s was held against %u: %s",
			     sim->nodes_total, why->task_id, why->nodes, why->summary);
	if (sum != why->nodes)
		sim_violated(sim, 8, "task %.8s: %u nodes, and the reasons count %u: %s",
			     why->task_id, why->nodes, sum, why->summary);
	if (why->state == TASK_PENDING && why->nodes > 0 && why->fits == 0 &&
	    why->unblock == NULL)
		sim_violated(sim, 8, "task %.8s: nothing is said of what would help",
			     why->task_id);
}

/* Without gaps, and nothing before it is durable. */
static void
check_events(struct sim *sim, const struct manager_effect *effect, const struct call *call)
{
	uint64_t last = call->number;

	if (effect->status == 410 && !sim->plan.few_kept)
		sim_violated(sim, 1, "event %" PRIu64 " was shown and is gone: %s",
			     call->number, effect->message);
	for (size_t i = 0; i < effect->event_count; i++) {
		uint64_t revision = effect->events[i]->revision;

		if (revision > sim->last_event)
			sim_violated(sim, 1,
				     "event %" PRIu64 " is shown, and the store has them up to "
				     "%" PRIu64,
				     revision, sim->last_event);
		if (last != 0 && revision != last + 1)
			sim_violated(sim, 1, "event %" PRIu64 " is shown behind %" PRIu64,
				     revision, last);
		last = revision;
	}
}

static void
check_reply(struct sim *sim, const struct manager_effect *effect, const struct call *call)
{
	if (call->kind != CALL_USER)
		return;
	if (call->asked == MANAGER_SUBMIT && effect->status == 201)
		check_submitted(sim, call);
	else if (call->asked == MANAGER_STOP && effect->status == 204)
		check_stopped(sim, call->tasks[0]);
	else if (call->asked == MANAGER_EVENTS)
		check_events(sim, effect, call);
	else if (call->asked == MANAGER_LIST && effect->nodes != NULL)
		note_nodes(sim, effect, call);
	else if (call->asked == MANAGER_LIST && effect->why_count > 0 &&
		 sim->nodes_call == call->serial)
		check_why(sim, &effect->whys[0]);
}

static void
check_orders(struct sim *sim, const struct orders *orders)
{
	char *generation = process_stored(&sim->manager, "meta/generation");

	if (generation == NULL || strtoull(generation, NULL, 10) < orders->generation)
		sim_violated(sim, 1, "orders of generation %" PRIu64 ", which is not stored",
			     orders->generation);
	free(generation);
	for (size_t i = 0; i < orders->count; i++) {
		const struct order *order = &orders->items[i];
		const struct truth_task *task = truth_find(sim, order->task_id);

		if (task == NULL || (task->attempt < order->attempt && !task->buried))
			sim_violated(sim, 1,
				     "attempt %u of task %.8s is ordered and not stored",
				     order->attempt, order->task_id);
	}
}

void
truth_manager_effect(struct sim *sim, const struct manager_effect *effect,
		     const struct call *call)
{
	if (effect->kind == MANAGER_EFFECT_REPLY)
		check_reply(sim, effect, call);
	else if (effect->kind == MANAGER_EFFECT_ORDERS)
		check_orders(sim, &effect->orders);
}

void
truth_told(struct machine *machine, bool runtime_ready)
{
	if (runtime_ready)
		machine->unready_us = 0;
	else if (machine->unready_us == 0)
		machine->unready_us = machine->process.sim->clock.now_us;
}

void
truth_heard(struct machine *machine, const struct manager_message *answer)
{
	struct sim *sim = machine->process.sim;
	uint64_t now_us = sim->clock.now_us;
	uint64_t timeout_us = sim->plan.node_timeout_ms * MS;

	if (answer->status != 200)
		return;
	if (answer->message.kind == MANAGER_HELLO_DONE)
		truth_told(machine, answer->info.runtime_ready);
	if (now_us - machine->answered_us > timeout_us - timeout_us / 30)
		machine->gap_us = now_us;
	machine->answered_us = now_us;
	machine->heard_us = now_us;
}

/* ---- what must end ---- */

static void
must_end(struct machine *machine, const struct container *container, int invariant,
	 const char *why)
{
	struct sim *sim = machine->process.sim;
	struct due *due;

	if (container->state != CUBE_CONTAINER_RUNNING || container->ghost)
		return;
	due = sim_alloc(1, sizeof(*due));
	due->container = container->number;
	due->since_us = sim->clock.now_us;
	due->grace_us = STOP_SLACK_US;
	if (container->task != NULL)
		due->grace_us += container->task->spec->stop_timeout_s * SECOND * 11 / 10;
	due->invariant = invariant;
	due->why = why;
	clock_put(sim, sim->clock.now_us + due->grace_us,
		  (struct event_item){
			  .kind = EVENT_DUE, .node = machine->process.node, .item = due});
}

static bool
had_trouble(const struct machine *machine, uint64_t since_us)
{
	const struct process *process = &machine->process;

	return !process->up || machine->burnt || machine->engine_down ||
	       process->fault[0] != '\0' || process->paused_us >= since_us ||
	       process->dead_us >= since_us || process->faulty_us >= since_us ||
	       machine->engine_trouble_us >= since_us;
}

void
truth_due(struct sim *sim, const struct event_item *event)
{
	struct machine *machine = &sim->machines[event->node];
	struct due *due = event->item;
	const struct container *container = engine_find(machine, due->container);

	if (container == NULL || container->state != CUBE_CONTAINER_RUNNING) {
		free(due);
		return;
	}
	if (!had_trouble(machine, due->since_us))
		sim_violated(sim, due->invariant, "attempt %u of task %.8s on n%d %s %lu s ago",
			     container->attempt, container->task_id, event->node + 1, due->why,
			     (unsigned long)((sim->clock.now_us - due->since_us) / SECOND));
	due->since_us = sim->clock.now_us;
	clock_put(sim, sim->clock.now_us + due->grace_us, *event);
}

/* ---- what a worker has taken ---- */

static struct bar *
find_bar(struct machine *machine, const char *task_id)
{
	struct bar *bar;

	for (bar = machine->bars; bar != NULL; bar = bar->next)
		if (strcmp(bar->task_id, task_id) == 0)
			return bar;
	return NULL;
}

static void
raise_bar(struct machine *machine, const char *task_id, uint32_t attempt)
{
	struct bar *bar = find_bar(machine, task_id);

	if (attempt == 0)
		return;
	if (bar == NULL) {
		bar = sim_alloc(1, sizeof(*bar));
		memcpy(bar->task_id, task_id, ID_SIZE);
		bar->next = machine->bars;
		machine->bars = bar;
	}
	if (attempt <= bar->attempt)
		return;
	bar->attempt = attempt;
	bar->since_us = machine->process.sim->clock.now_us;
}

static void
check_journalled(struct machine *machine, const struct orders *orders)
{
	char *text = process_stored(&machine->process, "meta/desired");
	uint64_t generation = 0;
	uint64_t sequence = 0;

	if (text == NULL || sscanf(text, "%" SCNu64 "-%" SCNu64, &generation, &sequence) != 2 ||
	    generation < orders->generation ||
	    (generation == orders->generation && sequence < orders->sequence))
		sim_violated(machine->process.sim, 1,
			     "n%d has confirmed orders %" PRIu64 "-%" PRIu64
			     " and its journal has %s",
			     machine->process.node + 1, orders->generation, orders->sequence,
			     text != NULL ? text : "nothing");
	free(text);
}

static const struct order *
find_order(const struct orders *orders, const char *task_id)
{
	for (size_t i = 0; i < orders->count; i++)
		if (strcmp(orders->items[i].task_id, task_id) == 0)
			return &orders->items[i];
	return NULL;
}

void
truth_orders_answered(struct machine *machine, const struct orders *orders)
{
	const struct container *container;

	check_journalled(machine, orders);
	for (size_t i = 0; i < orders->count; i++) {
		const struct order *order = &orders->items[i];

		raise_bar(machine, order->task_id,
			  order->wanted == TASK_WANTED_STOP ? order->attempt
							    : order->attempt - 1);
	}
	for (container = machine->containers; container != NULL; container = container->next) {
		const struct order *order = find_order(orders, container->task_id);

		if (container->foreign || container->planted)
			continue;
		if (order == NULL && orders->full)
			must_end(machine, container, 7, "was in no full set taken");
		else if (order != NULL && order->attempt > container->attempt)
			must_end(machine, container, 2, "was superseded");
		else if (order != NULL && order->attempt == container->attempt &&
			 order->wanted == TASK_WANTED_STOP)
			must_end(machine, container, 6, "was told to stop");
	}
}

void
truth_job(struct machine *machine, const struct worker_effect *effect)
{
	char key[80];
	char *text;

	if (effect->job != WORKER_JOB_RUN)
		return;
	(void)snprintf(key, sizeof(key), "attempt/%s/%08x", effect->task_id, effect->attempt);
	text = process_stored(&machine->process, key);
	if (text == NULL)
		sim_violated(machine->process.sim, 1,
			     "n%d runs attempt %u of task %.8s, which is not in its journal",
			     machine->process.node + 1, effect->attempt, effect->task_id);
	free(text);
}

/* ---- starts ---- */

/* Its worker could not end it in time, or cannot be blamed. */
static bool
may_linger(const struct machine *machine, const struct container *container)
{
	const struct sim *sim = machine->process.sim;
	const struct task_spec *spec = container->task->spec;
	uint64_t time_us = spec->stop_after_disconnect_s * SECOND +
			   spec->stop_timeout_s * SECOND + 60 * SECOND;

	return container->ghost ||
	       had_trouble(machine,
			   sim->clock.now_us > time_us ? sim->clock.now_us - time_us : 0);
}

/* late: it was begun long ago, and the engine that hung comes to it only now. */
static void
check_beside(struct machine *machine, const struct container *container, bool late,
	     struct machine *other_machine, const struct container *other)
{
	struct sim *sim = machine->process.sim;
	const struct task_spec *spec = container->task->spec;
	uint64_t timeout_us = sim->plan.node_timeout_ms * MS;
	const char *what = "";

	if (other->attempt == container->attempt)
		what = "the same attempt";
	else if (machine == other_machine && !other->ghost)
		what = "another attempt on the same worker";
	else if (machine != other_machine && spec->stop_after_disconnect_s > 0 && !late &&
		 !may_linger(other_machine, other))
		what = "another attempt, in spite of StopAfterDisconnect";
	else if (machine != other_machine && !other->ghost &&
		 other->attempt < container->attempt &&
		 container->attempt - other->attempt < PLACED_KEPT &&
		 other_machine->gap_us <
			 container->task->placed_us[other->attempt % PLACED_KEPT] &&
		 sim->clock.now_us - other_machine->answered_us < timeout_us - timeout_us / 30)
		what = "an attempt on a node that was never silent";
	if (what[0] != '\0')
		sim_violated(sim, 2,
			     "attempt %u of task %.8s starts on n%d while %s lives: %u on n%d",
			     container->attempt, container->task_id, machine->process.node + 1,
			     what, other->attempt, other_machine->process.node + 1);
}

void
truth_starts(struct machine *machine, struct container *container, uint64_t issued_us)
{
	struct sim *sim = machine->process.sim;
	const struct bar *bar = find_bar(machine, container->task_id);

	trace_line(sim, "start n%d %.8s/%u%s", machine->process.node + 1, container->task_id,
		   container->attempt, container->ghost ? " ghost" : "");
	if (container->task == NULL)
		sim_violated(sim, 1, "a container of task %s, which nobody has submitted",
			     container->task_id);
	if (!container->ghost && bar != NULL && bar->attempt >= container->attempt) {
		/* What was under way then has to be ended. */
		if (issued_us <= bar->since_us)
			must_end(machine, container, 6, "was told to stop before it ran");
		else
			sim_violated(sim, 6,
				     "attempt %u of task %.8s starts on n%d, which has taken "
				     "an order "
				     "against it",
				     container->attempt, container->task_id,
				     machine->process.node + 1);
	}
	if (container->ghost)
		return;
	for (unsigned i = 0; i < sim->node_count; i++) {
		struct machine *other_machine = &sim->machines[i];
		const struct container *other;

		for (other = other_machine->containers; other != NULL; other = other->next)
			if (other != container && other->state == CUBE_CONTAINER_RUNNING &&
			    other->task == container->task)
				check_beside(machine, container,
					     sim->clock.now_us - issued_us > LATE_CALL_US,
					     other_machine, other);
	}
}
