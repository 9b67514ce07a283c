/* manager/restart.h - what follows when an attempt is over and its task is not.
 *
 * A task that waits to start again is Failed (or Pending, if its attempt ended well, or could
 * not begin) and not final, has RestartAt, and stands in manager->restarts by its due time.
 */
#ifndef MANAGER_RESTART_H
#define MANAGER_RESTART_H

#include <stdbool.h>

struct manager;
struct node;
struct entry;

/* The attempt that entry's node held is taken back, and not for a failure of its own: its
 * node is lost, removed, drained, or its engine is down. A task that was to stop has then
 * ended; any other waits for a place again, which costs no restart. The caller made sure
 * that the attempt ends, or that the node is told so when it returns. */
void restart_withdraw(struct manager *manager, struct entry *entry, const char *reason);

/* The attempt has ended, with the exit code, flags and reason that its status has by now. */
void restart_ended(struct manager *manager, struct entry *entry, bool well);
/* The same for an attempt that is gone, with no word of how. */
void restart_vanished(struct manager *manager, struct entry *entry, const char *reason);

/* Another worker has taken the node's name: what the old one was told is withdrawn. What it
 * was surely never told is told to the new one. The caller begins a new contact. */
void restart_node_replaced(struct manager *manager, struct node *node);
/* The node is taken out for good: it keeps nothing. */
void restart_node_removed(struct manager *manager, struct node *node);
/* The node takes no more tasks: those that wait to start again there are to find a place
 * when their time has come, and its room that was kept for them is free. */
void restart_give_up_holds(struct manager *manager, struct node *node);

/* A user stops a task that waits to start again. */
void restart_stop(struct manager *manager, struct entry *entry);
/* Starts those whose time has come, and has the brain woken for the next. */
void restart_run_due(struct manager *manager);
/* Read back: it waits, as its status says. */
void restart_restore(struct manager *manager, struct entry *entry);

#endif
