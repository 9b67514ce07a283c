/* shell/services.c - see the header. */
#include "shell/services.h"

#include "base/clock.h"

void
services_log(void *ctx, int level, const char *message)
{
	if (level >= LOG_LEVEL_ERROR && level <= LOG_LEVEL_DEBUG)
		log_event(ctx, (enum log_level)level, "plugin", "message", message, NULL);
}

static uint64_t
service_now_ms(void *ctx)
{
	(void)ctx;
	return clock_now().mono_ms;
}

static uint64_t
service_random(void *ctx)
{
	uint64_t value;

	(void)ctx;
	clock_random(&value, sizeof(value));
	return value;
}

struct plugin_services
services_for(struct log *log)
{
	return (struct plugin_services){.ctx = log,
					.log = services_log,
					.now_ms = service_now_ms,
					.random = service_random};
}
