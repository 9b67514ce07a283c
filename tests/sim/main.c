/* main.c - runs seeds, each in a process of its own, on all cores.
 *
 *   sim [-s SEED] [-n SEEDS] [-w WORKERS] [-t HOURS] [-S SCHEDULER] [-u] [-j JOBS] [-f
 * FAILURES]
 * [-v]
 *
 * -u: the scheduler is unwilling, so nobody can expect that a task is placed that would fit.
 * Prints each seed that fails, with what did not hold, the truth about it and the last steps
 * (-v: all of them), and at the end how many passed. With one seed, the hash of its trace.
 */
#include "sim.h"

#include "plugin/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HEAL_FOR_US (240 * SECOND)
#define BEGIN_US    (2000 * SECOND)
#define JOBS_MAX    64

/* ---- one seed ---- */

/* The runtime's hint, as the worker's shell hands it on. */
static void
deliver_hint(struct process *process, const char *task_id)
{
	struct worker_message *message =
		worker_message_new(task_id != NULL ? WORKER_CHANGED : WORKER_RESYNC);

	if (message == NULL)
		abort();
	if (task_id != NULL)
		(void)snprintf(message->task_id, ID_SIZE, "%s", task_id);
	trace_line(process->sim, "hint %s %.8s", process->name, message->task_id);
	process_deliver(process, &message->message);
}

static void
heal_engine(struct machine *machine)
{
	struct sim *sim = machine->process.sim;

	machine->engine_down = false;
	engine_trouble(machine, sim->clock.now_us);
	trace_line(sim, "engine up %s", machine->process.name);
	engine_hint(machine, NULL);
}

/* What concerns one start of a process, and comes to nothing if that is over. */
static void
dispatch_own(struct process *process, struct event_item *event)
{
	struct sim *sim = process->sim;
	bool alive = process->up && process->incarnation == event->incarnation;

	switch (event->kind) {
	case EVENT_WAKE:
		if (!alive || process->wake_event_us != event->number)
			break;
		trace_line(sim, "wake %s", process->name);
		process_wake(process);
		break;
	case EVENT_BOOT:
		if (process->up || process->incarnation != event->incarnation ||
		    (event->node >= 0 && sim->machines[event->node].burnt))
			break;
		trace_line(sim, "boot %s", process->name);
		process_boot(process);
		break;
	case EVENT_COMMIT:
		if (!alive || process->flying == NULL)
			break;
		trace_line(sim, "commit %s %" PRIu64, process->name, process->flying->number);
		process_commit(process);
		break;
	case EVENT_SLOW:
		if (alive && process->flying != NULL &&
		    process->flying->number == event->number)
			process_slow(process);
		break;
	case EVENT_HINT:
		if (alive)
			deliver_hint(process, event->item);
		free(event->item);
		break;
	default:
		if (alive)
			process_deliver(process, event->item);
		else
			worker_message_free(event->item);
		break;
	}
}

static void
dispatch_call(struct sim *sim, struct event_item *event)
{
	if (event->kind == EVENT_REQUEST)
		network_request(sim, event);
	else if (event->kind == EVENT_REPLY)
		network_reply(sim, event);
	else
		network_deadline(sim, event);
}

/* The process that would have to do something now; NULL: none. */
static struct process *
process_of(struct sim *sim, const struct event_item *event)
{
	switch (event->kind) {
	case EVENT_WAKE:
	case EVENT_BOOT:
	case EVENT_COMMIT:
	case EVENT_SLOW:
	case EVENT_HINT:
	case EVENT_CHECKED:
	case EVENT_JOB_DONE:
	case EVENT_OVERDUE:
	case EVENT_REQUEST:
	case EVENT_REPLY:
	case EVENT_DEADLINE:
		return event->node == SIM_USERS ? NULL : sim_process(sim, event->node);
	default:
		return NULL;
	}
}

static void
dispatch(struct sim *sim, struct event_item *event)
{
	struct process *process = process_of(sim, event);

	if (process != NULL && process->up && process->paused_us > sim->clock.now_us) {
		clock_put(sim, process->paused_us, *event);
		return;
	}
	switch (event->kind) {
	case EVENT_REQUEST:
	case EVENT_REPLY:
	case EVENT_DEADLINE:
		dispatch_call(sim, event);
		break;
	case EVENT_JOB:
		engine_job(sim, event);
		break;
	case EVENT_OVERDUE:
		engine_overdue(sim, event);
		break;
	case EVENT_JOB_DONE:
		engine_job_done(sim, event);
		break;
	case EVENT_END:
		engine_end(sim, event);
		break;
	case EVENT_USER:
		users_act(sim);
		break;
	case EVENT_TROUBLE:
		adversary_act(sim, event);
		break;
	case EVENT_HEAL_ENGINE:
		heal_engine(&sim->machines[event->node]);
		break;
	case EVENT_DUE:
		truth_due(sim, event);
		break;
	case EVENT_HEAL:
		adversary_heal(sim);
		break;
	case EVENT_JUDGE:
		truth_judge(sim);
		break;
	default:
		dispatch_own(process, event);
		break;
	}
}

