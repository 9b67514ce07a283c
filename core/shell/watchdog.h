/* shell/watchdog.h - ends the process when a step of the brain does not return.
 *
 * A scheduler is a plugin inside a step: if it hangs, everything does, and a restart is
 * better than silence. The thread sleeps without a timeout while no step was begun since
 * it last looked.
 */
#ifndef SHELL_WATCHDOG_H
#define SHELL_WATCHDOG_H

#include "shell/loop.h"

struct watchdog;

int watchdog_new(const struct loop_brain *brain, struct log *log, struct watchdog **out,
		 struct cube_error *err);
void watchdog_free(struct watchdog *watchdog); /* NULL is fine */

/* The loop's thread, around each step. now_ms: mono. */
void watchdog_begin(struct watchdog *watchdog, uint64_t now_ms);
void watchdog_end(struct watchdog *watchdog);

#endif
