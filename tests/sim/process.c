/* process.c - a brain with its loop, its store and its machine's clock.
 *
 * Mirrors core/shell/loop.c and commit.c step for step: one batch gathers while one commits;
 * what is marked after_commit waits for the youngest batch that its step could have seen; a
 * commit that the store could not take is tried again, one whose outcome is unknown is looked
 * up by its number. The store's content outlives the process, everything else dies with it.
 * The faults of the store are put in here, between the loop and memory.so.
 */
#include "sim.h"

#include "shell/store_load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACKOFF_FIRST_US (200 * MS)
#define BACKOFF_LAST_US  (2000 * MS)
#define SLOW_US          (5 * SECOND)
#define MILLION          UINT64_C(1000000)

struct process *
sim_process(struct sim *sim, int node)
{
	return node == SIM_MANAGER ? &sim->manager : &sim->machines[node].process;
}

/* ---- clock ---- */

static uint64_t
mono_us(const struct process *process)
{
	uint64_t passed = process->sim->clock.now_us - process->mono_zero_us;

	return passed + (uint64_t)((int64_t)passed * process->rate_ppm / (int64_t)MILLION);
}

struct now
process_now(const struct process *process)
{
	uint64_t mono_ms = mono_us(process) / MS;

	return (struct now){.mono_ms = mono_ms, .wall_ms = process->wall_ms + (int64_t)mono_ms};
}

uint64_t
process_at(const struct process *process, uint64_t mono_ms)
{
	uint64_t rate = (uint64_t)((int64_t)MILLION + process->rate_ppm);
	uint64_t us;

	if (mono_ms > UINT64_MAX / MILLION / MS)
		return SIM_NEVER;
	us = process->mono_zero_us + (mono_ms * MS * MILLION + rate - 1) / rate;
	return us;
}

/* ---- store ---- */

static void
store_log(void *ctx, int level, const char *message)
{
	(void)ctx;
	(void)level;
	(void)message;
}

static uint64_t
store_now(void *ctx)
{
	return process_now(ctx).mono_ms;
}

static uint64_t
store_random(void *ctx)
{
	struct process *process = ctx;

	return random_next(&process->store_random);
}

void
process_init(struct process *process, struct sim *sim, int node)
{
	const struct plugin_services services = {
		.ctx = process, .log = store_log, .now_ms = store_now, .random = store_random};
	static const char *const no_options[] = {NULL};
	struct cube_error err;

	process->sim = sim;
	process->node = node;
	if (node == SIM_MANAGER)
		(void)snprintf(process->name, sizeof(process->name), "manager");
	else
		(void)snprintf(process->name, sizeof(process->name), "n%d", node + 1);
	process->rate_ppm = (int)below(sim, 9801) - 4900;
	process->wall_ms = INT64_C(1700000000000) + (int64_t)below(sim, 7200000) - 3600000;
	random_seed(&process->store_random, random_next(&sim->random));
	plugin_host_init(&process->host, process->name, &services);
	if (store_open("memory", sim->options->memory->info.ops.store, &process->host.host,
		       no_options, &process->store, &err) != 0) {
		(void)fprintf(stderr, "memory.so: %s\n", err.message);
		abort();
	}
	step_init(&process->step);
}

char *
process_stored(struct process *process, const char *key)
{
	struct cube_error err;
	char *value;
	size_t size;

	return store_get(process->store, key, &value, &size, &err) == 0 ? value : NULL;
}

static void
store_write(struct process *process, const struct commit_batch *batch)
{
	struct cube_write *writes = sim_alloc(batch->change_count + 1, sizeof(*writes));
	struct cube_error err;
	char number[24];
	uint64_t revision;

	for (size_t i = 0; i < batch->change_count; i++) {
		const struct change *change = &batch->changes[i];

		writes[i] = (struct cube_write){
			.key = change->key,
			.key_end = change->key_end,
			.value = change->value,
			.value_size = change->value != NULL ? change->value_size : 0,
			.if_revision = CUBE_REVISION_ANY,
			.flags = change->key_end != NULL ? CUBE_WRITE_RANGE : 0,
		};
	}
	(void)snprintf(number, sizeof(number), "%" PRIu64, batch->number);
	writes[batch->change_count] = (struct cube_write){.key = COMMIT_BATCH_KEY,
							  .value = number,
							  .value_size = strlen(number),
							  .if_revision = CUBE_REVISION_ANY};
	if (store_commit(process->store, writes, batch->change_count + 1, &revision, &err) !=
	    0) {
		(void)fprintf(stderr, "%s: commit: %s\n", process->name, err.message);
		abort();
	}
	free(writes);
	process->sim->counts.commits++;
	truth_committed(process, batch);
}

/* ---- releasing ---- */

static void
release(struct process *process, struct outbox_item *item)
{
	item->next = NULL;
	if (process->node == SIM_MANAGER)
		manager_side_release(process, item);
	else
		worker_side_release(process, item);
}

static void
release_all(struct process *process, struct outbox_item *item)
{
	while (item != NULL) {
		struct outbox_item *next = item->next;

		release(process, item);
		item = next;
	}
}

