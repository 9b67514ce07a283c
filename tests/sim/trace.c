/* trace.c - what has happened: a hash over all of it, and the last lines in words.
 *
 * The hash is over the text of each delivered event, with its time, so two runs with the same
 * hash took the same way. An invariant that does not hold ends the run here. */
#include "sim.h"

#include "base/hash.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void
keep(struct sim *sim, const char *line)
{
	struct trace *trace = &sim->trace;

	(void)snprintf(trace->lines[trace->next++ % TRACE_LINES], TRACE_WIDTH, "%s", line);
	if (trace->verbose)
		(void)puts(line);
}

static size_t
begin(const struct sim *sim, char line[TRACE_WIDTH])
{
	uint64_t now_us = sim->clock.now_us;

	return (size_t)snprintf(line, TRACE_WIDTH, "%6" PRIu64 ".%06" PRIu64 " ",
				now_us / SECOND, now_us % SECOND);
}

void
trace_line(struct sim *sim, const char *fmt, ...)
{
	char line[TRACE_WIDTH];
	size_t size = begin(sim, line);
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(line + size, sizeof(line) - size, fmt, args);
	va_end(args);
	sim->trace.events++;
	sim->trace.hash = (sim->trace.hash ^ hash_bytes(line, strlen(line))) *
			  UINT64_C(0x9fb21c651e98df25);
	keep(sim, line);
}

void
trace_note(struct sim *sim, const char *fmt, ...)
{
	char line[TRACE_WIDTH];
	size_t size = begin(sim, line);
	va_list args;

	line[size++] = ' ';
	line[size++] = ' ';
	va_start(args, fmt);
	(void)vsnprintf(line + size, sizeof(line) - size, fmt, args);
	va_end(args);
	keep(sim, line);
}

void
trace_print(const struct sim *sim)
{
	const struct trace *trace = &sim->trace;
	size_t first = trace->next > TRACE_LINES ? trace->next - TRACE_LINES : 0;

	for (size_t i = first; i < trace->next; i++)
		(void)printf("    %s\n", trace->lines[i % TRACE_LINES]);
}

void
sim_violated(struct sim *sim, int invariant, const char *fmt, ...)
{
	va_list args;
	int size = snprintf(sim->failure, sizeof(sim->failure), "invariant %d: ", invariant);

	va_start(args, fmt);
	(void)vsnprintf(sim->failure + size, sizeof(sim->failure) - (size_t)size, fmt, args);
	va_end(args);
	longjmp(sim->failed, 1);
}
