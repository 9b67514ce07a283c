/* manager/read.h - what people ask: tasks, their history, nodes. Changes nothing. */
#ifndef MANAGER_READ_H
#define MANAGER_READ_H

#include "manager/message.h"

struct entry;
struct manager;

/* While the store fails: its creation is not durable, so nobody may see it. */
bool read_is_hidden(const struct manager *manager, const struct entry *entry);
/* The task that message is about; NULL: it is not there, or not yet to be seen, and that is
 * answered. */
struct entry *read_find(struct manager *manager, const struct manager_message *message);

void read_list(struct manager *manager, const struct manager_message *message);
void read_get(struct manager *manager, const struct manager_message *message);
void read_history(struct manager *manager, const struct manager_message *message);
void read_nodes(struct manager *manager, const struct manager_message *message);
void read_node(struct manager *manager, const struct manager_message *message);

#endif
