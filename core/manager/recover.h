/* manager/recover.h - a manager starts: from records to a brain that goes on. */
#ifndef MANAGER_RECOVER_H
#define MANAGER_RECOVER_H

#include "base/error.h"

struct manager;

/* Everything is loaded; within the first step. */
int recover_start(struct manager *manager, struct cube_error *err);

#endif
