/* ports.h - host ports for containers that ask for any free one.
 *
 * A port is free if no container of ours holds it and the kernel lets us bind it
 * now. Claims are counted, so that two attempts of one task may hold one port while
 * the older is not yet removed. The owner (struct process) guards it with its lock.
 */
#ifndef PROCESS_PORTS_H
#define PROCESS_PORTS_H

#include "base/error.h"

#include <cube/runtime.h>

struct ports {
	uint16_t first;
	uint16_t last;
	uint16_t next;     /* where the search goes on, so that a port rests after use */
	uint16_t *claimed; /* by port - first */
};

int ports_init(struct ports *ports, uint16_t first, uint16_t last, uint64_t random,
	       struct cube_error *err);
void ports_release(struct ports *ports);

void ports_claim(struct ports *ports, const struct cube_port *list, uint32_t count);
void ports_give_back(struct ports *ports, const struct cube_port *list, uint32_t count);

/* Fills in each host_port that is 0, checks the others, and claims them all.
 * CUBE_ERR_CONFLICT: one is taken, or none is free; INVALID: no such address. On
 * failure nothing is claimed and list is as it was. */
int
ports_pick(struct ports *ports, struct cube_port *list, uint32_t count, struct cube_error *err);

#endif