static void
build(struct sim *sim, const struct sim_options *options)
{
	sim->options = options;
	sim->node_count = options->nodes;
	sim->trace.verbose = options->verbose;
	random_seed(&sim->random, options->seed);
	sim->clock.now_us = BEGIN_US;
	sim->tasks = map_new();
	if (sim->tasks == NULL)
		abort();
	plan_make(sim);
	process_init(&sim->manager, sim, SIM_MANAGER);
	sim->manager.mono_zero_us = below(sim, BEGIN_US);
	for (unsigned i = 0; i < sim->node_count; i++) {
		struct machine *machine = &sim->machines[i];

		process_init(&machine->process, sim, (int)i);
		machine->process.mono_zero_us = below(sim, BEGIN_US);
		placing_describe(machine);
		machine->mcpu = 2000 + (int64_t)below(sim, 4) * 1000;
		machine->memory_bytes = (INT64_C(2) + (int64_t)below(sim, 7)) << 30;
	}
	sim->heal_us = BEGIN_US + (uint64_t)options->hours_x100 * 36 * SECOND;
	sim->end_us = sim->heal_us + HEAL_FOR_US;
	clock_put(sim, sim->heal_us, (struct event_item){.kind = EVENT_HEAL, .node = -1});
	clock_put(sim, sim->end_us, (struct event_item){.kind = EVENT_JUDGE, .node = -1});
	clock_put(sim, BEGIN_US + SECOND, (struct event_item){.kind = EVENT_USER, .node = -1});
	for (int i = -1; i < (int)sim->node_count; i++)
		clock_put(sim, BEGIN_US + below(sim, 2 * SECOND),
			  (struct event_item){.kind = EVENT_BOOT, .node = i});
	adversary_start(sim);
}

static void
release(struct sim *sim)
{
	process_release(&sim->manager);
	for (unsigned i = 0; i < sim->node_count; i++) {
		struct machine *machine = &sim->machines[i];

		process_release(&machine->process);
		node_labels_put(machine->labels);
	}
	clock_release(sim);
	network_release(sim);
	for (unsigned i = 0; i < sim->node_count; i++) {
		struct machine *machine = &sim->machines[i];

		engine_release(machine);
		while (machine->bars != NULL) {
			struct bar *bar = machine->bars;

			machine->bars = bar->next;
			free(bar);
		}
	}
	for (size_t i = 0; i < sim->task_count; i++) {
		task_spec_put(sim->by_index[i]->spec);
		free(sim->by_index[i]);
	}
	free(sim->by_index);
	map_free(sim->tasks, NULL);
	free(sim);
}

/* 0: all invariants held. */
static int
run_seed(const struct sim_options *options, bool alone)
{
	struct sim *sim = sim_alloc(1, sizeof(*sim));
	struct event_item event;

	build(sim, options);
	if (setjmp(sim->failed) != 0) {
		(void)printf("seed %" PRIu64 ": %s\n", options->seed, sim->failure);
		trace_print(sim);
		(void)printf("seed %" PRIu64 ": %s\n", options->seed, sim->failure);
		return 1;
	}
	while (sim->clock.now_us < sim->end_us && clock_take(sim, &event))
		dispatch(sim, &event);
	if (alone)
		(void)printf("seed %" PRIu64 ": %" PRIu64 " events, %" PRIu64 " polls, %" PRIu64
			     " submits, %" PRIu64 " stops, %" PRIu64 " placements, %" PRIu64
			     " starts, %" PRIu64 " kills, %" PRIu64 " cuts, %" PRIu64
			     " commits\n%016" PRIx64 "\n",
			     options->seed, sim->trace.events, sim->counts.polls,
			     sim->counts.submits, sim->counts.stops, sim->counts.placements,
			     sim->counts.starts, sim->counts.kills, sim->counts.cuts,
			     sim->counts.commits, sim->trace.hash);
	release(sim);
	return 0;
}

/* ---- many ---- */

struct totals {
	uint64_t passed;
	uint64_t failed;
};

