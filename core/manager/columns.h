/* manager/columns.h - the cluster as schedulers see it: columns, a row a node.
 *
 * Kept up to date with each reservation, so a placement copies nothing. Rows are dense: when
 * a node goes, the last row takes its place. Private to core/manager.
 */
#ifndef MANAGER_COLUMNS_H
#define MANAGER_COLUMNS_H

#include <cube/scheduler.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct manager;
struct node;

struct columns {
	struct cube_nodes view; /* points at the arrays below */
	uint64_t *key;
	uint32_t *tasks;
	int64_t *total_mcpu;
	int64_t *free_mcpu;
	int64_t *total_memory_bytes;
	int64_t *free_memory_bytes;
	int64_t *total_disk_bytes;
	int64_t *free_disk_bytes;
	float *cpu_busy;
	uint32_t *domain;
	struct node **node;
	uint64_t *ready; /* bit a row: new tasks may go there */
	uint64_t *grown; /* bit a row: it has more room than when the waiting last looked */
	bool any_grown;
	size_t capacity;  /* rows, a multiple of 64 */
	uint64_t version; /* grows with each change that may alter where a task fits */
};

void columns_release(struct columns *columns);
int columns_add(struct manager *manager, struct node *node); /* 0 or CUBE_ERR_NO_MEMORY */
void columns_remove(struct manager *manager, struct node *node);

/* After the node's capacity, reservations, status or ports changed; grown: it may now take
 * what it could not before. */
void columns_update(struct manager *manager, const struct node *node, bool grown);

static inline bool
bit_get(const uint64_t *bits, uint32_t row)
{
	return (bits[row / 64] >> (row % 64) & 1) != 0;
}

static inline void
bit_put(uint64_t *bits, uint32_t row, bool value)
{
	uint64_t bit = UINT64_C(1) << (row % 64);

	bits[row / 64] = value ? bits[row / 64] | bit : bits[row / 64] & ~bit;
}

#endif
