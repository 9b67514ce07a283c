/* cube/sim/policy.c - loads a scheduler as the manager does, with services of the
 * simulation. Owns the plugin and what is open of it. Main thread.
 */
#include "policy.h"

#include "base/clock.h"
#include "common/clean.h"
#include "plugin/options.h"

#include <stdlib.h>
#include <string.h>

#define OPTIONS_MAX 64

static void
log_line(void *ctx, int level, const char *message)
{
	const struct sim_policy *policy = ctx;

	if (level >= 2)
		complain("cube sim", "%s: %s", policy->label, message);
}

static uint64_t
now_ms(void *ctx)
{
	const struct sim_policy *policy = ctx;

	return policy->now_us / 1000;
}

static uint64_t
next_random(void *ctx)
{
	struct sim_policy *policy = ctx;

	return random_next(&policy->random);
}

int
sim_policy_load(struct sim_policy *policy, const char *text, const char *plugin_dir,
		struct cube_error *err)
{
	const char *pairs[OPTIONS_MAX];
	size_t count = 0;
	char *at;

	memset(policy, 0, sizeof(*policy));
	policy->text = strdup(text);
	policy->label = strdup(text);
	if (policy->text == NULL || policy->label == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	policy->file = policy->text;
	at = strchr(policy->text, ',');
	while (at != NULL) {
		*at++ = '\0';
		if (count == OPTIONS_MAX)
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "--scheduler %.60s: has more than %d options",
					 policy->file, OPTIONS_MAX);
		pairs[count++] = at;
		at = strchr(at, ',');
	}
	if (policy->file[0] == '\0')
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "--scheduler wants FILE.so[,KEY=VALUE...] such as "
				 "epvm.so, not '%.60s'",
				 text);
	if (plugin_load(policy->file, CUBE_PLUGIN_SCHEDULER, "--scheduler", plugin_dir,
			&policy->plugin, err) != 0)
		return err->code;
	return options_resolve(policy->plugin->info.name, "--scheduler",
			       policy->plugin->info.options, pairs, count, &policy->options,
			       err);
}

int
sim_policy_open(struct sim_policy *policy, uint64_t seed, struct cube_error *err)
{
	const struct plugin_services services = {
		.ctx = policy, .log = log_line, .now_ms = now_ms, .random = next_random};

	random_seed(&policy->random, seed);
	policy->now_us = 0;
	plugin_host_init(&policy->host, "00000000-0000-4000-8000-000000000000", &services);
	return scheduler_open(policy->plugin->info.name, policy->plugin->info.ops.scheduler,
			      &policy->host.host, policy->options, &policy->scheduler, err);
}

void
sim_policy_close(struct sim_policy *policy)
{
	scheduler_close(policy->scheduler);
	policy->scheduler = NULL;
}

void
sim_policy_release(struct sim_policy *policy)
{
	sim_policy_close(policy);
	free(policy->options);
	plugin_unload(policy->plugin);
	free(policy->label);
	free(policy->text);
	memset(policy, 0, sizeof(*policy));
}
