/* place/fit.c - readiness, constraints, cpu, memory, disk, host ports and MaxPerNode of a row
 * against a shape. One thread. */
#include "place/fit.h"

#include "place/placer.h"

/* What a node of the book's protocol does not tell (0) does not limit. */
static bool
lacks(int64_t wanted, int64_t free_amount, int64_t total, bool book)
{
	if (wanted == 0 || (book && total == 0))
		return false;
	return wanted > free_amount;
}

enum misfit
fit_check(const struct placer *placer, uint32_t row, const struct shape *shape)
{
	const struct rows *rows = &placer->rows;
	const struct place_node *node = rows->node[row];
	uint32_t i;

	if (!bit_get(rows->ready, row))
		return node->status == NODE_READY ? FIT_RUNTIME : FIT_NOT_READY;
	if (shape->constraint_count > 0 &&
	    constraints_broken(shape->constraints, shape->constraint_count, node->info) != NULL)
		return FIT_CONSTRAINT;
	if (lacks(shape->mcpu, rows->free_mcpu[row], rows->total_mcpu[row], node->book))
		return FIT_CPU;
	if (lacks(shape->memory_bytes, rows->free_memory_bytes[row],
		  rows->total_memory_bytes[row], node->book))
		return FIT_MEMORY;
	if (lacks(shape->disk_bytes, rows->free_disk_bytes[row], rows->total_disk_bytes[row],
		  node->book))
		return FIT_DISK;
	for (i = 0; i < shape->port_count; i++) {
		if (place_node_has_port(node, shape->ports[i]))
			return FIT_PORT;
	}
	if (shape->limit != NULL && group_on(shape->limit, node) >= shape->max_per_node)
		return FIT_MAX_PER_NODE;
	return FIT_OK;
}
