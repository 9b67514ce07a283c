/* manager/join.h - workers that register themselves, and nodes that are taken out. */
#ifndef MANAGER_JOIN_H
#define MANAGER_JOIN_H

#include "manager/message.h"

struct manager;

void join_take(struct manager *manager, struct manager_message *message);
void join_remove(struct manager *manager, const struct manager_message *message);

#endif
