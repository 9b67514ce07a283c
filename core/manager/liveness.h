/* manager/liveness.h - which nodes are silent, which of them are lost, and what follows.
 *
 * Half of the node time-out without an answer makes a node unreachable, the whole of it lost:
 * its tasks are withdrawn, but for those that want to wait for it and those whose worker may
 * not have stopped them yet (StopAfterDisconnect). While more than half of the nodes are
 * silent at once it is rather our own network, and none is declared lost. A node that returns
 * goes on with what was not placed elsewhere meanwhile. Private to core/manager.
 */
#ifndef MANAGER_LIVENESS_H
#define MANAGER_LIVENESS_H

#include <stdbool.h>
#include <stdint.h>

struct manager;
struct node;
struct entry;

struct liveness {
	uint64_t step_ms;  /* mono, of the last step */
	uint64_t wake_ms;  /* mono: when it asked to be woken */
	uint64_t judge_ms; /* mono: none is declared lost before */
	uint32_t counted;  /* nodes that were in contact, and are not lost */
	uint32_t silent;   /* those of them that are silent now */
	bool suspended;    /* too many are: none is declared lost */
	uint64_t absences; /* so far */
};

/* A step begins and ends: if it comes far too late this process was stopped, and the silence
 * of that time is nobody's fault. */
void liveness_begin(struct manager *manager);
void liveness_end(struct manager *manager);

/* Counts the node by its silence as it is now: before any is judged in this step. */
void liveness_count(struct manager *manager, struct node *node);
void liveness_forget(struct manager *manager, struct node *node); /* it is taken out */
/* All that are due are counted: from now on, may one be declared lost? */
void liveness_judge(struct manager *manager);

/* How long it has not answered, as far as that says anything; 0: it has. */
uint64_t liveness_silent_ms(const struct manager *manager, const struct node *node);
bool liveness_is_lost(const struct manager *manager, const struct node *node);
/* Its status has become lost: its tasks are withdrawn. */
void liveness_lose(struct manager *manager, struct node *node);
/* Of a node that is driven: what waited for its time is due. */
void liveness_check(struct manager *manager, struct node *node);
/* When that is to be looked at again; UINT64_MAX: not by time. */
uint64_t liveness_due(const struct manager *manager, const struct node *node);
/* It has said hello, and is the worker that was lost. */
void liveness_return(struct manager *manager, struct node *node);

/* Mono: from when on nothing of entry's attempt can run on its lost node by any worker that
 * lives; 0: that is not known of it, and not waited for. */
uint64_t liveness_fence_ms(const struct entry *entry);
/* The task that node's worker may run for the longest time yet, though nothing is heard of
 * it, and for how long; NULL: none. While it is in contact that time grows all along. */
const struct entry *
liveness_fenced(const struct manager *manager, const struct node *node, uint64_t *left_s);
/* Why a task stays where nothing is heard of it; false: there is nothing to say. */
bool liveness_reason(const struct manager *manager, const struct entry *entry, char *out,
		     uint64_t size);

#endif
