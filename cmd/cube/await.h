/* cube/await.h - what follows on the submission of `cube run`: output, and an exit code. */
#ifndef CUBE_AWAIT_H
#define CUBE_AWAIT_H

#include "submission.h"
#include "wait.h"

struct await {
	bool waits;
	bool logs; /* print the output meanwhile */
	enum wait_for what;
	uint64_t timeout_ms;  /* 0: none */
	uint64_t deadline_ms; /* mono; set by await_tasks */
};

/* Waits for all tasks, one after the other, and says of each that did not end well why. The
 * first exit code that is not 0; negative: TIMEOUT after timeout_ms, or what else failed. */
int await_tasks(const struct api *api, const struct submission *submission, struct await *await,
		struct cube_error *err);

#endif
