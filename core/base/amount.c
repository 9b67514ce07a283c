/* base/amount.c - see the header. Pure, owns nothing. [any] */
#include "base/amount.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NUMBER_MAX 32 /* bytes of a number */
#define UNIT_BITS  10
#define DIGITS     4

const char *
amount_number(const char *text, double *number)
{
	size_t digits = strspn(text, "0123456789");
	size_t size = digits;
	char copy[NUMBER_MAX + 1];

	if (text[size] == '.') {
		size_t after = strspn(text + size + 1, "0123456789");

		digits += after;
		size += 1 + after;
	}
	if (digits == 0 || size > NUMBER_MAX)
		return NULL;
	(void)memcpy(copy, text, size); /* strtod would read on, as in 1e3 and 0x1 */
	copy[size] = '\0';
	*number = strtod(copy, NULL);
	return text + size;
}

/* The power of 1024 that a unit means; -1: it is none. */
static int
unit_power(const char *unit)
{
	static const char letters[] = "kmgt";
	const char *at;

	if (unit[0] == '\0' || strcasecmp(unit, "b") == 0)
		return 0;
	at = strchr(letters, unit[0] | 0x20);
	if (at == NULL)
		return -1;
	if (unit[1] != '\0' && strcasecmp(unit + 1, "b") != 0 &&
	    strcasecmp(unit + 1, "ib") != 0)
		return -1;
	return (int)(at - letters) + 1;
}

int
amount_bytes(const char *text, double *bytes)
{
	double number = 0;
	const char *unit = amount_number(text, &number);
	int power = unit != NULL ? unit_power(unit) : -1;

	if (power < 0)
		return -1;
	*bytes = ldexp(number, 10 * power);
	return 0;
}

/* ---- out, in whole numbers, so that nothing is rounded by chance ---- */

static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};

#define UNITS (sizeof(units) / sizeof(units[0]))

/* bytes, not negative, as whole and fraction / scale of units[unit]. */
struct digits {
	size_t unit;
	unsigned shift;
	int places; /* behind the point */
	uint64_t scale;
	uint64_t whole;
	uint64_t fraction; /* of scale, rounded down */
	bool exact;
};

static struct digits
digits_of(int64_t bytes)
{
	struct digits digits = {.scale = 1};
	uint64_t value = (uint64_t)bytes;
	uint64_t below;
	uint64_t bound;

	while (value >> digits.shift >= 1024 && digits.unit + 1 < UNITS) {
		digits.unit++;
		digits.shift += UNIT_BITS;
	}
	digits.whole = value >> digits.shift;
	for (bound = 1000;
	     digits.unit > 0 && digits.whole < bound && digits.places < DIGITS - 1;
	     bound /= 10) {
		digits.places++;
		digits.scale *= 10;
	}
	below = value & ((UINT64_C(1) << digits.shift) - 1);
	digits.fraction = below * digits.scale >> digits.shift;
	digits.exact = digits.fraction << digits.shift == below * digits.scale;
	return digits;
}

/* "12.5": without the zeros at the end. */
static void
add_number(struct buf *out, uint64_t whole, uint64_t fraction, int places)
{
	while (places > 0 && fraction % 10 == 0) {
		fraction /= 10;
		places--;
	}
	if (places > 0)
		buf_printf(out, "%" PRIu64 ".%0*" PRIu64, whole, places, fraction);
	else
		buf_printf(out, "%" PRIu64, whole);
}

void
amount_add_bytes(struct buf *out, int64_t bytes)
{
	struct digits digits = digits_of(bytes > 0 ? bytes : 0);

	add_number(out, digits.whole, digits.fraction, digits.places);
	buf_printf(out, " %s", units[digits.unit]);
}

int64_t
amount_bytes_down(int64_t bytes)
{
	struct digits digits = digits_of(bytes > 0 ? bytes : 0);

	if (digits.exact)
		return bytes > 0 ? bytes : 0;
	return (int64_t)((digits.whole << digits.shift) +
			 (digits.fraction << digits.shift) / digits.scale);
}

void
amount_add_cores(struct buf *out, int64_t mcpu)
{
	uint64_t value = mcpu > 0 ? (uint64_t)mcpu : 0;

	add_number(out, value / 1000, value % 1000, 3);
	buf_append_text(out, value == 1000 ? " core" : " cores");
}

void
amount_add_count(struct buf *out, uint64_t count)
{
	if (count >= 1000) {
		amount_add_count(out, count / 1000);
		buf_printf(out, ",%03" PRIu64, count % 1000);
	} else {
		buf_printf(out, "%" PRIu64, count);
	}
}
