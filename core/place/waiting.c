/* place/waiting.c - shapes: the queue of tasks that wait.
 *
 * Owns the shapes; the tasks are their owner's. A shape lives while a task of it waits, or
 * something is kept of it (place/kept.h). Looking for it costs one look-up by a text made of
 * what decides where a task fits.
 *
 * The shape with the most urgent and then oldest task goes first, and what was learned of the
 * rows for it serves its other tasks, so it has its turn for a run of them. The run is a
 * small part of what waits: in a short queue one task follows the other by age, in a long one
 * some are overtaken by a few of their own priority. One thread.
 */
#include "place/waiting.h"

#include "place/fit.h"
#include "place/limit.h"
#include "place/placer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SHAPE_KEY_MAX ((size_t)512 * 1024) /* labels and constraints may be long */
#define SEQUENCE_BITS 56
#define RUN_MAX       256 /* tasks of one shape in a row, while others wait as well */
#define RUN_PART      256 /* and at most this part of what waits */

static void
shape_free(void *value)
{
	struct shape *shape = value;

	if (shape == NULL)
		return;
	free(shape->key);
	free(shape->ports);
	free(shape->constraints);
	free(shape);
}

int
waiting_init(struct waiting *waiting)
{
	waiting->shapes = map_new();
	waiting->next_shape = 1;
	return waiting->shapes != NULL ? 0 : CUBE_ERR_NO_MEMORY;
}

void
waiting_release(struct waiting *waiting)
{
	heap_release(&waiting->ready);
	map_free(waiting->shapes, shape_free);
}

/* Hexadecimal with a slash behind it. printf would be half of what a waiting task costs. */
static void
key_number(struct buf *key, uint64_t number)
{
	char text[17];
	size_t at = sizeof(text);

	text[--at] = '/';
	do {
		text[--at] = "0123456789abcdef"[number % 16];
		number /= 16;
	} while (number != 0);
	buf_append(key, text + at, sizeof(text) - at);
}

static char *
shape_key(const struct task_spec *spec)
{
	struct buf key = BUF_INIT(SHAPE_KEY_MAX);
	size_t size;
	uint32_t i;
	char *text;

	key_number(&key, (uint64_t)spec->mcpu);
	key_number(&key, (uint64_t)spec->memory_bytes);
	key_number(&key, (uint64_t)spec->disk_bytes);
	key_number(&key, spec->priority);
	for (i = 0; i < spec->port_count; i++) {
		if (spec->ports[i].host_port != 0)
			key_number(&key, place_port(&spec->ports[i]));
	}
	/* A job's name may look like a port. */
	buf_append_text(&key, "/");
	buf_append_text(&key, spec->job);
	/* Nothing before this has a line feed, nor has a constraint. */
	for (i = 0; i < spec->constraint_count; i++) {
		buf_append_text(&key, "\n");
		buf_append_text(&key, spec->constraints[i].text);
	}
	if (spec->max_per_node > 0) {
		buf_append_text(&key, "\n\n"); /* none of them is empty */
		key_number(&key, spec->max_per_node);
		limit_add_key(&key, spec);
	}
	text = buf_take(&key, &size);
	buf_release(&key);
	return text;
}

/* Takes key. */
static struct shape *
shape_new(struct placer *placer, const struct task_spec *spec, char *key)
{
	struct shape *shape = calloc(1, sizeof(*shape));
	uint32_t i;

	if (shape == NULL) {
		free(key);
		return NULL;
	}
	shape->key = key;
	/* The key has the texts of them all; constraints are there three times. */
	shape->text_bytes = 4 * strlen(key);
	shape->mcpu = spec->mcpu;
	shape->memory_bytes = spec->memory_bytes;
	shape->disk_bytes = spec->disk_bytes;
	shape->priority = spec->priority;
	shape->ports = calloc(spec->port_count + 1, sizeof(*shape->ports));
	if (spec->constraint_count > 0)
		shape->constraints =
			constraints_copy(spec->constraints, spec->constraint_count);
	shape->constraint_count = spec->constraint_count;
	shape->max_per_node = spec->max_per_node;
	if (shape->ports == NULL ||
	    (shape->constraints == NULL && shape->constraint_count > 0) ||
	    map_put(placer->waiting.shapes, key, shape) != 0) {
		shape_free(shape);
		return NULL;
	}
	for (i = 0; i < spec->port_count; i++) {
		if (spec->ports[i].host_port != 0)
			shape->ports[shape->port_count++] = place_port(&spec->ports[i]);
	}
	shape->id = placer->waiting.next_shape++;
	shape->group = group_get(placer, spec->job);
	shape->limit = limit_get(placer, spec);
	if (shape->limit == NULL && spec->max_per_node > 0)
		shape->limit = shape->group;
	return shape;
}

