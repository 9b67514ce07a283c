/* manager/pending.c - shapes: the queue of tasks that wait.
 *
 * Owns the shapes; the entries are the ledger's. A shape lives while a task of it waits.
 * Looking for it costs one look-up by a text made of what decides where a task fits.
 * Brain's thread.
 */
#include "manager/pending.h"

#include "manager/brain.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHAPE_KEY_MAX ((size_t)128 * 1024) /* a job's name may be long */
#define SEQUENCE_BITS 56

int
pending_init(struct pending *pending)
{
	pending->shapes = map_new();
	pending->groups = map_new();
	pending->next_shape = 1;
	pending->next_group = 1;
	return pending->shapes != NULL && pending->groups != NULL ? 0 : CUBE_ERR_NO_MEMORY;
}

static void
shape_free(void *value)
{
	struct shape *shape = value;

	if (shape == NULL)
		return;
	free(shape->key);
	free(shape->ports);
	free(shape);
}

static void
group_free(void *value)
{
	struct group *group = value;

	free(group->job);
	free(group->peers);
	free(group);
}

void
pending_release(struct pending *pending)
{
	heap_release(&pending->ready);
	map_free(pending->shapes, shape_free);
	map_free(pending->groups, group_free);
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
			key_number(&key, node_port(&spec->ports[i]));
	}
	/* A job's name may look like a port. */
	buf_append_text(&key, "/");
	buf_append_text(&key, spec->job);
	text = buf_take(&key, &size);
	buf_release(&key);
	return text;
}

/* Takes key. */
static struct shape *
shape_new(struct manager *manager, const struct task_spec *spec, char *key)
{
	struct shape *shape = calloc(1, sizeof(*shape));
	uint32_t i;

	if (shape == NULL) {
		free(key);
		return NULL;
	}
	shape->key = key;
	shape->mcpu = spec->mcpu;
	shape->memory_bytes = spec->memory_bytes;
	shape->disk_bytes = spec->disk_bytes;
	shape->priority = spec->priority;
	shape->ports = calloc(spec->port_count + 1, sizeof(*shape->ports));
	if (shape->ports == NULL || map_put(manager->pending.shapes, key, shape) != 0) {
		shape_free(shape);
		return NULL;
	}
	for (i = 0; i < spec->port_count; i++) {
		if (spec->ports[i].host_port != 0)
			shape->ports[shape->port_count++] = node_port(&spec->ports[i]);
	}
	shape->id = manager->pending.next_shape++;
	return shape;
}

/* By (priority, sequence of the first task): the smallest goes first. */
static void
shape_queue(struct manager *manager, struct shape *shape)
{
	uint64_t rank = (uint64_t)(UINT8_MAX - shape->priority) << SEQUENCE_BITS;

	assert(shape->priority <= UINT8_MAX && shape->first != NULL);
	rank |= shape->first->task.status.sequence;
	if (heap_set(&manager->pending.ready, &shape->ready, rank) != 0)
		brain_failed(manager);
}

static void
shape_unpark(struct manager *manager, struct shape *shape)
{
	if (shape->parked_prev != NULL)
		shape->parked_prev->parked_next = shape->parked_next;
	else
		manager->pending.parked = shape->parked_next;
	if (shape->parked_next != NULL)
		shape->parked_next->parked_prev = shape->parked_prev;
	shape->parked_prev = NULL;
	shape->parked_next = NULL;
	shape->parked = false;
	shape->faulted = false;
}

void
pending_park(struct manager *manager, struct shape *shape)
{
	struct pending *pending = &manager->pending;

	heap_remove(&pending->ready, &shape->ready);
	shape->parked = true;
	shape->reason_version = 0;
	shape->parked_next = pending->parked;
	if (pending->parked != NULL)
		pending->parked->parked_prev = shape;
	pending->parked = shape;
}

/* New tasks go to the end; one that returns finds its place from the front, where the old
 * ones are. */
static void
shape_insert(struct shape *shape, struct entry *entry)
{
	uint64_t sequence = entry->task.status.sequence;
	struct entry *after = shape->last;

	if (after != NULL && after->task.status.sequence > sequence) {
		struct entry *next = shape->first;

		while (next->task.status.sequence < sequence)
			next = next->shape_next;
		after = next->shape_prev;
	}
	entry->shape_prev = after;
	entry->shape_next = after != NULL ? after->shape_next : shape->first;
	if (entry->shape_next != NULL)
		entry->shape_next->shape_prev = entry;
	else
		shape->last = entry;
	if (after != NULL)
		after->shape_next = entry;
	else
		shape->first = entry;
	entry->shape = shape;
	shape->count++;
}

void
pending_add(struct manager *manager, struct entry *entry)
{
	const struct task_spec *spec = entry->task.spec;
	char *key = shape_key(spec);
	struct shape *shape;

	assert(entry->task.status.state == TASK_PENDING && entry->shape == NULL);
	shape = key != NULL ? map_get(manager->pending.shapes, key) : NULL;
	if (shape != NULL)
		free(key);
	else if (key != NULL)
		shape = shape_new(manager, spec, key);
	if (shape == NULL) {
		brain_failed(manager);
		return;
	}
	group_join(manager, entry);
	shape->group = entry->group;
	shape_insert(shape, entry);
	manager->pending.count++;
	/* Where an equal task did not fit, this one does not either; but a scheduler that
	 * failed is asked again. */
	if (shape->parked && shape->faulted)
		shape_unpark(manager, shape);
	if (!shape->parked)
		shape_queue(manager, shape);
}

void
pending_remove(struct manager *manager, struct entry *entry)
{
	struct shape *shape = entry->shape;

	if (entry->shape_prev != NULL)
		entry->shape_prev->shape_next = entry->shape_next;
	else
		shape->first = entry->shape_next;
	if (entry->shape_next != NULL)
		entry->shape_next->shape_prev = entry->shape_prev;
	else
		shape->last = entry->shape_prev;
	entry->shape = NULL;
	entry->shape_prev = NULL;
	entry->shape_next = NULL;
	shape->count--;
	manager->pending.count--;
	if (shape->count > 0) {
		if (!shape->parked)
			shape_queue(manager, shape);
		return;
	}
	if (shape->parked)
		shape_unpark(manager, shape);
	heap_remove(&manager->pending.ready, &shape->ready);
	fit_forget(manager, shape);
	(void)map_remove(manager->pending.shapes, shape->key);
	shape_free(shape);
}

struct shape *
pending_first(const struct manager *manager)
{
	return (struct shape *)heap_first(&manager->pending.ready);
}

/* Is there a row that has grown and can take it now? */
static bool
fits_grown(const struct manager *manager, const struct shape *shape)
{
	const struct columns *columns = &manager->columns;
	uint32_t base;

	for (base = 0; base < columns->view.count; base += 64) {
		uint64_t bits = columns->grown[base / 64];

		for (; bits != 0; bits &= bits - 1) {
			uint32_t row = base + (uint32_t)__builtin_ctzll(bits);

			if (fit_check(manager, row, shape) == FIT_OK)
				return true;
		}
	}
	return false;
}

void
pending_wake(struct manager *manager)
{
	struct columns *columns = &manager->columns;
	struct shape *shape;
	struct shape *next;

	if (!columns->any_grown)
		return;
	for (shape = manager->pending.parked; shape != NULL; shape = next) {
		next = shape->parked_next;
		if (!shape->faulted && !fits_grown(manager, shape))
			continue;
		shape_unpark(manager, shape);
		shape_queue(manager, shape);
	}
	memset(columns->grown, 0, columns->capacity / 64 * sizeof(*columns->grown));
	columns->any_grown = false;
}
