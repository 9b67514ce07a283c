/* cube/sim/policy.h - a scheduler of --scheduler FILE.so[,KEY=VALUE...], loaded and open.
 *
 * Its clock is the simulation's, its generator is seeded: the same run gives it the same
 * answers. Main thread.
 */
#ifndef CUBE_SIM_POLICY_H
#define CUBE_SIM_POLICY_H

#include "base/random.h"
#include "plugin/scheduler.h"

struct sim_policy {
	char *text;  /* a copy of what was given, cut into pieces */
	char *label; /* what the report calls it: the text as it was given */
	const char *file;
	struct plugin *plugin;
	const char **options;
	struct plugin_host host;
	struct random random;
	uint64_t now_us;
	struct scheduler *scheduler; /* NULL: not open */
};

/* Loads the plugin and checks its options; opens nothing. On failure release it all the
 * same. */
int sim_policy_load(struct sim_policy *policy, const char *text, const char *plugin_dir,
		    struct cube_error *err);
/* Open, as at the start of a manager. */
int sim_policy_open(struct sim_policy *policy, uint64_t seed, struct cube_error *err);
void sim_policy_close(struct sim_policy *policy);
void sim_policy_release(struct sim_policy *policy);

#endif
