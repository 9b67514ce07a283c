/* manager/fit.c - readiness, cpu, memory, disk and host ports of a row against a shape.
 *
 * Owns one bitmap: the eligible rows of the shape that was placed last. A burst of equal
 * tasks then looks again at the one row that each placement changed, not at all of them.
 */
#include "manager/fit.h"

#include "manager/brain.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What a node of the book's protocol does not tell (0) does not limit. */
static bool
lacks(int64_t wanted, int64_t free_amount, int64_t total, bool book)
{
	if (wanted == 0 || (book && total == 0))
		return false;
	return wanted > free_amount;
}

enum misfit
fit_check(const struct manager *manager, uint32_t row, const struct shape *shape)
{
	const struct columns *columns = &manager->columns;
	const struct node *node = columns->node[row];
	uint32_t i;

	if (!bit_get(columns->ready, row))
		return node->status == NODE_READY ? FIT_RUNTIME : FIT_NOT_READY;
	if (lacks(shape->mcpu, columns->free_mcpu[row], columns->total_mcpu[row], node->book))
		return FIT_CPU;
	if (lacks(shape->memory_bytes, columns->free_memory_bytes[row],
		  columns->total_memory_bytes[row], node->book))
		return FIT_MEMORY;
	if (lacks(shape->disk_bytes, columns->free_disk_bytes[row],
		  columns->total_disk_bytes[row], node->book))
		return FIT_DISK;
	for (i = 0; i < shape->port_count; i++) {
		if (node_has_port(node, shape->ports[i]))
			return FIT_PORT;
	}
	return FIT_OK;
}

bool
fit_anywhere(const struct manager *manager, const struct task_spec *spec)
{
	uint32_t ports[TASK_PORTS_MAX];
	struct shape shape = {.mcpu = spec->mcpu,
			      .memory_bytes = spec->memory_bytes,
			      .disk_bytes = spec->disk_bytes,
			      .ports = ports};
	uint32_t row;
	uint32_t i;

	for (i = 0; i < spec->port_count; i++) {
		if (spec->ports[i].host_port != 0)
			ports[shape.port_count++] = node_port(&spec->ports[i]);
	}
	for (row = 0; row < manager->columns.view.count; row++) {
		if (fit_check(manager, row, &shape) == FIT_OK)
			return true;
	}
	return false;
}

uint32_t
fit_select(struct manager *manager, const struct shape *shape)
{
	struct fit *fit = &manager->fit;
	uint32_t count = manager->columns.view.count;
	uint32_t row;

	if (fit->shape == shape || count == 0)
		return count == 0 ? 0 : fit->count;
	memset(fit->eligible, 0, fit->capacity / 64 * sizeof(*fit->eligible));
	fit->count = 0;
	fit->shape = shape;
	for (row = 0; row < count; row++) {
		/* Whole words without a ready row are passed over. */
		if (row % 64 == 0 && manager->columns.ready[row / 64] == 0) {
			row += 63;
			continue;
		}
		if (fit_check(manager, row, shape) == FIT_OK) {
			bit_put(fit->eligible, row, true);
			fit->count++;
		}
	}
	return fit->count;
}

void
fit_row_changed(struct manager *manager, uint32_t row)
{
	struct fit *fit = &manager->fit;
	bool before;
	bool fits;

	if (fit->shape == NULL)
		return;
	before = bit_get(fit->eligible, row);
	fits = fit_check(manager, row, fit->shape) == FIT_OK;
	if (fits == before)
		return;
	bit_put(fit->eligible, row, fits);
	fit->count = fits ? fit->count + 1 : fit->count - 1;
}

void
fit_forget(struct manager *manager, const struct shape *shape)
{
	if (shape == NULL || manager->fit.shape == shape)
		manager->fit.shape = NULL;
}

int
fit_make_room(struct manager *manager, size_t rows)
{
	struct fit *fit = &manager->fit;
	uint64_t *grown;

	if (rows <= fit->capacity)
		return 0;
	assert(rows % 64 == 0);
	grown = reallocarray(fit->eligible, rows / 64, sizeof(*grown));
	if (grown == NULL)
		return CUBE_ERR_NO_MEMORY;
	memset(grown + fit->capacity / 64, 0, (rows - fit->capacity) / 64 * sizeof(*grown));
	fit->eligible = grown;
	fit->capacity = rows;
	return 0;
}

void
fit_release(struct fit *fit)
{
	free(fit->eligible);
}