struct shape *
waiting_shape(struct placer *placer, const struct task_spec *spec)
{
	char *key = shape_key(spec);
	struct shape *shape;

	shape = key != NULL ? map_get(placer->waiting.shapes, key) : NULL;
	if (shape != NULL)
		free(key);
	else if (key != NULL)
		shape = shape_new(placer, spec, key);
	if (shape == NULL)
		placer->failed = CUBE_ERR_NO_MEMORY;
	return shape;
}

void
waiting_drop(struct placer *placer, struct shape *shape)
{
	if (shape->count > 0 || shape->kept != NULL)
		return;
	if (shape->limit != shape->group)
		group_put(placer, shape->limit);
	group_put(placer, shape->group);
	(void)map_remove(placer->waiting.shapes, shape->key);
	shape_free(shape);
}

/* By (priority, sequence of the first task): the smallest goes first. */
static uint64_t
shape_rank(const struct shape *shape)
{
	assert(shape->priority <= UINT8_MAX && shape->first != NULL);
	return (uint64_t)(UINT8_MAX - shape->priority) << SEQUENCE_BITS |
	       shape->first->sequence;
}

static void
shape_queue(struct placer *placer, struct shape *shape)
{
	struct waiting *waiting = &placer->waiting;

	if (shape->ready.place == 0)
		waiting->ready_count += shape->count;
	if (heap_set(&waiting->ready, &shape->ready, shape_rank(shape)) != 0)
		placer->failed = CUBE_ERR_NO_MEMORY;
}

/* It was tried, or there is nothing to try: nobody waits for the rows that were offered once
 * the last of the woken is through. */
static void
shape_tried(struct placer *placer, struct shape *shape)
{
	struct rows *rows = &placer->rows;

	if (!shape->woken)
		return;
	shape->woken = false;
	if (--placer->waiting.woken == 0)
		memset(rows->offered, 0, rows->capacity / 64 * sizeof(*rows->offered));
}

static void
shape_unqueue(struct placer *placer, struct shape *shape)
{
	struct waiting *waiting = &placer->waiting;

	shape_tried(placer, shape);
	if (waiting->turn == shape)
		waiting->turn = NULL;
	if (shape->ready.place == 0)
		return;
	waiting->ready_count -= shape->count;
	heap_remove(&waiting->ready, &shape->ready);
}

static void
shape_unpark(struct placer *placer, struct shape *shape)
{
	if (shape->parked_prev != NULL)
		shape->parked_prev->parked_next = shape->parked_next;
	else
		placer->waiting.parked = shape->parked_next;
	if (shape->parked_next != NULL)
		shape->parked_next->parked_prev = shape->parked_prev;
	shape->parked_prev = NULL;
	shape->parked_next = NULL;
	shape->parked = false;
	shape->faulted = false;
}

void
waiting_park(struct placer *placer, struct shape *shape)
{
	struct waiting *waiting = &placer->waiting;

	shape_unqueue(placer, shape);
	shape->parked = true;
	shape->reason_version = 0;
	shape->parked_next = waiting->parked;
	if (waiting->parked != NULL)
		waiting->parked->parked_prev = shape;
	waiting->parked = shape;
}

/* New tasks go to the end; one that returns finds its place from the front, where the old
 * ones are. */
static void
shape_insert(struct shape *shape, struct place_task *task)
{
	struct place_task *after = shape->last;

	if (after != NULL && after->sequence > task->sequence) {
		struct place_task *next = shape->first;

		while (next->sequence < task->sequence)
			next = next->next;
		after = next->prev;
	}
	task->prev = after;
	task->next = after != NULL ? after->next : shape->first;
	if (task->next != NULL)
		task->next->prev = task;
	else
		shape->last = task;
	if (after != NULL)
		after->next = task;
	else
		shape->first = task;
	task->shape = shape;
	shape->count++;
}

