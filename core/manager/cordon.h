/* manager/cordon.h - what an operator wants of a node: nothing new there, or nothing at all.
 *
 * Each request may be repeated, and is answered with the node as it is then. */
#ifndef MANAGER_CORDON_H
#define MANAGER_CORDON_H

#include "manager/message.h"

struct manager;

void cordon_take(struct manager *manager, const struct manager_message *message);
void cordon_take_uncordon(struct manager *manager, const struct manager_message *message);
void cordon_take_drain(struct manager *manager, const struct manager_message *message);

#endif
