/* place/group.c - jobs: how many tasks of one job are on each node.
 *
 * Schedulers spread or pack by it (cube_demand.peers). A group lives while a task of its job
 * waits or holds room, or a shape of it is kept; its column has a cell for each row and
 * follows the rows. One thread.
 */
#include "place/group.h"

#include "place/placer.h"

#include <stdlib.h>
#include <string.h>

static void
group_free(void *value)
{
	struct group *group = value;

	if (group == NULL)
		return;
	free(group->job);
	free(group->peers);
	free(group);
}

int
groups_init(struct groups *groups)
{
	groups->by_job = map_new();
	groups->next_id = 1;
	return groups->by_job != NULL ? 0 : CUBE_ERR_NO_MEMORY;
}

void
groups_release(struct groups *groups)
{
	map_free(groups->by_job, group_free);
}

static struct group *
group_new(struct groups *groups, const char *job)
{
	struct group *group = calloc(1, sizeof(*group));

	if (group == NULL)
		return NULL;
	group->job = strdup(job);
	group->peers = calloc(groups->rows + 1, sizeof(*group->peers));
	if (group->job == NULL || group->peers == NULL ||
	    map_put(groups->by_job, group->job, group) != 0) {
		group_free(group);
		return NULL;
	}
	group->id = groups->next_id++;
	return group;
}

struct group *
group_get(struct placer *placer, const char *job)
{
	struct group *group;

	if (job == NULL || job[0] == '\0')
		return NULL;
	group = map_get(placer->groups.by_job, job);
	if (group == NULL)
		group = group_new(&placer->groups, job);
	if (group == NULL) {
		placer->failed = CUBE_ERR_NO_MEMORY;
		return NULL;
	}
	group->members++;
	return group;
}

void
group_put(struct placer *placer, struct group *group)
{
	if (group == NULL || --group->members > 0)
		return;
	(void)map_remove(placer->groups.by_job, group->job);
	group_free(group);
}

int
groups_make_room(struct groups *groups, size_t rows)
{
	void *cursor = NULL;
	struct group *group;

	if (rows <= groups->rows)
		return 0;
	while ((group = map_next(groups->by_job, &cursor)) != NULL) {
		uint32_t *grown = reallocarray(group->peers, rows + 1, sizeof(*grown));

		if (grown == NULL)
			return CUBE_ERR_NO_MEMORY;
		memset(grown + groups->rows, 0, (rows + 1 - groups->rows) * sizeof(*grown));
		group->peers = grown;
	}
	groups->rows = rows;
	return 0;
}

void
groups_row_clear(struct groups *groups, uint32_t row)
{
	void *cursor = NULL;
	struct group *group;

	while ((group = map_next(groups->by_job, &cursor)) != NULL)
		group->peers[row] = 0;
}

void
groups_row_move(struct groups *groups, uint32_t from, uint32_t to)
{
	void *cursor = NULL;
	struct group *group;

	while ((group = map_next(groups->by_job, &cursor)) != NULL) {
		group->peers[to] = group->peers[from];
		group->peers[from] = 0;
	}
}
