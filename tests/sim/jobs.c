/* jobs.c - what the workers ask of their engines.
 *
 * A job is carried out at one moment and answered at a later one, so what list and inspect
 * say is old when it arrives. Jobs fail, time out with and without having had their effect,
 * are slow, or hang beyond their deadline, which the worker is then told as its executor
 * would. What a worker had asked for when it died may still be done: a container that starts
 * so is a ghost, which no worker can be blamed for until it has looked.
 */
#include "sim.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OVERDUE_US (5 * SECOND) /* beyond its deadline */

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

/* It will not be back in time: the worker hears of that, and again when it is back. */
static void
hang(struct machine *machine, struct job *job, uint64_t for_us)
{
	struct sim *sim = machine->process.sim;

	job->hangs = true;
	job->references++;
	engine_trouble(machine, sim->clock.now_us + for_us);
	clock_put(sim, sim->clock.now_us + job->effect->timeout_ms * MS + OVERDUE_US,
		  (struct event_item){.kind = EVENT_OVERDUE, .node = job->node, .item = job});
}

static void
tell_overdue(struct machine *machine, const struct job *job, const char *reason)
{
	struct worker_message *message = worker_message_new(WORKER_OVERDUE);

	if (message == NULL)
		abort();
	message->job = job->effect->job;
	message->job_number = job->effect->job_number;
	message->attempt = job->effect->attempt;
	memcpy(message->task_id, job->effect->task_id, ID_SIZE);
	message->hangs = reason[0] != '\0';
	(void)snprintf(message->reason, sizeof(message->reason), "%s", reason);
	trace_line(machine->process.sim, "overdue n%d %s %.8s/%u %s", job->node + 1,
		   job_name(job->effect->job), job->effect->task_id, job->effect->attempt,
		   reason);
	process_deliver(&machine->process, &message->message);
}

void
engine_overdue(struct sim *sim, const struct event_item *event)
{
	struct machine *machine = &sim->machines[event->node];
	struct job *job = event->item;

	if (!job->carried_out && machine->process.up &&
	    machine->process.incarnation == job->incarnation)
		tell_overdue(machine, job, "a call of the runtime hangs");
	job_put(job);
}

void
engine_let_go(struct machine *machine)
{
	struct sim *sim = machine->process.sim;
	struct job *job;

	for (job = machine->jobs; job != NULL; job = job->next) {
		if (!job->hangs || job->carried_out)
			continue;
		job->references++;
		clock_put(
			sim, sim->clock.now_us,
			(struct event_item){.kind = EVENT_JOB, .node = job->node, .item = job});
	}
}

/* Does any other call hang? */
static bool
others_hang(const struct machine *machine, const struct job *job)
{
	const struct job *other;

	for (other = machine->jobs; other != NULL; other = other->next)
		if (other != job && other->hangs &&
		    other->incarnation == machine->process.incarnation)
			return true;
	return false;
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
	if (mishap(sim, sim->plan.job_hangs)) {
		after_us = effect->timeout_ms * MS + OVERDUE_US + below(sim, 120 * SECOND);
		hang(machine, job, after_us);
	}
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
	engine_show(container, job->done->container);
}

static void
do_run(struct machine *machine, struct job *job)
{
	const struct worker_effect *effect = job->effect;
	struct sim *sim = machine->process.sim;
	struct container *container =
		engine_find_attempt(machine, effect->task_id, effect->attempt);
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
			container = engine_create(machine, effect->task_id, effect->attempt,
						  effect->cluster);
		if (how == 2 && container->state == CUBE_CONTAINER_CREATED)
			engine_start(machine, container, job, ghost);
		return;
	}
	if (container == NULL)
		container = engine_create(machine, effect->task_id, effect->attempt,
					  effect->cluster);
	if (container->state == CUBE_CONTAINER_CREATED)
		engine_start(machine, container, job, ghost);
	give_container(job, container);
}

static void
do_signal(struct machine *machine, struct job *job)
{
	const struct worker_effect *effect = job->effect;
	struct container *container = engine_find_handle(machine, effect->handle);

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
	struct container *container = engine_find_handle(machine, job->effect->handle);

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
		engine_show(container, &job->done->containers[job->done->container_count++]);
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
		container = engine_find_handle(machine, job->effect->handle);
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

	if (job->carried_out) { /* when all that hung was let go */
		job_put(job);
		return;
	}
	job->carried_out = true;
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
	if (job->hangs && machine->process.up &&
	    machine->process.incarnation == job->incarnation)
		tell_overdue(machine, job,
			     others_hang(machine, job) ? "another call of the runtime hangs"
						       : "");
	job_put(job);
}
