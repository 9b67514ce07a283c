/* manager/drain.h - attempts that are to leave their node, and nodes that are emptied so.
 *
 * A displaced attempt is stopped by its worker and, once its end is reported, its task waits
 * for another place: that costs no restart. A node that drains has its tasks displaced one
 * after another, each only when the one before runs elsewhere; at the deadline all that are
 * left. Private to core/manager.
 */
#ifndef MANAGER_DRAIN_H
#define MANAGER_DRAIN_H

#include <stdbool.h>

struct manager;
struct node;
struct entry;

/* The attempt that entry has on a node is to end there, and to be placed again. */
void drain_displace(struct manager *manager, struct entry *entry);
/* The attempt's end is being reported: is it the one that was asked for? */
bool drain_has_ended(const struct entry *entry);
/* A displaced attempt is over: its task waits for a place again, or has ended. */
void drain_withdraw(struct manager *manager, struct entry *entry);

void drain_begin(struct manager *manager, struct node *node);
void drain_end(struct manager *manager, struct node *node); /* given up, or done */
/* The next move of each node that drains, in every step before tasks are placed. */
void drain_run(struct manager *manager);

#endif
