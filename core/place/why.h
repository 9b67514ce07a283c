/* place/why.h - why a task waits, in words. */
#ifndef PLACE_WHY_H
#define PLACE_WHY_H

struct placer;
struct shape;

/* "no ready node has 512 MiB of memory free". Valid until the next step. */
const char *why_waiting(struct placer *placer, struct shape *shape);

#endif
