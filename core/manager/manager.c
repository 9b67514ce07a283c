/* manager/manager.c - the brain's life, and one step of it.
 *
 * Owns the parts of the brain and hands each message to the file that deals with it. After
 * that every step ends alike: nodes whose time has come are looked at, what waits is
 * placed, workers are told, and what has changed is written down. Brain's thread.
 */
#include "manager/manager.h"

#include "manager/admit.h"
#include "manager/brain.h"
#include "manager/contact.h"
#include "manager/cordon.h"
#include "manager/drain.h"
#include "manager/explain.h"
#include "manager/join.h"
#include "manager/place.h"
#include "manager/read.h"
#include "manager/record.h"
#include "manager/recover.h"
#include "manager/restart.h"
#include "manager/stop.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODE_TIMEOUT_MIN_MS 3000
#define EVENTS_MIN          16
#define TASK_LINES_MAX      16 /* a step, at their own level; the rest is for debugging */

/* ---- the services that a scheduler sees ---- */

static void
service_log(void *ctx, int level, const char *message)
{
	const struct manager *manager = ctx;

	if (manager->log != NULL)
		manager->log(manager->log_ctx, level, message);
}

static uint64_t
service_now_ms(void *ctx)
{
	const struct manager *manager = ctx;

	return manager->step != NULL ? manager->step->now.mono_ms : 0;
}

static uint64_t
service_random(void *ctx)
{
	struct manager *manager = ctx;

	return random_next(&manager->random);
}

/* ---- life ---- */

static int
check_config(const struct manager_config *config, struct cube_error *err)
{
	const char *const *worker;
	char id[ID_SIZE];

	if (id_parse(config->new_cluster, id) != 0)
		return cube_fail(err, CUBE_ERR_INVALID, 0, "new_cluster is not a uuid");
	if (config->node_timeout_ms < NODE_TIMEOUT_MIN_MS)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "the node time-out is %u ms: at least %d ms are needed",
				 config->node_timeout_ms, NODE_TIMEOUT_MIN_MS);
	if (config->events_max < EVENTS_MIN)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "%u entries of history: keep at least %d", config->events_max,
				 EVENTS_MIN);
	for (worker = config->workers; worker != NULL && *worker != NULL; worker++) {
		const char *colon = strrchr(*worker, ':');

		if (colon == NULL || colon == *worker || colon[1] == '\0' ||
		    strchr(*worker, '/') != NULL || strlen(*worker) >= NAME_SIZE)
			return cube_fail(err, CUBE_ERR_INVALID, 0,
					 "\"%s\" in the list of workers: HOST:PORT is wanted, "
					 "at most %d characters",
					 *worker, NAME_SIZE - 1);
	}
	return 0;
}

static int
copy_workers(struct manager *manager, const char *const *workers)
{
	size_t count = 0;
	size_t i;

	while (workers != NULL && workers[count] != NULL)
		count++;
	manager->workers = calloc(count + 1, sizeof(char *));
	if (manager->workers == NULL)
		return CUBE_ERR_NO_MEMORY;
	for (i = 0; i < count; i++) {
		manager->workers[i] = strdup(workers[i]);
		if (manager->workers[i] == NULL)
			return CUBE_ERR_NO_MEMORY;
	}
	return 0;
}

static int
init_parts(struct manager *manager, const struct manager_config *config)
{
	memcpy(manager->cluster, config->new_cluster, sizeof(manager->cluster));
	manager->node_timeout_ms = config->node_timeout_ms;
	manager->log = config->log;
	manager->log_ctx = config->log_ctx;
	events_init(&manager->events, config->events_max);
	watch_init(&manager->watch);
	random_seed(&manager->random, config->seed);
	if (copy_workers(manager, config->workers) != 0 || ledger_init(&manager->ledger) != 0 ||
	    nodes_init(&manager->nodes) != 0 || trim_init(&manager->trim, config) != 0)
		return CUBE_ERR_NO_MEMORY;
	return 0;
}

int
manager_new(const struct manager_config *config, struct manager **out, struct cube_error *err)
{
	struct plugin_services services = {
		.log = service_log, .now_ms = service_now_ms, .random = service_random};
	struct manager *manager;

	if (check_config(config, err) != 0)
		return err->code;
	manager = calloc(1, sizeof(*manager));
	if (manager == NULL || init_parts(manager, config) != 0) {
		manager_free(manager);
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	}
	services.ctx = manager;
	plugin_host_init(&manager->host, manager->cluster, &services);
	if (scheduler_open(config->scheduler_name, config->scheduler_ops, &manager->host.host,
			   config->scheduler_options, &manager->scheduler, err) != 0) {
		manager_free(manager);
		return err->code;
	}
	if (placer_init(&manager->placer, manager->scheduler) != 0) {
		manager_free(manager);
		return cube_fail(err, CUBE_ERR_NO_MEMORY, 0, "out of memory");
	}
	*out = manager;
	return 0;
}

