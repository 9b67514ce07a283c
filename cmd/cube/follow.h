/* cube/follow.h - a task's output to standard output, once or as it comes. */
#ifndef CUBE_FOLLOW_H
#define CUBE_FOLLOW_H

#include "api.h"

struct follow {
	bool follow;        /* go on until the task has ended */
	const char *tail;   /* lines; NULL: all */
	const char *since;  /* RFC 3339 or Unix seconds; NULL: from the start */
	const char *stream; /* "stdout", "stderr"; NULL: both */
	const char *attempt;
	uint64_t deadline_ms; /* mono; WAIT_FOREVER */
};

/* With follow, waits for a task that has not started, goes on over restarts and after a
 * connection that broke, until the task has ended for good; with an attempt, until that one
 * has. A connection that broke is taken up again by the time of the last byte on this
 * machine's clock: if the clocks of the machines differ, some lines come twice or not at
 * all. TIMEOUT at the deadline; NOT_FOUND: it has printed nothing and never will. */
int follow_task(const struct api *api, const char *id, const struct follow *what,
		struct cube_error *err);

#endif
