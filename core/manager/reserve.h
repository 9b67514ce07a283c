/* manager/reserve.h - what a task holds of its node: taken when placed, given back at its end.
 */
#ifndef MANAGER_RESERVE_H
#define MANAGER_RESERVE_H

#include <stdbool.h>
#include <stdint.h>

struct manager;
struct node;
struct entry;

void node_reserve(struct manager *manager, struct node *node, const struct entry *entry);
void node_unreserve(struct manager *manager, struct node *node, const struct entry *entry);
bool node_has_port(const struct node *node, uint32_t port); /* as node_port makes it */

#endif
