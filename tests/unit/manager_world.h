/* tests/unit/manager_world.h - the world around the manager's brain: a store that can crash, a
 * clock that only moves when told, and workers that answer as a test says. No threads, files
 * or sockets.
 *
 * Each step joins the batch that gathers; with auto_commit it is durable at once, without,
 * world_commit makes all durable that gathered. world_crash drops what is not durable and
 * starts a new brain on the rest. What the brain releases queues up in out.
 * manager_cast.h has the workers.
 */
#ifndef MANAGER_WORLD_H
#define MANAGER_WORLD_H

#include "base/map.h"
#include "manager/manager.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLUSTER_1 "11111111-1111-4111-8111-111111111111"
#define CLUSTER_2 "22222222-2222-4222-8222-222222222222"
#define WORLD_OUT 4096

/* assert(3) is left out of optimized builds of the library, never here. */
#define world_must(condition)                                                           \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

struct world_record {
	char *key;
	void *value;
	size_t size;
};

struct world {
	struct manager *manager;
	struct manager_config config;
	/* store */
	bool auto_commit;
	const char *fault;
	struct map *records;
	struct step gathered; /* changes and held effects since the last commit */
	struct outbox_item *held;
	struct outbox_item **held_end;
	uint64_t batch;
	uint64_t durable;
	size_t writes; /* that reached the store, in all */
	/* outside */
	struct now now;
	uint64_t wake_ms;
	struct manager_effect *out[WORLD_OUT];
	size_t out_count;
	bool drop_effects; /* free them at once: for measuring */
	uint64_t next_token;
	char log[256 * 1024];
	size_t log_size;
};

/* ---- a scheduler: the row with the fewest tasks, the first of equals ---- */

static inline int
fewest_open(const struct cube_host *host, const char *const *options, void **self,
	    struct cube_error *err)
{
	(void)host;
	(void)options;
	(void)self;
	(void)err;
	return 0;
}

static inline void
fewest_close(void *self)
{
	(void)self;
}

static inline int
fewest_score(void *self, const struct cube_nodes *nodes, const struct cube_demand *demand,
	     const uint32_t *rows, uint32_t n, double *cost, struct cube_error *err)
{
	uint32_t i;

	(void)self;
	(void)demand;
	(void)err;
	for (i = 0; i < n; i++)
		cost[i] = nodes->tasks[rows[i]];
	return 0;
}

static const struct cube_scheduler_ops fewest_ops = {.struct_size = sizeof(fewest_ops),
						     .open = fewest_open,
						     .close = fewest_close,
						     .score = fewest_score};

/* ---- store ---- */

static inline void
world_record_free(void *value)
{
	struct world_record *record = value;

	free(record->key);
	free(record->value);
	free(record);
}

static inline void
world_apply_range(struct world *world, const struct change *change)
{
	struct world_record *record;
	void *cursor = NULL;

	while ((record = map_next(world->records, &cursor)) != NULL) {
		if (strcmp(record->key, change->key) >= 0 &&
		    strcmp(record->key, change->key_end) < 0) {
			(void)map_remove(world->records, record->key);
			world_record_free(record);
		}
	}
}

static inline void
world_apply(struct world *world, struct change *change)
{
	struct world_record *record;

	world->writes++;
	if (change->key_end != NULL) {
		world_apply_range(world, change);
		return;
	}
	record = map_remove(world->records, change->key);
	if (record != NULL)
		world_record_free(record);
	if (change->value == NULL)
		return;
	record = calloc(1, sizeof(*record));
	world_must(record != NULL);
	record->key = change->key;
	record->value = change->value;
	record->size = change->value_size;
	change->key = NULL;
	change->value = NULL;
	world_must(map_put(world->records, record->key, record) == 0);
}

/* The durable text of a key; "" if there is none. */
static inline const char *
world_stored(struct world *world, const char *key)
{
	const struct world_record *record = map_get(world->records, key);
	static char text[64 * 1024];

	if (record == NULL)
		return "";
	world_must(record->size < sizeof(text));
	memcpy(text, record->value, record->size);
	text[record->size] = '\0';
	return text;
}

static inline void
world_store(struct world *world, const char *key, const char *value)
{
	struct change change = {
		.key = strdup(key), .value = strdup(value), .value_size = strlen(value)};

	world_apply(world, &change);
	free(change.key);
	free(change.value);
}

/* How many keys begin like this. */
static inline size_t
world_count(struct world *world, const char *prefix)
{
	const struct world_record *record;
	void *cursor = NULL;
	size_t count = 0;

	while ((record = map_next(world->records, &cursor)) != NULL)
		count += strncmp(record->key, prefix, strlen(prefix)) == 0;
	return count;
}

