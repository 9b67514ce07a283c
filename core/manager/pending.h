/* manager/pending.h - the tasks that wait for a place, grouped by what they ask for.
 *
 * Tasks of one demand, job and priority share a shape: when the first of them fits nowhere
 * the whole shape is parked and costs nothing until a node gains room. The shapes that are
 * not parked stand in a heap by (priority, sequence of their first task). Private.
 */
#ifndef MANAGER_PENDING_H
#define MANAGER_PENDING_H

#include "base/heap.h"
#include "base/map.h"
#include "model/task.h"

struct manager;
struct entry;
struct group;

struct shape {
	struct heap_item ready; /* first: in the heap while it is to be tried */
	char *key;
	uint32_t id; /* never used again */
	int64_t mcpu;
	int64_t memory_bytes;
	int64_t disk_bytes;
	uint32_t priority;
	uint32_t *ports; /* host ports wanted, as node_port makes them */
	uint32_t port_count;
	struct group *group;
	struct entry *first; /* by sequence */
	struct entry *last;
	size_t count;
	/* while parked */
	bool parked;
	struct shape *parked_prev;
	struct shape *parked_next;
	bool faulted;            /* by the scheduler; reason has its words */
	uint64_t reason_version; /* of the columns when reason was made */
	char reason[TASK_REASON_SIZE];
};

struct pending {
	struct map *shapes;
	struct map *groups;
	struct heap ready;
	struct shape *parked;
	uint32_t next_shape;
	uint32_t next_group;
	size_t count;      /* tasks */
	size_t group_rows; /* cells of each group's peers */
};

int pending_init(struct pending *pending); /* 0 or CUBE_ERR_NO_MEMORY */
void pending_release(struct pending *pending);

void pending_add(struct manager *manager, struct entry *entry);
void pending_remove(struct manager *manager, struct entry *entry);
struct shape *pending_first(const struct manager *manager); /* NULL: nothing to try */
void pending_park(struct manager *manager, struct shape *shape);
/* Takes up again what may fit where room has grown. */
void pending_wake(struct manager *manager);

#endif
