/* cube/check/host.h - the services of the core, as a check hands them to a plugin.
 *
 * Memory is counted, and each block has a mark before and behind it, so that what is not given
 * back, given back twice, or written over the end is found; it can be told to run out. The
 * generator is seeded. The clock is a number that the check moves for a scheduler, and the
 * real one for kinds that wait. One for each instance; stays where it is until the plugin is
 * closed. The functions that a plugin calls are [any].
 */
#ifndef CHECK_HOST_H
#define CHECK_HOST_H

#include "base/random.h"
#include "plugin/host.h"
#include "trial.h"

#include <pthread.h>

struct check_host {
	struct plugin_host plugin; /* the first: what the plugin's ctx points at */
	struct trial *trial;
	struct random random;
	bool real_clock;
	uint64_t now_ms;

	pthread_mutex_t lock; /* guards what follows */
	struct block *blocks; /* handed out and not given back */
	size_t block_count;
	size_t block_bytes;
	uint64_t requests; /* of memory, so far */
	uint64_t fail_at;  /* the request that fails, from 1; 0: none */
	bool fail_on;      /* and all after it */
	uint64_t failures;
};

void check_host_init(struct check_host *host, struct trial *trial, bool real_clock);
/* Fails the check if the plugin, which is closed, holds memory. */
void check_host_settled(struct check_host *host, const char *when);

/* Memory in use in this process: the host's and, where the C library tells, any other. */
size_t check_host_memory(void);

#endif
