/* cube/sim/run.c - the event loop: what arrives, what ends, and what is placed between.
 *
 * Two sources of events: the workload, read one task ahead, and a heap of the moments at which
 * running tasks end. All events of one moment are taken in before anything is placed, ends
 * first. Owns nodes and tasks, which hold a place_node and a place_task; a task is freed when
 * it ends. Main thread.
 */
#include "run.h"

#include "base/heap.h"
#include "base/vec.h"
#include "model/constraint.h"
#include "place/placer.h"
#include "specs.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct sim_node {
	struct place_node place; /* first */
	struct node_info info;
	struct sim_node_state state;
};

struct sim_task {
	struct heap_item end; /* first: when it ends, in microseconds */
	struct place_task place;
	struct sim_spec *spec;
	struct sim_node *node; /* NULL: it waits */
	uint64_t arrived_us;
	uint64_t duration_us;
	struct sim_task *prev; /* of all */
	struct sim_task *next;
};

/* What was placed in a moment; the measures follow when the clock of placing stands. */
struct placement {
	struct sim_task *task;
	struct sim_node *node;
	uint32_t peers; /* tasks of its job on the node then, itself included */
};

struct engine {
	const struct sim_run *run;
	struct sim_result *result;
	struct sim_measure *measure; /* the result's */
	struct placer placer;
	bool placer_made;
	struct sim_specs specs;
	struct sim_node *nodes;
	uint32_t node_count;
	struct sim_task *tasks;
	uint64_t sequence;
	uint64_t hopeless; /* tasks that wait for ever */
	struct heap ends;
	bool more; /* arrival is the next to arrive */
	struct sim_arrival arrival;
	struct placement *placements;
	size_t placement_count;
	size_t placement_capacity;
};

static int
no_memory(struct cube_error *err)
{
	return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
}

static struct sim_task *
task_of(struct place_task *place)
{
	return (struct sim_task *)((char *)place - offsetof(struct sim_task, place));
}

