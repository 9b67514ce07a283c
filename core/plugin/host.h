/* plugin/host.h - the services of the core that a plugin is handed at open.
 *
 * One per plugin instance. The log, the clock and the generator are what the owner
 * gives: the manager's brain answers a scheduler with the time of the step and its
 * own generator; a runtime or store gets the real ones from the shell.
 */
#ifndef PLUGIN_HOST_H
#define PLUGIN_HOST_H

#include <cube/plugin.h>

/* The owner's functions; each gets ctx. All are called from any thread unless the
 * plugin's kind says [loop]. */
struct plugin_services {
	void *ctx;
	void (*log)(void *ctx, int level, const char *message);
	uint64_t (*now_ms)(void *ctx);
	uint64_t (*random)(void *ctx);
};

struct plugin_host {
	struct cube_host host; /* what the plugin sees; host.ctx is this struct */
	struct plugin_services services;
	char identity[40];
};

/* identity is copied. The host stays where it is until the plugin is closed. */
void plugin_host_init(struct plugin_host *host, const char *identity,
		      const struct plugin_services *services);

#endif
