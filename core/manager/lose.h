/* manager/lose.h - tasks whose worker will never tell what became of them. */
#ifndef MANAGER_LOSE_H
#define MANAGER_LOSE_H

struct manager;
struct node;
struct entry;

/* The attempt is gone, with no word of how: Completed if it was to stop, else Failed. */
void lose_task(struct manager *manager, struct entry *entry, const char *reason);
/* Another instance has taken the node's name: what the old one was told is gone. The
 * caller begins a new contact. */
void lose_instance(struct manager *manager, struct node *node);
/* The node is taken out for good. */
void lose_all(struct manager *manager, struct node *node);

#endif
