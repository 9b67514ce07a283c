/* cube/sim/progress.h - a bar that shows how far a simulation is, on a terminal.
 *
 * It is drawn on standard error over itself, ten times a second at most, and gone when the
 * run is over. Main thread.
 */
#ifndef CUBE_SIM_PROGRESS_H
#define CUBE_SIM_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct sim_progress {
	bool shown;
	const char *label; /* of the run under way; borrowed */
	uint64_t began_ms;
	uint64_t drawn_ms;
	uint32_t calls;
};

void sim_progress_begin(struct sim_progress *progress, const char *label);
/* Cheap: looks at the clock once in many calls. done: 0..1. */
void
sim_progress_tell(struct sim_progress *progress, double done, uint64_t tasks, uint64_t waiting);
void sim_progress_end(struct sim_progress *progress);

#endif
