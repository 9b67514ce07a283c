/* plugin/host.c - the services of the core that a plugin is handed at open. Each function
 * finds its struct plugin_host in ctx and passes the call to the owner's service; memory
 * comes from libc. Any thread. */
#include "plugin/host.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void
host_log(void *ctx, int level, const char *message)
{
	const struct plugin_host *host = ctx;

	if (message == NULL)
		return;
	if (level < 0)
		level = 0;
	if (level > 3)
		level = 3;
	host->services.log(host->services.ctx, level, message);
}

static uint64_t
host_now_ms(void *ctx)
{
	const struct plugin_host *host = ctx;

	return host->services.now_ms(host->services.ctx);
}

static uint64_t
host_random(void *ctx)
{
	const struct plugin_host *host = ctx;

	return host->services.random(host->services.ctx);
}

static void *
host_realloc(void *ctx, void *p, size_t size)
{
	(void)ctx;
	if (size == 0) {
		free(p);
		return NULL;
	}
	return realloc(p, size);
}

void
plugin_host_init(struct plugin_host *host, const char *identity,
		 const struct plugin_services *services)
{
	size_t size = strlen(identity);

	assert(size < sizeof(host->identity));
	assert(services->log != NULL && services->now_ms != NULL && services->random != NULL);
	memset(host, 0, sizeof(*host));
	host->services = *services;
	memcpy(host->identity, identity, size + 1);
	host->host.struct_size = sizeof(host->host);
	host->host.abi_minor = CUBE_ABI_MINOR;
	host->host.ctx = host;
	host->host.identity = host->identity;
	host->host.log = host_log;
	host->host.now_ms = host_now_ms;
	host->host.random = host_random;
	host->host.realloc = host_realloc;
}
