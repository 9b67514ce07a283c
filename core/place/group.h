/* place/group.h - a job's tasks, counted by node and by domain, for schedulers that spread or
 * pack, and for what may stand on a node only so many times. */
#ifndef PLACE_GROUP_H
#define PLACE_GROUP_H

#include "base/map.h"
#include "place/tally.h"

#include <stddef.h>
#include <stdint.h>

struct placer;
struct place_node;

struct group {
	char *job; /* its key: the job's name, or what place/limit.h makes */
	uint32_t id;
	uint32_t members;     /* tasks that wait or hold room, and shapes */
	struct tally nodes;   /* tasks that hold room, by node key */
	struct tally domains; /* the same by domain */
};

struct groups {
	struct map *by_job;
	uint32_t next_id;
	/* The counts of one group as schedulers want them, a cell a row or a domain. */
	struct group *shown; /* NULL: all cells are 0 */
	uint32_t *peers;
	size_t rows;
	uint32_t *domain_peers;
	size_t domains;
};

int groups_init(struct groups *groups); /* 0 or CUBE_ERR_NO_MEMORY */
void groups_release(struct groups *groups);

/* The group of a job, one member more; NULL: the job is "", or memory is short. */
struct group *group_get(struct placer *placer, const char *job);
void group_put(struct placer *placer, struct group *group); /* NULL is fine */
/* One task more, or one less, holds room on node. NULL is fine. */
void group_add(struct placer *placer, struct group *group, struct place_node *node);
void group_drop(struct placer *placer, struct group *group, struct place_node *node);
/* How many of its tasks hold room on node. */
uint32_t group_on(const struct group *group, const struct place_node *node);
/* groups->peers and domain_peers are those of group. */
void group_show(struct placer *placer, struct group *group);

int groups_make_room(struct groups *groups, size_t rows); /* 0 or CUBE_ERR_NO_MEMORY */
int groups_make_domain_room(struct groups *groups, size_t domains); /* the same */
void groups_row_move(struct groups *groups, uint32_t from, uint32_t to);
/* The tasks on node count for another domain from now on. */
void groups_move_domain(struct placer *placer, const struct place_node *node, uint32_t from,
			uint32_t to);

#endif
