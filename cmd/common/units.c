/* common/units.c - see the header. Owns nothing. [any] */
#include "common/units.h"

#include "base/amount.h"

#include <math.h>
#include <stdio.h>

#define MCPU_MAX 4096000

int
units_bytes(const char *option, const char *text, int64_t *out, struct cube_error *err)
{
	double bytes = 0;

	if (amount_bytes(text, &bytes) != 0 || !(bytes <= 0x1p62))
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
	const char *end = amount_number(text, &cores);

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
