/* shell/worker.c - cube-worker from start to end; see the header.
 *
 * Start: folder, plugins, store, brain (which reads back its journal), runtime, executor,
 * server; only then does it answer. End: the server lets its requests finish while the loop
 * still answers them, the loop commits what there is, and worker_close undoes the rest in
 * the opposite order, knowing how far the start came. Tasks go on running. A part that does
 * not end in time is left for the process to end with: then nothing that it may still use
 * is freed. Main thread; the callbacks say which others.
 */
#include "shell/worker.h"

#include "base/clock.h"
#include "http/client.h"
#include "http/fetch.h"
#include "http/server.h"
#include "plugin/options.h"
#include "shell/daemon.h"
#include "shell/describe.h"
#include "shell/executor.h"
#include "shell/join.h"
#include "shell/prober.h"
#include "shell/reply_slot.h"
#include "shell/services.h"
#include "shell/worker_api.h"
#include "worker/worker.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SERVER_RESERVE_MS 700 /* of the time to end: for all that ends after the server */

struct worker_daemon {
	const struct worker_settings *settings;
	struct log *log;
	char *data_dir;
	struct sampler sampler;
	struct plugin *store_plugin;
	const char **store_options;
	struct plugin_host store_host;
	struct store *store;
	struct plugin *runtime_plugin;
	struct plugin_host runtime_host;
	const char **runtime_options;
	struct runtime *runtime;
	struct cube_runtime_events events; /* the runtime's until it is stopped */
	bool runtime_started;
	atomic_bool resync_waits; /* a WORKER_RESYNC is in the inbox */
	struct worker *brain;
	struct loop *loop;
	struct executor *executor;
	struct http_client *client;
	struct prober *prober;
	struct worker_api api;
	struct http_server *server;
	bool server_hangs;
	uint64_t deadline_ms; /* mono, when all must have ended; 0: no signal has come */
};

/* ---- between brain and world ---- */

static int
brain_load(void *brain, const struct cube_record *record, struct cube_error *err)
{
	return worker_load(brain, record, err);
}

static int
brain_start(void *arg, struct step *step, struct cube_error *err)
{
	struct worker_daemon *daemon = arg;

	return worker_start(daemon->brain, step, err);
}

static int
brain_step(void *arg, struct message *message, struct step *step, struct cube_error *err)
{
	struct worker_daemon *daemon = arg;

	/* Before the step: what happens from here on needs another. */
	if (message->kind == WORKER_RESYNC)
		atomic_store(&daemon->resync_waits, false);
	return worker_step(daemon->brain, (struct worker_message *)(void *)message, step, err);
}

static struct message *
brain_message(int kind)
{
	struct worker_message *message = worker_message_new(WORKER_NODE);

	if (message == NULL)
		return NULL;
	message->message.kind = kind;
	return &message->message;
}

static struct message *
brain_wake(void *arg)
{
	(void)arg;
	return brain_message(MESSAGE_WAKE);
}

static void
brain_free_message(struct message *message)
{
	worker_message_free((struct worker_message *)(void *)message);
}

/* [loop's thread] */
static void
effect_release(void *ctx, struct outbox_item *item)
{
	struct worker_daemon *daemon = ctx;
	struct worker_effect *effect = (struct worker_effect *)(void *)item;

	switch (effect->kind) {
	case WORKER_EFFECT_REPLY:
		reply_slot_fill(effect->token, item);
		break;
	case WORKER_EFFECT_JOB:
	case WORKER_EFFECT_CANCEL:
		executor_take(daemon->executor, effect);
		break;
	case WORKER_EFFECT_JOIN:
		join_send(daemon->client, daemon->loop, daemon->settings->manager, effect);
		break;
	case WORKER_EFFECT_CHECK:
		prober_take(daemon->prober, effect);
		break;
	}
}

/* [any] One that waits already stands for all that have happened since. */
static void
runtime_resync(void *ctx)
{
	struct worker_daemon *daemon = ctx;
	struct worker_message *message;

	if (atomic_exchange(&daemon->resync_waits, true))
		return;
	message = worker_message_new(WORKER_RESYNC);
	if (message == NULL)
		atomic_store(&daemon->resync_waits, false); /* lost, as a hint may be */
	else
		loop_post_answer(daemon->loop, &message->message);
}

/* [any] Events are hints; one that finds the inbox full becomes "look at all". */
static void
runtime_changed(void *ctx, const char *task_id)
{
	struct worker_daemon *daemon = ctx;
	struct worker_message *message;

	if (task_id == NULL)
		return;
	message = worker_message_new(WORKER_CHANGED);
	if (message == NULL)
		return;
	if (id_parse(task_id, message->task_id) < 0) {
		worker_message_free(message);
	} else if (loop_post(daemon->loop, &message->message) < 0) {
		worker_message_free(message);
		runtime_resync(daemon);
	}
}

