/* base/clock.c - the system's clocks and randomness, in one place.
 *
 * Everything else is handed a struct now. CLOCK_BOOTTIME goes on while the machine
 * sleeps, so a time-out that passed meanwhile has passed. Owns nothing. [any]
 */
#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#define RANDOM_SIZE_MAX 256 /* getrandom gives this much whole or not at all */

static struct timespec
clock_read(clockid_t clock)
{
	struct timespec at = {0};

	/* Both clocks exist since Linux 2.6.39: another answer is no kernel of ours. */
	if (clock_gettime(clock, &at) != 0)
		abort();
	return at;
}

struct now
clock_now(void)
{
	struct timespec mono = clock_read(CLOCK_BOOTTIME);
	struct timespec wall = clock_read(CLOCK_REALTIME);

	return (struct now){
		.mono_ms = (uint64_t)mono.tv_sec * 1000 + (uint64_t)mono.tv_nsec / 1000000,
		.wall_ms = (int64_t)wall.tv_sec * 1000 + (int64_t)wall.tv_nsec / 1000000,
	};
}

void
clock_random(void *bytes, size_t size)
{
	ssize_t got;

	assert(size <= RANDOM_SIZE_MAX);
	do {
		got = getrandom(bytes, size, 0);
	} while (got < 0 && errno == EINTR);
	if (got < 0 || (size_t)got != size)
		abort();
}
