/* manager/stop.h - a user wants a task to end. */
#ifndef MANAGER_STOP_H
#define MANAGER_STOP_H

#include "manager/message.h"

struct manager;
struct entry;

void stop_task(struct manager *manager, struct entry *entry);
void stop_take(struct manager *manager, const struct manager_message *message); /* DELETE */

#endif