/* ---- steps ---- */

static inline void
world_release(struct world *world, struct outbox_item *item)
{
	if (world->drop_effects) {
		item->free(item);
		return;
	}
	world_must(world->out_count < WORLD_OUT);
	world->out[world->out_count++] = (struct manager_effect *)item;
}

static inline void
world_commit(struct world *world)
{
	struct outbox_item *item;
	size_t i;

	for (i = 0; i < world->gathered.change_count; i++) {
		world_apply(world, &world->gathered.changes[i]);
		free(world->gathered.changes[i].key);
		free(world->gathered.changes[i].key_end);
		free(world->gathered.changes[i].value);
	}
	world->gathered.change_count = 0;
	world->durable = world->batch++;
	while ((item = world->held) != NULL) {
		world->held = item->next;
		world_release(world, item);
	}
	world->held_end = &world->held;
}

static inline void
world_log(struct world *world, struct step *step)
{
	while (step->logs != NULL) {
		struct log_entry *entry = step->logs;
		size_t size = strlen(entry->line);

		step->logs = entry->next;
		if (world->log_size + size + 2 < sizeof(world->log)) {
			memcpy(world->log + world->log_size, entry->line, size);
			world->log_size += size;
			world->log[world->log_size++] = '\n';
			world->log[world->log_size] = '\0';
		}
		free(entry);
	}
	step->logs_end = &step->logs;
}

/* Takes what the step left. */
static inline void
world_after(struct world *world, struct step *step)
{
	size_t i;

	for (i = 0; i < step->change_count; i++) {
		const struct change *change = &step->changes[i];

		if (change->key_end != NULL)
			world_must(step_delete_range(&world->gathered, change->key,
						     change->key_end) == 0);
		else
			world_must(step_write(&world->gathered, change->key, change->value,
					      change->value_size) == 0);
		free(change->key);
		free(change->key_end);
	}
	step->change_count = 0;
	while (step->outbox != NULL) {
		struct outbox_item *item = step->outbox;

		step->outbox = item->next;
		item->next = NULL;
		if (item->after_commit) {
			*world->held_end = item;
			world->held_end = &item->next;
		} else {
			world_release(world, item);
		}
	}
	step->outbox_end = &step->outbox;
	world->wake_ms = step->wake_ms;
	world_log(world, step);
	step_release(step);
	if (world->auto_commit && world->fault == NULL)
		world_commit(world);
}

static inline void
world_before(struct world *world, struct step *step)
{
	step_init(step);
	step->now = world->now;
	step->batch = world->batch;
	step->durable = world->durable;
	step->store_fault = world->fault;
}

/* Takes message; the brain must take it well. */
static inline void
world_step(struct world *world, struct manager_message *message)
{
	struct cube_error err = {.code = 0};
	struct step step;

	world_before(world, &step);
	if (manager_step(world->manager, message, &step, &err) != 0) {
		fprintf(stderr, "manager_step: %s\n", err.message);
		abort();
	}
	world_after(world, &step);
}

static inline struct manager_message *
world_message(struct world *world, enum manager_message_kind kind)
{
	struct manager_message *message = manager_message_new(kind);

	world_must(message != NULL);
	message->token = (void *)(uintptr_t)++world->next_token;
	return message;
}

static inline void
world_wake(struct world *world)
{
	world_step(world, world_message(world, (enum manager_message_kind)MESSAGE_WAKE));
}

/* Time goes by, with a wake wherever the brain asked for one. */
static inline void
world_sleep(struct world *world, uint64_t ms)
{
	uint64_t end = world->now.mono_ms + ms;

	while (world->wake_ms <= end) {
		uint64_t at = world->wake_ms;

		if (at > world->now.mono_ms) {
			world->now.wall_ms += (int64_t)(at - world->now.mono_ms);
			world->now.mono_ms = at;
		}
		world_wake(world);
	}
	world->now.wall_ms += (int64_t)(end - world->now.mono_ms);
	world->now.mono_ms = end;
}

/* Wakes until it no longer asks for one at once: a burst is placed in slices. */
static inline void
world_settle(struct world *world)
{
	while (world->wake_ms <= world->now.mono_ms)
		world_wake(world);
}

/* ---- life ---- */

static inline int
world_compare_keys(const void *a, const void *b)
{
	return strcmp((*(struct world_record *const *)a)->key,
		      (*(struct world_record *const *)b)->key);
}

