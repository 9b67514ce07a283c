/* place/group.h - a job's tasks, counted by node, for schedulers that spread or pack. */
#ifndef PLACE_GROUP_H
#define PLACE_GROUP_H

#include "base/map.h"

#include <stddef.h>
#include <stdint.h>

struct placer;
struct place_task;

struct group {
	char *job; /* its key */
	uint32_t id;
	uint32_t members; /* tasks that wait or hold room, and shapes */
	uint32_t *peers;  /* tasks that hold room, by row */
};

struct groups {
	struct map *by_job;
	uint32_t next_id;
	size_t rows; /* cells of each group's peers */
};

int groups_init(struct groups *groups); /* 0 or CUBE_ERR_NO_MEMORY */
void groups_release(struct groups *groups);

/* The group of a job, one member more; NULL: the job is "", or memory is short. */
struct group *group_get(struct placer *placer, const char *job);
void group_put(struct placer *placer, struct group *group); /* NULL is fine */

int groups_make_room(struct groups *groups, size_t rows); /* 0 or CUBE_ERR_NO_MEMORY */
void groups_row_clear(struct groups *groups, uint32_t row);
void groups_row_move(struct groups *groups, uint32_t from, uint32_t to);

#endif
