/* tests/fuzz/fuzz_lines.h - an input as lines, and what every refusal must look like.
 *
 * For targets whose input is a script: one thing to do a line, each line a text of its own.
 */
#ifndef FUZZ_LINES_H
#define FUZZ_LINES_H

#include "base/error.h"
#include "base/utf8.h"
#include "fuzz_main.h"

/* The next line as an exact, NUL-terminated copy, cut at its first NUL; NULL: no more. The
 * caller frees it. */
static inline char *
fuzz_line(const uint8_t **at, const uint8_t *end)
{
	const uint8_t *stop = *at < end ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;
	char *line;

	if (*at >= end)
		return NULL;
	if (stop == NULL)
		stop = end;
	line = strndup((const char *)*at, (size_t)(stop - *at));
	FUZZ_MUST(line != NULL);
	*at = stop < end ? stop + 1 : end;
	return line;
}

/* A reason is not empty, and UTF-8: it goes into JSON. */
static inline void
fuzz_check_text(const char *text)
{
	FUZZ_MUST(text[0] != '\0');
	FUZZ_MUST(utf8_valid_prefix(text, strlen(text)) == strlen(text));
}

/* Its words may quote bytes of the input: who prints them cleans them. */
static inline void
fuzz_check_error(int rc, const struct cube_error *err)
{
	FUZZ_MUST(rc < 0 && rc == err->code);
	FUZZ_MUST(memchr(err->message, '\0', sizeof(err->message)) != NULL);
	FUZZ_MUST(err->message[0] != '\0');
}

#endif
