/* tests/unit/store_script.h - a store that does as it is told: it keeps its records in
 * memory and answers each commit with the next word of a script. A hung commit waits until
 * it is let go. Safe from any thread.
 */
#ifndef STORE_SCRIPT_H
#define STORE_SCRIPT_H

#include "plugin/store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum script_word {
	SCRIPT_OK = 0,
	SCRIPT_UNAVAILABLE,
	SCRIPT_NO_MEMORY,
	SCRIPT_INVALID,
	SCRIPT_CONFLICT,
	SCRIPT_INTERNAL,
	SCRIPT_TIMEOUT_IN,  /* is in, and says TIMEOUT */
	SCRIPT_TIMEOUT_OUT, /* is not in, and says TIMEOUT */
	SCRIPT_HANG         /* until let go; then it is in */
};

#define SCRIPT_RECORDS 8192
#define SCRIPT_WORDS   32

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum script_word words[SCRIPT_WORDS];
	size_t word_count;
	size_t at;
	unsigned commits; /* asked for */
	unsigned hung;    /* commits that hang now */
	unsigned scans_fail;
	int let_go;
	size_t last_count; /* writes of the last commit */
	uint64_t revision;
	struct {
		char key[64];
		char value[64];
	} records[SCRIPT_RECORDS];
	size_t record_count;
} script = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static inline size_t
script_find(const char *key)
{
	size_t i = 0;

	while (i < script.record_count && strcmp(script.records[i].key, key) != 0)
		i++;
	return i;
}

static inline void
script_drop(size_t i)
{
	script.records[i] = script.records[--script.record_count];
}

static inline void
script_apply(const struct cube_write *writes, size_t n)
{
	for (size_t w = 0; w < n; w++) {
		size_t i;

		if ((writes[w].flags & CUBE_WRITE_RANGE) != 0) {
			for (i = script.record_count; i-- > 0;) {
				if (strcmp(script.records[i].key, writes[w].key) >= 0 &&
				    strcmp(script.records[i].key, writes[w].key_end) < 0)
					script_drop(i);
			}
			continue;
		}
		i = script_find(writes[w].key);
		if (writes[w].value == NULL) {
			if (i < script.record_count)
				script_drop(i);
			continue;
		}
		if (i == script.record_count)
			script.record_count++;
		if (script.record_count > SCRIPT_RECORDS)
			abort();
		(void)snprintf(script.records[i].key, 64, "%s", writes[w].key);
		(void)snprintf(script.records[i].value, 64, "%.*s", (int)writes[w].value_size,
			       (const char *)writes[w].value);
	}
}

static inline int
script_commit(void *self, const struct cube_write *writes, size_t n, uint64_t *revision,
	      struct cube_error *err)
{
	static const int codes[] = {0,
				    CUBE_ERR_UNAVAILABLE,
				    CUBE_ERR_NO_MEMORY,
				    CUBE_ERR_INVALID,
				    CUBE_ERR_CONFLICT,
				    CUBE_ERR_INTERNAL,
				    CUBE_ERR_TIMEOUT,
				    CUBE_ERR_TIMEOUT,
				    0};
	enum script_word word;

	(void)self;
	(void)pthread_mutex_lock(&script.lock);
	word = script.at < script.word_count ? script.words[script.at++] : SCRIPT_OK;
	script.commits++;
	script.last_count = n;
	if (word == SCRIPT_HANG) {
		script.hung++;
		(void)pthread_cond_broadcast(&script.changed);
		while (script.let_go == 0)
			(void)pthread_cond_wait(&script.changed, &script.lock);
		script.hung--;
	}
	if (word == SCRIPT_OK || word == SCRIPT_TIMEOUT_IN || word == SCRIPT_HANG)
		script_apply(writes, n);
	*revision = ++script.revision;
	(void)pthread_cond_broadcast(&script.changed);
	(void)pthread_mutex_unlock(&script.lock);
	if (codes[word] != 0)
		return cube_fail(err, codes[word], 0, "scripted: word %d", (int)word);
	return 0;
}

static inline int
script_scan(void *self, const char *from, const char *to, size_t limit,
	    cube_record_visit *visit, void *ctx, uint64_t *revision, struct cube_error *err)
{
	size_t seen = 0;
	char after[64] = "";

	(void)self;
	(void)pthread_mutex_lock(&script.lock);
	if (script.scans_fail > 0) {
		script.scans_fail--;
		(void)pthread_mutex_unlock(&script.lock);
		return cube_fail(err, CUBE_ERR_UNAVAILABLE, 0, "scripted: no scan");
	}
	*revision = script.revision;
	for (;;) {
		size_t best = SCRIPT_RECORDS;
		struct cube_record record;

		for (size_t i = 0; i < script.record_count; i++) {
			const char *key = script.records[i].key;

			if (strcmp(key, from) < 0 || (to[0] != '\0' && strcmp(key, to) >= 0) ||
			    strcmp(key, after) <= 0)
				continue;
			if (best == SCRIPT_RECORDS || strcmp(key, script.records[best].key) < 0)
				best = i;
		}
		if (best == SCRIPT_RECORDS || (limit != 0 && seen == limit))
			break;
		seen++;
		(void)snprintf(after, sizeof(after), "%s", script.records[best].key);
		record = (struct cube_record){.key = script.records[best].key,
					      .value = script.records[best].value,
					      .value_size = strlen(script.records[best].value),
					      .revision = script.revision};
		if (visit(ctx, &record) != 0)
			break;
	}
	(void)pthread_mutex_unlock(&script.lock);
	return 0;
}

static inline int
script_open(const struct cube_host *host, const char *const *options, void **self,
	    struct cube_error *err)
{
	(void)host;
	(void)options;
	(void)err;
	*self = &script;
	return 0;
}

static inline void
script_close(void *self)
{
	(void)self;
}

static const struct cube_store_ops script_ops = {
	.struct_size = sizeof(script_ops),
	.flags = CUBE_STORE_DURABLE,
	.open = script_open,
	.close = script_close,
	.commit = script_commit,
	.scan = script_scan,
};

static inline void
script_reset(const enum script_word *words, size_t count)
{
	(void)pthread_mutex_lock(&script.lock);
	for (size_t i = 0; i < count; i++)
		script.words[i] = words[i];
	script.word_count = count;
	script.at = 0;
	script.commits = 0;
	script.let_go = 0;
	script.scans_fail = 0;
	script.revision = 0;
	script.record_count = 0;
	(void)pthread_mutex_unlock(&script.lock);
}

static inline void
script_let_go(void)
{
	(void)pthread_mutex_lock(&script.lock);
	script.let_go = 1;
	(void)pthread_cond_broadcast(&script.changed);
	(void)pthread_mutex_unlock(&script.lock);
}

/* The value of key, or "(none)". */
static inline void
script_value(const char *key, char out[64])
{
	size_t i;

	(void)pthread_mutex_lock(&script.lock);
	i = script_find(key);
	(void)snprintf(out, 64, "%s",
		       i < script.record_count ? script.records[i].value : "(none)");
	(void)pthread_mutex_unlock(&script.lock);
}

/* Until a commit hangs. */
static inline void
script_await_hang(void)
{
	(void)pthread_mutex_lock(&script.lock);
	while (script.hung == 0)
		(void)pthread_cond_wait(&script.changed, &script.lock);
	(void)pthread_mutex_unlock(&script.lock);
}

#endif
