/* tests/unit/worker_rig.h - the worker's brain on a bench: a store that can crash, a clock
 * that only moves when told, and a scripted runtime. No threads, files or sockets.
 *
 * Each step is a batch of its own. With auto_commit it is durable at once; without, rig_commit
 * makes all that waits durable. rig_crash drops what is not and starts a new brain on the
 * rest. Released effects queue up in out[]. worker_help.h has the engine and the manager.
 */
#ifndef WORKER_RIG_H
#define WORKER_RIG_H

#include "base/map.h"
#include "codec_help.h"
#include "worker/worker.h"

#include <check.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLUSTER_1  "11111111-1111-4111-8111-111111111111"
#define CLUSTER_2  "22222222-2222-4222-8222-222222222222"
#define INSTANCE_1 "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
#define INSTANCE_2 "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"

#define RIG_MAX 512

struct box { /* a container */
	char task_id[ID_SIZE];
	char cluster[ID_SIZE];
	char handle[CUBE_HANDLE_SIZE];
	uint32_t attempt;
	uint32_t state;
	int32_t exit_code;
	uint32_t oom_killed;
	int starts;
	struct cube_port ports[2];
	uint32_t port_count;
};

struct rig_batch {
	uint64_t number;
	struct change *changes;
	size_t change_count;
	struct outbox_item *held;
};

struct rig_record {
	char *key;
	char *value;
	size_t size;
};

struct rig {
	struct worker *worker;
	struct worker_config config;
	/* store */
	bool auto_commit;
	const char *fault;
	struct rig_record records[RIG_MAX];
	size_t record_count;
	struct rig_batch waiting[RIG_MAX];
	size_t waiting_count;
	uint64_t batch;
	uint64_t durable;
	/* outside */
	struct now now;
	uint64_t wake_ms;
	struct worker_effect *out[RIG_MAX];
	size_t out_count;
	char log[64 * 1024];
	size_t log_size;
	/* called for each effect that is released, before it queues up */
	void (*watch)(struct rig *rig, const struct worker_effect *effect);
	/* engine */
	struct box boxes[RIG_MAX];
	size_t box_count;
	bool down;
	bool obeys_term;
	int signals; /* that reached a container */
	int last_signo;
};

/* ---- store ---- */

static inline struct rig_record *
rig_record(struct rig *rig, const char *key)
{
	size_t i;

	for (i = 0; i < rig->record_count; i++)
		if (strcmp(rig->records[i].key, key) == 0)
			return &rig->records[i];
	return NULL;
}

/* The durable text of a key; NULL: none. */
static inline const char *
rig_stored(struct rig *rig, const char *key)
{
	struct rig_record *record = rig_record(rig, key);

	return record != NULL ? record->value : NULL;
}

static inline const char *
rig_attempt(struct rig *rig, const char *task_id, unsigned attempt)
{
	char key[80];

	(void)snprintf(key, sizeof(key), "attempt/%s/%08x", task_id, attempt);
	return rig_stored(rig, key);
}

static inline void
rig_apply(struct rig *rig, const struct change *change)
{
	struct rig_record *record = rig_record(rig, change->key);

	ck_assert_ptr_null(change->key_end);
	if (change->value == NULL) {
		if (record == NULL)
			return;
		free(record->key);
		free(record->value);
		*record = rig->records[--rig->record_count];
		return;
	}
	if (record == NULL) {
		ck_assert_uint_lt(rig->record_count, RIG_MAX);
		record = &rig->records[rig->record_count++];
		record->key = strdup(change->key);
		record->value = NULL;
	}
	free(record->value);
	record->value = calloc(1, change->value_size + 1);
	ck_assert_ptr_nonnull(record->value);
	memcpy(record->value, change->value, change->value_size);
	record->size = change->value_size;
}

static inline void
rig_put(struct rig *rig, const char *key, const char *value)
{
	char *copy = strdup(value);
	char *name = strdup(key);
	struct change change = {.key = name, .value = copy, .value_size = strlen(value)};

	rig_apply(rig, &change);
	free(copy);
	free(name);
}

static inline void
rig_release(struct rig *rig, struct outbox_item *item)
{
	struct worker_effect *effect = (struct worker_effect *)item;

	if (rig->watch != NULL)
		rig->watch(rig, effect);
	ck_assert_uint_lt(rig->out_count, RIG_MAX);
	rig->out[rig->out_count++] = effect;
}

