/* engine.c - the container engine of each machine, and the containers in it.
 *
 * A job of a worker is carried out at one moment and answered at a later one, so what list and
 * inspect say is old when it arrives. Jobs fail, time out with and without having had their
 * effect, or are slow; containers end as their task behaves. A worker that dies leaves its
 * containers alone, and what it had already asked for may still be done: a container that
 * starts so is a ghost, which no worker can be blamed for until it has looked.
 */
#include "sim.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLUSTER       "11111111-1111-4111-8111-111111111111"
#define OTHER_CLUSTER "22222222-2222-4222-8222-222222222222"

/* ---- containers ---- */

static struct container *
find(struct machine *machine, const char *task_id, uint32_t attempt)
{
	struct container *container;

	for (container = machine->containers; container != NULL; container = container->next)
		if (container->attempt == attempt && strcmp(container->task_id, task_id) == 0)
			return container;
	return NULL;
}

static struct container *
find_handle(struct machine *machine, const char *handle)
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

static struct container *
container_new(struct machine *machine, const char *task_id, uint32_t attempt,
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

static void
show(const struct container *container, struct cube_container *out)
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

static void
start(struct machine *machine, struct container *container, const struct job *job, bool ghost)
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
	container = container_new(machine, id, 1 + (uint32_t)below(sim, 3),
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

/* ---- jobs ---- */

void
engine_trouble(struct machine *machine, uint64_t until_us)
{
	if (until_us > machine->engine_trouble_us)
		machine->engine_trouble_us = until_us;
}

void
job_put(struct job *job)
{
	if (--job->references > 0)
		return;
	*job->place = job->next;
	if (job->next != NULL)
		job->next->place = job->place;
	if (job->done != NULL)
		worker_message_free(job->done);
	worker_effect_free(&job->effect->item);
	free(job);
}

static const char *
job_name(enum worker_job job)
{
	static const char *const names[] = {"?",      "prepare", "run",  "signal",
					    "remove", "inspect", "list", "probe"};

	return names[job];
}

void
engine_take(struct machine *machine, struct worker_effect *effect)
{
	struct sim *sim = machine->process.sim;
	struct job *job = sim_alloc(1, sizeof(*job));
	uint64_t after_us = MS + below(sim, sim->calm ? 20 * MS : sim->plan.job_us);

	job->effect = effect;
	job->incarnation = machine->process.incarnation;
	job->issued_us = sim->clock.now_us;
	job->node = machine->process.node;
	job->next = machine->jobs;
	job->place = &machine->jobs;
	if (machine->jobs != NULL)
		machine->jobs->place = &job->next;
	machine->jobs = job;
	job->references = 1;
	if (mishap(sim, sim->plan.job_slow)) {
		after_us += below(sim, 20 * SECOND);
		engine_trouble(machine, sim->clock.now_us + after_us);
	}
	if (effect->job == WORKER_JOB_PREPARE && chance(sim, 1000))
		after_us += below(sim, 20 * SECOND);
	if (after_us > effect->timeout_ms * MS)
		after_us = effect->timeout_ms * MS;
	clock_put(sim, sim->clock.now_us + after_us,
		  (struct event_item){.kind = EVENT_JOB, .node = job->node, .item = job});
}

void
engine_cancel(struct machine *machine, struct worker_effect *effect)
{
	struct job *job;

	for (job = machine->jobs; job != NULL; job = job->next)
		if (job->effect->job_number == effect->job_number &&
		    job->effect->job == WORKER_JOB_PREPARE &&
		    job->incarnation == machine->process.incarnation)
			job->cancelled = true;
	worker_effect_free(&effect->item);
}

void
engine_died(struct machine *machine)
{
	struct sim *sim = machine->process.sim;
	struct job *job;

	for (job = machine->jobs; job != NULL; job = job->next)
		job->cancelled = job->cancelled || chance(sim, 5000);
}

static void
fail(struct job *job, int code, const char *text)
{
	(void)cube_fail(&job->done->error, code, 0, "%s", text);
}

static bool
port_is_taken(struct machine *machine, const struct task_spec *spec, const char *task_id,
	      uint32_t attempt)
{
	struct container *other;

	for (other = machine->containers; other != NULL; other = other->next) {
		if (other->state != CUBE_CONTAINER_RUNNING || other->task == NULL ||
		    (other->attempt == attempt && strcmp(other->task_id, task_id) == 0))
			continue;
		for (uint32_t i = 0; i < spec->port_count; i++)
			for (uint32_t j = 0; j < other->task->spec->port_count; j++)
				if (spec->ports[i].host_port != 0 &&
				    spec->ports[i].host_port ==
					    other->task->spec->ports[j].host_port)
					return true;
	}
	return false;
}

static void
give_container(struct job *job, const struct container *container)
{
	job->done->container = sim_alloc(1, sizeof(*job->done->container));
	show(container, job->done->container);
}

static void
do_run(struct machine *machine, struct job *job)
{
	const struct worker_effect *effect = job->effect;
	struct sim *sim = machine->process.sim;
	struct container *container = find(machine, effect->task_id, effect->attempt);
	bool ghost = !machine->process.up || machine->process.incarnation != job->incarnation;

	if (container == NULL && mishap(sim, sim->plan.job_fails)) {
		switch (below(sim, 3)) {
		case 0:
			fail(job, CUBE_ERR_CONFLICT, "port is already allocated");
			return;
		case 1:
			fail(job, CUBE_ERR_INVALID, "exec: no such file");
			return;
		default:
			fail(job, CUBE_ERR_UNAVAILABLE, "connection reset");
			return;
		}
	}
	if (port_is_taken(machine, effect->spec, effect->task_id, effect->attempt)) {
		fail(job, CUBE_ERR_CONFLICT, "port is already allocated");
		return;
	}
	if (mishap(sim, sim->plan.job_timeout)) {
		uint64_t how = below(sim, 3);

		fail(job, CUBE_ERR_TIMEOUT, "no answer of the engine");
		engine_trouble(machine, sim->clock.now_us);
		if (how == 0)
			return;
		if (container == NULL)
			container = container_new(machine, effect->task_id, effect->attempt,
						  effect->cluster);
		if (how == 2 && container->state == CUBE_CONTAINER_CREATED)
			start(machine, container, job, ghost);
		return;
	}
	if (container == NULL)
		container = container_new(machine, effect->task_id, effect->attempt,
					  effect->cluster);
	if (container->state == CUBE_CONTAINER_CREATED)
		start(machine, container, job, ghost);
	give_container(job, container);
}

static void
do_signal(struct machine *machine, struct job *job)
{
	const struct worker_effect *effect = job->effect;
	struct container *container = find_handle(machine, effect->handle);

	if (container == NULL) {
		fail(job, CUBE_ERR_NOT_FOUND, "no such container");
		return;
	}
	if (container->foreign)
		sim_violated(machine->process.sim, 7,
			     "n%d signals a container of another cluster",
			     machine->process.node + 1);
	if (effect->signo == SIGKILL || !container->stubborn)
		engine_exit(machine, container,
			    container->stubborn || effect->signo == SIGKILL
				    ? 137
				    : (container->number % 2 == 0 ? 143 : 0),
			    false);
}

static void
do_remove(struct machine *machine, struct job *job)
{
	struct container *container = find_handle(machine, job->effect->handle);

	if (container == NULL)
		return;
	if (container->foreign)
		sim_violated(machine->process.sim, 7,
			     "n%d removes a container of another cluster",
			     machine->process.node + 1);
	if (container->state == CUBE_CONTAINER_RUNNING) {
		fail(job, CUBE_ERR_CONFLICT, "it runs");
		return;
	}
	engine_remove(machine, container);
}

static void
do_list(struct machine *machine, struct job *job)
{
	struct container *container;
	size_t count = 0;

	for (container = machine->containers; container != NULL; container = container->next)
		count++;
	job->done->containers = sim_alloc(count + 1, sizeof(*job->done->containers));
	for (container = machine->containers; container != NULL; container = container->next)
		show(container, &job->done->containers[job->done->container_count++]);
}

static void
do_prepare(struct machine *machine, struct job *job)
{
	struct sim *sim = machine->process.sim;

	if (job->cancelled) {
		fail(job, CUBE_ERR_UNAVAILABLE, "cancelled");
	} else if (mishap(sim, sim->plan.job_fails)) {
		static const int codes[] = {CUBE_ERR_UNAVAILABLE, CUBE_ERR_TIMEOUT,
					    CUBE_ERR_NOT_FOUND, CUBE_ERR_INVALID};

		fail(job, codes[below(sim, 4)], "the registry says no");
	}
}

static void
perform(struct machine *machine, struct job *job)
{
	struct sim *sim = machine->process.sim;
	struct container *container;

	switch (job->effect->job) {
	case WORKER_JOB_PREPARE:
		do_prepare(machine, job);
		break;
	case WORKER_JOB_RUN:
		do_run(machine, job);
		break;
	case WORKER_JOB_SIGNAL:
		do_signal(machine, job);
		break;
	case WORKER_JOB_REMOVE:
		do_remove(machine, job);
		break;
	case WORKER_JOB_INSPECT:
		container = find_handle(machine, job->effect->handle);
		if (container != NULL)
			give_container(job, container);
		else
			fail(job, CUBE_ERR_NOT_FOUND, "no such container");
		break;
	case WORKER_JOB_LIST:
		do_list(machine, job);
		break;
	case WORKER_JOB_PROBE:
		job->done->enforces = CUBE_ENFORCES_MEMORY;
		break;
	}
	/* Done, or nearly, and not said. */
	if (job->effect->job != WORKER_JOB_RUN && job->effect->job != WORKER_JOB_PREPARE &&
	    mishap(sim, sim->plan.job_timeout)) {
		free(job->done->container);
		job->done->container = NULL;
		fail(job, CUBE_ERR_TIMEOUT, "no answer of the engine");
		engine_trouble(machine, sim->clock.now_us);
	}
}

void
engine_job(struct sim *sim, const struct event_item *event)
{
	struct machine *machine = &sim->machines[event->node];
	struct job *job = event->item;
	const struct worker_effect *effect = job->effect;
	bool orphaned =
		!machine->process.up || machine->process.incarnation != job->incarnation;

	if (orphaned && (job->cancelled || effect->job == WORKER_JOB_PREPARE)) {
		job_put(job);
		return;
	}
	job->done = worker_message_new(WORKER_JOB_DONE);
	if (job->done == NULL)
		abort();
	job->done->job = effect->job;
	job->done->job_number = effect->job_number;
	job->done->attempt = effect->attempt;
	memcpy(job->done->task_id, effect->task_id, ID_SIZE);
	trace_line(sim, "job n%d %s %.8s/%u%s%s", event->node + 1, job_name(effect->job),
		   effect->task_id, effect->attempt, machine->engine_down ? " down" : "",
		   orphaned ? " of the dead" : "");
	if (machine->engine_down)
		fail(job, CUBE_ERR_UNAVAILABLE, "the engine is down");
	else if (effect->job != WORKER_JOB_RUN && effect->job != WORKER_JOB_PREPARE &&
		 mishap(sim, sim->plan.job_fails / 4))
		fail(job, chance(sim, 5000) ? CUBE_ERR_UNAVAILABLE : CUBE_ERR_TIMEOUT,
		     "the engine is overloaded");
	else
		perform(machine, job);
	if (job->done->error.code == CUBE_ERR_UNAVAILABLE ||
	    job->done->error.code == CUBE_ERR_TIMEOUT)
		engine_trouble(machine, sim->clock.now_us);
	clock_put(sim,
		  sim->clock.now_us + MS + below(sim, sim->calm ? 5 * MS : sim->plan.job_us),
		  (struct event_item){.kind = EVENT_JOB_DONE, .node = job->node, .item = job});
}

void
engine_job_done(struct sim *sim, const struct event_item *event)
{
	struct machine *machine = &sim->machines[event->node];
	struct job *job = event->item;

	if (machine->process.up && machine->process.incarnation == job->incarnation) {
		struct worker_message *done = job->done;

		trace_line(sim, "done n%d %s %.8s/%u %d", event->node + 1,
			   job_name(job->effect->job), job->effect->task_id,
			   job->effect->attempt, done->error.code);
		job->done = NULL;
		process_deliver(&machine->process, &done->message);
	}
	job_put(job);
}

/* ---- checks of health ---- */

void
engine_check(struct machine *machine, struct worker_effect *effect)
{
	struct sim *sim = machine->process.sim;
	struct container *container = find(machine, effect->task_id, effect->attempt);
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