static void
hold(struct commit_batch *batch, struct outbox_item *item)
{
	item->next = NULL;
	*batch->held_end = item;
	batch->held_end = &item->next;
}

static void
outbox_sort(struct process *process)
{
	struct outbox_item *item = process->step.outbox;
	struct outbox_item *out = NULL;
	struct outbox_item **out_end = &out;

	process->step.outbox = NULL;
	process->step.outbox_end = &process->step.outbox;
	while (item != NULL) {
		struct outbox_item *next = item->next;

		if (item->after_commit && process->step.change_count > 0) {
			hold(process->open, item);
		} else if (item->after_commit && process->flying != NULL) {
			hold(process->flying, item);
		} else {
			item->next = NULL;
			*out_end = item;
			out_end = &item->next;
		}
		item = next;
	}
	release_all(process, out);
}

static void
logs_note(struct process *process)
{
	struct log_entry *entry = process->step.logs;

	process->step.logs = NULL;
	process->step.logs_end = &process->step.logs;
	while (entry != NULL) {
		struct log_entry *next = entry->next;

		trace_note(process->sim, "%s: %s", process->name, entry->line);
		free(entry);
		entry = next;
	}
}

/* ---- commits ---- */

static void
commit_later(struct process *process, uint64_t delay_us)
{
	struct sim *sim = process->sim;

	clock_put(sim, sim->clock.now_us + delay_us,
		  (struct event_item){.kind = EVENT_COMMIT,
				      .node = process->node,
				      .incarnation = process->incarnation});
}

static void
batch_fly(struct process *process)
{
	struct sim *sim = process->sim;

	if (process->flying != NULL || process->step.change_count == 0)
		return;
	process->open->changes = process->step.changes;
	process->open->change_count = process->step.change_count;
	process->step.changes = NULL;
	process->step.change_count = 0;
	process->step.change_capacity = 0;
	process->flying = process->open;
	process->flying_since_us = process->open_since_us;
	process->open = commit_batch_new(process->flying->number + 1);
	if (process->open == NULL)
		abort();
	process->commit_tries = 0;
	process->commit_unknown = false;
	commit_later(process, mishap(sim, sim->plan.commit_hangs)
				      ? below(sim, 40) * SECOND
				      : MS / 2 + below(sim, sim->plan.commit_us));
	clock_put(sim, sim->clock.now_us + SLOW_US,
		  (struct event_item){.kind = EVENT_SLOW,
				      .node = process->node,
				      .incarnation = process->incarnation,
				      .number = process->flying->number});
}

static void
fault_set(struct process *process, const char *why)
{
	process->faulty_us = process->sim->clock.now_us;
	(void)snprintf(process->fault, sizeof(process->fault), "%s", why);
}

static void
commit_done(struct process *process)
{
	struct commit_batch *batch = process->flying;
	struct outbox_item *item = batch->held;

	process->flying = NULL;
	process->durable = batch->number;
	if (process->fault[0] != '\0')
		process->faulty_us = process->sim->clock.now_us;
	process->fault[0] = '\0';
	batch->held = NULL;
	commit_batch_free(batch);
	release_all(process, item);
	batch_fly(process);
}

static void
commit_again(struct process *process, const char *why)
{
	uint64_t delay_us = BACKOFF_FIRST_US;

	for (unsigned i = 0; i < process->commit_tries && delay_us < BACKOFF_LAST_US; i++)
		delay_us *= 2;
	process->commit_tries++;
	fault_set(process, why);
	commit_later(process, delay_us < BACKOFF_LAST_US ? delay_us : BACKOFF_LAST_US);
}

/* The number under meta/batch says whether it is in. */
static bool
is_in(struct process *process)
{
	struct cube_error err;
	uint64_t last = 0;

	if (commit_last_number(process->store, &last, &err) != 0)
		abort();
	return last == process->flying->number;
}

void
process_commit(struct process *process)
{
	struct sim *sim = process->sim;

	if (sim->clock.now_us < process->disk_full_until_us && !sim->calm) {
		commit_again(process, "the disk is full");
		return;
	}
	if (process->commit_unknown) {
		if (mishap(sim, 3000)) {
			commit_again(process, "the store does not say what became of it");
			return;
		}
		if (is_in(process)) {
			commit_done(process);
			return;
		}
		process->commit_unknown = false;
	}
	if (mishap(sim, sim->plan.commit_fails)) {
		commit_again(process, "an I/O error");
		return;
	}
	if (mishap(sim, sim->plan.commit_timeout)) {
		bool in = chance(sim, 5000);

		if (in)
			store_write(process, process->flying);
		trace_note(sim, "%s: commit %" PRIu64 " times out, in truth it is %s",
			   process->name, process->flying->number, in ? "in" : "not in");
		if (in && chance(sim, 5000)) {
			commit_done(process);
			return;
		}
		process->commit_unknown = true;
		commit_again(process, "the store did not answer in time");
		return;
	}
	store_write(process, process->flying);
	commit_done(process);
}

void
process_slow(struct process *process)
{
	if (process->fault[0] == '\0')
		fault_set(process, "the store has not answered for 5 s");
}

