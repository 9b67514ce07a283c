/* tests/plugin/fixture.h - what tests of plugins share: a host whose clock and generator the
 * test owns, the folders of this build, a temporary folder, small ways to fail loudly. */
#ifndef PLUGIN_FIXTURE_H
#define PLUGIN_FIXTURE_H

#include "base/random.h"
#include "plugin/host.h"
#include "plugin/load.h"
#include "plugin/options.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture_host {
	struct plugin_host host;
	struct random random;
	uint64_t now_ms;
	char last_log[256];
};

static inline void
fixture_log(void *ctx, int level, const char *message)
{
	struct fixture_host *fixture = ctx;

	(void)snprintf(fixture->last_log, sizeof(fixture->last_log), "%d %s", level, message);
}

static inline uint64_t
fixture_now_ms(void *ctx)
{
	return ((struct fixture_host *)ctx)->now_ms;
}

static inline uint64_t
fixture_random(void *ctx)
{
	return random_next(&((struct fixture_host *)ctx)->random);
}

static inline const struct cube_host *
fixture_host_init(struct fixture_host *fixture)
{
	struct plugin_services services = {fixture, fixture_log, fixture_now_ms,
					   fixture_random};

	memset(fixture, 0, sizeof(*fixture));
	random_seed(&fixture->random, 7);
	fixture->now_ms = 1000;
	plugin_host_init(&fixture->host, "6f1c2a52-58d4-4b5e-9f0f-3a1c0a1b2c3d", &services);
	return &fixture->host.host;
}

/* BUILD/NAME, this program being BUILD/tests/X/Y. */
static inline void
fixture_build_path(const char *name, char path[PATH_MAX])
{
	ssize_t size = readlink("/proc/self/exe", path, PATH_MAX - 1);

	ck_assert_int_gt(size, 0);
	path[size] = '\0';
	for (int i = 0; i < 3; i++) {
		char *slash = strrchr(path, '/');

		ck_assert_ptr_nonnull(slash);
		*slash = '\0';
	}
	ck_assert_uint_lt(strlen(path) + strlen(name) + 2, PATH_MAX);
	strncat(path, "/", PATH_MAX - strlen(path) - 1);
	strncat(path, name, PATH_MAX - strlen(path) - 1);
}

static inline struct plugin *
fixture_load(const char *name, enum cube_plugin_kind kind)
{
	char path[PATH_MAX];
	struct plugin *plugin = NULL;
	struct cube_error err;

	fixture_build_path(name, path);
	ck_assert_msg(plugin_load(path, kind, "--test", NULL, &plugin, &err) == 0, "%s",
		      err.message);
	return plugin;
}

static inline const char **
fixture_options(const struct plugin *plugin, const char *const *pairs, size_t count)
{
	const char **values = NULL;
	struct cube_error err;

	ck_assert_msg(options_resolve(plugin->info.name, "--test-opt", plugin->info.options,
				      pairs, count, &values, &err) == 0,
		      "%s", err.message);
	return values;
}

#define fixture_contains(text, wanted)                                                        \
	ck_assert_msg(strstr((text), (wanted)) != NULL, "\"%s\" does not say \"%s\"", (text), \
		      (wanted))

#endif
