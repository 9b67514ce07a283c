/* manager/read.h - what people ask: tasks, their history, nodes. Changes nothing. */
#ifndef MANAGER_READ_H
#define MANAGER_READ_H

#include "manager/message.h"

struct entry;
struct manager;

/* The task that message is about; NULL: it is not there, or not yet to be seen, and that is
 * answered. */
struct entry *read_find(struct manager *manager, const struct manager_message *message);

void read_list(struct manager *manager, const struct manager_message *message);
void read_get(struct manager *manager, const struct manager_message *message);
void read_history(struct manager *manager, const struct manager_message *message);
void read_nodes(struct manager *manager, const struct manager_message *message);
void read_node(struct manager *manager, const struct manager_message *message);

#endif
