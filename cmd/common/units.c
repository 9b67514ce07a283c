/* common/units.c - see the header. Owns nothing. [any] */
#include "common/units.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MCPU_MAX   4096000
#define NUMBER_MAX 32 /* bytes of a number */

/* Digits with at most one point among them, and no more: no sign, no exponent, no
 * hexadecimal. What follows is the suffix; NULL: no number. */
static const char *
number_read(const char *text, double *number)
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

/* The power of 1024 that a suffix means; -1: it is none. */
static int
suffix_power(const char *suffix)
{
	static const char letters[] = "kmgt";
	const char *at;

	if (suffix[0] == '\0' || strcasecmp(suffix, "b") == 0)
		return 0;
	at = strchr(letters, tolower((unsigned char)suffix[0]));
	if (at == NULL)
		return -1;
	if (suffix[1] != '\0' && strcasecmp(suffix + 1, "b") != 0 &&
	    strcasecmp(suffix + 1, "ib") != 0)
		return -1;
	return (int)(at - letters) + 1;
}

int
units_bytes(const char *option, const char *text, int64_t *out, struct cube_error *err)
{
	double number = 0;
	const char *suffix = number_read(text, &number);
	int power = suffix != NULL ? suffix_power(suffix) : -1;
	double bytes = power >= 0 ? ldexp(number, 10 * power) : -1;

	if (!(bytes >= 0 && bytes <= 0x1p62))
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "%s wants a size such as 64m or 1.5g, not '%.100s'", option,
				 text);
	*out = (int64_t)bytes;
	return 0;
}

int
units_mcpu(const char *option, const char *text, int64_t *out, struct cube_error *err)
{
	double cores = 0;
	const char *end = number_read(text, &cores);

	if (end == NULL || *end != '\0' || !(cores >= 0.001 && cores * 1000 <= MCPU_MAX))
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "%s wants cores from 0.001 to 4096, such as 0.5, not '%.100s'",
				 option, text);
	*out = llround(cores * 1000);
	return 0;
}

void
units_format_bytes(int64_t bytes, char *out, size_t size)
{
	static const char letters[] = "BKMGTPE";
	double value = (double)bytes;
	size_t power = 0;

	/* 1023.7K would be printed as 1024K. */
	while ((value >= 1024 || (power > 0 && value >= 1023.5)) &&
	       power < sizeof(letters) - 2) {
		value /= 1024;
		power++;
	}
	if (power == 0 || value >= 100 || value == floor(value))
		(void)snprintf(out, size, "%.0f%c", value, letters[power]);
	else
		(void)snprintf(out, size, "%.1f%c", value, letters[power]);
}
