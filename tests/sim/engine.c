/* engine.c - the containers of each machine: how they start, end and are seen.
 *
 * They end as their task behaves, and outlive their worker. What happens is hinted at, as
 * far as the plan lets a hint through. jobs.c has what a worker does to them.
 */
#include "sim.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLUSTER       "11111111-1111-4111-8111-111111111111"
#define OTHER_CLUSTER "22222222-2222-4222-8222-222222222222"

/* ---- containers ---- */

struct container *
engine_find_attempt(struct machine *machine, const char *task_id, uint32_t attempt)
{
	struct container *container;

	for (container = machine->containers; container != NULL; container = container->next)
		if (container->attempt == attempt && strcmp(container->task_id, task_id) == 0)
			return container;
	return NULL;
}

struct container *
engine_find_handle(struct machine *machine, const char *handle)
{
	struct container *container;

	for (container = machine->containers; container != NULL; container = container->next)
		if (strcmp(container->handle, handle) == 0)
			return container;
	return NULL;
}

struct container *
engine_find(struct machine *machine, uint64_t number)
{
	struct container *container;

	for (container = machine->containers; container != NULL; container = container->next)
		if (container->number == number)
			return container;
	return NULL;
}

struct container *
engine_create(struct machine *machine, const char *task_id, uint32_t attempt,
	      const char *cluster)
{
	struct sim *sim = machine->process.sim;
	struct container *container = sim_alloc(1, sizeof(*container));
	struct container **end = &machine->containers;

	container->number = ++sim->container_number;
	(void)snprintf(container->task_id, ID_SIZE, "%s", task_id);
	(void)snprintf(container->cluster, ID_SIZE, "%s", cluster);
	(void)snprintf(container->handle, sizeof(container->handle), "c%lu",
		       (unsigned long)container->number);
	container->attempt = attempt;
	container->state = CUBE_CONTAINER_CREATED;
	container->task = truth_find(sim, task_id);
	while (*end != NULL)
		end = &(*end)->next;
	*end = container;
	return container;
}

void
engine_show(const struct container *container, struct cube_container *out)
{
	out->struct_size = sizeof(*out);
	out->state = container->state;
	out->exit_code = container->exit_code;
	out->oom_killed = container->oom_killed;
	out->attempt = container->attempt;
	out->started_ms = container->started_ms;
	out->finished_ms = container->finished_ms;
	memcpy(out->task_id, container->task_id, ID_SIZE);
	memcpy(out->cluster, container->cluster, ID_SIZE);
	memcpy(out->handle, container->handle, sizeof(out->handle));
	if (container->task != NULL && container->task->spec->port_count > 0) {
		const struct task_port *port = &container->task->spec->ports[0];

		out->port_count = 1;
		out->ports[0].container_port = port->container_port;
		out->ports[0].protocol = port->protocol;
		out->ports[0].host_port =
			port->host_port != 0 ? port->host_port
					     : (uint16_t)(32768 + container->number % 9999);
	}
}

/* One shot of the generator after another: the rarer, the longer. */
static uint64_t
some_time(struct sim *sim, uint64_t mean_us)
{
	return mean_us / 8 + below(sim, mean_us * 2);
}

static void
plan_end(struct machine *machine, struct container *container)
{
	struct sim *sim = machine->process.sim;
	enum behaviour behaviour =
		container->task != NULL ? container->task->behaviour : BEHAVE_SERVICE;
	uint64_t mean_us = behaviour == BEHAVE_JOB     ? 90 * SECOND
			   : behaviour == BEHAVE_FLAKY ? 240 * SECOND
						       : SECOND;

	container->ends_well = behaviour == BEHAVE_JOB;
	container->stubborn = behaviour == BEHAVE_STUBBORN;
	if (behaviour == BEHAVE_SERVICE || behaviour == BEHAVE_STUBBORN)
		return;
	clock_put(sim, sim->clock.now_us + some_time(sim, mean_us),
		  (struct event_item){.kind = EVENT_END,
				      .node = machine->process.node,
				      .number = container->number});
}

void
engine_start(struct machine *machine, struct container *container, const struct job *job,
	     bool ghost)
{
	struct sim *sim = machine->process.sim;

	container->state = CUBE_CONTAINER_RUNNING;
	container->ghost = ghost;
	container->started_us = sim->clock.now_us;
	container->started_ms = process_now(&machine->process).wall_ms;
	sim->counts.starts++;
	truth_starts(machine, container, job->issued_us);
	plan_end(machine, container);
}

