/* base/decimal.c - see the header. Fifteen digits and the power of ten are both exact in a
 * double, so one division rounds once, as the C library would. Owns nothing. [any] */
#include "base/decimal.h"

#include <stdint.h>

#define DIGITS_MAX 15

bool
decimal_read(const char *text, double *number)
{
	uint64_t digits = 0;
	double scale = 1;
	bool point = false;
	int count = 0;

	for (const char *at = text; *at != '\0'; at++) {
		if (*at == '.' && !point && count > 0) {
			point = true;
			continue;
		}
		if (*at < '0' || *at > '9' || ++count > DIGITS_MAX)
			return false;
		digits = digits * 10 + (uint64_t)(*at - '0');
		scale = point ? scale * 10 : scale;
	}
	if (count == 0 || (point && scale == 1))
		return false;
	*number = (double)digits / scale;
	return true;
}

int
decimal_option(const char *key, const char *text, double least, double most, double *number,
	       struct cube_error *err)
{
	double read;

	if (!decimal_read(text, &read) || read < least || read > most)
		return cube_fail(err, CUBE_ERR_INVALID, 0,
				 "%s=%.60s: wants a number from %.15g to %.15g", key, text,
				 least, most);
	*number = read;
	return 0;
}
