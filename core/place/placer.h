/* place/placer.h - which node runs a task: the waiting meet the nodes.
 *
 * A placer knows nodes by what they have and what is taken of it, tasks by what they ask
 * for, and a scheduler. It neither keeps tasks nor talks to workers: the manager does, with
 * structs of its own that hold a place_node or a place_task, and so does `cube sim`.
 * Pure, as the manager's brain is. One thread. Memory that is short is noted in failed, which
 * stays; the owner looks at it when it is done.
 */
#ifndef PLACE_PLACER_H
#define PLACE_PLACER_H

#include "model/node.h"
#include "place/domain.h"
#include "place/group.h"
#include "place/kept.h"
#include "place/rows.h"
#include "place/waiting.h"
#include "plugin/scheduler.h"

/* What placing knows of a node. The owner fills in what stands first before
 * placer_add_node, and says placer_update_node when any of it has changed. */
struct place_node {
	const struct node_info *info; /* borrowed: name, capacity, labels, runtime */
	enum node_status status;      /* NODE_READY takes tasks if its runtime is ready */
	bool book;                    /* what it does not tell (0) does not limit */
	uint64_t key;                 /* for schedulers: no two alike */
	/* the placer's own */
	uint32_t row;
	uint32_t task_count; /* that hold something of it */
	int64_t used_mcpu;
	int64_t used_memory_bytes;
	int64_t used_disk_bytes;
	struct domain *domain; /* NULL: nobody spreads over a label */
	struct place_node *domain_prev;
	struct place_node *domain_next;
	uint32_t *ports; /* host ports, ascending, as place_port makes them */
	size_t port_count;
	size_t port_capacity;
};

/* What placing knows of a task. Zero at first, but for spec and sequence, the owner's. */
struct place_task {
	const struct task_spec *spec; /* borrowed */
	uint64_t sequence;            /* who came first */
	struct shape *shape;          /* while it waits */
	struct place_task *prev;      /* of its shape, by sequence */
	struct place_task *next;
	struct group *group; /* of its job, while it waits or holds room */
	struct group *limit; /* of its MaxPerNode as well, if that counts by no job; or NULL */
};

struct placer {
	struct rows rows;
	struct groups groups;
	struct domains domains;
	struct waiting waiting;
	struct kept kept;
	struct scheduler *scheduler;  /* borrowed */
	char fault[TASK_REASON_SIZE]; /* what is wrong with the scheduler; "": it works */
	int failed;                   /* 0 or CUBE_ERR_NO_MEMORY; sticks */
};

/* scheduler is borrowed. 0 or CUBE_ERR_NO_MEMORY; release either way. */
int placer_init(struct placer *placer, struct scheduler *scheduler);
/* Before its nodes and tasks are freed: they are the owner's. */
void placer_release(struct placer *placer);

/* ---- nodes ---- */

int placer_add_node(struct placer *placer, struct place_node *node); /* 0 or NO_MEMORY */
/* It holds no tasks. Frees what the placer keeps in it. */
void placer_remove_node(struct placer *placer, struct place_node *node);
/* Its description or status has changed; grown: it may now take what it could not before. */
void placer_update_node(struct placer *placer, struct place_node *node, bool grown);

/* ---- tasks ---- */

void placer_wait(struct placer *placer, struct place_task *task); /* for a node */
/* It waits no more; its place in its job's count is kept until placer_forget. */
void placer_unwait(struct placer *placer, struct place_task *task);
/* Its room on node, and a place in its job's count there. Also above what there is: an
 * attempt that proves to be alive takes what it has. */
void placer_reserve(struct placer *placer, struct place_node *node, struct place_task *task);
void placer_unreserve(struct placer *placer, struct place_node *node, struct place_task *task);
void placer_forget(struct placer *placer, struct place_task *task); /* it is no more */

/* ---- placing ---- */

/* The task whose turn it is; NULL: none that could fit. */
struct place_task *placer_first(struct placer *placer);
/* A node for task, whose turn it is, by the scheduler's word and with all that the core
 * demands; the caller takes it out of the waiting and reserves. NULL: there is none now, and
 * the task and its like are put aside until something changes. avoid: kept away from if
 * another will do; NULL: none. Adds to *work what was done, in rows. */
struct place_node *placer_choose(struct placer *placer, struct place_task *task,
				 const struct place_node *avoid, size_t *work);
/* What a scheduler is told of such a task; without the eligible rows. */
struct cube_demand placer_demand(struct placer *placer, const struct shape *shape);
/* Is there a node that could take such a task now? */
bool placer_fits_anywhere(struct placer *placer, const struct place_task *task);
/* May task start again on node, where its room was kept? The node may have changed since. */
bool placer_may_return(const struct placer *placer, const struct place_node *node,
		       const struct place_task *task);

static inline bool
place_node_is_ready(const struct place_node *node)
{
	return node->status == NODE_READY && (node->book || node->info->runtime_ready);
}

static inline uint32_t
place_port(const struct task_port *port)
{
	return (uint32_t)port->protocol << 16 | port->host_port;
}

/* Private to core/place: task counts for its job and its MaxPerNode from here on. */
void placer_join_groups(struct placer *placer, struct place_task *task);

bool place_node_has_port(const struct place_node *node, uint32_t port);

#endif
