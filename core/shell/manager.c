/* shell/manager.c - see manager.h.
 *
 * Owns every part of the daemon and opens them in the order in which they need each other:
 * plugins, store, brain (which reads the store back), loop, http client, and the server
 * last, so that the first request finds everything in place. They are closed the other way
 * round. Main thread; the callbacks say which others.
 */
#include "shell/manager.h"

#include "base/clock.h"
#include "http/client.h"
#include "http/fetch.h"
#include "http/server.h"
#include "manager/manager.h"
#include "plugin/options.h"
#include "shell/daemon.h"
#include "shell/fleet.h"
#include "shell/manager_api.h"
#include "shell/reply_slot.h"
#include "shell/services.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IDLE_CONNECTIONS 10000 /* to workers, kept open */
#define GIVE_BACK_TASKS  2000
#define GIVE_BACK_MS     10000
#define STOP_RESERVE_MS  700 /* of DAEMON_END_MS: for the loop, after the server */

struct manager_daemon {
	const struct manager_settings *settings;
	struct log *log;
	char *data_dir;
	struct plugin *store_plugin;
	const char **store_options;
	struct plugin_host store_host;
	struct store *store;
	struct plugin *scheduler_plugin;
	const char **scheduler_options;
	struct manager *brain;
	size_t records;        /* read back at start */
	uint64_t given_back;   /* tasks trimmed when memory was last given back */
	uint64_t give_back_ms; /* mono: not before */
	struct loop *loop;
	struct http_client *client;
	struct manager_api api;
	struct http_server *server;
	bool server_hangs;
	char suspect[64]; /* "scheduler roundrobin" */
};

/* ---- between brain and world: the loop's thread ---- */

static int
brain_load(void *brain, const struct cube_record *record, struct cube_error *err)
{
	return manager_load(brain, record, err);
}

static int
brain_start(void *ctx, struct step *step, struct cube_error *err)
{
	const struct manager_daemon *daemon = ctx;

	return manager_start(daemon->brain, step, err);
}

/* What was freed lies between what stays, and so with malloc, which gives it back to the
 * system only when asked. After as many tasks as make that worth its time. */
static void
give_back(struct manager_daemon *daemon, uint64_t mono_ms)
{
	uint64_t trimmed = manager_trimmed(daemon->brain);

	if (trimmed - daemon->given_back < GIVE_BACK_TASKS || mono_ms < daemon->give_back_ms)
		return;
	daemon->given_back = trimmed;
	daemon->give_back_ms = mono_ms + GIVE_BACK_MS;
	(void)malloc_trim(0);
}

static int
brain_step(void *ctx, struct message *message, struct step *step, struct cube_error *err)
{
	struct manager_daemon *daemon = ctx;
	int failed = manager_step(daemon->brain, (struct manager_message *)(void *)message,
				  step, err);

	if (failed == 0)
		give_back(daemon, step->now.mono_ms);
	return failed;
}

/* NULL: no memory. */
static struct message *
brain_message(int kind)
{
	struct manager_message *message = manager_message_new((enum manager_message_kind)kind);

	return message != NULL ? &message->message : NULL;
}

static struct message *
brain_wake(void *brain)
{
	(void)brain;
	return brain_message(MESSAGE_WAKE);
}

static void
brain_free_message(struct message *message)
{
	manager_message_free((struct manager_message *)(void *)message);
}

static void
effect_release(void *ctx, struct outbox_item *item)
{
	const struct manager_daemon *daemon = ctx;
	struct manager_effect *effect = (struct manager_effect *)(void *)item;

	if (effect->kind == MANAGER_EFFECT_REPLY)
		reply_slot_fill(effect->token, item);
	else
		fleet_send(daemon->client, daemon->loop, effect);
}

/* ---- start ---- */

