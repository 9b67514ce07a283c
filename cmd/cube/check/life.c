/* check/life.c - see the header. Owns the options; self is the plugin's. */
#include "life.h"

#include "plugin/options.h"
#include "plugin/scheduler.h"

#include <cube/runtime.h>
#include <cube/store.h>
#include <stdlib.h>
#include <string.h>

#define PAIRS_MAX 80
#define PAIR_SIZE 192

typedef int open_function(const struct cube_host *host, const char *const *options, void **self,
			  struct cube_error *err);
typedef void close_function(void *self);

static open_function *
open_of(const struct cube_plugin *info)
{
	if (info->kind == CUBE_PLUGIN_SCHEDULER)
		return info->ops.scheduler->open;
	return info->kind == CUBE_PLUGIN_RUNTIME ? info->ops.runtime->open
						 : info->ops.store->open;
}

static close_function *
close_of(const struct cube_plugin *info)
{
	if (info->kind == CUBE_PLUGIN_SCHEDULER)
		return info->ops.scheduler->close;
	return info->kind == CUBE_PLUGIN_RUNTIME ? info->ops.runtime->close
						 : info->ops.store->close;
}

/* The first of the two that the plugin has; what the command line says comes behind it, and
 * the last of a key counts. What a check leaves of a runtime's is for the check that looks. */
static size_t
own_place(const struct subject *subject, const char *folder, int instance, char pair[PAIR_SIZE])
{
	const struct cube_plugin *info = &subject->plugin->info;
	const struct cube_option *table = info->options;
	bool shared = info->kind == CUBE_PLUGIN_RUNTIME;

	for (size_t i = 0; table != NULL && table[i].key != NULL; i++) {
		if (strcmp(table[i].key, "path") != 0 && strcmp(table[i].key, "dir") != 0)
			continue;
		(void)snprintf(pair, PAIR_SIZE, "%s=%s/%s%d", table[i].key,
			       shared ? subject->folder : folder, shared ? "r" : "", instance);
		return 1;
	}
	return 0;
}

static int
resolve(const struct subject *subject, const char *folder, int instance, const char *pair,
	const char ***values, struct cube_error *err)
{
	const struct cube_plugin *info = &subject->plugin->info;
	const char *pairs[PAIRS_MAX];
	char place[PAIR_SIZE];
	size_t count = own_place(subject, folder, instance, place);

	if (subject->pair_count > PAIRS_MAX - 2)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "more than %d times --opt",
				 PAIRS_MAX - 2);
	if (count > 0)
		pairs[0] = place;
	for (size_t i = 0; i < subject->pair_count; i++)
		pairs[count++] = subject->pairs[i];
	if (pair != NULL)
		pairs[count++] = pair;
	return options_resolve(info->name, "--opt", info->options, pairs, count, values, err);
}

int
life_check_options(const struct subject *subject, struct cube_error *err)
{
	const char **values = NULL;
	int result = resolve(subject, subject->folder, 1, NULL, &values, err);

	free(values);
	return result;
}

int
life_init_with(struct life *life, struct trial *trial, int instance, const char *pair,
	       struct cube_error *err)
{
	const struct subject *subject = trial->subject;

	memset(life, 0, sizeof(*life));
	life->trial = trial;
	check_host_init(&life->host, trial,
			subject->plugin->info.kind != CUBE_PLUGIN_SCHEDULER);
	return resolve(subject, trial->folder, instance, pair, &life->options, err);
}

void
life_init(struct life *life, struct trial *trial, int instance)
{
	struct cube_error err;

	if (life_init_with(life, trial, instance, NULL, &err) != 0)
		trial_fail(trial, "%s", err.message);
}

void
life_release(struct life *life)
{
	free(life->options);
	life->options = NULL;
}

/* As the core does: once, directly after open. */
static void
ask_label(struct life *life)
{
	const struct cube_plugin *info = &life->trial->subject->plugin->info;
	struct cube_scheduler_ops ops;
	struct cube_error err;

	life->spreads = false;
	if (info->kind != CUBE_PLUGIN_SCHEDULER ||
	    scheduler_ops_read(info->ops.scheduler, &ops, &err) != 0 ||
	    ops.spread_label == NULL)
		return;
	trial_calls(life->trial, "spread_label");
	life->spreads = ops.spread_label(life->self) != NULL;
	trial_returned(life->trial);
}

int
life_try_open(struct life *life, struct cube_error *err)
{
	struct trial *trial = life->trial;
	const struct cube_plugin *info = &trial->subject->plugin->info;
	int result;

	memset(err, 0, sizeof(*err));
	life->self = NULL;
	trial_calls(trial, "open");
	result = open_of(info)(&life->host.plugin.host, life->options, &life->self, err);
	trial_returned(trial);
	if (trial_outcome(trial, "open", result, err) == 0) {
		ask_label(life);
		return 0;
	}
	if (life->self != NULL)
		trial_fail(trial, "open failed (%s) and wrote *self all the same",
			   err->message);
	check_host_settled(&life->host, "when open fails");
	return err->code;
}

void
life_open(struct life *life)
{
	struct cube_error err;

	if (life_try_open(life, &err) != 0)
		trial_fail(life->trial, "open failed: %s", err.message);
}

void
life_drop(struct life *life)
{
	struct trial *trial = life->trial;

	trial_calls(trial, "close");
	close_of (&trial->subject->plugin->info)(life->self);
	trial_returned(trial);
	life->self = NULL;
}

void
life_close(struct life *life)
{
	life_drop(life);
	check_host_settled(&life->host, "when it is closed");
}
