/* cube/sim/progress.c - draws the bar. Owns nothing. Main thread. */
#include "progress.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>

#define CALLS_A_LOOK 256
#define DRAW_MS      100
#define BAR_WIDTH    24

void
sim_progress_begin(struct sim_progress *progress, const char *label)
{
	progress->label = label;
	progress->began_ms = clock_now().mono_ms;
	progress->drawn_ms = progress->began_ms;
	progress->calls = 0;
}

static void
draw(const struct sim_progress *progress, double done, uint64_t tasks, uint64_t waiting)
{
	char bar[BAR_WIDTH + 1];
	const int full = (int)(done * BAR_WIDTH);

	for (int i = 0; i < BAR_WIDTH; i++)
		bar[i] = i < full ? '#' : '.';
	bar[BAR_WIDTH] = '\0';
	(void)fprintf(stderr,
		      "\r\033[K%.24s [%s] %3.0f %%  %" PRIu64 " tasks, %" PRIu64
		      " wait, %" PRIu64 " s",
		      progress->label, bar, done * 100, tasks, waiting,
		      (progress->drawn_ms - progress->began_ms) / 1000);
	(void)fflush(stderr);
}

void
sim_progress_tell(struct sim_progress *progress, double done, uint64_t tasks, uint64_t waiting)
{
	uint64_t now_ms;

	if (!progress->shown || ++progress->calls % CALLS_A_LOOK != 0)
		return;
	now_ms = clock_now().mono_ms;
	if (now_ms - progress->drawn_ms < DRAW_MS)
		return;
	progress->drawn_ms = now_ms;
	draw(progress, done < 1 ? done : 1, tasks, waiting);
}

void
sim_progress_end(struct sim_progress *progress)
{
	if (!progress->shown)
		return;
	(void)fputs("\r\033[K", stderr);
	(void)fflush(stderr);
}
