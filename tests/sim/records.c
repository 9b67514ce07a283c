/* records.c - what the manager and the workers commit, held against the invariants.
 *
 * Every batch is looked at when it is in the store, record by record: what was promised must
 * be there and stay there, states move along the table alone, attempts grow, a stop is for
 * good, and a new placement finds its node in contact, open and with room. The truth about
 * a task is what its record says here, whatever the brain thinks.
 */
#include "sim.h"

#include "model/transition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct truth_task *
truth_find(struct sim *sim, const char *id)
{
	return map_get(sim->tasks, id);
}

bool
truth_is_live(const struct truth_task *task)
{
	return task->recorded && (task->state == TASK_SCHEDULED || task->state == TASK_RUNNING);
}

/* What is committed of a task, as read from its record. */
struct record {
	enum task_state state;
	bool stop;
	bool final;
	bool held;
	uint32_t attempt;
	uint32_t restarts; /* since it was last well */
	int node;
};

static void
parse(struct sim *sim, const struct change *change, struct json_doc *doc)
{
	struct cube_error err;

	if (json_parse(change->value, change->value_size, doc, &err) != 0)
		sim_violated(sim, 1, "%s is damaged: %s", change->key, err.message);
}

static int64_t
number_of(const struct json_value *value, int64_t fallback)
{
	return value != NULL && value->type == JSON_NUMBER ? value->as.number.integer
							   : fallback;
}

static bool
is_true(const struct json_value *value)
{
	return value != NULL && value->type == JSON_BOOL && value->as.boolean;
}

static int
machine_of(const struct json_value *name)
{
	int number = 0;

	if (name == NULL || name->type != JSON_STRING)
		return -1;
	/* As it calls itself, or as it is listed until it does. */
	if (sscanf(name->as.string.text, "n%d", &number) != 1 &&
	    sscanf(name->as.string.text, "10.0.0.%d-", &number) != 1)
		return -1;
	return number - 1;
}

/* ---- a task's record ---- */

/* How often it may be started again in a row, as API.md has it; -1: without limit. */
static int64_t
restarts_max(const struct task_spec *spec)
{
	if (spec->max_restarts >= 0)
		return spec->max_restarts;
	if (spec->restart_mode == RESTART_DEFAULT)
		return 3;
	return spec->restart_mode == RESTART_ON_FAILURE ? spec->restart_max : -1;
}

static void
check_record(struct sim *sim, const struct truth_task *task, const struct record *record)
{
	if (record->attempt < task->attempt)
		sim_violated(sim, 3, "task %.8s goes from attempt %u back to %u", task->id,
			     task->attempt, record->attempt);
	if (restarts_max(task->spec) >= 0 && record->restarts > restarts_max(task->spec))
		sim_violated(sim, 3, "task %.8s is started again for the %u. time of %d",
			     task->id, record->restarts, (int)restarts_max(task->spec));
	if (task->buried)
		sim_violated(sim, 1, "task %.8s has ended, and is there again", task->id);
	if (!task->recorded)
		return;
	if (task->final && (record->state != task->state || !record->final ||
			    record->attempt != task->attempt))
		sim_violated(sim, 3, "task %.8s had ended as %s and is now %s, attempt %u",
			     task->id, task_state_name(task->state),
			     task_state_name(record->state), record->attempt);
	if (task->stop_wanted && !record->stop)
		sim_violated(sim, 6, "the stop of task %.8s is forgotten", task->id);
	if (task->stop_wanted && record->attempt > task->attempt)
		sim_violated(sim, 6, "task %.8s was stopped and gets attempt %u", task->id,
			     record->attempt);
	if (task->exited_well != 0 && task->exited_well == record->attempt &&
	    record->state == TASK_FAILED && task->state != TASK_FAILED &&
	    task->attempt == record->attempt)
		sim_violated(sim, 3,
			     "attempt %u of task %.8s ended with 0 and counts as failed",
			     record->attempt, task->id);
}