static int
open_scheduler(struct manager_daemon *daemon, struct cube_error *err)
{
	const struct manager_settings *settings = daemon->settings;
	int failed = plugin_load(settings->scheduler, CUBE_PLUGIN_SCHEDULER, "--scheduler",
				 settings->plugin_dir, &daemon->scheduler_plugin, err);

	if (failed != 0)
		return failed;
	(void)snprintf(daemon->suspect, sizeof(daemon->suspect), "scheduler %s",
		       daemon->scheduler_plugin->info.name);
	return options_resolve(daemon->scheduler_plugin->info.name, "--scheduler-opt",
			       daemon->scheduler_plugin->info.options,
			       settings->scheduler_options, settings->scheduler_option_count,
			       &daemon->scheduler_options, err);
}

static int
open_store(struct manager_daemon *daemon, struct cube_error *err)
{
	const struct manager_settings *settings = daemon->settings;
	const struct store_choice choice = {.name = settings->store,
					    .plugin_dir = settings->plugin_dir,
					    .options = settings->store_options,
					    .option_count = settings->store_option_count,
					    .data_dir = daemon->data_dir,
					    .file = "cube.db"};
	const struct plugin_services services = services_for(daemon->log);
	char identity[ID_SIZE];
	uint8_t bytes[16];

	clock_random(bytes, sizeof(bytes));
	id_from_random(bytes, identity);
	plugin_host_init(&daemon->store_host, identity, &services);
	return store_load_open(&choice, &daemon->store_host.host, &daemon->store_plugin,
			       &daemon->store_options, &daemon->store, err);
}

/* "host:port,host:port" as a list that ends with NULL: one block, to free(), with the texts
 * behind the pointers. NULL: no memory. */
static const char **
workers_split(const char *text)
{
	size_t size = strlen(text) + 1;
	size_t room = size / 2 + 2; /* a name and a comma each */
	const char **list = calloc(1, room * sizeof(*list) + size);
	size_t count = 0;
	char *rest;
	char *one;

	if (list == NULL)
		return NULL;
	rest = (char *)(list + room);
	memcpy(rest, text, size);
	while ((one = strsep(&rest, ", ")) != NULL) {
		if (*one != '\0')
			list[count++] = one;
	}
	return list;
}

static int
open_brain(struct manager_daemon *daemon, struct cube_error *err)
{
	const struct manager_settings *settings = daemon->settings;
	const char **workers =
		workers_split(settings->workers != NULL ? settings->workers : "");
	struct manager_config config = {
		.node_timeout_ms = settings->node_timeout_ms,
		.events_max = settings->events_max,
		.keep_tasks = settings->keep_tasks,
		.keep_tasks_s = settings->keep_tasks_s,
		.scheduler_name = daemon->scheduler_plugin->info.name,
		.scheduler_ops = daemon->scheduler_plugin->info.ops.scheduler,
		.scheduler_options = daemon->scheduler_options,
		.log = services_log,
		.log_ctx = daemon->log,
	};
	uint8_t bytes[16];
	int failed;

	if (workers == NULL)
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	clock_random(bytes, sizeof(bytes));
	id_from_random(bytes, config.new_cluster);
	clock_random(&config.seed, sizeof(config.seed));
	config.workers = workers;
	failed = manager_new(&config, &daemon->brain, err);
	free(workers);
	if (failed != 0)
		return failed;
	return store_load_all(daemon->store, brain_load, daemon->brain, &daemon->records, err);
}

static int
open_loop(struct manager_daemon *daemon, struct cube_error *err)
{
	const struct loop_brain brain = {.brain = daemon,
					 .start = brain_start,
					 .step = brain_step,
					 .wake = brain_wake,
					 .free_message = brain_free_message,
					 .suspect = daemon->suspect};
	int failed = loop_new(&brain, daemon->store, effect_release, daemon, daemon->log,
			      &daemon->loop, err);

	if (failed == 0)
		failed = http_client_new(IDLE_CONNECTIONS, &daemon->client, err);
	return failed;
}

static void
server_log(void *ctx, const char *message)
{
	const struct manager_api *api = ctx;

	log_event(api->log, LOG_LEVEL_WARNING, "http", "message", message, NULL);
}

