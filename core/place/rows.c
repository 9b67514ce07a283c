/* place/rows.c - the columns, their growth and their upkeep.
 *
 * Owns the arrays; the nodes are their owner's. All arrays have one capacity and grow
 * together, so a row is valid in each of them or in none. Each change of a row has a number
 * and stands in a log as long as the columns: who kept something of the rows reads on from
 * the number it knows, or, when that is too old, looks at all of them. One thread.
 */
#include "place/rows.h"

#include "place/placer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_FIRST 64

void
rows_release(struct rows *rows)
{
	free(rows->key);
	free(rows->tasks);
	free(rows->total_mcpu);
	free(rows->free_mcpu);
	free(rows->total_memory_bytes);
	free(rows->free_memory_bytes);
	free(rows->total_disk_bytes);
	free(rows->free_disk_bytes);
	free(rows->cpu_busy);
	free(rows->domain);
	free(rows->node);
	free(rows->ready);
	free(rows->grown);
	free(rows->offered);
	free(rows->log);
	free(rows->changed);
}

/* array with room for capacity items, the new ones zero; as it was if memory is short. */
static void *
widen(void *array, size_t item_size, size_t from, size_t capacity, bool *failed)
{
	char *grown = reallocarray(array, capacity, item_size);

	if (grown == NULL) {
		*failed = true;
		return array;
	}
	memset(grown + from * item_size, 0, (capacity - from) * item_size);
	return grown;
}

#define WIDEN(array) rows->array = widen(rows->array, sizeof(*rows->array), from, to, &failed)
#define WIDEN_BITS(array) \
	rows->array = widen(rows->array, sizeof(uint64_t), from / 64, to / 64, &failed)

static int
make_room(struct rows *rows)
{
	size_t from = rows->capacity;
	size_t to = from == 0 ? ROWS_FIRST : from * 2;
	bool failed = false;

	if (rows->view.count < from)
		return 0;
	WIDEN(key);
	WIDEN(tasks);
	WIDEN(total_mcpu);
	WIDEN(free_mcpu);
	WIDEN(total_memory_bytes);
	WIDEN(free_memory_bytes);
	WIDEN(total_disk_bytes);
	WIDEN(free_disk_bytes);
	WIDEN(cpu_busy);
	WIDEN(domain);
	rows->node = widen(rows->node, sizeof(struct place_node *), from, to, &failed);
	WIDEN(log);
	WIDEN(changed);
	WIDEN_BITS(ready);
	WIDEN_BITS(grown);
	WIDEN_BITS(offered);
	if (failed)
		return CUBE_ERR_NO_MEMORY;
	rows->capacity = to;
	rows->logged_from = rows->version; /* the places in the log are others now */
	rows->view.struct_size = sizeof(rows->view);
	rows->view.key = rows->key;
	rows->view.tasks = rows->tasks;
	rows->view.total_mcpu = rows->total_mcpu;
	rows->view.free_mcpu = rows->free_mcpu;
	rows->view.total_memory_bytes = rows->total_memory_bytes;
	rows->view.free_memory_bytes = rows->free_memory_bytes;
	rows->view.total_disk_bytes = rows->total_disk_bytes;
	rows->view.free_disk_bytes = rows->free_disk_bytes;
	rows->view.cpu_busy = rows->cpu_busy;
	rows->view.domain = rows->domain;
	return 0;
}

static void
note_change(struct rows *rows, uint32_t row)
{
	rows->version++;
	rows->log[rows->version & (rows->capacity - 1)] = row;
	rows->changed[row] = rows->version;
}

int
rows_add(struct placer *placer, struct place_node *node)
{
	struct rows *rows = &placer->rows;
	uint32_t row = rows->view.count;

	if (make_room(rows) != 0 || kept_make_room(&placer->kept, rows->capacity) != 0 ||
	    groups_make_room(&placer->groups, rows->capacity) != 0)
		return CUBE_ERR_NO_MEMORY;
	rows->view.count++;
	node->row = row;
	rows->node[row] = node;
	rows->key[row] = node->key;
	rows->domain[row] = 0;
	bit_put(rows->ready, row, false);
	bit_put(rows->grown, row, false);
	bit_put(rows->offered, row, false);
	if (domains_join(placer, node) != 0) {
		rows->view.count--;
		return CUBE_ERR_NO_MEMORY;
	}
	rows_update(placer, node, false);
	return 0;
}

void
rows_remove(struct placer *placer, struct place_node *node)
{
	struct rows *rows = &placer->rows;
	uint32_t row = node->row;
	uint32_t last = rows->view.count - 1;
	struct place_node *moved = rows->node[last];

	rows->node[row] = moved;
	rows->key[row] = moved->key;
	rows->domain[row] = rows->domain[last];
	bit_put(rows->ready, row, bit_get(rows->ready, last));
	bit_put(rows->grown, row, bit_get(rows->grown, last));
	bit_put(rows->offered, row, bit_get(rows->offered, last));
	bit_put(rows->ready, last, false);
	bit_put(rows->grown, last, false);
	bit_put(rows->offered, last, false);
	groups_row_move(&placer->groups, last, row);
	moved->row = row;
	domains_leave(placer, node);
	rows->view.count--;
	note_change(rows, last); /* it is no row any more */
	if (moved != node)
		rows_update(placer, moved, false);
}

/* What is used may have wrapped around (place/reserve.c). */
static int64_t
minus(int64_t total, int64_t used)
{
	return (int64_t)((uint64_t)total - (uint64_t)used);
}

void
rows_restore(struct placer *placer, uint32_t row)
{
	struct rows *rows = &placer->rows;
	const struct place_node *node = rows->node[row];
	const struct node_info *info = node->info;

	rows->tasks[row] = node->task_count;
	rows->total_mcpu[row] = info->mcpu;
	rows->free_mcpu[row] = minus(info->mcpu, node->used_mcpu);
	rows->total_memory_bytes[row] = info->memory_bytes;
	rows->free_memory_bytes[row] = minus(info->memory_bytes, node->used_memory_bytes);
	rows->total_disk_bytes[row] = info->disk_bytes;
	rows->free_disk_bytes[row] = minus(info->disk_bytes, node->used_disk_bytes);
	rows->cpu_busy[row] = info->cpu_busy;
	bit_put(rows->ready, row, place_node_is_ready(node));
}

void
rows_update(struct placer *placer, const struct place_node *node, bool grown)
{
	struct rows *rows = &placer->rows;
	uint32_t row = node->row;

	rows_restore(placer, row);
	if (grown) {
		bit_put(rows->grown, row, true);
		rows->any_grown = true;
	}
	note_change(rows, row);
}