/* The store's records by key, for the caller to free. */
static inline struct world_record **
world_sorted(struct world *world, size_t *count)
{
	struct world_record **sorted;
	void *cursor = NULL;
	size_t i;

	*count = map_count(world->records);
	sorted = calloc(*count + 1, sizeof(struct world_record *));
	world_must(sorted != NULL);
	for (i = 0; i < *count; i++)
		sorted[i] = map_next(world->records, &cursor);
	if (*count > 1)
		qsort(sorted, *count, sizeof(struct world_record *), world_compare_keys);
	return sorted;
}

/* A new brain on these: 0, or the error of the first record that it refuses. */
static inline int
world_load(struct world *world, struct world_record **sorted, size_t count,
	   struct cube_error *err)
{
	int result = manager_new(&world->config, &world->manager, err);
	size_t i;

	for (i = 0; result == 0 && i < count; i++) {
		struct cube_record record = {.key = sorted[i]->key,
					     .value = sorted[i]->value,
					     .value_size = sorted[i]->size,
					     .revision = 1};

		result = manager_load(world->manager, &record, err);
	}
	return result;
}

static inline int
world_run(struct world *world, struct cube_error *err)
{
	struct step step;
	int result;

	world_before(world, &step);
	result = manager_start(world->manager, &step, err);
	if (result == 0)
		world_after(world, &step);
	else
		step_release(&step);
	return result;
}

static inline int
world_try_start(struct world *world, struct cube_error *err)
{
	size_t count;
	struct world_record **sorted = world_sorted(world, &count);
	int result = world_load(world, sorted, count, err);

	free(sorted);
	return result != 0 ? result : world_run(world, err);
}

static inline void
world_start(struct world *world)
{
	struct cube_error err = {.code = 0};

	if (world_try_start(world, &err) != 0) {
		fprintf(stderr, "start: %s\n", err.message);
		abort();
	}
}

/* Not started yet: the configuration may be changed before world_start. */
static inline struct world *
world_new(void)
{
	struct world *world = calloc(1, sizeof(*world));

	world_must(world != NULL);
	memcpy(world->config.new_cluster, CLUSTER_1, ID_SIZE);
	world->config.seed = 7;
	world->config.node_timeout_ms = 30000;
	world->config.events_max = 100000;
	world->config.scheduler_name = "fewest";
	world->config.scheduler_ops = &fewest_ops;
	world->records = map_new();
	world_must(world->records != NULL);
	step_init(&world->gathered);
	world->held_end = &world->held;
	world->batch = 1;
	world->auto_commit = true;
	world->now.mono_ms = 1000000;
	world->now.wall_ms = INT64_C(1700000000000);
	return world;
}

/* What has not been released, and what was, with the brain. */
static inline void
world_forget(struct world *world)
{
	size_t i;

	while (world->held != NULL) {
		struct outbox_item *item = world->held;

		world->held = item->next;
		item->free(item);
	}
	world->held_end = &world->held;
	for (i = 0; i < world->out_count; i++)
		manager_effect_free(&world->out[i]->item);
	world->out_count = 0;
	step_release(&world->gathered);
	manager_free(world->manager);
	world->manager = NULL;
}

/* kill -9: what was not committed is gone, and another brain starts. */
static inline void
world_crash(struct world *world)
{
	world_forget(world);
	world->fault = NULL;
	world_start(world);
}

static inline void
world_free(struct world *world)
{
	world_forget(world);
	map_free(world->records, world_record_free);
	free(world);
}

/* ---- what came out ---- */

/* The first released effect of kind (and of contact, if not 0), taken out; NULL: none. */
static inline struct manager_effect *
world_take(struct world *world, enum manager_effect_kind kind, uint64_t contact)
{
	size_t i;

	for (i = 0; i < world->out_count; i++) {
		struct manager_effect *effect = world->out[i];

		if (effect->kind != kind || (contact != 0 && effect->contact != contact))
			continue;
		world->out_count--;
		memmove(&world->out[i], &world->out[i + 1],
			(world->out_count - i) * sizeof(world->out[0]));
		return effect;
	}
	return NULL;
}

/* Sends a request; its reply, or NULL if it is held back. The caller frees it. */
static inline struct manager_effect *
world_ask(struct world *world, struct manager_message *message)
{
	void *token = message->token;
	struct manager_effect *found = NULL;
	size_t i;

	world_step(world, message);
	for (i = 0; i < world->out_count && found == NULL; i++) {
		if (world->out[i]->kind == MANAGER_EFFECT_REPLY &&
		    world->out[i]->token == token)
			found = world->out[i];
	}
	if (found == NULL)
		return NULL;
	for (i--; i + 1 < world->out_count; i++)
		world->out[i] = world->out[i + 1];
	world->out_count--;
	return found;
}

static inline void
effect_free(struct manager_effect *effect)
{
	if (effect != NULL)
		manager_effect_free(&effect->item);
}

#endif