static int
open_server(struct manager_daemon *daemon, struct cube_error *err)
{
	const struct http_server_config config = {.host = daemon->settings->host,
						  .port = daemon->settings->port,
						  .routes = manager_routes,
						  .ctx = &daemon->api,
						  .log = server_log};

	daemon->api = (struct manager_api){.loop = daemon->loop, .log = daemon->log};
	return http_server_start(&config, &daemon->server, err);
}

static int
manager_open(struct manager_daemon *daemon, struct cube_error *err)
{
	int failed =
		daemon_data_dir(daemon->settings->data_dir, "manager", &daemon->data_dir, err);

	if (failed == 0)
		failed = open_scheduler(daemon, err);
	if (failed == 0)
		failed = open_store(daemon, err);
	if (failed == 0)
		failed = open_brain(daemon, err);
	if (failed == 0)
		failed = open_loop(daemon, err);
	if (failed == 0)
		failed = open_server(daemon, err);
	return failed;
}

/* ---- end ---- */

/* After the signal, while the loop still runs: who waits is answered, also who waits for
 * events. */
static void
manager_stopping(void *ctx, uint64_t deadline_ms)
{
	struct manager_daemon *daemon = ctx;
	struct message *quit = brain_message(MESSAGE_QUIT);

	if (quit != NULL)
		loop_post_answer(daemon->loop, quit);
	daemon->server_hangs = !http_server_stop(daemon->server, deadline_ms - STOP_RESERVE_MS);
	if (!daemon->server_hangs)
		daemon->server = NULL;
}

/* False if a part did not end in time: what it may still use is left as it is. */
static bool
manager_close(struct manager_daemon *daemon)
{
	if (daemon->server != NULL && !daemon->server_hangs)
		manager_stopping(daemon, clock_now().mono_ms + DAEMON_END_MS);
	if (daemon->server_hangs || (daemon->loop != NULL && loop_stuck(daemon->loop)))
		return false;
	http_client_free(daemon->client);
	loop_free(daemon->loop);
	manager_free(daemon->brain);
	if (daemon->store != NULL)
		store_close(daemon->store);
	free(daemon->store_options);
	plugin_unload(daemon->store_plugin);
	free(daemon->scheduler_options);
	plugin_unload(daemon->scheduler_plugin);
	free(daemon->data_dir);
	return true;
}

static int
manager_serve(struct manager_daemon *daemon, struct cube_error *err)
{
	char port[8];
	char records[24];
	int failed;

	(void)snprintf(port, sizeof(port), "%u", http_server_port(daemon->server));
	(void)snprintf(records, sizeof(records), "%zu", daemon->records);
	log_event(daemon->log, LOG_LEVEL_INFO, "manager.ready", "host", daemon->settings->host,
		  "port", port, "cluster", manager_cluster(daemon->brain), "scheduler",
		  daemon->scheduler_plugin->info.name, "store", store_name(daemon->store),
		  "records", records, "data", daemon->data_dir, NULL);
	failed = daemon_run(daemon->loop, daemon->log, manager_stopping, daemon, err);
	log_event(daemon->log, failed != 0 ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "manager.ended",
		  "reason", failed != 0 ? err->message : "signal", NULL);
	/* INVALID is kept for one that did not get ready. */
	if (failed == CUBE_ERR_INVALID)
		failed = err->code = CUBE_ERR_INTERNAL;
	return failed;
}

int
manager_run(const struct manager_settings *settings, struct log *log, struct cube_error *err)
{
	struct manager_daemon daemon = {.settings = settings, .log = log};
	int failed = fetch_init(err);

	if (failed == 0)
		failed = manager_open(&daemon, err);
	if (failed == 0)
		failed = manager_serve(&daemon, err);
	else
		failed = err->code = CUBE_ERR_INVALID;
	if (!manager_close(&daemon))
		_exit(failed == 0 ? 0 : 1); /* threads still use what is on this stack */
	return failed;
}
