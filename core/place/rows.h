/* place/rows.h - the cluster as schedulers see it: columns, a row a node.
 *
 * Kept up to date with each reservation, so a placement copies nothing. Rows are dense: when
 * a node goes, the last row takes its place. What is derived from rows (place/kept.h) asks
 * which have changed since it last looked.
 */
#ifndef PLACE_ROWS_H
#define PLACE_ROWS_H

#include <cube/scheduler.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct place_node;
struct placer;

struct rows {
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
	struct place_node **node;
	uint64_t *ready; /* bit a row: new tasks may go there */
	uint64_t *grown; /* bit a row: it has more room than when the waiting last looked */
	bool any_grown;
	uint64_t *offered;    /* bit a row: it woke a shape that has not had its turn since */
	size_t capacity;      /* rows, a multiple of 64 */
	uint64_t version;     /* how many changes there were: the number of the newest */
	uint32_t *log;        /* the row of change v is log[v % capacity] */
	uint64_t logged_from; /* changes up to this one are not in the log */
	uint64_t *changed;    /* the number of a row's newest change */
};

void rows_release(struct rows *rows);
int rows_add(struct placer *placer, struct place_node *node); /* 0 or CUBE_ERR_NO_MEMORY */
void rows_remove(struct placer *placer, struct place_node *node);
/* After the node's capacity, reservations, status or ports changed; grown: it may now take
 * what it could not before. */
void rows_update(struct placer *placer, const struct place_node *node, bool grown);
/* The row says what its node says, though a scheduler has written over it. */
void rows_restore(struct placer *placer, uint32_t row);

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
