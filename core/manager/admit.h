/* manager/admit.h - a task comes in. */
#ifndef MANAGER_ADMIT_H
#define MANAGER_ADMIT_H

#include "manager/message.h"

struct manager;

/* Could all of message's requests be carried out? 0, or a refusal that is answered. */
int admit_check(struct manager *manager, const struct manager_message *message);
void admit_submit(struct manager *manager, const struct manager_message *message);

#endif
