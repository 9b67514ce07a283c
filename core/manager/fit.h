/* manager/fit.h - can this node take this task? The core's own answer, before and after a
 * scheduler is asked, so that no plugin can overcommit a node or place on a dead one.
 */
#ifndef MANAGER_FIT_H
#define MANAGER_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct manager;
struct shape;
struct task_spec;

/* The first thing that is missing, in the order of looking. */
enum misfit {
	FIT_OK = 0,
	FIT_NOT_READY, /* no contact, refused, unreachable */
	FIT_RUNTIME,   /* its runtime is not ready */
	FIT_CPU,
	FIT_MEMORY,
	FIT_DISK,
	FIT_PORT
};
#define MISFITS 7

/* The rows that can take a shape, kept from task to task while the shape is the same. */
struct fit {
	const struct shape *shape; /* NULL: of none */
	uint64_t *eligible;
	uint32_t count; /* bits set */
	size_t capacity;
};

enum misfit fit_check(const struct manager *manager, uint32_t row, const struct shape *shape);
/* Is there a node that could take a task of this specification now? Looks at all rows. */
bool fit_anywhere(const struct manager *manager, const struct task_spec *spec);
/* How many rows can take shape; they are in manager->fit.eligible. */
uint32_t fit_select(struct manager *manager, const struct shape *shape);
void fit_row_changed(struct manager *manager, uint32_t row);
void fit_forget(struct manager *manager, const struct shape *shape); /* NULL: any */
int fit_make_room(struct manager *manager, size_t rows);
void fit_release(struct fit *fit);

#endif
