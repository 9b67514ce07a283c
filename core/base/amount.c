/* base/amount.c - see the header. Pure, owns nothing. [any] */
#include "base/amount.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NUMBER_MAX 32 /* bytes of a number */

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

void
amount_add_bytes(struct buf *out, int64_t bytes)
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
	double amount = (double)bytes;
	size_t unit = 0;

	while (amount >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		amount /= 1024;
		unit++;
	}
	buf_printf(out, "%.4g %s", amount, units[unit]);
}
