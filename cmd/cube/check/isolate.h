/* cube/check/isolate.h - a check in a process of its own, and what became of it.
 *
 * The process has a time limit, its output goes where it can be looked at, and it works in an
 * empty folder; whatever it does, the next check finds everything as it was. Main thread.
 */
#ifndef CHECK_ISOLATE_H
#define CHECK_ISOLATE_H

#include "trial.h"

struct result {
	enum verdict verdict; /* never VERDICT_NONE */
	bool hung;            /* it failed so */
	char words[SLIP_WORDS_SIZE + 256];
};

/* Before the first: signals that end this program are taken care of while a check runs. */
void isolate_begin(void);

/* setup may be NULL: what the kind's checks have in common, run in the child before. Error:
 * the check could not be made at all. */
int isolate(const struct subject *subject, const struct check *check,
	    void (*setup)(struct trial *trial), struct result *result, struct cube_error *err);

/* A folder and all in it. */
void remove_folder(const char *path);

#endif