/* ---- steps ---- */

static void
plan_wake(struct process *process)
{
	struct sim *sim = process->sim;
	uint64_t at_us;

	if (process->wake_ms == UINT64_MAX)
		return;
	at_us = process_at(process, process->wake_ms);
	if (at_us < sim->clock.now_us)
		at_us = sim->clock.now_us;
	if (at_us >= process->wake_event_us)
		return;
	process->wake_event_us = at_us;
	clock_put(sim, at_us,
		  (struct event_item){.kind = EVENT_WAKE,
				      .node = process->node,
				      .incarnation = process->incarnation,
				      .number = at_us});
}

/* message NULL: the brain's start. */
static void
step_run(struct process *process, struct message *message)
{
	struct step *step = &process->step;
	size_t before = step->change_count;
	struct cube_error err = {0};
	int failed;

	step->now = process_now(process);
	step->batch = process->open->number;
	step->durable = process->durable;
	step->store_fault = process->fault[0] != '\0' ? process->fault : NULL;
	step->wake_ms = UINT64_MAX;
	if (process->node == SIM_MANAGER)
		failed = message == NULL
				 ? manager_start(process->brain, step, &err)
				 : manager_step(process->brain,
						(struct manager_message *)(void *)message, step,
						&err);
	else
		failed = message == NULL ? worker_start(process->brain, step, &err)
					 : worker_step(process->brain,
						       (struct worker_message *)(void *)message,
						       step, &err);
	logs_note(process);
	if (failed != 0)
		sim_violated(process->sim, 0, "%s ends: %s", process->name, err.message);
	if (before == 0)
		process->open_since_us = process->sim->clock.now_us;
	if (step->wake_ms < process->wake_ms)
		process->wake_ms = step->wake_ms;
	outbox_sort(process);
	if (step->change_count > before &&
	    mishap(process->sim, process->sim->plan.kill_at_commit))
		process->killed = true;
	batch_fly(process);
	plan_wake(process);
	if (process->killed)
		process_kill(process);
}

void
process_deliver(struct process *process, struct message *message)
{
	step_run(process, message);
}

void
process_wake(struct process *process)
{
	struct message *message;

	if (process->wake_ms > process_now(process).mono_ms) {
		process->wake_event_us = SIM_NEVER;
		plan_wake(process);
		return;
	}
	process->wake_ms = UINT64_MAX;
	process->wake_event_us = SIM_NEVER;
	message = process->node == SIM_MANAGER ? &manager_message_new(MANAGER_NODES)->message
					       : &worker_message_new(WORKER_NODE)->message;
	if (message == NULL)
		abort();
	message->kind = MESSAGE_WAKE;
	step_run(process, message);
}

/* ---- life ---- */

static int
load_one(void *brain, const struct cube_record *record, struct cube_error *err)
{
	return manager_load(brain, record, err);
}

static int
load_one_worker(void *brain, const struct cube_record *record, struct cube_error *err)
{
	return worker_load(brain, record, err);
}

void
process_boot(struct process *process)
{
	struct cube_error err = {0};
	size_t count;
	int failed;

	process->up = true;
	process->killed = false;
	process->dead_us = process->sim->clock.now_us;
	process->incarnation++;
	process->wake_ms = UINT64_MAX;
	process->wake_event_us = SIM_NEVER;
	process->fault[0] = '\0';
	failed = process->node == SIM_MANAGER ? manager_side_open(process, &err)
					      : worker_side_open(process, &err);
	if (failed == 0)
		failed = store_load_all(process->store,
					process->node == SIM_MANAGER ? load_one
								     : load_one_worker,
					process->brain, &count, &err);
	if (failed == 0)
		failed = commit_last_number(process->store, &process->durable, &err);
	if (failed != 0)
		sim_violated(process->sim, 0, "%s does not start: %s", process->name,
			     err.message);
	process->open = commit_batch_new(process->durable + 1);
	if (process->open == NULL)
		abort();
	step_run(process, NULL);
}

void
process_kill(struct process *process)
{
	struct sim *sim = process->sim;

	if (!process->up)
		return;
	process->up = false;
	process->paused_us = 0;
	process->dead_us = sim->clock.now_us;
	sim->counts.kills++;
	/* The commit under way may have been taken, and nobody heard of it. */
	if (process->flying != NULL && !(process->commit_unknown && is_in(process)) &&
	    sim->clock.now_us >= process->disk_full_until_us && mishap(sim, 4000))
		store_write(process, process->flying);
	network_died(process);
	if (process->node != SIM_MANAGER)
		engine_died(&sim->machines[process->node]);
	commit_batch_free(process->flying);
	commit_batch_free(process->open);
	process->flying = NULL;
	process->open = NULL;
	step_release(&process->step);
	step_init(&process->step);
	if (process->node == SIM_MANAGER)
		manager_free(process->brain);
	else
		worker_free(process->brain);
	process->brain = NULL;
	process_died(process);
}

void
process_release(struct process *process)
{
	if (process->sim == NULL)
		return;
	process->sim->calm = true;
	process_kill(process);
	step_release(&process->step);
	store_close(process->store);
}
