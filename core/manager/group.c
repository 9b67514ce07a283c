/* manager/group.c - jobs: how many live tasks of one job are on each node.
 *
 * Schedulers spread or pack by it (cube_demand.peers). A group is owned by pending's map and
 * lives while a task of its job waits or lives; its column has a cell for each row and
 * follows the rows. Brain's thread.
 */
#include "manager/group.h"

#include "manager/brain.h"

#include <stdlib.h>
#include <string.h>

void
group_join(struct manager *manager, struct entry *entry)
{
	struct pending *pending = &manager->pending;
	const char *job = entry->task.spec->job;
	struct group *group;

	if (entry->group != NULL || job == NULL || job[0] == '\0')
		return;
	group = map_get(pending->groups, job);
	if (group == NULL) {
		group = calloc(1, sizeof(*group));
		if (group != NULL) {
			group->job = strdup(job);
			group->peers = calloc(pending->group_rows + 1, sizeof(uint32_t));
		}
		if (group == NULL || group->job == NULL || group->peers == NULL ||
		    map_put(pending->groups, group->job, group) != 0) {
			if (group != NULL) {
				free(group->job);
				free(group->peers);
			}
			free(group);
			brain_failed(manager);
			return;
		}
		group->id = pending->next_group++;
	}
	group->members++;
	entry->group = group;
}

void
group_leave(struct manager *manager, struct entry *entry)
{
	struct group *group = entry->group;

	if (group == NULL)
		return;
	entry->group = NULL;
	if (--group->members > 0)
		return;
	(void)map_remove(manager->pending.groups, group->job);
	free(group->job);
	free(group->peers);
	free(group);
}

int
groups_make_room(struct manager *manager, size_t rows)
{
	void *cursor = NULL;
	struct group *group;

	if (rows <= manager->pending.group_rows)
		return 0;
	while ((group = map_next(manager->pending.groups, &cursor)) != NULL) {
		uint32_t *grown = reallocarray(group->peers, rows + 1, sizeof(*grown));

		if (grown == NULL)
			return CUBE_ERR_NO_MEMORY;
		memset(grown + manager->pending.group_rows, 0,
		       (rows + 1 - manager->pending.group_rows) * sizeof(*grown));
		group->peers = grown;
	}
	manager->pending.group_rows = rows;
	return 0;
}

void
groups_row_clear(struct manager *manager, uint32_t row)
{
	void *cursor = NULL;
	struct group *group;

	while ((group = map_next(manager->pending.groups, &cursor)) != NULL)
		group->peers[row] = 0;
}

void
groups_row_move(struct manager *manager, uint32_t from, uint32_t to)
{
	void *cursor = NULL;
	struct group *group;

	while ((group = map_next(manager->pending.groups, &cursor)) != NULL) {
		group->peers[to] = group->peers[from];
		group->peers[from] = 0;
	}
}
