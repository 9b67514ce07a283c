/* base/utf8.h - is this UTF-8? Overlong forms, surrogates and values past U+10FFFF are not
 * (RFC 3629). [any] */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>

/* The bytes at the front that are whole, valid UTF-8: size if all are. */
size_t utf8_valid_prefix(const char *bytes, size_t size);

#endif