/* A new attempt: what it must find there is checked when the batch is whole. */
static void
note_placement(struct sim *sim, struct truth_task *task, const struct record *record)
{
	sim->counts.placements++;
	if (record->node < 0)
		sim_violated(sim, 4, "attempt %u of task %.8s is placed nowhere",
			     record->attempt, task->id);
	task->placed = true;
	/* Decided, at the earliest. */
	task->placed_us[record->attempt % PLACED_KEPT] = sim->manager.flying_since_us;
}

static void
take_task(struct sim *sim, const char *id, const struct change *change)
{
	struct truth_task *task = truth_find(sim, id);
	struct record record = {.node = -1};
	const struct json_value *brain;
	struct json_doc doc;

	if (task == NULL)
		sim_violated(sim, 1, "a task %s that nobody has submitted", id);
	if (change->value == NULL) {
		if (!task->final)
			sim_violated(sim, 1,
				     "task %.8s is taken off the list and has not ended", id);
		task->recorded = false;
		return;
	}
	parse(sim, change, &doc);
	brain = json_get(doc.root, "Brain");
	record.state = (enum task_state)number_of(json_get(doc.root, "State"), 0);
	record.stop =
		number_of(json_get(doc.root, "Wanted"), TASK_WANTED_RUN) == TASK_WANTED_STOP;
	record.final = is_true(json_get(doc.root, "Final"));
	record.attempt = (uint32_t)number_of(json_get(doc.root, "Attempt"), 0);
	record.restarts = (uint32_t)number_of(json_get(doc.root, "Restarts"), 0);
	record.held = is_true(json_get(brain, "Held"));
	record.node = machine_of(json_get(doc.root, "Node"));
	json_release(&doc);
	trace_note(sim, "committed %.8s %s attempt %u%s%s%s n%d", id,
		   task_state_name(record.state), record.attempt, record.stop ? " stop" : "",
		   record.final ? " final" : "", record.held ? " held" : "", record.node + 1);
	check_record(sim, task, &record);
	if (record.attempt > task->attempt)
		note_placement(sim, task, &record);
	else if (record.node >= 0 && task->recorded && !truth_is_live(task) && !task->held &&
		 (record.state == TASK_SCHEDULED || record.state == TASK_RUNNING))
		sim->machines[record.node].put_back = true;
	if (record.state == TASK_PENDING && record.attempt == task->exited_well)
		task->exited_well = 0; /* withdrawn: nobody can know */
	task->recorded = true;
	task->state = record.state;
	task->stop_wanted = record.stop;
	task->final = record.final;
	task->attempt = record.attempt;
	task->restarts = record.restarts;
	task->held = record.held;
	task->node = record.node;
	if (!truth_is_live(task) && !task->held)
		sim->freed_us = sim->clock.now_us;
}

/* ---- the others ---- */

static void
take_done(struct sim *sim, const char *id, const struct change *change)
{
	struct truth_task *task = truth_find(sim, id);

	if (task == NULL)
		sim_violated(sim, 1, "a tombstone %s of nobody's task", id);
	if (change->value == NULL)
		sim_violated(sim, 1, "the tombstone of task %.8s is gone within a day", id);
	task->buried = true;
}

static void
take_entry(struct sim *sim, const struct json_value *entry)
{
	const struct json_value *id = json_get(entry, "Task");
	enum task_state state = (enum task_state)number_of(json_get(entry, "State"), 0);
	struct truth_task *task;

	if (id == NULL || id->type != JSON_STRING)
		return;
	task = truth_find(sim, id->as.string.text);
	if (task == NULL)
		return;
	if (!task->has_event ? state != TASK_PENDING
			     : state != task->event_state &&
				       !transition_allowed(task->event_state, state))
		sim_violated(sim, 3, "task %.8s went from %s to %s", task->id,
			     task->has_event ? task_state_name(task->event_state) : "nothing",
			     task_state_name(state));
	task->has_event = true;
	task->event_state = state;
}

