/* clip.c - a string that is too long for base/json must not hide the rest of an answer.
 *
 * Images made by buildpacks carry labels of hundreds of kilobytes, and the engine repeats
 * them whenever it describes a container: one such task would make the worker's whole
 * list unreadable. Nothing that cube reads is that long. Pure. [any]
 */
#include "clip.h"

#include <string.h>

/* The quote that ends the string which begins before at; size: there is none. */
static size_t
string_end(const char *text, size_t size, size_t at)
{
	while (at < size && text[at] != '"')
		at += text[at] == '\\' ? 2 : 1;
	return at < size ? at : size;
}

size_t
clip_strings(char *text, size_t size, size_t longest_bytes)
{
	size_t from = 0;
	size_t to = 0;

	while (from < size) {
		const char *quote = memchr(text + from, '"', size - from);
		size_t begin = quote == NULL ? size : (size_t)(quote - text) + 1;
		size_t end = quote == NULL ? size : string_end(text, size, begin);

		memmove(text + to, text + from, begin - from);
		to += begin - from;
		if (end - begin <= longest_bytes || end == size) {
			memmove(text + to, text + begin, end - begin);
			to += end - begin;
		}
		if (end < size)
			text[to++] = '"';
		from = end < size ? end + 1 : size;
	}
	return to;
}
