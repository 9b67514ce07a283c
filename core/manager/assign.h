/* manager/assign.h - tasks to nodes: the attempt, the reservation, the order to the worker. */
#ifndef MANAGER_ASSIGN_H
#define MANAGER_ASSIGN_H

#include "manager/ledger.h"
#include "manager/message.h"

struct node;

/* A Pending task gets its next attempt, on node. */
void assign_place(struct manager *manager, struct entry *entry, struct node *node);
/* The worker is to be told of the task's attempt and what is wanted of it. */
void assign_order(struct manager *manager, struct entry *entry);
/* Read back: the task is on node, and the reservation is its own. */
void assign_restore(struct manager *manager, struct entry *entry, struct node *node);
/* The task leaves its node: the reservation is free. */
void assign_release(struct manager *manager, struct entry *entry);
/* The attempt is over and another is to follow here: the task leaves the orders, its
 * reservation stays. */
void assign_hold(struct entry *entry);
/* Read back: it waits, and its room on node is kept. */
void assign_restore_hold(struct manager *manager, struct entry *entry, struct node *node);
/* The reservation of one that waits is free. */
void assign_unhold(struct manager *manager, struct entry *entry);
/* One that waits gets its next attempt, on the node whose room is kept for it. */
void assign_resume(struct manager *manager, struct entry *entry);
/* The worker has certainly never heard of this attempt. */
bool assign_is_unsent(const struct entry *entry);

/* A worker of the book's runs a task that is not its own: nothing in its protocol says "and no
 * others", so it is told to stop that one. */
void assign_stop_stray(struct manager *manager, struct node *node, const char *task_id);
/* Is there something to tell the worker? */
bool assign_waits(const struct node *node, uint64_t mono_ms);
/* Fills in the orders of an effect: all, or what the worker has not confirmed. */
void assign_fill(struct manager *manager, struct node *node, struct manager_effect *effect);

#endif