void
waiting_add(struct placer *placer, struct place_task *task)
{
	struct shape *shape = waiting_shape(placer, task->spec);

	assert(task->shape == NULL);
	if (shape == NULL)
		return;
	shape_insert(shape, task);
	placer->waiting.count++;
	if (shape->ready.place != 0)
		placer->waiting.ready_count++;
	/* Where an equal task did not fit, this one does not either; but a scheduler that
	 * failed is asked again. */
	if (shape->parked && shape->faulted)
		shape_unpark(placer, shape);
	if (!shape->parked)
		shape_queue(placer, shape);
}

static void
unlink_task(struct place_task *task)
{
	struct shape *shape = task->shape;

	if (task->prev != NULL)
		task->prev->next = task->next;
	else
		shape->first = task->next;
	if (task->next != NULL)
		task->next->prev = task->prev;
	else
		shape->last = task->prev;
	task->shape = NULL;
	task->prev = NULL;
	task->next = NULL;
	shape->count--;
}

void
waiting_remove(struct placer *placer, struct place_task *task)
{
	struct shape *shape = task->shape;

	unlink_task(task);
	placer->waiting.count--;
	if (placer->waiting.turn == shape && placer->waiting.turn_left > 0)
		placer->waiting.turn_left--;
	if (shape->ready.place != 0)
		placer->waiting.ready_count--;
	if (shape->count > 0) {
		if (!shape->parked)
			shape_queue(placer, shape);
		return;
	}
	if (shape->parked)
		shape_unpark(placer, shape);
	shape_unqueue(placer, shape);
	waiting_drop(placer, shape);
}

/* How many tasks of a shape are placed in a row. */
static size_t
run_of(const struct waiting *waiting)
{
	size_t run = waiting->ready_count / RUN_PART + 1;

	return run < RUN_MAX ? run : RUN_MAX;
}

/* Is one of these rows one that can take it now? */
static bool
fits_one_of(const struct placer *placer, const uint64_t *set, const struct shape *shape)
{
	uint32_t base;

	for (base = 0; base < placer->rows.view.count; base += 64) {
		uint64_t bits = set[base / 64];

		for (; bits != 0; bits &= bits - 1) {
			uint32_t row = base + (uint32_t)__builtin_ctzll(bits);

			if (fit_check(placer, row, shape) == FIT_OK)
				return true;
		}
	}
	return false;
}

static struct shape *
whose_turn(struct waiting *waiting)
{
	struct shape *first = (struct shape *)heap_first(&waiting->ready);
	struct shape *turn = waiting->turn;

	if (turn == NULL || waiting->turn_left == 0 || first->priority > turn->priority) {
		waiting->turn = turn = first;
		waiting->turn_left = run_of(waiting);
	}
	return turn;
}

/* Room that became free wakes all who would fit, and those whose turn is first take it. The
 * others look at the rows that were offered alone, and sleep on. */
struct shape *
waiting_first(struct placer *placer)
{
	struct shape *shape;

	while ((shape = whose_turn(&placer->waiting)) != NULL && shape->woken) {
		if (fits_one_of(placer, placer->rows.offered, shape))
			shape_tried(placer, shape);
		else
			waiting_park(placer, shape);
	}
	return shape;
}

static void
shape_wake(struct placer *placer, struct shape *shape)
{
	/* What a scheduler did not want is no question of rows. */
	if (!shape->faulted) {
		shape->woken = true;
		placer->waiting.woken++;
	}
	shape_unpark(placer, shape);
	shape_queue(placer, shape);
}

void
waiting_wake(struct placer *placer)
{
	struct rows *rows = &placer->rows;
	size_t words = rows->capacity / 64;
	struct shape *shape;
	struct shape *next;
	size_t i;

	if (!rows->any_grown)
		return;
	for (shape = placer->waiting.parked; shape != NULL; shape = next) {
		next = shape->parked_next;
		if (shape->faulted || fits_one_of(placer, rows->grown, shape))
			shape_wake(placer, shape);
	}
	for (i = 0; i < words; i++) {
		if (placer->waiting.woken > 0)
			rows->offered[i] |= rows->grown[i];
		rows->grown[i] = 0;
	}
	rows->any_grown = false;
}
