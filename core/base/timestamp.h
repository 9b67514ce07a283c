/* base/timestamp.h - moments as cube passes, stores and prints them. Pure: reads no clock.
 *
 * Time-outs count on mono_ms, which goes on while the machine sleeps; what people
 * see and what is stored is wall_ms. */
#ifndef BASE_TIMESTAMP_H
#define BASE_TIMESTAMP_H

#include <stddef.h>
#include <stdint.h>

/* A moment, read once and handed down. */
struct now {
	uint64_t mono_ms; /* CLOCK_BOOTTIME */
	int64_t wall_ms;  /* Unix time */
};

#define TIMESTAMP_SIZE 32 /* any timestamp and its NUL */

/* RFC 3339 in UTC with milliseconds; 0 is "0001-01-01T00:00:00Z", the zero time
 * of the wire format: "not yet". Outside years 1 to 9999: the nearest. */
void timestamp_format(int64_t wall_ms, char out[TIMESTAMP_SIZE]);

/* Any RFC 3339 time, with a zone and up to nine places of a second. The zero time
 * gives 0. Returns 0 or CUBE_ERR_INVALID; then *wall_ms is untouched. */
int timestamp_parse(const char *text, int64_t *wall_ms);

#endif
