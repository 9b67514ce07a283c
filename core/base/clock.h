/* base/clock.h - reads the clocks and the system's randomness. The pure folders never include
 * it. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/timestamp.h"

#include <stdint.h>

struct now clock_now(void); /* [any] */

/* [any] size at most 256. Never fails on the kernels cube runs on; if it should,
 * it ends the process: ids that repeat would be worse. */
void clock_random(void *bytes, size_t size);

#endif
