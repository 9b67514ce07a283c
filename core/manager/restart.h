/* manager/restart.h - what follows when an attempt is over and its task is not. */
#ifndef MANAGER_RESTART_H
#define MANAGER_RESTART_H

#include <stdbool.h>

struct manager;
struct entry;

/* The attempt that entry's node held is taken back, and not for a failure of its own: its
 * node is lost, removed, drained, or its engine is down. A task that was to stop has then
 * ended; any other waits for a place again, which costs no restart. The caller made sure
 * that the attempt ends, or that the node is told so when it returns. */
void restart_withdraw(struct manager *manager, struct entry *entry, const char *reason);

#endif
