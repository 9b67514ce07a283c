/* common/clean.c - see the header. */
#include "common/clean.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <string.h>

#define ESCAPE       0x1b
#define LINE_SIZE    1024
#define PIECE_LETTER 4 /* the longest UTF-8 character */

/* U+0080 to U+009F, C2 80 to C2 9F, are control characters as well. */
static bool
is_c1(const char *at, size_t size)
{
	return size >= 2 && (unsigned char)at[0] == 0xc2 && (unsigned char)at[1] >= 0x80 &&
	       (unsigned char)at[1] < 0xa0;
}

/* Prints one character, at most size bytes, and returns how many it took. */
static size_t
letter_print(FILE *out, const char *at, size_t size)
{
	unsigned char c = (unsigned char)at[0];
	size_t taken = 1;

	if (c < 0x20 || c == 0x7f) {
		(void)fputc('?', out);
	} else if (c < 0x80) {
		(void)fputc(c, out);
	} else if (is_c1(at, size)) {
		(void)fputc('?', out);
		taken = 2;
	} else {
		while (taken < size && taken < PIECE_LETTER &&
		       ((unsigned char)at[taken] & 0xc0) == 0x80)
			taken++;
		if (utf8_valid_prefix(at, taken) == taken) {
			(void)fwrite(at, 1, taken, out);
		} else {
			(void)fputc('?', out);
			taken = 1;
		}
	}
	return taken;
}

void
text_print(FILE *out, const char *text)
{
	size_t size = strlen(text);

	while (size > 0) {
		size_t taken = letter_print(out, text, size);

		text += taken;
		size -= taken;
	}
}

void
json_text_print(FILE *out, const char *json, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (is_c1(json + i, size - i)) {
			(void)fprintf(out, "\\u00%02x", (unsigned char)json[i + 1]);
			i++;
		} else if (json[i] == 0x7f) {
			(void)fputs("\\u007f", out);
		} else {
			(void)fputc(json[i], out);
		}
	}
}

void
complain(const char *who, const char *fmt, ...)
{
	char line[LINE_SIZE];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	(void)fflush(stdout);
	for (char *at = line; *at != '\0'; at++) { /* a library's words may have lines */
		if (*at == '\n' || *at == '\t')
			*at = ' ';
	}
	(void)fprintf(stderr, "%s: ", who);
	text_print(stderr, line);
	(void)fputc('\n', stderr);
}

/* ---- a task's output ---- */

enum held {
	HELD_PART, /* wait for more */
	HELD_PASS, /* as it is */
	HELD_CLEAN /* print it cleaned */
};

/* What the held bytes are: ESC [ digits m is a colour and passes; all else that begins with
 * an escape is taken apart. */
static enum held
held_look(const struct cleaner *cleaner)
{
	const char *held = cleaner->held;
	size_t at = 2;

	if ((unsigned char)held[0] >= 0x80) {
		size_t want = (unsigned char)held[0] >= 0xf0   ? 4
			      : (unsigned char)held[0] >= 0xe0 ? 3
			      : (unsigned char)held[0] >= 0xc2 ? 2
							       : 1;

		bool goes_on = cleaner->size == 1 ||
			       ((unsigned char)held[cleaner->size - 1] & 0xc0) == 0x80;

		return cleaner->size < want && goes_on ? HELD_PART : HELD_CLEAN;
	}
	if (held[0] != ESCAPE)
		return held[0] == '\n' || held[0] == '\t' || held[0] == '\r' ? HELD_PASS
									     : HELD_CLEAN;
	if (cleaner->size == 1)
		return HELD_PART;
	if (held[1] != '[')
		return HELD_CLEAN;
	at += strspn(held + 2, "0123456789;:");
	if (at < cleaner->size)
		return held[at] == 'm' ? HELD_PASS : HELD_CLEAN;
	return cleaner->size + 1 < sizeof(cleaner->held) ? HELD_PART : HELD_CLEAN;
}

/* Prints the held bytes as far as they are decided. */
static void
held_print(struct cleaner *cleaner, FILE *out)
{
	while (cleaner->size > 0) {
		enum held what = held_look(cleaner);
		size_t taken = cleaner->size;

		if (what == HELD_PART)
			return;
		if (what == HELD_PASS)
			(void)fwrite(cleaner->held, 1, taken, out);
		else
			taken = letter_print(out, cleaner->held, cleaner->size);
		cleaner->size -= taken;
		(void)memmove(cleaner->held, cleaner->held + taken, cleaner->size + 1);
	}
}

bool
cleaner_print(struct cleaner *cleaner, const char *bytes, size_t size, FILE *out)
{
	for (size_t i = 0; i < size; i++) {
		cleaner->held[cleaner->size++] = bytes[i];
		cleaner->held[cleaner->size] = '\0';
		held_print(cleaner, out);
	}
	return fflush(out) == 0 && ferror(out) == 0;
}
