/* base/timestamp.c - Unix milliseconds to RFC 3339 text and back.
 *
 * Does its own calendar instead of gmtime_r and timegm, which take the C library's
 * time zone lock and follow TZ: days are counted in the proleptic Gregorian
 * calendar, from 1 March of year 0 so that a leap day is the last of its year
 * (the method of Hinnant, "chrono-Compatible Low-Level Date Algorithms"). Pure,
 * owns nothing. [any]
 */
#include "base/timestamp.h"

#include <cube/plugin.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS       INT64_C(86400000)
#define DAYS_TO_UNIX 719468 /* from 0000-03-01 to 1970-01-01 */
#define DAYS_PER_ERA 146097 /* 400 years */
#define ZERO_TIME    "0001-01-01T00:00:00Z"
#define ZERO_TIME_MS INT64_C(-62135596800000)
#define LAST_TIME_MS INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */
#define FRACTION_MAX 9

/* Days since 1970-01-01; year >= 0. */
static int64_t
days_from_date(int64_t year, int64_t month, int64_t day)
{
	int64_t from_march = month > 2 ? month - 3 : month + 9;
	int64_t shifted = year - (month <= 2 ? 1 : 0) + 400; /* one era up: never negative */
	int64_t era = shifted / 400;
	int64_t year_of_era = shifted % 400;
	int64_t day_of_year = (153 * from_march + 2) / 5 + day - 1;
	int64_t day_of_era =
		year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return (era - 1) * DAYS_PER_ERA + day_of_era - DAYS_TO_UNIX;
}

static void
date_from_days(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
	int64_t shifted = days + DAYS_TO_UNIX + DAYS_PER_ERA;
	int64_t era = shifted / DAYS_PER_ERA;
	int64_t day_of_era = shifted % DAYS_PER_ERA;
	int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) /
		365;
	int64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t from_march = (5 * day_of_year + 2) / 153;

	*day = day_of_year - (153 * from_march + 2) / 5 + 1;
	*month = from_march < 10 ? from_march + 3 : from_march - 9;
	*year = (era - 1) * 400 + year_of_era + (*month <= 2 ? 1 : 0);
}

/* Writes value as places digits. */
static char *
put_digits(char *at, int64_t value, int places)
{
	int i;

	for (i = places - 1; i >= 0; i--) {
		at[i] = (char)('0' + value % 10);
		value /= 10;
	}
	return at + places;
}

void
timestamp_format(int64_t wall_ms, char out[TIMESTAMP_SIZE])
{
	int64_t year, month, day, days, ms;
	char *at = out;

	if (wall_ms == 0 || wall_ms < ZERO_TIME_MS) {
		memcpy(out, ZERO_TIME, sizeof(ZERO_TIME));
		return;
	}
	if (wall_ms > LAST_TIME_MS)
		wall_ms = LAST_TIME_MS;
	days = wall_ms / DAY_MS;
	ms = wall_ms % DAY_MS;
	if (ms < 0) {
		ms += DAY_MS;
		days--;
	}
	date_from_days(days, &year, &month, &day);
	at = put_digits(at, year, 4);
	*at++ = '-';
	at = put_digits(at, month, 2);
	*at++ = '-';
	at = put_digits(at, day, 2);
	*at++ = 'T';
	at = put_digits(at, ms / 3600000, 2);
	*at++ = ':';
	at = put_digits(at, ms / 60000 % 60, 2);
	*at++ = ':';
	at = put_digits(at, ms / 1000 % 60, 2);
	*at++ = '.';
	at = put_digits(at, ms % 1000, 3);
	*at++ = 'Z';
	*at = '\0';
}

/* Reads exactly places digits, at most max; moves *at on. */
static bool
take_digits(const char **at, int places, int64_t max, int64_t *out)
{
	int64_t value = 0;
	int i;

	for (i = 0; i < places; i++) {
		char c = (*at)[i];

		if (c < '0' || c > '9')
			return false;
		value = value * 10 + (c - '0');
	}
	*at += places;
	*out = value;
	return value <= max;
}

static bool
take_char(const char **at, char upper)
{
	char c = **at;

	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	if (c != upper)
		return false;
	(*at)++;
	return true;
}

static int64_t
days_in_month(int64_t year, int64_t month)
{
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (month == 2)
		return leap ? 29 : 28;
	return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/* The places past the third are finer than a millisecond and are left out. */
static bool
take_fraction(const char **at, int64_t *ms)
{
	int64_t scale = 100;
	int places = 0;

	*ms = 0;
	if (**at != '.')
		return true;
	for ((*at)++; **at >= '0' && **at <= '9'; (*at)++, places++) {
		*ms += scale * (**at - '0');
		scale /= 10;
	}
	return places > 0 && places <= FRACTION_MAX;
}

static bool
take_zone(const char **at, int64_t *offset_ms)
{
	int64_t hours, minutes;
	bool west = **at == '-';

	*offset_ms = 0;
	if (take_char(at, 'Z'))
		return true;
	if (!take_char(at, '+') && !take_char(at, '-'))
		return false;
	if (!take_digits(at, 2, 23, &hours) || !take_char(at, ':') ||
	    !take_digits(at, 2, 59, &minutes))
		return false;
	*offset_ms = (hours * 60 + minutes) * 60000 * (west ? -1 : 1);
	return true;
}

int
timestamp_parse(const char *text, int64_t *wall_ms)
{
	int64_t year, month, day, hour, minute, second, ms, offset_ms, total;
	const char *at = text;

	if (!take_digits(&at, 4, 9999, &year) || !take_char(&at, '-') ||
	    !take_digits(&at, 2, 12, &month) || !take_char(&at, '-') ||
	    !take_digits(&at, 2, 31, &day) || !take_char(&at, 'T') ||
	    !take_digits(&at, 2, 23, &hour) || !take_char(&at, ':') ||
	    !take_digits(&at, 2, 59, &minute) || !take_char(&at, ':') ||
	    !take_digits(&at, 2, 60, &second) || !take_fraction(&at, &ms) ||
	    !take_zone(&at, &offset_ms) || *at != '\0')
		return CUBE_ERR_INVALID;
	if (month == 0 || day == 0 || day > days_in_month(year, month))
		return CUBE_ERR_INVALID;
	/* A leap second is the first of the next minute, as Unix time has it. */
	total = days_from_date(year, month, day) * DAY_MS + hour * 3600000 + minute * 60000 +
		second * 1000 + ms - offset_ms;
	*wall_ms = total == ZERO_TIME_MS ? 0 : total;
	return 0;
}
