/* base/json_number.h - numbers of JSON as they are read and written. For json_*.c
 * alone. [any] */
#ifndef BASE_JSON_NUMBER_H
#define BASE_JSON_NUMBER_H

#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>

/* text is one number by JSON's grammar, with a NUL after it. False: too large. */
bool json_number_read(const char *text, size_t size, struct json_value *value);

#define JSON_REAL_SIZE 32

/* As few digits as give the same number back; real is finite. Returns the size. */
size_t json_number_write(double real, char out[JSON_REAL_SIZE]);

#endif
