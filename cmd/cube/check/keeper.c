/* check/keeper.c - see the header. Owns the store between open and close. */
#include "keeper.h"

#include <string.h>

#define LISTING_SIZE 8192

struct listing {
	char text[LISTING_SIZE];
	size_t used;
};

void
keeper_open(struct keeper *keeper, struct trial *trial)
{
	const struct cube_plugin *info = &trial->subject->plugin->info;
	struct cube_error err;

	memset(keeper, 0, sizeof(*keeper));
	keeper->trial = trial;
	life_init(&keeper->life, trial, 1);
	trial_calls(trial, "open");
	if (store_open(info->name, info->ops.store, &keeper->life.host.plugin.host,
		       keeper->life.options, &keeper->store, &err) != 0)
		trial_fail(trial, "open failed: %s", trial_words(&err));
	trial_returned(trial);
}

void
keeper_close(struct keeper *keeper)
{
	trial_calls(keeper->trial, "close");
	store_close(keeper->store);
	trial_returned(keeper->trial);
	keeper->store = NULL;
	life_release(&keeper->life);
}

struct cube_write
put(const char *key, const char *value)
{
	return (struct cube_write){.key = key,
				   .value = value,
				   .value_size = strlen(value),
				   .if_revision = CUBE_REVISION_ANY};
}

struct cube_write
del(const char *key)
{
	return (struct cube_write){.key = key, .if_revision = CUBE_REVISION_ANY};
}

struct cube_write
del_range(const char *key, const char *key_end)
{
	return (struct cube_write){.key = key,
				   .key_end = key_end,
				   .if_revision = CUBE_REVISION_ANY,
				   .flags = CUBE_WRITE_RANGE};
}

struct cube_write
put_if(const char *key, const char *value, uint64_t revision)
{
	struct cube_write write = put(key, value);

	write.if_revision = revision;
	return write;
}

uint64_t
keeper_commit(struct keeper *keeper, const struct cube_write *writes, size_t count)
{
	struct cube_error err;
	uint64_t revision = 0;

	trial_calls(keeper->trial, "commit");
	if (store_commit(keeper->store, writes, count, &revision, &err) != 0)
		trial_fail(keeper->trial, "commit failed where nothing is wrong: %s",
			   trial_words(&err));
	trial_returned(keeper->trial);
	return revision;
}

void
keeper_refused(struct keeper *keeper, const struct cube_write *writes, size_t count, int code)
{
	struct cube_error err;
	uint64_t revision = 0;
	int result;

	trial_calls(keeper->trial, "commit");
	result = store_commit(keeper->store, writes, count, &revision, &err);
	trial_returned(keeper->trial);
	if (result == 0)
		trial_fail(keeper->trial, "commit wrote what it had to refuse as %s",
			   error_code_name(code));
	if (result != code)
		trial_fail(keeper->trial, "commit refused as %s what is %s: %s",
			   error_code_name(result), error_code_name(code), trial_words(&err));
}

static int
list_one(void *ctx, const struct cube_record *record)
{
	struct listing *listing = ctx;
	int size = snprintf(listing->text + listing->used, LISTING_SIZE - listing->used,
			    "%s%s=%.*s", listing->used > 0 ? " " : "", record->key,
			    (int)record->value_size, (const char *)record->value);

	if (size < 0 || (size_t)size >= LISTING_SIZE - listing->used)
		return 1;
	listing->used += (size_t)size;
	return 0;
}

void
keeper_expect(struct keeper *keeper, const char *from, const char *to, const char *text)
{
	struct listing listing = {.used = 0};
	struct cube_error err;

	trial_calls(keeper->trial, "scan");
	if (store_scan(keeper->store, from, to, list_one, &listing, &err) != 0)
		trial_fail(keeper->trial, "scan failed where nothing is wrong: %s",
			   trial_words(&err));
	trial_returned(keeper->trial);
	if (strcmp(listing.text, text) != 0)
		trial_fail(keeper->trial,
			   "scan of [%s, %s) gave \"%.100s\" instead of \"%.100s\"", from, to,
			   listing.text, text);
}
