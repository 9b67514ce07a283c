/* manager/why.h - why a task waits, in words. */
#ifndef MANAGER_WHY_H
#define MANAGER_WHY_H

struct manager;
struct shape;

/* "no ready node has 512 MiB of memory free". Valid until the next step. */
const char *why_waiting(struct manager *manager, struct shape *shape);

#endif