static void
hint_once(struct machine *machine, const char *task_id, uint64_t after_us)
{
	struct sim *sim = machine->process.sim;
	char *copy = task_id != NULL ? strdup(task_id) : NULL;

	if (task_id != NULL && copy == NULL)
		abort();
	clock_put(sim, sim->clock.now_us + after_us,
		  (struct event_item){.kind = EVENT_HINT,
				      .node = machine->process.node,
				      .incarnation = machine->process.incarnation,
				      .item = copy});
}

void
engine_hint(struct machine *machine, const char *task_id)
{
	struct sim *sim = machine->process.sim;

	if (!sim->plan.has_events || !machine->process.up)
		return;
	if (mishap(sim, sim->plan.hint_lost)) {
		/* It says so, sooner or later. */
		hint_once(machine, NULL, below(sim, 10 * SECOND));
		return;
	}
	hint_once(machine, task_id, below(sim, 50 * MS));
	if (mishap(sim, sim->plan.hint_twice))
		hint_once(machine, task_id, below(sim, 3 * SECOND));
}

void
engine_exit(struct machine *machine, struct container *container, int code, bool oom)
{
	struct sim *sim = machine->process.sim;

	if (container->state != CUBE_CONTAINER_RUNNING)
		return;
	container->state = CUBE_CONTAINER_EXITED;
	container->exit_code = code;
	container->oom_killed = oom;
	container->finished_ms = process_now(&machine->process).wall_ms;
	trace_line(sim, "exit n%d %.8s/%u code %d", machine->process.node + 1,
		   container->task_id, container->attempt, code);
	engine_hint(machine, container->task_id);
}

void
engine_remove(struct machine *machine, struct container *container)
{
	struct container **at = &machine->containers;

	while (*at != container)
		at = &(*at)->next;
	*at = container->next;
	free(container);
}

struct container *
engine_plant(struct machine *machine, bool foreign)
{
	struct sim *sim = machine->process.sim;
	struct container *container;
	char id[ID_SIZE];

	(void)snprintf(id, sizeof(id), "%08x-ffff-4fff-8fff-000000000000",
		       (unsigned)below(sim, UINT32_MAX));
	container = engine_create(machine, id, 1 + (uint32_t)below(sim, 3),
				  foreign ? OTHER_CLUSTER : CLUSTER);
	container->foreign = foreign;
	container->planted = !foreign;
	container->state = CUBE_CONTAINER_RUNNING;
	container->started_us = sim->clock.now_us;
	container->started_ms = process_now(&machine->process).wall_ms;
	return container;
}

void
engine_end(struct sim *sim, const struct event_item *event)
{
	struct machine *machine = &sim->machines[event->node];
	struct container *container = engine_find(machine, event->number);

	if (container == NULL || container->state != CUBE_CONTAINER_RUNNING)
		return;
	if (container->ends_well) {
		if (container->task->exited_well == 0 && machine->process.up) {
			container->task->exited_well = container->attempt;
			container->task->exited_us = sim->clock.now_us;
		}
		engine_exit(machine, container, 0, false);
	} else if (!sim->calm) {
		engine_exit(machine, container, 1 + (int)below(sim, 139), chance(sim, 1500));
	}
}

void
engine_trouble(struct machine *machine, uint64_t until_us)
{
	if (until_us > machine->engine_trouble_us)
		machine->engine_trouble_us = until_us;
}

/* ---- checks of health ---- */

void
engine_check(struct machine *machine, struct worker_effect *effect)
{
	struct sim *sim = machine->process.sim;
	struct container *container =
		engine_find_attempt(machine, effect->task_id, effect->attempt);
	struct worker_message *message = worker_message_new(WORKER_CHECKED);

	if (message == NULL)
		abort();
	message->check = effect->check;
	message->attempt = effect->attempt;
	memcpy(message->task_id, effect->task_id, ID_SIZE);
	message->status = 200;
	if (container == NULL || container->state != CUBE_CONTAINER_RUNNING ||
	    mishap(sim, sim->plan.behave_ill / 4))
		(void)cube_fail(&message->error, CUBE_ERR_UNAVAILABLE, 0, "connection refused");
	worker_effect_free(&effect->item);
	clock_put(sim, sim->clock.now_us + MS + below(sim, 50 * MS),
		  (struct event_item){.kind = EVENT_CHECKED,
				      .node = machine->process.node,
				      .incarnation = machine->process.incarnation,
				      .item = message});
}

void
engine_release(struct machine *machine)
{
	while (machine->containers != NULL)
		engine_remove(machine, machine->containers);
}
