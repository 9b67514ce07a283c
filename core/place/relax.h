/* place/relax.h - a shape with less asked for, to try what one change would do.
 *
 * fit_check then answers what would be so, by the same rules as when a task is placed.
 * Private to the files of why.
 */
#ifndef PLACE_RELAX_H
#define PLACE_RELAX_H

#include "model/constraint.h"
#include "place/census.h"
#include "place/placer.h"

struct relaxed {
	struct shape shape; /* for fit_check alone */
	uint32_t ports[TASK_PORTS_MAX];
	struct task_constraint constraints[CONSTRAINTS_MAX];
};

void relax_init(struct relaxed *relaxed, const struct shape *shape);
/* It asks no more for what is missing. detail as in a bucket of the same shape, relaxed or
 * not. */
void relax(struct relaxed *relaxed, enum misfit misfit, uint32_t detail);
/* It asks for so much of it: cpu, memory, disk, or for as many of its like on a node. */
void relax_amount(struct relaxed *relaxed, enum misfit misfit, int64_t amount);
/* What row lacks of it. open: as if the node took tasks. */
enum misfit
relax_check(struct placer *placer, uint32_t row, const struct relaxed *relaxed, bool open);

#endif