/* ---- start ---- */

static int
open_brain(struct worker_daemon *daemon, struct cube_error *err)
{
	struct worker_config config = {
		.joins = daemon->settings->manager != NULL,
		.keep_ended = daemon->settings->keep_ended,
		.keep_attempts = daemon->settings->keep_attempts,
		.keep_ended_for_ms = daemon->settings->keep_ended_for_s * UINT64_C(1000),
		.orphan_grace_ms = daemon->settings->orphan_grace_s * UINT64_C(1000)};
	const struct cube_runtime_ops *ops = daemon->runtime_plugin->info.ops.runtime;
	uint8_t bytes[16];
	size_t count = 0;
	int rc;

	clock_random(bytes, sizeof(bytes));
	id_from_random(bytes, config.new_instance);
	clock_random(&config.epoch, sizeof(config.epoch));
	config.epoch |= 1; /* never 0 */
	clock_random(&config.seed, sizeof(config.seed));
	config.runtime_has_events =
		CUBE_HAS(struct cube_runtime_ops, ops, start) && ops->start != NULL;
	rc = describe_worker(daemon->settings, daemon->data_dir,
			     daemon->runtime_plugin->info.name, &config.info, err);
	if (rc == 0)
		rc = worker_new(&config, &daemon->brain, err);
	node_info_release(&config.info);
	if (rc < 0)
		return rc;
	return store_load_all(daemon->store, brain_load, daemon->brain, &count, err);
}

static int
open_store(struct worker_daemon *daemon, struct cube_error *err)
{
	const struct worker_settings *settings = daemon->settings;
	struct store_choice choice = {.name = settings->store,
				      .plugin_dir = settings->plugin_dir,
				      .options = settings->store_options,
				      .option_count = settings->store_option_count,
				      .data_dir = daemon->data_dir,
				      .file = "worker.db"};
	const struct plugin_services services = services_for(daemon->log);

	plugin_host_init(&daemon->store_host, settings->name, &services);
	return store_load_open(&choice, &daemon->store_host.host, &daemon->store_plugin,
			       &daemon->store_options, &daemon->store, err);
}

/* The runtime is opened when the instance is known: it is the worker's label. */
static int
open_runtime(struct worker_daemon *daemon, struct cube_error *err)
{
	const struct plugin_services services = services_for(daemon->log);
	const struct cube_plugin *info = &daemon->runtime_plugin->info;

	plugin_host_init(&daemon->runtime_host, worker_instance(daemon->brain), &services);
	return runtime_open(info->name, info->ops.runtime, &daemon->runtime_host.host,
			    daemon->runtime_options, &daemon->runtime, err);
}

static int
open_loop(struct worker_daemon *daemon, struct cube_error *err)
{
	const struct loop_brain brain = {.brain = daemon,
					 .start = brain_start,
					 .step = brain_step,
					 .wake = brain_wake,
					 .free_message = brain_free_message};
	int rc = loop_new(&brain, daemon->store, effect_release, daemon, daemon->log,
			  &daemon->loop, err);

	if (rc == 0)
		rc = executor_new(daemon->runtime, worker_instance(daemon->brain), daemon->loop,
				  &daemon->executor, err);
	if (rc == 0)
		rc = http_client_new(2, &daemon->client, err);
	if (rc == 0)
		rc = prober_new(daemon->loop, &daemon->prober, err);
	return rc;
}

/* [any] */
static void
server_log(void *ctx, const char *message)
{
	const struct worker_api *api = ctx;

	log_event(api->log, LOG_LEVEL_WARNING, "http", "message", message, NULL);
}

static int
open_server(struct worker_daemon *daemon, struct cube_error *err)
{
	struct http_server_config config = {.host = daemon->settings->host,
					    .port = daemon->settings->port,
					    .routes = worker_routes,
					    .ctx = &daemon->api,
					    .log = server_log};

	daemon->api = (struct worker_api){.loop = daemon->loop,
					  .runtime = daemon->runtime,
					  .executor = daemon->executor,
					  .sampler = &daemon->sampler,
					  .log = daemon->log};
	return http_server_start(&config, &daemon->server, err);
}