static uint64_t
clock_ns(clockid_t id)
{
	struct timespec time;

	if (clock_gettime(id, &time) != 0)
		return 0;
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* ---- begin ---- */

static int
make_nodes(struct engine *engine, struct cube_error *err)
{
	const struct sim_cluster *cluster = engine->run->cluster;
	struct sim_room *room = calloc(cluster->nodes, sizeof(*room));
	int rc = 0;

	engine->nodes = calloc(cluster->nodes, sizeof(*engine->nodes));
	if (room == NULL || engine->nodes == NULL)
		rc = CUBE_ERR_NO_MEMORY;
	for (uint32_t i = 0; rc == 0 && i < cluster->nodes; i++) {
		struct sim_node *node = &engine->nodes[i];

		rc = sim_cluster_node(cluster, i, &node->info);
		engine->node_count = i + 1;
		node->place.info = &node->info;
		node->place.status = NODE_READY;
		node->place.key = i + 1;
		node->state.mcpu = room[i].mcpu = node->info.mcpu;
		node->state.memory_bytes = room[i].memory_bytes = node->info.memory_bytes;
		room[i].disk_bytes = node->info.disk_bytes;
		if (rc == 0)
			rc = placer_add_node(&engine->placer, &node->place);
	}
	if (rc == 0)
		rc = sim_measure_init(engine->measure, room, cluster->nodes);
	free(room);
	return rc == 0 ? 0 : no_memory(err);
}

static int
begin(struct engine *engine, struct cube_error *err)
{
	const struct sim_run *run = engine->run;

	if (sim_workload_rewind(run->workload, err) != 0 ||
	    sim_policy_open(run->policy, run->seed, err) != 0)
		return err->code;
	engine->placer_made = true;
	if (placer_init(&engine->placer, run->policy->scheduler) != 0 ||
	    sim_specs_init(&engine->specs) != 0)
		return no_memory(err);
	return make_nodes(engine, err);
}

static void
end(struct engine *engine)
{
	struct sim_task *next;

	if (engine->placer_made)
		placer_release(&engine->placer);
	sim_policy_close(engine->run->policy);
	heap_release(&engine->ends);
	for (struct sim_task *task = engine->tasks; task != NULL; task = next) {
		next = task->next;
		sim_specs_put(&engine->specs, task->spec, engine->measure);
		free(task);
	}
	sim_specs_release(&engine->specs);
	for (uint32_t i = 0; i < engine->node_count; i++)
		node_info_release(&engine->nodes[i].info);
	free(engine->nodes);
	free(engine->placements);
}

/* ---- a task arrives, ends, is placed ---- */

/* For when to end, not for placing: does it fit on some node when nothing else is there? */
static bool
is_hopeless(const struct engine *engine, const struct task_spec *spec)
{
	for (uint32_t i = 0; i < engine->node_count; i++) {
		const struct node_info *info = &engine->nodes[i].info;

		if (spec->mcpu <= info->mcpu && spec->memory_bytes <= info->memory_bytes &&
		    spec->disk_bytes <= info->disk_bytes &&
		    constraints_broken(spec->constraints, spec->constraint_count, info) == NULL)
			return false;
	}
	return true;
}

static int
arrive(struct engine *engine, struct cube_error *err)
{
	struct sim_task *task = calloc(1, sizeof(*task));
	struct cube_error own = {0};

	if (task == NULL)
		return no_memory(err);
	if (sim_specs_get(&engine->specs, &engine->arrival, &task->spec, &own) != 0) {
		free(task);
		if (own.code == CUBE_ERR_INVALID)
			return sim_workload_refuse(engine->run->workload, &own, err);
		*err = own;
		return err->code;
	}
	if (task->spec->users == 1)
		task->spec->hopeless = is_hopeless(engine, &task->spec->spec);
	engine->hopeless += task->spec->hopeless;
	task->place.spec = &task->spec->spec;
	task->place.sequence = ++engine->sequence;
	task->arrived_us = engine->arrival.at_us;
	task->duration_us = engine->arrival.duration_us;
	task->next = engine->tasks;
	if (task->next != NULL)
		task->next->prev = task;
	engine->tasks = task;
	placer_wait(&engine->placer, &task->place);
	engine->measure->arrived++;
	engine->measure->levels.waiting++;
	return 0;
}

static void
levels_add(struct sim_levels *levels, const struct task_spec *spec, int sign)
{
	levels->mcpu += sign * spec->mcpu;
	levels->memory_bytes += sign * spec->memory_bytes;
	levels->disk_bytes += sign * spec->disk_bytes;
}

static void
measure_node(struct engine *engine, struct sim_node *node)
{
	sim_measure_node(engine->measure, &node->state, node->place.used_mcpu,
			 node->place.used_memory_bytes, node->place.task_count > 0);
}

static void
task_end(struct engine *engine, struct sim_task *task)
{
	struct sim_node *node = task->node;

	heap_remove(&engine->ends, &task->end);
	if (task->spec->job != NULL)
		sim_measure_job_ended(&task->spec->job->state,
				      group_on(task->place.group, &node->place));
	placer_unreserve(&engine->placer, &node->place, &task->place);
	placer_forget(&engine->placer, &task->place);
	levels_add(&engine->measure->levels, &task->spec->spec, -1);
	measure_node(engine, node);
	engine->measure->levels.running--;
	engine->measure->ended++;
	if (task->prev != NULL)
		task->prev->next = task->next;
	else
		engine->tasks = task->next;
	if (task->next != NULL)
		task->next->prev = task->prev;
	sim_specs_put(&engine->specs, task->spec, engine->measure);
	free(task);
}

static int
note_placement(struct engine *engine, struct place_task *place, struct place_node *node)
{
	struct placement *grown = vec_reserve(engine->placements, &engine->placement_capacity,
					      engine->placement_count + 1, sizeof(*grown));

	if (grown == NULL)
		return CUBE_ERR_NO_MEMORY;
	engine->placements = grown;
	grown += engine->placement_count++;
	grown->task = task_of(place);
	grown->node = (struct sim_node *)node;
	grown->peers = place->group != NULL ? group_on(place->group, node) : 0;
	return 0;
}

/* Places what can be placed now; nothing else runs while its clock does. */
static int
place_all(struct engine *engine, struct cube_error *err)
{
	const uint64_t began_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	struct placer *placer = &engine->placer;
	struct place_task *first;
	size_t work = 0;

	engine->placement_count = 0;
	while (placer->failed == 0 && (first = placer_first(placer)) != NULL) {
		struct place_node *node = placer_choose(placer, first, NULL, &work);

		if (node == NULL) {
			/* It and its like are put aside. */
			if (placer->fault[0] != '\0' && engine->result->fault[0] == '\0')
				(void)memcpy(engine->result->fault, placer->fault,
					     sizeof(placer->fault));
			continue;
		}
		placer_unwait(placer, first);
		placer_reserve(placer, node, first);
		if (note_placement(engine, first, node) != 0)
			return no_memory(err);
	}
	engine->result->place_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID) - began_ns;
	return placer->failed == 0 ? 0 : no_memory(err);
}

