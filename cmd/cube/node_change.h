/* cube/node_change.h - what an operator does to a node: cordon, uncordon, drain, rm. */
#ifndef CUBE_NODE_CHANGE_H
#define CUBE_NODE_CHANGE_H

#include "api.h"

#define NODE_DEADLINE_MAX_S (30ull * 24 * 3600)

/* "/nodes/NAME"; NOT_FOUND: what is no name is no node's. */
int node_path(const char *name, char *path, size_t size, struct cube_error *err);

/* Is word one of them? */
bool node_is_change(const char *word);

struct node_change {
	const char *word;
	const char *name;
	bool has_deadline;
	uint64_t deadline_ms;
	bool waits; /* until a drain is over */
};

/* Its exit code: 1 if a drain's deadline stopped tasks. Prints the node's name when it is
 * done. */
int
node_change(const struct api *api, const struct node_change *change, struct cube_error *err);

#endif
