/* manager/explain.h - why a task waits, or is where it is; and what would become of one that
 * is not submitted. Changes nothing. */
#ifndef MANAGER_EXPLAIN_H
#define MANAGER_EXPLAIN_H

#include "manager/message.h"

struct manager;

void explain_take(struct manager *manager, const struct manager_message *message);

#endif
