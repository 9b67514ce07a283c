/* common/units.c - see the header. */
#include "common/units.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MCPU_MAX 4096000

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
	char *end;
	double number = isdigit((unsigned char)text[0]) ? strtod(text, &end) : -1;
	int power = number >= 0 ? suffix_power(end) : -1;
	double bytes = power >= 0 ? ldexp(number, 10 * power) : -1;

	if (power < 0 || !(bytes >= 0 && bytes <= 0x1p62))
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "%s wants a size such as 64m or 1.5g, not '%s'", option, text);
	*out = (int64_t)bytes;
	return 0;
}

int
units_mcpu(const char *option, const char *text, int64_t *out, struct cube_error *err)
{
	char *end = NULL;
	double cores =
		isdigit((unsigned char)text[0]) || text[0] == '.' ? strtod(text, &end) : -1;

	if (end == NULL || *end != '\0' || !(cores >= 0.001 && cores * 1000 <= MCPU_MAX))
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "%s wants cores from 0.001 to 4096, such as 0.5, not '%s'",
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

	while (value >= 1024 && power < sizeof(letters) - 2) {
		value /= 1024;
		power++;
	}
	if (power == 0 || value >= 100 || value == floor(value))
		(void)snprintf(out, size, "%.0f%c", value, letters[power]);
	else
		(void)snprintf(out, size, "%.1f%c", value, letters[power]);
}
