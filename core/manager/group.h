/* manager/group.h - a job's tasks, counted by node, for schedulers that spread or pack. */
#ifndef MANAGER_GROUP_H
#define MANAGER_GROUP_H

#include <stddef.h>
#include <stdint.h>

struct manager;
struct entry;

struct group {
	char *job; /* its key */
	uint32_t id;
	uint32_t members; /* waiting and live tasks */
	uint32_t *peers;  /* live ones, by row */
};

/* A task is a member from admission to its end; one without a job has no group. */
void group_join(struct manager *manager, struct entry *entry);
void group_leave(struct manager *manager, struct entry *entry);
int groups_make_room(struct manager *manager, size_t rows); /* 0 or CUBE_ERR_NO_MEMORY */
void groups_row_clear(struct manager *manager, uint32_t row);
void groups_row_move(struct manager *manager, uint32_t from, uint32_t to);

#endif