static int
count_placement(struct engine *engine, const struct placement *placement, uint64_t now_us)
{
	struct sim_measure *measure = engine->measure;
	struct sim_task *task = placement->task;

	task->node = placement->node;
	levels_add(&measure->levels, &task->spec->spec, 1);
	measure_node(engine, task->node);
	measure->placed++;
	measure->levels.waiting--;
	measure->levels.running++;
	sim_histogram_add(&measure->waits, now_us - task->arrived_us);
	if (task->spec->job != NULL &&
	    sim_measure_job_placed(measure, &task->spec->job->state, placement->peers) != 0)
		return CUBE_ERR_NO_MEMORY;
	if (task->duration_us == SIM_FOREVER)
		return 0;
	/* Centuries behind one another: the end of time is near enough. */
	if (task->duration_us >= SIM_FOREVER - 1 - now_us)
		return heap_set(&engine->ends, &task->end, SIM_FOREVER - 1);
	return heap_set(&engine->ends, &task->end, now_us + task->duration_us);
}

/* ---- the loop ---- */

static int
read_ahead(struct engine *engine, struct cube_error *err)
{
	int rc = sim_workload_next(engine->run->workload, &engine->arrival, err);

	engine->more = rc == 1;
	return rc < 0 ? rc : 0;
}

/* When something happens next; SIM_FOREVER: nothing does. */
static uint64_t
next_moment(const struct engine *engine)
{
	const struct heap_item *first = heap_first(&engine->ends);
	uint64_t moment = first != NULL ? first->due_ms : SIM_FOREVER;

	if (engine->more && engine->arrival.at_us < moment)
		moment = engine->arrival.at_us;
	return moment;
}

static bool
is_over(const struct engine *engine, uint64_t moment)
{
	const struct sim_run *run = engine->run;

	if (moment == SIM_FOREVER)
		return true;
	if (run->until == SIM_UNTIL_TIME)
		return moment > run->until_us;
	return run->until == SIM_UNTIL_PLACED && !engine->more &&
	       engine->measure->levels.waiting == engine->hopeless;
}

/* All that happens at one moment. */
static int
step(struct engine *engine, uint64_t now_us, struct cube_error *err)
{
	struct heap_item *due;

	sim_measure_until(engine->measure, now_us);
	engine->run->policy->now_us = now_us;
	while ((due = heap_first(&engine->ends)) != NULL && due->due_ms == now_us)
		task_end(engine, (struct sim_task *)due);
	while (engine->more && engine->arrival.at_us == now_us) {
		if (arrive(engine, err) != 0 || read_ahead(engine, err) != 0)
			return err->code;
	}
	if (place_all(engine, err) != 0)
		return err->code;
	for (size_t i = 0; i < engine->placement_count; i++) {
		if (count_placement(engine, &engine->placements[i], now_us) != 0)
			return no_memory(err);
	}
	sim_measure_settled(engine->measure);
	return 0;
}

static int
go_on(struct engine *engine, struct cube_error *err)
{
	const struct sim_run *run = engine->run;
	uint64_t moment;

	if (read_ahead(engine, err) != 0)
		return err->code;
	for (moment = next_moment(engine); !is_over(engine, moment);
	     moment = next_moment(engine)) {
		if (step(engine, moment, err) != 0)
			return err->code;
		sim_progress_tell(run->progress, sim_workload_done(run->workload),
				  engine->measure->arrived, engine->measure->levels.waiting);
	}
	if (run->until == SIM_UNTIL_TIME && run->until_us > engine->measure->now_us)
		sim_measure_until(engine->measure, run->until_us);
	return 0;
}

/* Who still waits has waited for so long at least. */
static void
count_waiting(struct engine *engine)
{
	struct sim_measure *measure = engine->measure;

	for (struct sim_task *task = engine->tasks; task != NULL; task = task->next) {
		if (task->node != NULL)
			continue;
		engine->result->waiting++;
		sim_histogram_add(&measure->waits, measure->now_us - task->arrived_us);
	}
}

int
sim_run(const struct sim_run *run, struct sim_result *result, struct cube_error *err)
{
	struct engine engine = {.run = run, .result = result, .measure = &result->measure};
	const uint64_t began_ns = clock_ns(CLOCK_MONOTONIC);
	int rc;

	memset(result, 0, sizeof(*result));
	sim_progress_begin(run->progress, run->policy->label);
	rc = begin(&engine, err);
	if (rc == 0)
		rc = go_on(&engine, err);
	if (rc == 0)
		count_waiting(&engine);
	end(&engine);
	sim_progress_end(run->progress);
	result->wall_ns = clock_ns(CLOCK_MONOTONIC) - began_ns;
	if (rc != 0)
		sim_result_release(result);
	return rc;
}

void
sim_result_release(struct sim_result *result)
{
	sim_measure_release(&result->measure);
}
