/* cube/check/trial.h - one check of a plugin, in a process of its own.
 *
 * A check is a function that calls the plugin and says what it finds wrong with trial_fail,
 * which ends the process: nothing needs to be unwound, for nothing outlives it. What it found
 * lies in a page that the parent shares, the slip; so does the function of the plugin that is
 * being called, so that the parent can name it when the process ends in another way. A check
 * that returns has passed. Functions here are for the thread that runs the check, trial_fail
 * for any.
 */
#ifndef CHECK_TRIAL_H
#define CHECK_TRIAL_H

#include "base/error.h"
#include "plugin/load.h"

#include <stdbool.h>
#include <stdint.h>

/* What is checked, and how. The same for all checks of a run. */
struct subject {
	const char *name;       /* of the file, as it was given */
	const char *plugin_dir; /* to look for it */
	const struct plugin *plugin;
	const char *const *pairs; /* --opt */
	size_t pair_count;
	const char *image; /* --run; NULL: no task is run */
	const char *const *args;
	uint64_t limit_ms;    /* of processor time for one check */
	const char *folder;   /* a temporary one, of this run */
	char identity[40];    /* what the host says it is; made for this run */
	char task[40];        /* of a task that is run; likewise */
	uint64_t *choices;    /* shared: left by one check for a later one */
	size_t choices_count; /* room in it */
};

enum verdict {
	VERDICT_NONE, /* the check has not come to its end */
	VERDICT_OK,
	VERDICT_FAILED,
	VERDICT_SKIPPED
};

#define SLIP_WORDS_SIZE 512

struct slip {
	enum verdict verdict;
	bool hung;         /* it did not come back in its time */
	char function[32]; /* of the plugin, while it is called; "": none */
	char scene[96];    /* with what: "64 nodes"; "": nothing to say */
	char words[SLIP_WORDS_SIZE];
};

struct trial {
	const struct subject *subject;
	struct slip *slip;
	char folder[128]; /* empty, of this check alone, and the working directory */
	void *stage;      /* of the kind's setup */
};

struct check {
	const char *name; /* as a sentence about the plugin: "opens and closes, twice" */
	void (*run)(struct trial *trial);
	bool always;       /* also when so many have hung that the rest is left out */
	uint64_t least_ms; /* processor time that this one may need at least; 0: the limit */
};

/* Ends the process: the check has failed with these words. The scene is added. [any] */
__attribute__((noreturn, format(printf, 2, 3))) void
trial_fail(struct trial *trial, const char *fmt, ...);
/* Ends the process: the check cannot be made here. */
__attribute__((noreturn, format(printf, 2, 3))) void
trial_skip(struct trial *trial, const char *fmt, ...);

__attribute__((format(printf, 2, 3))) void
trial_scene(struct trial *trial, const char *fmt, ...);

/* Around each call of the plugin. */
void trial_calls(struct trial *trial, const char *function);
void trial_returned(struct trial *trial);

/* What a function returned: 0, or a member of enum cube_err whose message is as cube/plugin.h
 * wants it; anything else fails the check. */
int
trial_outcome(struct trial *trial, const char *function, int result, struct cube_error *err);

/* What the core says of a plugin that broke its contract, without the plugin's name, which the
 * reader knows; other messages as they are. Borrowed from err. */
const char *trial_words(const struct cube_error *err);

#endif
