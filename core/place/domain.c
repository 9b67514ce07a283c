/* place/domain.c - which nodes share a value of the label to spread over. Owns the domains;
 * each links its nodes. A domain lives while it has one, but for that of the nodes without
 * the label. One thread. */
#include "place/domain.h"

#include "base/vec.h"
#include "place/placer.h"

#include <stdlib.h>
#include <string.h>

static void
domain_free(struct domain *domain)
{
	if (domain == NULL)
		return;
	free(domain->value);
	free(domain);
}

static uint32_t
free_id(const struct domains *domains)
{
	uint32_t id = 0;

	/* A label that differs from node to node makes as many domains as there are nodes. */
	if (domains->used == domains->count)
		return domains->count;
	while (id < domains->count && domains->by_id[id] != NULL)
		id++;
	return id;
}

/* value NULL: of the nodes without the label. */
static struct domain *
domain_new(struct domains *domains, const char *value)
{
	struct domain *domain = calloc(1, sizeof(*domain));
	struct domain **grown;

	if (domain == NULL)
		return NULL;
	domain->id = free_id(domains);
	grown = vec_reserve(domains->by_id, &domains->capacity, (size_t)domain->id + 1,
			    sizeof(struct domain *));
	if (grown != NULL)
		domains->by_id = grown;
	if (value != NULL)
		domain->value = strdup(value);
	if (grown == NULL ||
	    (value != NULL && (domain->value == NULL ||
			       map_put(domains->by_value, domain->value, domain) != 0))) {
		domain_free(domain);
		return NULL;
	}
	if (domain->id == domains->count)
		domains->count++;
	domains->by_id[domain->id] = domain;
	domains->used++;
	return domain;
}

int
domains_init(struct domains *domains, const char *label)
{
	domains->label = label;
	if (label == NULL)
		return 0;
	domains->by_value = map_new();
	if (domains->by_value == NULL || domain_new(domains, NULL) == NULL)
		return CUBE_ERR_NO_MEMORY;
	return 0;
}

void
domains_release(struct domains *domains)
{
	for (uint32_t id = 0; id < domains->count; id++)
		domain_free(domains->by_id[id]);
	map_free(domains->by_value, NULL);
	free(domains->by_id);
}

static struct domain *
domain_of(struct domains *domains, const struct place_node *node)
{
	const char *value = node_labels_find(node->info->labels, domains->label);
	struct domain *domain;

	if (value == NULL)
		return domains->by_id[0];
	domain = map_get(domains->by_value, value);
	return domain != NULL ? domain : domain_new(domains, value);
}

static void
unlink_node(struct domains *domains, struct place_node *node)
{
	struct domain *domain = node->domain;

	if (node->domain_prev != NULL)
		node->domain_prev->domain_next = node->domain_next;
	else
		domain->first = node->domain_next;
	if (node->domain_next != NULL)
		node->domain_next->domain_prev = node->domain_prev;
	node->domain = NULL;
	node->domain_prev = NULL;
	node->domain_next = NULL;
	if (domain->first != NULL || domain->id == 0)
		return;
	(void)map_remove(domains->by_value, domain->value);
	domains->by_id[domain->id] = NULL;
	domains->used--;
	domain_free(domain);
}

void
domains_leave(struct placer *placer, struct place_node *node)
{
	if (node->domain != NULL)
		unlink_node(&placer->domains, node);
}

int
domains_join(struct placer *placer, struct place_node *node)
{
	struct domains *domains = &placer->domains;
	struct domain *domain;

	if (domains->label == NULL)
		return 0;
	domain = domain_of(domains, node);
	if (domain == NULL || groups_make_domain_room(&placer->groups, domains->count) != 0)
		return CUBE_ERR_NO_MEMORY;
	if (domain == node->domain)
		return 0;
	if (node->domain != NULL) {
		groups_move_domain(placer, node, node->domain->id, domain->id);
		unlink_node(domains, node);
	}
	node->domain = domain;
	node->domain_next = domain->first;
	if (domain->first != NULL)
		domain->first->domain_prev = node;
	domain->first = node;
	placer->rows.domain[node->row] = domain->id;
	return 0;
}