static int
worker_open(struct worker_daemon *daemon, struct cube_error *err)
{
	const struct worker_settings *settings = daemon->settings;
	int rc;

	/* First of all: it may become the name of a folder. */
	if (!name_is_valid(settings->name))
		return cube_fail(
			err, CUBE_ERR_INVALID, 0,
			"--name '%.100s' is not a name: [a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}",
			settings->name);
	rc = daemon_data_dir(settings->data_dir, settings->name, &daemon->data_dir, err);
	daemon->sampler.folder = daemon->data_dir;
	if (rc == 0)
		rc = plugin_load(settings->runtime, CUBE_PLUGIN_RUNTIME, "--runtime",
				 settings->plugin_dir, &daemon->runtime_plugin, err);
	if (rc == 0)
		rc = options_resolve(daemon->runtime_plugin->info.name, "--runtime-opt",
				     daemon->runtime_plugin->info.options,
				     settings->runtime_options, settings->runtime_option_count,
				     &daemon->runtime_options, err);
	if (rc == 0)
		rc = open_store(daemon, err);
	if (rc == 0)
		rc = open_brain(daemon, err);
	if (rc == 0)
		rc = open_runtime(daemon, err);
	if (rc == 0)
		rc = open_loop(daemon, err);
	if (rc == 0)
		rc = open_server(daemon, err);
	return rc;
}

/* ---- end ---- */

/* After the signal, while the loop still runs: polls that wait are answered at once, so that
 * all handlers end; no new request is taken. */
static void
worker_stopping(void *ctx, uint64_t deadline_ms)
{
	struct worker_daemon *daemon = ctx;
	struct message *quit = brain_message(MESSAGE_QUIT);

	daemon->deadline_ms = deadline_ms;
	if (quit != NULL)
		loop_post_answer(daemon->loop, quit);
	daemon->server_hangs =
		!http_server_stop(daemon->server, deadline_ms - SERVER_RESERVE_MS);
	daemon->server = NULL;
}

/* False if a part did not end in time: what it may still use is left as it is. */
static bool
worker_close(struct worker_daemon *daemon)
{
	uint64_t deadline_ms = daemon->deadline_ms;

	if (deadline_ms == 0)
		deadline_ms = clock_now().mono_ms + DAEMON_END_MS;
	if (daemon->server != NULL)
		daemon->server_hangs =
			!http_server_stop(daemon->server, deadline_ms - SERVER_RESERVE_MS);
	if (daemon->server_hangs)
		return false;
	if (daemon->runtime_started)
		runtime_stop(daemon->runtime);
	if (!executor_stop(daemon->executor, deadline_ms))
		return false;
	if (daemon->loop != NULL && loop_stuck(daemon->loop))
		return false;
	prober_free(daemon->prober);
	http_client_free(daemon->client);
	loop_free(daemon->loop);
	runtime_close(daemon->runtime);
	worker_free(daemon->brain);
	store_close(daemon->store);
	free(daemon->store_options);
	plugin_unload(daemon->store_plugin);
	free(daemon->runtime_options);
	plugin_unload(daemon->runtime_plugin);
	free(daemon->data_dir);
	return true;
}

static int
runtime_listen(struct worker_daemon *daemon, struct cube_error *err)
{
	int rc;

	daemon->events = (struct cube_runtime_events){.struct_size = sizeof(daemon->events),
						      .ctx = daemon,
						      .changed = runtime_changed,
						      .resync = runtime_resync};
	rc = runtime_start(daemon->runtime, &daemon->events, err);
	daemon->runtime_started = rc == 0;
	return rc;
}

static int
worker_serve(struct worker_daemon *daemon, struct cube_error *err)
{
	char port[8];
	int rc;

	(void)snprintf(port, sizeof(port), "%u", http_server_port(daemon->server));
	log_event(daemon->log, LOG_LEVEL_INFO, "worker.ready", "name", daemon->settings->name,
		  "host", daemon->settings->host, "port", port, "runtime",
		  runtime_name(daemon->runtime), "instance", worker_instance(daemon->brain),
		  "data", daemon->data_dir, NULL);
	rc = daemon_run(daemon->loop, daemon->log, worker_stopping, daemon, err);
	log_event(daemon->log, rc < 0 ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "worker.ended",
		  "reason", rc < 0 ? err->message : "signal", NULL);
	/* INVALID is kept for one that did not get ready. */
	if (rc == CUBE_ERR_INVALID)
		rc = err->code = CUBE_ERR_INTERNAL;
	return rc;
}

int
worker_run(const struct worker_settings *settings, struct log *log, struct cube_error *err)
{
	struct worker_daemon daemon = {.settings = settings, .log = log};
	int rc = fetch_init(err);

	if (rc == 0)
		rc = worker_open(&daemon, err);
	if (rc == 0)
		rc = runtime_listen(&daemon, err);
	if (rc == 0)
		rc = worker_serve(&daemon, err);
	else
		rc = err->code = CUBE_ERR_INVALID;
	if (!worker_close(&daemon))
		_exit(rc == 0 ? 0 : 1); /* threads still use what is on this stack */
	return rc;
}
