/* manager/listed.h - workers of --workers: known by address first, by name once they answer. */
#ifndef MANAGER_LISTED_H
#define MANAGER_LISTED_H

#include "manager/message.h"

struct manager;
struct node;

/* A placeholder for each listed address that no known node has. 0 or CUBE_ERR_NO_MEMORY. */
int listed_begin(struct manager *manager);
/* The worker behind a placeholder has said who it is. True: node is it from now on. False:
 * it is refused, or node is gone and the node of that name talks to the address. */
bool
listed_name(struct manager *manager, struct node *node, const struct manager_message *message);

#endif
