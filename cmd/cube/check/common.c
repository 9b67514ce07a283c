/* check/common.c - what every plugin is checked for, whatever its kind: its table, its options,
 * open and close, memory that runs out or is not given back, and the process around it. Runs
 * in the child of a check. */
#include "base/utf8.h"
#include "kind.h"
#include "snapshot.h"

#include <cube/scheduler.h>
#include <cube/store.h>
#include <string.h>

#define FAILURES_MAX 3000 /* requests of memory of which each is made to fail */
#define WINDOWS      4    /* of calls, between which the memory in use is looked at */
#define LOOKS        3    /* before it is said that memory is lost */
#define LIVES        12   /* in one of them: open, use, close */

static const struct kind *
kind_in(const struct trial *trial)
{
	return kind_of(trial->subject->plugin->info.kind);
}

/* ---- its table ---- */

static void
expect_line(struct trial *trial, const char *what, const char *text)
{
	size_t size = strlen(text);

	if (size == 0)
		trial_fail(trial, "its %s is empty", what);
	if (strpbrk(text, "\n\r\t\033") != NULL)
		trial_fail(trial, "its %s is more than one plain line", what);
	if (utf8_valid_prefix(text, size) != size)
		trial_fail(trial, "its %s is not UTF-8", what);
}

static void
check_table(struct trial *trial)
{
	const struct cube_plugin *info = &trial->subject->plugin->info;
	uint32_t flags = 0;

	expect_line(trial, "version", info->version);
	expect_line(trial, "summary", info->summary);
	if (info->flags != 0)
		trial_fail(trial,
			   "flags of cube_plugin are %#x; they have no meaning yet and "
			   "must be 0",
			   info->flags);
	if (info->kind == CUBE_PLUGIN_SCHEDULER)
		flags = info->ops.scheduler->flags & ~(uint32_t)CUBE_SCHEDULER_ROW_PURE;
	else if (info->kind == CUBE_PLUGIN_STORE)
		flags = info->ops.store->flags & ~(uint32_t)CUBE_STORE_DURABLE;
	if (flags != 0)
		trial_fail(trial, "flags of its ops have bits without a name: %#x", flags);
	for (const struct cube_option *option = info->options;
	     option != NULL && option->key != NULL; option++) {
		char what[64];

		(void)snprintf(what, sizeof(what), "help of option %s", option->key);
		expect_line(trial, what, option->help);
		(void)snprintf(what, sizeof(what), "default of option %s", option->key);
		if (option->default_value != NULL && option->default_value[0] != '\0')
			expect_line(trial, what, option->default_value);
	}
}

/* ---- open and close ---- */

/* What exercise returns where nothing is made to fail: 0, or for a runtime whose engine is not
 * there UNAVAILABLE. */
static int
exercise(struct life *life)
{
	const struct kind *kind = kind_in(life->trial);
	struct cube_error err;
	int result = kind->exercise(life, &err);

	if (result != 0 &&
	    !(result == CUBE_ERR_UNAVAILABLE && kind->kind == CUBE_PLUGIN_RUNTIME))
		trial_fail(life->trial, "failed where nothing is wrong: %s", err.message);
	return result;
}

static void
check_twice(struct trial *trial)
{
	for (int i = 0; i < 3; i++) {
		struct life life;

		trial_scene(trial, "open number %d of one process", i + 1);
		life_init(&life, trial, 1);
		life_open(&life);
		(void)exercise(&life);
		life_close(&life);
		life_release(&life);
	}
}

static void
check_two(struct trial *trial)
{
	struct life lives[2];
	struct cube_error err;

	trial_scene(trial, "two instances at once");
	for (int i = 0; i < 2; i++)
		life_init(&lives[i], trial, i + 1);
	life_open(&lives[0]);
	if (life_try_open(&lives[1], &err) != 0) {
		/* Two that are told to use one file may well refuse. */
		if (trial->subject->pair_count > 0)
			trial_skip(trial, "the second did not open with these options: %s",
				   err.message);
		trial_fail(trial, "the second did not open: %s", err.message);
	}
	for (int i = 0; i < 4; i++)
		(void)exercise(&lives[i % 2]);
	trial_scene(trial, "the second of two instances, the first being closed");
	life_close(&lives[0]);
	(void)exercise(&lives[1]);
	life_close(&lives[1]);
	life_release(&lives[0]);
	life_release(&lives[1]);
}

/* ---- its options ---- */

static void
try_value(struct trial *trial, const struct cube_option *option, const char *value)
{
	char pair[4200];
	struct life life;
	struct cube_error err;
	int result;

	trial_scene(trial, "%s=%.40s%s", option->key, value, strlen(value) > 40 ? "..." : "");
	(void)snprintf(pair, sizeof(pair), "%s=%s", option->key, value);
	if (life_init_with(&life, trial, 1, pair, &err) != 0)
		trial_fail(trial, "%s", err.message);
	result = life_try_open(&life, &err);
	/* A long value may have left no room. */
	if (result == CUBE_ERR_INVALID && strlen(value) < 100 &&
	    strstr(err.message, option->key) == NULL)
		trial_fail(trial, "open refuses it and does not name the option: \"%s\"",
			   err.message);
	if (result == CUBE_ERR_NO_MEMORY || result == CUBE_ERR_INTERNAL)
		trial_fail(trial, "open refuses it as %s: \"%s\"", error_code_name(result),
			   err.message);
	if (result == 0)
		life_close(&life);
	life_release(&life);
}

