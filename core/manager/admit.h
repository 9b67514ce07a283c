/* manager/admit.h - a task comes in. */
#ifndef MANAGER_ADMIT_H
#define MANAGER_ADMIT_H

#include "manager/message.h"

struct manager;

void admit_submit(struct manager *manager, const struct manager_message *message);

#endif
