/* place/waiting.h - the tasks that wait for a node, grouped by what they ask for.
 *
 * Tasks of one demand, job, priority, the same constraints and the same limit share a shape:
 * when the first of them fits nowhere the whole shape is parked and costs nothing until a node
 * gains room. The shapes that are not parked stand in a heap by (priority, sequence of their
 * first task).
 */
#ifndef PLACE_WAITING_H
#define PLACE_WAITING_H

#include "base/heap.h"
#include "base/map.h"
#include "model/task.h"

struct placer;
struct place_task;
struct group;
struct kept_shape;

struct shape {
	struct heap_item ready; /* first: in the heap while it is to be tried */
	char *key;
	size_t text_bytes; /* of the key, the constraints and the limit, about */
	uint32_t id;       /* never used again */
	int64_t mcpu;
	int64_t memory_bytes;
	int64_t disk_bytes;
	uint32_t priority;
	uint32_t *ports; /* host ports wanted, as place_port makes them */
	uint32_t port_count;
	struct task_constraint *constraints; /* a copy: it may outlive its tasks */
	uint32_t constraint_count;
	uint32_t max_per_node;    /* 0: any number */
	struct group *limit;      /* whose count max_per_node bounds; NULL: none */
	struct group *group;      /* NULL: of no job */
	struct kept_shape *kept;  /* what is known of the rows; NULL: nothing */
	struct place_task *first; /* by sequence */
	struct place_task *last;
	size_t count;
	/* while parked */
	bool parked;
	struct shape *parked_prev;
	struct shape *parked_next;
	bool woken;   /* parked no more, for a row in rows.offered, and not tried yet */
	bool faulted; /* by the scheduler; reason has its words */
	uint64_t reason_version; /* of the rows when reason was made */
	char reason[TASK_REASON_SIZE];
};

struct waiting {
	struct map *shapes;
	struct heap ready;
	struct shape *parked;
	uint32_t next_shape;
	size_t count;       /* tasks */
	size_t ready_count; /* of shapes that are not parked */
	size_t woken;       /* shapes */
	struct shape *turn; /* whose tasks go on being placed, for turn_left of them; NULL */
	size_t turn_left;
};

int waiting_init(struct waiting *waiting); /* 0 or CUBE_ERR_NO_MEMORY */
void waiting_release(struct waiting *waiting);

void waiting_add(struct placer *placer, struct place_task *task);
void waiting_remove(struct placer *placer, struct place_task *task);
struct shape *waiting_first(struct placer *placer); /* NULL: nothing to try */
void waiting_park(struct placer *placer, struct shape *shape);
/* Takes up again what may fit where room has grown. */
void waiting_wake(struct placer *placer);

/* The shape of such a task, which need not wait; NULL: memory is short. One without tasks
 * and without kept costs is gone at waiting_drop. */
struct shape *waiting_shape(struct placer *placer, const struct task_spec *spec);
void waiting_drop(struct placer *placer, struct shape *shape);

#endif
