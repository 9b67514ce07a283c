/* place/group.c - jobs: how many tasks of one job are on each node.
 *
 * Schedulers spread or pack by it (cube_demand.peers). A group lives while a task of its job
 * waits or holds room, or a shape of it is kept. It counts what is there; the columns that a
 * scheduler reads, with a cell for each row, are those of one group at a time and filled in
 * when another is asked about. One thread.
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
	tally_release(&group->nodes);
	tally_release(&group->domains);
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
	free(groups->peers);
	free(groups->domain_peers);
}

static struct group *
group_new(struct groups *groups, const char *job)
{
	struct group *group = calloc(1, sizeof(*group));

	if (group == NULL)
		return NULL;
	group->job = strdup(job);
	if (group->job == NULL || map_put(groups->by_job, group->job, group) != 0) {
		group_free(group);
		return NULL;
	}
	group->id = groups->next_id++;
	return group;
}

/* For each member on a node of its own: a placement allocates nothing. */
static int
make_room(struct placer *placer, struct group *group)
{
	size_t rows = placer->rows.view.count;
	size_t domains = placer->domains.count;
	int rc = tally_make_room(&group->nodes, group->members < rows ? group->members : rows);

	if (rc == 0)
		rc = tally_make_room(&group->domains,
				     group->members < domains ? group->members : domains);
	return rc;
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
	if (make_room(placer, group) != 0)
		placer->failed = CUBE_ERR_NO_MEMORY;
	return group;
}

void
group_put(struct placer *placer, struct group *group)
{
	if (group == NULL || --group->members > 0)
		return;
	if (placer->groups.shown == group)
		group_show(placer, NULL);
	(void)map_remove(placer->groups.by_job, group->job);
	group_free(group);
}

/* The columns say what group has, or 0. */
static void
fill(struct groups *groups, const struct group *group, bool zero)
{
	const struct tally_cell *cell;
	size_t cursor = 0;

	while ((cell = tally_each(&group->nodes, &cursor)) != NULL)
		groups->peers[((const struct place_node *)cell->what)->row] =
			zero ? 0 : cell->count;
	cursor = 0;
	while ((cell = tally_each(&group->domains, &cursor)) != NULL)
		groups->domain_peers[cell->key] = zero ? 0 : cell->count;
}

void
group_show(struct placer *placer, struct group *group)
{
	struct groups *groups = &placer->groups;

	if (groups->shown == group)
		return;
	if (groups->shown != NULL)
		fill(groups, groups->shown, true);
	if (group != NULL)
		fill(groups, group, false);
	groups->shown = group;
}

uint32_t
group_on(const struct group *group, const struct place_node *node)
{
	const struct tally_cell *cell = tally_find(&group->nodes, node->key);

	return cell != NULL ? cell->count : 0;
}

static void
count_domain(struct placer *placer, struct group *group, uint32_t domain, uint32_t more,
	     uint32_t less)
{
	struct tally_cell *cell = tally_put(&group->domains, domain, group);

	if (cell == NULL) {
		placer->failed = CUBE_ERR_NO_MEMORY;
		return;
	}
	cell->count = cell->count + more - less;
	cell->changed = placer->rows.version + 1; /* that of the row, which follows */
	if (placer->groups.shown == group)
		placer->groups.domain_peers[domain] = cell->count;
}

void
group_add(struct placer *placer, struct group *group, struct place_node *node)
{
	struct tally_cell *cell;

	if (group == NULL)
		return;
	cell = tally_put(&group->nodes, node->key, node);
	if (cell == NULL) {
		placer->failed = CUBE_ERR_NO_MEMORY;
		return;
	}
	cell->count++;
	if (placer->groups.shown == group)
		placer->groups.peers[node->row] = cell->count;
	if (node->domain != NULL)
		count_domain(placer, group, node->domain->id, 1, 0);
}

void
group_drop(struct placer *placer, struct group *group, struct place_node *node)
{
	struct tally_cell *cell = group != NULL ? tally_find(&group->nodes, node->key) : NULL;

	if (cell == NULL)
		return;
	cell->count--;
	if (placer->groups.shown == group)
		placer->groups.peers[node->row] = cell->count;
	if (cell->count == 0)
		tally_drop(&group->nodes, cell);
	if (node->domain != NULL)
		count_domain(placer, group, node->domain->id, 0, 1);
}

/* array with need cells, the new ones 0; as it was if memory is short. */
static int
widen(uint32_t **array, size_t *count, size_t need)
{
	uint32_t *grown;

	if (need <= *count)
		return 0;
	grown = reallocarray(*array, need, sizeof(*grown));
	if (grown == NULL)
		return CUBE_ERR_NO_MEMORY;
	memset(grown + *count, 0, (need - *count) * sizeof(*grown));
	*array = grown;
	*count = need;
	return 0;
}

int
groups_make_room(struct groups *groups, size_t rows)
{
	return widen(&groups->peers, &groups->rows, rows);
}

int
groups_make_domain_room(struct groups *groups, size_t domains)
{
	return widen(&groups->domain_peers, &groups->domains, domains);
}

void
groups_row_move(struct groups *groups, uint32_t from, uint32_t to)
{
	uint32_t peers = groups->peers[from];

	groups->peers[from] = 0;
	groups->peers[to] = peers;
}

void
groups_move_domain(struct placer *placer, const struct place_node *node, uint32_t from,
		   uint32_t to)
{
	void *cursor = NULL;
	struct group *group;

	while ((group = map_next(placer->groups.by_job, &cursor)) != NULL) {
		uint32_t count = group_on(group, node);

		if (count == 0)
			continue;
		count_domain(placer, group, from, 0, count);
		count_domain(placer, group, to, count, 0);
	}
}