void
manager_free(struct manager *manager)
{
	size_t i;

	if (manager == NULL)
		return;
	if (manager->scheduler != NULL)
		scheduler_close(manager->scheduler);
	heap_release(&manager->restarts); /* before its entries */
	ledger_release(&manager->ledger);
	events_release(&manager->events);
	trim_release(&manager->trim);
	watch_release(&manager->watch);
	placer_release(&manager->placer);
	nodes_release(&manager->nodes);
	for (i = 0; manager->workers != NULL && manager->workers[i] != NULL; i++)
		free(manager->workers[i]);
	free(manager->workers);
	free(manager);
}

const char *
manager_cluster(const struct manager *manager)
{
	return manager->cluster;
}

uint64_t
manager_trimmed(const struct manager *manager)
{
	return manager->trim.removed;
}

int
manager_load(struct manager *manager, const struct cube_record *record, struct cube_error *err)
{
	return record_load(manager, record, err);
}

void
brain_log_task(struct manager *manager, const char *event, const struct entry *entry)
{
	const struct task_status *status = &entry->task.status;
	char attempt[16];

	(void)snprintf(attempt, sizeof(attempt), "%u", status->attempt);
	step_log(manager->step,
		 manager->lines++ < TASK_LINES_MAX ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, event,
		 "task", entry->task.spec->id, "name", entry->task.spec->name, "state",
		 task_state_name(status->state), "node",
		 status->node[0] != '\0' ? status->node : NULL, "attempt",
		 status->attempt > 0 ? attempt : NULL, "reason",
		 status->reason[0] != '\0' ? status->reason : NULL, NULL);
}

/* ---- a step ---- */

static void
begin(struct manager *manager, struct step *step)
{
	manager->step = step;
	manager->lines = 0;
	manager->by = HISTORY_BY_MANAGER;
	events_begin(manager);
	manager->stale_logged = false;
	liveness_begin(manager);
}

static int
finish(struct manager *manager, struct cube_error *err)
{
	contact_refresh_due(manager);
	manager->by = HISTORY_BY_MANAGER;
	restart_run_due(manager);
	drain_run(manager);
	place_run(manager);
	contact_drive_all(manager);
	ledger_flush(manager);
	events_flush(manager);
	trim_run(manager);
	watch_run(manager);
	liveness_end(manager);
	manager->step = NULL;
	if (manager->placer.failed != 0)
		manager->failed = manager->placer.failed;
	if (manager->failed != 0)
		return cube_fail(err, manager->failed, 0, "the manager is out of memory");
	return 0;
}

int
manager_start(struct manager *manager, struct step *step, struct cube_error *err)
{
	begin(manager, step);
	if (recover_start(manager, err) != 0) {
		manager->step = NULL;
		return err->code;
	}
	return finish(manager, err);
}

/* Who causes what message leads to: a client, a worker, or nobody but the time. */
static enum history_by
sender(const struct manager_message *message)
{
	int kind = message->message.kind;

	if (kind < MESSAGE_FIRST)
		return HISTORY_BY_MANAGER;
	return kind == MANAGER_JOIN || kind >= MANAGER_HELLO_DONE ? HISTORY_BY_WORKER
								  : HISTORY_BY_USER;
}

static void
dispatch(struct manager *manager, struct manager_message *message)
{
	manager->by = sender(message);
	switch (message->message.kind) {
	case MANAGER_SUBMIT:
		admit_submit(manager, message);
		break;
	case MANAGER_STOP:
		stop_take(manager, message);
		break;
	case MANAGER_LIST:
		read_list(manager, message);
		break;
	case MANAGER_GET:
		read_get(manager, message);
		break;
	case MANAGER_HISTORY:
		read_history(manager, message);
		break;
	case MANAGER_WHY:
		explain_take(manager, message);
		break;
	case MANAGER_EVENTS:
		watch_take(manager, message);
		break;
	case MANAGER_NODES:
		read_nodes(manager, message);
		break;
	case MANAGER_NODE:
		read_node(manager, message);
		break;
	case MANAGER_JOIN:
		join_take(manager, message);
		break;
	case MANAGER_NODE_REMOVE:
		join_remove(manager, message);
		break;
	case MANAGER_NODE_CORDON:
		cordon_take(manager, message);
		break;
	case MANAGER_NODE_UNCORDON:
		cordon_take_uncordon(manager, message);
		break;
	case MANAGER_NODE_DRAIN:
		cordon_take_drain(manager, message);
		break;
	case MANAGER_HELLO_DONE:
		contact_hello_done(manager, message);
		break;
	case MANAGER_ORDERS_DONE:
		contact_orders_done(manager, message);
		break;
	case MANAGER_POLL_DONE:
		contact_poll_done(manager, message);
		break;
	case MESSAGE_QUIT:
		watch_quit(manager);
		break;
	default:
		/* A wake: what is due is done at the end of every step. */
		assert(message->message.kind == MESSAGE_WAKE);
		break;
	}
}

int
manager_step(struct manager *manager, struct manager_message *message, struct step *step,
	     struct cube_error *err)
{
	begin(manager, step);
	dispatch(manager, message);
	manager_message_free(message);
	return finish(manager, err);
}
