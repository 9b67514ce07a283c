/* manager/columns.c - the columns, their growth and their upkeep.
 *
 * Owns the arrays; the nodes are those of manager/nodes.c. All arrays have one capacity
 * and grow together, so a row is valid in each of them or in none. Brain's thread.
 */
#include "manager/columns.h"

#include "manager/brain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_FIRST 64

void
columns_release(struct columns *columns)
{
	free(columns->key);
	free(columns->tasks);
	free(columns->total_mcpu);
	free(columns->free_mcpu);
	free(columns->total_memory_bytes);
	free(columns->free_memory_bytes);
	free(columns->total_disk_bytes);
	free(columns->free_disk_bytes);
	free(columns->cpu_busy);
	free(columns->domain);
	free(columns->node);
	free(columns->ready);
	free(columns->grown);
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

static int
make_room(struct columns *columns)
{
	size_t from = columns->capacity;
	size_t capacity = from == 0 ? COLUMNS_FIRST : from * 2;
	bool failed = false;

	if (columns->view.count < from)
		return 0;
	columns->key = widen(columns->key, sizeof(uint64_t), from, capacity, &failed);
	columns->tasks = widen(columns->tasks, sizeof(uint32_t), from, capacity, &failed);
	columns->total_mcpu =
		widen(columns->total_mcpu, sizeof(int64_t), from, capacity, &failed);
	columns->free_mcpu =
		widen(columns->free_mcpu, sizeof(int64_t), from, capacity, &failed);
	columns->total_memory_bytes =
		widen(columns->total_memory_bytes, sizeof(int64_t), from, capacity, &failed);
	columns->free_memory_bytes =
		widen(columns->free_memory_bytes, sizeof(int64_t), from, capacity, &failed);
	columns->total_disk_bytes =
		widen(columns->total_disk_bytes, sizeof(int64_t), from, capacity, &failed);
	columns->free_disk_bytes =
		widen(columns->free_disk_bytes, sizeof(int64_t), from, capacity, &failed);
	columns->cpu_busy = widen(columns->cpu_busy, sizeof(float), from, capacity, &failed);
	columns->domain = widen(columns->domain, sizeof(uint32_t), from, capacity, &failed);
	columns->node = widen(columns->node, sizeof(struct node *), from, capacity, &failed);
	columns->ready =
		widen(columns->ready, sizeof(uint64_t), from / 64, capacity / 64, &failed);
	columns->grown =
		widen(columns->grown, sizeof(uint64_t), from / 64, capacity / 64, &failed);
	if (failed)
		return CUBE_ERR_NO_MEMORY;
	columns->capacity = capacity;
	columns->view.struct_size = sizeof(columns->view);
	columns->view.key = columns->key;
	columns->view.tasks = columns->tasks;
	columns->view.total_mcpu = columns->total_mcpu;
	columns->view.free_mcpu = columns->free_mcpu;
	columns->view.total_memory_bytes = columns->total_memory_bytes;
	columns->view.free_memory_bytes = columns->free_memory_bytes;
	columns->view.total_disk_bytes = columns->total_disk_bytes;
	columns->view.free_disk_bytes = columns->free_disk_bytes;
	columns->view.cpu_busy = columns->cpu_busy;
	columns->view.domain = columns->domain;
	return 0;
}

int
columns_add(struct manager *manager, struct node *node)
{
	struct columns *columns = &manager->columns;
	uint32_t row = columns->view.count;

	if (make_room(columns) != 0 || fit_make_room(manager, columns->capacity) != 0 ||
	    groups_make_room(manager, columns->capacity) != 0)
		return CUBE_ERR_NO_MEMORY;
	columns->view.count++;
	node->row = row;
	columns->node[row] = node;
	columns->key[row] = node->key;
	columns->domain[row] = 0;
	bit_put(columns->ready, row, false);
	bit_put(columns->grown, row, false);
	groups_row_clear(manager, row);
	columns_update(manager, node, false);
	return 0;
}

void
columns_remove(struct manager *manager, struct node *node)
{
	struct columns *columns = &manager->columns;
	uint32_t row = node->row;
	uint32_t last = columns->view.count - 1;
	struct node *moved = columns->node[last];

	columns->node[row] = moved;
	columns->key[row] = moved->key;
	columns->domain[row] = columns->domain[last];
	bit_put(columns->ready, row, bit_get(columns->ready, last));
	bit_put(columns->grown, row, bit_get(columns->grown, last));
	bit_put(columns->ready, last, false);
	bit_put(columns->grown, last, false);
	groups_row_move(manager, last, row);
	moved->row = row;
	columns->view.count--;
	/* Bits of the kept bitmap would be another node's now. */
	fit_forget(manager, NULL);
	if (moved != node)
		columns_update(manager, moved, false);
	else
		columns->version++;
}

/* What is used may have wrapped around (manager/reserve.c). */
static int64_t
minus(int64_t total, int64_t used)
{
	return (int64_t)((uint64_t)total - (uint64_t)used);
}

void
columns_update(struct manager *manager, const struct node *node, bool grown)
{
	struct columns *columns = &manager->columns;
	uint32_t row = node->row;

	columns->tasks[row] = node->task_count;
	columns->total_mcpu[row] = node->info.mcpu;
	columns->free_mcpu[row] = minus(node->info.mcpu, node->used_mcpu);
	columns->total_memory_bytes[row] = node->info.memory_bytes;
	columns->free_memory_bytes[row] =
		minus(node->info.memory_bytes, node->used_memory_bytes);
	columns->total_disk_bytes[row] = node->info.disk_bytes;
	columns->free_disk_bytes[row] = minus(node->info.disk_bytes, node->used_disk_bytes);
	columns->cpu_busy[row] = node->info.cpu_busy;
	bit_put(columns->ready, row, node_takes_tasks(node));
	if (grown) {
		bit_put(columns->grown, row, true);
		columns->any_grown = true;
	}
	columns->version++;
	fit_row_changed(manager, row);
}
