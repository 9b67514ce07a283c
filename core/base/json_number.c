/* base/json_number.c - text to number and back, without loss and without the locale.
 *
 * Most numbers of cube are short: those are read by one exact operation on doubles and
 * written as integers. The rest goes through the C library in its C locale, whatever
 * the program (or a plugin) has set. Owns nothing. [any]
 */
#include "base/json_number.h"

#include <assert.h>
#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define EXACT_MAX 9007199254740992.0 /* 2^53: up to here doubles hold each integer */

/* glibc has it built in: neither allocates nor fails. */
static locale_t
c_locale(void)
{
	locale_t locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);

	assert(locale != (locale_t)0);
	return locale;
}

static double
text_to_real(const char *text)
{
	locale_t locale = c_locale();
	double real = strtod_l(text, NULL, locale);

	freelocale(locale);
	return real;
}

/* Where a double holds both the digits and the power of ten, one operation rounds
 * correctly (Clinger, "How to Read Floating Point Numbers Accurately", 1990). */
static bool
small_to_real(uint64_t digits, int exponent, double *real)
{
	static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
					1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
					1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

	if (digits > UINT64_C(1) << 53 || exponent < -22)
		return false;
	*real = (double)digits / powers[-exponent];
	return true;
}

/* Digits and places behind the point; false if they are too many for 64 bits, or there
 * is an exponent. */
static bool
take_plain(const char *text, size_t size, uint64_t *digits, int *exponent)
{
	bool fraction = false;
	size_t i;

	*digits = 0;
	*exponent = 0;
	for (i = text[0] == '-' ? 1 : 0; i < size; i++) {
		if (text[i] == '.') {
			fraction = true;
			continue;
		}
		if (text[i] < '0' || text[i] > '9' || *digits > (UINT64_MAX - 9) / 10)
			return false;
		*digits = *digits * 10 + (uint64_t)(text[i] - '0');
		*exponent -= fraction ? 1 : 0;
	}
	return true;
}

bool
json_number_read(const char *text, size_t size, struct json_value *value)
{
	bool negative = text[0] == '-';
	bool is_integer = false;
	int64_t integer = 0;
	uint64_t digits;
	int exponent;
	double real;

	if (!take_plain(text, size, &digits, &exponent)) {
		real = text_to_real(text);
	} else {
		if (exponent == 0 && digits <= (uint64_t)INT64_MAX + (negative ? 1 : 0)) {
			is_integer = true;
			integer = (int64_t)(negative ? 0 - digits : digits);
		}
		if (!small_to_real(digits, exponent, &real))
			real = text_to_real(text);
		else if (negative)
			real = -real;
	}
	if (!isfinite(real))
		return false;
	/* 2.0 and 1e3 are whole numbers too. */
	if (!is_integer && fabs(real) <= EXACT_MAX && real == floor(real)) {
		is_integer = true;
		integer = (int64_t)real;
	}
	value->as.number.real = real;
	value->as.number.integer = integer;
	value->as.number.is_integer = is_integer;
	return true;
}

/* Up to six places behind the point, which is what people write: whole millionths that
 * give the number back. Below 10^15 no two such texts are the same double, so this is
 * the shortest. 0 if it is none of these. */
static size_t
write_plain(double real, char out[JSON_REAL_SIZE])
{
	const double scale = 1e6;
	char digits[8];
	double millionths;
	int64_t whole, part;
	int places = 6;
	int size;

	if (!(fabs(real) < 1e9))
		return 0;
	millionths = nearbyint(fabs(real) * scale);
	if (millionths / scale != fabs(real) || (real == 0 && signbit(real)))
		return 0;
	whole = (int64_t)millionths / 1000000;
	part = (int64_t)millionths % 1000000;
	(void)snprintf(digits, sizeof(digits), "%06d", (int)part);
	while (places > 0 && digits[places - 1] == '0')
		places--;
	size = snprintf(out, JSON_REAL_SIZE, "%s%" PRId64 "%s%.*s", real < 0 ? "-" : "", whole,
			places > 0 ? "." : "", places, digits);
	return (size_t)size;
}

size_t
json_number_write(double real, char out[JSON_REAL_SIZE])
{
	/* 15 digits always survive a double and 17 always tell two apart; only the
	 * subnormal ones need fewer. */
	int digits = fabs(real) < DBL_MIN ? 1 : DBL_DIG;
	locale_t locale, before;
	size_t plain = write_plain(real, out);
	int size = 0;

	assert(isfinite(real));
	if (plain > 0)
		return plain;
	if (fabs(real) <= EXACT_MAX && real == floor(real) && !signbit(real))
		return (size_t)snprintf(out, JSON_REAL_SIZE, "%" PRId64, (int64_t)real);
	locale = c_locale();
	before = uselocale(locale);
	for (; digits <= DBL_DECIMAL_DIG; digits++) {
		size = snprintf(out, JSON_REAL_SIZE, "%.*g", digits, real);
		if (strtod(out, NULL) == real)
			break;
	}
	(void)uselocale(before);
	freelocale(locale);
	assert(size > 0 && size < JSON_REAL_SIZE);
	return (size_t)size;
}
