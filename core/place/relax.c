/* place/relax.c - tries what one change would do. Changes nothing that lasts. One thread. */
#include "place/relax.h"

#include <string.h>

void
relax_init(struct relaxed *relaxed, const struct shape *shape)
{
	relaxed->shape = *shape;
}

static void
drop_port(struct relaxed *relaxed, uint32_t index)
{
	struct shape *shape = &relaxed->shape;

	if (shape->ports != relaxed->ports)
		memcpy(relaxed->ports, shape->ports, shape->port_count * sizeof(*shape->ports));
	shape->ports = relaxed->ports;
	shape->port_count--;
	memmove(relaxed->ports + index, relaxed->ports + index + 1,
		(shape->port_count - index) * sizeof(*shape->ports));
}

static void
drop_constraint(struct relaxed *relaxed, uint32_t index)
{
	struct shape *shape = &relaxed->shape;

	if (shape->constraints != relaxed->constraints)
		memcpy(relaxed->constraints, shape->constraints,
		       shape->constraint_count * sizeof(*shape->constraints));
	shape->constraints = relaxed->constraints;
	shape->constraint_count--;
	memmove(relaxed->constraints + index, relaxed->constraints + index + 1,
		(shape->constraint_count - index) * sizeof(*shape->constraints));
}

void
relax_amount(struct relaxed *relaxed, enum misfit misfit, int64_t amount)
{
	if (misfit == FIT_CPU)
		relaxed->shape.mcpu = amount;
	else if (misfit == FIT_MEMORY)
		relaxed->shape.memory_bytes = amount;
	else if (misfit == FIT_DISK)
		relaxed->shape.disk_bytes = amount;
	else
		relaxed->shape.max_per_node = (uint32_t)amount;
}

void
relax(struct relaxed *relaxed, enum misfit misfit, uint32_t detail)
{
	switch (misfit) {
	case FIT_CPU:
	case FIT_MEMORY:
	case FIT_DISK:
		relax_amount(relaxed, misfit, 0);
		break;
	case FIT_PORT:
		drop_port(relaxed, detail);
		break;
	case FIT_CONSTRAINT:
		drop_constraint(relaxed, detail);
		break;
	case FIT_MAX_PER_NODE:
		relax_amount(relaxed, misfit, UINT32_MAX);
		break;
	case FIT_OK:
	case FIT_NOT_READY:
	case FIT_RUNTIME:
		break;
	}
}

enum misfit
relax_check(struct placer *placer, uint32_t row, const struct relaxed *relaxed, bool open)
{
	bool ready = bit_get(placer->rows.ready, row);
	enum misfit misfit;

	if (open)
		bit_put(placer->rows.ready, row, true);
	misfit = fit_check(placer, row, &relaxed->shape);
	bit_put(placer->rows.ready, row, ready);
	return misfit;
}
