/* helper.h - asks one of Docker's credential helpers, docker-credential-NAME on $PATH. */
#ifndef DOCKER_HELPER_H
#define DOCKER_HELPER_H

#include "base/buf.h"
#include "base/error.h"

/* How long to wait: until the deadline, or until tick (called at least twice a second)
 * returns non-zero. */
struct helper_wait {
	const struct cube_host *host;
	uint64_t deadline_ms;
	void *ctx;
	int (*tick)(void *ctx);
};

/* Runs `docker-credential-NAME get` with server on its input. 0 and what it printed;
 * NOT_FOUND: it has no credentials for the server; INVALID: it could not be run or
 * failed; TIMEOUT. */
int helper_get(const char *name, const char *server, const struct helper_wait *wait,
	       struct buf *out, struct cube_error *err);

#endif
