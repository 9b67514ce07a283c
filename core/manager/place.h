/* manager/place.h - which node runs a task: the waiting meet the nodes. */
#ifndef MANAGER_PLACE_H
#define MANAGER_PLACE_H

struct manager;

/* Places what fits, up to this step's share of work; the rest in the next. */
void place_run(struct manager *manager);

#endif
