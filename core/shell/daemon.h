/* shell/daemon.h - what both daemons do alike: their folder, their signals, their end.
 *
 * The main thread blocks the signals before any other thread starts, and then waits for
 * one while the loop runs on a thread of its own.
 */
#ifndef SHELL_DAEMON_H
#define SHELL_DAEMON_H

#include "shell/loop.h"

#define DAEMON_END_MS 2000 /* from SIGTERM to the end of the process, whatever hangs */

/* The data directory: given, else /var/lib/cube/NAME as root, else
 * $XDG_STATE_HOME/cube/NAME or ~/.local/state/cube/NAME. Made with mode 0700 where it is
 * missing. The path is malloced, the caller's. INVALID: it cannot be made or is no folder. */
int daemon_data_dir(const char *given, const char *name, char **out, struct cube_error *err);

/* Before any thread: SIGTERM and SIGINT wait for daemon_run, SIGPIPE and SIGXFSZ are
 * ignored. */
void daemon_block_signals(void);

/* The soft limit of open files up to the hard one, for a program that holds connections to
 * thousands of workers. Not for one whose children would inherit it. */
void daemon_raise_files(void);

/* Runs the loop until SIGTERM or SIGINT, or until it ends by itself. On a signal stopping
 * is called while the loop still runs (so that the server takes no more and what waits is
 * answered) with the mono time by which all must have ended, then the loop is stopped. What
 * loop_run returned. From the signal, or from the loop's own end, the caller has
 * DAEMON_END_MS to end the process: then that is done for it, with 0 if the loop ended well
 * and 1 if not. Further signals change nothing. */
int daemon_run(struct loop *loop, struct log *log,
	       void (*stopping)(void *ctx, uint64_t deadline_ms), void *ctx,
	       struct cube_error *err);

#endif
