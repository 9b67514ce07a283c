/* base/json_place.c - line, column and excerpts for the messages of json_*.c.
 *
 * Only failures come here, so nothing is kept while parsing: lines are counted when
 * someone asks. Owns nothing. [any]
 */
#include "base/json_place.h"

#include "base/utf8.h"

#include <string.h>

void
json_place(const char *text, size_t size, size_t offset, size_t *line, size_t *column)
{
	size_t i;

	*line = 1;
	*column = 1;
	if (offset > size)
		offset = size;
	for (i = 0; i < offset; i++) {
		if (text[i] == '\n') {
			(*line)++;
			*column = 1;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			(*column)++;
		}
	}
}

void
json_excerpt(const char *key, char out[JSON_EXCERPT_SIZE])
{
	size_t room = JSON_EXCERPT_SIZE - sizeof("...");
	size_t size = strnlen(key, room + 1);
	size_t i;

	if (size > room)
		size = utf8_valid_prefix(key, room);
	for (i = 0; i < size; i++) {
		unsigned char c = (unsigned char)key[i];

		out[i] = c < 0x20 || c == 0x7f ? '?' : key[i];
	}
	memcpy(out + size, "...", sizeof("..."));
	if (key[size] == '\0')
		out[size] = '\0';
}