static inline void
rig_drop_batch(struct rig_batch *batch)
{
	size_t i;

	for (i = 0; i < batch->change_count; i++) {
		free(batch->changes[i].key);
		free(batch->changes[i].key_end);
		free(batch->changes[i].value);
	}
	free(batch->changes);
	while (batch->held != NULL) {
		struct outbox_item *item = batch->held;

		batch->held = item->next;
		item->free(item);
	}
}

/* All that waits becomes durable, and what it held leaves. */
static inline void
rig_commit(struct rig *rig)
{
	size_t i;
	size_t j;

	for (i = 0; i < rig->waiting_count; i++) {
		struct rig_batch *batch = &rig->waiting[i];
		struct outbox_item *held = batch->held;

		batch->held = NULL;
		for (j = 0; j < batch->change_count; j++)
			rig_apply(rig, &batch->changes[j]);
		rig->durable = batch->number;
		while (held != NULL) {
			struct outbox_item *item = held;

			held = item->next;
			rig_release(rig, item);
		}
		rig_drop_batch(batch);
	}
	rig->waiting_count = 0;
}

/* ---- steps ---- */

static inline void
rig_begin(struct rig *rig, struct step *step)
{
	step_init(step);
	step->now = rig->now;
	step->batch = ++rig->batch;
	step->durable = rig->durable;
	step->store_fault = rig->fault;
}

static inline void
rig_end(struct rig *rig, struct step *step)
{
	struct rig_batch *batch;
	struct outbox_item **end;

	ck_assert_uint_lt(rig->waiting_count, RIG_MAX);
	batch = &rig->waiting[rig->waiting_count++];
	batch->number = step->batch;
	batch->changes = step->changes;
	batch->change_count = step->change_count;
	batch->held = NULL;
	end = &batch->held;
	rig->wake_ms = step->wake_ms;
	while (step->outbox != NULL) {
		struct outbox_item *item = step->outbox;

		step->outbox = item->next;
		item->next = NULL;
		if (!item->after_commit) {
			rig_release(rig, item);
		} else {
			*end = item;
			end = &item->next;
		}
	}
	while (step->logs != NULL) {
		struct log_entry *entry = step->logs;

		step->logs = entry->next;
		if (rig->log_size + strlen(entry->line) + 2 < sizeof(rig->log))
			rig->log_size += (size_t)snprintf(rig->log + rig->log_size,
							  sizeof(rig->log) - rig->log_size,
							  "%s\n", entry->line);
		free(entry);
	}
	if (rig->auto_commit && rig->fault == NULL)
		rig_commit(rig);
}

static inline void
rig_send(struct rig *rig, struct worker_message *message)
{
	struct cube_error err;
	struct step step;

	rig_begin(rig, &step);
	ck_assert_int_eq(worker_step(rig->worker, message, &step, &err), 0);
	rig_end(rig, &step);
}

static inline struct worker_message *
rig_message(int kind, intptr_t token)
{
	struct worker_message *message = worker_message_new((enum worker_message_kind)kind);

	ck_assert_ptr_nonnull(message);
	message->token = (void *)token;
	return message;
}

static inline void
rig_wake(struct rig *rig)
{
	rig_send(rig, rig_message(MESSAGE_WAKE, 0));
}

/* Moves the clock, and wakes the brain whenever it asked for it on the way. */
static inline void
rig_sleep(struct rig *rig, uint64_t ms)
{
	uint64_t end_ms = rig->now.mono_ms + ms;

	while (rig->wake_ms <= end_ms) {
		uint64_t before_ms = rig->now.mono_ms;

		if (rig->wake_ms > before_ms) {
			rig->now.wall_ms += (int64_t)(rig->wake_ms - before_ms);
			rig->now.mono_ms = rig->wake_ms;
		}
		rig_wake(rig);
		ck_assert_msg(rig->wake_ms > rig->now.mono_ms,
			      "the brain asks to be woken at once");
	}
	rig->now.wall_ms += (int64_t)(end_ms - rig->now.mono_ms);
	rig->now.mono_ms = end_ms;
}

static inline int
rig_compare(const void *a, const void *b)
{
	return strcmp(((const struct rig_record *)a)->key, ((const struct rig_record *)b)->key);
}