static void
take_events(struct sim *sim, const char *number, const struct change *change)
{
	const struct json_value *entries;
	const struct json_value *entry;
	struct json_doc doc;
	uint64_t first;

	if (change->value == NULL)
		return; /* trimmed */
	first = strtoull(number, NULL, 16);
	if (first != sim->last_event + 1)
		sim_violated(sim, 1, "event %" PRIu64 " follows upon %" PRIu64, first,
			     sim->last_event);
	parse(sim, change, &doc);
	entries = json_get(doc.root, "Entries");
	sim->last_event += entries != NULL ? entries->count : 0;
	if (entries != NULL && entries->type == JSON_ARRAY)
		for (entry = entries->as.first; entry != NULL; entry = entry->next)
			take_entry(sim, entry);
	json_release(&doc);
}

static void
take_node(struct sim *sim, const char *name, const struct change *change, uint64_t batch)
{
	struct machine *machine;
	struct json_doc doc;
	int number = 0;
	bool closed;

	if (sscanf(name, "n%d", &number) != 1)
		return;
	machine = &sim->machines[number - 1];
	if (change->value == NULL) {
		machine->recorded = false;
		machine->closed = false;
		machine->removed_batch = batch;
		machine->gap_us = sim->clock.now_us;
		return;
	}
	parse(sim, change, &doc);
	closed = is_true(json_get(doc.root, "Cordoned")) ||
		 json_get(doc.root, "Drain") != NULL || json_get(doc.root, "Draining") != NULL;
	json_release(&doc);
	if (closed && !machine->closed)
		machine->closed_batch = batch;
	machine->recorded = true;
	machine->removed_batch = 0;
	machine->closed = closed;
}

/* What follows prefix in key; NULL if key begins otherwise. */
static const char *
after(const char *key, const char *prefix)
{
	size_t size = strlen(prefix);

	return strncmp(key, prefix, size) == 0 ? key + size : NULL;
}

/* ---- placements, when the batch is whole ---- */

struct used {
	int64_t mcpu;
	int64_t memory_bytes;
	int64_t disk_bytes;
};

static bool
shares_port(const struct task_spec *a, const struct task_spec *b)
{
	for (uint32_t i = 0; i < a->port_count; i++)
		for (uint32_t j = 0; j < b->port_count; j++)
			if (a->ports[i].host_port != 0 &&
			    a->ports[i].host_port == b->ports[j].host_port)
				return true;
	return false;
}

static void
check_room(struct sim *sim, const struct truth_task *placed)
{
	const struct machine *machine = &sim->machines[placed->node];
	const struct task_spec *spec = placed->spec;
	struct used used = {0};

	for (size_t i = 0; i < sim->task_count; i++) {
		const struct truth_task *task = sim->by_index[i];

		if (task->node != placed->node || !task->recorded ||
		    !(truth_is_live(task) || task->held))
			continue;
		used.mcpu += task->spec->mcpu;
		used.memory_bytes += task->spec->memory_bytes;
		used.disk_bytes += task->spec->disk_bytes;
		if (task != placed && shares_port(task->spec, spec))
			sim_violated(sim, 4,
				     "tasks %.8s and %.8s want the same host port on n%d",
				     placed->id, task->id, placed->node + 1);
	}
	if ((spec->mcpu > 0 && used.mcpu > machine->mcpu) ||
	    (spec->memory_bytes > 0 && used.memory_bytes > machine->memory_bytes) ||
	    (spec->disk_bytes > 0 && used.disk_bytes > SIM_DISK_BYTES))
		sim_violated(sim, 4,
			     "task %.8s is placed on n%d, where %ld of %ld mcpu and %ld of %ld "
			     "MiB are taken then",
			     placed->id, placed->node + 1, (long)used.mcpu, (long)machine->mcpu,
			     (long)(used.memory_bytes >> 20),
			     (long)(machine->memory_bytes >> 20));
}

