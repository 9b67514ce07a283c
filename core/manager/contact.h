/* manager/contact.h - the manager's side of the talk with each worker.
 *
 * HELLO (who are you?), then ORDERS with the full set, which claims the worker for this
 * cluster, then polls without end, and orders beside them when there are any. A worker that
 * fails is asked again ever more slowly, and never holds up another.
 */
#ifndef MANAGER_CONTACT_H
#define MANAGER_CONTACT_H

#include "manager/message.h"

struct manager;
struct node;

void contact_begin(struct manager *manager, struct node *node); /* ends the one before */
void contact_end(struct manager *manager, struct node *node);
void contact_retry(struct manager *manager, struct node *node); /* now: it is there again */
void contact_hello_done(struct manager *manager, struct manager_message *message);
void contact_orders_done(struct manager *manager, const struct manager_message *message);
void contact_poll_done(struct manager *manager, const struct manager_message *message);

/* Of the nodes that this step touched and those whose time has come: first their status,
 * before tasks are placed; at the end what is to be sent to them. */
void contact_refresh_due(struct manager *manager);
void contact_drive_all(struct manager *manager);

/* The worker is, or obeys, another's: no orders until it is asked again, much later. */
__attribute__((format(printf, 3, 4))) void
contact_refuse(struct manager *manager, struct node *node, const char *fmt, ...);

#endif
