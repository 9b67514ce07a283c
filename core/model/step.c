/* model/step.c - what a brain leaves behind in one step.
 *
 * Owns the changes, outbox items and log lines of a step until the loop takes them or
 * step_release frees them. Lives on the brain's thread; allocates and nothing else.
 */
#include "model/step.h"

#include "base/vec.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LOG_LINE_MAX ((size_t)8 * 1024)

static void
step_empty(struct step *step)
{
	step->changes = NULL;
	step->change_count = 0;
	step->change_capacity = 0;
	step->outbox = NULL;
	step->outbox_end = &step->outbox;
	step->logs = NULL;
	step->logs_end = &step->logs;
	step->wake_ms = UINT64_MAX;
}

void
step_init(struct step *step)
{
	memset(step, 0, sizeof(*step));
	step_empty(step);
}

void
step_release(struct step *step)
{
	size_t i;

	for (i = 0; i < step->change_count; i++) {
		free(step->changes[i].key);
		free(step->changes[i].key_end);
		free(step->changes[i].value);
	}
	free(step->changes);
	while (step->outbox != NULL) {
		struct outbox_item *item = step->outbox;

		step->outbox = item->next;
		item->free(item);
	}
	while (step->logs != NULL) {
		struct log_entry *entry = step->logs;

		step->logs = entry->next;
		free(entry);
	}
	step_empty(step);
}

/* Takes the texts and the value, also on failure; key NULL is a failure already. */
static int
change_add(struct step *step, struct change change)
{
	struct change *grown = NULL;

	if (change.key != NULL)
		grown = vec_reserve(step->changes, &step->change_capacity,
				    step->change_count + 1, sizeof(*grown));
	if (grown == NULL) {
		free(change.key);
		free(change.key_end);
		free(change.value);
		return CUBE_ERR_NO_MEMORY;
	}
	step->changes = grown;
	step->changes[step->change_count++] = change;
	return 0;
}

int
step_write(struct step *step, const char *key, void *value, size_t value_size)
{
	struct change change = {.key = strdup(key),
				.value = value,
				.value_size = value != NULL ? value_size : 0};

	return change_add(step, change);
}

int
step_delete_range(struct step *step, const char *key, const char *key_end)
{
	struct change change = {.key_end = strdup(key_end)};

	if (change.key_end != NULL)
		change.key = strdup(key);
	return change_add(step, change);
}

void
step_send(struct step *step, struct outbox_item *item)
{
	assert(item->free != NULL);
	item->next = NULL;
	*step->outbox_end = item;
	step->outbox_end = &item->next;
}

void
step_wake(struct step *step, uint64_t mono_ms)
{
	if (mono_ms < step->wake_ms)
		step->wake_ms = mono_ms;
}

void
step_log(struct step *step, enum log_level level, const char *event, ...)
{
	cleanup_buf struct buf line = BUF_INIT(LOG_LINE_MAX);
	struct log_entry *entry;
	va_list pairs;

	va_start(pairs, event);
	log_format_va(&line, event, pairs);
	va_end(pairs);
	/* One that is too long is kept as far as it went. */
	if (line.size == 0)
		return;
	entry = malloc(sizeof(*entry) + line.size + 1);
	if (entry == NULL)
		return;
	entry->next = NULL;
	entry->level = level;
	memcpy(entry->line, line.data, line.size);
	entry->line[line.size] = '\0';
	*step->logs_end = entry;
	step->logs_end = &entry->next;
}