static void
reap(struct totals *totals, unsigned *running)
{
	int status;

	if (wait(&status) < 0)
		return;
	--*running;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		totals->passed++;
	else
		totals->failed++;
}

static void
run_many(struct sim_options *options, uint64_t count, unsigned jobs, uint64_t failures,
	 struct totals *totals)
{
	uint64_t first = options->seed;
	unsigned running = 0;

	for (uint64_t i = 0; i < count && totals->failed < failures; i++) {
		pid_t child;

		options->seed = first + i;
		(void)fflush(stdout);
		child = fork();
		if (child < 0) {
			perror("fork");
			exit(2);
		}
		if (child == 0) {
			int failed = run_seed(options, false);

			(void)fflush(stdout);
			_exit(failed);
		}
		if (++running >= jobs)
			reap(totals, &running);
		if ((i + 1) % 1000 == 0)
			(void)fprintf(stderr, "%" PRIu64 " seeds\n", i + 1);
	}
	while (running > 0)
		reap(totals, &running);
	(void)printf("%" PRIu64 " passed, %" PRIu64 " failed\n", totals->passed,
		     totals->failed);
}

/* Those of the build that this program is of: BUILD/tests/sim/sim, BUILD/plugins. */
static void
plugin_dir(char *out, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", out, size - 1);

	if (length < 0)
		length = 0;
	out[length] = '\0';
	for (int i = 0; i < 3; i++) {
		char *slash = strrchr(out, '/');

		if (slash != NULL)
			*slash = '\0';
	}
	length = (ssize_t)strlen(out);
	(void)snprintf(out + length, size - (size_t)length, "/plugins");
}

static struct plugin *
load(const char *name, enum cube_plugin_kind kind, const char *flag)
{
	struct plugin *plugin;
	struct cube_error err;
	char dir[4096];

	plugin_dir(dir, sizeof(dir));
	if (plugin_load(name, kind, flag, dir, &plugin, &err) != 0) {
		(void)fprintf(stderr, "sim: %s\n", err.message);
		exit(2);
	}
	return plugin;
}

static int
usage(void)
{
	(void)fputs("usage: sim [-s SEED] [-n SEEDS] [-w WORKERS] [-t HOURS] [-S SCHEDULER]"
		    " [-u] [-j JOBS] [-f FAILURES] [-v]\n",
		    stderr);
	return 2;
}

int
main(int argc, char **argv)
{
	struct sim_options options = {.seed = 1, .nodes = 20, .hours_x100 = 100};
	const char *scheduler = "roundrobin.so";
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned jobs = cores > 0 && cores < JOBS_MAX ? (unsigned)cores : 1;
	struct plugin *plugins[2];
	const char **values = NULL;
	struct totals totals = {0};
	struct cube_error err;
	uint64_t count = 1;
	uint64_t failures = 5;
	int option;

	while ((option = getopt(argc, argv, "s:n:w:t:S:uj:f:v")) != -1) {
		switch (option) {
		case 's':
			options.seed = strtoull(optarg, NULL, 10);
			break;
		case 'n':
			count = strtoull(optarg, NULL, 10);
			break;
		case 'w':
			options.nodes = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 't':
			options.hours_x100 = (unsigned)(strtod(optarg, NULL) * 100);
			break;
		case 'S':
			scheduler = optarg;
			break;
		case 'u':
			options.unwilling = true;
			break;
		case 'j':
			jobs = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'f':
			failures = strtoull(optarg, NULL, 10);
			break;
		case 'v':
			options.verbose = true;
			break;
		default:
			return usage();
		}
	}
	if (optind != argc || count == 0 || jobs == 0 || options.nodes == 0 ||
	    options.nodes > SIM_NODES_MAX)
		return usage();
	plugins[0] = load(scheduler, CUBE_PLUGIN_SCHEDULER, "-S");
	plugins[1] = load("memory.so", CUBE_PLUGIN_STORE, "store");
	if (options_resolve(plugins[0]->info.name, "-S", plugins[0]->info.options, NULL, 0,
			    &values, &err) != 0) {
		(void)fprintf(stderr, "sim: %s\n", err.message);
		return 2;
	}
	options.scheduler = plugins[0];
	options.memory = plugins[1];
	options.scheduler_options = values;
	if (count == 1)
		totals.failed = (uint64_t)run_seed(&options, true);
	else
		run_many(&options, count, jobs, failures, &totals);
	free(values);
	if (totals.failed == 0) {
		plugin_unload(plugins[1]);
		plugin_unload(plugins[0]);
	}
	return totals.failed == 0 ? 0 : 1;
}
