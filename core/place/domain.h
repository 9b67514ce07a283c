/* place/domain.h - the values of the label that the scheduler spreads over, and their nodes.
 *
 * A domain is one value of it: a zone, a rack. Its number is what the column domain shows;
 * 0 is that of the nodes without the label. One thread.
 */
#ifndef PLACE_DOMAIN_H
#define PLACE_DOMAIN_H

#include "base/map.h"

#include <stddef.h>
#include <stdint.h>

struct placer;
struct place_node;

struct domain {
	uint32_t id; /* given again when no node has the value any more */
	char *value;
	struct place_node *first; /* its nodes */
};

struct domains {
	const char *label; /* the scheduler's; NULL: there is none, and nothing else is used */
	struct map *by_value;
	struct domain **by_id; /* NULL: free */
	uint32_t count;        /* ids given so far */
	uint32_t used;         /* of them, with nodes or 0 */
	size_t capacity;
};

int domains_init(struct domains *domains, const char *label); /* 0 or CUBE_ERR_NO_MEMORY */
void domains_release(struct domains *domains);

/* The node is new, or its labels may have changed. 0 or CUBE_ERR_NO_MEMORY. */
int domains_join(struct placer *placer, struct place_node *node);
void domains_leave(struct placer *placer, struct place_node *node);

#endif
