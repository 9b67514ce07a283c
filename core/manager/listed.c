/* manager/listed.c - from an address in --workers to a node.
 *
 * A placeholder carries the address (10.0.0.7-5556) as its name until the worker there tells
 * its own. If that name is known already (the store remembers it), the known node goes on and
 * the placeholder goes. A worker of the book's has no name and keeps the address. Brain's
 * thread.
 */
#include "manager/listed.h"

#include "manager/brain.h"
#include "manager/contact.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool
is_known(const struct manager *manager, const char *address, const char *api)
{
	void *cursor = NULL;
	const struct node *node;

	while ((node = map_next(manager->nodes.by_name, &cursor)) != NULL) {
		if (strcmp(node->info.name, address) == 0 || strcmp(node->info.api, api) == 0)
			return true;
	}
	return false;
}

/* A worker of the book's keeps this name, so it must be one: what stands between host and
 * port, and anything else that no name has, becomes a hyphen. */
static void
name_of(const char *address, char out[NAME_SIZE])
{
	char *at;

	(void)snprintf(out, NAME_SIZE, "%s", *address == '[' ? address + 1 : address);
	for (at = out; *at != '\0'; at++) {
		char one[2] = {*at, '\0'};

		if (*at != '_' && *at != '.' && !name_is_valid(one))
			*at = '-';
	}
	if (!name_is_valid(out))
		out[0] = 'n';
}

int
listed_begin(struct manager *manager)
{
	char **address;

	for (address = manager->workers; address != NULL && *address != NULL; address++) {
		struct node_info info;
		struct node *node;

		memset(&info, 0, sizeof(info));
		info.cpu_busy = NAN;
		name_of(*address, info.name);
		(void)snprintf(info.api, sizeof(info.api), "http://%s", *address);
		if (is_known(manager, info.name, info.api))
			continue;
		node = nodes_add(manager, &info);
		if (node == NULL)
			return CUBE_ERR_NO_MEMORY;
		node->listed = true;
	}
	return 0;
}

static void
move_to(struct manager *manager, struct node *known, const struct node *placeholder)
{
	if (strcmp(known->info.api, placeholder->info.api) == 0)
		return;
	memcpy(known->info.api, placeholder->info.api, sizeof(known->info.api));
	contact_begin(manager, known);
}

bool
listed_name(struct manager *manager, struct node *node, const struct manager_message *message)
{
	const char *name = message->info.name;
	struct node *known;

	if (message->book) {
		node->listed = false;
		return true;
	}
	if (!name_is_valid(name) || message->info.instance[0] == '\0') {
		contact_refuse(manager, node, "it does not say its name or instance");
		return false;
	}
	known = nodes_find_instance(manager, message->info.instance);
	if (known == NULL)
		known = nodes_find(manager, name);
	if (known == NULL) {
		if (node_rename(manager, node, name) != 0)
			brain_failed(manager);
		node->listed = false;
		step_log(manager->step, LOG_LEVEL_INFO, "node.joined", "node", name, "api",
			 node->info.api, NULL);
		return true;
	}
	if (node_is_live(manager, known) && known->known) {
		if (strcmp(known->info.instance, message->info.instance) != 0) {
			contact_refuse(manager, node,
				       "the name %s is taken by another worker at %s: start it "
				       "with another --name",
				       name, known->info.api);
			return false;
		}
	} else {
		move_to(manager, known, node);
	}
	contact_end(manager, node);
	nodes_remove(manager, node);
	return false;
}