static void
check_options(struct trial *trial)
{
	static const char *const values[] = {
		"",      "x",   "-1",  "0",      "1",        " ",     "99999999999999999999",
		"1e999", "nan", "a,b", "%s%n%d", "\xff\xfe", "a=b\nc"};
	const struct cube_option *options = trial->subject->plugin->info.options;
	char longest[4001];

	memset(longest, '7', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	for (; options != NULL && options->key != NULL; options++) {
		for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
			try_value(trial, options, values[i]);
		try_value(trial, options, longest);
	}
}

/* ---- memory ---- */

static void
expect_no_memory(struct trial *trial, const char *function, int result, int otherwise,
		 const struct cube_error *err)
{
	if (result != 0 && result != otherwise && result != CUBE_ERR_NO_MEMORY)
		trial_fail(trial, "%s says %s when memory is short: \"%s\"", function,
			   error_code_name(result), err->message);
}

/* One life in which the request of this number fails. True if there was one. */
static bool
live_with_failure(struct trial *trial, uint64_t number, bool go_on, int otherwise)
{
	const struct kind *kind = kind_in(trial);
	struct cube_error err;
	struct life life;
	bool failed;
	int result;

	trial_scene(trial, "request %llu of memory %srefused", (unsigned long long)number,
		    go_on ? "and all after it " : "");
	life_init(&life, trial, 1);
	life.host.fail_at = number;
	life.host.fail_on = go_on;
	result = life_try_open(&life, &err);
	expect_no_memory(trial, "open", result, 0, &err);
	if (result == 0) {
		result = kind->exercise(&life, &err);
		expect_no_memory(trial, "a call", result, otherwise, &err);
		life.host.fail_at = 0;
		if (kind->exercise(&life, &err) != otherwise)
			trial_fail(trial, "does not recover when there is memory again: %s",
				   err.message);
		life_close(&life);
	}
	failed = life.host.failures > 0;
	life_release(&life);
	return failed;
}

static void
check_memory_short(struct trial *trial)
{
	struct life life;
	int otherwise;

	life_init(&life, trial, 1);
	life_open(&life);
	otherwise = exercise(&life);
	life_close(&life);
	life_release(&life);
	for (uint64_t number = 1; number <= FAILURES_MAX; number++) {
		if (!live_with_failure(trial, number, false, otherwise))
			break;
		(void)live_with_failure(trial, number, true, otherwise);
	}
}

/* What the memory in use grows by in all of the windows, if it does so evenly: what is lost is
 * lost in each of them alike, and what only fills up (the allocator's own stock, a cache) comes
 * to an end. */
static size_t
grows_evenly(struct life *life, void (*work)(struct life *life), unsigned calls)
{
	size_t before = 0;
	size_t least = SIZE_MAX;
	size_t most = 0;

	for (int window = 0; window <= WINDOWS; window++) {
		size_t now;
		size_t grown;

		for (unsigned i = 0; i < calls; i++)
			work(life);
		now = check_host_memory();
		grown = now > before ? now - before : 0;
		before = now;
		if (window == 0) /* where it starts from */
			continue;
		least = grown < least ? grown : least;
		most = grown > most ? grown : most;
	}
	return least >= most - most / 2 ? least * WINDOWS : 0;
}

/* Is memory lost by this, done again and again? How much. Threads make the allocator's stock
 * vary, and now and then evenly: what is lost is lost each time that it is looked at. */
static size_t
grows(struct life *life, void (*work)(struct life *life), unsigned calls)
{
	size_t lost = 0;

	for (int look = 0; look < LOOKS; look++) {
		lost = grows_evenly(life, work, calls);
		if (lost == 0)
			return 0;
	}
	return lost;
}

static void
work_once(struct life *life)
{
	(void)exercise(life);
}

static void
live_once(struct life *life)
{
	life_open(life);
	(void)exercise(life);
	life_close(life);
}

static void
check_growth(struct trial *trial)
{
	unsigned calls = kind_in(trial)->calls;
	struct life life;
	size_t lost;

	life_init(&life, trial, 1);
	life_open(&life);
	lost = grows(&life, work_once, calls);
	if (lost > 0)
		trial_fail(trial,
			   "grows: %zu bytes more are in use after %u more of the same calls",
			   lost, calls * WINDOWS);
	life_close(&life);
	lost = grows(&life, live_once, LIVES);
	if (lost > 0)
		trial_fail(trial, "leaks: %zu bytes are lost in %u times open and close", lost,
			   LIVES * WINDOWS);
	life_release(&life);
}

/* ---- the process around it ---- */

static void
check_process(struct trial *trial)
{
	struct snapshot before;
	struct life life;

	life_init(&life, trial, 1);
	snapshot_take(&before, trial);
	for (int i = 0; i < 2; i++) {
		life_open(&life);
		(void)exercise(&life);
		snapshot_compare(&before, trial, false);
		life_close(&life);
		snapshot_compare(&before, trial, true);
	}
	life_release(&life);
}

const struct check common_checks[] = {
	{.name = "has a sound table", .run = check_table},
	{.name = "opens and closes again and again", .run = check_twice},
	{.name = "has two instances at once", .run = check_two},
	{.name = "takes or refuses any value of its options", .run = check_options},
	{.name = "survives memory that is refused", .run = check_memory_short},
	{.name = "gives back what it takes", .run = check_growth},
	{.name = "leaves its process as it was", .run = check_process},
	{.name = NULL},
};