static void
check_placement(struct process *manager, struct truth_task *task, uint64_t batch)
{
	struct sim *sim = manager->sim;
	struct machine *machine = &sim->machines[task->node];
	uint64_t limit_us = sim->plan.node_timeout_ms * MS / 2;
	uint64_t heard_us = machine->heard_us;

	task->placed = false;
	task->placed_batch = batch;
	if (!truth_is_live(task))
		return;
	if (machine->closed && machine->closed_batch < batch)
		sim_violated(sim, 4, "task %.8s is placed on n%d, which is closed", task->id,
			     task->node + 1);
	if (machine->removed_batch != 0 && machine->removed_batch < batch)
		sim_violated(sim, 4, "task %.8s is placed on n%d, which was removed", task->id,
			     task->node + 1);
	if (machine->unready_us != 0 && machine->unready_us < manager->flying_since_us)
		sim_violated(sim, 4, "task %.8s is placed on n%d, whose runtime is not ready",
			     task->id, task->node + 1);
	/* While it stood still itself it cannot have heard, and it allows for that. */
	if (heard_us != 0 && manager->paused_us > heard_us)
		heard_us = manager->paused_us;
	if (heard_us == 0 ||
	    heard_us + limit_us + limit_us / 50 + 50 * MS < manager->flying_since_us)
		sim_violated(sim, 4, "task %.8s is placed on n%d, which does not answer",
			     task->id, task->node + 1);
	if (!machine->put_back)
		check_room(sim, task);
	if (!machine->put_back && !placing_allows(sim, task, task->node, batch))
		sim_violated(sim, 4, "task %.8s is placed on n%d, which it does not want",
			     task->id, task->node + 1);
}

static void
check_placements(struct process *manager, const struct commit_batch *batch)
{
	struct sim *sim = manager->sim;

	for (size_t i = 0; i < batch->change_count; i++) {
		const char *id = after(batch->changes[i].key, "task/");
		struct truth_task *task = id != NULL ? truth_find(sim, id) : NULL;

		if (task != NULL && task->placed)
			check_placement(manager, task, batch->number);
		if (id != NULL && task != NULL && !task->recorded && !task->buried)
			sim_violated(sim, 1, "task %.8s is off the list without a tombstone",
				     id);
	}
	for (unsigned i = 0; i < sim->node_count; i++)
		sim->machines[i].put_back = false;
}

static void
manager_committed(struct process *process, const struct commit_batch *batch)
{
	struct sim *sim = process->sim;

	for (size_t i = 0; i < batch->change_count; i++) {
		const struct change *change = &batch->changes[i];
		const char *rest;

		if (change->key_end != NULL)
			continue; /* of events, which are trimmed */
		if ((rest = after(change->key, "task/")) != NULL)
			take_task(sim, rest, change);
		else if ((rest = after(change->key, "event/")) != NULL)
			take_events(sim, rest, change);
		else if ((rest = after(change->key, "node/")) != NULL)
			take_node(sim, rest, change, batch->number);
		else if ((rest = after(change->key, "done/")) != NULL)
			take_done(sim, rest, change);
	}
	check_placements(process, batch);
}

/* ---- a worker's journal ---- */

/* It may forget an end only when the manager has it for good. */
static void
check_forgotten(struct process *process, const char *key)
{
	struct sim *sim = process->sim;
	const struct truth_task *task;
	char id[ID_SIZE];
	uint32_t attempt;

	if (strlen(key) < ID_SIZE + 8)
		return;
	memcpy(id, key, ID_SIZE - 1);
	id[ID_SIZE - 1] = '\0';
	attempt = (uint32_t)strtoul(key + ID_SIZE, NULL, 16);
	task = truth_find(sim, id);
	if (task == NULL || task->attempt != attempt || !truth_is_live(task) ||
	    task->node != process->node || !task->recorded)
		return;
	sim_violated(sim, 1,
		     "%s forgets the end of attempt %u of task %.8s, of which the manager's "
		     "store knows nothing",
		     process->name, attempt, id);
}

static void
worker_committed(struct process *process, const struct commit_batch *batch)
{
	for (size_t i = 0; i < batch->change_count; i++) {
		const struct change *change = &batch->changes[i];
		const char *rest = after(change->key, "attempt/");

		if (rest == NULL)
			continue;
		if (change->value == NULL ||
		    memmem(change->value, change->value_size, "\"Acked\":true", 12) != NULL)
			check_forgotten(process, rest);
	}
}

void
truth_committed(struct process *process, const struct commit_batch *batch)
{
	if (process->node == SIM_MANAGER)
		manager_committed(process, batch);
	else
		worker_committed(process, batch);
}
