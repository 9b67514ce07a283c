/* base/decimal.h - decimal numbers as people write them in options: 4, 0.25. No sign, no
 * exponent, no locale. [any] */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include "base/error.h"

#include <stdbool.h>

/* Digits, and perhaps a point and digits behind it; at most 15 in all, so that the number is
 * the nearest to what was written. False, and *number is as it was: text is none. */
bool decimal_read(const char *text, double *number);

/* The value of an option between least and most, both included. INVALID: "KEY=TEXT: wants a
 * number from LEAST to MOST". */
int decimal_option(const char *key, const char *text, double least, double most, double *number,
		   struct cube_error *err);

#endif