/* A new brain on what is durable. */
static inline void
rig_boot(struct rig *rig)
{
	struct cube_error err;
	struct step step;
	size_t i;

	rig->config.epoch++;
	rig->config.seed++;
	ck_assert_int_eq(worker_new(&rig->config, &rig->worker, &err), 0);
	qsort(rig->records, rig->record_count, sizeof(rig->records[0]), rig_compare);
	for (i = 0; i < rig->record_count; i++) {
		struct cube_record record = {.key = rig->records[i].key,
					     .value = rig->records[i].value,
					     .value_size = rig->records[i].size,
					     .revision = 1};

		ck_assert_msg(worker_load(rig->worker, &record, &err) == 0, "%s", err.message);
	}
	rig_begin(rig, &step);
	ck_assert_int_eq(worker_start(rig->worker, &step, &err), 0);
	rig_end(rig, &step);
}

static inline void
rig_forget_effect(struct rig *rig, size_t index)
{
	worker_effect_free(&rig->out[index]->item);
	memmove(&rig->out[index], &rig->out[index + 1],
		(--rig->out_count - index) * sizeof(rig->out[0]));
}

static inline void
rig_clear(struct rig *rig)
{
	while (rig->out_count > 0)
		rig_forget_effect(rig, rig->out_count - 1);
}

/* The process ends; what is not durable, and all under way, is lost. */
static inline void
rig_kill(struct rig *rig)
{
	size_t i;

	for (i = 0; i < rig->waiting_count; i++)
		rig_drop_batch(&rig->waiting[i]);
	rig->waiting_count = 0;
	rig_clear(rig);
	worker_free(rig->worker);
	rig->worker = NULL;
}

static inline void
rig_crash(struct rig *rig)
{
	rig_kill(rig);
	rig_boot(rig);
}

/* A brain that was not started yet: its config can still be changed. */
static inline struct rig *
rig_prepare(void)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	ck_assert_ptr_nonnull(rig);
	(void)snprintf(rig->config.new_instance, ID_SIZE, "%s", INSTANCE_1);
	(void)snprintf(rig->config.info.name, NAME_SIZE, "n1");
	(void)snprintf(rig->config.info.api, NODE_API_SIZE, "http://127.0.0.1:5556");
	(void)snprintf(rig->config.info.runtime, NAME_SIZE, "scripted");
	rig->config.epoch = 100;
	rig->config.seed = 7;
	rig->config.runtime_has_events = true;
	rig->config.keep_ended = 100;
	rig->auto_commit = true;
	rig->obeys_term = true;
	rig->now.mono_ms = 1000000;
	rig->now.wall_ms = 1700000000000;
	return rig;
}

static inline void
rig_free(struct rig *rig)
{
	size_t i;

	rig_kill(rig);
	for (i = 0; i < rig->record_count; i++) {
		free(rig->records[i].key);
		free(rig->records[i].value);
	}
	free(rig);
}

/* ---- effects ---- */

/* The first released one of its kind; NULL: none. */
static inline struct worker_effect *
rig_find(struct rig *rig, enum worker_effect_kind kind, enum worker_job job)
{
	size_t i;

	for (i = 0; i < rig->out_count; i++)
		if (rig->out[i]->kind == kind &&
		    (kind != WORKER_EFFECT_JOB || rig->out[i]->job == job))
			return rig->out[i];
	return NULL;
}

static inline struct worker_effect *
rig_job(struct rig *rig, enum worker_job job)
{
	return rig_find(rig, WORKER_EFFECT_JOB, job);
}

static inline size_t
rig_count(struct rig *rig, enum worker_effect_kind kind)
{
	size_t count = 0;
	size_t i;

	for (i = 0; i < rig->out_count; i++)
		count += rig->out[i]->kind == kind;
	return count;
}

/* The reply to token; NULL: none yet. */
static inline struct worker_effect *
rig_reply(struct rig *rig, intptr_t token)
{
	size_t i;

	for (i = 0; i < rig->out_count; i++)
		if (rig->out[i]->kind == WORKER_EFFECT_REPLY &&
		    rig->out[i]->token == (void *)token)
			return rig->out[i];
	return NULL;
}

static inline void
rig_drop(struct rig *rig, const struct worker_effect *effect)
{
	size_t i;

	for (i = 0; i < rig->out_count; i++) {
		if (rig->out[i] == effect) {
			rig_forget_effect(rig, i);
			return;
		}
	}
	ck_abort_msg("no such effect");
}

#endif
